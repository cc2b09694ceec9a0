"""Cells of tables are named by what their rows are, and given other values, or refused."""

import pandas as pd
import pytest

from allocator.errors import InvalidInput
from allocator.loading import load
from allocator.sensitivity.cells import CellChange, cell_change, with_changes
from allocator.sensitivity.inputs import InvalidOver, Question
from allocator.sensitivity.variation import Variation
from models.instance import Instance
from models.policy import Policy
from models.problems import Problem


@pytest.fixture(scope="module")
def hand_made() -> Instance:
    """Two families of services, and two counties."""
    given = load("tiny-services")
    towns = given.municipalities.assign(county_id=["01", "01", "02"])
    services = pd.DataFrame(
        {
            "service_id": ["gp", "nurse", "school"],
            "name": ["GP", "Nurse", "School"],
            "family": ["health", "health", "education"],
            "unit": "places",
        }
    )
    ids = towns["municipality_id"].tolist()
    capacities = pd.DataFrame(
        [
            (m, h, 10.0 * (i + 1) + j)
            for i, m in enumerate(ids)
            for j, h in enumerate(services["service_id"])
        ],
        columns=["municipality_id", "service_id", "capacity"],
    )
    capacities.loc[0, "capacity"] = None  # the first municipality has no limit on GPs
    needs = given.needs.iloc[0:0]
    return given.replace(
        municipalities=towns, services=services, capacities=capacities, needs=needs
    )


def after(instance: Instance, path: str, value: float) -> list[float]:
    """Return the column that a change is about, as it is then, missing ones as -1."""
    change = cell_change(path, value)
    question = Question(Policy(), Variation()).with_value(path, value)
    changed = question.variation.applied(instance)
    assert question.variation.problems(instance) == []
    others = [name for name in instance.tables if name != change.table]
    assert all(changed.tables[name].equals(instance.tables[name]) for name in others)
    column = changed.tables[change.table][change.column]
    return [float(v) for v in column.astype("float64").fillna(-1.0)]


def test_rows_are_meant_that_have_every_item(hand_made: Instance) -> None:
    a, b, c = hand_made.municipalities["municipality_id"]
    # As it is: no limit, 11, 12 · 20, 21, 22 · 30, 31, 32, for GP, nurse, school.
    assert after(hand_made, f"capacities[health,{b}] *=", 0.5) == [
        -1,
        11,
        12,
        10,
        10.5,
        22,
        30,
        31,
        32,
    ]
    assert after(hand_made, f"capacities[gp,{c}] =", 7) == [-1, 11, 12, 20, 21, 22, 7, 31, 32]
    assert after(hand_made, f"capacities[gp,{a}] =", 7) == [7, 11, 12, 20, 21, 22, 30, 31, 32]
    assert after(hand_made, "capacities[education] +=", 5) == [-1, 11, 17, 20, 21, 27, 30, 31, 37]
    assert after(hand_made, "capacities *=", 2) == [-1, 22, 24, 40, 42, 44, 60, 62, 64]
    assert after(hand_made, "capacities[county_id=01, school] *=", 0) == [
        *(-1, 11, 0, 20, 21, 0, 30, 31, 32)
    ]


def test_tables_of_sites_and_groups_and_measures() -> None:
    tiny = load("tiny-measures")
    assert after(tiny, "dwellings[0201] *=", 0.5) == [30, 15, 30]
    assert after(tiny, "dwellings.dwellings[0301-town,1] +=", -30) == [30, 30, 0]
    assert after(tiny, "groups.persons[singles] +=", 500) == [620]
    assert after(tiny, "measures.cost_per_step[dwellings] *=", 1.5) == [75, 150, 450]
    assert after(tiny, "measures.max_steps[site_id=0101-town] =", 9) == [9, 6, 6]
    assert after(tiny, 'municipalities.population["0101"] *=', 1.0004) == [1000, 1000, 1000]
    assert after(tiny, "municipalities.population[02] *=", 1.0006) == [1000, 1001, 1000]


def test_changes_come_one_after_the_other() -> None:
    tiny = load("tiny-measures")
    question = Question(Policy(), Variation())
    for path, value in (("dwellings *=", 2.0), ("dwellings[0101] +=", 1.0), ("dwellings *=", 10.0)):
        question = question.with_value(path, value)
    assert question.variation.applied(tiny).dwellings["dwellings"].tolist() == [610, 600, 600]
    assert tiny.dwellings["dwellings"].tolist() == [30, 30, 30]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("dwelings *=", "there is no table 'dwelings'"),
        ("dwellings[0101 *=", "this is no change of cells"),
        ("dwellings[0101]", "this is no change of cells"),
        ("dwellings[0101 0201,] *=", "there is no id where one is needed"),
        ("dwellings.homes *=", "dwellings has no column of figures 'homes'"),
        ("dwellings.beds *=", "dwellings has no column of figures 'beds'"),
        ("groups[singles] *=", "groups has not one column of figures"),
        ("pool_members *=", "pool_members has not one column of figures"),
    ],
)
def test_what_cannot_be_read_is_named(path: str, message: str) -> None:
    with pytest.raises(InvalidOver) as caught:
        Question(Policy(), Variation()).with_value(path, 0.5)
    (problem,) = caught.value.problems
    assert (problem.message, problem.value) == (message, path)
    assert problem.expected


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("dwellings[301] *=", 0.5, "no row has this"),
        ("dwellings[place=0301] *=", 0.5, "rows have no such label"),
        ("dwellings[0101,02] *=", 0.5, "no row has all of that, or its cell is blank"),
        ("sites *=", 0.5, "no row has all of that, or its cell is blank"),
        ("dwellings +=", -31, "a cell would be -1, less than 0"),
        ("groups.transit_share *=", 2, "a cell would be 2, more than 1"),
        ("municipalities.population *=", 0, "a cell would be 0"),
        ("municipalities.employment *=", 2, "the instance has no such column of figures"),
        ("municipalities.name =", 2, "the instance has no such column of figures"),
    ],
)
def test_what_is_wrong_for_an_instance_is_named(path: str, value: float, message: str) -> None:
    tiny = load("tiny-measures")
    question = Question(Policy(), Variation()).with_value(path, value)
    (problem,) = question.variation.problems(tiny)
    assert problem.message == message
    with pytest.raises(InvalidInput) as caught:
        question.variation.applied(tiny)
    assert caught.value.problems == (problem,)


def test_an_item_that_can_be_two_things_needs_a_label() -> None:
    tiny = load("tiny-measures")
    towns = tiny.municipalities.assign(municipality_id=["1", "2", "3"])
    sites = tiny.sites.assign(municipality_id=["1", "2", "3"])
    dwellings = tiny.dwellings.assign(beds=[2, 1, 1])
    given = tiny.replace(municipalities=towns, sites=sites, dwellings=dwellings)
    found: list[Problem] = []
    assert with_changes(given, [cell_change("dwellings[1] *=", 0.0)], found) == {}
    assert [one.message for one in found] == ["this can be more than one"]
    assert found[0].expected == "write beds=1 or write municipality_id=1"
    assert after(given, "dwellings[beds=1] *=", 0.0) == [30, 0, 0]
    assert after(given, "dwellings[municipality_id=1] *=", 0.0) == [0, 30, 30]


def test_a_change_is_a_round_trip() -> None:
    change = cell_change("capacities[family=health, 0301] *=", 0.9)
    assert CellChange.model_validate_json(change.model_dump_json()) == change
    assert cell_change(change.words, 0.9) == change
