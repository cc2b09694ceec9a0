"""Folders that are written whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from allocator.errors import AllocatorError


class FolderExists(AllocatorError):  # noqa: N818 - the name says it best
    """A folder to be written is there already.

    Parameters
    ----------
    otherwise
        What can be done but give another one.
    """

    def __init__(self, folder: Path, otherwise: str = "or --overwrite") -> None:
        what = "name" if folder.is_file() else "folder"
        super().__init__(f"{folder} is there already; give another {what}, {otherwise}")


def refuse_existing(folder: Path, *, overwrite: bool) -> None:
    """Raise `FolderExists` when `folder` is there and must not be replaced."""
    if folder.exists() and not overwrite:
        raise FolderExists(folder)


def refuse_existing_file(file: Path, *, overwrite: bool) -> None:
    """Raise `FolderExists` when a file must not be replaced, or a folder stands in its place."""
    if file.is_dir():
        raise FolderExists(file, "for it is no file")
    refuse_existing(file, overwrite=overwrite)


@contextmanager
def whole_folder(folder: Path, *, overwrite: bool) -> Iterator[Path]:
    """Give a temporary folder to fill, which takes the place of `folder` when all went well.

    Raises
    ------
    FolderExists
        If `folder` exists and `overwrite` is false.
    """
    refuse_existing(folder, overwrite=overwrite)
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        new.chmod(0o755)
        yield new
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=f".{folder.name}.old.", dir=folder.parent))
            folder.rename(old / folder.name)
            try:
                new.rename(folder)
            except OSError:
                (old / folder.name).rename(folder)
                raise
            finally:
                shutil.rmtree(old, ignore_errors=True)
        else:
            new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
