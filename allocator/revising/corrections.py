"""Capacities as municipalities know them, in the place of the instance's figures."""

import re
from collections.abc import Iterator, Sequence

import pandas as pd

from allocator.errors import InvalidDecisions
from models.answers import Correction
from models.instance import Instance
from models.problems import Problem

TABLE = "corrections"
HOUSING, TRANSPORT = "housing", "transport"
_BEDS = re.compile(r"[1-9][0-9]?")
"""Beds as they are written, one way for every number: of 1 to 99."""


def corrected(instance: Instance, corrections: Sequence[Correction]) -> Instance:
    """Return the instance with other capacities.

    A figure that the instance does not have yet is added: dwellings of another size, or a
    capacity of a service that the municipality had none of.

    Raises
    ------
    InvalidDecisions
        With everything that is wrong with the corrections; rows count from 1.
    """
    problems = list(_problems(instance, corrections))
    if problems:
        raise InvalidDecisions("corrections", problems)
    tables: dict[str, pd.DataFrame] = {}
    for one in corrections:
        name, column, key = _place(one)
        frame = tables.get(name, instance.tables[name])
        tables[name] = _with_figure(frame, key, column, one.capacity)
    return instance.replace(**tables)


def _place(one: Correction) -> tuple[str, str, dict[str, str | int]]:
    """Return table, column and key of the figure that is meant."""
    if one.family == HOUSING:
        return "dwellings", "dwellings", {"site_id": str(one.site_id), "beds": int(one.item or 0)}
    if one.family == TRANSPORT:
        return "sites", "transit_seats", {"site_id": str(one.site_id)}
    key: dict[str, str | int] = {
        "municipality_id": one.municipality_id,
        "service_id": str(one.item),
    }
    return "capacities", "capacity", key


def _with_figure(
    frame: pd.DataFrame, key: dict[str, str | int], column: str, value: float
) -> pd.DataFrame:
    there = pd.Series(True, index=frame.index)
    for name, part in key.items():
        there &= frame[name] == part
    if there.any():
        changed = frame.copy()
        changed.loc[there, column] = value
        return changed
    return pd.concat([frame, pd.DataFrame([{**key, column: value}])], ignore_index=True)


def _problems(instance: Instance, corrections: Sequence[Correction]) -> Iterator[Problem]:
    known = _Known(instance)
    seen: dict[object, int] = {}
    for row, one in enumerate(corrections, start=1):
        for column, message, expected in known.wrong(one):
            value = getattr(one, column)
            said = None if value is None else str(value)
            yield Problem(message, expected, TABLE, row, column, said)
        place = (one.municipality_id, one.family, one.site_id, one.item)
        if place in seen:
            message = f"row {seen[place]} is about the same capacity"
            yield Problem(message, "give it once", TABLE, row)
        seen.setdefault(place, row)


class _Known:
    """What there is in an instance."""

    def __init__(self, instance: Instance) -> None:
        self._services = instance.services.set_index("service_id")["family"].to_dict()
        self._families = [HOUSING, TRANSPORT, *sorted(set(self._services.values()))]
        self._towns = set(instance.municipalities["municipality_id"])
        self._sites = instance.sites.set_index("site_id")["municipality_id"].to_dict()

    def wrong(self, one: Correction) -> Iterator[tuple[str, str, str]]:
        """Yield column, message and what would be right of everything wrong with a correction."""
        if one.municipality_id not in self._towns:
            message = "the instance has no such municipality"
            expected = "give its official number as text, leading zeros included"
            yield "municipality_id", message, expected
        elif one.family not in self._families:
            expected = f"give one of {', '.join(self._families)}"
            yield "family", "no capacity has this family", expected
        elif one.family in (HOUSING, TRANSPORT):
            yield from self._wrong_site(one)
            if one.family == HOUSING and not _is_beds(one.item):
                yield "item", "this is no number of beds", "give the beds, such as 2"
            if one.family == TRANSPORT and one.item is not None:
                yield "item", "seats are not of several kinds", "leave it out"
        else:
            own = [service for service, family in self._services.items() if family == one.family]
            if one.item not in own:
                expected = f"give one of {', '.join(own)}"
                yield "item", f"{one.family} has no such service", expected
            if one.site_id is not None:
                yield "site_id", "places of a service have no site", "leave it out"

    def _wrong_site(self, one: Correction) -> Iterator[tuple[str, str, str]]:
        here = sorted(site for site, m in self._sites.items() if m == one.municipality_id)
        if one.site_id not in here:
            expected = f"give one of {', '.join(here)}"
            yield "site_id", "the municipality has no such site", expected


def _is_beds(item: str | None) -> bool:
    return item is not None and _BEDS.fullmatch(item) is not None
