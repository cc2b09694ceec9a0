"""What must hold for any plan: apportionment, order, units, more room, the same seed twice."""

import json
import subprocess
import sys
import threading
from fractions import Fraction

import numpy as np
import pytest
import votelib.evaluate.proportional as proportional

from allocator.solve import solve
from allocator.solve.progress import Progress
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan, Status
from models.policy import Policy
from tests.random_small import more
from tests.small import tiny
from tests.test_second_solver import random_instance

EXACT = SolveOptions(gap=0.0)


@pytest.mark.parametrize("seed", more(0, 6))
def test_without_capacities_quotas_are_sainte_lague_on_lots(seed: int) -> None:
    random = np.random.default_rng(seed)
    populations = [int(p) for p in random.integers(200, 90_000, 12)]
    lots = int(random.integers(20, 300))
    instance = tiny(populations, 5 * lots, [1e6] * 12)
    plan = solve(instance, Policy(floor=0), EXACT)
    votes = {f"{i + 1:04d}": Fraction(p) for i, p in enumerate(populations)}
    seats = proportional.HighestAverages("sainte_lague").evaluate(votes, lots)
    expected = [5 * seats.get(m, 0) for m in plan.quotas["municipality_id"]]
    assert plan.quotas["quota"].tolist() == expected


def best(instance: Instance, policy: Policy) -> Plan:
    plan = solve(instance, policy, EXACT)
    assert plan.status is Status.OPTIMAL
    return plan


@pytest.mark.parametrize("seed", more(0, 5))
def test_the_order_of_rows_changes_nothing(seed: int) -> None:
    instance, policy = random_instance(seed)
    turned = {name: frame.iloc[::-1] for name, frame in instance.tables.items()}
    again = instance.replace(**turned)
    assert again.sha256 == instance.sha256
    one, two = best(instance, policy), best(again, policy)
    assert one.quotas.equals(two.quotas)
    assert one.placements.equals(two.placements)


@pytest.mark.parametrize("seed", more(0, 5))
def test_the_unit_of_money_changes_nothing_but_the_cost(seed: int) -> None:
    instance, policy = random_instance(seed)
    measures = instance.measures
    measures["cost_per_step"] = measures["cost_per_step"] * 10
    assert policy.budget.total is not None
    terms = {term.value: weight for term, weight in policy.goals[0].terms.items()}
    dearer = policy.model_copy(
        update={
            "budget": policy.budget.model_copy(update={"total": policy.budget.total * 10}),
            "goals": Policy.model_validate({"goals": [{"terms": terms | {"cost": 1e-4}}]}).goals,
        }
    )
    one, two = best(instance, policy), best(instance.replace(measures=measures), dearer)
    assert one.goals[0].value == pytest.approx(two.goals[0].value, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", more(0, 5))
@pytest.mark.parametrize("table", ["dwellings", "capacities"])
def test_more_capacity_never_leaves_more_people_out(seed: int, table: str) -> None:
    instance, policy = random_instance(seed)
    plain = policy.model_copy(
        update={"soft": {}, "goals": Policy.model_validate({"goals": [["shortfall"]]}).goals}
    )
    column = "dwellings" if table == "dwellings" else "capacity"
    frame = instance.tables[table]
    frame[column] = frame[column] + 3.0
    before = best(instance, plain)
    after = best(instance.replace(**{table: frame}), plain)
    assert before.totals is not None
    assert after.totals is not None
    assert after.totals.shortfall <= before.totals.shortfall


def test_the_same_seed_gives_the_same_plan_in_two_processes() -> None:
    program = (
        "from allocator.loading import load; from allocator.solve import solve\n"
        "from models.options import SolveOptions; from models.policy import Policy\n"
        "plan = solve(load('tiny-measures'), Policy(), SolveOptions(seed=7))\n"
        "import json; print(json.dumps(plan.model_dump(mode='json')['tables']))\n"
    )
    outputs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert json.loads(outputs[0].stdout) == json.loads(outputs[1].stdout)
    assert json.loads(outputs[0].stdout)["quotas"]


def test_a_plan_survives_json_and_a_child_process() -> None:
    instance, policy = random_instance(3)
    here = solve(instance, policy, EXACT)
    assert Plan.model_validate_json(here.model_dump_json()) == here
    seen: list[Progress] = []
    options = SolveOptions(gap=0.0, child_process=True)
    there = solve(instance, policy, options, progress=seen.append)
    assert there.quotas.equals(here.quotas)
    assert seen[0].phase == "check"


def test_a_cancelled_run_ends_at_once_and_says_that_nothing_is_proven() -> None:
    stop = threading.Event()
    stop.set()
    instance, policy = random_instance(3)
    plan = solve(instance, policy, EXACT, cancel=stop)
    assert plan.status is Status.NONE
    assert not plan.found
