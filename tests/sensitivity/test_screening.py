"""Screening finds what matters where that is known in closed form, and says what it lacks."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from allocator.cli import Exit
from allocator.loading import load
from allocator.plans import write_plan
from allocator.sensitivity.bars import EITHER, LOWERS, RAISES, screening_chart
from allocator.sensitivity.designs import Design, Numbers, ScreeningMethod
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.inputs import InvalidOver
from allocator.sensitivity.ranges import Input, assumptions_in_use, inputs_of, read_ranges
from allocator.sensitivity.screening import Screening, prepare, screening
from allocator.sensitivity.types import Outcome, State
from allocator.solve import solve
from allocator.writing import write
from instances.norway.assumptions import load_assumptions
from models.policy import Policy
from tests.sensitivity.cases import EXACT
from tests.sensitivity.test_charts import text
from tests.sensitivity.test_commands import assert_drawn, names, rows, run, solved
from tests.small import tiny

MORRIS, SOBOL = ScreeningMethod.MORRIS, ScreeningMethod.SOBOL
COUNTRY = tiny([100, 300], 100, [100.0, 200.0])
"""Scarce over all of these ranges: shortfall = target − 100·first − 200·second factor."""
POLICY = Policy(step=1, floor=0)
RANGES = {
    "target": (150.0, 210.0),
    "factor.housing.0001": (0.1, 0.4),
    "factor.housing.0002": (0.1, 0.4),
    "budget": (0.0, 900.0),
}
EFFECTS = {
    "target": 60.0,
    "factor.housing.0001": -30.0,
    "factor.housing.0002": -60.0,
    "budget": 0.0,
}
"""Of each input on the shortfall over its whole range."""


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(processes=2) as one:
        yield one


@pytest.fixture(scope="module")
def found(executor: Executor) -> Screening:
    return screening(COUNTRY, POLICY, RANGES, samples=3, seed=5, options=EXACT, executor=executor)


def of(frame: pd.DataFrame, result: str) -> pd.DataFrame:
    return frame[frame["result"] == result].set_index("input")


# Designs.


def design(method: ScreeningMethod, samples: int, *, seed: int = 0, levels: int = 4) -> Design:
    inputs = (Input("a", -1.0, 3.0), Input("b", 10.0, 20.0), Input("c", 0.0, 1.0))
    return Design(method, inputs, samples, levels, seed)


@pytest.mark.parametrize(("method", "samples", "count"), [(MORRIS, 7, 28), (SOBOL, 8, 40)])
def test_designs_have_their_size_stay_in_range_and_repeat(
    method: ScreeningMethod, samples: int, count: int
) -> None:
    one = design(method, samples)
    assert one.rows.shape == (count, 3)
    assert (one.rows >= [-1.0, 10.0, 0.0]).all()
    assert (one.rows <= [3.0, 20.0, 1.0]).all()
    assert (one.rows == design(method, samples).rows).all()
    assert (one.rows != design(method, samples, seed=1).rows).any()


@pytest.mark.parametrize("levels", [4, 6])
def test_elementary_effects_are_those_counted_by_hand(levels: int) -> None:
    one = design(MORRIS, 9, seed=3, levels=levels)
    values: Numbers = one.rows[:, 0] * one.rows[:, 1] + np.sin(one.rows[:, 2])
    effects: dict[int, list[float]] = {0: [], 1: [], 2: []}
    widths = [4.0, 10.0, 1.0]
    for first in range(0, len(values), 4):
        for i in range(first, first + 3):
            moves = one.rows[i + 1] - one.rows[i]
            (moved,) = np.flatnonzero(moves)
            part = moves[moved] / widths[moved]
            assert abs(part) == pytest.approx(levels / (2 * (levels - 1)))
            effects[int(moved)].append((values[i + 1] - values[i]) / part)
    answer = one.indices(values)
    for j, all_ in effects.items():
        assert len(all_) == 9
        assert answer.loc[j, "mu"] == pytest.approx(np.mean(all_))
        assert answer.loc[j, "mu_star"] == pytest.approx(np.mean(np.abs(all_)))
        assert answer.loc[j, "sigma"] == pytest.approx(np.std(all_, ddof=1))
    assert (answer.loc[[0, 1], "sigma"] > 1).all()  # they work together
    assert (answer["mu_star_conf"] > 0).all()


def test_parts_of_the_variance_come_near_what_is_known() -> None:
    # a uniform on (-1, 3), b on (10, 20), c on (0, 1): variances of the terms of a sum by hand,
    # and one product of centred inputs, which is interaction and nothing else.
    one = design(SOBOL, 2048)
    a, b, c = one.rows.T
    values = 3 * a + b + 12 * (a - 1) * (c - 0.5)
    parts = np.array([9 * 16 / 12, 100 / 12, 144 * (16 / 12) * (1 / 12)])
    answer = one.indices(values)
    assert answer["S1"].to_numpy() == pytest.approx([*parts[:2] / parts.sum(), 0.0], abs=0.03)
    both = (parts + parts[2] * np.array([1.0, 0.0, 0.0])) / parts.sum()
    assert answer["ST"].to_numpy() == pytest.approx(both, abs=0.03)
    assert (answer["ST_conf"] < 0.1).all()


@pytest.mark.parametrize("method", [MORRIS, SOBOL])
def test_indices_repeat_and_leave_out_sets_with_a_gap(method: ScreeningMethod) -> None:
    one = design(method, 8)
    values: Numbers = one.rows @ np.array([1.0, 2.0, 3.0])
    pd.testing.assert_frame_equal(one.indices(values), one.indices(values))
    values[3] = np.nan  # of the first set
    values[-1] = np.nan  # of the last
    assert one.sets(values).tolist() == [False, *[True] * 6, False]
    answer = one.indices(values)
    assert answer["sets"].tolist() == [6, 6, 6]
    if method is MORRIS:
        assert answer["mu"].to_numpy() == pytest.approx([4.0, 20.0, 3.0])
    values[:] = np.nan
    with pytest.raises(ValueError, match="0 of 8 sets are whole; 2 are needed"):
        one.indices(values)


@pytest.mark.parametrize("method", [MORRIS, SOBOL])
def test_a_result_that_does_not_move_has_no_influence_on_it(method: ScreeningMethod) -> None:
    one = design(method, 4)
    noise = np.random.default_rng(0).normal(size=len(one.rows)) * 1e-12
    for values in (np.full(len(one.rows), 7.0), 7.0 + noise):
        answer = one.indices(values).drop(columns=["input", "sets"])
        assert (answer.to_numpy() == 0.0).all()


def test_one_of_few_points_that_move_gives_numbers() -> None:
    one = design(SOBOL, 2)
    values = np.zeros(len(one.rows))
    values[0] = 1.0
    assert np.isfinite(one.indices(values).drop(columns="input").to_numpy(dtype=float)).all()


# Inputs and their ranges.


def test_ranges_are_read() -> None:
    texts = ["budget=0.6e9:1.4e9", " assume.minors_share ", "target = 3:9"]
    assert read_ranges(texts) == {
        "budget": (0.6e9, 1.4e9), "assume.minors_share": None, "target": (3.0, 9.0),
    }  # fmt: skip
    wrong = ["budget=", "=1:2", "target=1:2:3", "step=a:b", "floor=1", "step=3:4"]
    with pytest.raises(InvalidOver) as caught:
        read_ranges([*wrong[:5], "step=1:2", wrong[5]])
    assert [problem.value for problem in caught.value.problems] == wrong


def test_assumptions_bring_their_ranges() -> None:
    known = load_assumptions()["housing_turnover"]
    norway = load("norway-2024")
    one, other = inputs_of(
        norway, Policy(), {"assume.housing_turnover": None, "assume.minors_share": (0.03, 0.04)}, 3
    )
    assert one == Input("assume.housing_turnover", known.low, known.high, unit=known.unit)
    assert (other.low, other.high) == (0.03, 0.04)
    with pytest.raises(InvalidOver, match="is not plausible"):
        inputs_of(norway, Policy(), {"assume.housing_turnover": (0.0, 0.03)}, 3)


@pytest.mark.slow
def test_assumptions_are_screened_that_the_program_rests_on() -> None:
    norway = load("norway-2024")
    used = [path.removeprefix("assume.") for path in assumptions_in_use(norway, Policy())]
    assert {"housing_turnover", "measures_budget", "minors_share", "gp_open_share"} <= set(used)
    assert set(used) < set(load_assumptions())
    others = {"measures_budget_2022", "measures_budget_2023", "unemployment_per_not_employed"}
    assert not others & set(used)
    assert assumptions_in_use(COUNTRY, POLICY) == []


def test_everything_wrong_with_the_inputs_is_told_at_once() -> None:
    ranges = {
        "targett": (1.0, 2.0),
        "budget": None,
        "step": (5.0, 1.0),
        "target": (150.0, 200.0),
        "factor.housing.0009": (0.5, 1.0),
        "min_ratio": (-1.0, 0.5),
        "assume.luck": None,
        "assume.minors_share": None,
        "max_ratio": (1.0, 2.0),
    }
    with pytest.raises(InvalidOver) as caught:
        screening(COUNTRY, POLICY, ranges)
    said = str(caught.value)
    for words in (
        "maybe target",
        "budget=LOW:HIGH",
        "low first",
        "such as 150:201",
        "no such capacity",
        "min_ratio",
        "no assumption has this name",
        "not a packaged Norwegian instance",
    ):
        assert words in said
    assert not any(problem.column == "max_ratio" for problem in caught.value.problems)
    with pytest.raises(InvalidOver, match="tiny has no inputs of its own"):
        screening(COUNTRY, POLICY)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"samples": 1, "levels": 3, "seed": -1}, ["samples is 1", "levels is 3", "seed is -1"]),
        ({"method": "sobol", "samples": 12}, ["a power of 2, such as 8 or 16"]),
        ({"method": "luck"}, ["luck"]),
    ],
)
def test_everything_wrong_with_the_numbers_is_told_at_once(
    numbers: dict[str, Any], said: list[str]
) -> None:
    with pytest.raises(ValueError, match=said[0]) as caught:
        screening(COUNTRY, POLICY, RANGES, **numbers)
    assert all(words in str(caught.value) for words in said)


# What is found.


def test_a_linear_response_is_found_exactly(found: Screening) -> None:
    shortfall = of(found.indices, "shortfall")
    assert shortfall["mu"].to_dict() == pytest.approx(EFFECTS, abs=1e-9)
    sizes = {path: abs(effect) for path, effect in EFFECTS.items()}
    assert shortfall["mu_star"].to_dict() == pytest.approx(sizes, abs=1e-9)
    assert shortfall["sigma"].to_numpy() == pytest.approx(np.zeros(4), abs=1e-9)
    assert shortfall["rank"].isna().tolist() == [False, False, False, True]
    assert shortfall.loc["factor.housing.0001", "rank"] == 3
    # What everybody is asked for has no influence on how many are asked: it does not move.
    assert (of(found.indices, "asked")["mu_star"] == 0).all()
    assert (of(found.indices, "unfairness")["sigma"] > 0).any()
    assert (of(found.indices, "unfairness").loc["budget", ["mu", "mu_star", "sigma"]] == 0).all()
    assert "outcome" not in set(found.indices["result"])  # no probabilities are known
    assert found.left_out.empty
    assert found.refusal is None
    assert found.gap == 0


def test_every_solve_is_there_with_its_inputs(found: Screening) -> None:
    runs = found.runs
    assert len(runs) == 3 * 5
    assert runs["set"].tolist() == [number for number in (1, 2, 3) for _ in range(5)]
    expected = (
        runs["target"] - 100 * runs["factor.housing.0001"] - 200 * runs["factor.housing.0002"]
    )
    assert runs["shortfall"].to_numpy() == pytest.approx(expected.to_numpy(), abs=1e-6)
    told = found.results.set_index("result").loc["shortfall"]
    assert told["mean"] == pytest.approx(runs["shortfall"].mean())
    assert (told["smallest"], told["largest"]) == (
        runs["shortfall"].min(), runs["shortfall"].max(),
    )  # fmt: skip


def test_the_same_seed_gives_the_same_table(found: Screening, executor: Executor) -> None:
    again = screening(COUNTRY, POLICY, RANGES, samples=3, seed=5, options=EXACT, executor=executor)
    pd.testing.assert_frame_equal(again.indices, found.indices)


def test_parts_of_the_variance_of_a_linear_response(executor: Executor) -> None:
    ranges: dict[str, tuple[float, float] | None] = {
        "target": (150.0, 210.0), "factor.housing": (0.1, 0.3),
    }  # fmt: skip
    answer = screening(
        COUNTRY, POLICY, ranges, method="sobol", samples=8, options=EXACT, executor=executor
    )
    # How near the parts of a formula come to what they are is tested above.
    target, factor = answer.design.rows.T
    persons = target - np.floor(100 * factor) - np.floor(200 * factor)
    expected = answer.design.indices(persons).set_index("input")
    shortfall = of(answer.indices, "shortfall")
    for name in ("S1", "S1_conf", "ST", "ST_conf"):
        assert shortfall[name].to_numpy() == pytest.approx(expected[name].to_numpy(), abs=1e-9)
    assert (shortfall["ST"] > 0.1).all()
    assert len(answer.runs) == 8 * 4
    assert answer.results["result"].tolist()[0] == "shortfall"
    assert (of(answer.indices, "cost")[["S1", "ST", "S1_conf", "ST_conf"]] == 0).all(axis=None)


RATIOS: dict[str, tuple[float, float] | None] = {
    "max_ratio": (0.1, 1.0), "min_ratio": (0.0, 0.3),
}  # fmt: skip
"""Either end is a policy; together they are none where the least is above the most."""


def test_solves_without_a_plan_leave_out_their_set_and_are_told(executor: Executor) -> None:
    prepared = prepare(COUNTRY, POLICY, RATIOS, method="sobol", samples=8, seed=1, options=EXACT)
    answer = prepared.solved(executor)
    runs = answer.runs
    clash = runs["min_ratio"] > runs["max_ratio"]
    assert clash.any()
    impossible = runs["set"].isin(runs.loc[clash, "set"])
    assert (runs["state"] == State.NOT_RUN).tolist() == impossible.tolist()
    assert runs.loc[~impossible, "state"].eq(State.SOLVED).all()
    sets = sorted(set(runs.loc[runs["placed"].isna(), "set"]))
    assert answer.left_out["set"].tolist() == sets
    assert answer.left_out["without_plan"].sum() == runs["placed"].isna().sum()
    assert answer.left_out["why"].str.contains("is above max_ratio").any()
    assert answer.refusal is None
    assert set(answer.indices["sets"]) == {8 - len(sets)}
    assert answer.put_aside == {}
    assert of(answer.indices, "shortfall").loc["max_ratio", "ST"] > 0.3


def test_solves_that_are_infeasible_are_told(executor: Executor) -> None:
    # At least 0.9 of a fair share is 135 of 150 persons, and there may be dwellings for 120.
    ranges: dict[str, tuple[float, float] | None] = {
        "min_ratio": (0.0, 0.9), "factor.housing": (0.4, 1.0),
    }  # fmt: skip
    policy = Policy(step=1, floor=0, target=150)
    answer = screening(COUNTRY, policy, ranges, samples=6, options=EXACT, executor=executor)
    lacking = answer.runs["min_ratio"] * 150 > 300 * answer.runs["factor.housing"]
    assert lacking.any()
    assert (answer.runs["status"] == "infeasible").tolist() == lacking.tolist()
    assert answer.left_out["set"].tolist() == sorted(set(answer.runs.loc[lacking, "set"]))
    assert answer.left_out["why"].str.startswith("infeasible: ").all()


def test_trajectories_of_impossible_values_are_drawn_anew() -> None:
    prepared = prepare(COUNTRY, POLICY, RATIOS, samples=40, options=EXACT)
    one = prepared.design
    assert one.rows.shape == (120, 2)
    assert (one.rows[:, 1] <= one.rows[:, 0]).all()
    assert one.aside
    assert set(prepared.clashes) == set(one.aside)
    usual = Design(MORRIS, one.inputs, 40 + len(one.aside), one.levels, one.seed).rows
    sets = usual.reshape(-1, 3, 2)
    possible = (sets[:, :, 1] <= sets[:, :, 0]).all(axis=1)
    assert np.flatnonzero(~possible).tolist() == list(one.aside)
    assert (sets[possible].reshape(-1, 2) == one.rows).all()


def test_trajectories_put_aside_are_told(executor: Executor) -> None:
    answer = screening(COUNTRY, POLICY, RATIOS, samples=8, options=EXACT, executor=executor)
    assert all("is above max_ratio" in why for why in answer.put_aside)
    assert sum(answer.put_aside.values()) == len(answer.design.aside) > 0
    assert answer.as_dict()["put_aside"] == answer.put_aside
    assert not (answer.runs["state"] == State.FAILED).any()


@pytest.mark.parametrize("method", ["morris", "sobol"])
def test_values_seldom_possible_together_are_refused(method: str) -> None:
    ranges: dict[str, tuple[float, float] | None] = {
        "min_ratio": (0.0, 1.0), "max_ratio": (0.001, 0.01),
    }  # fmt: skip
    policy = Policy(step=1, floor=0)
    with pytest.raises(InvalidOver, match="narrower ranges") as caught:
        screening(COUNTRY, policy, ranges, method=method, samples=4)
    assert "possible together" in str(caught.value)


def test_shares_of_groups_that_add_up_to_too_much_are_drawn_anew() -> None:
    shares = ("single_share_of_rest", "couple_share_of_rest", "large_family_share_of_rest")
    paths = {f"assume.{name}": None for name in shares}
    prepared = prepare(load("norway-2024"), Policy(), paths, samples=3, seed=1)
    assert (prepared.design.rows.sum(axis=1) <= 1).all()
    assert prepared.design.aside
    assert "add up to more than 1" in next(iter(prepared.clashes.values()))


def test_too_few_sets_give_no_indices_and_say_so() -> None:
    cancel = threading.Event()
    cancel.set()
    with Executor(processes=1, cancel=cancel) as stopped:
        answer = screening(COUNTRY, POLICY, RANGES, samples=3, options=EXACT, executor=stopped)
    assert answer.refusal == (
        "no indices: only 0 of 3 sets of solves are whole, and at least 2 are needed"
    )
    assert answer.indices.empty
    assert answer.left_out["why"].tolist() == 3 * ["cancelled before it was answered"]
    assert "no indices" in text(screening_chart(answer))
    assert json.loads(json.dumps(answer.as_dict(), allow_nan=False))["indices"] == []


def test_half_of_the_sets_are_enough_and_fewer_are_not(found: Screening) -> None:
    def without(*lost: int) -> Screening:
        outcomes = [
            Outcome.failed(one.key, "luck") if i in lost else one
            for i, one in enumerate(found.outcomes)
        ]
        return Screening(found.instance_id, found.currency, found.design, tuple(outcomes), {})

    one = without(7)
    assert one.left_out.to_dict("records") == [{"set": 2, "without_plan": 1, "why": "luck"}]
    assert of(one.indices, "shortfall")["mu"].to_dict() == pytest.approx(EFFECTS, abs=1e-9)
    assert without(7, 8, 14).refusal is not None


def test_questions_asked_twice_are_solved_once() -> None:
    prepared = prepare(COUNTRY, POLICY, {"budget": (0.0, 900.0)}, samples=6, options=EXACT)
    assert len(prepared.design.rows) == 12
    assert prepared.solves == len(np.unique(prepared.design.rows)) <= 4


def test_a_screening_has_a_json_form(found: Screening) -> None:
    answer = json.loads(json.dumps(found.as_dict(), allow_nan=False))
    assert answer["method"] == "morris"
    assert [one["path"] for one in answer["inputs"]] == list(RANGES)
    assert len(answer["runs"]) == 15
    ranks = [one["rank"] for one in answer["indices"] if one["result"] == "shortfall"]
    assert ranks[3] is None
    assert {"mu", "mu_star", "mu_star_conf", "sigma"} <= set(answer["indices"][0])


def test_charts_show_what_moves(found: Screening) -> None:
    chart = screening_chart(found)
    spec = chart.to_dict()
    bars = [row for values in spec["datasets"].values() for row in values]
    first = spec["vconcat"][0]["data"]["name"]
    shortfall = {row["label"]: row["way"] for row in spec["datasets"][first]}
    assert shortfall == {
        "target": RAISES, "factor.housing.0001": LOWERS, "factor.housing.0002": LOWERS,
    }  # fmt: skip
    assert "budget" not in {row["label"] for row in bars}
    assert EITHER in {row["way"] for row in bars}
    for words in ("persons without a place", RAISES, LOWERS):
        assert words in text(chart)
    assert "municipalities asked" not in text(chart)


# The command.


def test_the_command_announces_writes_shows_and_goes_on(tmp_path: Path) -> None:
    write(COUNTRY, tmp_path / "country")
    country = load(tmp_path / "country")
    write_plan(solve(country, POLICY, EXACT), tmp_path / "plan")
    out = tmp_path / "out"
    command = (
        "screening", tmp_path / "plan", "--instance", tmp_path / "country", "--input",
        "target=150:210", "--input", "factor.housing=0.1:0.4", "--processes", "1",
    )  # fmt: skip
    result = run(*command, "--samples", "2", "--out", out)
    assert result.exit_code == Exit.DONE
    before = solved(out)
    assert f"2 inputs · 2 × 3 rows · {before} solves · at" in result.stderr
    assert names(out) == {
        "asked.json", "cases.jsonl", "indices.csv", "results.csv", "left_out.csv", "runs.csv",
        "screening.json", "screening.svg", "screening.png", "screening.html",
    }  # fmt: skip
    table = [row for row in rows(out / "indices.csv") if row["result"] == "shortfall"]
    assert [float(row["mu"]) for row in table] == pytest.approx([60.0, -90.0])
    assert_drawn(out, "screening")
    for words in ("mu_star", "do not move: cost", "largest gap of any plan"):
        assert words in result.stdout
    again = run(*command, "--samples", "2", "--out", out, "--json")
    assert json.loads(again.stdout)["samples"] == 2
    assert solved(out) == before
    late = run(*command, "--samples", "4", "--total-time", "0.001")
    assert late.exit_code == Exit.NOTHING_FOUND
    assert "no indices" in late.stderr
    for wrong, code, said in (
        (("--method", "luck"), Exit.USAGE, "morris, sobol"),
        (("--method", "sobol", "--samples", "3"), Exit.USAGE, "power of 2"),
        (("--input", "step", "--input", "floor=x"), Exit.INVALID, "floor=x"),
        (("--input", "step"), Exit.INVALID, "step=LOW:HIGH"),
    ):
        refused = run(*command, *wrong)
        assert refused.exit_code == code
        assert said in refused.stderr
        assert refused.stdout == ""
