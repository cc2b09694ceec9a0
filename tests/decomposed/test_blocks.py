"""Blocks put together again are the program, however many chunks they are split into."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
from pyomo.environ import Var

from allocator.keys import fair_shares
from allocator.solve.arrays import Arrays
from allocator.solve.decomposed.blocks import Blocks, cut, owners
from allocator.solve.decomposed.chunk import Stopped
from allocator.solve.engine import NoSolution
from models.program import build, collect
from tests.decomposed.programs import blocks_of, by_hand, compiled, everything, taken_apart


def own_rows(arrays: Arrays, blocks: Blocks) -> np.ndarray:
    """Return the rows of single municipalities, municipality by municipality."""
    rows = np.setdiff1d(np.arange(arrays.matrix.shape[0]), blocks.rows)
    dense = arrays.matrix.toarray()
    first = [blocks.owner[np.flatnonzero(dense[row])].min() for row in rows]
    return np.asarray(rows[np.argsort(first, kind="stable")])


@pytest.mark.parametrize("seed", range(25))
def test_blocks_give_back_the_program(seed: int) -> None:
    apart = taken_apart(seed)
    if apart is None:
        return
    _, arrays, blocks = apart
    rows, order = own_rows(arrays, blocks), blocks.order
    dense = arrays.matrix.toarray()
    assert sorted([*order, *blocks.columns]) == list(range(dense.shape[1]))
    assert np.array_equal(blocks.common.toarray(), dense[blocks.rows])
    assert np.array_equal(blocks.row_lower, arrays.row_lower[blocks.rows])
    assert np.array_equal(blocks.row_upper, arrays.row_upper[blocks.rows])
    assert np.array_equal(blocks.own.matrix.toarray(), dense[rows][:, order])
    assert not dense[rows][:, blocks.columns].any()
    assert np.array_equal(blocks.own.row_lower, arrays.row_lower[rows])
    assert np.array_equal(blocks.own.row_upper, arrays.row_upper[rows])
    assert np.array_equal(blocks.own.lower, arrays.lower[order])
    assert np.array_equal(blocks.own.upper, arrays.upper[order])
    assert np.array_equal(blocks.own.integer, arrays.integer[order])


@pytest.mark.parametrize("seed", range(25))
def test_a_common_row_ties_municipalities_or_holds_common_columns(seed: int) -> None:
    apart = taken_apart(seed)
    if apart is None:
        return
    _, arrays, blocks = apart
    for row in blocks.rows:
        touched = blocks.owner[np.flatnonzero(arrays.matrix[[row]].toarray()[0])]
        assert len(set(touched)) != 1 or -1 in touched


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("count", [1, 2, 3, 50])
def test_chunks_hold_every_municipality_once_and_in_order(seed: int, count: int) -> None:
    apart = taken_apart(seed)
    if apart is None:
        return
    _, _, blocks = apart
    chunks = blocks.chunks(count)
    assert 1 <= len(chunks) <= count
    assert all(len(chunk) > 0 for chunk in chunks)
    assert sum(len(chunk) for chunk in chunks) == len(blocks)
    together = sp.block_diag([chunk.matrix for chunk in chunks]).toarray()
    assert np.array_equal(together, blocks.own.matrix.toarray())
    for name in ("row_lower", "row_upper", "lower", "upper", "integer"):
        parts = [getattr(chunk, name) for chunk in chunks]
        assert np.array_equal(np.concatenate(parts), getattr(blocks.own, name))
    whole = [blocks.own.program(i) for i in range(len(blocks))]
    split = [chunk.program(i) for chunk in chunks for i in range(len(chunk))]
    for ours, theirs in zip(split, whole, strict=True):
        assert np.array_equal(ours.matrix.toarray(), theirs.matrix.toarray())
        assert np.array_equal(ours.upper, theirs.upper)


def test_chunks_are_of_about_as_many_columns() -> None:
    owner = np.repeat(np.arange(40), 5)
    arrays = _loose(len(owner))
    sizes = [chunk.columns[-1] for chunk in cut(owner, arrays, 40).chunks(4)]
    assert sizes == [50, 50, 50, 50]


def test_a_municipality_without_columns_or_rows_is_a_block_of_its_own() -> None:
    blocks = cut(np.array([0, 2, -1]), _loose(3), 3)
    assert len(blocks) == 3
    assert [blocks.own.program(i).matrix.shape for i in range(3)] == [(0, 1), (0, 0), (0, 1)]
    values, bounds = blocks.own.price(np.array([1.0, -1.0]))
    assert values.tolist() == [0.0, 1.0]
    assert bounds.tolist() == [0.0, 0.0, -1.0]


def test_whole_numbers_can_be_held_while_the_rest_moves() -> None:
    _, blocks, (cost, _) = by_hand()
    cost = cost[:4] - np.array([10.0, 0.0, 10.0, 0.0])
    own = replace(blocks.own, lower=np.array([0.0, 0.0, 1.0, 0.0]))
    held = np.array([np.nan, 1.0, np.nan, 0.0])  # leaves the second no place for one
    values, bounds = own.price(cost, held=held)
    assert values[:2] == pytest.approx([2.0, 1.0])
    assert np.isnan(values[2:]).all()
    assert bounds == pytest.approx([-18.0 + 0.5, np.inf])


def test_a_chunk_tells_who_has_no_solution() -> None:
    _, blocks, (cost, _) = by_hand()
    none = replace(blocks.own, row_lower=np.array([-np.inf, 9.0]), row_upper=np.array([0.0, 9.0]))
    with pytest.raises(NoSolution, match="of 2 small programs, that at 1 has no solution"):
        none.price(cost[:4])


def _loose(count: int) -> Arrays:
    """Return a program of columns from 0 to 1 without rows."""
    return Arrays(
        matrix=sp.csr_array((0, count)),
        row_lower=np.empty(0),
        row_upper=np.empty(0),
        lower=np.zeros(count),
        upper=np.ones(count),
        integer=np.zeros(count, dtype=bool),
        objectives={},
        columns={},
        row_names=(),
    )


# Owners: every variable of the program is known.


def test_every_component_of_the_program_has_an_owner() -> None:
    instance, policy = everything()
    data, arrays = compiled(instance, policy)
    model = build(collect(instance, policy, fair_shares(instance, policy)))
    declared = {component.local_name for component in model.component_objects(Var)}
    assert declared == set(arrays.columns)  # all features are on: no component is empty
    owner = owners(data, arrays.columns, arrays.matrix.shape[1])
    town = {s: m for m, sites in data.sites.items() for s in sites}
    for component, positions in arrays.columns.items():
        for key, column in positions.items():
            place = key[0] if isinstance(key, tuple) else key
            if component == "steps":
                place = data.measures[key].place
            place = town.get(place, place)
            common = component in ("unplaced", "largest_ratio", "missing_pool_places")
            expected = -1 if common else data.municipalities.index(place)
            assert owner[column] == expected, (component, key)


def test_all_rows_but_a_few_belong_to_one_municipality() -> None:
    data, arrays = compiled(*everything())
    blocks = blocks_of(data, arrays)
    common = {arrays.row_names[row][0] for row in blocks.rows}
    # All measures are in one municipality, so the budgets belong to it.
    assert common == {"supply", "pools", "one_odd_lot", "ratio"}


def test_a_component_nobody_told_of_is_refused() -> None:
    data, _ = compiled(*everything())
    with pytest.raises(KeyError, match="seats_sold"):
        owners(data, {"seats_sold": {"0101": 0}}, 1)


def test_a_chunk_stops_when_it_is_told_to() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(Stopped):
        cut(np.array([0]), _loose(1), 1).own.price(np.zeros(1), stop=stop)
