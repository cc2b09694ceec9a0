"""Marginal values are those of solving again, and prices those of an independent program."""

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.optimize import linprog

from allocator.errors import InvalidPlan
from allocator.keys import fair_shares
from allocator.sensitivity.conditional import Conditional, Worth, conditional
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.marginal import Marginal, marginal
from allocator.sensitivity.screened import best, capacities_of, measures_of
from allocator.sensitivity.tables import records
from allocator.sensitivity.types import State
from allocator.solve import solve
from models.plan import Plan, Status
from models.program import collect
from tests import random_small
from tests.random_small import more
from tests.sensitivity.cases import EXACT, STEP_COST, STEP_UNITS, Country, draw
from tests.small import group, measure, tiny


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(processes=2) as one:
        yield one


def solved(country: Country) -> Plan:
    return solve(country.instance, country.policy, EXACT)


def prices_of(country: Country, plan: Plan | None = None) -> Conditional:
    shares = fair_shares(country.instance, country.policy)
    data = collect(country.instance, country.policy, shares)
    return conditional(data, plan or solved(country))


# Prices, against the same program stated by hand for another solver.


def least(country: Country, held: float | None) -> float:
    """Return the least shortfall, or the least unfairness + 1e-7·cost with it held.

    Everything may be a fraction; unfairness is read along the lines between whole lots.
    Columns: quota, steps, unfairness of every municipality.
    """
    n = len(country.populations)
    fair = country.target * np.array(country.populations) / sum(country.populations)
    rows: list[npt.NDArray[np.float64]] = []
    most: list[float] = []

    def at_most(limit: float, *entries: tuple[int, float]) -> None:
        row = np.zeros(3 * n)
        for column, value in entries:
            row[column] = value
        rows.append(row)
        most.append(limit)

    for i in range(n):
        at_most(country.dwellings[i], (i, 1.0), (n + i, -STEP_UNITS))
        at_most(country.gp[i], (i, 1.0))
        for q in range(0, country.target + 1, country.step):
            low, high = ((p - fair[i]) ** 2 / fair[i] for p in (q, q + country.step))
            slope = (high - low) / country.step
            at_most(slope * q - low, (i, slope), (2 * n + i, -1.0))
    at_most(float(country.target), *((i, 1.0) for i in range(n)))
    at_most(country.budget / 1e6, *((n + i, STEP_COST / 1e6) for i in range(n)))
    if held is not None:
        at_most(held + 1e-9 - country.target, *((i, -1.0) for i in range(n)))
    shortfall = np.repeat([-1.0, 0.0, 0.0], n)
    unfair = np.repeat([0.0, 1e-7 * STEP_COST, 1.0], n)
    bounds = [(0, None)] * n + [(0, steps) for steps in country.steps] + [(0, None)] * n
    cost, constant = (shortfall, country.target) if held is None else (unfair, 0.0)
    found = linprog(cost, A_ub=np.array(rows), b_ub=most, bounds=bounds, method="highs")
    assert found.success
    return float(found.fun) + constant


def gained(before: Country, after: Country) -> list[tuple[int, float]]:
    """Return what changes by the number of the goal: shortfall, then unfairness + cost.

    What cannot be had with the shortfall of before is worth any amount of the later goal.
    """
    old, new = least(before, None), least(after, None)
    later = -math.inf if new > old + 1e-7 else least(before, old) - least(after, old)
    return [(1, old - new), (3, later)]


SMALL = 1e-3


def between(worth: Worth | None, country: Country, name: str, i: int, size: float = SMALL) -> bool:
    """Tell whether a worth lies between what a little more gains and a little less loses."""

    def moved(units: float) -> Country:
        if name == "budget":
            return replace(country, budget=country.budget + units)
        return country.with_more(name, i, units)

    above = [(goal, gain / size) for goal, gain in gained(country, moved(size))]
    below = [(goal, -gain / size) for goal, gain in gained(country, moved(-size))]
    amounts = {} if worth is None else {worth.goal: worth.amount}
    tolerance = 1e-8 / size
    for (goal, low), (_, high) in zip(above, below, strict=True):
        amount = amounts.get(goal, 0.0)
        if not low - tolerance <= amount <= high + tolerance:
            return False
        if amount > 0:
            return True  # later goals are not told
    return True


@cache
def prices_for(seed: int) -> Conditional:
    return prices_of(draw(seed))


@pytest.mark.parametrize("seed", range(12))
def test_prices_are_differences_of_an_independent_program(seed: int) -> None:
    country = draw(seed)
    prices = prices_for(seed)
    for i in range(3):
        m = f"{i + 1:04d}"
        assert between(prices.dwelling(m, m, 1), country, "dwellings", i)
        assert between(prices.place(m, "gp"), country, "gp", i)
        assert prices.bought(f"m{i}") == prices.dwelling(m, m, 1)
    million = prices.million("total")
    each = None if million is None else Worth(million.goal, million.amount / 1e6)
    assert between(each, country, "budget", 0, size=1.0)


