"""Whatever the prices, the bound they prove never exceeds the best value there is."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.decomposed.blocks import Blocks
from allocator.solve.decomposed.crew import Here
from allocator.solve.decomposed.pool import single
from allocator.solve.decomposed.prices import SHIFTS, Prices
from allocator.solve.decomposed.search import Stop
from allocator.solve.engine import Ending, NoSolution, Settings
from allocator.solve.stages import Objective
from models.policy import Term
from tests.decomposed.programs import by_hand, objective, taken_apart
from tests.random_small import draw, more


def priced(arrays: Arrays, blocks: Blocks, wanted: Objective, ceiling: float = math.inf) -> Prices:
    """Return prices that nobody has named yet; unfairness is taken as the secants tell it."""
    crew = Here(1)
    crew.take(blocks.chunks(1))
    return Prices(
        arrays=arrays,
        blocks=blocks,
        cost=wanted[0],
        constant=wanted[1],
        crew=crew,
        exact=lambda values: values,
        refine=None,
        stop=Stop(None, lambda: 1.0),
        tell=lambda bound: None,
        gap=1e-6,
        ceiling=ceiling,
    )


def all_goals(seed: int) -> tuple[Arrays, Blocks, Objective] | None:
    """Return a random program with all its goals in one objective."""
    apart = taken_apart(seed)
    if apart is None:
        return None
    _, arrays, blocks = apart
    terms: dict[Term, float] = {}
    for goal in draw(seed)[1].goals:
        for term, weight in goal.terms.items():
            terms[term] = terms.get(term, 0.0) + weight
    return arrays, blocks, objective(arrays, terms)


def below(bound: float | None, value: float) -> bool:
    return bound is None or bound <= value + 1e-6 * max(1.0, abs(value))


@pytest.mark.parametrize("seed", more(0, 25))
def test_no_prices_prove_too_much(seed: int) -> None:
    program = all_goals(seed)
    if program is None:
        return
    arrays, blocks, wanted = program
    best = engine.run(arrays, *wanted, Settings(60.0))
    if best.ending is Ending.INFEASIBLE:
        return
    assert best.ending is Ending.OPTIMAL
    assert best.value is not None
    random = np.random.default_rng(seed)
    good = engine.run(arrays.relaxed(), *wanted, Settings(60.0)).prices
    assert good is not None
    count = len(blocks.rows)
    tried = [random.normal(0.0, scale, count) for scale in (0.01, 1.0, 100.0)]
    tried += [good[blocks.rows] * random.uniform(0.5, 1.5, count) for _ in range(3)]
    for prices in [*tried, np.zeros(count), good[blocks.rows]]:
        fresh = priced(arrays, blocks, wanted)
        fresh.price(prices)
        assert below(fresh.bound, best.value), prices


@pytest.mark.parametrize("seed", more(0, 25))
def test_the_duals_of_the_relaxation_prove_at_least_as_much_as_it(seed: int) -> None:
    program = all_goals(seed)
    if program is None:
        return
    arrays, blocks, wanted = program
    relaxed = engine.run(arrays.relaxed(), *wanted, Settings(60.0))
    if relaxed.prices is None or relaxed.value is None:
        assert relaxed.ending is Ending.INFEASIBLE
        return
    prices = priced(arrays, blocks, wanted)
    try:
        prices.price(relaxed.prices[blocks.rows])
    except NoSolution:
        assert engine.run(arrays, *wanted, Settings(60.0)).ending is Ending.INFEASIBLE
        return
    assert prices.bound is not None
    assert prices.bound >= relaxed.value - 1e-5 * max(1.0, abs(relaxed.value))


# By hand: what two municipalities are worth at a price.


@given(st.floats(-50, 50))
def test_a_price_proves_what_it_does_on_paper(price: float) -> None:
    prices = priced(*by_hand())
    prices.price(np.array([price]))
    first = min(0.0, 4 - 3 * price, 2.5 - 2 * price)
    second = min(0.0, 13 - 4 * price, 6.5 - 2 * price)
    on_paper = 5 * price + first + second + 5 * min(0.0, 10 - price)
    assert prices.bound == pytest.approx(on_paper, abs=1e-4)
    assert below(prices.bound, 10.5)


def test_the_best_bound_is_kept() -> None:
    prices = priced(*by_hand())
    prices.price(np.array([3.25]))
    assert not prices.price(np.array([1.0]))
    assert prices.bound == pytest.approx(10.5)
    assert prices.best.tolist() == [3.25]
    assert prices.bounds == pytest.approx([-5.75, 0.0])
    assert len(prices.pool) == 2


def test_prices_are_found() -> None:
    prices = priced(*by_hand())
    prices.price(np.zeros(1))
    prices.find(lambda: False)
    assert prices.bound == pytest.approx(10.5, abs=1e-4)
    assert prices.mix is not None
    assert prices.mix.broken == pytest.approx(0.0, abs=1e-6)
    assert prices.mix.value == pytest.approx(10.5, abs=1e-4)


def test_the_search_for_prices_tells_when_a_mix_is_near_and_breaks_a_row() -> None:
    prices = priced(*by_hand())
    prices.gap = 0.5
    told: list[float] = []

    def near() -> None:
        assert prices.mix is not None
        told.append(prices.mix.broken)

    prices.price(np.array([3.0]))  # the bound is 10, and only the first takes any: two are missing
    prices.find(lambda: False, near, rounds=1)
    assert told == pytest.approx([2.0])


def test_the_search_for_prices_ends_after_its_rounds() -> None:
    prices = priced(*by_hand())
    prices.price(np.zeros(1))
    prices.find(lambda: False, rounds=1)
    assert len(prices.pool) == 2
    assert not prices.settled
    prices.find(lambda: False)
    assert prices.settled


def test_placements_shift_while_whole_numbers_stay() -> None:
    prices = priced(*by_hand())
    prices.price(np.array([3.25]))
    prices.find(lambda: False)
    prices.pool.add(np.array([3.0, 2.0, 2.0, 1.0, 0.0]))
    before = len(prices.pool)
    assert prices.mix is not None
    preferred = np.array([before - 1, before - 1])
    prices.mix = replace(prices.mix, weights=single(preferred, before))
    prices.shift(np.random.default_rng(1))
    made = range(before, len(prices.pool))
    assert len(made) == SHIFTS
    for k in made:
        values = prices.pool.values[k]
        assert values[1] == prices.pool.values[preferred[0]][1]
        assert values[3] == prices.pool.values[preferred[1]][3]
        assert (values[[0, 2]] <= 2 * values[[1, 3]] + 1e-6).all()
    # At half the price the second is not worth its cost, at one and a half times it is.
    assert {round(prices.pool.values[k][2], 6) for k in made} == {0.0, 2.0}


def test_pricing_stops_where_the_bound_passes_all_there_can_be() -> None:
    prices = priced(*by_hand(), ceiling=10.0)
    with pytest.raises(NoSolution, match=r"10\.5 or more is proven, above 10"):
        prices.price(np.array([3.25]))
    prices = priced(*by_hand(), ceiling=10.5)
    prices.price(np.array([3.25]))
    assert prices.bound == pytest.approx(10.5)


def test_a_price_on_a_side_without_limit_is_not_counted() -> None:
    arrays, blocks, wanted = by_hand()
    open_above = blocks.row_lower.copy()
    prices = priced(arrays, _with_limits(blocks, open_above, np.array([np.inf])), wanted)
    prices.price(np.array([-2.0]))  # a negative price speaks of the upper limit
    assert prices.bound == pytest.approx(0.0)
    assert prices.best.tolist() == [0.0]


def _with_limits(blocks: Blocks, lower: Vector, upper: Vector) -> Blocks:
    return replace(blocks, row_lower=lower, row_upper=upper)


# What is known already becomes proposals.


def test_a_solution_is_learnt_where_municipalities_keep_their_own_rules() -> None:
    prices = priced(*by_hand())
    prices.price(np.zeros(1))
    prices.learn(np.array([3.0, 2.0, 4.0, 1.0, 0.0]))  # the second takes 4 with room for 2
    learnt = prices.pool.values[-1]
    assert learnt[:2].tolist() == [3.0, 2.0]
    assert learnt[2:4].tolist() == prices.pool.values[0][2:4].tolist()
    assert prices.pool.new[-1].tolist() == [True, False]


def test_variety_comes_from_the_seed() -> None:
    made = []
    for _ in range(2):
        prices = priced(*by_hand())
        prices.price(np.array([3.0]))
        prices.vary(np.random.default_rng(7), 4)
        made.append(np.array(prices.pool.values))
    assert np.array_equal(made[0], made[1])
    assert len(made[0]) == 5
