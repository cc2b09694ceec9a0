"""What clashes is named exactly, nothing of it can be spared, and every way out really is one."""

import json
import threading
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from typer.testing import CliRunner

from allocator import load
from allocator.cli import Exit, app
from allocator.diagnose import Diagnosis, Kind, Verdict, WayOut, applied, diagnose, in_words
from allocator.diagnose.clashes import WrongVerdict, clashes
from allocator.diagnose.irreducible import irreducible
from allocator.diagnose.program import Elastic
from allocator.diagnose.solving import Solving
from allocator.errors import InvalidInstance, InvalidPolicy
from allocator.keys import fair_shares
from allocator.solve import solve
from allocator.solve.progress import Clock
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Status
from models.policy import Policy, Relation
from models.program import collect
from tests.diagnosed import Exhaustive, drawn, kept_alone
from tests.random_small import draw, more
from tests.small import group, measure, tiny

EXACT = SolveOptions(gap=0.0)
ROOM = [500.0, 500.0, 500.0]
EVEN = [100, 100, 100]

Sets = set[frozenset[tuple[str, str, str]]]


def told(diagnosis: Diagnosis) -> Sets:
    """Return every set that clashes, each part by rule, place and side."""
    return {
        frozenset((part.rule, part.where, part.side) for part in clash.parts)
        for clash in diagnosis.clashes
    }


def one(*parts: str) -> Sets:
    """Return a single set, parts written as ``rule``, ``rule where`` or ``rule where side``."""
    return {frozenset(as_part(part) for part in parts)}


def as_part(words: str) -> tuple[str, str, str]:
    rule, where, side = ([*words.split(" ", 2), "", ""])[:3]
    return rule, where, side


def decided(where: str, persons: int, relation: str = "exact") -> dict[str, Any]:
    return {"municipality_id": where, "persons": persons, "relation": relation}


def helping(diagnosis: Diagnosis) -> dict[str, WayOut]:
    return {way.family: way for way in diagnosis.ways if way.helps}


def pooled(capacity: float) -> Instance:
    instance = tiny(EVEN, 60, ROOM, gp=ROOM)
    pool = pd.DataFrame([{"pool_id": "west", "service_id": "gp", "capacity": capacity}])
    members = pd.DataFrame([{"pool_id": "west", "municipality_id": m} for m in ("0001", "0002")])
    return instance.replace(shared_capacities=pool, pool_members=members)


def with_minors(*allowed: bool) -> Instance:
    people = [group("adults", 50.0), group("minors", 10.0, integral=True, minors=True)]
    return tiny(EVEN, 60, ROOM, groups=people, towns={"minors_allowed": list(allowed)})


def with_measure(**columns: Any) -> Instance:
    build = measure("build", "dwellings", site_id="0001", beds=1, **columns)
    return tiny(EVEN, 60, [20.0, 20.0, 10.0], measures=[build])


