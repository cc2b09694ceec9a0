"""Build a synthetic country of any size from the Norwegian municipalities of 2024."""

from collections.abc import Mapping

import numpy as np

from instances.norway.assumptions import load_assumptions, resolve
from instances.norway.build import build as build_norway
from instances.synthetic.draw import draw
from instances.synthetic.tables import Country
from models.instance import Instance

NAME = "synthetic"
MOST = 1_000_000
"""Most municipalities that are built: more than any country has; takes some 4 GB of memory."""

_BASE = "norway-2024"
_LOT = 5
"""The target is a multiple of this: all Norwegian requests are multiples of 5 persons."""

_DESCRIPTION = (
    "No real country: {count} municipalities drawn from those of {base} with seed {seed}, each "
    "with its sites, dwellings, places and measures, their figures jittered. Target, groups and "
    "budget are Norway's by population. Not to be read as figures of the municipalities whose "
    "names appear. Drawn from: {description}"
)


def build(
    municipalities: int, seed: int = 0, assume: Mapping[str, float] | None = None
) -> Instance:
    """Return a synthetic country, the same for the same arguments.

    Rows are drawn and jittered as `instances.synthetic.draw` and
    `instances.synthetic.tables` say. Let r be the population drawn over Norway's: the
    target is Norway's times r to the nearest multiple of 5, at least 5; the budget is
    Norway's times r, in whole thousands; the groups are Norway's in proportion to the
    target. So persons, dwellings, places, measures and money per inhabitant are Norway's.
    Time and memory grow in proportion to `municipalities`.

    Parameters
    ----------
    municipalities
        How many, from 1 to `MOST`.
    seed
        Seed of the draw and the jitters, at least 0. The same bytes come from it as long
        as NumPy's generators stay what they are.
    assume
        Assumptions to change, by name: those of the Norwegian instance and the spreads
        in ``instances/synthetic/assumptions.toml``.

    Raises
    ------
    ValueError
        If a number is out of range, an assumption is unknown or a value is not plausible;
        the message lists everything that is wrong, one a line.
    """
    wrong = _out_of_range(municipalities, seed)
    norwegian, own = load_assumptions(), load_assumptions("instances.synthetic")
    try:
        values = resolve(assume, {**norwegian, **own})
    except ValueError as error:
        wrong.append(str(error))
    if wrong:
        raise ValueError("\n".join(wrong))
    base = build_norway(_BASE, {name: v for name, v in (assume or {}).items() if name in norwegian})
    changed = sorted(name for name in assume or {} if name in own)
    rng = np.random.default_rng(seed)
    country = Country(base, draw(base.municipalities, municipalities, rng), rng, values)
    towns = country.municipalities()
    ratio = float(towns["population"].sum() / base.municipalities["population"].sum())
    target = max(_LOT, _LOT * round(base.target * ratio / _LOT))
    tables = {
        "municipalities": towns,
        "sites": country.sites(),
        "dwellings": country.dwellings(),
        "groups": country.groups(target),
        "services": base.services,
        "needs": base.needs,
        "capacities": country.capacities(),
        "measures": country.measures(),
    }
    description = _DESCRIPTION.format(
        count=municipalities, base=_BASE, seed=seed, description=base.description
    )
    if changed:
        description += " Spreads: " + ", ".join(f"{n} = {values[n]:g}" for n in changed) + "."
    return Instance(
        id=name_of(municipalities, seed),
        title=f"Synthetic country of {municipalities:,} municipalities, seed {seed}",
        year=base.year,
        target=target,
        budget=None if base.budget is None else float(round(base.budget * ratio, -3)),
        currency=base.currency,
        description=description,
        sources=base.sources,
        licenses=base.licenses,
        tables=tables,  # type: ignore[arg-type]  # a mapping of frames is made into Tables
    )


def name_of(municipalities: int, seed: int) -> str:
    """Return the id of the country that `build` makes of these."""
    return f"{NAME}-{municipalities}-{seed}"


def _out_of_range(municipalities: int, seed: int) -> list[str]:
    wrong = []
    if not 1 <= municipalities <= MOST:
        wrong.append(f"{municipalities} municipalities cannot be drawn; give 1 to {MOST:,}")
    if seed < 0:
        wrong.append(f"the seed {seed} is negative; give a whole number of at least 0")
    return wrong
