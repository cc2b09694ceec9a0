"""The price of fairness is what could be had without it: by hand, by trying, and from the tool."""

import itertools
import json
import math
import random
import threading
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from allocator.cli import Exit
from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.fairness import PriceOfFairness, PriceStatus, TermPrice, price_of_fairness
from allocator.solve import solve
from allocator.solve.progress import Progress
from allocator.writing import write
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import Plan
from models.policy import Policy, Term
from tests.small import measure, tiny
from tests.test_cli import run

EXACT = SolveOptions(gap=0.0)


def with_outcomes(instance: Instance, probabilities: list[float]) -> Instance:
    ids = instance.municipalities["municipality_id"]
    rows = {"municipality_id": ids, "group_id": "singles", "probability": probabilities}
    return instance.replace(outcomes=pd.DataFrame(rows))


def homes(*most: int) -> list[dict[str, Any]]:
    """Ten dwellings a step for 100, at most so many steps in 0001, 0002, …"""
    return [
        measure(f"homes-{i}", "dwellings", site_id=f"{i:04d}", beds=1, max_steps=steps)
        for i, steps in enumerate(most, start=1)
        if steps
    ]


# Fair is 20 each. 0001 has homes for 30, 0002 for none, and can build ten for 100 a step.
TOWNS = tiny([100, 100], 40, [30.0, 0.0], measures=homes(0, 4))


def solved(instance: Instance, **policy: Any) -> Plan:
    return solve(instance, Policy.model_validate(policy), EXACT)


def priced(
    instance: Instance, plan: Plan, **more: Any
) -> tuple[PriceOfFairness, dict[Term, TermPrice]]:
    price = price_of_fairness(instance, plan, **more)
    assert PriceOfFairness.model_validate_json(price.model_dump_json()) == price
    return price, {row.term: row for row in price.terms}


def test_the_price_worked_out_by_hand() -> None:
    instance = with_outcomes(TOWNS, [0.5, 0.1])
    plan = solved(instance)
    assert plan.quotas["quota"].tolist() == [20, 20]
    price, terms = priced(instance, plan)
    assert (price.goal, price.earlier) == ("unfairness + 1e-07·cost", ("shortfall", "overload"))
    # Two steps are bought; 30 and 10 would need only one.
    cost = terms[Term.COST]
    assert (cost.in_plan, cost.best, cost.given_up, cost.price) == (200, 100, 100, 1.0)
    assert cost.bound == pytest.approx(100)
    assert cost.status is PriceStatus.OPTIMAL
    # 20 · 0.5 + 20 · 0.1 against 30 · 0.5 + 10 · 0.1.
    outcome = terms[Term.OUTCOME]
    assert [outcome.in_plan, outcome.best, outcome.given_up] == pytest.approx([12, 16, 4])
    assert outcome.price == pytest.approx(4 / 16)
    assert outcome.bound == pytest.approx(16)
    # Everybody has a place, because that goal comes first.
    shortfall = terms[Term.SHORTFALL]
    assert (shortfall.status, shortfall.given_up, shortfall.price) == (PriceStatus.HELD, 0, 0)
    assert (shortfall.in_plan, shortfall.best, shortfall.bound) == (0, 0, 0)


def test_what_cost_nothing_has_no_price_in_per_cent() -> None:
    instance = tiny([100, 100], 40, [40.0, 0.0], measures=homes(0, 4))
    _, terms = priced(instance, solved(instance))
    cost = terms[Term.COST]
    assert (cost.in_plan, cost.best, cost.given_up, cost.price) == (200, 0, 200, None)
    assert Term.OUTCOME not in terms


def test_where_fairness_asks_for_nothing_it_costs_nothing() -> None:
    instance = tiny([100, 100], 40, [20.0, 10.0], measures=homes(0, 1))
    _, terms = priced(instance, solved(instance))
    cost = terms[Term.COST]
    assert (cost.in_plan, cost.best, cost.given_up, cost.price) == (100, 100, 0, 0)
    assert cost.status is PriceStatus.OPTIMAL


