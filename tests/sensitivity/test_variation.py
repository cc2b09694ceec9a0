"""A variation changes what it names and nothing else, and says everything that is wrong with it."""

from typing import Any

import pandas as pd
import pytest

from allocator.errors import InvalidInput
from allocator.loading import load
from allocator.sensitivity.variation import CapacityChange, Variation
from instances.norway.build import build
from instances.tiny.build import build as build_tiny
from models.instance import Instance
from tests.builders import group, municipality
from tests.builders import tiny as built


def country() -> Instance:
    """Two municipalities with two sites each, two services of one family and a pool."""
    sites = [
        {"site_id": f"{m}-{part}", "municipality_id": m, "name": part, "transit_seats": seats}
        for m in ("0101", "0201")
        for part, seats in (("town", None), ("rural", 10.0))
    ]
    dwellings = [
        {"site_id": site["site_id"], "beds": beds, "dwellings": 4.0}
        for site in sites
        for beds in (1, 3)
        if (site["site_id"], beds) != ("0201-rural", 3)
    ]
    capacities = [
        {"municipality_id": m, "service_id": h, "capacity": places}
        for m, h, places in (
            ("0101", "gp", 20.0),
            ("0101", "care", 2.0),
            ("0201", "gp", None),
            ("0201", "care", 3.0),
        )
    ]
    return built(
        [municipality(1), municipality(2)],
        sites=sites,
        dwellings=dwellings,
        groups=[group("singles"), group("families", beds=3)],
        services=[
            {"service_id": h, "name": h, "family": "health", "unit": "places"}
            for h in ("gp", "care")
        ],
        needs=[
            {"group_id": "singles", "service_id": h, "units_per_person": 1.0}
            for h in ("gp", "care")
        ],
        capacities=capacities,
        shared_capacities=[{"pool_id": "west", "service_id": "gp", "capacity": 30.0}],
        pool_members=[{"pool_id": "west", "municipality_id": "0201"}],
    )


def changed(**change: Any) -> Instance:
    return Variation(capacities=(CapacityChange(**change),)).applied(country())


def differences(table: str, column: str, after: Instance) -> dict[str, float]:
    """Return the cells that differ, by the key of their row."""
    before, now = country().tables[table], after.tables[table]
    keys = [name for name in before if name in ("site_id", "beds", "municipality_id", "pool_id")]
    keys += [name for name in before if name == "service_id" and table == "capacities"]
    keys = [name for name in keys if table != "sites" or name == "site_id"]
    both = now.merge(before, on=keys, how="outer", suffixes=("", "_before"))
    unlike = both[both[column].fillna(-1.0) != both[f"{column}_before"].fillna(-1.0)]
    return {
        " ".join(map(str, row)): value
        for *row, value in unlike[[*keys, column]].itertuples(index=False)
    }


@pytest.mark.parametrize(
    ("change", "table", "column", "expected"),
    [
        (
            {"family": "housing", "place": "0101-town", "item": "3", "amount": 2.0},
            "dwellings", "dwellings", {"0101-town 3": 6.0},
        ),
        (
            {"family": "housing", "place": "0201-rural", "item": "3", "amount": 5.0},
            "dwellings", "dwellings", {"0201-rural 3": 5.0},
        ),
        (
            {"family": "housing", "place": "0101", "factor": 0.5},
            "dwellings", "dwellings",
            {f"0101-{part} {beds}": 2.0 for part in ("town", "rural") for beds in (1, 3)},
        ),
        (
            {"family": "housing", "item": "3", "factor": 2.0},
            "dwellings", "dwellings",
            {"0101-town 3": 8.0, "0101-rural 3": 8.0, "0201-town 3": 8.0},
        ),
        (
            {"family": "transport", "factor": 0.0},
            "sites", "transit_seats", {"0101-rural": 0.0, "0201-rural": 0.0},
        ),
        (
            {"family": "transport", "place": "0201", "amount": -4.0},
            "sites", "transit_seats", {"0201-rural": 6.0},
        ),
        (
            {"family": "health", "place": "0101", "factor": 3.0},
            "capacities", "capacity", {"0101 gp": 60.0, "0101 care": 6.0},
        ),
        (
            {"family": "health", "item": "care", "factor": 0.5},
            "capacities", "capacity", {"0101 care": 1.0, "0201 care": 1.5},
        ),
        (
            {"family": "health", "place": "west", "amount": 7.0},
            "shared_capacities", "capacity", {"west": 37.0},
        ),
    ],
)  # fmt: skip
def test_only_what_is_named_changes(
    change: dict[str, Any], table: str, column: str, expected: dict[str, float]
) -> None:
    after = changed(**change)
    assert differences(table, column, after) == expected
    for name, frame in country().tables.items():
        if name != table:
            pd.testing.assert_frame_equal(after.tables[name], frame)


