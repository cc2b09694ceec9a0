"""Read an instance from a folder, and say everything that is wrong with it at once."""

import csv
import io
from pathlib import Path

import pandas as pd

from allocator.datapackage import (
    PACKAGE,
    check_resources,
    head,
    read_package,
    stray_files,
    wrong_encoding,
)
from allocator.errors import InvalidInstance
from allocator.packaged import packaged
from models.checks import check_tables
from models.columns import TABLES, ColumnType, Table
from models.instance import Instance
from models.problems import Problem, errors
from models.tables import Tables, empty, typed


def load(source: str | Path) -> Instance:
    """Read an instance.

    Parameters
    ----------
    source
        A folder, or the name of a packaged instance (``norway-2024``).

    Raises
    ------
    InvalidInstance
        With every problem found.
    """
    instance, problems = read(source)
    if instance is None:
        raise InvalidInstance(f"instance {source}", errors(problems))
    return instance


def folder_of(source: str | Path) -> Path:
    """Return the folder meant by a path or by the name of a packaged instance."""
    folder = Path(source)
    return folder if folder.is_dir() else packaged().get(str(source), folder)


def read(source: str | Path) -> tuple[Instance | None, list[Problem]]:
    """Read an instance and everything that can be said of it, warnings too.

    Only ``datapackage.json`` and the tables by their own names are read, whatever the
    package says of paths.

    Returns
    -------
    instance
        None when there are errors.
    problems
        Errors and warnings.
    """
    folder = folder_of(source)
    if not folder.is_dir():
        expected = f"give a folder with {PACKAGE}, or one of: {', '.join(packaged())}"
        message = "there is no such folder and no such packaged instance"
        return None, [Problem(message, expected, value=str(source))]
    problems: list[Problem] = []
    about = read_package(folder, problems)
    frames = _read_tables(folder, problems)
    problems += stray_files(folder)
    top = None
    if about is not None:
        check_resources(folder, about, problems)
        top = head(about, problems)
    if top is None or errors(problems):
        # What does not rest on the figures can still be said.
        problems += check_tables(frames, None, None)
        return None, problems
    problems += check_tables(frames, top.target, top.budget)
    if errors(problems):
        return None, problems
    fields = {name: getattr(top, name) for name in Instance.model_fields if name != "tables"}
    return Instance(**fields, tables=Tables(frames)), problems


def read_csv(path: Path, name: str, problems: list[Problem]) -> pd.DataFrame | None:
    """Read the cells of a CSV file as text, or None when it is no rectangle of cells.

    Parameters
    ----------
    path
        UTF-8 file with a header row; a byte order mark is tolerated.
    name
        Name of the table in problems.
    problems
        Takes everything that is wrong.
    """
    try:
        content = path.read_bytes().decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(content, newline=""), strict=True))
    except OSError as error:
        problems.append(Problem(f"cannot be read: {error.strerror}", "give a CSV file", path.name))
        return None
    except UnicodeDecodeError as error:
        problems.append(wrong_encoding(path.name, error))
        return None
    except csv.Error as error:
        problems.append(Problem(f"not CSV: {error}", "mend the file", name))
        return None
    while rows and not rows[-1]:
        rows.pop()
    if not rows:
        problems.append(Problem("the file is empty", "give a header row", name))
        return None
    header, body = [cell.strip() for cell in rows[0]], rows[1:]
    wrong = [
        Problem("the column is there twice", "keep one", name, column=column)
        for column in sorted({column for column in header if header.count(column) > 1})
    ]
    wrong += [
        Problem(
            f"the row has {len(row)} cells",
            f"give {len(header)}, as in the header (decimals with a dot)",
            name,
            row=number,
        )
        for number, row in enumerate(body, start=1)
        if len(row) != len(header)
    ]
    problems += wrong
    return None if wrong else pd.DataFrame(body, columns=header, dtype="str")


def _read_tables(folder: Path, problems: list[Problem]) -> dict[str, pd.DataFrame]:
    """Return the typed tables that can be read and have all their columns."""
    frames = {}
    for table in TABLES.values():
        text, parquet = folder / f"{table.name}.csv", folder / f"{table.name}.parquet"
        if text.exists() and parquet.exists():
            problems.append(
                Problem("there as CSV and as Parquet", "keep one of the two", table.name)
            )
            continue
        if not text.exists() and not parquet.exists():
            if table.optional:
                frames[table.name] = empty(table)
            else:
                problems.append(
                    Problem("the table is missing", f"add {table.name}.csv", table.name)
                )
            continue
        if text.exists():
            cells = read_csv(text, table.name, problems)
        else:
            cells = _read_parquet(parquet, table, problems)
        if cells is None:
            continue
        frame, found = typed(table, cells)
        problems += found
        if all(column.name in frame.columns for column in table.columns):
            frames[table.name] = frame
    return frames


def _read_parquet(path: Path, table: Table, problems: list[Problem]) -> pd.DataFrame | None:
    try:
        # An open file, so that a folder or a file elsewhere is never read in its place.
        with path.open("rb") as file:
            frame = pd.read_parquet(file)
    except (OSError, ValueError, NotImplementedError) as error:
        problems.append(Problem(f"cannot be read: {error}", "give a Parquet file", table.name))
        return None
    frame = frame.reset_index(drop=True)
    wrong = [
        Problem(
            f"the column holds {frame[column.name].dtype}, not text",
            "write ids as text: 0301 is not the number 301",
            table.name,
            column=column.name,
        )
        for column in table.columns
        if column.type is ColumnType.ID
        and column.name in frame.columns
        and pd.api.types.is_numeric_dtype(frame[column.name])
        and frame[column.name].notna().any()
    ]
    wrong += [
        Problem("the column holds lists", "give one value a cell", table.name, column=str(name))
        for name in frame.columns
        if frame[name].map(pd.api.types.is_list_like).any()
    ]
    problems += wrong
    return None if wrong else frame
