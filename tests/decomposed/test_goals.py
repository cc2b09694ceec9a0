"""Goal by goal by prices: which method is chosen, what is held, and that runs repeat themselves."""

import json

import pandas as pd
import pytest

from allocator.keys import fair_shares
from allocator.solve import solve
from allocator.solve.solver import MANY, chosen
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import BoundFrom, Status
from models.policy import Policy
from models.program import Data, collect
from tests import builders
from tests.decomposed.country import run_script
from tests.random_small import draw
from tests.small import measure, tiny

PARTS = SolveOptions(method=Method.DECOMPOSED, gap=0.0)
WHOLE = SolveOptions(method=Method.WHOLE, gap=0.0)


def data(instance: Instance, policy: Policy) -> Data:
    return collect(instance, policy, fair_shares(instance, policy))


def equal_towns(count: int, **more: object) -> Instance:
    return tiny([100] * count, 10 * count, [20.0] * count, **more)  # type: ignore[arg-type]


# Which method `auto` stands for.


@pytest.mark.parametrize(
    ("count", "expected"),
    [(1, Method.WHOLE), (MANY - 1, Method.WHOLE), (MANY, Method.DECOMPOSED)],
)
def test_many_municipalities_are_taken_apart(count: int, expected: Method) -> None:
    assert chosen(Method.AUTO, data(equal_towns(count), Policy())) is expected


def test_a_goal_that_ties_everyone_is_solved_whole() -> None:
    goals = [{"terms": {"shortfall": 1.0}}, {"terms": {"max_ratio": 1.0}}]
    policy = Policy.model_validate({"goals": goals})
    assert chosen(Method.AUTO, data(equal_towns(MANY), policy)) is Method.WHOLE


def test_a_refined_goal_ties_nobody() -> None:
    goals = [{"terms": {"shortfall": 1.0}}, {"terms": {"max_ratio": 1.0}, "refined": True}]
    policy = Policy.model_validate({"goals": goals})
    assert chosen(Method.AUTO, data(equal_towns(MANY), policy)) is Method.DECOMPOSED


@pytest.mark.parametrize(("pools", "expected"), [(10, Method.DECOMPOSED), (11, Method.WHOLE)])
def test_many_pools_are_solved_whole(pools: int, expected: Method) -> None:
    instance = equal_towns(MANY, gp=[100.0] * MANY)
    names = [f"pool-{k}" for k in range(pools)]
    towns = instance.municipalities["municipality_id"]
    shared = instance.replace(
        shared_capacities=pd.DataFrame({"pool_id": names, "service_id": "gp", "capacity": 900.0}),
        pool_members=pd.DataFrame({"pool_id": names, "municipality_id": towns[:pools]}),
    )
    assert chosen(Method.AUTO, data(shared, Policy())) is expected


@pytest.mark.parametrize("method", [Method.WHOLE, Method.DECOMPOSED])
def test_what_is_asked_for_is_done(method: Method) -> None:
    for count in (2, MANY):
        assert chosen(method, data(equal_towns(count), Policy())) is method
    assert solve(equal_towns(3), Policy(), SolveOptions(method=method)).method is method


def test_auto_says_what_it_chose() -> None:
    assert solve(equal_towns(3)).method is Method.WHOLE
    plan = solve(equal_towns(MANY))
    assert (plan.method, plan.status) == (Method.DECOMPOSED, Status.OPTIMAL)


# What earlier goals may give up, and what they may not.


def test_the_last_goal_uses_what_an_earlier_one_may_give_up() -> None:
    # Room for all at 100 a lot of ten, or for nobody at nothing; half may be left out.
    instance = tiny(
        [100, 100], 20, [0.0, 0.0], measures=[measure("m", "dwellings", site_id="0001", beds=1)]
    )
    goals = [
        {"terms": {"shortfall": 1.0}, "tolerance_absolute": 10.0},
        {"terms": {"cost": 1.0}},
    ]
    policy = Policy.model_validate({"goals": goals, "floor": 0})
    for options in (PARTS, WHOLE):
        plan = solve(instance, policy, options)
        assert [goal.value for goal in plan.goals] == pytest.approx([10.0, 100.0])
        assert plan.goals[1].bound == pytest.approx(100.0)