def test_a_factor_on_a_family_reaches_pools_too() -> None:
    after = changed(family="health", factor=2.0)
    assert after.shared_capacities["capacity"].tolist() == [60.0]
    assert len(differences("capacities", "capacity", after)) == 3


def test_changes_are_made_in_order() -> None:
    twice = CapacityChange(family="transport", place="0101", factor=2.0)
    more = CapacityChange(family="transport", place="0101", amount=1.0)
    seats = []
    for order in ((twice, more), (more, twice)):
        after = Variation(capacities=order).applied(country())
        seats.append(differences("sites", "transit_seats", after)["0101-rural"])
    assert seats == [21.0, 22.0]


def test_nothing_changes_nothing() -> None:
    assert Variation().applied(country()) == country()


def test_everything_that_is_wrong_is_said_at_once() -> None:
    wrong: list[dict[str, Any]] = [
        {"family": "luck", "factor": 2.0},
        {"family": "housing", "place": "9999", "factor": 2.0},
        {"family": "housing", "place": "0101-town", "item": "two", "factor": 2.0},
        {"family": "housing", "place": "0101", "amount": 1.0},
        {"family": "housing", "place": "0101-town", "item": "1", "amount": -5.0},
        {"family": "transport", "place": "0101-town", "amount": 1.0},
        {"family": "health", "place": "0301", "factor": 2.0},
        {"family": "health", "item": "class", "factor": 2.0},
        {"family": "health", "place": "0201", "item": "gp", "amount": 1.0},
    ]
    variation = Variation(capacities=tuple(CapacityChange(**one) for one in wrong))
    with pytest.raises(InvalidInput) as caught:
        variation.applied(country())
    said = [str(problem) for problem in caught.value.problems]
    for text in (
        "no capacity has this family (found 'luck'); give one of housing, transport, health",
        "housing.9999: the instance has no such capacity",
        "no number of beds (found 'two'); give one of 1, 3",
        "an amount is added to one capacity, but 4 are meant",
        "less than none",
        "transport.0101-town: the instance has no such capacity, or no limit on it",
        "no such municipality and no such pool (found '0301')",
        "health has no such service (found 'class'); give one of care, gp",
        "health.0201.gp: the instance has no such capacity, or no limit on it",
    ):
        assert sum(text in one for one in said) == 1, text
    assert len(said) == len(wrong)
    assert [str(problem) for problem in variation.problems(country())] == said


@pytest.mark.parametrize("number", [-0.5, float("nan"), float("inf")])
def test_a_factor_is_a_number_from_zero(number: float) -> None:
    with pytest.raises(ValueError, match="factor"):
        CapacityChange(family="housing", factor=number)


def test_assumptions_are_those_of_the_builder() -> None:
    assume = {"housing_turnover": 0.03, "gp_open_share": 0.5}
    varied = Variation(assume=assume).applied(load("norway-2024"))
    assert varied == build("norway-2024", assume)
    both = Variation(assume=assume, capacities=(CapacityChange(family="housing", factor=2.0),))
    doubled = both.applied(load("norway-2024")).dwellings["dwellings"]
    assert doubled.tolist() == (2 * varied.dwellings["dwellings"]).tolist()


def test_wrong_assumptions_are_said_at_once() -> None:
    wrong = Variation(assume={"luck": 1.0, "housing_turnover": 7.0})
    said = [str(problem) for problem in wrong.problems(load("norway-2024"))]
    assert len(said) == 2
    assert "no assumption is called 'luck'" in said[0]
    assert "housing_turnover = 7 is not plausible; give 0.01 to 0.06" in said[1]


@pytest.mark.parametrize(
    "instance", [build_tiny("tiny-pools"), build("norway-2024", {"housing_turnover": 0.03})]
)
def test_only_packaged_norwegian_instances_rest_on_assumptions(instance: Instance) -> None:
    (problem,) = Variation(assume={"housing_turnover": 0.02}).problems(instance)
    assert "not a packaged Norwegian instance" in problem.message
