"""Steps around a plan lead to better plans where no choice among the proposals does."""

import numpy as np
import pytest

from allocator.solve.arrays import Vector
from allocator.solve.decomposed.plans import Plans
from tests.decomposed.programs import by_hand
from tests.decomposed.test_prices import priced

NOBODY_PLACED: Vector = np.array([0.0, 0.0, 0.0, 0.0, 5.0])
PRICE = np.array([3.25])


def plans(solution: Vector | None, gap: float) -> Plans:
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
    far.improve()
    assert far.value == pytest.approx(10.5)


def test_a_plan_is_made_of_a_mix() -> None:
    found = plans(None, gap=1e-3)
    found.prices.price(np.zeros(1))
    found.prices.mix_once()
    mix = found.prices.mix
    assert mix is not None
    assert ((mix.weights > 1e-6).sum(axis=0) > 1).any()  # somebody follows two proposals
    found.from_mix()
    assert found.value == pytest.approx(10.5)
    assert found.is_done()


def test_without_a_mix_there_is_no_plan_of_it() -> None:
    found = plans(None, gap=1e-3)
    found.from_mix()
    assert found.solution is None


def test_a_choice_makes_a_plan() -> None:
    found = plans(None, gap=1e-3)
    found.prices.price(np.zeros(1))
    found.prices.learn(np.array([3.0, 2.0, 2.0, 1.0, 0.0]))
    found.prices.mix_once()
    found.choose()
    assert found.value == pytest.approx(10.5)
