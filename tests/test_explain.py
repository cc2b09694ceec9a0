"""Explanations: the chain adds up, each step is what its limit alone costs, proofs are true."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from allocator import explain, explain_all, load, read_plan, solve, write_plan
from allocator.cli import app
from allocator.errors import InvalidInput, InvalidPlan
from allocator.explain import Explanation, in_words
from allocator.explain.alone import Priced, nearest, only
from allocator.explain.chain import chain
from allocator.explain.changes import as_good
from allocator.explain.country import Country
from allocator.explain.unique import exactly
from allocator.keys import fair_shares
from models.instance import Instance
from models.options import Method, SolveOptions
from models.plan import BoundFrom, Plan
from models.policy import Policy
from models.program import collect
from tests.random_small import draw, more
from tests.small import measure, tiny

EXACT = SolveOptions(method=Method.DECOMPOSED, gap=0.0)


def three(**changes: Any) -> Instance:
    """Three municipalities of 1,000; the first has housing for 12, the others for 100."""
    given: dict[str, Any] = {"populations": [1000, 1000, 1000], "target": 90}
    given |= {"dwellings": [12.0, 100.0, 100.0], **changes}
    return tiny(**given)


def explained(
    instance: Instance, municipality: str = "0001", **policy: Any
) -> tuple[Plan, Explanation]:
    chosen = Policy.model_validate({"step": 5, "floor": 5, **policy})
    plan = solve(instance, chosen, EXACT)
    return plan, explain(plan, municipality, instance)


def causes(explanation: Explanation) -> dict[str, float]:
    return {step.cause: step.change for step in explanation.steps}


def adds_up(explanation: Explanation, plan: Plan) -> None:
    """Check that every step follows from the one before and the last is the quota."""
    steps = explanation.steps
    assert steps[0].change == steps[0].persons
    for before, after in pairwise(steps):
        assert after.persons == pytest.approx(before.persons + after.change, abs=1e-9)
    quotas = plan.quotas.set_index("municipality_id")["quota"]
    assert steps[-1].persons == explanation.quota == quotas[explanation.municipality_id]


# By hand.


def test_housing_alone_costs_what_does_not_fit() -> None:
    plan, why = explained(three())
    adds_up(why, plan)
    assert causes(why) == {
        "population": pytest.approx(30),
        "key": 0,
        "credits": 0,
        "lots": 0,
        "policy": 0,
        "housing": -20,  # 12 dwellings hold two lots
        "transport": 0,
        "others": 0,
        "measures": 0,
    }


def test_who_has_room_takes_over() -> None:
    plan, why = explained(three(), "0002")
    adds_up(why, plan)
    assert causes(why)["housing"] == 0
    assert causes(why)["others"] == 10


def test_measures_are_told_apart_from_what_is_there() -> None:
    instance = three(
        measures=[measure("more", "dwellings", site_id="0001", beds=1, units_per_step=5.0)]
    )
    plan, why = explained(instance)
    adds_up(why, plan)
    assert causes(why)["housing"] == -20
    assert causes(why)["measures"] == 20


@pytest.mark.parametrize(
    ("instance", "cause"),
    [
        (three(dwellings=[100.0] * 3, gp=[12.0, 100.0, 100.0]), "health"),
        (
            three(
                dwellings=[100.0] * 3,
                seats=[6.0, None, None],
                groups=[
                    {
                        "group_id": "singles",
                        "name": "singles",
                        "beds": 1,
                        "persons_per_dwelling": 1.0,
                        "persons": 90.0,
                        "transit_share": 0.5,
                        "integral": False,
                        "minors": False,
                    }
                ],
            ),
            "transport",
        ),
        (three(dwellings=[100.0] * 3, towns={"max_quota": [12, None, None]}), "policy"),
    ],
)
def test_every_limit_has_a_step_of_its_own(instance: Instance, cause: str) -> None:
    plan, why = explained(instance)
    adds_up(why, plan)
    assert {name: n for name, n in causes(why).items() if n and name != "population"} == {
        cause: -20
    }


@pytest.mark.parametrize("wanted", [5, 45, 100, 990, 1000])
def test_a_number_without_limits_is_left_alone(wanted: int) -> None:
    instance = three(populations=[1000] * 3, target=4000, dwellings=[3000.0] * 3)
    policy = Policy(step=5, floor=10 if wanted > 5 else 5)
    data = collect(instance, policy, fair_shares(instance, policy))
    assert nearest(data, "0001", wanted, ("policy", "housing")) == wanted


def test_decisions_are_a_step_and_what_is_possible_goes_before_them() -> None:
    fixed = [{"municipality_id": "0001", "relation": "at_most", "persons": 10}]
    plan, why = explained(three(dwellings=[100.0] * 3), fixed=fixed)
    adds_up(why, plan)
    assert causes(why)["policy"] == -20
    policy = Policy.model_validate(
        {"fixed": [{"municipality_id": "0001", "relation": "at_least", "persons": 40}]}
    )
    instance = three()
    data = collect(instance, policy, fair_shares(instance, policy))
    assert nearest(data, "0001", 30, ("policy",)) == 40
    assert nearest(data, "0001", 30, ("policy", "housing")) == 10


def test_a_pool_limits_by_itself_too() -> None:
    instance = three(dwellings=[100.0] * 3, gp=[100.0] * 3)
    pooled = instance.replace(
        capacities=instance.capacities.iloc[1:],
        shared_capacities=pd.DataFrame([{"pool_id": "p", "service_id": "gp", "capacity": 12.0}]),
        pool_members=pd.DataFrame([{"pool_id": "p", "municipality_id": "0001"}]),
    )
    plan, why = explained(pooled)
    adds_up(why, plan)
    assert causes(why)["health"] == -20
    assert [limit.item for limit in why.limits if limit.binding] == []


def test_more_room_changes_the_number_and_is_confirmed() -> None:
    _, why = explained(three())
    change = next(c for c in why.changes if c.family == "housing")
    assert (change.units, change.change, change.quota) == (20, 20, 30)
    assert change.confirmed is True


def test_more_of_what_does_not_bind_changes_nothing() -> None:
    _, why = explained(three(gp=[100.0] * 3))
    change = next(c for c in why.changes if c.family == "health")
    assert change.change == 0
    assert change.confirmed is None


def more_dwellings() -> Instance:
    """Three, of which the first has 12 dwellings and can be given five at a time."""
    bought = measure("more", "dwellings", site_id="0001", beds=1, units_per_step=5.0)
    return three(measures=[bought])


def test_without_measures_the_same_is_asked_of_the_capacities_of_today() -> None:
    _, why = explained(more_dwellings())
    assert why.quota == 30
    assert [(c.family, c.change) for c in why.changes] == [("housing", 0)]
    assert why.unaided is not None
    (change,) = why.unaided.changes
    assert (why.unaided.quota, change.units, change.change, change.quota) == (10, 20, 20, 30)
    assert change.confirmed is True
    assert [s.persons for s in why.steps if s.cause == "others"] == [why.unaided.quota]


def test_where_the_state_buys_nothing_there_is_nothing_to_leave_out() -> None:
    _, why = explained(three())
    assert why.unaided is None
    _, why = explained(more_dwellings(), budget={"total": 0.0})
    assert why.unaided is None


def test_what_holds_no_lot_more_is_full() -> None:
    # 14 places hold two lots of 5; the four left hold nobody, though nothing is used up.
    _, why = explained(three(dwellings=[100.0] * 3, gp=[14.0, 100.0, 100.0]))
    (change,) = [c for c in why.changes if c.family == "health"]
    assert not next(one for one in why.limits if one.item == "gp").binding
    assert (change.change, change.quota) == (20, 30)


def test_who_may_take_nobody_is_explained_too() -> None:
    minors = {
        "group_id": "minors",
        "name": "minors",
        "beds": 1,
        "persons_per_dwelling": 1.0,
        "persons": 90.0,
        "transit_share": 0.0,
        "integral": False,
        "minors": True,
    }
    towns = {"minors_allowed": [False, True, True]}
    plan, why = explained(three(groups=[minors], towns=towns), floor=0)
    adds_up(why, plan)
    assert why.quota == 0
    assert [change.change for change in why.changes] == [0]


def test_a_usual_step_is_that_of_the_measure_that_adds_to_the_capacity() -> None:
    bought = measure("lists", "service", municipality_id="0001", service_id="gp")
    bought |= {"units_per_step": 7.0, "max_steps": 9}
    _, why = explained(three(dwellings=[100.0] * 3, gp=[12.0, 100.0, 100.0], measures=[bought]))
    assert why.unaided is not None
    asked = [c.units for c in (*why.changes, *why.unaided.changes) if c.family == "health"]
    assert asked == [7, 7]


def test_goals_count_one_after_another() -> None:
    plan, _ = explained(three(dwellings=[12.0, 20.0, 20.0]))
    first, *others = plan.goals

    def with_goals(first: float, last: float) -> Plan:
        goals = [plan.goals[0].model_copy(update={"value": first}), *others]
        goals[-1] = goals[-1].model_copy(update={"value": last})
        return plan.model_copy(update={"goals": tuple(goals)})

    base = plan.goals[-1].value
    assert first.value > 0
    assert as_good(plan, plan)
    assert as_good(with_goals(first.value - 1, base + 100), plan)
    assert not as_good(with_goals(first.value + 1, base - 1), plan)
    assert not as_good(with_goals(first.value, base + 1), plan)
    assert not as_good(plan.model_copy(update={"goals": plan.goals[:1]}), plan)


def test_a_number_that_nothing_else_is_as_good_as_is_unique() -> None:
    _, why = explained(three())
    assert why.unique is not None
    assert (why.unique.fewest, why.unique.most) == (10, 10)


def test_equals_may_swap_their_numbers() -> None:
    # 95 persons for three equals: one takes 35, and it may be any of them.
    _, why = explained(three(dwellings=[100.0] * 3, target=95))
    assert why.unique is not None
    assert (why.unique.fewest, why.unique.most) == (30, 35)


def test_room_for_those_without_a_place_counts_before_fairness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Town 0001 takes far more than its share; at the prices of fairness it would take no more."""
    instance = tiny([100, 1000, 1000, 1000], 150, [30.0, 20.0, 20.0, 20.0])
    plan = solve(instance, Policy(), EXACT)
    shortfall, overload, last = plan.goals
    assert shortfall.value == 60.0
    first = shortfall.model_copy(update={"prices": {"supply[singles]": 1.0}})
    prices = {"supply[singles]": 0.1, "hold 1[0]": -0.1}
    last = last.model_copy(update={"prices": prices, "bound_from": BoundFrom.PRICES})
    plan = plan.model_copy(update={"goals": (first, overload, last)})
    monkeypatch.setattr(Country, "small", False)
    country = Country(instance, plan, EXACT)
    assert country.priced
    assert not country.small
    town = only(country.data, "0001")
    wider = replace(town, stock={key: count + 20.0 for key, count in town.stock.items()})
    alone = Priced.of(country.data, wider, "0001", plan.goals)
    best, in_order = alone.best(), alone.in_order(plan.goals)
    assert best is not None
    assert best[1] < 50
    assert in_order is not None
    assert (in_order.best() or (0.0, 0))[1] == 50
    why = explain(plan, "0001", instance, options=EXACT)
    (change,) = why.changes
    assert (change.family, change.units, change.change) == ("housing", 20.0, 20)
    assert change.confirmed


