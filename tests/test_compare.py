"""Comparing says what differs between plans, keys and what was really asked, and who moves most."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from allocator.cli import Exit, app
from allocator.compare import Candidate, candidates_from, compare
from allocator.errors import InstanceMismatch, InvalidInput
from allocator.keys import fair_shares
from allocator.loading import load
from allocator.plans import remembering, write_plan
from allocator.writing import write
from instances.norway.observations import OBSERVED, YEARS, observations
from models.instance import Instance
from models.plan import InstanceReference, Plan, PlanTables, Status
from models.policy import Policy
from tests.hand_made import case, with_tables


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(app, [str(a) for a in arguments], env={"COLUMNS": "200"})
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def moved(plan: Plan) -> Plan:
    """Return the plan with five persons moved from 0301 to 0101."""
    return with_tables(plan, quotas=plan.quotas.assign(quota=[15, 15, 30]))


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two plans of one instance."""
    root = tmp_path_factory.mktemp("plans")
    instance, _, plan = case()
    source = write(instance, root / "instance")
    one = write_plan(remembering(plan, source), root / "one")
    two = write_plan(remembering(moved(plan), source), root / "two")
    return one, two


@pytest.mark.parametrize(
    ("year", "sums"),
    [
        (2020, {"requested_first": 5120, "requested": 3602, "decided": 4838, "settled": 2759}),
        (2021, {"requested": 5025, "decided": 4973, "settled": 4482}),
        (
            2022,
            {"requested_first": 5500, "requested": 35_000, "decided": 35_355, "settled": 31_253},
        ),
        (2023, {"requested": 38_000, "decided": 32_732, "settled": 33_126, "settled_part": 18_851}),
        (2024, {"requested": 37_000}),
    ],
)
def test_the_sums_observed_are_the_published_ones(year: int, sums: dict[str, int]) -> None:
    frame = observations(year).drop(columns="name")
    assert frame.sum().to_dict() == sums
    assert set(frame) == {name for name, one in OBSERVED.items() if year in one.years}


@pytest.mark.parametrize("year", [2022, 2023, 2024])
def test_the_municipalities_observed_are_those_of_the_instance(year: int) -> None:
    instance = load(f"norway-{year}")
    frame = observations(year)
    assert list(frame.index) == list(instance.municipalities["municipality_id"])
    requested = instance.municipalities.set_index("municipality_id")[f"requested_{year}"]
    pd.testing.assert_series_equal(frame["requested"], requested, check_names=False)


def test_suppressed_and_split_figures_are_missing() -> None:
    assert np.isnan(observations(2023).loc["1507", "settled"])
    assert observations(2023).loc["0301", "settled"] == 2018
    assert observations(2021)["settled"].isna().sum() == 5


def test_a_year_without_observations_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 2020, 2021, 2022, 2023, 2024"):
        observations(max(YEARS) + 1)


def quota(instance: Instance, *values: float) -> "pd.Series[float]":
    return pd.Series(values, index=instance.municipalities["municipality_id"], dtype="float64")


def test_the_table_holds_every_candidate_and_its_difference() -> None:
    instance, policy, _ = case()
    a = Candidate("a", "plan", quota(instance, 10, 15, 35), "")
    b = Candidate("b", "key", quota(instance, 10, 20, np.nan), "")
    found = compare(instance, policy, [a, b])
    assert found.table["fair_share"].tolist() == pytest.approx([10, 20, 30])
    assert found.table["a"].tolist() == [10, 15, 35]
    assert found.table["difference b"].tolist()[:2] == [0, 5]
    assert np.isnan(found.table["difference b"].iloc[2])
    assert found.movers(10)["municipality_id"].tolist() == ["0201"]
    assert found.movers(0).empty
    assert found.fairness["b"].unknown == 1
    assert found.fairness["a"].moved_share == pytest.approx(5 / 60)


def test_names_have_to_differ() -> None:
    instance, policy, _ = case()
    one = Candidate("a", "plan", quota(instance, 1, 1, 1), "")
    with pytest.raises(ValueError, match="names differ"):
        compare(instance, policy, [one, one])
    with pytest.raises(ValueError, match="names differ"):
        compare(instance, policy, [])


def test_plans_and_keys_are_found(folders: tuple[Path, Path]) -> None:
    one, two = map(str, folders)
    instance, policy, candidates = candidates_from([one, two, "key:population"])
    assert [candidate.kind for candidate in candidates] == ["plan", "plan", "key"]
    assert candidates[1].quota.tolist() == [15, 15, 30]
    pd.testing.assert_series_equal(candidates[2].quota, fair_shares(instance, policy))
    assert policy == case()[1]


