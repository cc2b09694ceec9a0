"""How a command ends: exit codes, and errors told without a traceback."""

import errno
import json
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import typer
from typer.core import TyperGroup

from allocator.errors import (
    AllocatorError,
    InstanceMismatch,
    InvalidInput,
    SolverError,
    VerificationError,
)
from allocator.folders import FolderExists


class Exit(IntEnum):
    """What the exit code says."""

    DONE = 0
    ERROR = 1
    USAGE = 2
    INVALID = 3
    NOTHING_FOUND = 4
    SOLVER = 5
    SHORTFALL = 6
    INTERRUPTED = 130


_CODES: tuple[tuple[type[AllocatorError], Exit], ...] = (
    (InvalidInput, Exit.INVALID),
    (InstanceMismatch, Exit.INVALID),
    (FolderExists, Exit.USAGE),
    (SolverError, Exit.SOLVER),
    (VerificationError, Exit.SOLVER),
)


class Commands(TyperGroup):
    """The commands, with every error of this package turned into a message and a code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Remember what was given, to tell values that are refused."""
        ctx.meta[GIVEN] = list(args)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command asked for."""
        try:
            return super().invoke(ctx)
        except typer.BadParameter as error:
            error.message = _with_value(error, ctx.meta[GIVEN])
            raise
        except AllocatorError as error:
            _tell(error, as_json=bool(ctx.meta.get(AS_JSON)))
            code = next((code for kind, code in _CODES if isinstance(error, kind)), Exit.ERROR)
            raise typer.Exit(code) from error
        except KeyboardInterrupt:
            typer.echo("interrupted", err=True)
            raise typer.Exit(Exit.INTERRUPTED) from None
        except OSError as error:
            if error.errno == errno.EPIPE:  # the reader went away: `allocator … | head`
                raise
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(Exit.ERROR) from error


def _with_value(error: typer.BadParameter, given: Sequence[str]) -> str:
    """Say which value of an option is wrong, which the message does not where a type refuses it."""
    from allocator.validation import sentence  # pydantic takes a while to import

    message = sentence(error.message)
    names = () if error.param is None else (*error.param.opts, *error.param.secondary_opts)
    for i, word in enumerate(given):
        name, sign, value = word.partition("=")
        if name in names and name.startswith("-"):
            value = value if sign else "".join(given[i + 1 : i + 2])
            return f"{value!r}: {message}"
    return message


AS_JSON = "allocator.as_json"
"""Under this name the context remembers that machines will read the answer."""
GIVEN = "allocator.given"
"""And under this one all words of the command."""


def _tell(error: AllocatorError, *, as_json: bool) -> None:
    typer.echo(f"error: {error}", err=True)
    if as_json:
        answer: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
        if isinstance(error, InvalidInput):
            answer["problems"] = [problem.as_dict() for problem in error.problems]
        if isinstance(error, VerificationError):
            answer["violations"] = [str(violation) for violation in error.violations]
        typer.echo(json.dumps(answer, ensure_ascii=False))
