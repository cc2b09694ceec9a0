"""A diagnosis in words."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from allocator.diagnose.names import Names, counted, listed, number
from allocator.diagnose.switches import SIDES, Switch
from allocator.diagnose.types import Amount, Diagnosis, Kind, Verdict, WayOut
from allocator.solve.conflicts import in_words as demand_in_words
from models.program.data import Data
from models.program.stability import Demand

BUDGETS = {
    "total": "in all",
    "dwellings": "for dwellings",
    "transit": "for transport lines",
    "service": "for service places",
}
"""What a budget is for, by its kind."""
_WAYS = {
    "demands": "give way on what is demanded",
    "housing": "more dwellings",
    "transport": "more seats",
    "capacity": "more capacity of all kinds",
    "budget": "more budget",
    "floor": "a lower floor",
    "step": "smaller lots",
    "minors": "minors anywhere",
    "target": "another target",
    "shortfall": "allow a shortfall",
}


@dataclass(frozen=True)
class About:
    """What is known of a part of a clash.

    Attributes
    ----------
    gives, lacks
        As in `Part`.
    anywhere
        Whether what is lacking could be elsewhere as well.
    got
        What the municipalities of a demand take when it gives way, in persons.
    """

    gives: float | None
    lacks: Sequence[Amount]
    anywhere: bool
    got: float | None


def way_in_words(family: str) -> str:
    """Return what a family of ways out is called."""
    return _WAYS.get(family, f"more places ({family})")


def part_in_words(bundle: Sequence[Switch], data: Data, names: Names, about: About) -> str:
    """Say what one part of a clash asks or allows, and by how much it would have to give way."""
    switch, gives = bundle[0], about.gives
    said = _asked(bundle, data, names)
    if about.lacks:
        where = lacking_in_words(about.lacks)
        if not about.anywhere:
            return f"{said}: {where} too few"
        total = counted(sum(a.change for a in about.lacks), about.lacks[0].unit)
        return f"{said}: {total} too few, for instance {where}"
    if gives is None:
        return said
    persons = counted(gives, "persons")
    if switch.kind is Kind.DEMAND:
        over = about.got is not None and about.got < (switch.amount or 0.0)
        ending = "more than the rest allows" if over else "fewer than the rest needs"
        return f"{said}; that is {persons} {ending}"
    endings = {
        Kind.PROMISE: f"the rest leaves {persons} without one",
        Kind.TARGET: f"the rest needs {persons} more",
        Kind.FLOOR: f"that is {persons} too many",
        Kind.BUDGET: f"that is {number(gives)} {names.currency} too little",
    }
    return f"{said}; {endings[switch.kind]}"


def _asked(bundle: Sequence[Switch], data: Data, names: Names) -> str:
    switch = bundle[0]
    if len(bundle) > 1:
        persons = counted(math.fsum(s.amount or 0.0 for s in bundle), "persons")
        return (
            f"{len(bundle):,} municipalities are to take {switch.side} {persons} in all "
            f"by {switch.rule}"
        )
    if switch.kind is Kind.DEMAND:
        return demanded(switch, names)
    if switch.kind is Kind.CAPACITY:
        return f"the capacity of {switch.rule}"
    amount = number(switch.amount or 0.0)
    groups = [f"{number(group.demand)} {g}" for g, group in data.groups.items() if group.demand > 0]
    texts = {
        Kind.PROMISE: f"each of the {number(data.target)} persons is promised a place",
        Kind.BUDGET: f"the budget {BUDGETS.get(switch.where, '')} is {amount} {names.currency}",
        Kind.MINORS: "minors are placed only where they are allowed",
        Kind.TARGET: f"there are {amount} persons to settle ({listed(groups)})",
        Kind.FLOOR: f"whoever is asked takes at least {amount} persons",
        Kind.LOTS: f"quotas are whole lots of {amount} persons",
    }
    return texts[switch.kind]


def demanded(switch: Switch, names: Names) -> str:
    """Say what a demand asks: ``Utsira (1151) is decided to take exactly 500 persons``."""
    county = switch.rule == "county_bounds"
    name = names.county(switch.where) if county else names.municipality(switch.where)
    persons = switch.amount or 0.0
    if switch.side == "exactly":
        return f"{name} is decided to take exactly {counted(persons, 'persons')}"
    side = next(side for side, words in SIDES.items() if words == switch.side)
    return demand_in_words(Demand(switch.rule, name, side, persons, switch.municipalities))


def lacking_in_words(amounts: Sequence[Amount]) -> str:
    """Say what is lacking where: ``10 dwellings of 2 beds at Utsira (1151)``."""
    return listed([_more(amount) for amount in amounts])


def _more(amount: Amount) -> str:
    what = counted(amount.change, amount.unit)
    if amount.rule == "dwellings":
        beds = counted(int(amount.item), "beds").replace("1 beds", "1 bed")
        return f"{what} of {beds} at {amount.name}"
    if amount.rule in ("places", "shared_places"):
        return f"{what} of {amount.item} in {amount.name}"
    return f"{what} at {amount.name}"


def settled_in_words(family: str, amounts: Sequence[Amount]) -> str:
    """Say what a way out changes."""
    if family == "demands":
        said = listed([_given(amount) for amount in amounts])
    elif family in ("budget", "floor", "step", "target"):
        said = listed(
            [
                f"{number(a.after)} instead of {number(a.before)} {a.unit} {a.name}".rstrip()
                for a in amounts
            ]
        )
    elif family == "shortfall":
        said = f"{counted(amounts[0].after, 'persons')} without a place"
    elif family == "minors":
        said = ""
    else:
        said = lacking_in_words(amounts)
    return f"{way_in_words(family)}: {said}" if said else way_in_words(family)


def _given(amount: Amount) -> str:
    rule = "" if amount.rule in ("fixed", "county_bounds") else f" by {amount.rule}"
    return f"{amount.name} {amount.item} {number(amount.after)} instead of " + (
        f"{counted(amount.before, 'persons')}{rule}"
    )


def in_words(diagnosis: Diagnosis) -> str:
    """Return a diagnosis as text, one thing a line."""
    return "\n".join(_lines(diagnosis))


_VERDICTS = {
    Verdict.HOLDS: "nothing clashes: a plan keeps everything that is asked",
    Verdict.CLASHES: "no plan keeps everything that is asked",
    Verdict.UNKNOWN: "whether a plan keeps everything was not found out in the time given",
}


_SMALLEST = {
    True: "leave out any one of these, and the others can hold",
    False: "time ran out: that each of these is needed is not proven, fewer may clash already",
}


def _lines(diagnosis: Diagnosis) -> Iterator[str]:
    yield f"{diagnosis.instance.id}: {_VERDICTS[diagnosis.verdict]}"
    if diagnosis.verdict is Verdict.HOLDS and diagnosis.promise:
        yield "everyone can have a place"
    for clash in diagnosis.clashes:
        yield ""
        yield f"what clashes ({_SMALLEST[clash.irreducible]}):"
        yield from (f"  - {part.message}" for part in clash.parts)
    if diagnosis.clashes and not diagnosis.complete:
        yield ""
        yield "more may clash than is told here"
    able = [way for way in diagnosis.ways if way.helps]
    if able:
        yield ""
        yield "ways out, each by itself and each proven by solving with it:"
        yield from (f"  - {_way(way)}" for way in able)
    for helps, said in ((False, "what does not help by itself:"), (None, "what is not known:")):
        others = [way for way in diagnosis.ways if way.helps is helps]
        if others:
            yield ""
            yield said
            yield from (f"  - {way.message}" for way in others)
    for warning in diagnosis.warnings:
        yield f"warning: {warning}"


def _way(way: WayOut) -> str:
    least = "" if way.least else " (perhaps less would do)"
    return f"{way.message}{least}"