# Random: whatever the rules.


@pytest.mark.parametrize("seed", more(0, 6))
def test_chains_add_up_and_proofs_hold_on_random_countries(seed: int) -> None:
    instance, policy = draw(seed)
    plan = solve(instance, policy, EXACT)
    if not plan.found:
        return
    other = solve(instance, policy, SolveOptions(method=Method.WHOLE, gap=0.0, seed=seed + 1))
    theirs = other.quotas.set_index("municipality_id")["quota"]
    same = all(
        a.value == pytest.approx(b.value) for a, b in zip(plan.goals, other.goals, strict=True)
    )
    country = Country(instance, plan, EXACT)
    quotas = plan.quotas.set_index("municipality_id")["quota"]
    for m in country.quotas:
        steps = chain(country, m)
        for before, after in pairwise(steps):
            assert after.persons == pytest.approx(before.persons + after.change, abs=1e-9)
        assert steps[-1].persons == quotas[m]
        unique = exactly(country, m)
        assert unique is not None
        assert unique.fewest <= quotas[m] <= unique.most
        if same:  # another best plan lies within the limits too
            assert unique.fewest <= theirs[m] <= unique.most


@pytest.mark.parametrize("seed", more(40, 6))
def test_the_program_of_one_at_the_prices_proves_the_bound_of_the_country(seed: int) -> None:
    instance, policy = draw(seed)
    plan = solve(instance, policy, EXACT)
    if not plan.found or not plan.goals[-1].prices:
        return
    country = Country(instance, plan, EXACT)
    quotas = country.quotas
    for m in quotas:
        priced = Priced.of(country.data, only(country.data, m), m, plan.goals)
        best = priced.best()
        assert best is not None
        lots = quotas[m] // policy.step
        here = priced.best(lots, lots)
        if m not in country.data.exact:
            assert here is not None
            assert here[0] >= best[0] - 1e-6
            assert here[0] - best[0] <= plan.goals[-1].value - (plan.goals[-1].bound or 0) + 1e-4


