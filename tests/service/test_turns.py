"""Runs are handed over in turn: whoever sends many does not keep others waiting."""

from collections import Counter
from itertools import islice
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from api.execution.reconciling import in_turn

Row = dict[str, Any]
_ROW = st.tuples(
    st.sampled_from(["ministry", "university", "town", None]),
    st.sampled_from(["queued", "queued", "queued", "running"]),
    st.booleans(),
)


@st.composite
def rounds(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Runs that have not ended, oldest first: those that are missing, and those at work."""
    missing: list[Row] = []
    at_work: list[Row] = []
    for number, (key, state, known) in enumerate(draw(st.lists(_ROW, max_size=40))):
        row = {"id": f"run_{number:03d}", "created_by": key, "state": state}
        (at_work if known else missing).append(row)
    return missing, at_work


def queued(row: Row) -> bool:
    return bool(row["state"] == "queued")


@given(rounds())
def test_everything_has_its_turn_once(given_: tuple[list[Row], list[Row]]) -> None:
    missing, at_work = given_
    order = list(in_turn(missing, at_work))
    assert sorted(row["id"] for row in order) == [row["id"] for row in missing]


@given(rounds())
def test_what_had_begun_is_first_and_every_key_is_served_in_its_order(
    given_: tuple[list[Row], list[Row]],
) -> None:
    missing, at_work = given_
    order = list(in_turn(missing, at_work))
    begun = [row for row in missing if not queued(row)]
    assert order[: len(begun)] == begun
    for key in {row["created_by"] for row in missing}:
        mine = [row["id"] for row in order if row["created_by"] == key and queued(row)]
        assert mine == sorted(mine)


@given(rounds())
def test_no_key_waits_for_the_second_run_of_another(
    given_: tuple[list[Row], list[Row]],
) -> None:
    """At every hand-over, nobody who waits has fewer runs at work than the one who is served."""
    missing, at_work = given_
    order = list(in_turn(missing, at_work))
    load = Counter(row["created_by"] for row in at_work)
    waiting = Counter(row["created_by"] for row in missing if queued(row))
    for row in order:
        key = row["created_by"]
        if queued(row):
            assert all(load[key] <= load[other] for other in +waiting)
            waiting[key] -= 1
        load[key] += 1


@given(rounds())
def test_equal_keys_are_served_by_who_came_first(given_: tuple[list[Row], list[Row]]) -> None:
    missing = [row for row in given_[0] if queued(row)]
    order = list(in_turn(missing, []))
    first = {row["created_by"]: row["id"] for row in reversed(missing)}
    assert [row["id"] for row in order[: len(first)]] == sorted(first.values())


def test_a_thousand_of_one_key_and_one_of_another() -> None:
    many = [{"id": f"run_{i:04d}", "created_by": "a", "state": "queued"} for i in range(1000)]
    one = {"id": "run_1000", "created_by": "b", "state": "queued"}
    order = list(islice(in_turn([*many, one], []), 3))
    assert order == [many[0], one, many[1]]
    at_work = [{"id": "run_-1", "created_by": "a", "state": "running"}]
    assert next(iter(in_turn([*many, one], at_work))) == one
