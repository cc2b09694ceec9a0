"""The packaged instances."""

from pathlib import Path

import instances


def packaged() -> dict[str, Path]:
    """Return the folders of the packaged instances by name, in order of name."""
    root = Path(instances.__file__).parent
    return {path.parent.name: path.parent for path in sorted(root.glob("*/datapackage.json"))}