# Words, files, the command.


def test_text_and_json_tell_the_same_numbers() -> None:
    _, why = explained(three(gp=[100.0] * 3))
    english, norwegian = in_words(why, "en"), in_words(why, "nb")
    for text in (english, norwegian):
        assert "10" in text.splitlines()[0]
        assert "−20 → 10" in text
    assert "Town 0001 (0001) is asked to settle 10 persons." in english
    assert "Town 0001 (0001) anmodes om å bosette 10 personer." in norwegian
    assert "20 more dwellings for 1 or more (0001): +20 persons, to 30 (confirmed" in english
    assert len(english.splitlines()) == len(norwegian.splitlines())
    with pytest.raises(ValueError, match="texts are written in nb, en, not in 'sv'"):
        in_words(why, "sv")


def test_an_explanation_survives_json() -> None:
    _, why = explained(three())
    assert Explanation.model_validate_json(why.model_dump_json()) == why


def test_who_is_not_there_is_told_all_at_once() -> None:
    plan = solve(three(), Policy(), EXACT)
    with pytest.raises(InvalidInput) as error:
        list(explain_all(plan, three(), municipalities=["0009", "0001", "x"]))
    assert [problem.value for problem in error.value.problems] == ["0009", "x"]


def test_a_plan_without_quotas_is_refused() -> None:
    plan = Plan.model_validate_json(solve(three(), Policy(), EXACT).model_dump_json())
    empty = plan.model_copy(update={"totals": None})
    with pytest.raises(InvalidPlan, match="cannot be explained"):
        explain(empty, "0001", three())


