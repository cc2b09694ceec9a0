"""Places by their names, and numbers as they are read."""

import math
from collections.abc import Sequence

from models.instance import Instance

SHOWN = 4
"""Most places named in one sentence."""


class Names:
    """The names of an instance: ``Utsira (1151)``."""

    def __init__(self, instance: Instance) -> None:
        towns, sites = instance.municipalities, instance.sites
        self.currency = instance.currency
        self._towns = dict(zip(towns["municipality_id"], towns["name"], strict=True))
        self._counties = dict(zip(towns["county_id"], towns["county"], strict=True))
        self._sites = {
            row.site_id: (row.municipality_id, row.name) for row in sites.itertuples(index=False)
        }
        alone = sites.groupby("municipality_id")["site_id"].count() == 1
        self._alone = set(alone.index[alone])

    def municipality(self, municipality: str) -> str:
        """Return a municipality: ``Utsira (1151)``."""
        return f"{self._towns[municipality]} ({municipality})"

    def county(self, county: str) -> str:
        """Return a county: ``Rogaland (11)``."""
        return f"{self._counties[county]} ({county})"

    def site(self, site: str) -> str:
        """Return a site by its municipality, and by its own name where there are several."""
        municipality, name = self._sites[site]
        town = self.municipality(municipality)
        return town if municipality in self._alone else f"{name}, {town}"


def number(value: float) -> str:
    """Return a number as people write it: ``37,000`` or ``10.5``."""
    nearest = round(value)
    if math.isclose(value, nearest, rel_tol=1e-12, abs_tol=1e-9):
        return f"{nearest:,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def counted(value: float, unit: str) -> str:
    """Return a number with its unit: ``1 person``, ``3 dwellings``."""
    singular = {"persons": "person", "dwellings": "dwelling", "seats": "seat", "places": "place"}
    said = number(value)
    return f"{said} {singular.get(unit, unit) if said == '1' else unit}"


def listed(items: Sequence[str]) -> str:
    """Return the first few of several things, and how many more there are."""
    more = len(items) - SHOWN
    shown = [*items[:SHOWN], *([f"{more:,} more"] if more > 0 else [])]
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} and {shown[-1]}"
