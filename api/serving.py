"""Run the service until it is told to stop; refuse, in words, what cannot be served."""

import asyncio
import logging
import os
import socket
import sys

import structlog
import typer
import uvicorn

from allocator.cli.ending import Exit
from api.app import create_app
from api.logs import configure
from api.security import is_loopback
from api.settings import Settings
from api.starting import RefusedToServe, opened
from api.store import keys

_EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - told apart, not listened on


def refuse_unsafe(settings: Settings) -> None:
    """Refuse to serve whoever asks, unless that was asked for and only this machine can ask.

    Raises
    ------
    RefusedToServe
        If nobody could ask, or everybody, or the database is not there.
    """
    if settings.open and not is_loopback(settings.host):
        raise RefusedToServe(
            f"without keys only this machine may ask, and {settings.host} is reached from "
            "others; make keys with `allocator keys-admin create`, or give --host 127.0.0.1"
        )
    store = opened(settings.database)
    try:
        with store.reading() as connection:
            usable = keys.any_usable(connection)
    finally:
        store.close()
    if not usable and not settings.open:
        raise RefusedToServe(
            "there are no keys, so that nobody could ask; make one with "
            "`allocator keys-admin create`, or give --open to answer whoever asks on this machine"
        )


def bound(host: str, port: int) -> socket.socket:
    """Return a socket that has the address; nobody is answered at it yet.

    Raises
    ------
    RefusedToServe
        If the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise RefusedToServe(
            f"{host} is no address ({error.strerror}); give one of this machine, such as "
            "--host 127.0.0.1, or 0.0.0.0 for all of them"
        ) from error
    taken = socket.socket(family, kind, protocol)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(address)
    except OSError as error:
        taken.close()
        raise RefusedToServe(
            f"cannot listen on port {port} of {host}: {error.strerror}; stop what listens there, "
            "or give another --port (0: any free one) or --host"
        ) from error
    return taken


def address_of(taken: socket.socket) -> str:
    """Return the address to open on this machine."""
    host, port = taken.getsockname()[:2]
    if host in _EVERY_ADDRESS:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Says where it answers, and tells streams to end before it waits for them."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer."""
        await super().startup(sockets)
        for taken in sockets or []:
            structlog.get_logger("service").info(f"answering at {address_of(taken)}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, in order."""
        self._stopping.set()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until a signal comes.

    Raises
    ------
    RefusedToServe
        If settings, database or address do not allow it.
    """
    refuse_unsafe(settings)
    with bound(settings.host, settings.port) as taken:
        configure(settings)
        # Where it answers is said by itself, in one line.
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        app = create_app(settings)
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=int(settings.shutdown_seconds),
            server_header=False,
            date_header=True,
            lifespan="on",
        )
        server = _Server(config, app.state.stopping)
        try:
            server.run(sockets=[taken])
        except KeyboardInterrupt:
            pass  # told again after everything was stopped in order, or before there was anything
        else:
            if not server.started:
                raise typer.Exit(1)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(Exit.INTERRUPTED)  # threads of the cluster would hold it up for ten seconds
