"""Run the service until it is told to stop."""

import typer
import uvicorn

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


def serve(settings: Settings) -> None:
    """Serve until a signal comes.

    Raises
    ------
    RefusedToServe
        See `refuse_unsafe`.
    """
    configure(settings)
    refuse_unsafe(settings)
    from api.app import create_app  # takes a while, and is not needed to refuse

    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=int(settings.shutdown_seconds),
        server_header=False,
        date_header=True,
        lifespan="on",
    )
    server = uvicorn.Server(config)
    server.run()
    if not server.started:
        raise typer.Exit(1)
