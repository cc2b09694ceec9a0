"""Outcomes kept in a file as they come, one JSON object a line, so that none is solved twice."""

import json
from pathlib import Path

from pydantic import ValidationError

from allocator.errors import InvalidInput
from allocator.sensitivity.types import Outcome, State
from models.problems import Problem


class Journal:
    """A file of outcomes.

    Parameters
    ----------
    path
        The file; it need not be there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def read(self) -> dict[str, Outcome]:
        """Return the answers kept so far, by key; of the same key the last.

        What failed is not among them, so that it is tried again. A last line without an end
        was being written when the writer died; it is cut off.

        Raises
        ------
        InvalidInput
            With every line that is no outcome.
        """
        if not self.path.exists():
            return {}
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        found: dict[str, Outcome] = {}
        problems = []
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                outcome = _read(line)
            except (ValueError, ValidationError) as error:
                problems.append(_wrong(self.path, number, line, error))
            else:
                if outcome.state is State.SOLVED:
                    found[outcome.key] = outcome
        if problems:
            raise InvalidInput(f"results {self.path}", problems)
        if len(whole) < len(content):
            with self.path.open("r+b") as file:
                file.truncate(len(whole))
        return found

    def append(self, name: str, outcome: Outcome) -> None:
        """Add the outcome of the case called `name`."""
        line = json.dumps(
            {"name": name, **outcome.model_dump(mode="json")}, ensure_ascii=False, allow_nan=False
        )
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            file.write(f"{line}\n".encode())


def _read(line: bytes) -> Outcome:
    about = json.loads(line)
    if not isinstance(about, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - what is wrong is the file
    about.pop("name", None)
    return Outcome.model_validate(about)


def _wrong(path: Path, number: int, line: bytes, error: Exception) -> Problem:
    message = "the line is no result of a case"
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        message += f" ({'.'.join(map(str, first['loc']))}: {first['msg']})"
    return Problem(
        message,
        "take the line out, or give another file to keep results in",
        path.name,
        number,
        value=line[:80].decode(errors="replace"),
    )
