"""Results show themselves in notebooks: escaped, short, with the words of the commands."""

import base64
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from allocator import (
    Policy,
    SolveOptions,
    batch,
    compare,
    diagnose,
    explain,
    load,
    revise,
    solve,
    sweep,
)
from allocator.cli.printing import print_parts
from allocator.compare import Candidate
from allocator.sensitivity.executor import Executor
from allocator.sensitivity.frontier import frontier
from allocator.sensitivity.marginal import marginal
from allocator.sensitivity.robustness import robustness
from allocator.sensitivity.screening import screening
from models.instance import Instance
from models.plan import Plan
from models.views import MOST_ROWS, Grid, Shown, as_html, figure
from tests.pages import Page

POLICY, EXACT = Policy(step=5), SolveOptions(gap=0.0)
TOO_MUCH = {"min_ratio": 0.99, "budget": 0}
HOSTILE = "<script>alert('1')</script> & \"[bold]\""


@pytest.fixture(scope="module")
def instance() -> Instance:
    return load("tiny-measures")


@pytest.fixture(scope="module")
def plan(instance: Instance) -> Plan:
    return solve(instance, POLICY, EXACT)


@pytest.fixture(scope="module")
def executor() -> Iterator[Executor]:
    with Executor(processes=1) as one:
        yield one