def test_some_prices_are_of_each_goal() -> None:
    goals = set()
    for seed in range(12):
        prices = prices_for(seed)
        for i in range(3):
            worth = prices.dwelling(f"{i + 1:04d}", f"{i + 1:04d}", 1)
            goals.add(None if worth is None else worth.goal)
    assert goals == {None, 1, 3}


def test_a_large_dwelling_is_worth_at_least_a_small_one() -> None:
    people = [group("singles", 10.0), group("families", 12.0, beds=3, persons_per_dwelling=3.0)]
    country = tiny([100, 100], 22, [3.0, 4.0], groups=people)
    homes = pd.DataFrame(
        [
            {"site_id": s, "beds": beds, "dwellings": count}
            for s in ("0001", "0002")
            for beds, count in ((1, 2.0), (3, 1.0))
        ]
    )
    instance = country.replace(dwellings=homes)
    policy = draw(1).policy
    plan = solve(instance, policy, EXACT)
    data = collect(instance, policy, fair_shares(instance, policy))
    prices = conditional(data, plan)
    small, large = (prices.dwelling("0001", "0001", beds) for beds in (1, 3))
    assert small is not None
    assert large is not None
    # A small one lets one person in, a large one three.
    assert small.goal == 1
    assert small.amount == pytest.approx(1.0)
    assert large.goal == 1
    assert large.amount == pytest.approx(3.0)


@pytest.mark.parametrize("seed", more(0, 15))
def test_prices_never_say_that_more_does_harm(seed: int) -> None:
    instance, policy = random_small.draw(seed)
    plan = solve(instance, policy, EXACT)
    if not plan.found:
        return
    data = collect(instance, policy, fair_shares(instance, policy))
    prices = conditional(data, plan)
    capacity = ("housing", "transport", "services", "pools", "budget")
    for goal in prices.prices:
        for (component, _), price in goal.items():
            if component in capacity:
                assert price <= 1e-7


def test_a_shared_pool_counts_for_what_a_place_is_worth() -> None:
    measures = [
        measure(f"gp-{m}", "service", municipality_id=m, service_id="gp") for m in ("0001", "0002")
    ]
    country = tiny([100, 100], 20, [20.0, 20.0], gp=[15.0, 15.0], measures=measures)
    pooled = country.replace(
        budget=0.0,
        shared_capacities=pd.DataFrame([{"pool_id": "w", "service_id": "gp", "capacity": 12.0}]),
        pool_members=pd.DataFrame({"pool_id": "w", "municipality_id": ["0001", "0002"]}),
    )
    policy = draw(1).policy
    plan = solve(pooled, policy, EXACT)
    data = collect(pooled, policy, fair_shares(pooled, policy))
    prices = conditional(data, plan)
    assert prices.place("0001", "gp") is None
    for worth in (prices.pooled("w"), prices.bought("gp-0001")):
        assert worth is not None
        assert worth.goal == 1
        assert worth.amount == pytest.approx(1.0)


# Trials, against every plan there is.


def rows_of(found: Marginal, what: str) -> list[dict[str, Any]]:
    return records(found.confirmed[found.confirmed["what"] == what])


def gains(before: Country, after: Country) -> tuple[int, float]:
    """Return the first goal that reacts and what it gains, by trying every plan."""
    (old, old_unfair), (new, new_unfair) = before.best(), after.best()
    if old != new:
        return 1, old - new
    return 3, old_unfair - new_unfair


@pytest.mark.parametrize("seed", [0, 3, 5, 6])
def test_trials_gain_what_solving_again_gains(executor: Executor, seed: int) -> None:
    country = draw(seed)
    found = marginal(
        country.instance, solved(country), top=3, money=200.0, options=EXACT, executor=executor
    )
    tried = found.confirmed.to_dict("records")
    assert {row["state"] for row in tried} == {"solved"}
    for row in tried:
        after = country
        if row["what"] == "budget":
            after = replace(country, budget=country.budget + 200.0)
        elif row["what"] == "target":
            after = replace(country, target=country.target + 20)
        elif row["kind"] == "dwellings":
            i = int(row["municipality_id"]) - 1
            if row["what"] == "measure":
                assert (row["units"], row["cost"]) == (2 * STEP_UNITS, 200.0)
            after = country.with_more("dwellings", i, row["units"])
        else:
            after = country.with_more("gp", int(row["municipality_id"]) - 1, row["units"])
        goal, gain = gains(country, after)
        assert row["goal"] == goal
        assert row["worth"] == pytest.approx(gain, abs=1e-5)
        assert row["at_least"] == pytest.approx(gain, abs=1e-4)
        assert row["at_most"] == pytest.approx(gain, abs=1e-4)
        assert row["worth_per_unit"] == pytest.approx(gain / row["units"], abs=1e-5)
        if row["what"] == "target":
            assert row["worth"] < 0 or math.isclose(row["worth"], 0.0)
        else:
            assert row["worth"] >= -1e-6
    assert {row["what"] for row in tried} >= {"budget", "target", "capacity", "measure"}


