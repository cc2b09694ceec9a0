"""Shares become whole persons that add up exactly, in lots, between floors and caps."""

from itertools import product

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocator import load
from allocator.apportionment import InvalidApportionment, Method, apportion

DIVISORS = [method for method in Method if method.monotone]
SHARES = st.lists(
    st.one_of(st.just(0.0), st.floats(1e-6, 1.0), st.sampled_from([0.1, 0.25])),
    min_size=1,
    max_size=12,
).filter(lambda values: sum(values) > 0)


def series(values: list[float]) -> "pd.Series[float]":
    return pd.Series(values, index=[f"{n:02d}01" for n in range(len(values))], dtype="float64")


def persons(values: list[float], target: int, **how: object) -> list[int]:
    return [int(q) for q in apportion(series(values), target, **how)]  # type: ignore[arg-type]


# 1, 3, 5, … by hand: quotients 53, 24, 23, 17.67, 10.6, 8, 7.67, …
@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.SAINTE_LAGUE, [3, 2, 2]),
        (Method.D_HONDT, [4, 2, 1]),
        (Method.LARGEST_REMAINDER, [4, 2, 1]),
        (Method.DANISH, [3, 2, 2]),
    ],
)
def test_seven_seats_by_hand(method: Method, expected: list[int]) -> None:
    assert persons([53.0, 24.0, 23.0], 7, method=method) == expected


def test_the_alabama_paradox_of_largest_remainders() -> None:
    votes = [6.0, 6.0, 2.0]
    ten = persons(votes, 10, method=Method.LARGEST_REMAINDER)
    eleven = persons(votes, 11, method=Method.LARGEST_REMAINDER)
    assert (ten, eleven) == ([4, 4, 2], [5, 5, 1])
    assert persons(votes, 11) >= persons(votes, 10)


@settings(deadline=None)
@given(SHARES, st.integers(0, 40_000), st.sampled_from([1, 2, 5, 10]), st.sampled_from(Method))
def test_totals_are_exact(values: list[float], target: int, step: int, method: Method) -> None:
    quotas = persons(values, target, step=step, method=method)
    assert sum(quotas) == target
    assert sum(quota % step != 0 for quota in quotas) == (1 if target % step else 0)
    assert all(quota == 0 for quota, share in zip(quotas, values, strict=True) if share == 0)


@pytest.mark.parametrize("step", [1, 5])
def test_totals_of_a_whole_country_are_exact_and_grow(step: int) -> None:
    towns = load("norway-2024").municipalities.set_index("municipality_id")
    shares = towns["population"] / towns["population"].sum()
    before = apportion(shares, 0, step)
    for target in range(0, 40_001, 1_777):
        quotas = apportion(shares, target, step)
        assert quotas.sum() == target
        # Between these targets lie whole lots for everybody; the odd lot alone may move on.
        assert (quotas >= before - (before % step)).all()
        before = quotas


@settings(deadline=None)
@given(
    SHARES,
    st.integers(0, 400),
    st.integers(1, 6),
    st.integers(0, 15),
    st.lists(st.one_of(st.none(), st.integers(0, 120)), min_size=12, max_size=12),
    st.sampled_from(Method),
)
def test_floors_and_caps_hold_or_are_refused(
    values: list[float],
    target: int,
    step: int,
    floor: int,
    caps: list[int | None],
    method: Method,
) -> None:
    shares = series(values)
    limits = pd.Series(caps[: len(values)], index=shares.index, dtype="float64")
    try:
        quotas = apportion(shares, target, step, floor, limits, method)
    except InvalidApportionment:
        return
    assert quotas.sum() == target
    assert ((quotas == 0) | (quotas >= floor)).all()
    assert (quotas <= limits.fillna(target)).all()
    assert (quotas % step != 0).sum() == (1 if target % step else 0)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.floats(0.05, 1.0), min_size=1, max_size=3),
    st.integers(1, 24),
    st.integers(1, 4),
    st.integers(0, 9),
    st.lists(st.integers(0, 14), min_size=3, max_size=3),
)
def test_refused_only_when_there_is_no_way(
    values: list[float], target: int, step: int, floor: int, caps: list[int]
) -> None:
    shares = series(values)
    limits = pd.Series(caps[: len(values)], index=shares.index, dtype="float64")
    odd = target % step
    ways = [
        way
        for way in product(*(range(cap + 1) for cap in caps[: len(values)]))
        if sum(way) == target
        and all(quota == 0 or quota >= floor for quota in way)
        and sorted(quota % step for quota in way if quota % step) == ([odd] if odd else [])
    ]
    try:
        quotas = apportion(shares, target, step, floor, limits)
    except InvalidApportionment:
        assert not ways
    else:
        assert tuple(quotas) in ways


