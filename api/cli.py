"""Commands of the service: ``allocator serve``, ``allocator keys-admin``."""

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from allocator.cli.options import JsonOption
from allocator.cli.printing import print_parts, printer
from models.views import Grid

if TYPE_CHECKING:
    from api.store import Store

DatabaseOption = Annotated[
    str | None,
    typer.Option(
        "--database",
        metavar="URL",
        help="sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME; "
        "default: sqlite:///allocator-service.db",
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="Settings as TOML.")
]
keys_app = typer.Typer(no_args_is_help=True, rich_markup_mode="rich", add_completion=False)


@keys_app.callback()
def _keys_admin() -> None:
    """Make, list and revoke the keys that open the service.

    A key is shown once, when it is made; the database holds what proves it.
    Requests carry it as "Authorization: Bearer KEY". Its role says what it
    allows: planner (instances, runs, proposals and answers), researcher
    (instances and runs), municipality (proposals, its own number and its
    own answers), admin (everything).

    \b
    Examples:
      allocator keys-admin create --role planner --name Ministry
      allocator keys-admin create --role municipality \\
        --municipality 0301 --days 365
      allocator keys-admin list
      allocator keys-admin revoke key_00659a1e5a5ab0003b6c8d21
    """  # noqa: D301  # \b keeps the examples on lines of their own


def commands(app: typer.Typer) -> None:
    """Add the commands of the service to the command line."""
    app.command("serve")(serve_command)
    app.add_typer(keys_app, name="keys-admin")


def serve_command(
    host: Annotated[
        str | None, typer.Option("--host", help="Address to listen on; default: 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="Port; 0: any free one; default: 8000.")
    ] = None,
    database: DatabaseOption = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler",
            metavar="ADDRESS",
            help="Dask scheduler, such as tcp://HOST:8786; default: a cluster of its own.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            "--workers",
            metavar="N",
            min=1,
            help="Runs that its own cluster computes at once; default: one a processor.",
        ),
    ] = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Answer whoever asks on this machine, without keys.")
    ] = False,
    config: ConfigOption = None,
) -> None:
    """Serve runs, sensitivity and the answers of municipalities over HTTP.

    Every setting can also be given as ALLOCATOR_NAME in the environment, or
    in a TOML file; there are more than there are options. What is given
    here comes first, then the environment, then the file.

    \b
    Examples:
      allocator serve --open
      allocator keys-admin create --role planner --name Ministry
      allocator serve --host 0.0.0.0 --port 80
      allocator serve --config service.toml
      allocator serve --scheduler tcp://scheduler:8786 \\
        --database postgresql+psycopg://allocator@db/allocator
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from api.starting import RefusedToServe, read_settings

    try:
        settings = read_settings(
            config,
            host=host,
            port=port,
            database=database,
            scheduler=scheduler,
            workers=workers,
            open=open_ or None,
        )
        from api.serving import serve

        serve(settings)
    except RefusedToServe as error:
        _refuse(error)


@keys_app.command("create")
def create_command(
    role: Annotated[
        str, typer.Option("--role", help="planner, municipality, researcher or admin.")
    ],
    name: Annotated[str, typer.Option("--name", help="Who has the key, for people.")] = "",
    municipality: Annotated[
        str | None,
        typer.Option(
            "--municipality",
            metavar="ID",
            help="The only one that the key is for, leading zeros included.",
        ),
    ] = None,
    days: Annotated[
        int | None,
        typer.Option("--days", metavar="N", min=1, max=36_500, help="Days until it expires."),
    ] = None,
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Make a key and show it, once.

    \b
    Examples:
      allocator keys-admin create --role planner --name Ministry
      allocator keys-admin create --role municipality \\
        --municipality 0301 --days 365
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
        if text is not None and len(text) > most:
            message = f"give at most {most} characters, not {len(text)}"
            raise typer.BadParameter(message, param_hint=f"'{option}'")
    expires = None if days is None else now() + dt.timedelta(days=days)
    with _store(config, database) as store, store.writing() as connection:
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
def list_command(
    database: DatabaseOption = None, config: ConfigOption = None, json_: JsonOption = False
) -> None:
    """List keys: who has them, until when; never the keys themselves.

    \b
    Examples:
      allocator keys-admin list --database sqlite:///build/service.db
      allocator keys-admin list --json
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from api.store import keys

    with _store(config, database) as store, store.reading() as connection:
        rows = keys.listed(connection)
    if json_:
        shown = [{name: _plain(row[name]) for name in _LISTED} for row in rows]
        typer.echo(json.dumps(shown, ensure_ascii=False))
        return
    cells = tuple(
        (
            row["id"],
            " ".join(filter(None, (row["role"], row["municipality_id"]))),
            row["name"],
            _day(row["expires_at"]),
            _day(row["revoked_at"]),
        )
        for row in rows
    )
    headings = ("id", "role", "name", "expires", "revoked")
    # An id has one line, so that it can be copied; the others may take several.
    print_parts([Grid(headings, cells, prose=(1, 2, 3, 4))], printer())


_LISTED = ("id", "role", "municipality_id", "name", "created_at", "expires_at", "revoked_at")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, dt.datetime) else value


def _day(moment: dt.datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%d}"


@keys_app.command("revoke")
def revoke_command(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    database: DatabaseOption = None,
    config: ConfigOption = None,
) -> None:
    """Take a key back; services notice within five seconds.

    \b
    Example:
      allocator keys-admin revoke key_00659a1e5a5ab0003b6c8d21
    """  # noqa: D301  # \b keeps the examples on lines of their own
    from api.store import keys

    with _store(config, database) as store, store.writing() as connection:
        revoked = keys.revoke(connection, key_id)
    if not revoked:
        message = "there is no such key, or it was revoked before; `keys-admin list` shows all"
        typer.echo(f"error: {key_id}: {message}", err=True)
        raise typer.Exit(2)
    typer.echo(f"revoked {key_id}", err=True)


@contextmanager
def _store(config: Path | None, url: str | None) -> "Iterator[Store]":
    """Give the database, with its tables made where there are none."""
    from api.starting import RefusedToServe, opened, read_settings
    from api.store import StoreUnavailable

    try:
        store = opened(read_settings(config, database=url).database)
    except RefusedToServe as error:
        _refuse(error)
    try:
        yield store
    except StoreUnavailable as error:
        _refuse(error)
    finally:
        store.close()


def _refuse(error: Exception) -> NoReturn:
    for line in str(error).splitlines():
        typer.echo(f"error: {line}", err=True)
    raise typer.Exit(2) from error
