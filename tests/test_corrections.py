"""Corrected capacities stand in the place of the instance's figures; settings change by patch."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator import load
from allocator.errors import InvalidDecisions, InvalidPolicy
from allocator.policies import policy_from, with_changes, with_settings
from allocator.revising import revise
from allocator.revising.corrections import corrected
from allocator.solve import solve
from models.answers import Answer, Correction
from models.instance import Instance
from models.options import SolveOptions
from models.policy import Policy
from models.problems import Problem
from tests.small import tiny

THREE = tiny([100, 200, 300], 60, [20.0, 30.0, 40.0], seats=[15.0, None, 5.0], gp=[9.0, 8.0, 7.0])


def correction(municipality_id: str, family: str, capacity: float, **more: Any) -> Correction:
    given_ = {"municipality_id": municipality_id, "family": family, "capacity": capacity}
    return Correction.model_validate({**given_, **more})


def problems(*corrections: Correction, instance: Instance = THREE) -> list[Problem]:
    with pytest.raises(InvalidDecisions) as caught:
        corrected(instance, corrections)
    assert all(problem.table == "corrections" for problem in caught.value.problems)
    assert all(problem.expected for problem in caught.value.problems)
    return list(caught.value.problems)


def rows(frame: pd.DataFrame) -> list[dict[Any, Any]]:
    cells: list[dict[Any, Any]] = (
        frame.astype("object").where(frame.notna(), None).to_dict("records")
    )
    return cells


def only_changed(changed: Instance, table: str) -> None:
    """Check that no other table is another one."""
    for name, frame in THREE.tables.items():
        if name != table:
            pd.testing.assert_frame_equal(changed.tables[name], frame)


# --- what a correction does


def test_dwellings_of_a_size_that_is_there() -> None:
    changed = corrected(THREE, [correction("0002", "housing", 12, site_id="0002", item="1")])
    assert [row["dwellings"] for row in rows(changed.dwellings)] == [20, 12, 40]
    only_changed(changed, "dwellings")
    assert changed.sha256 != THREE.sha256
    assert [row["dwellings"] for row in rows(THREE.dwellings)] == [20, 30, 40]


def test_dwellings_of_another_size_are_added() -> None:
    changed = corrected(THREE, [correction("0002", "housing", 3, site_id="0002", item="4")])
    found = {(row["site_id"], row["beds"]): row["dwellings"] for row in rows(changed.dwellings)}
    known = {("0001", 1): 20, ("0002", 1): 30, ("0003", 1): 40}
    assert found == {**known, ("0002", 4): 3}


@pytest.mark.parametrize("site", ["0001", "0002"])
def test_seats_also_where_there_was_no_limit(site: str) -> None:
    changed = corrected(THREE, [correction(site, "transport", 4, site_id=site)])
    found = {row["site_id"]: row["transit_seats"] for row in rows(changed.sites)}
    assert found == {"0001": 15, "0002": None, "0003": 5} | {site: 4}
    only_changed(changed, "sites")


def test_places_of_a_service() -> None:
    changed = corrected(THREE, [correction("0003", "health", 2.5, item="gp")])
    assert [row["capacity"] for row in rows(changed.capacities)] == [9, 8, 2.5]
    only_changed(changed, "capacities")


def test_places_of_a_service_that_it_had_none_of() -> None:
    without = THREE.replace(capacities=THREE.capacities.iloc[:2])
    changed = corrected(without, [correction("0003", "health", 6, item="gp")])
    assert rows(changed.capacities)[-1] == {
        "municipality_id": "0003",
        "service_id": "gp",
        "capacity": 6,
    }
    assert changed.sha256 != without.sha256


def test_several_at_once_and_none() -> None:
    changed = corrected(
        THREE,
        [
            correction("0001", "housing", 1, site_id="0001", item="1"),
            correction("0001", "housing", 2, site_id="0001", item="2"),
            correction("0002", "housing", 3, site_id="0002", item="1"),
            correction("0001", "transport", 4, site_id="0001"),
            correction("0002", "health", 0, item="gp"),
        ],
    )
    beds = {(row["site_id"], row["beds"]): row["dwellings"] for row in rows(changed.dwellings)}
    assert beds == {("0001", 1): 1, ("0001", 2): 2, ("0002", 1): 3, ("0003", 1): 40}
    assert [row["transit_seats"] for row in rows(changed.sites)] == [4, None, 5]
    assert [row["capacity"] for row in rows(changed.capacities)] == [9, 0, 7]
    assert corrected(THREE, []).sha256 == THREE.sha256


def test_what_is_said_to_be_as_it_is_gives_the_same_instance() -> None:
    same = corrected(THREE, [correction("0002", "housing", 30, site_id="0002", item="1")])
    assert same.sha256 == THREE.sha256


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(0, 1000)),
        max_size=6,
        unique_by=lambda one: one[:2],
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_does_not_matter_and_every_figure_holds(
    figures: list[tuple[int, int, int]], rng: Any
) -> None:
    given_ = [
        correction(f"{m:04d}", "housing", n, site_id=f"{m:04d}", item=str(beds))
        for m, beds, n in figures
    ]
    changed = corrected(THREE, given_)
    known = {("0001", 1): 20.0, ("0002", 1): 30.0, ("0003", 1): 40.0}
    said = {(f"{m:04d}", beds): float(n) for m, beds, n in figures}
    found = {(row["site_id"], row["beds"]): row["dwellings"] for row in rows(changed.dwellings)}
    assert found == {**known, **said}
    shuffled = rng.sample(given_, len(given_))
    assert corrected(THREE, shuffled).sha256 == changed.sha256
    assert corrected(changed, given_).sha256 == changed.sha256, "twice is as once"


# --- what is refused


@pytest.mark.parametrize(
    ("wrong", "column", "message", "expected"),
    [
        (correction("9999", "housing", 1, site_id="0001", item="1"),
         "municipality_id", "no such municipality", "leading zeros"),
        (correction("1", "transport", 1, site_id="0001"),
         "municipality_id", "no such municipality", "leading zeros"),
        (correction("0001", "education", 1, item="gp"),
         "family", "no capacity has this family", "housing, transport, health"),
        (correction("0001", "housing", 1, site_id="0002", item="1"),
         "site_id", "has no such site", "0001"),
        (correction("0001", "housing", 1, item="1"), "site_id", "has no such site", "0001"),
        (correction("0001", "transport", 1), "site_id", "has no such site", "0001"),
        (correction("0001", "transport", 1, site_id="0001", item="1"),
         "item", "not of several kinds", "leave it out"),
        (correction("0001", "health", 1, item="dentist"), "item", "no such service", "gp"),
        (correction("0001", "health", 1), "item", "no such service", "gp"),
        (correction("0001", "health", 1, item="gp", site_id="0001"),
         "site_id", "have no site", "leave it out"),
        *(
            (correction("0001", "housing", 1, site_id="0001", item=item),
             "item", "no number of beds", "such as 2")
            for item in (None, "", "0", "100", "-1", "1.0", "two", "²", "١", "01")
        ),
    ],
)  # fmt: skip
def test_one_wrong_thing_is_told_where_it_is(
    wrong: Correction, column: str, message: str, expected: str
) -> None:
    fine = correction("0002", "health", 1, item="gp")
    (found,) = problems(fine, wrong)
    assert (found.row, found.column) == (2, column)
    assert message in found.message
    assert expected in str(found.expected)
    assert found.value == getattr(wrong, column)


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems(
        correction("0001", "housing", 1, site_id="0003", item="many"),
        correction("0001", "health", 1, item="dentist", site_id="0001"),
        correction("0009", "housing", 1),
    )
    assert [(one.row, one.column) for one in found] == [
        (1, "site_id"),
        (1, "item"),
        (2, "item"),
        (2, "site_id"),
        (3, "municipality_id"),
    ]


def test_the_same_capacity_twice_is_refused() -> None:
    (found,) = problems(
        correction("0001", "housing", 1, site_id="0001", item="1"),
        correction("0001", "housing", 2, site_id="0001", item="2"),
        correction("0001", "housing", 3, site_id="0001", item="1"),
    )
    assert (found.row, found.message) == (3, "row 1 is about the same capacity")


@pytest.mark.parametrize("capacity", [-1.0, float("nan"), float("inf"), 1e10])
def test_a_capacity_that_none_can_be(capacity: float) -> None:
    with pytest.raises(ValueError, match="capacity"):
        correction("0001", "health", capacity, item="gp")


def test_the_packaged_services_can_be_corrected() -> None:
    instance = load("tiny-services")
    row = rows(instance.capacities)[0]
    family = instance.services.set_index("service_id")["family"][row["service_id"]]
    place = {"item": row["service_id"]}
    changed = corrected(
        instance, [correction(row["municipality_id"], family, row["capacity"] + 1, **place)]
    )
    assert rows(changed.capacities)[0]["capacity"] == row["capacity"] + 1


# --- settings as a patch


def test_a_patch_merges_objects_replaces_lists_and_null_is_the_default() -> None:
    start = policy_from(
        {
            "step": 5,
            "max_ratio": 2.0,
            "budget": {"total": 100.0, "transit": 5.0},
            "soft": {"health": 1.0, "transport": 2.0},
            "fixed": [{"municipality_id": "0001", "persons": 5}],
        }
    )
    changed = with_changes(
        start,
        {
            "step": None,
            "max_ratio": 3.0,
            "budget": {"transit": None, "service": 7.0},
            "soft": {"health": 4.0},
            "fixed": [{"municipality_id": "0002", "persons": 6}],
        },
    )
    assert changed.step == Policy().step
    assert changed.max_ratio == 3.0
    budget = changed.budget
    assert (budget.total, budget.transit, budget.service) == (100.0, None, 7.0)
    assert changed.soft == {"health": 4.0, "transport": 2.0}
    assert [one.municipality_id for one in changed.fixed] == ["0002"]
    assert start.step == 5, "the start stays as it was"


def test_all_that_is_wrong_with_a_patch_is_told_at_once() -> None:
    changes = {"step": 0, "budget": {"totl": 1}, "nonsense": {"a": None}, "max_ratio": "2"}
    with pytest.raises(InvalidPolicy) as caught:
        with_changes(Policy(), changes)
    columns = {problem.column for problem in caught.value.problems}
    assert columns == {"step", "budget.totl", "nonsense", "max_ratio"}


_AMOUNT = st.none() | st.integers(0, 10**9).map(float)
_PATCH = st.fixed_dictionaries(
    {},
    optional={
        "step": st.none() | st.integers(1, 50),
        "floor": st.none() | st.integers(0, 50),
        "max_ratio": st.none() | st.integers(1, 9).map(float),
        "budget": st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("total", "dwellings", "transit", "service"), _AMOUNT)
        ),
        "soft": st.dictionaries(
            st.sampled_from(["health", "education"]), st.none() | st.integers(1, 9).map(float)
        ),
        "fixed": st.none()
        | st.lists(st.sampled_from(["0001", "0002", "0003"]), unique=True, max_size=3).map(
            lambda ids: [{"municipality_id": m, "persons": 5} for m in ids]
        ),
    },
)


def patched(target: Any, patch: Any) -> Any:
    """Apply a patch as the pseudo-code of RFC 7396, section 2, has it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = patched(result.get(name), value)
    return result


