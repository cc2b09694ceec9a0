"""Measures of fairness and the price of fairness as lines for people."""

from collections.abc import Iterator, Sequence

from allocator.fairness.types import Fairness, PriceOfFairness
from models.views import Grid

_KNOWN = {
    "held": "an earlier goal holds it",
    "optimal": "proven best",
    "within_gap": "within the gap asked for",
    "limit": "best found within the limits",
    "apart": "not told: the earlier goals came out otherwise",
    "none": "nothing found within the limits",
}


def fairness_grid(measured: Sequence[tuple[str, Fairness]]) -> Grid:
    """Return the measures of every table of quotas, one a column.

    Parameters
    ----------
    measured
        Heading and measures of every table.
    """
    rows = [
        (cells[0][0], *(text for _, text in cells))
        for cells in zip(*(list(_lines(fairness)) for _, fairness in measured), strict=True)
    ]
    classes = [group.group for group in measured[0][1].by_centrality]
    for group in classes:
        values = [
            next((_number(g.per_1000, 2) for g in f.by_centrality if g.group == group), "–")
            for _, f in measured
        ]
        rows.append((f"per 1,000, centrality {group}", *values))
    return Grid(("fairness", *(name for name, _ in measured)), tuple(rows))


def price_grid(price: PriceOfFairness, currency: str) -> Grid:
    """Return what the goal of fairness gave up, one term a row.

    Parameters
    ----------
    currency
        Code of the currency.
    """
    rows = []
    for row in price.terms:
        unit = currency if row.term == "cost" else "persons"
        decimals = 2 if row.term == "outcome" else 0
        figures = (row.in_plan, row.best, row.bound, row.given_up)
        share = "–" if row.price is None else f"{row.price:.2%}"
        told = (_number(figure, decimals) for figure in figures)
        rows.append((f"{row.term.value}, {unit}", *told, share, _KNOWN[row.status.value]))
    headings = ("in the plan", "best without", "proven bound", "given up", "price", "best is")
    return Grid(("price of fairness", *headings), tuple(rows), prose=(6,))


def _lines(fairness: Fairness) -> Iterator[tuple[str, str]]:
    """Yield every measure with its label, the same labels for every table."""
    yield "persons", _number(fairness.quota, 0)
    yield "municipalities known", f"{fairness.municipalities:,}"
    yield "municipalities asked", f"{fairness.asked:,}"
    ratio = fairness.ratio
    for label, name in (
        ("ratio, smallest", "minimum"),
        ("ratio, first quartile", "lower"),
        ("ratio, median", "median"),
        ("ratio, third quartile", "upper"),
        ("ratio, largest", "maximum"),
    ):
        yield label, _number(None if ratio is None else getattr(ratio, name), 3)
    yield "per 1,000 inhabitants", _number(fairness.per_1000, 2)
    yield "Gini per inhabitant", _number(fairness.gini_per_inhabitant, 4)
    yield "Gini per fair share", _number(fairness.gini_per_fair_share, 4)
    yield "Jain index", _number(fairness.jain, 4)
    share = fairness.moved_share
    yield "asked elsewhere than fair", "–" if share is None else f"{share:.2%}"
    yield "unfairness", _number(fairness.unfairness, 2)


def _number(value: float | None, decimals: int) -> str:
    return "–" if value is None else f"{value:,.{decimals}f}"
