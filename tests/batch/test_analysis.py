"""What a batch says is what the same figures say when they are counted by hand."""

import json
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from SALib.analyze import morris as morris_analysis
from SALib.analyze import sobol as sobol_analysis
from scipy import stats

from allocator import batch
from allocator.batch.analysis.levels import levels
from allocator.batch.asked import Asked
from allocator.batch.record import start_in, write_whole
from allocator.batch.spec import Settings
from allocator.loading import load
from allocator.solve import solve
from allocator.writing import write
from models.options import SolveOptions
from models.policy import Policy
from tests.batch.fabricated import Answer, fabricated, made

TINY = "tiny-measures"
BEDS, COST, PERSONS = "dwellings.dwellings *=", "measures.cost_per_step *=", "groups.persons *="


def spec_of(design: dict[str, Any], **more: Any) -> batch.Spec:
    return batch.spec_from({"instances": [TINY], "design": design} | more)


def of(frame: pd.DataFrame, **cells: Any) -> pd.DataFrame:
    for name, value in cells.items():
        frame = frame[frame[name] == value]
    return frame


# Response curves.

GRID = {"grid": {"target": [60, 80, 100], "budget": {"first": 0, "last": 400, "count": 5}}}


def scarce(asked: Asked, settings: Settings) -> Answer:
    """Answer that the shortfall is known; dear and large cases are infeasible, one fails."""
    target, budget = float(settings["target"]), float(settings["budget"])
    if target == 100 and budget < 150:
        return "infeasible"
    if target == 60 and budget == 400:
        return "WorkerLost: gone"
    if target == 80 and budget == 300:
        return "none"
    return {"shortfall": target - budget / 10, "cost": budget, "asked": 3.0}


def test_curves_are_medians_and_quantiles_over_all_other_inputs(tmp_path: Path) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", spec_of(GRID), scarce))
    for path, values in (("target", [60, 80, 100]), ("budget", [0, 100, 200, 300, 400])):
        rows = of(found.curves, input=path, result="shortfall")
        assert rows["value"].tolist() == values
        for row in rows.to_dict("records"):
            told = [
                scarce(Asked(0, 0, 0, 0), {"target": t, "budget": b})
                for t in (60, 80, 100)
                for b in (0, 100, 200, 300, 400)
                if (t if path == "target" else b) == row["value"]
            ]
            known = [one["shortfall"] for one in told if isinstance(one, dict)]
            assert row["cases"] == len(known)
            assert row["without_plan"] == len(told) - len(known)
            assert row["q50"] == statistics.median(known)
            tenths = statistics.quantiles(known, n=10, method="inclusive")
            assert (row["q10"], row["q90"]) == (pytest.approx(tenths[0]), pytest.approx(tenths[-1]))
    assert set(found.curves["result"]) == {"shortfall", "cost", "asked"}  # what plans have
    reasons = found.without_plan[["state", "why", "cases"]].to_numpy().tolist()
    assert reasons == [
        ["solved", "infeasible", 2],
        ["failed", "WorkerLost: gone", 1],
        ["solved", "no plan was found in its time", 1],
    ]
    assert found.instances[["cases", "answered", "with_plan", "failed"]].iloc[0].tolist() == [
        *(15, 15, 11, 1)
    ]


def test_a_level_without_any_plan_has_a_row_that_says_so(tmp_path: Path) -> None:
    def none_at_80(asked: Asked, settings: Settings) -> Answer:
        return "infeasible" if settings["target"] == 80 else {"shortfall": 1.0}

    found = batch.analyse(fabricated(tmp_path / "out", spec_of(GRID), none_at_80))
    (row,) = of(found.curves, input="target", value=80).to_dict("records")
    assert (row["cases"], row["without_plan"]) == (0, 5)
    assert np.isnan(row["q50"])


def test_samples_are_put_into_bins_of_equal_count(tmp_path: Path) -> None:
    spec = spec_of({"latin": {"samples": 60, "seed": 3, "ranges": {BEDS: [0.5, 1], COST: [1, 2]}}})
    found = batch.analyse(
        fabricated(tmp_path / "out", spec, lambda _, s: {"shortfall": float(s[BEDS]) ** 2})
    )
    drawn = sorted(float(one[BEDS]) for one in made(spec).points)
    rows = of(found.curves, input=BEDS, result="shortfall").to_dict("records")
    assert len(rows) == 10
    for row, inside in zip(rows, np.split(np.array(drawn), 10), strict=True):
        assert (row["low"], row["high"]) == (inside[0], inside[-1])
        assert row["value"] == np.median(inside)
        assert row["cases"] == 6
        assert row["q50"] == pytest.approx(np.median(inside**2))
        assert row["q10"] == pytest.approx(np.quantile(inside**2, 0.1))


