"""Which rows a synthetic country is made of, their numbers and their counties."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Positions = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]

_LEAST_DIGITS, _LEAST_COUNTY_DIGITS = 4, 2  # as Norway's official numbers have


@dataclass(frozen=True)
class Draw:
    """The municipalities drawn, in the order of their ids.

    Attributes
    ----------
    row
        Position in the source table of the row drawn.
    municipality_id, county_id, county
        Ids as text with leading zeros, so that they sort as numbers do; name of the county.
    """

    row: Positions
    municipality_id: Texts
    county_id: Texts
    county: Texts


def draw(towns: pd.DataFrame, count: int, rng: np.random.Generator) -> Draw:
    """Draw `count` rows of `towns` and sort them into counties.

    The draw is systematic (Madow and Madow 1944, On the theory of systematic sampling):
    rows are put in an order, first those that allow minors, then by population, and every
    (n/N)-th is taken from a random start. Each row has the same chance, each is drawn
    N/n times rounded down or up, and both the share that allows minors and the
    distribution of sizes are kept much more closely than by independent draws, in which
    the capital would make up an eighth of one country and be missing from another.

    A municipality stays in the county of its row. There are as many copies of each county
    as N/n to the nearest whole number, at least one, and the rows of a county are dealt to
    its copies in turn, by size; so from n upwards counties have about as many
    municipalities as Norway's, and below it they have fewer.

    Parameters
    ----------
    towns
        Table of municipalities, n rows.
    count
        N.
    rng
        Source of randomness.
    """
    population = towns["population"].to_numpy()
    order = np.lexsort((-population, ~towns["minors_allowed"].to_numpy()))
    n = len(order)
    # Whole numbers throughout: a rounding error could take a row twice.
    drawn = order[(np.arange(count) * n + rng.integers(n)) // count]
    county, _ = pd.factorize(towns["county_id"], sort=True)
    drawn = drawn[np.lexsort((drawn, -population[drawn], county[drawn]))]
    copies = max(1, round(count / n))
    of = county[drawn]
    copy = (np.arange(count) - np.searchsorted(of, of)) % copies
    sequence = np.lexsort((drawn, of, copy))
    row = drawn[sequence].astype(np.int64)
    number = _numbered(copy[sequence] * (county.max() + 1) + of[sequence])
    county_id = _ids(number, _LEAST_COUNTY_DIGITS)
    return Draw(
        row=row,
        municipality_id=_ids(np.arange(1, count + 1), _LEAST_DIGITS),
        county_id=county_id,
        county=text(towns["county"])[row] + " " + county_id,
    )


def rows_of(owner: Positions, drawn: Positions) -> tuple[Positions, Positions]:
    """Return the rows of a table that belong to the municipalities drawn.

    Parameters
    ----------
    owner
        For every row of the table, the position of its municipality in the source.
    drawn
        Positions of the municipalities drawn; one drawn twice gives its rows twice.

    Returns
    -------
    row
        Positions in the table.
    town
        For each, the position in `drawn`; ascending.
    """
    by_owner = np.argsort(owner, kind="stable")
    counts = np.bincount(owner, minlength=int(drawn.max()) + 1)
    starts = np.cumsum(counts) - counts
    wanted = counts[drawn]
    town = np.repeat(np.arange(len(drawn)), wanted)
    within = np.arange(len(town)) - np.repeat(np.cumsum(wanted) - wanted, wanted)
    return by_owner[starts[drawn][town] + within], town


def text(cells: "pd.Series[str]") -> Texts:
    """Return text as an array of Python strings, which `+` joins cell by cell."""
    texts: Texts = cells.to_numpy(dtype=object)
    return texts


def _numbered(keys: Positions) -> Positions:
    """Give the different keys numbers from 1, in their order."""
    _, inverse = np.unique(keys, return_inverse=True)
    return inverse.astype(np.int64) + 1


def _ids(numbers: Positions, least: int) -> Texts:
    width = max(least, len(str(int(numbers.max()))))
    return text(pd.Series(numbers).astype("str").str.zfill(width))
