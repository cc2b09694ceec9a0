"""Archives that are sent: read within limits, and never out of their folder.

Tables are taken as CSV alone: how far Parquet expands is known only once it has.
"""

import csv
import io
import json
import lzma
import math
import struct
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from allocator.datapackage import PACKAGE
from allocator.loading import read
from allocator.writing import write
from api.execution.cells import declared, formulas
from models.columns import TABLES, ColumnType
from models.instance import Instance
from models.problems import Problem

_CHUNK = 1 << 20
_LISTED = b"PK\x01\x02"
"""Every file of a zip has an entry in its list that begins like this."""
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    EOFError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What reading a broken zip raises."""
_SYMLINK = 0o120000
_PLACES = frozenset("\\:\0")
"""Characters that lead to other places on some systems."""
_ABOUT = "about"
_STAMP = (1980, 1, 1, 0, 0, 0)
"""Time of every file in an archive that is written: the bytes depend on the content alone."""


@dataclass(frozen=True)
class Limits:
    """How large an archive may be: files, bytes of all of them expanded, cells of all tables."""

    members: int
    expanded: int
    cells: int


def read_archive(content: bytes, limits: Limits) -> tuple[Instance | None, list[Problem]]:
    """Read an instance from a zip of its folder, as `allocator.loading.read` reads the folder.

    The files may lie at the top or in one folder.
    """
    problems: list[Problem] = []
    with tempfile.TemporaryDirectory(prefix="allocator-") as name:
        folder = Path(name)
        _expand(content, folder, limits, problems)
        return (None, problems) if problems else _read_sent(folder, limits)


def read_tables(body: Any, limits: Limits) -> tuple[Instance | None, list[Problem]]:
    """Read an instance from JSON: `about` as in datapackage.json, `tables` with lists of rows."""
    problems: list[Problem] = []
    with tempfile.TemporaryDirectory(prefix="allocator-") as name:
        folder = Path(name)
        _lay_out(body, folder, limits, problems)
        return (None, problems) if problems else _read_sent(folder, limits)


def _read_sent(folder: Path, limits: Limits) -> tuple[Instance | None, list[Problem]]:
    """Read what strangers sent: also refuse what a spreadsheet would take for formulas."""
    refused = [*declared(folder, limits.cells, limits.expanded), *formulas(folder)]
    instance, problems = read(folder)
    return (None if refused else instance), [*refused, *problems]


def packed(instance: Instance) -> bytes:
    """Return an instance as a zip of its folder."""
    with tempfile.TemporaryDirectory(prefix="allocator-") as name:
        folder = write(instance, Path(name) / "instance")
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.iterdir()):
                archive.writestr(zipfile.ZipInfo(path.name, _STAMP), path.read_bytes(), 8)
        return buffer.getvalue()


def unpacked(package: bytes) -> Instance:
    """Return the instance in a zip that `packed` wrote.

    Raises
    ------
    ValueError
        If it cannot be read any more.
    """
    problems: list[Problem] = []
    with tempfile.TemporaryDirectory(prefix="allocator-") as name:
        _expand(package, Path(name), Limits(len(TABLES) + 1, 1 << 40, 1 << 40), problems)
        instance, found = read(name)
    if instance is None:
        raise ValueError("\n".join(map(str, [*problems, *found])))
    return instance


def content_of(instance: Instance) -> dict[str, Any]:
    """Return an instance as the JSON that `read_tables` reads."""
    tables = {
        name: frame.astype("object").where(frame.notna(), None).to_dict("records")
        for name, frame in instance.tables.items()
        if len(frame) or not TABLES[name].optional
    }
    about = instance.model_dump(mode="json", exclude={"tables"}, exclude_none=True)
    return {"about": about, "tables": tables}


def _expand(content: bytes, folder: Path, limits: Limits, problems: list[Problem]) -> None:
    """Write the files of a zip into `folder`, or say everything that is wrong with it."""
    # Counted before the list is read, which takes much more memory than it has bytes.
    listed = content.count(_LISTED)
    if listed > limits.members:
        expected = f"at most {limits.members} are read"
        problems.append(Problem("too many files", expected, "archive", value=str(listed)))
        return
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except _UNREADABLE as error:
        problems.append(Problem(f"not a zip: {error}", "send a zip of the folder", "archive"))
        return
    with archive:
        members = [one for one in archive.infolist() if not one.is_dir()]
        if not members:
            problems.append(Problem("the zip is empty", "send a zip of the folder", "archive"))
        problems += _wrong_names(members)
        stated = sum(one.file_size for one in members)
        if stated > limits.expanded:
            problems.append(_too_much(limits, stated))
        if not problems:
            _write_members(archive, members, folder, limits, problems)


def _wrong_names(members: list[zipfile.ZipInfo]) -> list[Problem]:
    found, seen = [], dict[str, str]()
    folders = {str(PurePosixPath(one.filename).parent) for one in members}
    for one in members:
        path = PurePosixPath(one.filename)
        shown = one.filename[:80]
        if path.is_absolute() or ".." in path.parts or _PLACES & set(one.filename):
            message = "the file would leave its folder"
            found.append(Problem(message, "name files without a path", "archive", value=shown))
        elif (one.external_attr >> 16) & 0o170000 == _SYMLINK:
            message = "a link is no file"
            found.append(Problem(message, "send the file itself", "archive", value=shown))
        elif one.flag_bits & 0x1:
            message = "the file is encrypted"
            found.append(Problem(message, "send it without a password", "archive", value=shown))
        elif path.name != PACKAGE and path.suffix.lower() != ".csv":
            expected = f"send {PACKAGE} and tables as CSV"
            found.append(Problem("nobody reads this file", expected, "archive", value=shown))
        elif path.name.lower() in seen:
            message = f"the file is there twice ({seen[path.name.lower()]})"
            found.append(Problem(message, "send it once", "archive", value=shown))
        seen.setdefault(path.name.lower(), shown)
    if len(folders) > 1 and not found:
        listed = ", ".join(sorted(folders))[:80]
        message = "the files lie in several folders"
        found.append(Problem(message, "put all of them into one", "archive", value=listed))
    return found


def _write_members(
    archive: zipfile.ZipFile,
    members: list[zipfile.ZipInfo],
    folder: Path,
    limits: Limits,
    problems: list[Problem],
) -> None:
    """Write what members really hold, whatever their size is said to be."""
    left, cells = limits.expanded, limits.cells
    for one in members:
        name = PurePosixPath(one.filename).name
        try:
            with archive.open(one) as source, (folder / name).open("wb") as target:
                while chunk := source.read(_CHUNK):
                    left -= len(chunk)
                    cells -= chunk.count(b",") + chunk.count(b"\n")
                    if left < 0 or cells < 0:
                        problems.append(
                            _too_much(limits, None) if left < 0 else _too_many_cells(limits)
                        )
                        return
                    target.write(chunk)
        except _UNREADABLE as error:
            message = f"cannot be read: {error}"
            problems.append(Problem(message, "send a sound zip", "archive", value=name[:80]))


def _too_much(limits: Limits, stated: int | None) -> Problem:
    most = limits.expanded // (1 << 20)
    value = None if stated is None else str(stated)
    message = "expanded, the archive is too large"
    return Problem(message, f"at most {most} MiB are read", "archive", value=value)


def _too_many_cells(limits: Limits) -> Problem:
    return Problem("there are too many cells", f"at most {limits.cells:,} are read", "archive")


def _lay_out(body: Any, folder: Path, limits: Limits, problems: list[Problem]) -> None:
    """Write an instance that was sent as JSON into `folder`, cells as they were sent."""
    if not isinstance(body, dict) or not isinstance(body.get(_ABOUT), dict):
        expected = f'send {{"{_ABOUT}": {{"id": …}}, "tables": {{"municipalities": [ … ]}}}}'
        problems.append(Problem("the instance is no object with its fields", expected, "body"))
        return
    problems += [
        Problem("nobody knows this field", f"there are {_ABOUT} and tables", "body", column=name)
        for name in sorted(set(body) - {_ABOUT, "tables"})
    ]
    tables = body.get("tables", {})
    if not isinstance(tables, dict):
        problems.append(Problem("is no object", "give rows by table", "body", column="tables"))
        return
    unknown = sorted(set(map(str, tables)) - set(TABLES))
    expected = f"the tables are {', '.join(TABLES)}"
    problems += [Problem("no table has this name", expected, "body", column=n) for n in unknown]
    if problems:
        return
    about = {name: value for name, value in body[_ABOUT].items() if name != "resources"}
    text = json.dumps(about, ensure_ascii=False)
    (folder / PACKAGE).write_text(text, encoding="utf-8")
    left = limits.cells
    for name, rows in tables.items():
        left -= _size(rows)
        if left < 0:
            problems.append(_too_many_cells(limits))
            return
        cells = _cells(name, rows, problems)
        (folder / f"{name}.csv").write_text(cells, encoding="utf-8", newline="")
    if sum(path.stat().st_size for path in folder.iterdir()) > limits.expanded:
        problems.append(_too_much(limits, None))


def _size(rows: Any) -> int:
    """Return how many cells a table of these rows has; rows may all have other columns."""
    if not isinstance(rows, list):
        return 0
    return len(rows) * len({name for row in rows if isinstance(row, dict) for name in row})


def _cells(name: str, rows: Any, problems: list[Problem]) -> str:
    """Return rows as CSV, with every column that a row has; without rows, those that must be."""
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        problems.append(Problem("is no list of objects", "give one object a row", name))
        return ""
    columns = list(dict.fromkeys(str(column) for row in rows for column in row))
    if not rows:
        columns = [column.name for column in TABLES[name].columns if column.required]
    ids = {column.name for column in TABLES[name].columns if column.type is ColumnType.ID}
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for number, row in enumerate(rows, start=1):
        cells = []
        for column in columns:
            cell = row.get(column)
            wrong = _wrong_cell(cell, is_id=column in ids)
            if wrong is not None:
                problems.append(Problem(*wrong, name, number, column, str(cell)[:80]))
            cells.append(_text(cell))
        writer.writerow(cells)
    return buffer.getvalue()


def _wrong_cell(cell: Any, *, is_id: bool) -> tuple[str, str] | None:
    if isinstance(cell, list | dict):
        return "the cell holds more than one value", "give one value a cell"
    if is_id and isinstance(cell, int | float):
        return "an id is no number", 'write ids as text: "0301" is not the number 301'
    if isinstance(cell, float) and not math.isfinite(cell):
        return "this is no number", "give a number, or null for none"
    return None


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return repr(cell) if isinstance(cell, float) else str(cell)
