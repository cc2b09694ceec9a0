"""The run from instance to plan: what it says about goals that are not proven."""

import pytest

from allocator.solve.progress import relative_gap
from allocator.solve.solver import little_room
from models.plan import GoalResult
from models.policy import Goal, Term

SHORTFALL = Goal(terms={Term.SHORTFALL: 1.0})
UNFAIRNESS = Goal(terms={Term.UNFAIRNESS: 1.0})


def result(goal: Goal, value: float, bound: float | None) -> GoalResult:
    gap = relative_gap(value, bound)
    return GoalResult(
        name=goal.name, terms=dict(goal.terms), value=value, bound=bound, gap=gap, bound_from=None
    )


def test_a_goal_held_exactly_is_named_where_a_later_one_stays_open() -> None:
    results = [result(SHORTFALL, 110.0, 105.0), result(UNFAIRNESS, 2200.0, 1091.0)]
    (note,) = little_room((SHORTFALL, UNFAIRNESS), results, 0.001)
    assert note.startswith(
        "unfairness is not proven within the gap asked for while shortfall at 110"
    )
    assert "tolerance_absolute" in note


@pytest.mark.parametrize(
    ("first", "shortfall", "bound"),
    [
        (SHORTFALL, 0.0, 1091.0),  # nothing is held
        (SHORTFALL, 110.0, 2199.0),  # within the gap
        (SHORTFALL.model_copy(update={"tolerance_absolute": 20.0}), 110.0, 1091.0),
    ],
)
def test_nothing_is_said_where_there_is_room(first: Goal, shortfall: float, bound: float) -> None:
    results = [result(first, shortfall, shortfall), result(UNFAIRNESS, 2200.0, bound)]
    assert little_room((first, UNFAIRNESS), results, 0.001) == []