TIGHT = tiny(EVEN, 60, [20.0, 20.0, 20.0])
BUSES = tiny(
    EVEN, 60, ROOM, seats=[10.0, None, None], groups=[group("singles", 60.0, transit_share=0.5)]
)
PLANTED: dict[str, tuple[Instance, dict[str, Any], bool, Sets, set[str]]] = {
    # What is planted: instance, policy, everyone promised a place; what clashes; what helps.
    "a decision above the dwellings": (
        TIGHT,
        {"fixed": [decided("0001", 30)]},
        False,
        one("fixed 0001 exactly", "housing"),
        {"demands", "housing"},
    ),
    "a decision above the places": (
        tiny(EVEN, 60, ROOM, gp=[12.0, 60.0, 60.0]),
        {"fixed": [decided("0001", 15, "at_least")]},
        False,
        one("fixed 0001 at least", "health"),
        {"demands", "health"},
    ),
    "a decision above the seats": (
        BUSES,
        {"fixed": [decided("0001", 30)]},
        False,
        one("fixed 0001 exactly", "transport"),
        {"demands", "transport"},
    ),
    "a decision above dwellings and places": (
        tiny(EVEN, 60, [20.0, 20.0, 20.0], gp=[15.0, 60.0, 60.0]),
        {"fixed": [decided("0001", 30)]},
        False,
        one("fixed 0001 exactly", "housing") | one("fixed 0001 exactly", "health"),
        {"demands", "capacity"},
    ),
    "decisions above the target": (
        tiny(EVEN, 60, ROOM),
        {"fixed": [decided("0001", 40), decided("0003", 30)]},
        False,
        one("fixed 0001 exactly", "fixed 0003 exactly", "target"),
        {"demands", "target"},
    ),
    "a county above its capacity": (
        TIGHT,
        {"county_bounds": [{"county_id": "02", "at_least": 25}]},
        False,
        one("county_bounds 02 at least", "housing"),
        {"demands", "housing"},
    ),
    "two decisions that together exceed a county's bound": (
        tiny(EVEN, 60, ROOM),
        {
            "fixed": [decided("0001", 20, "at_least"), decided("0003", 20, "at_least")],
            "county_bounds": [{"county_id": "01", "at_most": 35}],
        },
        False,
        one("fixed 0001 at least", "fixed 0003 at least", "county_bounds 01 at most"),
        {"demands"},
    ),
    "a county's bound above the limits of its municipalities": (
        tiny(EVEN, 60, ROOM, towns={"max_quota": [15.0, None, 15.0]}),
        {"county_bounds": [{"county_id": "01", "at_least": 40}]},
        False,
        one("county_bounds 01 at least", "max_quota 0001 at most", "max_quota 0003 at most"),
        {"demands"},
    ),
    "a least ratio above the capacity": (
        tiny(EVEN, 60, [15.0, 60.0, 60.0]),
        {"min_ratio": 1.0},
        False,
        one("min_ratio 0001 at least", "housing"),
        {"demands", "housing", "target"},
    ),
    "floors above the target": (
        tiny(EVEN, 60, ROOM),
        {"min_ratio": 0.5, "floor": 30},
        False,
        one(
            "min_ratio 0001 at least",
            "min_ratio 0002 at least",
            "min_ratio 0003 at least",
            "target",
            "floor",
        ),
        {"demands", "floor", "target"},
    ),
    "a decision against the largest change": (
        tiny(EVEN, 60, ROOM, towns={"previous_quota": [10, 20, 30]}),
        {"fixed": [decided("0001", 20, "at_least")], "max_change": {"persons": 5}},
        False,
        one("fixed 0001 at least", "max_change 0001 at most"),
        {"demands"},
    ),
    "a decision against the least ratio": (
        tiny(EVEN, 60, ROOM),
        {"fixed": [decided("0001", 5)], "min_ratio": 0.5},
        False,
        one("fixed 0001 exactly", "min_ratio 0001 at least"),
        {"demands", "target"},
    ),
    "a decision below the floor": (
        tiny(EVEN, 60, ROOM),
        {"fixed": [decided("0001", 15, "at_most")], "min_ratio": 0.1, "floor": 20},
        False,
        one("fixed 0001 at most", "min_ratio 0001 at least", "floor"),
        {"demands", "floor"},
    ),
    "a decision that the budget cannot pay for": (
        with_measure(),
        {"fixed": [decided("0001", 35)], "budget": 150.0},
        False,
        one("fixed 0001 exactly", "housing", "budget total"),
        {"demands", "housing", "budget"},
    ),
    "a decision that the budget for dwellings cannot pay for": (
        with_measure(),
        {"fixed": [decided("0001", 35)], "budget": {"total": 900.0, "dwellings": 150.0}},
        False,
        one("fixed 0001 exactly", "housing", "budget dwellings"),
        {"demands", "housing", "budget"},
    ),
    "bounds between two lots": (
        tiny(EVEN, 60, ROOM),
        {"county_bounds": [{"county_id": "02", "at_least": 12, "at_most": 13}]},
        False,
        one("county_bounds 02 at least", "county_bounds 02 at most", "step"),
        {"demands", "step"},
    ),
    "a pool too small for decided quotas": (
        pooled(30.0),
        {"fixed": [decided("0001", 20), decided("0002", 20)]},
        False,
        one("fixed 0001 exactly", "fixed 0002 exactly", "pools"),
        {"demands", "health"},
    ),
    "minors who may be placed nowhere": (
        with_minors(False, False, False),
        {},
        True,
        one("no_shortfall", "minors"),
        {"minors", "shortfall"},
    ),
    "a decision that needs minors where none may be": (
        with_minors(False, True, True),
        {"fixed": [decided("0001", 55)]},
        False,
        one("fixed 0001 exactly", "minors", "target"),
        {"demands", "minors", "target"},
    ),
    "a budget too small for a promise": (
        with_measure(),
        {"budget": 50.0},
        True,
        one("no_shortfall", "housing", "budget total"),
        {"housing", "budget", "target", "shortfall"},
    ),
    "limits too low for a promise": (
        tiny(EVEN, 60, ROOM),
        {"fixed": [decided(m, 15, "at_most") for m in ("0001", "0002", "0003")]},
        True,
        one(
            "no_shortfall",
            "fixed 0001 at most",
            "fixed 0002 at most",
            "fixed 0003 at most",
        ),
        {"demands", "target", "shortfall"},
    ),
}