def test_words_and_blanks_are_levels_of_their_own(tmp_path: Path) -> None:
    spec = spec_of(
        {
            "cases": [{}, {"target": 90}, {"target": 70}],
            "grid": {"key.name": ["population", "nrw"]},
        }
    )
    answers: dict[Any, float] = {None: 5.0, 90: 9.0, 70: 7.0}
    results = fabricated(
        tmp_path / "out",
        spec,
        lambda _, s: {"shortfall": answers[s.get("target")] + 10 * (s["key.name"] == "nrw")},
    )
    found = batch.analyse(results)
    rows = of(found.curves, input="target", result="shortfall")
    assert rows["value"].tolist() == [None, 70, 90]
    assert rows["q50"].tolist() == [10.0, 12.0, 14.0]
    rows = of(found.curves, input="key.name")
    assert rows["value"].tolist() == ["population", "nrw"]
    assert rows["q50"].tolist() == [7.0, 17.0]


@pytest.mark.parametrize("most", [2, 3, 7])
def test_equal_numbers_stay_in_one_bin(most: int) -> None:
    values = pd.Series([1.0] * 5 + [2.0] * 2 + [3.0] * 9 + list(np.arange(4.0, 12.0)) + [np.nan])
    found = levels(values, most)
    assert len(found) <= most
    code_of = dict(zip(values.fillna(-1), found.codes, strict=True))
    assert [code_of[v] for v in values.fillna(-1)] == found.codes.tolist()
    assert found.codes[-1] == 0
    assert found.table["value"][0] is None
    assert (np.diff([code_of[v] for v in sorted(set(values.dropna()))]) >= 0).all()


# Quotas.


def test_quotas_are_quantiles_over_all_cases_with_a_plan(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    drawn = random.integers(0, 40, size=(30, 2))
    drawn[:12, 1] = 0

    def told(asked: Asked, settings: Settings) -> Answer:
        if asked.number % 7 == 3:
            return "infeasible"
        return {"quotas": dict(zip(("0101", "0301"), drawn[asked.number].tolist(), strict=True))}

    spec = spec_of({"grid": {"target": list(range(60, 75))}}, seeds=[4, 5])
    results = fabricated(tmp_path / "out", spec, told)
    found = batch.analyse(results).quotas.set_index("municipality_id")
    kept = [number for number in range(30) if number % 7 != 3]
    for town, column in (("0101", 0), ("0301", 1)):
        row, values = found.loc[town], sorted(drawn[kept, column].tolist())
        tenths = statistics.quantiles(values, n=10, method="inclusive")
        assert row[["min", "max", "cases"]].tolist() == [values[0], values[-1], 26]
        assert row[["q10", "q50", "q90"]].tolist() == pytest.approx(
            [tenths[0], statistics.median(values), tenths[-1]]
        )
        assert row["asked"] == pytest.approx(sum(v > 0 for v in values) / 26)
    assert found.loc["0201", ["min", "max", "asked"]].tolist() == [0, 0, 0]
    assert found["population"].tolist() == [1000] * 3
    assert found["name"].tolist() == ["Alder", "Birch", "Cedar"]
    assert found["unvaried"].isna().all()  # no such plan is kept
    plan = solve(load(TINY), Policy(step=5), SolveOptions())
    write_whole(results.folder / "starts/0-4-base.json", plan.model_dump_json().encode())
    assert start_in(results.folder, "0-4-base") == plan
    found = batch.analyse(results).quotas.set_index("municipality_id")
    assert found["unvaried"].to_dict() == plan.quota_of


# Indices.

THREE = {BEDS: [1.0, 2.0], COST: [1.0, 2.0], PERSONS: [1.0, 2.0]}
"""Ranges that stand for −π to π."""


def angles(settings: Settings) -> NDArray[np.float64]:
    return (np.array([float(settings[path]) for path in THREE]) - 1.5) * 2 * np.pi


def ishigami(settings: Settings) -> float:
    """Ishigami and Homma (1990), with the usual 7 and 0.1."""
    x = angles(settings)
    return float(np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0]))


