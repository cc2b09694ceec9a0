"""A batch is read from a file, and everything that is wrong with it is said at once."""

from pathlib import Path

import pytest

from allocator import batch
from allocator.batch.checking import prepared
from allocator.batch.spec import InvalidSpec, Spec
from models.problems import Problem

FULL = """
title = "Homes and arrivals"
instances = ["tiny-measures"]
policy = "policy.toml"
seeds = [0, 1]
check_fraction = 0.5

[options]
gap = 0.0

[design]
table = "scenarios.csv"

[design.grid]
target = [100, 110]
"dwellings.dwellings *=" = {first = 0.5, last = 1, count = 3}
"""
SCENARIOS = "groups.persons[singles] +=,minors\n5,listed\n,anywhere\n"


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder / "batch.toml"


def problems_of(folder: Path, text: str, **files: str) -> list[Problem]:
    path = written(folder, batch_toml=text, **files)
    with pytest.raises(InvalidSpec) as caught:
        prepared(batch.read_spec(path), path.name)
    places = {"batch.toml", "scenarios.csv", "nowhere.csv"}
    assert all(one.expected and one.table in places for one in caught.value.problems)
    return list(caught.value.problems)


def told(problems: list[Problem]) -> dict[str | None, tuple[str, str | None]]:
    return {one.column: (one.message, one.value) for one in problems}


def test_a_file_says_what_it_says(tmp_path: Path) -> None:
    path = written(tmp_path, batch_toml=FULL, policy_toml="step = 10", scenarios_csv=SCENARIOS)
    spec = batch.read_spec(path)
    assert (spec.title, spec.policy.step, spec.options.gap, spec.seeds) == (
        *("Homes and arrivals", 10, 0.0),
        (0, 1),
    )
    assert spec.design.table == (
        {"groups.persons[singles] +=": 5, "minors": "listed"},
        {"minors": "anywhere"},
    )
    assert Spec.model_validate_json(spec.model_dump_json()) == spec
    found = prepared(spec)
    assert len(found) == 2 * 3 * 2 * 2
    assert found.settings(found[0]) == {
        "target": 100,
        "dwellings.dwellings *=": 0.5,
        "groups.persons[singles] +=": 5,
        "minors": "listed",
    }
    assert found.settings(found[len(found) - 1]) == {
        "target": 110,
        "dwellings.dwellings *=": 1,
        "minors": "anywhere",
    }


def test_a_case_is_the_question_it_says() -> None:
    spec = batch.spec_from(
        {
            "instances": ["tiny-measures"],
            "policy": {"step": 1},
            "seeds": [3, 4],
            "design": {"cases": [{"budget": 7}, {"dwellings[0101] +=": 2, "target": 9}]},
        }
    )
    found = prepared(spec)
    case = found.case(found[3], None)
    assert (case.options.seed, case.policy.step, case.policy.target) == (4, 1, 9)
    given = case.variation.applied(case.instance)
    assert given.dwellings["dwellings"].tolist() == [32, 30, 30]
    assert found.case(found[0], None).policy.budget.total == 7
    assert found.case(found[0], None).variation.cells == ()


def test_everything_wrong_with_the_form_is_said_at_once(tmp_path: Path) -> None:
    text = """
    instances = ["tiny-measures"]
    polcy = "x"
    check_fraction = 2
    seeds = [0, -1]
    policy = {step = 0, flor = 3}
    [options]
    gaps = 1
    [design]
    table = "nowhere.csv"
    [design.latin]
    samples = 0
    """
    found = told(problems_of(tmp_path, text))
    assert set(found) == {
        *("polcy", "check_fraction", "seeds.1", "policy.step", "policy.flor", "options.gaps"),
        *(None, "design.latin.ranges"),  # none: of the file that is not there
    }
    assert found[None][0] == "cannot be read: No such file or directory"
    assert found["polcy"] == ("there is no setting 'polcy'", "x")
    assert found["policy.step"][1] == "0"


def test_what_is_wrong_in_one_way_hides_nothing_that_is_wrong_in_another(tmp_path: Path) -> None:
    text = """
    instances = ["tiny-measures", "nowhere", "tiny-measures", 7]
    seeds = [0, 1, 0]
    options = {gap = -1, method = "quick"}
    policy = {stp = 3, floor = 2, max_ratio = 1.5}
    [design.latin]
    samples = 2
    ranges = {"dwelings *=" = [0.5, 1], budget = "all", "assume.minors_share" = [0.1]}
    [design.grid]
    target = {first = 0, last = 400}
    budget = [1, true]
    min_ratio = [1.0, 2.0]
    key = 7
    "dwellings[201] *=" = [0.5, 0.6]
    stp = [1, 2]
    [design.morris]
    samples = 0
    ranges = {target = [1e2, 1e9]}
    """
    problems = problems_of(tmp_path, text)
    found = {one.column: one for one in problems}
    assert len(problems) == len(found) == 18
    assert found["design.morris"].message == "samples is 0"
    assert found["instances"].value == "tiny-measures"
    assert (found["instances.1"].value, found["instances.3"].value) == ("nowhere", "7")
    assert (found["seeds"].message, found["seeds"].value) == ("it is there twice", "0")
    assert found["options.gap"].expected.startswith("here belongs: relative distance")
    assert "'decomposed'" in found["options.method"].expected
    assert "maybe step" in found["policy.stp"].expected
    assert found["design.grid.target.count"].message == "is missing"
    assert "integer or" in found["design.grid.budget.1"].message
    assert found["design.grid.key"].message == "should be a list of values, or {first, last, count}"
    assert found["design.grid.stp"].value == "1, 2"
    assert "maybe 0201" in found["design.grid.dwellings[201] *="].expected
    assert "maybe dwellings" in found["design.latin.ranges.dwelings *="].expected
    assert '"own"' in found["design.latin.ranges.budget"].message
    assert found["design.latin.ranges.assume.minors_share.1"].message == "is missing"
    assert [one.value for one in problems if "is above max_ratio" in one.message] == ["2.0"]


