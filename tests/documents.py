"""Code blocks of the pages of the documentation, for the tests that run them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<reason>[^\n]*) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of a page, and why it is not run; none for one that is."""

    language: str
    text: str
    not_run: str | None


def blocks(page: str) -> list[Block]:
    """Return the blocks of a page, in order."""
    return [
        Block(found["language"], found["text"], found["reason"]) for found in _BLOCK.finditer(page)
    ]


def shown_after(page: str) -> Iterator[tuple[Block, Block]]:
    """Yield every block of a page with the one that follows it, an empty one after the last."""
    found = blocks(page)
    yield from zip(found, [*found[1:], Block("", "", None)], strict=True)
