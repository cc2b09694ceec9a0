"""The adapter to HiGHS: ends that do not depend on time, and prices."""

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from allocator.errors import SolverError
from allocator.solve import engine
from allocator.solve.arrays import Arrays, Vector
from allocator.solve.engine import Ending, Settings


def program(matrix: np.ndarray, lower: Vector, upper: Vector, whole: np.ndarray) -> Arrays:
    """Return a program whose columns lie between 0 and 6."""
    count = matrix.shape[1]
    return Arrays(
        matrix=sp.csr_array(matrix),
        row_lower=lower,
        row_upper=upper,
        lower=np.zeros(count),
        upper=np.full(count, 6.0),
        integer=whole,
        objectives={},
        columns={},
        row_names=(),
    )


def random_program(seed: int) -> tuple[Arrays, Vector]:
    """Draw a program of up to eight columns and five rows that a random point keeps."""
    random = np.random.default_rng(seed)
    rows, count = int(random.integers(1, 6)), int(random.integers(1, 9))
    whole = random.random(count) < 0.6
    matrix = np.where(random.random((rows, count)) < 0.7, random.uniform(-3, 3, (rows, count)), 0)
    point = np.where(whole, random.integers(0, 7, count), random.uniform(0, 6, count))
    room = random.uniform(0, 2, (2, rows))
    used = matrix @ point
    lower = np.where(random.random(rows) < 0.5, used - room[0], -np.inf)
    return program(matrix, lower, used + room[1], whole), random.normal(0, 1, count)


def split_market(seed: int) -> tuple[Arrays, Vector]:
    """Return a market to split in halves: small, and hard for branch and bound.

    After Cornuéjols and Dawande, *A class of hard small 0-1 programs*, 1998.
    """
    random = np.random.default_rng(seed)
    rows, count = 4, 30
    demand = random.integers(0, 100, (rows, count)).astype(float)
    slack = np.hstack([np.eye(rows), -np.eye(rows)])
    half = np.floor(demand.sum(axis=1) / 2)
    whole = np.arange(count + 2 * rows) < count
    arrays = program(np.hstack([demand, slack]), half, half, whole)
    arrays = replace(arrays, upper=np.where(whole, 1.0, np.inf))
    return arrays, np.where(whole, 0.0, 1.0)


# Ends.


def test_looks_end_a_search_at_the_same_point() -> None:
    arrays, cost = split_market(1)
    settings = Settings(60.0, looks=300)
    first, again = (engine.run(arrays, cost, 0.0, settings) for _ in range(2))
    assert first.ending is Ending.LIMIT
    assert first.solution is not None
    assert again.solution is not None
    assert np.array_equal(first.solution, again.solution)
    assert first.bound == again.bound
    longer = engine.run(arrays, cost, 0.0, Settings(60.0, looks=3_000))
    assert longer.value is not None
    assert first.value is not None
    assert longer.value <= first.value


def test_a_target_ends_a_search_early_and_no_worse() -> None:
    arrays, cost = split_market(2)
    best = engine.run(arrays, cost, 0.0, Settings(60.0, looks=3_000))
    assert best.value is not None
    target = best.value + 20.0
    early = engine.run(arrays, cost, 0.0, Settings(60.0, target=target))
    assert early.ending is Ending.LIMIT
    assert early.value is not None
    assert early.value <= target
    assert early.bound is not None
    assert early.bound <= best.value + 1e-6


def test_a_target_means_nothing_to_a_linear_program() -> None:
    arrays, cost = random_program(4)
    relaxed = arrays.relaxed()
    usual = engine.run(relaxed, cost, 0.0, Settings(10.0))
    aimed = engine.run(relaxed, cost, 0.0, Settings(10.0, target=1e6))
    assert aimed.ending is Ending.OPTIMAL
    assert aimed.value == usual.value


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_without_time_nothing_is_done(seconds: float) -> None:
    outcome = engine.run(*random_program(1), 0.0, Settings(seconds))
    assert (outcome.ending, outcome.solution, outcome.bound) == (Ending.LIMIT, None, None)


def test_cancelled_before_it_begins_nothing_is_done() -> None:
    cancel = threading.Event()
    cancel.set()
    outcome = engine.run(*random_program(1), 0.0, Settings(10.0), cancel=cancel)
    assert (outcome.ending, outcome.solution) == (Ending.LIMIT, None)


def test_an_option_that_does_not_exist_is_refused() -> None:
    with pytest.raises(SolverError, match="mip_rel_gab"):
        engine.run(*random_program(1), 0.0, Settings(10.0, extra={"mip_rel_gab": 0.1}))


# Prices.


@pytest.mark.parametrize("seed", range(40))
def test_prices_of_a_linear_program_prove_its_value(seed: int) -> None:
    arrays, cost = random_program(seed)
    outcome = engine.run(arrays.relaxed(), cost, 5.0, Settings(10.0))
    assert outcome.prices is not None
    assert outcome.value is not None
    sides = np.where(outcome.prices > 0, arrays.row_lower, arrays.row_upper)
    reduced = cost - arrays.matrix.T @ outcome.prices
    ends = np.where(reduced > 0, arrays.lower, arrays.upper)
    at_rows = np.where(outcome.prices == 0, 0.0, outcome.prices * sides)
    proven = 5.0 + float(at_rows.sum() + reduced @ ends)
    assert proven == pytest.approx(outcome.value, rel=1e-7, abs=1e-7)


def test_a_price_is_what_one_more_unit_adds() -> None:
    arrays = program(np.array([[1.0, 1.0]]), np.array([4.0]), np.array([np.inf]), np.zeros(2, bool))
    cost = np.array([2.0, 3.0])
    outcome = engine.run(arrays, cost, 0.0, Settings(10.0))
    more = engine.run(replace(arrays, row_lower=np.array([5.0])), cost, 0.0, Settings(10.0))
    assert outcome.value is not None
    assert more.value is not None
    assert outcome.prices == pytest.approx([more.value - outcome.value])


def test_a_mixed_program_has_no_prices() -> None:
    assert engine.run(*split_market(1), 0.0, Settings(60.0, looks=10)).prices is None


def test_a_linear_program_lost_in_presolve_is_solved_without_it() -> None:
    # A mix of proposals at prices of 1e8, on which HiGHS 1.15.1 ends with "Unknown".
    with np.load(Path(__file__).parent / "lost_in_presolve.npz") as kept:
        entries = (kept["data"], kept["indices"], kept["indptr"])
        shape = (len(kept["row_lower"]), len(kept["cost"]))
        arrays = Arrays(
            matrix=sp.csr_array(entries, shape=shape),
            row_lower=kept["row_lower"],
            row_upper=kept["row_upper"],
            lower=kept["lower"],
            upper=kept["upper"],
            integer=np.zeros(shape[1], dtype=bool),
            objectives={},
            columns={},
            row_names=(),
        )
        cost = kept["cost"]
    usual = engine.run(arrays, cost, 0.0, Settings(60.0))
    without = engine.run(arrays, cost, 0.0, Settings(60.0, presolve=False))
    assert usual.ending is Ending.OPTIMAL
    assert without.value is not None
    assert usual.value == pytest.approx(without.value, rel=1e-9)
