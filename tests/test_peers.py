"""The peers of the benchmark solve the engine's program and tell their times rightly."""

import json
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp

from allocator.loading import load
from allocator.solve import solve
from allocator.solve.arrays import Arrays
from benchmarks.peers import highs_log, process
from benchmarks.peers.__main__ import main
from benchmarks.peers.case import Case, Spec, prepare
from benchmarks.peers.driver import GoalRun, hold, run, violation
from benchmarks.peers.peer import Answer, Ending, Point, Record, Settings, Task
from benchmarks.peers.process import PeerRun, run_peer
from benchmarks.peers.registry import PEERS
from benchmarks.peers.report import document, table
from benchmarks.peers.scaling import GRID, TooLarge, scale, useful_upper
from benchmarks.peers.times import milestones, seconds_to_first, seconds_to_gap
from benchmarks.peers.whole import Whole
from models.options import SolveOptions

INSTANCES = ("tiny-odd-lot", "tiny-measures", "tiny-integral")
WHOLE_LATTICE = 1000


@cache
def by_engine(name: str) -> dict[str, float]:
    goals = solve(load(name), options=SolveOptions(gap=0.0)).goals
    return {goal.name: goal.value for goal in goals}


@cache
def by_peer(peer: str, name: str) -> list[GoalRun]:
    case = prepare(Spec(name, around=WHOLE_LATTICE))
    return run(case, PEERS[peer].minimise(), Settings(time_limit=30.0, gap=0.0))


@pytest.fixture
def measures() -> Case:
    return prepare(Spec("tiny-measures"))


@pytest.mark.parametrize("name", INSTANCES)
@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_agrees_with_the_engine(peer: str, name: str) -> None:
    runs = by_peer(peer, name)
    assert [goal.name for goal in runs] == ["shortfall", "unfairness + 1e-07·cost"]
    for goal in runs:
        assert goal.ending is Ending.REACHED
        assert goal.value == pytest.approx(by_engine(name)[goal.name], abs=1e-5)
        assert goal.missed == pytest.approx(0.0, abs=1e-5)
        assert goal.violation == pytest.approx(0.0, abs=1e-5)


@pytest.mark.parametrize("name", INSTANCES)
@pytest.mark.parametrize("peer", PEERS)
def test_the_trajectory_is_monotone_and_ends_at_the_answer(peer: str, name: str) -> None:
    rounding = 5e-3 if peer == "cp-sat" else 1e-5
    for goal in by_peer(peer, name):
        for before, after in pairwise(goal.points):
            assert before.seconds <= after.seconds <= goal.seconds
            assert before.incumbent is None or after.incumbent is not None
            assert (after.incumbent or 0.0) <= (before.incumbent or np.inf)
            assert before.bound is None or after.bound is not None
            assert (after.bound or 0.0) >= (before.bound or -np.inf)
        assert goal.points[-1].incumbent == pytest.approx(goal.value, abs=rounding)
        assert goal.points[-1].bound == pytest.approx(goal.value, abs=rounding)


def test_a_record_keeps_the_best_and_tells_only_what_is_new() -> None:
    told: list[Point] = []
    record = Record(told.append)
    record.add(None, None, 0.5)
    record.add(10.0, None, 1.0)
    record.add(12.0, 3.0, 2.0)
    record.add(11.0, 2.0, 3.0)
    record.add(9.0, 4.0, 1.5)
    assert told == record.points
    assert record.points == [Point(1.0, 10.0, None), Point(2.0, 10.0, 3.0), Point(2.0, 9.0, 4.0)]


POINTS = (
    Point(1.0, None, 90.0),
    Point(2.0, 110.0, 90.0),
    Point(4.0, 100.0, 99.0),
    Point(7.0, 100.0, 99.6),
)


def test_times_to_the_first_plan_and_to_a_gap() -> None:
    assert seconds_to_first(POINTS) == 2.0
    assert seconds_to_gap(POINTS, 0.2) == 2.0
    assert seconds_to_gap(POINTS, 0.01) == 4.0
    assert seconds_to_gap(POINTS, 0.005) == 7.0
    assert seconds_to_gap(POINTS, 0.001) is None
    assert seconds_to_first(POINTS[:1]) is None
    assert seconds_to_gap((Point(1.0, 5.0, None),), 0.5) is None
    assert seconds_to_gap((Point(3.0, 0.0, 0.0),), 0.001) == 3.0


def test_milestones_count_the_earlier_goals() -> None:
    goal = GoalRun("second", 20.0, 8.0, Ending.LIMIT, 100.0, points=POINTS)
    assert milestones(goal) == {"first": 22.0, "1 %": 24.0, "0.5 %": 27.0, "0.1 %": None}


