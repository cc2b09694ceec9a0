"""The page that puts the plans beside the real requests; every number in it is computed here."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from allocator import Policy, load
from allocator.compare import Candidate, Comparison, compare
from allocator.fairness import Fairness, moved_share
from instances.norway.observations import OBSERVED, PUBLISHER, observations

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "norway-comparison.md"
RESULTS = ROOT / "benchmarks" / "results" / "norway.json"
YEARS = (2022, 2023, 2024)
MOVERS = 10
"""Municipalities named a year and direction."""
SHOWN = ("requested", "requested_first", "decided", "settled")
"""What was observed and is shown, where it is published for the year."""
LABELS = {"requested_first": "first requested"}
HEAD = """# Norway, 2022 to 2024: the plan beside the real requests

`python -m benchmarks.norway` makes this page (a minute): it solves `norway-2022`, `norway-2023` and
`norway-2024` with the default policy and compares the plans with what is packaged of what was
really asked, decided and settled. `python -m benchmarks.norway page` writes it anew from the plans
kept in `benchmarks/results/norway.json`. No number is typed by hand.

- **Requested** is what the state asked of a municipality, **decided** what its council decided,
  **settled** who came. Publisher: {publisher}.
  Small cells are suppressed there, so that what was settled is a least number.
- **The plan** shares the year's target by inhabitants (Statistics Norway, SSB), as evenly as the
  room allows. What a municipality has room for is mostly [assumption](../instances/README.md).
- **Fair** below means by inhabitants: the measure of the default policy, not of the state, which
  weighed other things too. The page shows where the two differ; it does not say who was right.