def sobol(samples: int, **more: Any) -> batch.Spec:
    return spec_of({"sobol": {"samples": samples, "seed": 2, "ranges": THREE}} | more)


def test_sobol_indices_are_those_of_ishigami(tmp_path: Path) -> None:
    spec = sobol(1024)
    results = fabricated(tmp_path / "out", spec, lambda _, s: {"unfairness": ishigami(s)})
    found = batch.analyse(results)
    rows = of(found.indices, result="unfairness").set_index("input")
    # In closed form (Saltelli et al. 2008): parts of V = 13.845.
    assert rows["S1"].tolist() == pytest.approx([0.3139, 0.4424, 0.0], abs=0.03)
    assert rows["ST"].tolist() == pytest.approx([0.5576, 0.4424, 0.2437], abs=0.03)
    assert rows["rank"].tolist() == [1, 2, 3]
    assert (rows[["S1_conf", "ST_conf"]] > 0).all(axis=None)
    values = np.array([ishigami(one) for one in made(spec).points])
    problem = {"num_vars": 3, "names": list(THREE)}
    direct = sobol_analysis.analyze(problem, values, calc_second_order=False)
    for name in ("S1", "ST"):
        assert rows[name].tolist() == pytest.approx(direct[name].tolist(), rel=1e-9)
    assert of(found.indices, result="shortfall")["ST"].tolist() == [0.0, 0.0, 0.0]  # never moves
    assert found.refused.empty


def test_morris_indices_are_the_slopes_of_a_plane(tmp_path: Path) -> None:
    spec = spec_of({"morris": {"samples": 6, "seed": 1, "ranges": THREE}})

    def told(asked: Asked, settings: Settings) -> Answer:
        a, b, c = (float(settings[path]) for path in THREE)
        return {"cost": 3 * a - 5 * b, "unfairness": a * b + c**2}

    found = batch.analyse(fabricated(tmp_path / "out", spec, told))
    rows = of(found.indices, result="cost").set_index("input")
    assert rows["mu"].tolist() == pytest.approx([3, -5, 0])
    assert rows["mu_star"].tolist() == pytest.approx([3, 5, 0])
    assert rows["sigma"].tolist() == pytest.approx([0, 0, 0], abs=1e-9)
    drawn = made(spec).points
    x = np.array([[float(one[path]) for path in THREE] for one in drawn])
    y = x[:, 0] * x[:, 1] + x[:, 2] ** 2
    direct = morris_analysis.analyze({"num_vars": 3, "names": list(THREE)}, x, y, num_levels=4)
    rows = of(found.indices, result="unfairness")
    for name in ("mu_star", "sigma"):
        assert rows[name].tolist() == pytest.approx(direct[name].tolist())
    assert (rows["sigma"] > 0).all()


def test_seeds_are_repetitions_and_no_input(tmp_path: Path) -> None:
    once = fabricated(tmp_path / "once", sobol(16), lambda _, s: {"cost": ishigami(s)})
    spec = batch.Spec.model_validate(sobol(16).model_dump() | {"seeds": (3, 4)})

    def noisy(asked: Asked, settings: Settings) -> Answer:
        quotas = {"0101": int(10 * (float(settings[BEDS]) > 1.5)) + 2 * (asked.seed == 4)}
        return {"cost": ishigami(settings) + (7 if asked.seed == 3 else -7), "quotas": quotas}

    one = batch.analyse(once)
    two = batch.analyse(fabricated(tmp_path / "twice", spec, noisy))
    names = ["result", "input", "S1", "ST", "S1_conf", "rank"]
    pd.testing.assert_frame_equal(of(one.indices, result="cost")[names],
                                  of(two.indices, result="cost")[names])  # fmt: skip
    assert (two.cases, two.instances["settings"][0], two.instances["seeds"][0]) == (160, 80, 2)
    row = of(two.dependence, input=BEDS).iloc[0]
    assert row["eta_squared"] == pytest.approx(1.0)  # the seeds do not blur it


