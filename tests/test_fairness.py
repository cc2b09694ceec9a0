"""Measures of fairness are what their formulas say, on any table of quotas, and never infinite."""

import json
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.fairness import (
    Fairness,
    fairness,
    fairness_of_quotas,
    gini,
    jain,
    moved_share,
)
from allocator.fairness.indices import Numbers
from instances.norway.build import build
from models.plan import PlanTables
from tests.builders import municipality
from tests.hand_made import case, with_tables


def array(*values: float) -> Numbers:
    return np.array(values, dtype=np.float64)


def towns(*populations: int, **columns: list[Any]) -> pd.DataFrame:
    rows = [municipality(i, population=p) for i, p in enumerate(populations, start=1)]
    return pd.DataFrame(rows).assign(**columns)


def quotas(fair: list[float], quota: list[float | None]) -> pd.DataFrame:
    ids = [municipality(i)["municipality_id"] for i in range(1, len(fair) + 1)]
    return pd.DataFrame({"municipality_id": ids, "fair_share": fair, "quota": quota})


def gini_by_pairs(quota: Numbers, size: Numbers) -> float:
    """Half the weighted mean difference of quota ÷ size over all pairs, relative to the mean."""
    rate, weight = quota / size, size / size.sum()
    differences = np.abs(rate[:, None] - rate[None, :]) * weight[:, None] * weight[None, :]
    return float(differences.sum() / (2 * quota.sum() / size.sum()))


def test_the_measures_of_a_plan_worked_out_by_hand() -> None:
    instance, _, plan = case()
    found = fairness(instance, plan)
    # Quotas 10, 15, 35; fair shares 10, 20, 30; inhabitants 1000, 2000, 3000.
    assert (found.municipalities, found.unknown, found.asked) == (3, 0, 3)
    assert [found.quota, found.fair_share] == pytest.approx([60, 60])
    assert found.ratio is not None
    assert found.ratio.model_dump() == pytest.approx(
        {
            "minimum": 0.75,
            "lower": 0.875,
            "median": 1.0,
            "upper": (1 + 35 / 30) / 2,
            "maximum": 35 / 30,
        }
    )
    assert found.per_1000 == pytest.approx(10)
    assert found.moved_share == pytest.approx(5 / 60)
    assert found.moved == pytest.approx(5)
    assert plan.totals is not None
    assert found.unfairness == pytest.approx(plan.totals.unfairness)
    ratios = (1, 0.75, 35 / 30)
    assert found.jain == pytest.approx(sum(ratios) ** 2 / (3 * sum(r * r for r in ratios)))
    assert found.gini_per_fair_share == pytest.approx(found.gini_per_inhabitant)
    assert found.by_centrality == ()
    assert [(g.group, g.quota) for g in found.by_county] == [("01", 10), ("02", 15), ("03", 35)]
    assert [g.per_1000 for g in found.by_county] == pytest.approx([10, 7.5, 35 / 3])


def test_gini_is_zero_in_proportion_and_near_one_when_one_takes_all() -> None:
    assert gini(array(1, 2, 3), array(10, 20, 30)) == pytest.approx(0)
    assert gini(array(0, 0, 6), array(1, 1, 1)) == pytest.approx(2 / 3)
    # Those who can bear nothing take all.
    assert gini(array(0, 6), array(1, 0)) == pytest.approx(1)


@given(st.lists(st.tuples(st.floats(0, 1e4), st.floats(0.1, 1e4)), min_size=1, max_size=12))
def test_gini_is_half_the_relative_mean_difference(rows: list[tuple[float, float]]) -> None:
    quota, size = array(*(q for q, _ in rows)), array(*(s for _, s in rows))
    if not quota.sum() > 1e-6:
        return
    assert gini(quota, size) == pytest.approx(gini_by_pairs(quota, size), abs=1e-9)


def test_jain_counts_the_equal_and_the_single_taker() -> None:
    assert jain(array(2, 2, 2, 2)) == pytest.approx(1)
    assert jain(array(0, 0, 0, 5)) == pytest.approx(1 / 4)
    assert jain(array(0, 0)) is None
    assert jain(array()) is None


def test_moved_share_compares_shares_so_that_a_smaller_total_moves_nobody() -> None:
    assert moved_share(array(5, 10), array(10, 20)) == pytest.approx(0)
    assert moved_share(array(15, 15), array(10, 20)) == pytest.approx(5 / 30)
    assert moved_share(array(30, 0), array(0, 30)) == pytest.approx(1)
    assert moved_share(array(0, 0), array(1, 1)) is None
    assert moved_share(array(1, 1), array(0, 0)) is None