def test_fairness_first_leaves_persons_without_a_place() -> None:
    # Fair is 10 and 30; there is room for 20 and 10. Fairness alone asks for 10 and 10.
    instance = tiny([100, 300], 40, [20.0, 10.0])
    plan = solved(instance, goals=[["unfairness"], ["shortfall"]])
    assert plan.quotas["quota"].tolist() == [10, 10]
    price, terms = priced(instance, plan)
    assert (price.goal, price.earlier) == ("unfairness", ())
    shortfall = terms[Term.SHORTFALL]
    assert (shortfall.in_plan, shortfall.best, shortfall.given_up) == (20, 10, 10)
    assert shortfall.price == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("term", "quotas", "given_up"),
    # The largest ratio is least at 20 and 20; nobody moves from 10 and 30.
    [("max_ratio", [20, 20], 100), ("change", [10, 30], 200)],
)
def test_other_goals_of_fairness_have_a_price_too(
    term: str, quotas: list[int], given_up: float
) -> None:
    instance = tiny(
        [100, 100], 40, [30.0, 0.0], measures=homes(0, 4), towns={"previous_quota": [10, 30]}
    )
    plan = solved(instance, goals=[["shortfall"], [term], ["cost"]])
    assert plan.quotas["quota"].tolist() == quotas
    price, terms = priced(instance, plan)
    assert (price.goal, price.earlier) == (term, ("shortfall",))
    assert terms[Term.COST].given_up == given_up


def test_a_goal_with_a_tolerance_is_solved_again() -> None:
    # 100 suffice, and up to 200 may be spent: enough for 20 and 20.
    goals = [{"terms": {"cost": 1.0}, "tolerance": 1.0}, {"terms": {"unfairness": 1.0}}]
    first = [{"terms": {"shortfall": 1.0}}]
    plan = solved(TOWNS, goals=[*first, *goals])
    assert plan.quotas["quota"].tolist() == [20, 20]
    _, terms = priced(TOWNS, plan)
    cost = terms[Term.COST]
    assert (cost.in_plan, cost.best, cost.given_up) == (200, 100, 100)
    strict = solved(TOWNS, goals=[*first, {"terms": {"cost": 2.0}}, goals[1]])
    _, terms = priced(TOWNS, strict)
    cost = terms[Term.COST]
    assert (cost.in_plan, cost.bound, cost.status) == (100, 100, PriceStatus.HELD)


def test_without_a_goal_of_fairness_nothing_was_given_up() -> None:
    price, terms = priced(TOWNS, solved(TOWNS, goals=[["shortfall"], ["cost"]]))
    assert (price.goal, price.earlier, terms) == (None, ("shortfall", "cost"), {})


def test_an_earlier_goal_met_better_than_in_the_plan_is_not_compared() -> None:
    plan = solved(TOWNS)
    # As if time had run out with ten persons left without a place.
    goals = (plan.goals[0].model_copy(update={"value": 10.0}), *plan.goals[1:])
    _, terms = priced(TOWNS, plan.model_copy(update={"goals": goals}))
    cost = terms[Term.COST]
    assert (cost.best, cost.given_up, cost.price) == (100, None, None)
    assert cost.status is PriceStatus.APART


