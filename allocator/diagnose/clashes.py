"""Find what clashes: irreducible sets, one after another until nothing clashes any more."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from allocator.diagnose.irreducible import irreducible
from allocator.diagnose.program import WHOLE, Elastic
from allocator.diagnose.switches import Switch
from allocator.diagnose.types import Kind
from allocator.solve.arrays import Vector
from allocator.solve.engine import Ending

MOST = 8
"""Most sets that are told."""
SHARE = 0.4
"""Part of the time left after which no further sets are looked for."""
MANY = 40
"""Demands of one rule from which they are told as one: nobody reads more of them."""

Bundle = tuple[Switch, ...]
"""What is left out together or not at all."""


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
    reducible
        Whether the others do not hold even without it.
    """

    solution: Vector | None
    amount: float | None
    reducible: bool = False


@dataclass(frozen=True)
class Found:
    """An irreducible set.

    Attributes
    ----------
    parts
        What clashes; demands of one rule stand together where they are many.
    given
        Of each of them, how far it must give way when the others do not.
    """

    parts: list[Bundle]
    given: list[Given]

    @property
    def irreducible(self) -> bool:
        """Whether every part is proven to be needed."""
        return all(given.solution is not None for given in self.given)

    @property
    def switches(self) -> set[Switch]:
        """Everything that takes part."""
        return {switch for part in self.parts for switch in part}


def clashes(elastic: Elastic) -> tuple[list[Found], bool]:
    """Return what clashes, and whether nothing else does once that is settled.

    What is asked of a single municipality is looked at first, one after the other, then
    everything together. Whatever the demands of a set found run into besides is looked for
    next, with what they ran into left out. Then its demands are left out, and the search
    begins again with the others.

    Raises
    ------
    WrongVerdict
        If the solver was wrong about a set.
    Stopped
        If the flag is set.
    """
    found: list[Found] = []
    clock = elastic.solving.clock
    until = clock.elapsed + SHARE * clock.left
    limits = [switch for switch in elastic.switches if not switch.asks]
    asked = [switch for switch in elastic.switches if switch.asks]
    alone: dict[str, list[Switch]] = {}
    for switch in asked:
        if len(switch.municipalities) == 1:
            alone.setdefault(switch.municipalities[0], []).append(switch)
    for some in [*(own for own in alone.values() if any(s.lifts for s in own)), asked]:
        known = {switch for one in found for switch in one.switches}
        kept = [*(switch for switch in some if switch not in known), *limits]
        while (holds := elastic.holds(kept)) is False:
            for one in _of_same_demands(elastic, kept):
                found.append(one)
                if len(found) == MOST or clock.elapsed > until:
                    return found, False
            known = {switch for one in found for switch in one.switches if switch.asks}
            kept = [switch for switch in kept if switch not in known]
    return found, holds is True


def _of_same_demands(elastic: Elastic, kept: list[Switch]) -> Iterator[Found]:
    """Yield a set, and what else its demands run into when what they ran into is left out."""
    while True:
        found = _found(elastic, kept)
        yield found
        limits = [switch for switch in found.switches if not switch.asks]
        asked = [switch for switch in found.switches if switch.asks]
        kept = [s for s in kept if s in asked or not (s.asks or s in limits)]
        if not limits or elastic.holds(kept) is not False:
            return


def _found(elastic: Elastic, kept: Sequence[Switch]) -> Found:
    """Return an irreducible part of what is kept, which does not hold.

    What clashes when nothing need be whole is quick to find. It may be more than clashes
    when things are whole, which shows where the others do not hold without one of them.
    """
    suspects = elastic.suspects(kept)
    if suspects is not None and elastic.holds(suspects, whole=False) is False:
        parts = _reduced(elastic, suspects, whole=False)
        given = [give(elastic, parts, part) for part in parts]
        if not any(one.reducible for one in given):
            return Found(parts, given)
        suspects = [switch for part in parts for switch in part]
    else:
        suspects = _ordered(elastic, kept)
    parts = _reduced(elastic, suspects, whole=True)
    return Found(parts, [give(elastic, parts, part) for part in parts])


def _reduced(elastic: Elastic, suspects: Sequence[Switch], *, whole: bool) -> list[Bundle]:
    def holds(some: Sequence[Bundle]) -> bool:
        kept = [switch for bundle in some for switch in bundle]
        return elastic.holds(kept, whole=whole) is not False

    found = irreducible(_bundled(suspects), holds)
    if sum(len(bundle) for bundle in found) > MANY:
        return found
    return irreducible([(switch,) for bundle in found for switch in bundle], holds)


def _bundled(switches: Sequence[Switch]) -> list[Bundle]:
    """Take demands of one rule together where they are many."""
    rules: dict[tuple[str, str], list[Switch]] = {}
    for switch in switches:
        if switch.kind is Kind.DEMAND:
            rules.setdefault((switch.rule, switch.side), []).append(switch)
    many = {rule: own for rule, own in rules.items() if len(own) > MANY}
    bundles: list[Bundle] = []
    for switch in switches:
        own = many.get((switch.rule, switch.side))
        if own is None:
            bundles.append((switch,))
        elif switch is own[0]:
            bundles.append(tuple(own))
    return bundles


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


def give(elastic: Elastic, parts: Collection[Bundle], part: Bundle) -> Given:
    """Return by how little `part` gives way when the others of a set are kept.

    Raises
    ------
    WrongVerdict
        If it need not give way at all.
    """
    kept = [switch for bundle in parts for switch in bundle]
    out = [*elastic.left_out(kept), *part]
    columns = [i for switch in part for i in switch.columns]
    measured = all(switch.measured for switch in part)
    whole = part[0].kind is Kind.CAPACITY
    outcome = elastic.least(out, columns if measured else (), whole=whole)
    if outcome.solution is None or not measured:
        return Given(outcome.solution, None, outcome.ending is Ending.INFEASIBLE)
    amount = float(np.sum(outcome.solution[columns]))
    if amount <= WHOLE:
        raise WrongVerdict
    return Given(outcome.solution, amount)