@settings(deadline=None)
@given(_PATCH, _PATCH)
def test_a_patch_is_one_of_rfc_7396(first: dict[str, Any], second: dict[str, Any]) -> None:
    one = with_changes(Policy(), first)
    two = with_changes(one, second)
    assert two == policy_from(patched(one.model_dump(mode="json"), second))
    assert with_changes(one, {}) == one
    assert with_changes(two, second) == two, "twice is as once"
    # What a patch does not name stays.
    kept = {name for name in Policy.model_fields if name not in second}
    assert all(getattr(two, name) == getattr(one, name) for name in kept)


# --- revisions with settings as a patch


def answer(municipality_id: str, kind: str, persons: int | None = None) -> Answer:
    said = {"author": "council", "date": dt.date(2024, 3, 1), "reason": "as resolved"}
    place = {"municipality_id": municipality_id, "answer": kind, "persons": persons}
    return Answer.model_validate(place | said)


def test_a_revision_takes_settings_as_a_patch() -> None:
    exact = SolveOptions(gap=0.0)
    instance = tiny([100, 100, 100], 60, [500.0] * 3)
    plan = solve(instance, Policy(step=5), exact)
    decisions = [answer("0001", "declined")]
    patch = {"step": 2, "max_ratio": 2.0, "budget": {"total": 10.0}}
    as_patch = revise(plan, instance, target=70, decisions=decisions, settings=patch).plan
    as_text = [f"{name}={value}" for name, value in patch.items() if name != "budget"]
    known = revise(
        plan, instance, target=70, decisions=decisions, settings=[*as_text, "budget.total=10.0"]
    ).plan
    assert as_patch.quota_of == known.quota_of
    assert as_patch.quota_of["0001"] == 0
    assert sum(as_patch.quota_of.values()) == 70
    assert as_patch.revised is not None
    assert as_patch.revised.policy == (known.revised.policy if known.revised else None)
    assert as_patch.revised.policy.step == 2
    back = revise(as_patch, instance, settings={"step": None, "target": None}).plan
    assert back.revised is not None
    assert back.revised.policy.step == Policy().step
    assert back.revised.policy.target is None
    assert back.revised.policy.max_ratio == 2.0
    assert sum(back.quota_of.values()) == 60


def test_the_target_asked_for_stands_above_the_patch() -> None:
    instance = tiny([100, 100], 40, [500.0] * 2)
    plan = solve(instance, Policy(), SolveOptions(gap=0.0))
    revised = revise(plan, instance, target=50, settings={"target": 70}).plan
    assert sum(revised.quota_of.values()) == 50


def test_a_patch_that_is_wrong_is_refused_as_text_is() -> None:
    instance = tiny([100, 100], 40, [500.0] * 2)
    plan = solve(instance, Policy(), SolveOptions(gap=0.0))
    with pytest.raises(InvalidPolicy) as caught:
        revise(plan, instance, settings={"step": 0, "stp": 1})
    assert {problem.column for problem in caught.value.problems} == {"step", "stp"}
    with pytest.raises(InvalidPolicy):
        with_settings(plan.policy, ["step=0"])
