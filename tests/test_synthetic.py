"""Synthetic countries keep Norway's distributions at any size, and the same seed gives the same."""

import filecmp
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from allocator.checking import check
from allocator.cli import Exit, app
from allocator.loading import load
from allocator.solve import solve
from allocator.writing import write
from instances.norway.assumptions import load_assumptions
from instances.norway.build import build as build_norway
from instances.synthetic.build import MOST, build
from instances.synthetic.jitter import factors, shares, whole
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Status
from models.problems import errors

NORWAY = 357
QUANTILES = [0.1, 0.25, 0.5, 0.75, 0.9]
OWN = load_assumptions("instances.synthetic")
STILL = dict.fromkeys(OWN, 0.0)


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, list(map(str, arguments)), env={"COLUMNS": "200"})


@cache
def built(municipalities: int, seed: int = 0) -> Instance:
    return build(municipalities, seed)


@cache
def norway() -> Instance:
    return build_norway("norway-2024")


def per_inhabitant(instance: Instance) -> pd.DataFrame:
    """Return figures of every municipality over its population, and the population itself."""
    towns = instance.municipalities.set_index("municipality_id")
    owner = instance.sites.set_index("site_id")["municipality_id"]
    homes = instance.dwellings["dwellings"]
    places = instance.capacities.pivot(
        index="municipality_id", columns="service_id", values="capacity"
    )
    figures = {
        "dwellings": homes.groupby(instance.dwellings["site_id"].map(owner)).sum(),
        "previous_quota": towns["previous_quota"],
        "language": places["language"],
    }
    rates = pd.DataFrame(figures).div(towns["population"], axis=0)
    return rates.assign(population=towns["population"])


def totals(instance: Instance) -> pd.Series:
    """Return national figures over the population."""
    measures = instance.measures
    figures = pd.Series(
        {
            "target": instance.target,
            "budget": instance.budget,
            "dwellings": instance.dwellings["dwellings"].sum(),
            "seats": instance.sites["transit_seats"].sum(),
            "previous_quota": instance.municipalities["previous_quota"].sum(),
            "measures": len(measures),
            "steps": measures["max_steps"].sum(),
            "money": (measures["max_steps"] * measures["cost_per_step"]).sum(),
        },
        dtype="float64",
    )
    services = instance.capacities.groupby("service_id")["capacity"].sum()
    return pd.concat([figures, services]) / instance.municipalities["population"].sum()


# Drawing 100 rows, the tails rest on a few. From full size on only the jitters remain, which
# show most in language places: a quarter of Norway has exactly the least assumed.
@pytest.mark.parametrize(("count", "tolerance"), [(100, 0.2), (NORWAY, 0.08), (3_570, 0.08)])
@pytest.mark.parametrize("seed", [0, 1])
def test_sizes_and_scarcities_keep_their_distribution(
    count: int, tolerance: float, seed: int
) -> None:
    ours = per_inhabitant(built(count, seed)).quantile(QUANTILES)
    theirs = per_inhabitant(norway()).quantile(QUANTILES)
    pd.testing.assert_frame_equal(ours, theirs, rtol=tolerance)


@pytest.mark.parametrize("count", [100, NORWAY, 1_000, 3_570])
def test_kinds_of_place_keep_their_shares(count: int) -> None:
    ours, theirs = built(count), norway()
    limited = [
        one.sites["transit_seats"].notna().groupby(one.sites["municipality_id"]).any().mean()
        for one in (ours, theirs)
    ]
    assert limited[0] == pytest.approx(limited[1], abs=0.01)
    minors = [one.municipalities["minors_allowed"].mean() for one in (ours, theirs)]
    assert minors[0] == pytest.approx(minors[1], abs=1 / count)
    classes = [
        one.municipalities["centrality_class"].value_counts(normalize=True).sort_index()
        for one in (ours, theirs)
    ]
    np.testing.assert_allclose(classes[0], classes[1], atol=0.05)


@pytest.mark.parametrize(("count", "tolerance"), [(NORWAY, 0.08), (3_570, 0.03)])
def test_totals_go_with_the_population(count: int, tolerance: float) -> None:
    pd.testing.assert_series_equal(totals(built(count)), totals(norway()), rtol=tolerance)


@pytest.mark.parametrize("count", [1, 6, 100, 3_570])
def test_target_and_budget_are_norways_by_population(count: int) -> None:
    ours = built(count)
    ratio = ours.municipalities["population"].sum() / norway().municipalities["population"].sum()
    assert ours.target % 5 == 0
    assert ours.target >= 5
    assert ours.target == pytest.approx(37_000 * ratio, abs=2.5)
    assert ours.budget == pytest.approx(1.2e9 * ratio, abs=500)
    persons = ours.groups["persons"]
    assert persons.sum() == ours.target
    assert (persons % 1 == 0).all()
    expected = norway().groups["persons"] * ours.target / 37_000
    np.testing.assert_allclose(persons, expected, atol=1)


