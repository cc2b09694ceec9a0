"""The summary counts where capacity is used up, and tells apart where there never was any."""

from pathlib import Path

import pytest
from rich.console import Console

from allocator.cli.summary import print_summary
from allocator.report.figures import figures_of
from allocator.solve import solve
from allocator.verify import verify
from allocator.writing import write
from models.binding import missing, municipalities_bound
from models.instance import Instance
from models.plan import Plan
from models.policy import Policy
from tests.small import group, measure, tiny
from tests.test_cli import run

# 0001 has homes for 20 and no bus, 0002 homes for 100, 0003 no home of three beds and no doctor.
PEOPLE = [group("singles", 30.0), group("families", 10.0, beds=3)]
TOWNS = tiny(
    [100, 100, 100],
    40,
    [20.0, 100.0, 0.0],
    seats=[0.0, None, None],
    gp=[100.0, 20.0, 0.0],
    groups=PEOPLE,
    beds=3,
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return solve(TOWNS, Policy())


def printed(plan: Plan, instance: Instance) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        print_summary(plan, console, currency=instance.currency)
    return capture.get()


def test_what_was_never_there_is_told_apart(plan: Plan) -> None:
    assert plan.quotas["quota"].tolist() == [20, 20, 0]
    flags = plan.capacity.set_index(["family", "municipality_id", "item"])["binding"]
    assert flags["housing", "0003", "1"]  # nothing is left, in the words of the table
    assert municipalities_bound(plan) == {"health": 1, "housing": 1}
    assert missing(plan) == {"health": 1, "housing": 1, "transport": 1}
    lines = {line.split("  ")[0]: line.rstrip() for line in printed(plan, TOWNS).splitlines()}
    assert lines["binding in"].endswith("  health 1, housing 1 of 3")
    assert lines["none at all in"].endswith("  health 1, housing 1, transport 1 of 3")


def test_what_is_bought_is_there() -> None:
    build = measure("homes", "dwellings", site_id="0003", beds=3, max_steps=1)
    instance = tiny([100, 100, 100], 30, [10.0, 10.0, 0.0], measures=[build], beds=3)
    plan = solve(instance, Policy())
    assert plan.quotas["quota"].tolist() == [10, 10, 10]
    assert (municipalities_bound(plan), missing(plan)) == ({"housing": 3}, {})
    assert "none at all" not in printed(plan, instance)


def test_what_is_overloaded_is_used_up_and_there() -> None:
    instance = tiny([100, 100], 20, [5.0, 0.0])
    plan = solve(instance, Policy.model_validate({"soft": {"housing": 0.001}, "floor": 0}))
    assert plan.totals is not None
    assert plan.totals.overload > 0
    assert (municipalities_bound(plan), missing(plan)) == ({"housing": 2}, {})


def test_a_plan_without_capacities_binds_nowhere() -> None:
    instance, bare = TOWNS, solve(TOWNS, Policy())
    tables = {name: frame for name, frame in bare.tables.items() if name != "capacity"}
    empty = bare.model_copy(update={"tables": type(bare.tables)(tables)})
    assert (municipalities_bound(empty), missing(empty)) == ({}, {})
    assert "no municipality" in printed(empty, instance)


def test_the_flag_itself_is_verified(plan: Plan) -> None:
    capacity = plan.capacity
    where = (capacity["family"] == "health") & (capacity["municipality_id"] == "0003")
    capacity.loc[where, "binding"] = False
    tables = type(plan.tables)({**plan.tables, "capacity": capacity})
    found = verify(TOWNS, plan.policy, plan.model_copy(update={"tables": tables}))
    assert [(v.rule, v.where) for v in found] == [("capacity", "0003")]


def test_one_municipality_is_told_that_there_is_none(plan: Plan, tmp_path: Path) -> None:
    country = write(TOWNS, tmp_path / "country")
    assert run("solve", country, "--out", tmp_path / "plan").exit_code == 0
    third = run("show", tmp_path / "plan", "--municipality", "0003").stdout
    assert third.count("there is none") == 3
    first = run("show", tmp_path / "plan", "--municipality", "0001").stdout
    assert first.count("there is none") == 1
    assert first.count("yes") == 1


def test_the_report_counts_alike(plan: Plan) -> None:
    figures = figures_of(TOWNS, plan)
    families = figures.municipalities.set_index("municipality_id")["families"]
    assert families.to_dict() == {"0001": ("housing",), "0002": ("health",), "0003": ()}
    rows = figures.capacity.set_index(["family", "item"])[["bound", "municipalities"]]
    assert rows.loc["health", "gp"].tolist() == [1, 2]
    assert rows.loc["transport", "seats"].tolist() == [0, 0]
    assert figures.bound_by_county["bound"].sum() == 2