def test_the_table_tells_what_is_missing_and_what_went_wrong() -> None:
    goal = GoalRun("second", 20.0, 8.0, Ending.FAILED, 100.0, missed=0.5, points=POINTS)
    runs = [PeerRun("good", {}, 2, True, goals=[goal]), PeerRun("bad", {}, 1, False, error="died")]
    head, _, good, bad, *remarks = table(runs).splitlines()
    width = [cell.strip() for cell in good.split("|")]
    assert [cell.strip() for cell in head.split("|")][4:8] == ["first", "1 %", "0.5 %", "0.1 %"]
    assert width[4:8] == ["22.0", "24.0", "27.0", "–"]
    assert width[11:13] == ["0.40 %", "failed"]
    assert bad.startswith("| bad")
    assert "0.5000 more" in remarks[0]
    assert remarks[1] == "bad: died"
    assert json.dumps(document(Spec("tiny-measures"), Settings(), runs), allow_nan=False)


def test_a_level_is_not_reached_on_an_earlier_goal_held_too_high() -> None:
    goal = GoalRun("second", 20.0, 8.0, Ending.LIMIT, 100.0, points=POINTS, held_short=0.007)
    assert milestones(goal) == {"first": 22.0, "1 %": 24.0, "0.5 %": None, "0.1 %": None}
    assert "held 0.7% off" in table([PeerRun("p", {}, 1, False, goals=[goal])])


def test_a_goal_that_ends_short_marks_the_next(measures: Case) -> None:
    def nobody(task: Task, record: Record) -> Answer:
        if task.start is not None:
            return Answer(Ending.LIMIT, None)
        worst = PEERS["highs"].minimise()(replace(task, cost=-task.cost), Record())
        record.add(120.0, 30.0)
        return Answer(Ending.LIMIT, worst.solution)

    first, second = run(measures, nobody, Settings())
    assert first.value == pytest.approx(120.0)
    assert first.held_short == 0.0
    assert second.held_short == pytest.approx(0.75)


LOG = """
Src  Proc. InQueue |  Leaves   Expl. | BestBound       BestSol              Gap | LpIters     Time
 J       0       0         0   0.00%   -inf            37000              Large   0       0.2s
 R       0       0         0   0.00%   6221.561421     7000              11.12%   3512    1.5s
        12       3         4  25.00%   6300.5          7000               9.99%   9k     12.0s
  Timing            13.50
                    0.12 (presolve)
"""


def test_the_log_of_highs_is_read(tmp_path: Path) -> None:
    log = tmp_path / "highs.log"
    log.write_text(LOG, encoding="utf-8")
    record = Record()
    highs_log.replay(log, record, ended=15.5, offset=1.0)
    assert record.points == [
        Point(2.2, 37001.0, None),
        Point(3.5, 7001.0, 6221.561421 + 1.0),
        Point(14.0, 7001.0, 6301.5),
    ]


def test_the_log_of_a_run_that_never_began_is_empty(tmp_path: Path) -> None:
    record = Record()
    highs_log.replay(tmp_path / "highs.log", record, ended=1.0, offset=0.0)
    assert record.points == []


def small(upper: tuple[float, ...] = (10.0, 10.0, 3.0, np.inf)) -> Arrays:
    """Two persons columns and a whole one: x + y − 5 n = 0, x ≤ 7.12345, and U ≥ 2 n − 3."""
    return Arrays(
        matrix=sp.csr_array(
            np.array([[1.0, 1.0, -5.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, -2.0, 1.0]])
        ),
        row_lower=np.array([0.0, -np.inf, -3.0]),
        row_upper=np.array([0.0, 7.12345, np.inf]),
        lower=np.zeros(4),
        upper=np.array(upper),
        integer=np.array([False, False, True, False]),
        objectives={},
        columns={},
        row_names=(("quota", None), ("housing", None), ("secants", None)),
    )


COST = np.array([0.0, 0.0, 0.0, 1.0])


def test_scaling_keeps_exact_rows_exact_and_rounds_sides_outward() -> None:
    scaled = scale(small(), COST)
    quota, housing, secant = scaled.program.rows
    assert (quota.coefficients, quota.lower, quota.upper) == ([1, 1, -5 * GRID], 0, 0)
    assert housing.lower is None
    assert housing.upper == 7124
    assert (secant.coefficients, secant.lower) == ([-2 * GRID, 1], -3001)
    assert scaled.tolerance == pytest.approx([0.001, 0.0015, 0.0015])
    assert scaled.program.upper == [10 * GRID, 10 * GRID, 3, 3 * GRID]


def test_a_start_becomes_a_hint_in_counts() -> None:
    start = np.array([7.1234, 2.8766, 2.0, 1.0])
    assert scale(small(), COST, start).program.hint == [7123, 2877, 2, 1000]