def test_the_target_is_never_nothing() -> None:
    targets = [build(1, seed).target for seed in range(20)]
    assert min(targets) == 5
    assert len(set(targets)) > 5


def test_without_jitters_it_is_norway_under_other_numbers() -> None:
    ours, theirs = build(NORWAY, 5, STILL), norway()
    assert (ours.target, ours.budget) == (theirs.target, theirs.budget)
    numbers = ("population", "previous_quota", "area_km2", "latitude", "longitude", "urban_share")
    for column in numbers:
        expected = np.sort(theirs.municipalities[column])
        np.testing.assert_array_equal(np.sort(ours.municipalities[column]), expected)
    for table in ("groups", "services", "needs"):
        pd.testing.assert_frame_equal(ours.tables[table], theirs.tables[table])
    names = ours.municipalities["name"].str.rsplit(" ", n=1).str[0]
    assert sorted(names) == sorted(theirs.municipalities["name"])
    for table, figure in (("dwellings", "dwellings"), ("measures", "cost_per_step")):
        pd.testing.assert_series_equal(
            ours.tables[table][figure].sort_values(ignore_index=True),
            theirs.tables[table][figure].sort_values(ignore_index=True),
        )
    assert list(ours.municipalities.columns) == list(theirs.municipalities.columns)


def test_the_parts_of_a_municipality_stay_together() -> None:
    ours, theirs = build(2 * NORWAY, 3, STILL), norway()
    rates, real = per_inhabitant(ours), per_inhabitant(theirs)
    twice = pd.concat([real, real])
    columns = list(real.columns)
    pd.testing.assert_frame_equal(
        rates.sort_values(columns, ignore_index=True),
        twice.sort_values(columns, ignore_index=True),
    )


@pytest.mark.parametrize("name", OWN)
def test_every_spread_changes_the_instance_and_is_named(name: str) -> None:
    ours = build(NORWAY, 0, {**STILL, name: OWN[name].value})
    assert ours.sha256 != build(NORWAY, 0, STILL).sha256
    assert f"{name} = {OWN[name].value:g}" in ours.description
    assert ours.tables["sites"]["transit_seats"].notna().sum() == 356


def test_assumptions_of_norway_reach_its_builder() -> None:
    more = build(100, 0, {"housing_turnover": 0.05})
    assert more.dwellings["dwellings"].sum() > 1.5 * built(100).dwellings["dwellings"].sum()
    assert "housing_turnover = 0.05" in more.description


@given(count=st.integers(1, 800), seed=st.integers(0, 2**40))
@settings(max_examples=15, deadline=None)
def test_any_size_is_without_errors(count: int, seed: int) -> None:
    instance = build(count, seed)
    assert errors(check(instance)) == []
    towns = instance.municipalities
    assert len(towns) == count
    assert towns["minors_allowed"].any()
    assert set(instance.sites["municipality_id"]) == set(towns["municipality_id"])
    for table, id_ in (
        ("municipalities", "municipality_id"),
        ("sites", "site_id"),
        ("measures", "measure_id"),
    ):
        ids = instance.tables[table][id_]
        assert isinstance(ids.dtype, pd.StringDtype)
        assert ids.is_unique
    assert towns["name"].is_unique


@pytest.mark.parametrize(("count", "digits"), [(1, 4), (NORWAY, 4), (12_000, 5)])
def test_ids_sort_as_numbers(count: int, digits: int) -> None:
    ids = built(count).municipalities["municipality_id"]
    assert list(ids) == [f"{number:0{digits}d}" for number in range(1, count + 1)]


