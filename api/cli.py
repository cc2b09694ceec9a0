"""Commands of the service: ``allocator serve``, ``allocator keys-admin``."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from api.settings import Settings

DatabaseOption = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="sqlite:///FILE or postgresql+psycopg://…"),
]
keys_app = typer.Typer(
    no_args_is_help=True, help="Make, list and revoke the keys that open the service."
)


def commands(app: typer.Typer) -> None:
    """Add the commands of the service to the command line."""
    app.command("serve")(serve_command)
    app.add_typer(keys_app, name="keys-admin")


def serve_command(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port; 0: any free one.")] = None,
    database: DatabaseOption = None,
    scheduler: Annotated[
        str | None,
        typer.Option("--scheduler", metavar="ADDRESS", help="Dask scheduler; none: its own."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", metavar="N", min=1, help="Runs computed at once.")
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Answer whoever asks on this machine, without keys.")
    ] = False,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", exists=True, help="Settings as TOML."),
    ] = None,
) -> None:
    """Serve runs, sensitivity and the answers of municipalities over HTTP.

    Every setting can also be given as ALLOCATOR_NAME in the environment, or in a TOML file.

    \b
    Examples:
      allocator serve --open
      allocator keys-admin create --role planner --name "Ministry" && allocator serve
      allocator serve --database postgresql+psycopg://allocator@db/allocator \\
        --scheduler tcp://scheduler:8786 --host 0.0.0.0
    """  # noqa: D301  # \b keeps the examples on lines of their own
    given = {
        "host": host,
        "port": port,
        "database": database,
        "scheduler": scheduler,
        "workers": workers,
        "open": open_ or None,
    }
    serving(config, given)


@keys_app.command("create")
def create_command(
    role: Annotated[
        str, typer.Option("--role", help="planner, municipality, researcher or admin.")
    ],
    name: Annotated[str, typer.Option("--name", help="Who has the key, for people.")] = "",
    municipality: Annotated[
        str | None,
        typer.Option("--municipality", metavar="ID", help="The only one that the key is for."),
    ] = None,
    days: Annotated[
        int | None, typer.Option("--days", metavar="N", min=1, help="Days until it expires.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Make a key and show it, once.

    \b
    Examples:
      allocator keys-admin create --role planner --name "Ministry"
      allocator keys-admin create --role municipality --municipality 0301 --days 365
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from api.security import Role
    from api.store import keys
    from api.store.tables import now

    if role not in list(Role):
        raise typer.BadParameter(
            f"there are {', '.join(Role)}, not {role!r}", param_hint="'--role'"
        )
    if (role == Role.MUNICIPALITY) != (municipality is not None):
        message = "a key of a municipality names it, and no other does"
        raise typer.BadParameter(message, param_hint="'--municipality'")
    for option, text, most in (("--name", name, 200), ("--municipality", municipality, 100)):
        if len(text or "") > most:
            message = f"longer than {most} characters ({len(text or '')})"
            raise typer.BadParameter(message, param_hint=f"'{option}'")
    expires = None if days is None else now() + dt.timedelta(days=days)
    with _store(database) as store, store.writing() as connection:
        key_id, secret = keys.make(
            connection,
            name=name or role,
            role=role,
            municipality_id=municipality,
            expires_at=expires,
        )
    typer.echo(f"made {key_id}; the key is shown this once:", err=True)
    typer.echo(secret)


@keys_app.command("list")
def list_command(database: DatabaseOption = None) -> None:
    """List keys: who has them, until when; never the keys themselves."""
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from api.store import keys

    with _store(database) as store, store.reading() as connection:
        rows = keys.listed(connection)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for title in ("id", "role", "municipality", "name", "made", "expires", "revoked"):
        table.add_column(title, no_wrap=True)
    for row in rows:
        moments = (row["created_at"], row["expires_at"], row["revoked_at"])
        table.add_row(
            row["id"],
            row["role"],
            row["municipality_id"] or "",
            row["name"],
            *("" if moment is None else f"{moment:%Y-%m-%d %H:%M}" for moment in moments),
        )
    Console().print(table)


@keys_app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    database: DatabaseOption = None,
) -> None:
    """Take a key back; services notice within five seconds."""
    from api.store import keys

    with _store(database) as store, store.writing() as connection:
        revoked = keys.revoke(connection, key_id)
    if not revoked:
        typer.echo(f"error: there is no key {key_id} that could be revoked", err=True)
        raise typer.Exit(2)
    typer.echo(f"revoked {key_id}", err=True)


def serving(config: Path | None, given: dict[str, Any]) -> None:
    """Serve with the settings given, and with others from the environment and a file."""
    settings = _settings(config, given)
    from api.serving import RefusedToServe, serve
    from api.store import StoreUnavailable

    try:
        serve(settings)
    except RefusedToServe as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except StoreUnavailable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


def _settings(config: Path | None, given: dict[str, Any]) -> "Settings":
    import os

    from pydantic import ValidationError

    from api.settings import FILE, Settings, UnreadableFile

    if config is not None:
        os.environ[FILE] = str(config)
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except UnreadableFile as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            where = ".".join(map(str, detail["loc"]))
            typer.echo(f"error: setting {where}: {_wrong(detail)}", err=True)
        raise typer.Exit(2) from error


def _wrong(detail: Any) -> str:
    """Say what is wrong with a setting, and its value."""
    if detail["type"] == "extra_forbidden":
        from api.settings import Settings

        return f"nobody knows it; there are {', '.join(Settings.model_fields)}"
    said: str = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    if detail["loc"] == ("database",):  # its address may hold a password
        return said
    return f"{said}, not {str(detail['input'])[:80]!r}"


@contextmanager
def _store(url: str | None) -> Iterator[Any]:
    """Give the database, with its tables made where there are none."""
    from api.store import Store, StoreUnavailable

    store = Store(_settings(None, {"database": url}).database)
    try:
        store.migrate()
        yield store
    except StoreUnavailable as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error
    finally:
        store.close()