def test_a_row_of_whole_columns_is_scaled_until_one_step_counts() -> None:
    matrix = sp.csr_array(np.array([[5e-5, 1e-4, 3e-4]]))
    arrays = replace(
        small(),
        matrix=matrix,
        row_lower=np.array([-np.inf]),
        row_upper=np.array([4e-4]),
        lower=np.zeros(3),
        upper=np.full(3, 6.0),
        integer=np.ones(3, dtype=bool),
    )
    row = scale(arrays, np.ones(3)).program.rows[0]
    assert row.upper is not None
    assert np.array(row.coefficients) / row.upper == pytest.approx([0.125, 0.25, 0.75])


def test_upper_bounds_are_deduced_where_rows_only_push_up() -> None:
    assert useful_upper(small(), COST)[3] == 3.0
    assert np.isinf(useful_upper(small(), -COST)[3])


def test_what_does_not_fit_whole_numbers_is_refused() -> None:
    with pytest.raises(TooLarge, match="no finite bounds"):
        scale(small(), -COST)
    with pytest.raises(TooLarge, match="does not fit"):
        scale(small((1e17, 10.0, 3.0, np.inf)), COST)


def test_a_program_in_whole_numbers_survives_as_text() -> None:
    program = scale(small(), COST).program
    assert Whole.from_json(program.to_json()) == program


def test_a_goal_of_zero_is_held_by_fixing_its_columns() -> None:
    held = hold(small((5.0, 5.0, 5.0, 5.0)), COST, 0.0, 0.0)
    assert held.upper.tolist() == [5.0, 5.0, 5.0, 0.0]
    assert held.matrix.shape == (3, 4)


def test_any_other_goal_is_held_by_a_row() -> None:
    held = hold(small(), COST, 1.0, 3.0)
    assert held.row_names[-1] == ("hold", 0)
    assert held.row_upper[-1] == pytest.approx(2.0, abs=1e-5)
    assert violation(held, np.array([7.0, 3.0, 2.0, 2.5])) == pytest.approx(0.5, abs=1e-5)


def test_violations_are_of_rows_bounds_and_wholeness() -> None:
    assert violation(small(), np.array([7.0, 3.0, 2.0, 1.0])) == 0.0
    assert violation(small(), np.array([7.0, 3.0, 2.0, 0.75])) == pytest.approx(0.25)
    assert violation(small(), np.array([-0.5, 10.5, 2.0, 1.0])) == pytest.approx(0.5)
    assert violation(small(), np.array([6.0, 3.0, 1.8, 1.0])) == pytest.approx(0.2)


def test_an_answer_that_breaks_a_rule_is_refused(measures: Case) -> None:
    def nothing(task: Task, record: Record) -> Answer:
        record.add(0.0, 0.0)
        return Answer(Ending.REACHED, np.zeros(task.arrays.matrix.shape[1]))

    (goal,) = run(measures, nothing, Settings())
    assert (goal.ending, goal.value, goal.points) == (Ending.FAILED, None, ())
    assert "refused" in goal.notes[0]


def test_without_an_answer_no_further_goal_is_tried(measures: Case) -> None:
    runs = run(measures, lambda task, record: Answer(Ending.LIMIT, None), Settings())
    assert [(goal.name, goal.ending) for goal in runs] == [("shortfall", Ending.LIMIT)]


def test_factors_change_the_norwegian_assumptions_only() -> None:
    spec = Spec("norway-2024", 0.75, 0.5)
    assert spec.name == "norway-2024-turnover-0.75-budget-0.5"
    usual, scarce = load("norway-2024"), spec.load()
    assert usual.budget is not None
    assert scarce.budget == usual.budget / 2
    assert scarce.dwellings["dwellings"].sum() < 0.8 * usual.dwellings["dwellings"].sum()
    with pytest.raises(ValueError, match="'tiny-measures' cannot be changed"):
        Spec("tiny-measures", 0.75).load()


def test_the_command_prints_a_table_and_keeps_the_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "peers.json"
    main(["tiny-measures", "--peer", "scip", "--threads", "2", "--out", str(out)])
    assert "| scip | 1       | shortfall" in capsys.readouterr().out
    (peer,) = json.loads(out.read_text(encoding="utf-8"))["peers"]
    assert (peer["threads"], peer["error"]) == (1, None)
    assert [goal["value"] for goal in peer["goals"]] == pytest.approx([5.0, 3.12504])
    assert all(goal["seconds_to"]["0.1 %"] is not None for goal in peer["goals"])
    assert peer["peak_mib"] > 10


def test_a_process_that_fails_says_why() -> None:
    result = run_peer("highs", Spec("no-such-instance"), Settings())
    assert result.goals == []
    assert result.error is not None
    assert "no-such-instance" in result.error


def test_a_process_that_overruns_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "GRACE", -1000.0)
    result = run_peer("highs", Spec("tiny-measures"), Settings(time_limit=1.0))
    assert result.error == "killed: it overran its limits"
    assert result.goals == []