def test_the_command_explains_and_keeps_what_it_has(tmp_path: Any) -> None:
    runner = CliRunner()
    built = runner.invoke(app, ["solve", "tiny-housing", "--out", str(tmp_path / "plan")])
    assert built.exit_code == 0, built.output
    plan = read_plan(tmp_path / "plan")
    ids = plan.quotas["municipality_id"].tolist()
    told = runner.invoke(app, ["explain", str(tmp_path / "plan"), ids[0], "--json"])
    assert told.exit_code == 0, told.output
    one = Explanation.model_validate(json.loads(told.stdout))
    assert one.municipality_id == ids[0]
    lines = tmp_path / "all.jsonl"
    everybody = runner.invoke(
        app, ["explain", str(tmp_path / "plan"), "--all", "--out", str(lines)]
    )
    assert everybody.exit_code == 0, everybody.output
    kept = [Explanation.model_validate_json(line) for line in lines.read_text().splitlines()]
    assert [one.municipality_id for one in kept] == ids
    wrong = runner.invoke(app, ["explain", str(tmp_path / "plan")])
    assert wrong.exit_code == 2
    assert "name municipalities, or give --all" in wrong.output


def test_a_plan_by_branch_and_bound_is_explained_without_prices(tmp_path: Any) -> None:
    plan = solve(three(), Policy(), SolveOptions(method=Method.WHOLE, gap=0.0))
    write_plan(plan, tmp_path / "plan")
    why = explain(plan, "0001", three())
    adds_up(why, plan)


def test_what_the_state_buys_is_named_and_what_changes_nothing_is_one_line() -> None:
    instance = load("tiny-measures")
    plan = solve(instance)
    one = explain(plan, "0201", instance)
    (bought,) = one.bought
    steps = plan.measures.merge(instance.measures, on="measure_id")
    here = steps[steps["site_id"] == "0201-town"].iloc[0]
    assert bought.units == here["steps"] * here["units_per_step"]
    assert (bought.cost, bought.family, bought.site_id) == (here["cost"], "housing", "0201-town")
    assert one.currency == instance.currency
    text = in_words(one, "en")
    assert "Measures that the state buys in the municipality (counted above):" in text
    assert "15 more dwellings for 1 or more (0201-town): 300 NOK" in text
    assert text.count("None of these alone changes it:") == 1
    assert explain(plan, "0301", instance).bought == ()


def test_what_would_be_without_the_state_is_told_in_words() -> None:
    _, why = explained(more_dwellings())
    english, norwegian = in_words(why, "en"), in_words(why, "nb")
    assert "Without measures by the state, here and elsewhere, the number would be 10." in english
    assert "20 more dwellings for 1 or more (0001): +20 persons, to 30 (confirmed" in english
    assert "Uten tiltak fra staten, her og ellers, ville tallet vært 10." in norwegian
    assert Explanation.model_validate_json(why.model_dump_json()) == why