@cache
def planted(name: str) -> Diagnosis:
    instance, policy, promise, _, _ = PLANTED[name]
    return diagnose(instance, Policy.model_validate(policy), EXACT, promise=promise)


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_named_exactly(name: str) -> None:
    found = planted(name)
    assert (told(found), found.verdict, found.complete) == (
        PLANTED[name][3],
        Verdict.CLASHES,
        True,
    )
    assert all(clash.irreducible for clash in found.clashes)
    assert set(helping(found)) == PLANTED[name][4]


@pytest.mark.parametrize("name", PLANTED)
def test_every_way_out_is_one(name: str) -> None:
    instance, fields, promise, _, _ = PLANTED[name]
    policy = Policy.model_validate(fields)
    before = solve(instance, policy, EXACT)
    assert promise or before.status is Status.INFEASIBLE
    for way in helping(planted(name)).values():
        plan = solve(*applied(way, instance, policy), EXACT)
        assert plan.totals is not None, way.message
        allowed = way.amounts[0].after if way.family == "shortfall" else 0.0
        assert not promise or plan.totals.shortfall <= allowed


@pytest.mark.parametrize("name", PLANTED)
def test_what_cannot_help_cannot_however_much_of_it_there_is(name: str) -> None:
    instance, fields, promise, _, _ = PLANTED[name]
    policy = Policy.model_validate(fields)
    for way in planted(name).ways:
        if way.helps is not False:
            continue
        for given in plenty(way.family, instance, policy):
            plan = solve(*given, EXACT)
            short = plan.totals is not None and promise and plan.totals.shortfall > 0
            assert plan.status is Status.INFEASIBLE or short, (way.message, given[1])


