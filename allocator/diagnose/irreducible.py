"""Make a set that cannot hold irreducible: leaving out any one of what is left lets it hold."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


def irreducible(items: Sequence[Item], holds: Callable[[Sequence[Item]], bool]) -> list[Item]:
    """Return an irreducible part of `items`, which together do not hold.

    The deletion filter of Chinneck and Dravnieks (*ORSA Journal on Computing* 3, 1991) leaves
    out one after the other for good when the rest still does not hold. Here halves are left
    out at a time (QuickXplain; Junker, *AAAI* 2004), so that of `n` items of which `k`
    matter about `2k·log₂(n/k) + 2k` questions are asked instead of `n`.

    Parameters
    ----------
    items
        Those that are told best first: where there is a choice, the last of what is returned
        stands as early as it can.
    holds
        Tells whether some of the items hold together. Fewer must hold where more do.
    """
    order = {id(item): i for i, item in enumerate(items)}

    def needed(kept: list[Item], grown: bool, rest: Sequence[Item]) -> list[Item]:
        """Return what of `rest` is needed, beside `kept`, not to hold."""
        if grown and not holds(kept):
            return []
        if len(rest) == 1:
            return list(rest)
        half = (len(rest) + 1) // 2
        first, second = rest[:half], rest[half:]
        later = needed([*kept, *first], True, second)
        earlier = needed([*kept, *later], bool(later), first)
        return earlier + later

    found = needed([], False, items) if items else []
    return sorted(found, key=lambda item: order[id(item)])