def test_a_zero_fair_share_has_no_ratio_and_stays_finite() -> None:
    found = fairness_of_quotas(quotas([0, 10, 20], [5, 10, 15]), towns(100, 100, 100))
    assert found.without_fair_share == 1
    assert found.ratio is not None
    assert found.ratio.maximum == pytest.approx(1)
    # The smallest positive fair share divides, as in the program.
    assert found.unfairness == pytest.approx(5**2 / 10 + 0 + 5**2 / 20)
    assert found.by_county[0].ratio is None
    json.loads(found.model_dump_json(), parse_constant=lambda name: pytest.fail(name))


def test_without_any_fair_share_everything_relative_is_missing() -> None:
    found = fairness_of_quotas(quotas([0, 0], [3, 4]), towns(100, 100))
    assert found.ratio is None
    assert (found.jain, found.gini_per_fair_share, found.moved_share) == (None, None, None)
    assert found.unfairness == pytest.approx(25)
    assert found.gini_per_inhabitant == pytest.approx(3.5 / 7 - 3 / 7)


def test_quotas_that_are_not_known_are_left_out_and_counted() -> None:
    found = fairness_of_quotas(quotas([10, 10, 10], [10, None, 20]), towns(100, 100, 200))
    assert (found.municipalities, found.unknown, found.quota) == (2, 1, 30)
    assert found.fair_share == 20
    assert found.per_1000 == pytest.approx(100)
    assert [g.group for g in found.by_county] == ["01", "03"]


def test_an_empty_plan_has_measures_without_values() -> None:
    instance, _, plan = case()
    found = fairness(instance, plan.model_copy(update={"tables": PlanTables({}), "totals": None}))
    assert (found.municipalities, found.unknown, found.quota) == (0, 3, 0)
    assert (found.ratio, found.per_1000, found.jain, found.moved) == (None, None, None, None)
    assert (found.unfairness, found.by_county) == (0, ())
    nobody = with_tables(plan, quotas=plan.quotas.assign(quota=0, ratio=0.0, asked=False))
    none = fairness(instance, nobody)
    assert (none.asked, none.jain, none.gini_per_inhabitant, none.moved) == (0, None, None, None)
    assert none.per_1000 == 0


def test_centrality_is_grouped_where_it_is_known() -> None:
    classed = towns(100, 100, 300, centrality_class=[2.0, 1.0, 2.0])
    found = fairness_of_quotas(quotas([1, 1, 3], [1, 2, 2]), classed)
    assert [(g.group, g.municipalities) for g in found.by_centrality] == [("1", 1), ("2", 2)]
    assert [g.per_1000 for g in found.by_centrality] == pytest.approx([20, 7.5])
    blank = classed.assign(centrality_class=[math.nan, 1.0, 2.0])
    partly = fairness_of_quotas(quotas([1, 1, 3], [1, 2, 2]), blank)
    assert [g.municipalities for g in partly.by_centrality] == [1, 1]


def test_everything_wrong_with_a_table_is_said_at_once() -> None:
    rows = quotas([1, 1, -1], [1, -2, 3])
    rows.loc[3] = ["0101", 1.0, 1.0]
    rows.loc[4] = ["9999", 1.0, 1.0]
    with pytest.raises(ValueError, match="named twice: 0101") as caught:
        fairness_of_quotas(rows, towns(1, 1, 1))
    for text in ("not in the instance: 9999", "fewer than no persons: 0201", "at least 0: 0301"):
        assert text in str(caught.value)


def test_the_real_requests_of_2024_fall_more_on_the_least_central() -> None:
    frame = build("norway-2024").municipalities
    rows = pd.DataFrame(
        {
            "municipality_id": frame["municipality_id"],
            "fair_share": frame["population"] / frame["population"].sum() * 37_000,
            "quota": frame["requested_2024"],
        }
    )
    found = fairness_of_quotas(rows, frame)
    assert [g.group for g in found.by_centrality] == ["1", "2", "3", "4", "5", "6"]
    assert found.by_centrality[0].per_1000 == pytest.approx(2.6, abs=0.05)
    assert found.by_centrality[-1].per_1000 == pytest.approx(18.2, abs=0.05)
    assert sum(g.municipalities for g in found.by_county) == 357


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.floats(0, 1e3), st.one_of(st.none(), st.integers(0, 500))),
        min_size=1,
        max_size=8,
    )
)
def test_json_is_a_round_trip_of_finite_numbers(rows: list[tuple[float, int | None]]) -> None:
    table = quotas([fair for fair, _ in rows], [quota for _, quota in rows])
    found = fairness_of_quotas(table, towns(*range(1, len(rows) + 1)))
    text = found.model_dump_json()
    assert Fairness.model_validate_json(text) == found
    assert "Infinity" not in text
    assert "NaN" not in text
    for value in (found.gini_per_inhabitant, found.gini_per_fair_share, found.moved_share):
        assert value is None or -1e-12 <= value <= 1 + 1e-12