def plenty(family: str, instance: Instance, policy: Policy) -> Iterable[tuple[Instance, Policy]]:
    """Yield the question with more than enough of one family."""

    def asked(**fields: Any) -> tuple[Instance, Policy]:
        return instance, Policy.model_validate(policy.model_dump(mode="json") | fields)

    if family == "housing":
        yield instance.replace(dwellings=instance.dwellings.assign(dwellings=9999.0)), policy
    elif family == "transport":
        yield instance.replace(sites=instance.sites.assign(transit_seats=None)), policy
    elif family == "health":
        pools = instance.shared_capacities.assign(capacity=9999.0)
        places = instance.capacities.assign(capacity=9999.0)
        yield instance.replace(capacities=places, shared_capacities=pools), policy
    elif family == "budget":
        yield asked(budget=dict.fromkeys(policy.budget.model_dump(), 1e9))
    elif family == "target":
        decided = sum(d.persons for d in policy.fixed if d.relation is Relation.EXACT)
        for target in (decided + 5, 55, 120):
            yield asked(target=target)
    elif family == "demands":
        yield asked(fixed=[], county_bounds=[], min_ratio=None, max_ratio=None, max_change=None)
    else:
        least = {"floor": 0, "step": 1, "minors": "anywhere"}
        yield asked(**{family: least[family]})


@pytest.mark.parametrize(
    ("name", "family", "total", "amounts"),
    [
        ("a decision above the dwellings", "demands", 10, [("fixed", "0001", 30, 20)]),
        ("a decision above the dwellings", "housing", 10, [("dwellings", "0001", 20, 30)]),
        ("a decision above the places", "health", 3, [("places", "0001", 12, 15)]),
        ("a decision above the seats", "transport", 5, [("seats", "0001", 10, 15)]),
        ("a county above its capacity", "demands", 5, [("county_bounds", "02", 25, 20)]),
        ("floors above the target", "floor", 10, [("floor", "", 30, 20)]),
        (
            "a decision that the budget cannot pay for",
            "budget",
            50,
            [("budget", "total", 150, 200)],
        ),
        ("a budget too small for a promise", "budget", 50, [("budget", "total", 50, 100)]),
        ("a budget too small for a promise", "shortfall", 10, [("shortfall", "", 0, 10)]),
        ("a pool too small for decided quotas", "health", 10, [("shared_places", "west", 30, 40)]),
    ],
)
def test_ways_out_are_the_least(
    name: str, family: str, total: float, amounts: list[tuple[str, str, float, float]]
) -> None:
    way = helping(planted(name))[family]
    assert [(a.rule, a.where, a.before, a.after) for a in way.amounts] == amounts
    assert (way.total, way.least) == (total, True)
    assert way.proof is not None


def test_a_diagnosis_says_what_and_how_much() -> None:
    text = in_words(planted("a decision above the dwellings"))
    for words in (
        "no plan keeps everything that is asked",
        "Town 0001 (0001) is decided to take exactly 30 persons; that is 10 persons more than",
        "the capacity of housing: 10 dwellings of 1 bed at Town 0001 (0001) too few",
        "give way on what is demanded: Town 0001 (0001) exactly 20 instead of 30 persons",
        "more dwellings: 10 dwellings of 1 bed at Town 0001 (0001)",
        "a lower floor: cannot help",
    ):
        assert words in text
    assert "infeasible" not in text


def test_every_part_tells_what_is_asked_and_by_how_much_it_gives() -> None:
    (clash,) = planted("a decision that the budget cannot pay for").clashes
    decision, housing, budget = clash.parts
    assert (decision.amount, decision.unit, decision.gives) == (35.0, "persons", 5.0)
    assert [(a.where, a.item, a.unit, a.change) for a in housing.lacks] == [
        ("0001", "1", "dwellings", 5.0)
    ]
    assert (budget.amount, budget.unit) == (150.0, "EUR")
    assert budget.gives == pytest.approx(50.0)


@pytest.mark.parametrize("name", PLANTED)
def test_a_diagnosis_survives_json(name: str) -> None:
    found = planted(name)
    assert Diagnosis.model_validate_json(found.model_dump_json()) == found


# Where nothing clashes.