def test_a_sample_with_a_hole_has_no_indices_and_others_of_the_design_have(tmp_path: Path) -> None:
    spec = sobol(4, grid={"step": [1, 5, 10]})

    def told(asked: Asked, settings: Settings) -> Answer:
        if asked.number in (21, 22, 30):
            return "infeasible"
        return {"cost": ishigami(settings)} | ({} if settings["step"] == 10 else {"jain": 0.5})

    folder = tmp_path / "out"
    found = batch.analyse(fabricated(folder, spec, told))
    assert found.indices["within"].unique().tolist() == ["step=1", "step=10"]
    whole, part = found.as_dict()["refused"]
    assert (whole["within"], whole["result"], whole["missing"], whole["of"], whole["cases"]) == (
        *("step=5", None, 3, 20, "21-22 30"),
    )
    assert whole["why"] == "3 have no plan"
    assert (part["within"], part["result"], part["cases"]) == ("step=10", "jain", "40-59")
    assert "no indices at step=5: of 20 cases 3 have no plan" in str(found)
    # While it runs.
    shutil.rmtree(folder)
    found = batch.analyse(fabricated(folder, spec, told, range(25)))
    assert found.indices["within"].unique().tolist() == ["step=1"]
    assert found.refused["why"].tolist() == ["15 have no answer yet, 2 have no plan",
                                             "20 have no answer yet"]  # fmt: skip
    assert (found.answered, found.cases) == (25, 60)
    assert "25 of 60 cases have an answer" in str(found)


# What hangs on what.


def by_hand(groups: list[list[float]], n: int) -> tuple[float, float]:
    """Return η² and ε² of values by level."""
    every = [value for group in groups for value in group]
    mean = statistics.fmean(every)
    total = sum((value - mean) ** 2 for value in every)
    within = sum(sum((v - statistics.fmean(g)) ** 2 for v in g) for g in groups)
    eta = 1 - within / total
    return eta, 1 - (1 - eta) * (n - 1) / (n - len(groups))


FULL = {
    "grid": {
        "target": [60, 70, 80],
        "key.name": ["population", "nrw", "eu_2024"],
        "budget": [0, 100, 200, 300],
    }
}
NOISE = np.random.default_rng(8).integers(0, 9, size=36).tolist()


