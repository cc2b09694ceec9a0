"""The program of every tiny instance, as text: a change of the formulation shows as a difference.

Renew with ``python -m tests.test_golden`` and read the difference before committing it.
"""

import io
from pathlib import Path

import pyomo.environ as pyo
import pytest
from pyomo.opt import WriterFactory

from allocator.keys import fair_shares
from allocator.loading import load
from models.policy import Policy
from models.program import ALL, Tightening, build, collect

GOLDEN = Path(__file__).parent / "golden"
TINY = sorted(path.parent.name for path in Path("instances").glob("tiny-*/datapackage.json"))


def formulation(name: str) -> str:
    """Return the program of a tiny instance in LP format, all goals in one objective."""
    instance, policy = load(name), Policy()
    data = collect(instance, policy, fair_shares(instance, policy))
    # Idle rows are kept: what each family says is to be seen here.
    model = build(data, tighten=ALL - {Tightening.IDLE_ROWS})
    goals = list(model.component_objects(pyo.Objective))
    model.all_goals = pyo.Objective(expr=sum(goal.expr for goal in goals))
    for goal in goals:
        goal.deactivate()
    text = io.StringIO()
    WriterFactory("lp_v2").write(model, text, symbolic_solver_labels=True)
    return text.getvalue()


@pytest.mark.parametrize("name", TINY)
def test_the_formulation_is_the_one_committed(name: str) -> None:
    assert formulation(name) == (GOLDEN / f"{name}.lp").read_text(encoding="utf-8")


def test_every_tiny_instance_has_a_golden_file() -> None:
    assert TINY
    assert sorted(path.stem for path in GOLDEN.glob("*.lp")) == TINY


if __name__ == "__main__":
    for tiny in TINY:
        (GOLDEN / f"{tiny}.lp").write_text(formulation(tiny), encoding="utf-8")