@pytest.mark.parametrize("method", [Method.WHOLE, Method.DECOMPOSED])
@pytest.mark.parametrize("seed", range(5))
def test_the_best_is_the_best_there_is(seed: int, method: Method) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    populations = [rng.randrange(50, 900) for _ in range(3)]
    free = [rng.randrange(0, 7) * 5 for _ in range(3)]
    steps = [rng.randrange(0, 4) for _ in range(3)]
    chances = [rng.random() for _ in range(3)]
    budget, target = 100.0 * rng.randrange(2, 7), 5 * rng.randrange(6, 15)
    plain = tiny(populations, target, [float(n) for n in free], measures=homes(*steps))
    instance = with_outcomes(plain, chances)

    def cost_of(quotas: tuple[int, ...]) -> float:
        lacking = [max(0, q - home) for q, home in zip(quotas, free, strict=True)]
        return 100.0 * sum(math.ceil(n / 10) for n in lacking)

    def outcome_of(quotas: tuple[int, ...]) -> float:
        return sum(q * p for q, p in zip(quotas, chances, strict=True))

    rooms = [home + 10 * most for home, most in zip(free, steps, strict=True)]
    tried = [
        quotas
        for quotas in itertools.product(*(range(0, room + 1, 5) for room in rooms))
        if sum(quotas) <= target and cost_of(quotas) <= budget
    ]
    most = max(map(sum, tried))
    best = [quotas for quotas in tried if sum(quotas) == most]
    options = SolveOptions(gap=0.0, method=method, processes=1)
    plan = solve(instance, Policy.model_validate({"floor": 0, "budget": budget}), options)
    asked = tuple(plan.quotas["quota"].tolist())
    _, terms = priced(instance, plan)
    cost, outcome = terms[Term.COST], terms[Term.OUTCOME]
    cheapest, happiest = min(map(cost_of, best)), max(map(outcome_of, best))
    assert (cost.in_plan, cost.best) == (cost_of(asked), cheapest)
    assert cost.bound == pytest.approx(cheapest)
    assert outcome.in_plan == pytest.approx(outcome_of(asked))
    assert outcome.best == pytest.approx(happiest)
    assert outcome.bound == pytest.approx(happiest)
    assert outcome.given_up == pytest.approx(happiest - outcome_of(asked), abs=1e-5)
    assert terms[Term.SHORTFALL].in_plan == target - most


def test_when_time_is_up_what_is_known_is_told() -> None:
    plan = solved(TOWNS)
    _, terms = priced(TOWNS, plan, options=SolveOptions(time_limit=1e-6))
    cost = terms[Term.COST]
    assert (cost.best, cost.given_up, cost.status) == (200, 0, PriceStatus.LIMIT)
    assert cost.bound is None
    stopped = threading.Event()
    stopped.set()
    _, terms = priced(TOWNS, plan, cancel=stopped)
    cost = terms[Term.COST]
    assert (cost.best, cost.bound, cost.given_up) == (None, None, None)
    assert cost.status is PriceStatus.NONE
    assert terms[Term.SHORTFALL].status is PriceStatus.HELD


def test_progress_names_the_term_and_goes_on_counting() -> None:
    instance = with_outcomes(TOWNS, [0.5, 0.1])
    plan = solved(instance)
    told: list[Progress] = []
    priced(instance, plan, progress=told.append)
    phases = [now.phase for now in told]
    assert phases[0] == "cost without fairness: check"
    assert phases[-1] == "outcome without fairness: goal 3 of 3: outcome"
    seconds = [now.elapsed for now in told]
    assert seconds == sorted(seconds)


def test_what_has_no_price_is_refused() -> None:
    clash = solved(tiny([100, 100], 60, [5.0, 5.0]), min_ratio=1.0)
    with pytest.raises(InvalidPlan, match="the plan has no quotas"):
        price_of_fairness(TOWNS, clash)
    with pytest.raises(InstanceMismatch, match="give the instance it was made from"):
        price_of_fairness(tiny([100, 100], 40, [30.0, 10.0]), solved(TOWNS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fairness")
    country = write(TOWNS.replace(currency="NOK"), root / "country")
    assert run("solve", country, "--gap", "0", "--out", root / "plan").exit_code == Exit.DONE
    return root / "plan"


def test_the_command_prints_measures_and_price(folder: Path) -> None:
    result = run("fairness", folder)
    assert result.exit_code == Exit.DONE
    for text in (
        "Jain index",
        "cost, NOK",
        "100.00%",
        "an earlier goal holds it",
        "goal of fairness: unfairness + 1e-07·cost; held before it: shortfall, overload",
    ):
        assert text in result.stdout
    assert "cost without fairness" in result.stderr


def test_the_command_answers_as_json_and_says_what_is_wrong(folder: Path, tmp_path: Path) -> None:
    told = json.loads(run("fairness", folder, "--json").stdout)
    price = PriceOfFairness.model_validate(told["price"])
    assert {row.term: row.given_up for row in price.terms} == {Term.SHORTFALL: 0, Term.COST: 100}
    assert told["fairness"]["quota"] == 40
    assert run("fairness", folder, "--gap", "7").exit_code == Exit.USAGE
    assert run("fairness", tmp_path / "none").exit_code == Exit.INVALID
    assert run("fairness", folder, "--instance", "norway-2024").exit_code == Exit.INVALID