def test_everything_that_means_nothing_is_said_at_once(folders: tuple[Path, Path]) -> None:
    one = str(folders[0])
    wrong = ["key:populaton", "observed:requested", "observed:asked", "nowhere", one]
    with pytest.raises(InvalidInput) as caught:
        candidates_from([one, *wrong])
    said = {problem.value: str(problem) for problem in caught.value.problems}
    assert set(said) == set(wrong)
    assert "maybe population" in said["key:populaton"]
    assert "no observations of tiny (2024)" in said["observed:requested"]
    assert "requested_first" in said["observed:asked"]
    assert "there is no such plan folder" in said["nowhere"]
    assert "twice" in said[one]


def test_a_figure_not_published_for_the_year_names_those_that_are() -> None:
    with pytest.raises(InvalidInput, match="for this year there is requested"):
        candidates_from(["observed:decided"], "norway-2024")


def test_a_plan_without_quotas_is_refused(tmp_path: Path) -> None:
    instance, _, plan = case()
    about = {"totals": None, "tables": PlanTables({}), "status": Status.INFEASIBLE, "goals": ()}
    source = write(instance, tmp_path / "instance")
    folder = write_plan(remembering(plan.model_copy(update=about), source), tmp_path / "nothing")
    with pytest.raises(InvalidInput, match="no quotas"):
        candidates_from([str(folder)])


def test_plans_of_different_instances_are_refused(
    folders: tuple[Path, Path], tmp_path: Path
) -> None:
    _, _, plan = case()
    stranger = plan.model_copy(update={"instance": InstanceReference(id="other", sha256="f" * 64)})
    other = write_plan(stranger, tmp_path / "other")
    with pytest.raises(InstanceMismatch, match="different instances"):
        candidates_from([str(folders[0]), str(other)])
    with pytest.raises(InstanceMismatch, match="belongs to"):
        candidates_from([str(folders[0])], "norway-2024")


def test_without_a_plan_the_instance_has_to_be_given() -> None:
    with pytest.raises(InstanceMismatch, match="give --instance"):
        candidates_from(["key:population"])
    instance, policy, candidates = candidates_from(
        ["observed:requested", "key:population"], "norway-2024"
    )
    found = compare(instance, policy, candidates)
    assert policy == Policy()
    largest = found.movers(1).iloc[0]
    assert largest["municipality_id"] == "0301"
    assert largest["observed:requested"] == 1650
    assert largest["difference key:population"] == pytest.approx(4784.56 - 1650, abs=0.01)


def test_the_command_prints_measures_and_movers(folders: tuple[Path, Path]) -> None:
    one, two = folders
    result = run("compare", one, two, "key:population")
    assert result.exit_code == Exit.DONE
    for text in ("fair shares by the key population", "Jain index", "8.33%", "Town 3", "B−A"):
        assert text in result.stdout
    assert "largest movers" not in run("compare", one).stdout
    assert "no municipality differs" in run("compare", one, f"{one}/").stdout


def test_the_command_answers_as_json_and_csv(folders: tuple[Path, Path]) -> None:
    one, two = folders
    answer = json.loads(run("compare", one, two, "--json").stdout)
    assert [candidate["name"] for candidate in answer["candidates"]] == [str(one), str(two)]
    rows: list[dict[str, Any]] = answer["municipalities"]
    assert [row[f"difference {two}"] for row in rows] == [5, 0, -5]
    assert answer["candidates"][1]["fairness"]["quota"] == 60
    table = list(csv.DictReader(io.StringIO(run("compare", one, two, "--csv").stdout)))
    assert [row["municipality_id"] for row in table] == ["0101", "0201", "0301"]
    assert [float(row[str(two)]) for row in table] == [15, 15, 30]


def test_missing_figures_are_null_and_blank() -> None:
    command = ("compare", "key:population", "observed:settled", "--instance", "norway-2023")
    answer = json.loads(run(*command, "--json").stdout)
    (row,) = [r for r in answer["municipalities"] if r["municipality_id"] == "1507"]
    assert row["observed:settled"] is None
    assert ",," in run(*command, "--csv").stdout or ",\n" in run(*command, "--csv").stdout


def test_the_command_says_what_is_wrong(folders: tuple[Path, Path]) -> None:
    assert run("compare", folders[0], "nowhere").exit_code == Exit.INVALID
    assert run("compare", folders[0], "--csv", "--json").exit_code == Exit.USAGE
    machine = run("compare", folders[0], "key:luck", "--json")
    assert machine.exit_code == Exit.INVALID
    assert json.loads(machine.stdout)["problems"][0]["value"] == "key:luck"


def test_show_tells_fairness_or_why_not(folders: tuple[Path, Path], tmp_path: Path) -> None:
    assert "asked elsewhere than fair" in run("show", folders[0]).stdout
    _, _, plan = case()
    lost = write_plan(plan, tmp_path / "lost")
    result = run("show", lost)
    assert result.exit_code == Exit.DONE
    assert "fairness is not shown: " in result.stdout
    assert "give --instance" in result.stdout