def hanging(asked: Asked, settings: Settings) -> Answer:
    word = {"population": 0, "nrw": 20, "eu_2024": 3}[str(settings["key.name"])]
    humped = 10 - abs(float(settings["target"]) - 70)  # no rank correlation finds it
    quotas = {"0101": word + int(settings["budget"]) // 100, "0201": int(humped)}
    return {"quotas": quotas | {"0301": NOISE[asked.number]}}


def test_ratios_are_those_of_a_one_way_analysis_of_variance(tmp_path: Path) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", spec_of(FULL), hanging)).dependence
    points = made(spec_of(FULL)).points
    p_values = []
    for row in found.to_dict("records"):
        groups: dict[Any, list[float]] = {}
        for number, settings in enumerate(points):
            told = hanging(Asked(number, 0, number, 0), settings)
            assert isinstance(told, dict)
            value = told["quotas"][row["municipality_id"]]
            groups.setdefault(settings[row["input"]], []).append(value)
        eta, epsilon = by_hand(list(groups.values()), 36)
        assert (row["eta_squared"], row["epsilon_squared"]) == (
            pytest.approx(eta, abs=1e-12),
            pytest.approx(epsilon, abs=1e-12),
        )
        assert (row["n"], row["levels"]) == (36, len(groups))
        every = [value for group in groups.values() for value in group]
        spread = (max(epsilon, 0.0) * statistics.pvariance(every)) ** 0.5
        assert row["persons"] == pytest.approx(spread, abs=1e-9)
        means = {level: statistics.fmean(some) for level, some in groups.items()}
        assert row["lowest"] == pytest.approx(min(means.values()))
        assert means[row["highest_at"]] == pytest.approx(max(means.values())) == row["highest"]
        if eta < 1:
            p_values.append(stats.f_oneway(*groups.values()).pvalue)
    # Benjamini and Hochberg (1995) over all nine, one of which is certain.
    ranked = sorted([0.0, *p_values])
    adjusted = [
        min(min(1.0, p * 9 / (j + 1)) for j, p in list(enumerate(ranked))[i:]) for i in range(9)
    ]
    assert sorted(found["p_value"]) == pytest.approx(adjusted, abs=1e-12)


def test_words_and_humps_are_found_and_noise_is_not(tmp_path: Path) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", spec_of(FULL), hanging))
    clear = of(found.dependence, stands_out=True)[["municipality_id", "input"]]
    assert clear.to_numpy().tolist() == [["0101", "key.name"], ["0201", "target"]]
    assert found.dependence["stands_out"].tolist() == [True] * 2 + [False] * 7
    assert "0101 Alder: key.name" in str(found)
    assert "0301" not in str(found)


def test_what_never_moves_is_left_out_and_counted(tmp_path: Path) -> None:
    spec = spec_of({"grid": {"target": list(range(50, 70))}})
    results = fabricated(
        tmp_path / "out", spec, lambda _, s: {"quotas": {"0101": int(s["target"]), "0201": 7}}
    )
    found = batch.analyse(results)
    assert found.dependence["municipality_id"].tolist() == ["0101"]
    assert found.instances["still"].tolist() == [2]
    (row,) = found.dependence.to_dict("records")
    # Each value stands once: four bins of five tell the line from chance.
    assert (row["n"], row["values"], row["levels"], row["stands_out"]) == (20, 20, 4, True)
    line = [[float(v) for v in range(low, low + 5)] for low in (50, 55, 60, 65)]
    assert row["epsilon_squared"] == pytest.approx(by_hand(line, 20)[1])


def test_too_few_draws_are_told_and_not_shown(tmp_path: Path) -> None:
    spec = spec_of({"grid": {"target": [60, 70, 80], "key.name": ["population", "nrw", "eu_2024"]}})
    results = fabricated(
        tmp_path / "out", spec, lambda _, s: {"quotas": {"0101": int(s["target"])}}
    )
    found = batch.analyse(results)
    assert found.dependence.empty
    assert found.too_few[["input", "n", "values", "levels", "needed"]].to_numpy().tolist() == [
        ["target", 9, 3, 2, 10],
        ["key.name", 9, 3, 3, 15],
    ]
    said = (
        "what hangs on key.name cannot be told: it has 9 draws, and 15 are needed (5 for each of 3"
    )
    assert said in str(found)


@pytest.mark.parametrize(("kind", "draws"), [("sobol", 32), ("morris", 32), ("latin", 16)])
def test_values_that_are_kept_while_others_move_count_once(
    tmp_path: Path, kind: str, draws: int
) -> None:
    design = {kind: {"samples": 16, "ranges": THREE}, "grid": {"step": [1, 5]}}
    results = fabricated(
        tmp_path / "out",
        spec_of(design),
        lambda _, s: {"quotas": {"0101": int(100 * float(s[BEDS])) + int(s["step"])}},
    )
    found = batch.analyse(results)
    size = {"sobol": 5, "morris": 4, "latin": 1}[kind] * 16
    counts = dict(zip(found.dependence["input"], found.dependence["n"], strict=True))
    assert counts == {"step": 2 * size, **dict.fromkeys(THREE, draws)}
    assert found.dependence["input"][0] == BEDS


def test_chance_is_rarely_taken_for_more(tmp_path: Path) -> None:
    """Of pure noise hardly any ratio stands out, and ε² is zero in the mean where η² is not."""
    instance = load("norway-2024")
    towns = list(instance.municipalities["municipality_id"])
    random = np.random.default_rng(5)
    noise = random.integers(0, 50, size=(64, len(towns)))
    spec = batch.spec_from(
        {
            "instances": ["norway-2024"],
            "design": {"latin": {"samples": 64, "ranges": {"target": [30000, 39000]}}},
        }
    )

    def told(asked: Asked, settings: Settings) -> Answer:
        return {"quotas": dict(zip(towns, noise[asked.number].tolist(), strict=True))}

    found = batch.analyse(fabricated(tmp_path / "out", spec, told)).dependence
    assert len(found) == len(towns)
    assert found["eta_squared"].mean() == pytest.approx(9 / 63, abs=0.015)  # of 10 levels, 64 draws
    assert found["epsilon_squared"].mean() == pytest.approx(0.0, abs=0.015)
    assert found["stands_out"].sum() <= 1


# Whatever a batch is like.


def test_instances_are_analysed_each_by_itself(tmp_path: Path) -> None:
    twin = tmp_path / "twin"
    country = load(TINY)
    towns = country.municipalities.assign(population=[10, 20, 30])
    write(country.replace(municipalities=towns), twin)
    spec = spec_of({"grid": {"target": [60, 70]}}, instances=[TINY, str(twin), "tiny-services"])
    results = fabricated(
        tmp_path / "out",
        spec,
        lambda asked, s: {"shortfall": float(s["target"]) * (1 + asked.instance)},
    )
    found = batch.analyse(results)
    names = [f"{TINY} (1)", f"{TINY} (2)", "tiny-services"]
    assert found.instances["instance"].tolist() == names
    for i, name in enumerate(names):
        rows = of(found.curves, instance=name, result="shortfall")
        assert rows["q50"].tolist() == [60 * (1 + i), 70 * (1 + i)]
    assert of(found.quotas, instance=names[1])["population"].tolist() == [10, 20, 30]
    assert found.cases == 6


@pytest.mark.parametrize("count", [0, 1])
def test_one_case_or_none_says_what_it_can(tmp_path: Path, count: int) -> None:
    results = fabricated(
        tmp_path / "out", spec_of({}), lambda *_: {"quotas": {"0101": 4}}, range(count)
    )
    found = batch.analyse(results)
    assert found.inputs == ()
    assert (found.answered, found.cases) == (count, 1)
    assert len(found.quotas) == 3 * count
    assert found.curves.empty
    assert found.dependence.empty
    assert "no input has two values in the cases that are answered" in str(found)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False))["curves"] == []


