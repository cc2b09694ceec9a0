"""Municipalities that are like the one explained, and what they are asked."""

import numpy as np

from allocator.explain.country import Country
from allocator.explain.types import Similar

COUNT = 5
"""How many are shown."""
GROUP, CENTRALITY = "kostra_group", "centrality_class"
"""Indicator columns of Statistics Norway: group of comparable municipalities, centrality."""


def similar(country: Country, municipality: str) -> tuple[tuple[Similar, ...], tuple[str, ...]]:
    """Return those most like `municipality`, and what likeness was judged by.

    The same KOSTRA group and class of centrality come first, where the instance knows them,
    and among those the nearest in inhabitants (by ratio).
    """
    towns = country.instance.municipalities.set_index("municipality_id")
    own, others = towns.loc[municipality], towns.drop(index=municipality)
    known = [name for name in (GROUP, CENTRALITY) if name in towns and own.notna()[name]]
    unlike = np.zeros(len(others))
    for name in known:
        unlike += (others[name] != own[name]).to_numpy(dtype=np.float64)
    people = np.maximum(others["population"].to_numpy(dtype=np.float64), 1.0)
    apart = np.abs(np.log(people / max(float(own["population"]), 1.0)))
    order = np.lexsort((apart, unlike))[:COUNT]
    found = []
    for m in others.index[order]:
        quota, fair = country.quotas[m], float(country.shares[m])
        inhabitants = int(others.loc[m, "population"])
        found.append(
            Similar(
                municipality_id=m,
                name=others.loc[m, "name"],
                population=inhabitants,
                quota=quota,
                ratio=quota / fair if fair > 0 else None,
                per_1000=1000 * quota / inhabitants if inhabitants else 0.0,
            )
        )
    return tuple(found), (*known, "population")
