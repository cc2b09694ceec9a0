"""Find what clashes: irreducible sets, one after another until nothing clashes any more."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from allocator.diagnose.irreducible import irreducible
from allocator.diagnose.program import WHOLE, Elastic
from allocator.diagnose.switches import Switch
from allocator.diagnose.types import Kind
from allocator.solve.arrays import Vector

MOST = 8
"""Most sets that are told."""


class WrongVerdict(Exception):  # noqa: N818 - a finding, not an error
    """The solver called a set infeasible that needs nothing to give way."""


@dataclass(frozen=True)
class Given:
    """By how much one part of a set gives way alone, and a plan in which it does.

    Attributes
    ----------
    solution
        Of the elastic program, shape (columns,); none when it was not found in time.
    amount
        Sum over the columns of the part, none when it has no amount.
    """

    solution: Vector | None
    amount: float | None


@dataclass(frozen=True)
class Found:
    """An irreducible set.

    Attributes
    ----------
    parts
        What clashes.
    given
        Of each of them, how far it must give way when the others do not.
    """

    parts: list[Switch]
    given: list[Given]

    @property
    def irreducible(self) -> bool:
        """Whether every part is proven to be needed."""
        return all(given.solution is not None for given in self.given)


def clashes(elastic: Elastic) -> tuple[list[Found], bool]:
    """Return what clashes, and whether nothing else does once that is settled.

    First everything is kept. Whatever the demands of a set found run into besides is looked
    for next, with what they ran into left out. Then its demands are left out, and the search
    begins again with the others.

    Raises
    ------
    WrongVerdict
        If the solver was wrong about a set.
    Stopped
        If the flag is set.
    """
    found: list[Found] = []
    kept = list(elastic.switches)
    while (holds := elastic.holds(kept)) is False:
        for one in _of_same_demands(elastic, kept):
            found.append(one)
            if len(found) == MOST:
                return found, False
        asked = {switch for one in found for switch in one.parts if switch.asks}
        kept = [switch for switch in kept if switch not in asked]
    return found, holds is True


def _of_same_demands(elastic: Elastic, kept: list[Switch]) -> Iterator[Found]:
    """Yield a set, and what else its demands run into when what they ran into is left out."""
    while True:
        parts = _reduced(elastic, kept)
        yield Found(parts, [give(elastic, parts, part) for part in parts])
        limits = [part for part in parts if not part.asks]
        asked = [part for part in parts if part.asks]
        kept = [s for s in kept if s in asked or not (s.asks or s in limits)]
        if not limits or elastic.holds(kept) is not False:
            return


def _reduced(elastic: Elastic, kept: Sequence[Switch]) -> list[Switch]:
    suspects = elastic.suspects(kept)
    if suspects is None or elastic.holds(suspects) is not False:
        suspects = _ordered(elastic, kept)
    return irreducible(suspects, lambda some: elastic.holds(some) is not False)


def _ordered(elastic: Elastic, kept: Sequence[Switch]) -> list[Switch]:
    """Return what is kept, demands that give way in the cheapest way out first."""
    asked = [switch for switch in kept if switch.asks]
    limits = [switch for switch in kept if not switch.asks]
    columns = [i for switch in asked for i in switch.columns]
    outcome = elastic.least(elastic.left_out(kept), columns)
    if outcome.solution is None:
        return list(kept)
    giving = {s for s in asked if outcome.solution[list(s.columns)].max(initial=0.0) > WHOLE}
    return [*(s for s in asked if s in giving), *(s for s in asked if s not in giving), *limits]


def give(elastic: Elastic, parts: Collection[Switch], part: Switch) -> Given:
    """Return by how little `part` gives way when the others of a set are kept.

    Raises
    ------
    WrongVerdict
        If it need not give way at all.
    """
    out = [*elastic.left_out(parts), part]
    priced = part.columns if part.measured else ()
    outcome = elastic.least(out, priced, whole=part.kind is Kind.CAPACITY)
    if outcome.solution is None or not part.measured:
        return Given(outcome.solution, None)
    amount = float(np.sum(outcome.solution[list(part.columns)]))
    if amount <= WHOLE:
        raise WrongVerdict
    return Given(outcome.solution, amount)