@settings(deadline=None)
@given(SHARES, st.integers(0, 2_000), st.sampled_from(DIVISORS), st.sampled_from([1, 5]))
def test_a_larger_target_takes_from_nobody(
    values: list[float], target: int, method: Method, step: int
) -> None:
    less = persons(values, target, method=method, step=step)
    more = persons(values, target + 1, method=method, step=step)
    assert all(a <= b for a, b in zip(less, more, strict=True))


@settings(deadline=None)
@given(
    SHARES,
    st.integers(0, 500),
    st.sampled_from(Method),
    st.randoms(use_true_random=False),
)
def test_the_order_of_municipalities_does_not_matter(
    values: list[float], target: int, method: Method, random: "object"
) -> None:
    shares = series(values)
    mixed = list(shares.index)
    random.shuffle(mixed)  # type: ignore[attr-defined]
    once = apportion(shares, target, 5, 10 if target >= 10 else 0, None, method)
    again = apportion(shares.loc[mixed], target, 5, 10 if target >= 10 else 0, None, method)
    assert again.loc[shares.index].tolist() == once.tolist()


@settings(deadline=None)
@given(SHARES, st.integers(0, 2_000), st.sampled_from(Method), st.sampled_from([1, 5]))
def test_equals_lie_within_one_lot(
    values: list[float], target: int, method: Method, step: int
) -> None:
    quotas = persons(values, target, method=method, step=step)
    for share in set(values):
        alike = [q for q, value in zip(quotas, values, strict=True) if value == share]
        assert max(alike) - min(alike) <= step


def test_the_smallest_drop_out_below_half_the_floor() -> None:
    assert persons([0.6, 0.36, 0.04], 100, floor=10, step=5) == [65, 35, 0]
    assert persons([0.6, 0.34, 0.06], 100, floor=10, step=5) == [55, 35, 10]


def test_the_odd_lot_may_replace_part_of_the_floor() -> None:
    # Two lots of 5 and 2 persons over: only together do they reach the floor of 12.
    assert persons([0.6, 0.4], 12, step=5, floor=12) == [12, 0]


def test_caps_pass_on_what_they_cut_off() -> None:
    shares = series([0.5, 0.3, 0.2])
    caps = pd.Series([20.0, None, 100.0], index=shares.index)
    assert apportion(shares, 100, 5, 10, caps).tolist() == [20, 50, 30]


def test_no_way_is_told_with_its_figures() -> None:
    shares = series([0.5, 0.5])
    caps = pd.Series([10.0, 10.0], index=shares.index)
    with pytest.raises(InvalidApportionment, match=r"21 persons.*may take 20"):
        apportion(shares, 21, caps=caps)
    with pytest.raises(InvalidApportionment, match="at least 30"):
        apportion(shares, 20, floor=30)


def test_every_argument_out_of_range_at_once() -> None:
    with pytest.raises(InvalidApportionment) as caught:
        apportion(series([-1.0]), -1, 0, -1, pd.Series([-2.0], index=["0001"]))
    columns = [problem.column for problem in caught.value.problems]
    assert columns == ["target", "step", "floor", "shares", "caps"]
