"""Uncertain capacities and arrivals: what is assumed of them, and draws.

Every capacity is what is given times a factor of its place (municipality or pool) and family,

    factor = max(0, 1 + σ · z),    z = √ρ · county + √(1 − ρ) · own,

with σ the relative standard deviation of the family, and `county` (one a county and
family), `own` (one a place and family) independent standard normal: the one-factor Gaussian
model of Vasicek ("The distribution of loan portfolio value", Risk 15, 2002). Two places of a
county are then correlated by ρ in the same family; families and counties are independent. What
measures add is certain. Arrivals are the target times max(0, 1 + σ · z) with a z of their own.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import Field

from allocator.errors import InvalidInput
from allocator.sensitivity.types import Part
from allocator.sensitivity.variation import HOUSING, TRANSPORT
from models.instance import Instance
from models.problems import Problem

Floats = npt.NDArray[np.float64]
Deviation = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]

ARRIVALS = "arrivals"
"""Name of what is no family of capacity."""


def _usual() -> dict[str, float]:
    return {HOUSING: 0.15, TRANSPORT: 0.1}


class Uncertainty(Part):
    """How uncertain capacities and arrivals are. The defaults are assumptions, not estimates.

    Free dwellings are the least certain of the capacities, because they depend on who moves
    within the year; seats and places of services are planned in budgets and move less; the
    number of persons who come is decided by what happens abroad. Nothing published says by how
    much, so that round numbers stand here to be replaced.
    """

    families: dict[str, Deviation] = Field(default_factory=_usual)
    """Relative standard deviation by family (0.15: 15 % of what is given)."""
    services: Deviation = 0.1
    """Relative standard deviation of families of services that are not named there."""
    arrivals: Deviation = 0.15
    """Relative standard deviation of the persons who come."""
    correlation: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.3
    """Correlation of two places of a county in the same family, ρ."""
    seed: Annotated[int, Field(ge=0, le=2_147_483_647)] = 0
    """Random seed: the same seed gives the same draws, and more draws leave the first as they
    are."""

    def deviation(self, family: str) -> float:
        """Return the relative standard deviation of a family."""
        return self.families.get(family, self.services)

    def check(self, instance: Instance) -> None:
        """Refuse families that the instance does not have.

        Raises
        ------
        InvalidInput
            With all of them.
        """
        known = families_of(instance)
        problems = [
            Problem(
                "no capacity has this family",
                f"give one of {', '.join([*known, ARRIVALS])}",
                "uncertainty",
                column=name,
                value=f"{value:g}",
            )
            for name, value in self.families.items()
            if name not in (*known, HOUSING, TRANSPORT)
        ]
        if problems:
            raise InvalidInput("the uncertainty does not fit the instance", problems)


def families_of(instance: Instance) -> list[str]:
    """Return the families of capacity: housing, transport, those of services by name."""
    return [HOUSING, TRANSPORT, *sorted(set(instance.services["family"]))]


def counties_of(instance: Instance) -> dict[str, str]:
    """Return the county of every place: municipalities, and pools (that of most members)."""
    towns = instance.municipalities
    county = {
        str(m): str(c) for m, c in zip(towns["municipality_id"], towns["county_id"], strict=True)
    }
    members = instance.pool_members
    pools: dict[str, str] = {}
    for pool in instance.shared_capacities["pool_id"]:
        own = members.loc[members["pool_id"] == pool, "municipality_id"].map(county)
        pools[str(pool)] = "" if own.empty else str(own.mode().iloc[0])
    return county | pools


@dataclass(frozen=True)
class Draws:
    """Draws of capacities and arrivals.

    Attributes
    ----------
    places, families
        What the factors belong to: municipalities, then pools; families of capacity.
    factors
        Of capacity, by draw, place and family.
    arrivals
        Factor of the target, by draw.
    """

    places: tuple[str, ...]
    families: tuple[str, ...]
    factors: Floats
    arrivals: Floats

    def __len__(self) -> int:
        return len(self.arrivals)

    def drawn(self, instance: Instance, number: int) -> Instance:
        """Return `instance` with the capacities of one draw."""
        return with_factors(
            instance,
            {
                (place, family): float(self.factors[number, i, j])
                for i, place in enumerate(self.places)
                for j, family in enumerate(self.families)
            },
        )


def draw(instance: Instance, uncertainty: Uncertainty, count: int) -> Draws:
    """Draw capacities and arrivals.

    Parameters
    ----------
    instance
        What is given.
    uncertainty
        What is assumed.
    count
        Draws.

    Raises
    ------
    InvalidInput
        If the uncertainty names families that the instance does not have.
    """
    uncertainty.check(instance)
    county = counties_of(instance)
    families = tuple(families_of(instance))
    counties = sorted(set(county.values()))
    home = np.array([counties.index(c) for c in county.values()], dtype=np.intp)
    spread = np.array([uncertainty.deviation(family) for family in families])
    shared = math.sqrt(uncertainty.correlation)
    alone = math.sqrt(1 - uncertainty.correlation)
    factors = np.empty((count, len(home), len(families)))
    arrivals = np.empty(count)
    for number in range(count):
        random = np.random.default_rng([uncertainty.seed, number])
        arrivals[number] = 1 + uncertainty.arrivals * random.standard_normal()
        together = random.standard_normal((len(counties), len(families)))[home]
        own = random.standard_normal((len(home), len(families)))
        factors[number] = 1 + spread * (shared * together + alone * own)
    return Draws(tuple(county), families, factors.clip(min=0), arrivals.clip(min=0))


def with_factors(instance: Instance, factors: Mapping[tuple[str, str], float]) -> Instance:
    """Return `instance` with what is given of every capacity times a factor.

    Parameters
    ----------
    instance
        What is given. What measures add is left as it is.
    factors
        By place (municipality or pool) and family.
    """
    town = instance.sites.set_index("site_id")["municipality_id"].to_dict()
    family = instance.services.set_index("service_id")["family"].to_dict()
    dwellings, sites = instance.dwellings, instance.sites
    capacities, shared = instance.capacities, instance.shared_capacities
    housing = [factors[town[site], HOUSING] for site in dwellings["site_id"]]
    transport = [factors[m, TRANSPORT] for m in sites["municipality_id"]]
    own = _services(capacities, "municipality_id", family, factors)
    pooled = _services(shared, "pool_id", family, factors)
    return instance.replace(
        dwellings=dwellings.assign(dwellings=dwellings["dwellings"] * housing),
        sites=sites.assign(transit_seats=sites["transit_seats"] * transport),
        capacities=capacities.assign(capacity=capacities["capacity"] * own),
        shared_capacities=shared.assign(capacity=shared["capacity"] * pooled),
    )


def _services(
    frame: pd.DataFrame,
    place: str,
    family: Mapping[str, str],
    factors: Mapping[tuple[str, str], float],
) -> list[float]:
    pairs = zip(frame[place], frame["service_id"], strict=True)
    return [factors[where, family[service]] for where, service in pairs]
