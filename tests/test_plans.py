"""A plan folder is written whole or not at all, reads back equal and finds its instance."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from allocator import plans
from allocator.errors import InstanceMismatch, InvalidPlan
from allocator.folders import FolderExists
from allocator.loading import load
from allocator.plans import (
    instance_for,
    instance_of,
    read_plan,
    refuse_damaged,
    remembering,
    write_plan,
)
from allocator.solve import solve
from allocator.writing import write
from models.options import SolveOptions
from models.plan import (
    Conflict,
    GoalResult,
    InstanceReference,
    Plan,
    PlanTables,
    Status,
    Totals,
)
from models.policy import CountyBound, Decision, MaxChange, Policy, Term

QUOTAS = pd.DataFrame(
    {
        "municipality_id": ["0301", "1101"],
        "name": ['Oslo, "the city"', "lone\rreturn"],
        "county_id": ["03", "11"],
        "fair_share": [0.1 + 0.2, 0.0],
        "quota": [10, 0],
        "minors": [1.0, 0.0],
        "ratio": [10 / 0.3, None],
        "asked": [True, False],
    }
)
CAPACITY = pd.DataFrame(
    {
        "family": ["housing", "health"],
        "municipality_id": ["0301", None],
        "site_id": ["0301-town", None],
        "item": ["2", "pool"],
        "used": [1 / 3, 0.0],
        "capacity": [1 / 3, 1e300],
        "slack": [-0.0, 1e300],
        "binding": [True, False],
    }
)


@pytest.fixture
def plan() -> Plan:
    instance = load("tiny-measures")
    return Plan(
        instance=InstanceReference(id=instance.id, sha256=instance.sha256),
        policy=Policy(
            max_change=MaxChange(share=0.25),
            county_bounds=(CountyBound(county_id="03", at_most=7.5),),
            fixed=(Decision(municipality_id="0301", persons=10),),
            soft={"housing": 3.0},
        ),
        options=SolveOptions(seed=7),
        status=Status.LIMIT,
        goals=(
            GoalResult(
                name="shortfall", terms={Term.SHORTFALL: 1.0}, value=0.0, bound=None, gap=None
            ),
        ),
        totals=Totals(
            target=10,
            placed=10,
            shortfall=0,
            cost=1 / 3,
            budget=None,
            municipalities=2,
            asked=1,
            largest_ratio=10 / 0.3,
            smallest_ratio=None,
            unfairness=0.1,
            overload=0.0,
            change=None,
            outcome=None,
        ),
        timings={"solve": 0.1},
        versions={"code": "1"},
        warnings=("mind the gap – ø",),
        tables=PlanTables({"quotas": QUOTAS, "capacity": CAPACITY}),
    )


@pytest.fixture
def folder(plan: Plan, tmp_path: Path) -> Path:
    return write_plan(plan, tmp_path / "plan")


def test_a_plan_reads_back_equal(plan: Plan, folder: Path) -> None:
    again = read_plan(folder)
    assert again == plan
    for name, frame in plan.tables.items():
        pd.testing.assert_frame_equal(again.tables[name], frame)


def test_a_plan_without_quotas_reads_back_equal(plan: Plan, tmp_path: Path) -> None:
    conflict = Conflict(rule="fixed", where="0301", message="too many", persons=2.5)
    nothing = plan.model_copy(
        update={
            "status": Status.INFEASIBLE,
            "conflicts": (conflict,),
            "totals": None,
            "tables": PlanTables({}),
        }
    )
    assert read_plan(write_plan(nothing, tmp_path / "nothing")) == nothing


def test_the_folder_holds_what_is_promised(folder: Path) -> None:
    names = ["capacity.csv", "measures.csv", "placements.csv", "plan.json", "quotas.csv"]
    assert sorted(path.name for path in folder.iterdir()) == names
    text = (folder / "plan.json").read_text(encoding="utf-8")
    about = json.loads(text)
    assert "tables" not in about
    assert about["policy"]["step"] == 5
    assert about["goals"][0]["gap"] is None
    assert "mind the gap – ø" in text
    header = (folder / "quotas.csv").read_text(encoding="utf-8").split("\n")[0]
    assert header == "municipality_id,name,county_id,fair_share,quota,minors,ratio,asked"


def test_an_existing_folder_is_refused_or_replaced(plan: Plan, folder: Path) -> None:
    with pytest.raises(FolderExists):
        write_plan(plan, folder)
    (folder / "left.txt").touch()
    write_plan(plan, folder, overwrite=True)
    assert not (folder / "left.txt").exists()


def test_a_failure_leaves_nothing(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(frame: pd.DataFrame) -> bytes:
        raise OSError("disk full")

    monkeypatch.setattr(plans, "csv_bytes", fail)
    with pytest.raises(OSError, match="disk full"):
        write_plan(plan, tmp_path / "plan")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "change", "place"),
    [
        ("plan.json", lambda text: "{", ("plan.json", None)),
        ("plan.json", lambda text: "[]", ("plan.json", None)),
        ("plan.json", lambda text: text.replace('"limit"', '"fine"'), ("plan.json", "status")),
        ("plan.json", lambda text: text.replace('"seed"', '"sead"'), ("plan.json", "options.sead")),
        ("quotas.csv", lambda text: text.replace(",10,", ",ten,"), ("quotas", "quota")),
        ("quotas.csv", lambda text: text.replace("asked", "told"), ("quotas", "asked")),
        ("quotas.csv", lambda text: text.replace("1101", "0301"), ("quotas", None)),
        ("capacity.csv", lambda text: text + "one,two\n", ("capacity", None)),
    ],
)
def test_a_damaged_plan_is_refused(
    folder: Path, name: str, change: Callable[[str], str], place: tuple[str, str | None]
) -> None:
    path = folder / name
    text = path.read_bytes().decode()
    assert change(text) != text
    path.write_bytes(change(text).encode())
    with pytest.raises(InvalidPlan) as raised:
        read_plan(folder)
    assert place in [(problem.table, problem.column) for problem in raised.value.problems]


def test_everything_wrong_with_a_plan_is_said_at_once(folder: Path) -> None:
    (folder / "quotas.csv").unlink()
    (folder / "plan.json").write_text("{}", encoding="utf-8")
    with pytest.raises(InvalidPlan) as raised:
        read_plan(folder)
    tables = {problem.table for problem in raised.value.problems}
    assert tables == {"quotas.csv", "plan.json"}


def test_a_folder_without_plan_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidPlan, match=r"there is no plan\.json"):
        read_plan(tmp_path)


def test_a_plan_remembers_where_its_instance_is(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(load("tiny-measures"), tmp_path / "here")
    assert remembering(plan, "tiny-measures").instance.path == "tiny-measures"
    monkeypatch.chdir(tmp_path)
    remembered = remembering(plan, "here")
    assert remembered.instance.path == str(folder.resolve())
    monkeypatch.chdir("/")
    assert instance_of(remembered).sha256 == plan.instance.sha256
    shutil.rmtree(folder)
    # The packaged instance of the same name is found when the folder has gone.
    assert instance_of(remembered).sha256 == plan.instance.sha256


def test_a_folder_of_the_name_of_a_packaged_instance_is_remembered_by_its_path(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(load("tiny-measures").replace(target=5), tmp_path / "tiny-measures")
    monkeypatch.chdir(tmp_path)
    path = remembering(plan, "tiny-measures").instance.path
    assert path == str((tmp_path / "tiny-measures").resolve())


def test_another_instance_is_refused(plan: Plan, tmp_path: Path) -> None:
    changed = write(load("tiny-measures").replace(target=5), tmp_path / "changed")
    with pytest.raises(InstanceMismatch, match="the plan belongs to tiny-measures"):
        instance_of(plan, changed)
    with pytest.raises(InstanceMismatch, match="the plan belongs to"):
        instance_of(remembering(plan, changed))


def test_an_instance_that_is_nowhere_asks_for_one(plan: Plan) -> None:
    about = InstanceReference(id="lost", sha256=plan.instance.sha256, path="/nowhere/lost")
    lost = plan.model_copy(update={"instance": about})
    with pytest.raises(InstanceMismatch, match="give --instance"):
        instance_of(lost)
    assert instance_of(lost, "tiny-measures").sha256 == plan.instance.sha256


def test_a_plan_whose_municipalities_were_changed_is_refused() -> None:
    instance = load("tiny-measures")
    made = solve(instance)
    refuse_damaged(made, instance)
    quotas = made.quotas
    quotas["municipality_id"] = quotas["municipality_id"].replace({"0101": "0101x"})
    tables = PlanTables({**made.tables, "quotas": quotas})
    with pytest.raises(InvalidPlan) as caught:
        instance_for(made.model_copy(update={"tables": tables}), "tiny-measures")
    assert [(problem.row, problem.value) for problem in caught.value.problems] == [
        (1, "0101x"),
        (None, "0101"),
    ]