@pytest.mark.parametrize(
    ("instance", "policy", "promise"),
    [
        (TIGHT, {}, False),
        (TIGHT, {}, True),
        (tiny(EVEN, 60, [20.0, 20.0, 10.0]), {}, False),
        (TIGHT, {"fixed": [decided("0001", 20)], "min_ratio": 1.0, "max_ratio": 1.0}, True),
        (TIGHT, {"fixed": [decided("0001", 30)], "soft": {"housing": 1.0}}, False),
        (with_minors(False, True, False), {}, True),
        (with_measure(), {"budget": 100.0}, True),
    ],
)
def test_where_nothing_clashes_that_is_said(
    instance: Instance, policy: dict[str, Any], promise: bool
) -> None:
    found = diagnose(instance, Policy.model_validate(policy), EXACT, promise=promise)
    assert (found.verdict, found.clashes, found.ways) == (Verdict.HOLDS, (), ())
    assert "nothing clashes" in in_words(found)
    assert ("everyone can have a place" in in_words(found)) == promise


def test_several_clashes_are_told_and_settled_together() -> None:
    instance = tiny(EVEN, 60, [20.0, 20.0, 20.0], gp=[60.0, 60.0, 10.0])
    fields = {"fixed": [decided("0001", 30), decided("0003", 15)]}
    found = diagnose(instance, Policy.model_validate(fields), EXACT)
    assert told(found) == one("fixed 0001 exactly", "housing") | one("fixed 0003 exactly", "health")
    assert set(helping(found)) == {"demands", "capacity"}
    together = helping(found)["capacity"]
    assert {(a.rule, a.where, a.change) for a in together.amounts} == {
        ("dwellings", "0001", 10.0),
        ("places", "0003", 5.0),
    }


def test_a_rule_that_holds_everywhere_gives_way_only_where_it_must() -> None:
    instance = tiny(EVEN, 60, [15.0, 60.0, 60.0])
    policy = Policy(min_ratio=1.0)
    way = helping(planted("a least ratio above the capacity"))["demands"]
    eased = applied(way, instance, policy)[1]
    assert eased.min_ratio is None
    assert {(d.municipality_id, d.persons) for d in eased.fixed} == {
        ("0001", 15),
        ("0002", 20),
        ("0003", 20),
    }


def test_what_is_asked_and_cannot_be_is_refused() -> None:
    instance = tiny(EVEN, 60, ROOM)
    fields = {
        "fixed": [decided("0009", 5)],
        "county_bounds": [{"county_id": "77", "at_least": 5}],
    }
    with pytest.raises(InvalidPolicy) as refused:
        diagnose(instance, Policy.model_validate(fields))
    assert {problem.value for problem in refused.value.problems} == {"0009", "77"}
    broken = instance.replace(sites=instance.sites.assign(municipality_id="0042"))
    with pytest.raises(InvalidInstance):
        diagnose(broken)


def test_whoever_stops_it_is_told_what_is_known() -> None:
    flag = threading.Event()
    phases = []

    def listen(progress: Any) -> None:
        phases.append(progress.phase)
        if progress.phase.startswith("way out: more dwellings"):
            flag.set()

    fields = {"fixed": [decided("0001", 30)]}
    policy = Policy.model_validate(fields)
    found = diagnose(TIGHT, policy, EXACT, progress=listen, cancel=flag)
    assert found.verdict is Verdict.CLASHES
    assert [way.family for way in found.ways] == ["demands"]
    assert any("stopped" in warning for warning in found.warnings)
    assert phases[:4] == ["check", "build", "is there a plan", "what clashes"]


def test_a_wrong_verdict_is_noticed_and_forgotten() -> None:
    policy = Policy(min_ratio=0.5)
    data = collect(TIGHT, policy, fair_shares(TIGHT, policy))
    elastic = Elastic.of(data, Solving(Clock(60.0), 0, None), promise=False)
    elastic.suppose(elastic.switches, False)
    with pytest.raises(WrongVerdict):
        clashes(elastic)
    elastic.forget()
    assert elastic.solving.presolve is False
    assert clashes(elastic) == ([], True)


# Irreducible, by trying everything.


