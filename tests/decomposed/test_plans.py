"""Steps around a plan lead to better plans where no choice among the proposals does."""

import numpy as np
import pytest

from allocator.solve.arrays import Vector
from allocator.solve.decomposed import plans as plans_module
from allocator.solve.decomposed.plans import Plans
from tests.decomposed.programs import by_hand
from tests.decomposed.test_prices import priced

NOBODY_PLACED: Vector = np.array([0.0, 0.0, 0.0, 0.0, 5.0])
PRICE = np.array([3.25])


def plans(solution: Vector, gap: float) -> Plans:
    """Return plans that begin with `solution`, at the best price and without a mix to choose by."""
    arrays, blocks, wanted = by_hand()
    prices = priced(arrays, blocks, wanted)
    prices.gap = gap
    prices.price(PRICE)
    return Plans(
        prices=prices,
        done=lambda value: value is not None and value <= 10.5 + 1e-6,
        enough=lambda bound: bound,
        left=lambda: 60.0,
        tell=lambda value, bound: None,
        seed=0,
        solution=solution,
    )


def test_a_plan_far_from_the_bound_is_improved_step_by_step() -> None:
    far = plans(NOBODY_PLACED, gap=1e-3)
    assert far.prices.bound is not None
    assert (far.value, far.prices.bound < 11) == (50.0, True)
    far.attempt(1)
    assert far.value == pytest.approx(10.5)


def test_steps_end_where_they_lead_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # With one municipality at a time nothing is better than 3 in the first and 2 in the second,
    # and nobody says when that is good enough.
    monkeypatch.setattr(plans_module, "FREE_AGAIN", 1)
    stuck = plans(NOBODY_PLACED, gap=1e-3)
    stuck.done = lambda value: False
    stuck.attempt(1)
    assert stuck.value == pytest.approx(10.5)


def test_without_a_plan_or_a_bound_there_is_nowhere_to_go() -> None:
    nothing = plans(NOBODY_PLACED, gap=1e-3)
    nothing.solution, nothing.value = None, None
    nothing.attempt(1)
    assert nothing.value is None
    unproven = plans(NOBODY_PLACED, gap=1e-3)
    unproven.prices.bound = None
    unproven.attempt(1)
    assert unproven.value == 50.0
