"""Write an instance as a Frictionless Data Package: a folder of CSV or Parquet tables."""

import csv
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from allocator.folders import whole_folder
from models.columns import TABLES, Column, ColumnType, Table
from models.instance import Instance

Format = Literal["csv", "parquet"]

_TYPES = {
    ColumnType.ID: "string",
    ColumnType.TEXT: "string",
    ColumnType.NUMBER: "number",
    ColumnType.INTEGER: "integer",
    ColumnType.BOOLEAN: "boolean",
}


def write(
    instance: Instance,
    folder: str | Path,
    *,
    format: Format = "csv",  # noqa: A002 - as pandas calls it
    overwrite: bool = False,
) -> Path:
    """Write `instance` to `folder`, whole or not at all.

    Optional tables without rows are left out. The bytes depend on the content alone.

    Raises
    ------
    FolderExists
        If `folder` exists and `overwrite` is false.
    ValueError
        If `format` is neither ``csv`` nor ``parquet``.
    """
    if format not in get_args(Format):
        raise ValueError(f"tables are written as csv or parquet, not as {format!r}")
    target = Path(folder)
    with whole_folder(target, overwrite=overwrite) as new:
        resources = [
            _write_table(new, TABLES[name], frame, format)
            for name, frame in instance.tables.items()
            if len(frame) or not TABLES[name].optional
        ]
        about = {
            "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
            "name": instance.id,
            **instance.model_dump(mode="json", exclude={"tables"}, exclude_none=True),
            "resources": resources,
        }
        text = json.dumps(about, indent=2, ensure_ascii=False) + "\n"
        (new / "datapackage.json").write_text(text, encoding="utf-8")
    return target


class _Lines(list[str]):
    """Takes what a CSV writer writes, line by line."""

    write = list.append


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Return `frame` as CSV: UTF-8, dot decimals, true/false, blank for missing.

    Numbers are the shortest text that reads back as the same number.
    """
    lines = _Lines()
    # With this line end the writer also quotes a lone carriage return, which would
    # otherwise read back as the end of a row; the files themselves have plain line feeds.
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(frame.columns)
    writer.writerows(zip(*(_cells(frame[name]) for name in frame), strict=True))
    return "".join(f"{line[:-2]}\n" for line in lines).encode()


def _cells(column: "pd.Series[Any]") -> Iterable[str]:
    if isinstance(column.dtype, pd.StringDtype):
        return list(column.fillna("").tolist())
    return map(_cell, column.tolist())


def _cell(value: Any) -> str:
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(float(value))
    return str(value)


def _write_table(folder: Path, table: Table, frame: pd.DataFrame, kind: Format) -> dict[str, Any]:
    path = folder / f"{table.name}.{kind}"
    if kind == "csv":
        path.write_bytes(csv_bytes(frame))
    else:
        frame.to_parquet(path, index=False)
    return {
        "name": table.name,
        "path": path.name,
        "format": kind,
        "encoding": "utf-8",
        "hash": f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}",
        "bytes": path.stat().st_size,
        "description": table.description,
        "schema": _schema(table, frame),
    }


def _schema(table: Table, frame: pd.DataFrame) -> dict[str, Any]:
    known = {column.name: column for column in table.columns}
    fields = [_field(known[name]) if name in known else _extra(frame, name) for name in frame]
    schema: dict[str, Any] = {"fields": fields, "primaryKey": list(table.key)}
    keys = [
        {"fields": [c.name], "reference": {"resource": c.references, "fields": [c.name]}}
        for c in table.columns
        if c.references
    ]
    return schema | ({"foreignKeys": keys} if keys else {})


def _field(column: Column) -> dict[str, Any]:
    field: dict[str, Any] = {"name": column.name, "type": _TYPES[column.type]}
    if column.unit:
        field["unit"] = column.unit
    field["description"] = column.description
    limits: dict[str, Any] = {}
    if column.required:
        limits["required"] = True
    if column.minimum is not None:
        limits["minimum"] = column.minimum
    if column.maximum is not None:
        limits["maximum"] = column.maximum
    if column.choices:
        limits["enum"] = list(column.choices)
    return field | ({"constraints": limits} if limits else {})


def _extra(frame: pd.DataFrame, name: str) -> dict[str, Any]:
    numeric = pd.api.types.is_numeric_dtype(frame[name])
    return {"name": name, "type": "number" if numeric else "string", "description": "Indicator."}
