"""Tightening cuts off no best plan, and each way of it binds where it should."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocator.keys import fair_shares
from allocator.solve import engine, solve
from allocator.solve.arrays import Arrays, TriviallyInfeasible
from allocator.solve.compile import compile_program
from allocator.solve.engine import Ending, Settings
from allocator.solve.secants import Secants
from models.instance import Instance
from models.options import SolveOptions
from models.policy import Policy
from models.program import ALL, NONE, Data, Tightening, build, collect
from tests.small import group, measure, tiny

PEOPLE = [
    group("singles", 50.0, transit_share=0.9, persons_per_dwelling=1.5),
    group("families", 40.0, beds=3, persons_per_dwelling=3.5, transit_share=0.5),
    group("minors", 10.0, beds=3, persons_per_dwelling=4.0, integral=True, minors=True),
]
TERMS = {"shortfall": 10.0, "unfairness": 1.0, "cost": 1e-3, "max_ratio": 0.5, "change": 0.05}


def bought(kind: str, town: int, number: int, draw: Any) -> dict[str, Any]:
    place = f"{town + 1:04d}"
    where: dict[str, Any] = {"site_id": place}
    if kind == "service":
        where = {"municipality_id": place, "service_id": "gp"}
    if kind == "dwellings":
        where["beds"] = draw(st.sampled_from([1, 3]))
    return measure(
        f"{kind}-{place}-{number}",
        kind,
        **where,
        units_per_step=float(draw(st.sampled_from([3, 7, 16]))),
        cost_per_step=float(draw(st.sampled_from([50, 100]))),
        max_steps=draw(st.integers(0, 4)),
    )


@st.composite
def cases(draw: Any) -> tuple[Instance, Policy]:
    """Draw an instance where most things are scarce, and much of the same can be bought."""
    count, target = draw(st.integers(1, 4)), draw(st.integers(20, 120))

    def numbers(most: int) -> list[float]:
        size = {"min_size": count, "max_size": count}
        return [float(x) for x in draw(st.lists(st.integers(0, most), **size))]

    measures = [
        bought(kind, town, number, draw)
        for town in range(count)
        for kind in ("dwellings", "transit", "service")
        for number in range(draw(st.integers(0, 2)))
    ]
    instance = tiny(
        [int(200 + 20 * x) for x in numbers(100)],
        target,
        numbers(30),
        seats=[None if x > 40 else x for x in numbers(60)],
        gp=numbers(50),
        groups=PEOPLE,
        measures=measures or None,
        beds=3,
        towns={
            "minors_allowed": [x > 0 for x in numbers(2)],
            "previous_quota": [int(x) for x in numbers(40)],
        },
    )
    if draw(st.booleans()):
        pool = {"pool_id": "p", "service_id": "gp", "capacity": float(draw(st.integers(0, 80)))}
        members = [{"pool_id": "p", "municipality_id": f"{i + 1:04d}"} for i in range(count)]
        shared = {
            "shared_capacities": pd.DataFrame([pool]),
            "pool_members": pd.DataFrame(members),
        }
        instance = instance.replace(**shared)
    soft = draw(st.sampled_from([{}, {"health": 2.0}, {"housing": 3.0}, {"transport": 1.0}]))
    policy = {
        "step": draw(st.sampled_from([1, 5, 10])),
        "floor": draw(st.sampled_from([0, 10, 25])),
        "budget": float(draw(st.integers(0, 8)) * 100),
        "soft": soft,
        "max_ratio": draw(st.sampled_from([None, 2.0])),
        "goals": [{"terms": TERMS | ({"overload": 1.0} if soft else {})}],
    }
    if draw(st.booleans()):
        decided = {"municipality_id": "0001", "persons": draw(st.integers(0, 30))}
        policy["fixed"] = [decided]
    return instance, Policy.model_validate(policy)


def program(data: Data, tighten: frozenset[Tightening]) -> tuple[Any, Arrays]:
    """Return the program with every secant there can be."""
    model = build(data, tighten=tighten)
    arrays = compile_program(model)
    nothing = np.zeros(arrays.matrix.shape[1])
    return model, Secants(data, model.most, arrays).add(arrays, nothing, 10_000)[0]


def best(data: Data, tighten: frozenset[Tightening], *, relaxed: bool = False) -> float | None:
    """Return the best value of the first goal, none where there is no plan."""
    try:
        _, arrays = program(data, tighten)
    except TriviallyInfeasible:
        return None
    cost, constant = np.zeros(arrays.matrix.shape[1]), 0.0
    for term, weight in data.policy.goals[0].terms.items():
        vector, offset = arrays.objectives[term.value]
        cost, constant = cost + weight * vector, constant + weight * offset
    outcome = engine.run(arrays.relaxed() if relaxed else arrays, cost, constant, Settings(60.0))
    assert outcome.ending is not Ending.LIMIT
    return outcome.value


def collected(instance: Instance, policy: Policy) -> Data:
    return collect(instance, policy, fair_shares(instance, policy))


def same(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return one == pytest.approx(other, rel=1e-6, abs=1e-5)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_no_best_plan_is_cut_off(case: tuple[Instance, Policy]) -> None:
    data = collected(*case)
    plain = best(data, NONE)
    for tighten in [ALL, *(frozenset({one}) for one in Tightening)]:
        assert same(best(data, tighten), plain), sorted(tighten)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_no_tightening_loosens_the_relaxation(case: tuple[Instance, Policy]) -> None:
    data = collected(*case)
    plain = best(data, NONE, relaxed=True)
    for tighten in [ALL, *(frozenset({one}) for one in Tightening)]:
        bound = best(data, tighten, relaxed=True)
        assert plain is None or bound is None or bound >= plain - 1e-5 * max(1.0, abs(plain))


def one_town(policy: dict[str, Any] | None = None, **more: Any) -> Data:
    """Return one municipality that should take all 40, in single rooms."""
    dwellings = more.pop("dwellings", 500.0)
    people = [group("singles", 40.0, transit_share=0.5)]
    instance = tiny([100], 40, [dwellings], groups=people, **more)
    goals = [{"terms": {"shortfall": 1.0, "cost": 1e-3}}]
    return collected(instance, Policy.model_validate({"goals": goals, **(policy or {})}))


def bus(seats: float, steps: int = 10) -> list[dict[str, Any]]:
    return [measure("bus", "transit", site_id="0001", units_per_step=seats, max_steps=steps)]


def homes(*more: dict[str, Any]) -> list[dict[str, Any]]:
    usual = {"site_id": "0001", "beds": 1, "units_per_step": 5.0, "max_steps": 10}
    return [measure(f"homes-{i}", "dwellings", **(usual | one)) for i, one in enumerate(more)]


@pytest.mark.parametrize(("seats", "steps"), [(16.0, 2), (20.0, 1), (7.0, 3), (100.0, 1)])
def test_no_more_steps_than_could_be_used(seats: float, steps: int) -> None:
    model, _ = program(one_town(seats=[0.0], measures=bus(seats)), frozenset({Tightening.STEPS}))
    assert model.steps["bus"].ub == steps


def test_a_measure_that_nothing_limits_buys_nothing() -> None:
    data = one_town(seats=[20.0], measures=bus(16.0))
    assert program(data, frozenset({Tightening.STEPS}))[0].steps["bus"].ub == 0
    assert program(data, NONE)[0].steps["bus"].ub == 10


def test_a_municipality_that_cannot_reach_the_floor_takes_nobody() -> None:
    data = one_town({"floor": 25}, dwellings=22.0)
    assert program(data, NONE)[0].most["0001"] == 22
    assert program(data, frozenset({Tightening.STEPS}))[0].most["0001"] == 0


@pytest.mark.parametrize(("seats", "last"), [(100.0, "transport"), (16.0, "transport_last_step")])
def test_the_last_step_counts_for_what_it_adds(seats: float, last: str) -> None:
    """Twenty need a seat: a hundred count for 20, the second sixteen for 4."""
    data = one_town(seats=[0.0], measures=bus(seats))
    model, _ = program(data, frozenset({Tightening.LAST_STEP}))
    assert last in [c.parent_component().local_name for c in rows(model, last)]
    whole = best(data, NONE)
    assert whole is not None
    loose = best(data, NONE, relaxed=True)
    tight = best(data, frozenset({Tightening.LAST_STEP}), relaxed=True)
    assert loose is not None
    assert loose < whole - 0.01
    assert tight == pytest.approx(whole)


def rows(model: Any, name: str) -> list[Any]:
    return list(getattr(model, name).values())


def test_the_last_step_again_for_the_dwellings_of_today() -> None:
    """Without a dwelling built only 5 of the 16 seats have anyone to carry."""
    data = one_town(
        dwellings=10.0, seats=[0.0], measures=[*bus(16.0), *homes({"cost_per_step": 5e5})]
    )
    tight, loose = (
        best(data, frozenset({Tightening.LAST_STEP, *more}), relaxed=True)
        for more in ([], [Tightening.STOCK])
    )
    assert tight is not None
    assert loose is not None
    assert loose > tight + 0.01
    assert loose == pytest.approx(best(data, NONE))


def test_capacity_counts_only_where_somebody_is_asked() -> None:
    """Eight rooms serve nobody under a floor of 20, not even two fifths of one asked."""
    built = measure("homes", "dwellings", site_id="0001", beds=1, cost_per_step=12e3)
    instance = tiny([100, 300], 40, [8.0, 20.0], measures=[built])
    goals = [{"terms": {"shortfall": 1.0, "cost": 1e-3}}]
    data = collected(instance, Policy.model_validate({"floor": 20, "goals": goals}))
    plain, asked = (
        best(data, tighten, relaxed=True) for tighten in (NONE, frozenset({Tightening.ASKED}))
    )
    assert plain is not None
    assert plain == pytest.approx(40 - 28)
    assert asked is not None
    assert asked > plain + 1


@pytest.mark.parametrize(("dwellings", "there"), [(500.0, False), (40.0, False), (39.0, True)])
def test_rows_that_never_bind_are_left_out(dwellings: float, there: bool) -> None:
    model, _ = program(one_town(dwellings=dwellings), frozenset({Tightening.IDLE_ROWS}))
    # At 39 the bound on the only group says what the row would say.
    assert bool(rows(model, "housing")) is False
    assert (model.persons["0001", "singles"].ub < 40) is there


def test_of_nested_rows_those_that_others_imply_are_left_out() -> None:
    people = [
        group("large", 30.0, beds=4, persons_per_dwelling=5.0),
        group("mid", 30.0, beds=2, persons_per_dwelling=2.0),
        group("small", 30.0),
    ]
    policy = Policy()
    only_large = tiny([100], 90, [10.0], groups=people, beds=4)
    model, _ = program(collected(only_large, policy), frozenset({Tightening.IDLE_ROWS}))
    assert [index[2] for index in model.housing] == [1]
    plenty = only_large.replace(
        dwellings=pd.DataFrame(
            [
                {"site_id": "0001", "beds": beds, "dwellings": free}
                for beds, free in ((1, 100.0), (2, 3.0), (4, 2.0))
            ]
        )
    )
    model, _ = program(collected(plenty, policy), frozenset({Tightening.IDLE_ROWS}))
    assert [index[2] for index in model.housing] == [2]


def test_the_cheaper_of_two_alike_is_bought_first_and_alone_where_it_covers_all_use() -> None:
    def steps(cheap: int) -> Any:
        alike = homes({"max_steps": 10}, {"max_steps": cheap, "cost_per_step": 90.0})
        return program(one_town(dwellings=0.0, measures=alike), ALL)[0]

    enough = steps(8)
    assert [enough.steps[f"homes-{i}"].ub for i in (0, 1)] == [0, 8]
    assert not rows(enough, "better_first")
    short = steps(2)
    assert [short.steps[f"homes-{i}"].ub for i in (0, 1)] == [8, 2]
    assert list(short.better_first) == [("homes-1", "homes-0")]


def test_larger_dwellings_at_the_same_price_come_first_and_smaller_ones_never_do() -> None:
    data = one_town(dwellings=0.0, measures=homes({"beds": 1}, {"beds": 4, "max_steps": 3}))
    assert list(program(data, ALL)[0].better_first) == [("homes-1", "homes-0")]
    dearer = homes({"beds": 1, "cost_per_step": 99.0}, {"beds": 4, "max_steps": 3})
    assert not list(program(one_town(dwellings=0.0, measures=dearer), ALL)[0].better_first)


def test_every_quantity_has_an_upper_bound() -> None:
    goals = [{"terms": {"shortfall": 1.0, "max_ratio": 1.0, "change": 1.0, "overload": 1.0}}]
    soft = {"health": 1.0, "housing": 1.0, "transport": 1.0}
    instance = tiny(
        [100, 300], 40, [1.0, 2.0], gp=[5.0, 50.0], seats=[3.0, None], groups=PEOPLE,
        beds=3, towns={"previous_quota": [100, 5]},
    )  # fmt: skip
    policy = Policy.model_validate({"goals": goals, "soft": soft})
    _, arrays = program(collected(instance, policy), ALL)
    assert np.isfinite(arrays.upper).all()
    change = arrays.columns["change"]
    assert arrays.upper[change["0001"]] == 100
    assert arrays.upper[change["0002"]] == 40


def test_a_plan_from_before_serves_as_a_start_though_it_bought_too_much() -> None:
    people = [group("singles", 40.0, transit_share=0.5)]
    instance = tiny([100], 40, [500.0], groups=people, seats=[0.0], measures=bus(16.0))
    plan = solve(instance, Policy(), SolveOptions(gap=0.0))
    too_many = plan.measures.assign(steps=5, cost=500.0)
    before = plan.model_copy(update={"tables": {**plan.tables, "measures": too_many}})
    again = solve(instance, Policy(), SolveOptions(gap=0.0), start=before)
    assert again.measures["steps"].tolist() == [2]
