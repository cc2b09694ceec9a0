"""Run the service until it is told to stop."""

import asyncio
import socket

import typer
import uvicorn

from api.app import create_app
from api.logs import configure
from api.security import is_loopback
from api.settings import Settings
from api.store import Store, keys


class RefusedToServe(Exception):  # noqa: N818 - the name says it best
    """The service would be open to those it should not be open to."""


def refuse_unsafe(settings: Settings) -> None:
    """Refuse to serve whoever asks, unless that was asked for and only this machine can ask.

    Raises
    ------
    RefusedToServe
        If nobody could ask, or everybody.
    """
    if settings.open:
        if not is_loopback(settings.host):
            raise RefusedToServe(
                f"without keys only this machine may ask, and {settings.host} is reached from "
                "others; make keys with `allocator keys-admin create`, or give --host 127.0.0.1"
            )
        return
    store = Store(settings.database)
    store.migrate()
    with store.reading() as connection:
        usable = keys.any_usable(connection)
    store.close()
    if not usable:
        raise RefusedToServe(
            "there are no keys, so that nobody could ask; make one with "
            "`allocator keys-admin create`, or give --open to answer whoever asks on this machine"
        )


class _Server(uvicorn.Server):
    """A server that tells streams to end before it waits for them."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, in order."""
        self._stopping.set()
        await super().shutdown(sockets)


def serve(settings: Settings) -> None:
    """Serve until a signal comes.

    Raises
    ------
    RefusedToServe
        See `refuse_unsafe`.
    """
    configure(settings)
    refuse_unsafe(settings)
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        server_header=False,
        date_header=True,
        lifespan="on",
    )
    server = _Server(config, app.state.stopping)
    server.run()
    if not server.started:
        raise typer.Exit(1)