"""


@dataclass(frozen=True)
class Year:
    """One year: the plan as it was kept, beside what was observed.

    Attributes
    ----------
    year
        The year.
    plan
        What is kept of the plan.
    observed
        Names of what was observed and is shown.
    comparison
        Plan and observed, side by side.
    towns
        The instance's municipalities by id, with fair_share, plan, a column for all observed,
        and used_up (tuple of families).
    """

    year: int
    plan: dict[str, Any]
    observed: tuple[str, ...]
    comparison: Comparison
    towns: pd.DataFrame

    @property
    def measures(self) -> dict[str, Fairness]:
        """Measures of fairness by name."""
        return self.comparison.fairness


def years() -> list[Year]:
    """Return every year, from the plans kept.

    Raises
    ------
    ValueError
        If a plan kept does not belong to the packaged instance.
    """
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    return [_year(year, kept[str(year)]) for year in YEARS]


def _year(year: int, plan: dict[str, Any]) -> Year:
    instance, seen = load(f"norway-{year}"), observations(year)
    if plan["sha256"] != instance.sha256:
        raise ValueError(
            f"the plan kept is of another norway-{year}; run python -m benchmarks.norway"
        )
    names = tuple(name for name in SHOWN if year in OBSERVED[name].years)
    quota = pd.Series(plan["quota"], dtype="float64")
    candidates = [Candidate("plan", "plan", quota, "")]
    candidates += [Candidate(name, "observed", seen[name], "") for name in names]
    comparison = compare(instance, Policy(), candidates)
    towns = comparison.table.set_index("municipality_id")
    centrality = instance.municipalities.set_index("municipality_id")["centrality_class"]
    used_up = [tuple(plan["used_up"].get(m, ())) for m in towns.index]
    return Year(year, plan, names, comparison, towns.assign(centrality=centrality, used_up=used_up))


def page() -> str:
    """Return the page."""
    all_years = years()
    parts = [HEAD.format(publisher=PUBLISHER), _totals(all_years)]
    parts += [part for year in all_years for part in _about(year)]
    return "\n".join(parts).rstrip() + "\n"


def _totals(all_years: list[Year]) -> str:
    rows = []
    for year in all_years:
        totals, sums = year.plan["totals"], year.towns[list(year.observed)].sum()
        seen = [f"{sums[n]:,.0f}" if n in year.observed else "–" for n in SHOWN]
        asked = f"{totals['asked']:,}, {int((year.towns['requested'] > 0).sum()):,}"
        cost = f"{totals['cost'] / 1e6:,.0f} of {totals['budget'] / 1e6:,.0f}"
        gap = f"{year.plan['gap']:.3%}"
        rows.append(
            (
                str(year.year),
                f"{totals['target']:,}",
                f"{totals['placed']:,}",
                *seen,
                asked,
                cost,
                gap,
            )
        )
    seen = [LABELS.get(name, name) for name in SHOWN]
    head = ("year", "target", "plan", *seen, "asked by plan, by state", "cost, million NOK", "gap")
    text = (
        "Persons; municipalities asked by the plan and by the state; what the measures of the "
        "plan cost, of what is there; how far the plan can be from the best by its own goals "
        "(proven)."
    )
    return f"## Totals\n\n{text}\n\n{_table(head, rows)}"


def _about(year: Year) -> Iterator[str]:
    yield f"## {year.year}\n"
    yield "\n".join(f"- {line}" for line in _said(year)) + "\n"
    yield _measures(year)
    yield _movers(year)


def _said(year: Year) -> Iterator[str]:
    """Yield what differs and why, as far as the figures tell."""
    towns = year.towns
    more, fewer = (int((towns["plan"] * s > towns["requested"] * s).sum()) for s in (1, -1))
    moved = moved_share(towns["plan"].to_numpy(), towns["requested"].to_numpy())
    yield (
        f"**Plan and requests.** The plan asks {more:,} municipalities for more persons than the "
        f"state did and {fewer:,} for fewer; {moved:.0%} of the persons would be asked elsewhere."
    )
    yield _by_centrality(year)
    yield _furthest(towns)
    yield _by_room(year)
    if "decided" in year.observed:
        yield _decisions(towns)


def _by_centrality(year: Year) -> str:
    plan, state = (year.measures[name].by_centrality for name in ("plan", "requested"))
    asked = [
        f"in the {which} ({group[i].municipalities:,} municipalities) the plan asks "
        f"{plan[i].per_1000:.1f} and the state {state[i].per_1000:.1f}"
        for which, i, group in (("most central class", 0, plan), ("least central", -1, plan))
    ]
    return (
        f"**Who bears more.** Per 1,000 inhabitants, {asked[0]}; {asked[1]}. By inhabitants alone "
        "every class would bear the same."
    )


def _furthest(towns: pd.DataFrame) -> str:
    ratios = {name: towns[name] / towns["fair_share"] for name in ("plan", "requested")}
    most = {
        name: f"{ratio.max():.1f} times the fair share ({towns.loc[ratio.idxmax(), 'name']})"
        for name, ratio in ratios.items()
    }
    return (
        f"**Furthest from fair.** The largest request was {most['requested']}; in the plan it is "
        f"{most['plan']}. The state asked {int((ratios['requested'] > 2).sum()):,} municipalities "
        f"for more than twice their fair share, the plan {int((ratios['plan'] > 2).sum()):,}."
    )


def _by_room(year: Year) -> str:
    towns = year.towns
    below = towns[towns["plan"] < towns["fair_share"] - Policy().step]
    full = below[below["used_up"].map(len) > 0]
    families = full["used_up"].explode().value_counts()
    names = ", ".join(f"{family} in {count:,}" for family, count in sorted(families.items()))
    above = towns[towns["plan"] > towns["fair_share"] + Policy().step]
    return (
        f"**Why the plan is not by inhabitants alone.** It asks {len(below):,} municipalities for "
        f"more than a lot ({Policy().step} persons) less than their fair share; in {len(full):,} "
        f"of them some capacity is used up ({names}). {len(above):,} take over for them, with "
        "more than a lot above theirs."
    )


def _decisions(towns: pd.DataFrame) -> str:
    known = towns[towns["decided"].notna()]
    less, more = (int((known["decided"] * s < known["requested"] * s).sum()) for s in (1, -1))
    unknown = len(towns) - len(known)
    rest = f"; {unknown:,} are not known" if unknown else ""
    same = len(known) - less - more
    short = (known["requested"] - known["decided"]).clip(lower=0).sum()
    return (
        f"**Requests and decisions.** {same:,} councils decided what they were asked, {less:,} "
        f"less (together {short:,.0f} persons) and {more:,} more{rest}."
    )


def _measures(year: Year) -> str:
    names = ("plan", *year.observed)
    found = [year.measures[name] for name in names]
    rows = list(zip(*(list(_lines(fairness)) for fairness in found), strict=True))
    lines = [(cells[0][0], *(text for _, text in cells)) for cells in rows]
    head = ("measure", *(LABELS.get(name, name) for name in names))
    text = (
        "What the measures are: [docs](report.md#measures-of-fairness). Ratios are persons ÷ fair "
        f"share of the target of {year.plan['totals']['target']:,}."
    )
    return f"### Measures, {year.year}\n\n{text}\n\n{_table(head, lines)}"


def _lines(fairness: Fairness) -> Iterator[tuple[str, str]]:
    ratio = fairness.ratio
    if ratio is None or fairness.moved_share is None:
        raise ValueError("there is nobody to compare")
    yield "municipalities known", f"{fairness.municipalities:,}"
    yield "ratio, smallest", f"{ratio.minimum:.2f}"
    yield "ratio, quartiles", f"{ratio.lower:.2f}, {ratio.median:.2f}, {ratio.upper:.2f}"
    yield "ratio, largest", f"{ratio.maximum:.2f}"
    yield "Gini per inhabitant", f"{fairness.gini_per_inhabitant:.3f}"
    yield "Jain index", f"{fairness.jain:.3f}"
    yield "asked elsewhere than fair", f"{fairness.moved_share:.1%}"
    for group in fairness.by_centrality:
        yield f"per 1,000, centrality {group.group}", f"{group.per_1000:.1f}"


def _movers(year: Year) -> str:
    towns = year.towns.assign(difference=year.towns["plan"] - year.towns["requested"])
    order = towns["difference"].sort_values(ascending=False, kind="stable")
    ends = [*order.index[:MOVERS], *order.index[-MOVERS:]]
    rest = [name for name in year.observed if name != "requested"]
    rows = []
    for m, row in towns.loc[ends].iterrows():
        numbers = [row["fair_share"], row["plan"], row["requested"]]
        figures = [f"{number:,.0f}" for number in numbers] + [f"{row['difference']:+,.0f}"]
        figures += ["–" if pd.isna(row[name]) else f"{row[name]:,.0f}" for name in rest]
        rows.append((f"{m} {row['name']}", *figures, ", ".join(row["used_up"])))
    labels = [LABELS.get(name, name) for name in rest]
    head = ("municipality", "fair share", "plan", "requested", "plan − requested", *labels)
    text = (
        f"The {MOVERS} municipalities that the plan asks for most more persons than the state did, "
        f"and the {MOVERS} that it asks for most fewer."
    )
    table = _table((*head, "used up in the plan"), rows)
    return f"### Largest differences, {year.year}\n\n{text}\n\n{table}"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"
