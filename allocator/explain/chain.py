"""The chain of numbers from the share of the inhabitants to the quota.

::

    population      P_m / Σ P · T                     persons
    key             share by the key, before credits
    credits         fair share f_m
    lots            Sainte-Laguë in lots of the step, with the floor, as if all had room
    policy          the number nearest to that which limits and decisions on m allow
    housing, …      the nearest that free dwellings, seats, places here allow too, one after another
    others          the plan of the country with today's capacities everywhere
    measures        the plan

Each number is found by solving with everything up to its line and without what comes after,
so the changes add up to the quota by construction.
"""

from allocator.explain.alone import nearest
from allocator.explain.country import Country
from allocator.explain.types import Cause, Step


def chain(country: Country, municipality: str) -> tuple[Step, ...]:
    """Return the steps of one municipality."""
    wanted = float(country.shares[municipality])
    found: list[tuple[str, float]] = [
        (Cause.POPULATION, float(country.shares_of_population[municipality])),
        (Cause.KEY, float(country.shares_of_key[municipality])),
        (Cause.CREDITS, wanted),
    ]
    if country.lots is None:
        lots = nearest(country.data, municipality, wanted, ())
    else:
        lots = int(country.lots[municipality])
    found.append((Cause.LOTS, lots))
    causes: list[str] = []
    for cause in causes_of(country):
        causes.append(cause)
        found.append((cause, nearest(country.data, municipality, lots, causes)))
    quota = country.quotas[municipality]
    bare = country.bare
    if bare is not None:
        found.append((Cause.OTHERS, bare.quotas[municipality]))
    found.append((Cause.MEASURES, quota))
    return _steps(found)


def causes_of(country: Country) -> list[str]:
    """Return what can limit a municipality by itself, in the order of the chain."""
    families = sorted(set(country.instance.services["family"]))
    hard = [f for f in (Cause.HOUSING, Cause.TRANSPORT, *families) if f not in country.policy.soft]
    return [Cause.POLICY.value, *(str(family) for family in hard)]


def _steps(found: list[tuple[str, float]]) -> tuple[Step, ...]:
    steps, before = [], 0.0
    for cause, persons in found:
        steps.append(Step(cause=str(cause), change=persons - before, persons=persons))
        before = persons
    return tuple(steps)
