"""What a case changes about its instance: assumptions behind it, capacities, cells of tables."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated

import pandas as pd
from pydantic import Field

from allocator.errors import InvalidInput
from allocator.sensitivity.cells import CellChange, with_changes
from allocator.sensitivity.types import Part
from models.instance import Instance
from models.problems import Problem

HOUSING, TRANSPORT = "housing", "transport"
"""Families that are no services."""


class CapacityChange(Part):
    """Other capacities of one family: those there are times `factor`, plus `amount`."""

    family: str
    """`housing`, `transport`, or the family of services."""
    place: str | None = None
    """Site or municipality (for services: municipality or pool), by id; none: everywhere."""
    item: str | None = None
    """Beds of the dwellings, or the service; none: all of the family."""
    factor: Annotated[float, Field(ge=0)] = 1.0
    """What the capacities are multiplied by."""
    amount: float = 0.0
    """Units added to the one capacity that is meant: dwellings, seats, places."""


class Variation(Part):
    """What is changed about an instance before it is solved: assumptions, capacities, cells."""

    assume: dict[str, float] = Field(default_factory=dict)
    """Other values of assumptions of the packaged Norwegian instances, by name."""
    capacities: tuple[CapacityChange, ...] = ()
    """Other capacities, in order."""
    cells: tuple[CellChange, ...] = ()
    """Other cells of tables, in order, after the capacities."""

    def problems(self, instance: Instance) -> list[Problem]:
        """Return everything that is wrong with it for `instance`, without building anything."""
        found = list(_wrong_assumptions(instance, self.assume))
        for change in self.capacities:
            _changed(instance, change, found)
        with_changes(instance, self.cells, found)
        return found

    def applied(self, instance: Instance) -> Instance:
        """Return `instance` as changed.

        Raises
        ------
        InvalidInput
            With everything that is wrong with the changes.
        """
        problems: list[Problem] = []
        if self.assume:
            from instances.norway.build import build

            try:
                instance = build(instance.id, self.assume)
            except ValueError as error:
                problems = [_wrong(line, "mend it", "assume") for line in str(error).splitlines()]
        for change in self.capacities:
            instance = _changed(instance, change, problems)
        frames = with_changes(instance, self.cells, problems)
        if problems:
            raise InvalidInput("the instance cannot be changed", problems)
        return instance.replace(**frames) if frames else instance


def _wrong(message: str, expected: str, column: str, value: object = None) -> Problem:
    return Problem(message, expected, None, None, column, None if value is None else str(value))


def _wrong_assumptions(instance: Instance, assume: dict[str, float]) -> Iterator[Problem]:
    if not assume:
        return
    from instances.norway.assumptions import load_assumptions, resolve

    if not _rests_on_assumptions(instance):
        yield _wrong(
            f"{instance.id} is not a packaged Norwegian instance as it was built, so that no "
            "assumption can be changed",
            "give norway-2024, norway-2023 or norway-2022",
            "assume",
            ", ".join(assume),
        )
    for name, value in assume.items():
        try:
            resolve({name: value})
        except ValueError as error:
            known = load_assumptions()
            expected = (
                "give a value in its range" if name in known else "name one that is listed there"
            )
            yield _wrong(str(error), expected, f"assume.{name}", value)


def _rests_on_assumptions(instance: Instance) -> bool:
    from instances.norway.build import EDITIONS

    return instance.id in EDITIONS and _as_built(instance.id) == instance.sha256


@cache
def _as_built(name: str) -> str:
    """Return the fingerprint of a packaged instance."""
    from allocator.loading import load

    return load(name).sha256


@dataclass(frozen=True)
class _Column:
    """Capacities of one kind: a column of a table, and which of its rows are meant."""

    table: str
    column: str
    frame: pd.DataFrame
    meant: "pd.Series[bool]"

    def changed(self, change: CapacityChange) -> pd.DataFrame:
        """Return the table with other capacities."""
        frame = self.frame.copy()
        before = frame.loc[self.meant, self.column]
        frame.loc[self.meant, self.column] = before * change.factor + change.amount
        return frame


def _changed(instance: Instance, change: CapacityChange, problems: list[Problem]) -> Instance:
    """Return the instance with one change, or as it is where the change is wrong."""
    before = len(problems)
    columns = [one for one in _columns(instance, change, problems) if one.meant.any()]
    if len(problems) > before:
        return instance
    count = sum(int(one.meant.sum()) for one in columns)
    wrong = list(_wrong_counts(change, count))
    if not wrong:
        tables = {one.table: one.changed(change) for one in columns}
        short = any((tables[one.table][one.column] < 0).any() for one in columns)
        if not short:
            return instance.replace(**tables)
        message = "that leaves less than none of the capacity"
        wrong.append(_wrong(message, "take less away", _path(change), change.amount))
    problems += wrong
    return instance


def _wrong_counts(change: CapacityChange, count: int) -> Iterator[Problem]:
    if not count:
        message = "the instance has no such capacity, or no limit on it"
        yield _wrong(message, "name one that `allocator show` lists", _path(change))
    elif change.amount and count > 1:
        message = f"an amount is added to one capacity, but {count} are meant"
        expected = "name the site and the beds, or the municipality and the service"
        yield _wrong(message, expected, _path(change), change.amount)


def _path(change: CapacityChange) -> str:
    parts = (change.family, change.place, change.item)
    return ".".join(part for part in parts if part is not None)


def _columns(
    instance: Instance, change: CapacityChange, problems: list[Problem]
) -> Iterator[_Column]:
    """Yield where the capacities that are meant stand."""
    if change.family == HOUSING:
        yield from _housing(instance, change, problems)
    elif change.family == TRANSPORT:
        sites = instance.sites
        meant = _at_sites(sites["site_id"], instance, change.place) & sites["transit_seats"].notna()
        yield _Column("sites", "transit_seats", sites, meant)
    else:
        yield from _services(instance, change, problems)


def _housing(
    instance: Instance, change: CapacityChange, problems: list[Problem]
) -> Iterator[_Column]:
    frame = instance.dwellings
    beds = frame["beds"].astype("str")
    if change.item is not None and not change.item.isdecimal():
        expected = f"give one of {', '.join(sorted(set(beds), key=int))}"
        problems.append(_wrong("this is no number of beds", expected, _path(change), change.item))
        return
    there = (frame["site_id"] == change.place) & (beds == change.item)
    at_site = change.place in set(instance.sites["site_id"]) and change.item is not None
    if change.amount and at_site and not there.any():
        row = {"site_id": change.place, "beds": int(change.item or 0), "dwellings": 0.0}
        frame = pd.concat([frame, pd.DataFrame([row])], ignore_index=True)
        beds = frame["beds"].astype("str")
    meant = _at_sites(frame["site_id"], instance, change.place)
    if change.item is not None:
        meant &= beds == change.item
    yield _Column("dwellings", "dwellings", frame, meant)


def _at_sites(
    site_id: "pd.Series[str]", instance: Instance, place: str | None
) -> "pd.Series[bool]":
    """Tell which sites lie at a place: a site, or a municipality with all of its sites."""
    if place is None:
        return pd.Series(True, index=site_id.index)
    sites = instance.sites
    inside = set(sites.loc[sites["municipality_id"] == place, "site_id"])
    return site_id.isin(inside | {place})


def _services(
    instance: Instance, change: CapacityChange, problems: list[Problem]
) -> Iterator[_Column]:
    services = instance.services
    own = services.loc[services["family"] == change.family, "service_id"]
    if own.empty:
        families = ", ".join([HOUSING, TRANSPORT, *sorted(set(services["family"]))])
        message, expected = "no capacity has this family", f"give one of {families}"
        problems.append(_wrong(message, expected, _path(change), change.family))
        return
    if change.item is not None and change.item not in set(own):
        expected = f"give one of {', '.join(own)}"
        problems.append(
            _wrong(f"{change.family} has no such service", expected, _path(change), change.item)
        )
        return
    wanted = set(own) if change.item is None else {change.item}
    for table, place in (("capacities", "municipality_id"), ("shared_capacities", "pool_id")):
        frame = instance.tables[table]
        meant = frame["service_id"].isin(wanted) & frame["capacity"].notna()
        if change.place is not None:
            meant &= frame[place] == change.place
        yield _Column(table, "capacity", frame, meant)
    if change.place is not None and not _known(instance, change.place):
        problems.append(
            _wrong(
                "the instance has no such municipality and no such pool",
                "give its id as text, leading zeros included",
                _path(change),
                change.place,
            )
        )


def _known(instance: Instance, place: str) -> bool:
    pools = set(instance.shared_capacities["pool_id"])
    return place in pools | set(instance.municipalities["municipality_id"])