def test_whole_numbers_may_be_written_as_numbers() -> None:
    design = {"grid": {"target": [1e2, 110], "budget": [1e9]}}
    found = prepared(batch.spec_from({"instances": ["tiny-measures"], "design": design}))
    assert [found.case(asked, None).policy.target for asked in found] == [100, 110]


def test_everything_wrong_with_inputs_and_values_is_said_at_once(tmp_path: Path) -> None:
    text = """
    instances = ["tiny-measures", "nowhere"]
    [design.grid]
    target = [100, -1]
    stp = [1]
    "dwellings[0301,9] *=" = [0.5]
    "dwellings[0301] *=" = [-1]
    "assume.minors_share" = [0.1]
    key = ["population", "nobody"]
    [[design.cases]]
    target = 5
    """
    found = told(problems_of(tmp_path, text))
    assert set(found) == {
        *("instances.1", "design.cases.target", "design.grid.target", "design.grid.stp"),
        *("design.grid.dwellings[0301,9] *=", "design.grid.dwellings[0301] *="),
        *("design.grid.assume.minors_share", "design.grid.key"),
    }
    assert found["design.grid.target"][1] == "-1"
    assert found["design.grid.dwellings[0301] *="] == (
        "a cell would be -30, less than 0 (with tiny-measures)",
        "-1",
    )
    assert "varied in design.grid too" in found["design.cases.target"][0]


def test_values_that_clash_only_together_are_found_before_anything_is_solved(
    tmp_path: Path,
) -> None:
    text = """
    instances = ["tiny-measures"]
    [design.grid]
    min_ratio = [0.5, 1.5]
    max_ratio = [1.0, 2.0]
    "dwellings[0101] +=" = [-20]
    "dwellings[0101-town] +=" = [-5, -20]
    """
    found = problems_of(tmp_path, text)
    # One of four pairs of ratios clashes, at both of two values; half of the rest takes too much.
    assert sum("is above max_ratio" in one.message for one in found) == 2
    assert sum("a cell would be -10" in one.message for one in found) == 3
    assert {one.column for one in found} == {"design"}
    assert any("min_ratio=1.5 max_ratio=1.0" in (one.value or "") for one in found)


def test_what_is_wrong_in_a_table_of_scenarios_is_told_by_file_and_row(tmp_path: Path) -> None:
    text = """
    instances = ["tiny-measures"]
    design = {table = "scenarios.csv"}
    """
    table = "target,dwellings *=\n90,1\nmany,1\n,-1\n"
    found = problems_of(tmp_path, text, scenarios_csv=table)
    assert [(one.row, one.column, one.value) for one in found] == [
        (2, "design.table.target", "many"),
        (3, "design.table.dwellings *=", "-1"),
    ]
    assert found[1].expected == "give a value that leaves it at 0 or more"
    (one,) = problems_of(tmp_path, text, scenarios_csv="target;budget\n90;1\n")
    assert (one.table, one.message) == ("scenarios.csv", "columns are separated by semicolons")
    (one,) = problems_of(tmp_path, text, scenarios_csv="target,budget\n90\n")
    assert (one.table, one.row, one.message) == ("scenarios.csv", 1, "the row has 1 cells")


def test_what_is_taken_out_hides_nothing_and_is_not_missed(tmp_path: Path) -> None:
    text = """
    instances = ["tiny-measures"]
    policy = {step = "five", min_ratio = 2, max_ratio = 1}
    options = {scheduler = "tcp://127.0.0.1:1", processes = 4}
    [design.grid]
    target = [true]
    [design.latin]
    samples = 0
    ranges = {step = [5, 1]}
    """
    found = {one.column: one for one in problems_of(tmp_path, text)}
    assert set(found) == {
        *("policy.step", "policy", "options.scheduler", "options.processes"),
        *("design.grid.target.0", "design.latin", "design.latin.ranges.step"),
    }
    assert found["policy"].message == "min_ratio (2) is above max_ratio (1)"
    assert found["design.latin.ranges.step"].expected == "give [low, high], low first"
    assert found["options.processes"].value == "4"


def test_ranges_are_checked_at_their_ends(tmp_path: Path) -> None:
    text = """
    instances = ["tiny-measures"]
    [design.sobol]
    samples = 3
    ranges = {budget = [0, 400]}
    """
    assert told(problems_of(tmp_path, text)) == {"design.sobol": ("samples is 3", None)}
    text = """
    instances = ["tiny-measures"]
    [design.latin]
    samples = 3
    ranges = {budget = [400, 0], "assume.nothing" = "own", "dwellings *=" = [-1, 1]}
    """
    found = told(problems_of(tmp_path, text))
    assert set(found) == {
        *("design.latin.ranges.budget", "design.latin.ranges.assume.nothing"),
        "design.latin.ranges.dwellings.dwellings *=",
    }


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec, match="cannot be read"):
        batch.read_spec(tmp_path / "nowhere.toml")
    with pytest.raises(InvalidSpec, match="is not TOML"):
        batch.read_spec(written(tmp_path, batch_toml="title = "))


def test_folders_of_instances_lie_beside_the_file(tmp_path: Path) -> None:
    from allocator import load, write

    write(load("tiny-housing"), tmp_path / "mine")
    path = written(tmp_path, batch_toml='instances = ["mine"]')
    assert prepared(batch.read_spec(path)).instances == (load("tiny-housing"),)