@pytest.mark.parametrize("count", [NORWAY, 10 * NORWAY])
def test_counties_have_their_norwegian_sizes(count: int) -> None:
    theirs = norway().municipalities.groupby("county_id").size()
    ours = built(count).municipalities.groupby("county_id").size()
    assert sorted(ours) == sorted(list(theirs) * (count // NORWAY))


def test_counties_keep_about_their_size_between_whole_copies() -> None:
    theirs = norway().municipalities.groupby("county_id").size()
    for count in (500, 536, 1_300):
        ours = built(count).municipalities.groupby("county_id").size()
        assert 0.7 < ours.mean() / theirs.mean() < 1.5


def test_the_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    one, two = (write(build(50, 7), tmp_path / name) for name in ("one", "two"))
    files = [path.name for path in one.iterdir()]
    assert filecmp.cmpfiles(one, two, files, shallow=False) == (files, [], [])
    assert load(one).sha256 == build(50, 7).sha256


def test_seeds_give_different_countries() -> None:
    populations = {tuple(build(6, seed).municipalities["population"]) for seed in range(10)}
    assert len(populations) == 10


@pytest.mark.parametrize(
    ("count", "seed", "lines"),
    [
        (0, 0, ["0 municipalities cannot be drawn; give 1 to 1,000,000"]),
        (MOST + 1, 0, ["1000001 municipalities cannot be drawn"]),
        (-1, -2, ["-1 municipalities", "the seed -2 is negative", "item_spread = 3", "'luck'"]),
    ],
)
def test_everything_wrong_is_told_at_once(count: int, seed: int, lines: list[str]) -> None:
    assume = {"item_spread": 3.0, "luck": 1.0} if len(lines) > 1 else None
    with pytest.raises(ValueError, match=lines[0]) as caught:
        build(count, seed, assume)
    told = str(caught.value).splitlines()
    assert len(told) == len(lines)
    for line, expected in zip(told, lines, strict=True):
        assert expected in line


def test_factors_have_mean_one_and_the_spread_asked_for() -> None:
    drawn = factors(np.random.default_rng(0), 0.3, 200_000)
    assert drawn.mean() == pytest.approx(1, abs=0.005)
    assert np.log(drawn).std() == pytest.approx(0.3, abs=0.005)


def test_whole_numbers_keep_their_mean() -> None:
    rng = np.random.default_rng(0)
    assert whole(rng, np.full(100_000, 0.3)).mean() == pytest.approx(0.3, abs=0.01)
    kept = whole(rng, np.array([0.0, 7.0, np.nan]))
    np.testing.assert_array_equal(kept, [0.0, 7.0, np.nan])


def test_shares_stay_shares() -> None:
    moved = shares(np.random.default_rng(0), 0.5, np.array([0.0, 1.0, *[0.5] * 1_000]))
    assert list(moved[:2]) == [0, 1]
    assert ((moved[2:] > 0) & (moved[2:] < 1)).all()
    assert moved[2:].std() > 0.05


def test_a_small_country_is_solved() -> None:
    plan = solve(built(6), options=SolveOptions(time_limit=30, child_process=False))
    assert plan.status in (Status.OPTIMAL, Status.WITHIN_GAP)
    assert plan.totals is not None
    assert plan.totals.placed + plan.totals.shortfall == pytest.approx(built(6).target)
    assert plan.totals.placed > 0


def test_the_command_line_builds_what_python_builds(tmp_path: Path) -> None:
    folder = tmp_path / "six"
    numbers = ("--municipalities", "6", "--seed", "4", "--assume", "item_spread=0")
    result = run("build-instance", "synthetic", *numbers, "--out", folder)
    assert result.exit_code == Exit.DONE
    assert load(folder).sha256 == build(6, 4, {"item_spread": 0.0}).sha256


def test_the_folder_is_named_after_the_country(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("build-instance", "synthetic", "--municipalities", "3").exit_code == Exit.DONE
    assert load("synthetic-3-0").id == "synthetic-3-0"
    again = run("build-instance", "synthetic", "--municipalities", "3")
    assert again.exit_code == Exit.USAGE


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["synthetic"], ["--municipalities 3570"]),
        (["synthetic", "--seed", "1"], ["--municipalities 3570"]),
        (["synthetic", "--municipalities", "many"], ["'--municipalities'", "integer"]),
        (["synthetic", "--municipalities", "6", "--seed", "1.5"], ["'--seed'", "integer"]),
        (
            ["synthetic", "--municipalities", "0", "--seed", "-1", "--assume", "luck=1"],
            ["0 municipalities", "seed -1 is negative", "'luck'"],
        ),
        (["synthetic", "--municipalities", "1000001"], ["give 1 to 1,000,000"]),
        (["norway-2024", "--municipalities", "6"], ["synthetic only, not with norway-2024"]),
        (["tiny-pools", "--seed", "0"], ["synthetic only, not with tiny-pools"]),
    ],
)
def test_wrong_numbers_are_usage_errors(
    arguments: list[str], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = run("build-instance", *arguments)
    assert result.exit_code == Exit.USAGE
    for words in said:
        assert words in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_assumptions_of_synthetic_countries_are_listed() -> None:
    listed = run("build-instance", "--list-assumptions").stdout
    for name, assumption in OWN.items():
        assert f"{name} = {assumption.value:g}" in listed
        assert assumption.low <= assumption.value <= assumption.high