@pytest.mark.parametrize(
    "seed", [*more(0, 15), *(pytest.param(n, marks=pytest.mark.slow) for n in more(40, 50))]
)
def test_what_clashes_is_irreducible_and_complete(seed: int) -> None:
    instance, policy, promise = drawn(seed)
    whole = Exhaustive(instance, policy, promise=promise)
    found = diagnose(instance, policy, EXACT, promise=promise, ways=False)
    parts = whole.parts
    assert (found.verdict is Verdict.HOLDS) == whole.holds(parts)
    asked: set[tuple[str, str, str]] = set()
    for clash in found.clashes:
        named = {(part.rule, part.where, part.side) for part in clash.parts}
        assert named <= parts
        assert clash.irreducible
        assert not whole.holds(named)
        for part in named:
            assert whole.holds(named - {part}), part
        asked |= {
            (part.rule, part.where, part.side)
            for part in clash.parts
            if part.kind in (Kind.DEMAND, Kind.PROMISE)
        }
    if found.complete:
        assert whole.holds(parts - asked)


def test_the_drawn_questions_are_worth_asking() -> None:
    found = [diagnose(*drawn(seed)[:2], EXACT, ways=False) for seed in range(20)]
    verdicts = [one.verdict for one in found]
    assert verdicts.count(Verdict.CLASHES) >= 8
    assert verdicts.count(Verdict.HOLDS) >= 2
    kinds = {part.kind for one in found for clash in one.clashes for part in clash.parts}
    assert {Kind.DEMAND, Kind.CAPACITY, Kind.BUDGET, Kind.FLOOR, Kind.LOTS} <= kinds


@pytest.mark.parametrize("seed", range(12))
def test_ways_out_are_the_least_of_all_there_are(seed: int) -> None:
    instance, policy, promise = drawn(seed)
    whole = Exhaustive(instance, policy, promise=promise)
    found = diagnose(instance, policy, EXACT, promise=promise)
    for way in found.ways:
        least = whole.least(way.family)
        if least is None:
            continue
        assert way.helps is (least < float("inf")), way.message
        if way.helps:
            assert way.total == pytest.approx(least, abs=1e-6), way.message
            plan = solve(*applied(way, instance, policy), EXACT)
            assert plan.totals is not None
            allowed = way.amounts[0].after if way.family == "shortfall" else 0.0
            assert not promise or plan.totals.shortfall <= allowed


@pytest.mark.parametrize("seed", more(0, 12))
def test_with_every_feature_there_is_solving_agrees(seed: int) -> None:
    instance, policy = draw(seed)
    found = diagnose(instance, policy, EXACT, ways=False)
    plan = solve(instance, policy, SolveOptions(gap=1.0))
    assert (found.verdict is Verdict.CLASHES) == (plan.status is Status.INFEASIBLE)
    for clash in found.clashes:
        assert clash.irreducible
        together = kept_alone(instance, policy, clash.parts)
        assert together is None or solve(*together).status is Status.INFEASIBLE
        for part in clash.parts:
            others = [other for other in clash.parts if other is not part]
            rest = kept_alone(instance, policy, others)
            # Without an exact decision any other may be taken: tried in the tests above.
            if rest is not None and part.side != "exactly":
                assert solve(*rest).found, part.message


def test_halving_finds_what_cannot_hold() -> None:
    bad = [{3, 7, 12}, {5}, {3, 8}]
    questions = []

    def holds(some: Any) -> bool:
        questions.append(some)
        return not any(one <= set(some) for one in bad)

    for items, expected in (
        (range(20), [5]),
        ([5, 3, 8], [5]),
        ([n for n in range(20) if n != 5], [3, 8]),
        ([n for n in range(20) if n not in (5, 8)], [3, 7, 12]),
    ):
        found = irreducible(list(items), holds)
        assert not holds(found)
        assert all(holds([n for n in found if n != left]) for left in found)
        assert found == expected
    questions.clear()
    irreducible(list(range(512)), lambda some: holds(some) if 511 not in some else 256 not in some)
    assert len(questions) < 60