def test_the_best_of_every_kind_are_tried(executor: Executor) -> None:
    country = draw(0)
    found = marginal(
        country.instance, solved(country), top=1, money=100.0, options=EXACT, executor=executor
    )
    screened = found.capacities[found.capacities["kind"] != "budget"]
    for kind, amounts in (("dwellings", [5.0, 20.0]), ("service", [20.0])):
        own = screened[(screened["kind"] == kind) & (screened["conditional"] > 0)]
        tried = [row for row in rows_of(found, "capacity") if row["kind"] == kind]
        if own.empty:
            assert tried == []
            continue
        first = own.sort_values(["goal", "conditional"], ascending=[True, False]).iloc[0]
        assert [row["units"] for row in tried] == amounts
        assert {row["conditional"] for row in tried} == {first["conditional"]}
    assert {row["kind"] for row in tried} <= {"dwellings", "service"}
    assert any(screened["conditional"] > 0)


def test_the_ranking_puts_the_best_of_a_kind_first(executor: Executor) -> None:
    country = Country((100, 100, 100), 30, (2.0, 4.0, 6.0), (20.0,) * 3, (5, 5, 5), (0.5,) * 3, 0.0)
    dear = country.instance.measures.assign(cost_per_step=[300.0, 200.0, 100.0])
    instance = country.instance.replace(measures=dear)
    plan = solve(instance, country.policy, EXACT)
    found = marginal(instance, plan, money=600.0, options=EXACT, executor=executor)
    ranking = found.ranking
    assert ranking["measure_id"].tolist() == ["m2", "m1", "m0"]
    gain = ranking["worth_per_million"].tolist()
    # Six, three and two steps of three dwellings: 18, 9 and 6 more persons, 18 in fact fewer
    # because the town takes no more than its doctors do.
    assert gain == [pytest.approx(x / 600.0 * 1e6) for x in (14.0, 9.0, 6.0)]
    said = ranking["conditional"] * ranking["units"] / ranking["cost"] * 1e6
    assert said.tolist() == [pytest.approx(x / 600.0 * 1e6) for x in (18.0, 9.0, 6.0)]


def test_screening_takes_one_of_a_place_and_leaves_out_what_does_not_react() -> None:
    country = draw(0)
    data = collect(country.instance, country.policy, fair_shares(country.instance, country.policy))
    prices = prices_of(country)
    capacities, measures = list(capacities_of(data, prices)), list(measures_of(data, prices))
    assert len(capacities) == 6
    assert [one.measure_id for one in measures] == ["m0", "m1", "m2"]
    for kind in ("dwellings", "service"):
        picked = best(capacities, kind, 10)
        assert all(one.worth is not None for one in picked)
        places = [one.capacity.municipality_id for one in picked]
        assert len(places) == len(set(places))
        worth = [(one.worth.goal, -one.worth.amount) for one in picked if one.worth is not None]
        assert worth == sorted(worth)
    assert best(capacities, "dwellings", 0) == []


def test_nothing_is_worth_more_where_there_is_plenty(executor: Executor) -> None:
    plenty = Country((100, 200), 30, (90.0, 90.0), (90.0, 90.0), (0, 0), (0.5, 0.5), 100.0)
    found = marginal(plenty.instance, solved(plenty), options=EXACT, executor=executor)
    assert (found.capacities["conditional"] == 0).all()
    assert set(found.confirmed["what"]) == {"budget", "target"}
    (money,) = rows_of(found, "budget")
    assert money["worth"] == pytest.approx(0.0)
    assert found.ranking.empty


def test_a_trial_without_an_answer_is_a_row() -> None:
    country = draw(0)
    with Executor(processes=1, time_limit=1e-9) as executor:
        found = marginal(country.instance, solved(country), options=EXACT, executor=executor)
    assert found.base.state is State.NOT_RUN
    assert (found.capacities["conditional"] > 0).any()  # the prices are those of the plan given
    assert len(found.confirmed) > 2
    assert set(found.confirmed["state"]) == {"not_run"}
    assert set(found.confirmed["error"]) == {"the time for all cases (1e-09 s) was over"}
    assert found.confirmed["worth"].isna().all()


def test_marginal_values_have_a_json_form(executor: Executor) -> None:
    country = draw(1)
    found = marginal(
        country.instance, solved(country), top=1, money=100.0, options=EXACT, executor=executor
    )
    answer = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert answer["goals"] == ["shortfall", "overload", "unfairness + 1e-07·cost"]
    assert len(answer["confirmed"]) == len(found.confirmed)
    assert answer["base"]["status"] == "optimal"
    assert {row["kind"] for row in answer["capacities"]} >= {"dwellings", "service"}


def test_wrong_questions_are_refused() -> None:
    country = draw(1)
    plan = solved(country)
    with pytest.raises(ValueError, match=r"top is -1(.|\n)*money is 0"):
        marginal(country.instance, plan, top=-1, money=0.0)
    nothing = plan.model_copy(update={"totals": None, "status": Status.NONE})
    with pytest.raises(InvalidPlan, match="no quotas"):
        marginal(country.instance, nothing)
