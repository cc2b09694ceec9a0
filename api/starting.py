"""What commands need before they begin, settings and a database, or in words what is wrong."""

import os
import re
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError
from pydantic_settings import SettingsError
from sqlalchemy.exc import SQLAlchemyError

from allocator.validation import names_like
from api.settings import FILE, PREFIX, Settings
from api.store import Store, StoreUnavailable

_MEANT = "sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME"


class RefusedToServe(Exception):  # noqa: N818 - the name says it best
    """The service cannot run like this; the message says why, and what would be right."""


def read_settings(file: Path | None = None, **given: Any) -> Settings:
    """Return the settings: what is given, then the environment, then the file.

    Parameters
    ----------
    file
        Settings as TOML; none: the file that the environment names, if any.
    given
        Settings by name; None: not given.

    Raises
    ------
    RefusedToServe
        With everything that is wrong with them.
    """
    if file is not None:
        os.environ[FILE] = str(file)
    named = os.environ.get(FILE)
    if named is not None and not Path(named).is_file():
        raise RefusedToServe(f"there is no file of settings {named}; give one as TOML")
    _warn_of_strangers()
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise RefusedToServe("\n".join(map(_told, error.errors(include_url=False)))) from error
    except SettingsError as error:  # a list in the environment that is not JSON
        name = re.search(r'"(\w+)"', str(error))
        variable = "a setting" if name is None else f"ALLOCATOR_{name[1].upper()}"
        message = f'{variable} is not JSON; give a list such as ["https://example.org"]'
        raise RefusedToServe(message) from error
    except (OSError, ValueError) as error:
        message = f"the file of settings {named} is not TOML in UTF-8: {error}"
        raise RefusedToServe(message) from error


def _warn_of_strangers() -> None:
    """Say which variables look like settings and are none: a misspelt one would do nothing."""
    known = [FILE, *(f"{PREFIX}{name.upper()}" for name in Settings.model_fields)]
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            message = f"warning: {name} in the environment is no setting; {names_like(name, known)}"
            typer.echo(message, err=True)


def _told(detail: Any) -> str:
    name = ".".join(map(str, detail["loc"]))
    if detail["type"] == "extra_forbidden":
        return f"there is no setting {name}; there are {', '.join(sorted(Settings.model_fields))}"
    message = detail["msg"].removeprefix("Input ").removeprefix("Value error, ")
    value = _without_password(str(detail["input"]))
    said = f"setting {name}: {message[:1].lower()}{message[1:]}, not {value!r}"
    field = Settings.model_fields.get(str(detail["loc"][0]))
    return said if field is None else f"{said}. {' '.join(str(field.description).split())}"


def opened(url: str) -> Store:
    """Return the database with its tables, made or brought up to date where they are not.

    Raises
    ------
    RefusedToServe
        If there is no such database, or it is that of another version.
    """
    shown = _without_password(url)
    try:
        store = Store(url)
    except OSError as error:
        raise RefusedToServe(
            f"cannot make the database {shown}: {error}; make it, or give another --database"
        ) from error
    except (SQLAlchemyError, ValueError) as error:
        message = f"{shown} is no address of a database; give {_MEANT}"
        raise RefusedToServe(message) from error
    try:
        store.migrate()
    except StoreUnavailable as error:
        store.close()
        raise RefusedToServe(
            f"the database {shown} does not answer: {_cause(error)}; start it, or give another "
            f"one as --database {_MEANT}"
        ) from error
    except Exception as error:  # whatever the driver or a migration says of what is there
        store.close()
        raise RefusedToServe(
            f"{shown} is no database of this version of the service: {_cause(error)}; give "
            "another one with --database, or run the version that made it"
        ) from error
    return store


def _without_password(url: str) -> str:
    return re.sub(r"(://[^:@/]*):[^@]*@", r"\1:***@", url)


def _cause(error: BaseException) -> str:
    """Return what the driver said, on one line."""
    inner = error.__cause__ or error
    inner = getattr(inner, "orig", None) or inner
    return " ".join(str(inner).split()).rstrip(".?") or repr(inner)
