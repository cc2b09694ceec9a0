"""What clashes when no plan keeps every demand: the smallest sum of reliefs, in words."""

from collections.abc import Mapping

from allocator.errors import SolverError
from allocator.solve import engine
from allocator.solve.compile import compile_program
from allocator.solve.engine import Ending, Flag, Settings
from models.plan import Conflict
from models.program import Data, build
from models.program.stability import Demand, demands

Place = tuple[str, str, str]
"""A demand: its rule, the municipality or county, and the side, as in `Demand`."""
SOMEBODY = 1e-6
"""Persons from which a relief is one."""

_RULES = {
    "county_bounds": "county {where} is to take {side} {persons:g} persons",
    "fixed": "{where} is decided to take {side} {persons:g} persons",
    "min_ratio": "{where} is to take at least {persons:g} persons by min_ratio",
    "max_ratio": "{where} is to take at most {persons:g} persons by max_ratio",
    "max_change": "{where} is to take {side} {persons:g} persons by max_change",
    "max_quota": "{where} may take at most {persons:g} persons by its max_quota",
    "max_share_of_population": (
        "{where} may take at most {persons:g} persons by max_share_of_population"
    ),
}
_SIDES = {"more": "at least", "less": "at most"}


def find_conflicts(data: Data, settings: Settings, cancel: Flag | None) -> list[Conflict]:
    """Find the smallest sum of reliefs, in persons, with which the demands can be kept.

    Returns
    -------
    list of Conflict
        Empty when no demand need give way: the verdict "infeasible" was then wrong.

    Raises
    ------
    SolverError
        If the question itself cannot be answered in time.
    """
    model = build(data, relief=True)
    arrays = compile_program(model)
    cost, constant = arrays.objectives["relief"]
    outcome = engine.run(arrays, cost, constant, settings, cancel=cancel)
    if outcome.ending is Ending.INFEASIBLE:
        raise SolverError("the program is infeasible even with every demand relaxed")
    if outcome.solution is None:
        return [_unknown()]
    wanted = {(d.rule, d.where, d.side): d.persons for d in demands(data)}
    found = []
    for (rule, where, side), column in arrays.columns.get("relief", {}).items():
        persons = float(outcome.solution[column])
        if persons <= SOMEBODY:
            continue
        if (rule, where, side) in wanted:
            found.append(_conflict(rule, where, side, wanted[rule, where, side], persons))
        else:
            found.append(_exact(where, side, data.exact[where], persons))
    return sorted(found, key=lambda conflict: -conflict.persons)


def smallest_reliefs(
    data: Data, yielding: Mapping[Place, float], settings: Settings, cancel: Flag | None
) -> tuple[dict[Place, float], bool] | None:
    """Find by how little some demands must give way when none of the others does.

    Parameters
    ----------
    yielding
        Most persons by which each of these demands may give way, by rule, place and side.

    Returns
    -------
    reliefs, proven
        Persons by which each gives way, those that need not left out, and whether that is
        proven least; none when the other demands clash among themselves.

    Raises
    ------
    SolverError
        If the question cannot be answered in time.
    """
    arrays = compile_program(build(data, relief=True))
    upper = arrays.upper.copy()
    for place, column in arrays.columns.get("relief", {}).items():
        upper[column] = min(upper[column], yielding.get(place, 0.0))
    cost, constant = arrays.objectives["relief"]
    arrays = arrays.with_bounds(arrays.lower, upper)
    outcome = engine.run(arrays, cost, constant, settings, cancel=cancel)
    if outcome.ending is Ending.INFEASIBLE:
        return None
    if outcome.solution is None:
        raise SolverError("where the rule must give way could not be found in the time given")
    reliefs = {
        place: float(outcome.solution[column]) for place, column in arrays.columns["relief"].items()
    }
    needed = {place: persons for place, persons in reliefs.items() if persons > SOMEBODY}
    return needed, outcome.ending is Ending.OPTIMAL


def in_words(demand: Demand) -> str:
    """Say what a demand asks: ``0301 may take at most 30 persons by its max_quota``."""
    return _RULES[demand.rule].format(
        where=demand.where, side=_SIDES[demand.side], persons=demand.persons
    )


def _conflict(rule: str, where: str, side: str, wanted: float, persons: float) -> Conflict:
    demand = _RULES[rule].format(where=where, side=_SIDES[side], persons=wanted)
    message = f"{demand}; that clashes with the rest by {persons:g} persons"
    return Conflict(rule=rule, where=where, message=message, persons=persons)


def _exact(where: str, side: str, decided: int, persons: float) -> Conflict:
    verb = "more than" if side == "less" else "fewer than"
    message = (
        f"{where} is decided to take exactly {decided} persons; that is {persons:g} {verb} "
        "the rest allows"
    )
    return Conflict(rule="fixed", where=where, message=message, persons=persons)


def _unknown() -> Conflict:
    return Conflict(
        rule="unknown",
        where="",
        message="which demands clash could not be found in the time given",
        persons=0.0,
    )