class Read(Page):
    """What a notebook shows, with the rows of all tables."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        super().handle_starttag(tag, attrs)
        if tag == "tr":
            self._row = []


def page(shown: Shown) -> Read:
    """Read what a notebook shows; every tag that is opened is closed."""
    found = Read(shown._repr_html_())
    assert found.open == found.wrong == []
    return found


def images(found: Read) -> list[ET.Element]:
    """Return the drawings of a page, which carry everything themselves."""
    sources = [str(about["src"]) for tag, about in found.tags if tag == "img"]
    encoded = [source.removeprefix("data:image/svg+xml;base64,") for source in sources]
    return [ET.fromstring(base64.b64decode(one, validate=True)) for one in encoded]  # noqa: S314


def printed(shown: Shown) -> str:
    text = StringIO()
    print_parts(shown._parts(), Console(file=text, width=400))
    return text.getvalue()


def test_nothing_that_is_shown_is_markup() -> None:
    grid = Grid((HOSTILE, "n"), ((HOSTILE, "1"),), title=HOSTILE)
    html = as_html(HOSTILE, [HOSTILE, grid])
    assert "<script" not in html
    found = Read(html)
    assert found.rows == [[HOSTILE, "n"], [HOSTILE, "1"]]
    assert " ".join(found.words).count(HOSTILE) == 5
    text = StringIO()
    print_parts([HOSTILE, grid], Console(file=text, width=400))
    assert text.getvalue().count(HOSTILE) == 4, "the headline is not a part"


def test_long_tables_and_texts_are_cut_and_say_so() -> None:
    rows = tuple((f"row {i}", str(i)) for i in range(MOST_ROWS + 1_500))
    found = Read(
        as_html("", [*(f"line {i}" for i in range(MOST_ROWS + 2)), Grid(("a", "b"), rows)])
    )
    words = " ".join(found.words)
    assert "… 2 more lines" in words
    assert "… 1,500 more rows" in words
    assert f"line {MOST_ROWS - 1}" in words
    assert f"line {MOST_ROWS}\n" not in words
    assert len(found.rows) == 1 + MOST_ROWS
    just = Read(as_html("", [Grid(("a", "b"), rows[:MOST_ROWS])]))
    assert "more" not in " ".join(just.words)


def test_figures_stand_right_and_texts_left() -> None:
    grid = Grid(("name", "n", "why"), (("a", "1", "so"),), prose=(2,))
    sides = re.findall(r'<t[hd] style="text-align: (\w+)">', as_html("", [grid]))
    assert sides == ["left", "right", "left"] * 2


def test_an_instance_shows_what_it_holds(instance: Instance) -> None:
    found = page(instance)
    assert str(instance) == repr(instance) == "tiny-measures: Tiny: measures, 3 municipalities"
    assert ["target", "120 persons"] in found.rows
    named = {row[0]: row[1] for row in found.rows if len(row) == 3}
    held = {name: str(len(frame)) for name, frame in instance.tables.items() if len(frame)}
    assert named == held | {"table": "rows"}


def test_a_plan_shows_the_figures_of_the_summary(plan: Plan) -> None:
    assert plan.totals is not None
    found = page(plan)
    assert repr(plan) == "Plan of tiny-measures, optimal: 115 of 120 persons placed, gap 0.000%"
    assert ["shortfall", f"{plan.totals.shortfall} persons"] in found.rows
    shown = [cell for row in found.rows for cell in row if cell]
    assert all(cell in printed(plan) for cell in shown)


def test_a_plan_that_does_not_exist_shows_what_clashes(instance: Instance) -> None:
    policy = Policy.model_validate(TOO_MUCH)
    none = solve(instance, policy, EXACT)
    assert repr(none) == "Plan of tiny-measures, infeasible"
    words = " ".join(page(none).words)
    assert none.conflicts
    assert all(conflict.message in words for conflict in none.conflicts)


def test_answers_of_many_solves_show_their_tables_and_their_chart(
    instance: Instance, plan: Plan, executor: Executor
) -> None:
    answers: dict[str, Any] = {
        "Sweep of tiny-measures over budget: 2 points": sweep(
            instance, POLICY, {"budget": [0, 100]}, options=EXACT, executor=executor
        ),
        "Marginal values of tiny-measures: ": marginal(
            instance, plan, top=1, money=100.0, options=EXACT, executor=executor
        ),
        "Frontier of tiny-measures, ": frontier(
            instance, POLICY, points=2, options=EXACT, executor=executor
        ),
        "Robustness of a plan of tiny-measures: ": robustness(
            instance, plan, draws=2, resolve=1, gammas=[0.0], options=EXACT, executor=executor
        ),
        "Screening of tiny-measures (morris): 1 inputs, 4 solves": screening(
            instance, POLICY, {"budget": (0, 400)}, samples=2, options=EXACT, executor=executor
        ),
    }
    for said, answer in answers.items():
        assert repr(answer).startswith(said)
        found = page(answer)
        (drawing,) = images(found)
        assert drawing.tag.endswith("svg")
        text = printed(answer)
        assert all(cell in text for row in found.rows for cell in row if cell), said
        assert answer.chart.to_dict()["config"]["view"]["stroke"] is None, "styled as in the folder"


def test_a_sweep_without_plans_has_no_chart(instance: Instance, executor: Executor) -> None:
    policy = Policy.model_validate(TOO_MUCH)
    found = sweep(instance, policy, {"budget": [0]}, options=EXACT, executor=executor)
    assert found.chart is None
    assert images(page(found)) == []


def test_words_are_those_of_the_commands(instance: Instance, plan: Plan) -> None:
    told = explain(plan, "0101", instance, confirm=False)
    assert repr(told) == "Alder (0101) is asked to settle 40 persons."
    clash = diagnose(instance, Policy.model_validate(TOO_MUCH))
    for one in (told, clash):
        shown = page(one).words
        assert repr(one) in shown
        assert all(line in printed(one) for line in shown[1].splitlines()[:MOST_ROWS])


def test_a_comparison_shows_who_moves(instance: Instance, plan: Plan) -> None:
    quotas = plan.quotas.set_index("municipality_id")["quota"].astype("float64")
    two = (
        Candidate("plan", "plan", quotas, "as it is"),
        Candidate("other", "plan", quotas.add([5, -5, 0]), HOSTILE),
    )
    found = page(compare(instance, POLICY, two))
    assert HOSTILE in " ".join(found.words)
    assert ["0201", "Birch", "40", "45", "40", "-5"] in found.rows


def test_a_revision_shows_who_is_moved(instance: Instance, plan: Plan) -> None:
    found = revise(plan, instance, target=100)
    assert repr(found).startswith("Revision of a plan of tiny-measures: ")
    rows = [row for row in page(found).rows if len(row) == 6]
    told = found.changes[["municipality_id", "before", "after"]].astype(str).to_numpy().tolist()
    assert [[row[0], row[2], row[3]] for row in rows[1:]] == told


def test_a_batch_shows_its_design_before_it_is_run() -> None:
    spec = batch.spec_from(
        {
            "instances": ["tiny-measures"],
            "design": {
                "grid": {"budget": {"first": 0, "last": 400, "count": 5}},
                "cases": [{"target": target} for target in range(60, 68)],
                "latin": {"samples": 4, "ranges": {"dwellings.dwellings *=": [0.5, 1.5]}},
            },
        }
    )
    assert repr(spec) == "Batch of tiny-measures"
    rows = page(spec).rows
    assert ["grid", "budget", "5 from 0 to 400"] in rows
    assert ["cases", "target", "60, 61, 62, 63, 64, 65 and 2 more"] in rows
    assert ["latin", "dwellings.dwellings *=", "0.5 to 1.5, 4 samples, seed 0"] in rows
    planned = batch.plan(spec, estimate=False)
    assert repr(planned) == planned.lines[0] == str(planned).splitlines()[0]
    assert [row[0] for row in page(planned).rows] == ["case", *map(str, range(10))]


@pytest.mark.parametrize(
    ("value", "more", "shown"),
    [
        (None, {}, "–"),
        (float("nan"), {}, "–"),
        ("text", {"digits": 2}, "text"),
        (1234.0, {}, "1,234"),
        (0.5, {"scale": 0.01, "digits": 1, "after": "%"}, "50.0%"),
    ],
)
def test_figures_are_written_alike(value: Any, more: dict[str, Any], shown: str) -> None:
    assert figure(value, **more) == shown