def test_a_batch_in_which_nothing_has_a_plan_says_why(tmp_path: Path) -> None:
    found = batch.analyse(fabricated(tmp_path / "out", spec_of(GRID), lambda *_: "SolverError: x"))
    assert found.quotas.empty
    assert found.curves.empty
    assert found.without_plan["cases"].tolist() == [15]
    assert "without a plan: 15 cases: SolverError: x" in str(found)
    assert found.instances["failed"].tolist() == [15]


def test_many_reasons_are_counted_and_the_first_ones_told(tmp_path: Path) -> None:
    found = batch.analyse(
        fabricated(tmp_path / "out", spec_of(GRID), lambda asked, _: f"Error: {asked.number // 2}")
    )
    lines = [line for line in str(found).splitlines() if "without a plan:" in line]
    assert len(lines) == 6
    assert lines[-1] == "  without a plan: 5 cases: 3 other reasons"
    assert found.without_plan["cases"].tolist() == [2] * 7 + [1]


def test_what_comes_in_meanwhile_is_for_the_next_time(tmp_path: Path) -> None:
    results = fabricated(tmp_path / "out", spec_of(GRID), scarce)
    before = batch.analyse(fabricated(tmp_path / "part", spec_of(GRID), scarce, range(9)))
    for name in ("summary", "quotas"):  # these are read after `cases`, when more is there
        shutil.copy(results.folder / name / "part-000001.parquet", tmp_path / "part" / name)
    after = batch.analyse(batch.open(tmp_path / "part"))
    assert after.as_dict() == before.as_dict()
    assert after.answered == 9


def test_a_hundred_thousand_quotas_take_seconds(tmp_path: Path) -> None:
    ranges = {BEDS: [0.8, 1.2], "target": [30000, 39000], COST: [0.9, 1.1]}
    spec = batch.spec_from(
        {
            "instances": ["norway-2024"],
            "design": {"latin": {"samples": 300, "ranges": ranges}},
        }
    )
    towns = list(load("norway-2024").municipalities["municipality_id"])
    random = np.random.default_rng(0)

    def told(asked: Asked, settings: Settings) -> Answer:
        noise = random.integers(0, 5, size=len(towns)) + int(settings["target"]) // 1000
        return {"quotas": dict(zip(towns, noise.tolist(), strict=True))}

    results = fabricated(tmp_path / "out", spec, told)
    assert results.dataset("quotas").count_rows() > 100_000
    began = time.perf_counter()
    found = batch.analyse(results)
    seconds = time.perf_counter() - began
    assert seconds < 10.0  # about 2 where it is quiet
    assert of(found.dependence, stands_out=True)["input"].value_counts()["target"] == len(towns)
