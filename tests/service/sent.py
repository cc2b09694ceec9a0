"""Archives and bodies to send: sound ones, and ones with something wrong with them."""

import csv
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from allocator.packaged import packaged

TINY = sorted(name for name in packaged() if name.startswith("tiny"))
Files = dict[str, bytes]


def files_of(name: str = "tiny-measures") -> Files:
    return {path.name: path.read_bytes() for path in sorted(packaged()[name].iterdir())}


def zipped(files: Files, *, folder: str = "", method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(folder + name, content)
    return buffer.getvalue()


def changed(name: str, old: str, new: str, *, of: str = "tiny-measures") -> Files:
    """Return the files of an instance, with `old` in one of them replaced, which must be there."""
    files = files_of(of)
    text = files[name].decode()
    assert old in text, text
    return files | {name: text.replace(old, new, 1).encode()}


def with_member(info: zipfile.ZipInfo | str, content: bytes = b"x") -> bytes:
    """Return a sound archive with one more member."""
    buffer = io.BytesIO(zipped(files_of()))
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, content)
    return buffer.getvalue()


def with_link(target: str = "/etc/passwd") -> bytes:
    info = zipfile.ZipInfo("outcomes.csv")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return with_member(info, target.encode())


def encrypted() -> bytes:
    """Return an archive whose last member says that it is encrypted."""
    content = bytearray(with_member("outcomes.csv"))
    local, central = content.rindex(b"PK\x03\x04"), content.rindex(b"PK\x01\x02")
    content[local + 6] |= 1
    content[central + 8] |= 1
    return bytes(content)


def lying(said: int) -> bytes:
    """Return an archive whose municipalities are said to have another size than they have."""
    size = 3 << 20
    files = files_of() | {"municipalities.csv": b"a,b\n" * (size // 4)}
    content = bytearray(zipped(files))
    assert content.count(struct.pack("<L", size)) == 2
    return bytes(content).replace(struct.pack("<L", size), struct.pack("<L", said))


def tables_of(name: str = "tiny-measures") -> dict[str, Any]:
    """Return an instance as JSON, made from its files alone."""
    files = files_of(name)
    about = json.loads(files.pop("datapackage.json"))
    tables: dict[str, list[dict[str, Any]]] = {}
    for table in about.pop("resources"):
        fields = {one["name"]: one["type"] for one in table["schema"]["fields"]}
        text = files[table["path"]].decode()
        tables[table["name"]] = [
            {column: _value(fields[column], cell) for column, cell in row.items()}
            for row in csv.DictReader(io.StringIO(text))
        ]
    return {"about": about, "tables": tables}


def _value(kind: str, cell: str) -> Any:
    if cell == "":
        return None
    made: dict[str, Callable[[str], Any]] = {
        "integer": int,
        "number": float,
        "boolean": lambda text: text == "true",
    }
    return made.get(kind, str)(cell)


def listing(folder: Path) -> set[str]:
    """Return every file under a folder."""
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}
