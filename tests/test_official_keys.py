"""Official keys by hand on three municipalities, their options, and what holds of all of them."""

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator.errors import InvalidPolicy
from allocator.keys import KEYS, shares
from models.instance import Instance
from models.policy import Key
from tests.builders import municipality, tiny

COLUMNS: dict[str, list[float]] = {
    "population": [6000, 3000, 1000],
    "area_km2": [10.0, 30.0, 160.0],
    "asylum_applications": [60.0, 15.0, 10.0],
    "demography_index": [1.0, 0.5, 2.0],
    "employment_rate": [0.7, 0.6, 0.8],
    "family_reunifications": [4.0, 1.0, 0.0],
    "gdp": [70.0, 20.0, 10.0],
    "immigrants": [800.0, 150.0, 50.0],
    "programme_results": [0.5, 0.5, 0.5],
    "refugee_stock": [30.0, 0.0, 10.0],
    "rental_dwellings": [300.0, 100.0, 100.0],
    "ses_score": [0.1, -0.2, 0.0],
    "state_places": [0.0, 50.0, 0.0],
    "tax_revenue": [80.0, 15.0, 5.0],
    "unemployment_rate": [0.02, 0.04, 0.08],
}


def three(target: int = 100, **changes: list[Any]) -> Instance:
    columns = COLUMNS | changes
    rows = [
        municipality(n + 1, **{name: values[n] for name, values in columns.items()})
        for n in range(3)
    ]
    return tiny(rows, target=target)


def share(name: str, instance: Instance | None = None, **options: Any) -> list[float]:
    return list(shares(instance or three(), Key(name=name, options=options)))


def refused(key: Key, instance: Instance | None = None) -> dict[str | None, str]:
    with pytest.raises(InvalidPolicy) as caught:
        shares(instance or three(), key)
    assert all(problem.expected for problem in caught.value.problems)
    return {problem.column: problem.message for problem in caught.value.problems}


@pytest.mark.parametrize("name", ["population", "austria", "uk_2022"])
def test_keys_of_population_alone(name: str) -> None:
    assert share(name) == pytest.approx([0.6, 0.3, 0.1])


def test_uk_goes_by_region_first() -> None:
    assert share("uk_2022", three(county_id=["01", "01", "02"])) == pytest.approx([0.6, 0.3, 0.1])


def test_koenigstein_and_eu_2024_are_plain_means() -> None:
    assert share("koenigstein") == pytest.approx([2.2 / 3, 0.6 / 3, 0.2 / 3])
    assert share("eu_2024") == pytest.approx([0.65, 0.25, 0.1])
    assert share("koenigstein", tax_revenue=0.0) == pytest.approx([0.6, 0.3, 0.1])


def test_eu_2015_caps_the_corrections() -> None:
    # Inverse applications: 100, 200, 100 → 1/4, 1/2, 1/4; unemployment 4, 2, 1 → 4/7, 2/7, 1/7.
    # Caps 0.3·(P + G) = 0.39, 0.15, 0.06.
    effect = [0.52 + 0.025 + 0.039, 0.2 + 0.03, 0.08 + 0.012]
    rest = 1 - sum(effect)
    expected = [e + rest * b for e, b in zip(effect, [0.65, 0.25, 0.1], strict=True)]
    assert share("eu_2015") == pytest.approx(expected)


def test_nrw_caps_area_and_spreads_the_excess() -> None:
    # 0.9·P + 0.1·A = 0.545, 0.285, 0.17; the third is held at 0.125, 0.875 are left.
    capped = [0.545 / 0.83 * 0.875, 0.285 / 0.83 * 0.875, 0.125]
    assert share("nrw", credited={}) == pytest.approx(capped)


def test_nrw_credits_stock_and_state_places() -> None:
    z = share("nrw", credited={})
    persons = [z[0] * 190 - 30, z[1] * 190 - 50, z[2] * 190 - 10]
    assert share("nrw") == pytest.approx([value / 100 for value in persons])
    assert share("nrw", three(target=0)) != [0, 0, 0]


def test_switzerland_lowers_where_the_state_has_centres() -> None:
    # 50 places take off 10 persons, as 250 places take off 50 in Solothurn.
    assert share("switzerland") == pytest.approx([0.66, 0.23, 0.11])


def test_denmark_by_hand() -> None:
    # a = 2P - I = 0.4, 0.45, 0.15; (100 + 5)·a - r = 38, 46.25, 15.75.
    assert share("denmark") == pytest.approx([0.38, 0.4625, 0.1575])


def test_denmark_levels_negatives() -> None:
    # a = 0.2, 0.6, 0.2; 140·a - r = -12, 84, 28: the first takes nobody, the others 100.
    instance = three(immigrants=[1000.0, 0.0, 0.0], family_reunifications=[40.0, 0.0, 0.0])
    assert share("denmark", instance) == pytest.approx([0.0, 0.75, 0.25])


def test_netherlands_corrects_by_score() -> None:
    weighed = [6600.0, 2400.0, 1000.0]
    assert share("netherlands") == pytest.approx([value / 10_000 for value in weighed])


