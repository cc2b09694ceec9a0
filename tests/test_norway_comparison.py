"""The page that compares Norway's plans with the real requests says what the figures say."""

import json
import re

import pytest

from allocator.loading import load
from benchmarks.norway.page import PAGE, RESULTS, YEARS, page
from instances.norway.observations import observations

TEXT = PAGE.read_text(encoding="utf-8")
KEPT = json.loads(RESULTS.read_text(encoding="utf-8"))


def table(after: str) -> list[dict[str, str]]:
    """Return the first table below a heading, a row a dictionary."""
    lines = TEXT.split(f"\n{after}\n", 1)[1].splitlines()
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("|").split("|")])
        elif rows:
            break
    head, _, *body = rows
    return [dict(zip(head, row, strict=True)) for row in body]


def number(text: str) -> float | None:
    return None if text == "–" else float(text.replace(",", ""))


def test_the_page_is_made_of_the_plans_kept() -> None:
    assert page() == TEXT  # or else run python -m benchmarks.norway page


@pytest.mark.parametrize("year", YEARS)
def test_the_totals_are_those_observed(year: int) -> None:
    (row,) = [row for row in table("## Totals") if row["year"] == str(year)]
    seen = observations(year)
    for column, heading in (
        ("requested", "requested"),
        ("requested_first", "first requested"),
        ("decided", "decided"),
        ("settled", "settled"),
    ):
        said = number(row[heading])
        assert said == (seen[column].sum() if column in seen else None)
    assert number(row["target"]) == load(f"norway-{year}").target
    asked = [float(n) for n in row["asked by plan, by state"].split(", ")]
    assert asked[1] == (seen["requested"] > 0).sum()


@pytest.mark.parametrize("year", YEARS)
def test_the_plans_kept_are_whole_and_of_the_packaged_instances(year: int) -> None:
    instance, kept = load(f"norway-{year}"), KEPT[str(year)]
    assert kept["sha256"] == instance.sha256
    assert list(kept["quota"]) == instance.municipalities["municipality_id"].tolist()
    totals, quotas = kept["totals"], list(kept["quota"].values())
    assert sum(quotas) == totals["placed"] == totals["target"] - totals["shortfall"]
    assert totals["asked"] == sum(q > 0 for q in quotas)
    assert totals["cost"] <= totals["budget"]
    assert {q % 5 for q in quotas} == {0}
    (row,) = [row for row in table("## Totals") if row["year"] == str(year)]
    assert number(row["plan"]) == totals["placed"]


@pytest.mark.parametrize("year", YEARS)
def test_the_largest_differences_are_plan_less_request(year: int) -> None:
    seen, kept = observations(year), KEPT[str(year)]["quota"]
    difference = {m: kept[m] - int(asked) for m, asked in seen["requested"].items()}
    rows = table(f"### Largest differences, {year}")
    found = [row["municipality"].split()[0] for row in rows]
    assert [number(row["plan − requested"]) for row in rows] == [difference[m] for m in found]
    ordered = sorted(difference.values(), reverse=True)
    assert [difference[m] for m in found] == ordered[:10] + ordered[-10:]
    for m, row in zip(found, rows, strict=True):
        assert row["municipality"] == f"{m} {seen.loc[m, 'name']}"
        assert number(row["requested"]) == seen.loc[m, "requested"]


@pytest.mark.parametrize("year", YEARS)
def test_the_least_central_bear_what_is_said(year: int) -> None:
    towns = load(f"norway-{year}").municipalities.set_index("municipality_id")
    last = towns[towns["centrality_class"] == 6]
    asked = observations(year).loc[last.index, "requested"].sum()
    rate = 1000 * asked / last["population"].sum()
    (row,) = [r for r in table(f"### Measures, {year}") if r["measure"].endswith("centrality 6")]
    assert row["requested"] == f"{rate:.1f}"
    assert re.search(rf"in the least central .* and the state {rate:.1f}", TEXT)


def test_the_page_names_the_publishers() -> None:
    for name in ("Directorate of Integration and Diversity (IMDi)", "Statistics Norway"):
        assert name in TEXT