def test_a_first_attempt_that_fails_leaves_nothing_behind() -> None:
    # Holding everything at zero fails here after secants were placed; they must come again.
    instance, policy = draw(159)
    plan = solve(instance, policy, PARTS)
    assert plan.goals[0].value > 0
    assert plan.goals[2].bound == pytest.approx(plan.goals[2].value)


@pytest.mark.parametrize("options", [PARTS, WHOLE])
def test_a_goal_that_is_nearly_zero_is_not_held_at_zero(options: SolveOptions) -> None:
    # Fair shares of 50.00175 and 49.99825: quotas of 50 are unfair by 1.2e-7, and by no less.
    instance = tiny([100_007, 100_000], 100, [60.0, 60.0])
    goals = [{"terms": {name: 1.0}} for name in ("shortfall", "unfairness", "max_ratio")]
    plan = solve(instance, Policy.model_validate({"goals": goals}), options)
    assert plan.status is Status.OPTIMAL
    assert plan.goals[1].value == pytest.approx(2 * 0.00175**2 / 50, rel=1e-3)


def test_goals_that_can_all_be_met_are_met_at_once() -> None:
    plan = solve(equal_towns(4), Policy(), PARTS)
    assert [goal.value for goal in plan.goals] == [0.0, 0.0, 0.0]
    assert [goal.bound_from for goal in plan.goals[:2]] == [BoundFrom.TRIVIAL] * 2


def test_a_shortfall_that_whole_lots_cannot_avoid_is_proven() -> None:
    # The relaxation houses 8 and 7; lots of five house 5 and 5.
    instance = tiny([100, 100], 15, [8.0, 7.0])
    plan = solve(instance, Policy(floor=0), PARTS)
    assert (plan.status, plan.goals[0].value) == (Status.OPTIMAL, 5.0)
    assert plan.goals[0].bound == pytest.approx(5.0)


def test_a_municipality_with_nothing_to_decide_is_no_obstacle() -> None:
    towns = [f"0{k}01" for k in (1, 2)]
    instance = builders.tiny(
        3,
        sites=[{"site_id": m, "municipality_id": m, "name": m} for m in towns],
        dwellings=[{"site_id": m, "beds": 1, "dwellings": 100.0} for m in towns],
    )
    fields = {
        "fixed": [{"municipality_id": "0301", "persons": 0}],
        "goals": [{"terms": {"shortfall": 1.0}}],
    }
    plan = solve(instance, Policy.model_validate(fields), PARTS)
    assert (plan.status, plan.goals[0].value) == (Status.OPTIMAL, 0.0)


def test_a_demand_that_one_municipality_cannot_meet_is_named() -> None:
    instance = tiny([100, 100], 20, [5.0, 30.0])
    decided = [{"municipality_id": "0001", "relation": "at_least", "persons": 10}]
    policy = Policy.model_validate({"fixed": decided})
    ours, theirs = (solve(instance, policy, options) for options in (PARTS, WHOLE))
    assert ours.status is Status.INFEASIBLE
    assert ours.conflicts == theirs.conflicts
    assert [conflict.where for conflict in ours.conflicts] == ["0001"]


# The same question in another process.


def test_another_process_finds_the_same_plan() -> None:
    text = (
        "import json\n"
        "from tests.decomposed.country import EASY, country, options, told\n"
        "from allocator.solve import solve\n"
        "tables, goals = told(solve(country(), EASY, options(processes=2)))\n"
        "print(json.dumps([tables, [goal.model_dump(mode='json') for goal in goals]]))\n"
    )
    results = [run_script(text, PYTHONHASHSEED=seed) for seed in ("1", "2")]
    assert [result.returncode for result in results] == [0, 0], results[0].stderr
    first, second = (json.loads(result.stdout) for result in results)
    assert first == second
    assert len(first[0]["quotas"].splitlines()) == 71