def test_sweden_weighs_four_criteria() -> None:
    employed = [4200 / 6800, 1800 / 6800, 800 / 6800]
    young = [6000 / 9500, 1500 / 9500, 2000 / 9500]
    expected = [
        0.45 * e + 0.3 * p + 0.15 * h + 0.1 * d
        for e, p, h, d in zip(employed, [0.6, 0.3, 0.1], [0.6, 0.2, 0.2], young, strict=True)
    ]
    assert share("sweden_2014") == pytest.approx(expected)


def test_norway_leaves_out_the_small_unless_listed() -> None:
    assert share("norway_2018") == [1.0, 0.0, 0.0]
    listed = share("norway_2018", listed=["0301"], labour_market=0.0)
    assert listed == pytest.approx([6 / 7, 0.0, 1 / 7])
    rates = share("norway_2018", least_population=0.0)
    employed = [4200 / 6800, 1800 / 6800, 800 / 6800]
    assert rates == pytest.approx(
        [0.8 * p + 0.2 * e for p, e in zip([0.6, 0.3, 0.1], employed, strict=True)]
    )


def test_norway_asks_nobody_for_fewer_than_ten() -> None:
    shared = share(
        "norway_2018", three(target=50), least_population=0.0, labour_market=0.0, results=0.0
    )
    assert shared == pytest.approx([0.8 * 2 / 3, 0.8 / 3, 0.2])
    key = Key(name="norway_2018", options={"least_population": 0.0})
    assert "3 municipalities cannot get 10 persons" in str(refused(key, three(target=29)))


def test_a_cap_on_a_factor_of_weighted() -> None:
    key = Key(
        name="weighted",
        weights={"population": 1.0, "area_km2": 1.0},
        options={"caps": {"area_km2": 2.0}},
    )
    # Area 0.05, 0.15, 0.8, capped at twice P; half of the 0.6 cut off goes by population.
    expected = [0.5 * x + 0.5 * y + 0.3 * z for x, y, z in
                ((0.6, 0.05, 0.6), (0.3, 0.15, 0.3), (0.1, 0.2, 0.1))]  # fmt: skip
    assert list(shares(three(), key)) == pytest.approx(expected)


@pytest.mark.parametrize("name", sorted(set(KEYS) - {"weighted"}))
def test_every_column_that_lacks_is_named_at_once(name: str) -> None:
    rule = KEYS[name]
    needed = {one.column for one in rule.indicators(rule.options(), {})} - {"population"}
    if needed:
        assert set(refused(Key(name=name), tiny(3))) == needed
    else:
        assert sum(shares(tiny(3), Key(name=name))) == pytest.approx(1)


def test_a_criterion_without_weight_needs_no_column() -> None:
    instance = three(demography_index=[None, None, None])
    assert set(refused(Key(name="sweden_2014"), instance)) == {"demography_index"}
    assert sum(share("sweden_2014", instance, demography=0.0)) == pytest.approx(1)


@pytest.mark.parametrize(
    ("key", "column", "message"),
    [
        (Key(name="nrw", options={"cap": 1}), "key.options.cap", "no such option"),
        (Key(name="austria", options={"x": 1}), "key.options.x", "no such option"),
        (Key(name="nrw", options={"area_cap": "much"}), "key.options.area_cap", "valid number"),
        (Key(name="nrw", options={"area_cap": -1}), "key.options.area_cap", "greater than"),
        (Key(name="nrw", weights={"gdp": 1}), "key.weights", "takes no weights"),
        (Key(name="norway_2018", options={"listed": ["9"]}), "key.options.listed", "no such"),
        (Key(name="eu_2024", options={"gdp": 0, "population": 0}), "key.options", "above 0"),
        (
            Key(name="weighted", weights={"gdp": 1.0}, options={"caps": {"area_km2": 1.0}}),
            "key.options.caps.area_km2",
            "no weight",
        ),
    ],
)
def test_unknown_and_unused_options_are_refused(key: Key, column: str, message: str) -> None:
    found = refused(key)
    assert set(found) == {column}
    assert message in found[column]


def test_numbers_that_cannot_be_used_are_refused() -> None:
    found = refused(Key(name="eu_2015"), three(unemployment_rate=[0.02, 0.0, 0.1], gdp=["a"] * 3))
    assert set(found) == {"unemployment_rate", "gdp"}


COUNTRY = st.lists(
    st.fixed_dictionaries(
        {
            name: st.floats(0.01, 1.0) if one < 2 else st.floats(1.0, 1e5)
            for name, one in ((name, max(values)) for name, values in COLUMNS.items())
        }
    ),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=15)
@given(rows=COUNTRY, target=st.integers(100, 40_000))
@pytest.mark.parametrize("name", sorted(KEYS))
def test_shares_add_up_whatever_the_order(
    name: str, rows: list[dict[str, float]], target: int
) -> None:
    towns = [
        municipality(n + 1, **(row | {"population": int(row["population"]) + 5000}))
        for n, row in enumerate(rows)
    ]
    weights = {"population": 1.0, "area_km2": 1.0} if name == "weighted" else {}
    key = Key(name=name, weights=weights)
    once = shares(tiny(towns, target=target), key)
    assert (once >= 0).all()
    assert once.sum() == pytest.approx(1.0)
    again = shares(tiny(towns[::-1], target=target), key)
    pd.testing.assert_series_equal(once, again)