# The national instance.


def test_a_decision_far_above_what_utsira_can_take() -> None:
    policy = Policy.model_validate({"fixed": [decided("1151", 500)]})
    found = diagnose(load("norway-2024"), policy)
    assert told(found) == (
        one("fixed 1151 exactly", "housing")
        | one("fixed 1151 exactly", "transport")
        | one("fixed 1151 exactly", "health")
        | one("fixed 1151 exactly", "education")
    )
    assert found.complete
    assert set(helping(found)) == {"demands", "capacity"}
    (amount,) = helping(found)["demands"].amounts
    assert (amount.name, amount.before, amount.after) == ("Utsira (1151)", 500, 6)


# The command.


def run(*arguments: str | Path) -> Any:
    result = CliRunner().invoke(app, ["diagnose", *map(str, arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_the_command_tells_what_clashes() -> None:
    result = run("tiny-housing", "--set", 'fixed=[{municipality_id="0101",persons=100}]')
    assert result.exit_code == Exit.NOTHING_FOUND
    assert "is decided to take exactly 100 persons" in result.stdout
    assert "ways out" in result.stdout
    short = run(
        "tiny-housing", "--no-ways", "--set", 'fixed=[{municipality_id="0101",persons=100}]'
    )
    assert "ways out" not in short.stdout


def test_the_command_says_that_nothing_clashes() -> None:
    result = run("tiny-housing")
    assert (result.exit_code, "nothing clashes" in result.stdout) == (Exit.DONE, True)


def test_the_command_answers_as_json(tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("target = 100000\n")
    result = run("tiny-housing", "--policy", file, "--no-shortfall", "--json")
    assert result.exit_code == Exit.NOTHING_FOUND
    found = Diagnosis.model_validate(json.loads(result.stdout))
    assert found.promise
    assert {part.rule for clash in found.clashes for part in clash.parts} >= {"no_shortfall"}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nowhere"], Exit.INVALID, "nowhere"),
        (["tiny-housing", "--set", "stepp=5"], Exit.INVALID, "there is no setting 'stepp'"),
        (["tiny-housing", "--set", "min_ratio=-1"], Exit.INVALID, "min_ratio"),
        (["tiny-housing", "--policy", "missing.toml"], Exit.INVALID, "cannot be read"),
        (
            ["tiny-housing", "--set", 'fixed=[{municipality_id="9",persons=1}]'],
            Exit.INVALID,
            "the instance has no such municipality",
        ),
        (["tiny-housing", "--time-limit", "-1"], Exit.USAGE, "--time-limit"),
        (["tiny-housing", "--time-limit", "soon"], Exit.USAGE, "--time-limit"),
        (["tiny-housing", "--promise"], Exit.USAGE, "--promise"),
        ([], Exit.USAGE, "INSTANCE"),
    ],
)
def test_bad_input_is_told(arguments: list[str], code: Exit, words: str) -> None:
    result = run(*arguments)
    assert result.exit_code == code
    assert words in result.output


def test_solving_points_to_the_diagnosis() -> None:
    decision = 'fixed=[{municipality_id="0101",persons=100}]'
    result = CliRunner().invoke(app, ["solve", "tiny-housing", "--set", decision])
    assert result.exit_code == Exit.NOTHING_FOUND
    assert "allocator diagnose" in result.stdout


def test_when_time_is_up_what_is_known_is_told_and_no_more() -> None:
    instance, policy, promise = drawn(0)
    found = diagnose(instance, policy, SolveOptions(time_limit=1e-6), promise=promise)
    assert found.verdict is not Verdict.HOLDS
    assert not found.complete
    assert not any(clash.irreducible for clash in found.clashes)
    assert all(way.helps is None for way in found.ways)
    assert "the time limit of 1e-06 s was reached" in in_words(found)
