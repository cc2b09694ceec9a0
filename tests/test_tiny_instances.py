"""The tiny instances rebuild unchanged, and the engine gives the answers they describe."""

import filecmp
from pathlib import Path

import pytest

from allocator.checking import check
from allocator.loading import load
from allocator.solve import solve
from allocator.writing import write
from instances.tiny.build import BUILDERS, build
from models.plan import Plan
from models.policy import MaxChange, Policy
from models.problems import errors

FOLDERS = Path(__file__).parent.parent / "instances"


def quotas(plan: Plan) -> list[float]:
    return [float(quota) for quota in plan.quotas["quota"]]


@pytest.mark.parametrize("name", BUILDERS)
def test_the_folder_rebuilds_byte_for_byte(name: str, tmp_path: Path) -> None:
    folder = write(build(name), tmp_path / name)
    packaged = sorted(path.name for path in (FOLDERS / name).iterdir())
    assert packaged == sorted(path.name for path in folder.iterdir())
    equal, different, unread = filecmp.cmpfiles(folder, FOLDERS / name, packaged, shallow=False)
    assert (sorted(equal), different, unread) == (packaged, [], [])
    assert load(FOLDERS / name).sha256 == build(name).sha256


@pytest.mark.parametrize("name", BUILDERS)
def test_nothing_is_wrong_with_it(name: str) -> None:
    instance = build(name)
    assert errors(check(instance)) == []
    assert 3 <= len(instance.municipalities) <= 6
    assert "The answer is" in instance.description or "the answer is" in instance.description


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tiny-housing", [30, 45, 45]),
        ("tiny-transport", [20, 50, 50]),
        ("tiny-pools", [30, 30, 50, 50]),
        ("tiny-measures", [40, 45, 30]),
        ("tiny-stability", [40, 40, 40]),
        ("tiny-integral", [30, 30, 30]),
        ("tiny-odd-lot", [10, 20, 62]),
    ],
)
def test_the_default_policy_gives_the_answer_described(name: str, expected: list[float]) -> None:
    assert quotas(solve(build(name))) == expected


def test_families_live_where_the_large_dwellings_are() -> None:
    placements = solve(build("tiny-housing")).placements
    families = placements[(placements["group_id"] == "families") & (placements["persons"] > 1e-6)]
    persons = dict(zip(families["site_id"], families["persons"], strict=True))
    assert persons == pytest.approx({"0201-town": 30.0, "0301-town": 30.0})


def test_full_lists_send_the_rest_elsewhere() -> None:
    alder, *others = quotas(solve(build("tiny-services")))
    assert alder == 25
    assert sorted(others) == [45, 50]


def test_the_budget_leaves_five_without_a_place() -> None:
    plan = solve(build("tiny-measures"))
    assert plan.totals is not None
    assert plan.totals.shortfall == 5
    assert plan.totals.cost == pytest.approx(400.0)
    bought = plan.measures[plan.measures["steps"] > 0]
    assert dict(zip(bought["measure_id"], bought["steps"], strict=True)) == {
        "0101-dwellings": 2,
        "0201-dwellings": 3,
    }


def test_a_limit_on_change_keeps_alder_high_and_cedar_low() -> None:
    policy = Policy(max_change=MaxChange(persons=15))
    alder, *others = quotas(solve(build("tiny-stability"), policy))
    assert alder == 55
    assert sorted(others) == [30, 35]


def test_minors_are_whole_and_only_where_they_may_go() -> None:
    alder, birch, cedar = solve(build("tiny-integral")).quotas["minors"]
    assert alder + birch == 7
    assert alder in (0, 1, 2, 3)
    assert cedar == 0
