"""SCIP, given the same arrays, finds the same best values as HiGHS."""

from typing import Any

import numpy as np
import pytest
from pyscipopt import Model, quicksum

from allocator.keys import fair_shares
from allocator.solve import engine
from allocator.solve.arrays import Arrays
from allocator.solve.compile import compile_program
from allocator.solve.engine import Settings
from models.instance import Instance
from models.policy import Policy
from models.program import build, collect
from tests.random_small import more
from tests.small import group, measure, tiny


def random_instance(seed: int) -> tuple[Instance, Policy]:
    """Draw an instance of three to seven municipalities where most things are scarce."""
    random = np.random.default_rng(seed)
    count = int(random.integers(3, 8))
    target = int(random.integers(30, 200))

    def draw(low: float, high: float) -> list[float]:
        return [float(x) for x in random.integers(int(low), int(high) + 1, count)]

    people = [
        group("singles", 50.0, transit_share=0.9, persons_per_dwelling=1.5),
        group("families", 40.0, beds=3, persons_per_dwelling=3.5, transit_share=0.5),
        group("minors", 10.0, beds=3, persons_per_dwelling=4.0, integral=True, minors=True),
    ]
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("dwellings", {"beds": 3, "units_per_step": 3.0}),
        ("transit", {"units_per_step": 16.0, "cost_per_step": 150.0}),
        ("service", {"service_id": "gp", "units_per_step": 20.0, "cost_per_step": 80.0}),
    ]
    measures = []
    for i in range(count):
        place = f"{i + 1:04d}"
        for kind, columns in kinds:
            where = {"municipality_id" if kind == "service" else "site_id": place}
            name, most = f"{kind}-{place}", int(random.integers(0, 4))
            measures.append(measure(name, kind, **where, **columns, max_steps=most))
    scale = 2 * target / count
    instance = tiny(
        [int(p) for p in random.integers(100, 2000, count)],
        target,
        draw(0, scale / 3),
        seats=[None if random.random() < 0.3 else seats for seats in draw(0, scale)],
        gp=draw(0, scale),
        groups=people,
        measures=measures,
        beds=3,
        towns={"minors_allowed": [bool(x) for x in random.random(count) < 0.6]},
    )
    soft = {"health": 2.0} if random.random() < 0.3 else {}
    policy = Policy.model_validate(
        {
            "step": int(random.choice([1, 5, 10])),
            "floor": int(random.choice([0, 5, 10, 20])),
            "budget": float(random.integers(0, 1000)),
            "soft": soft,
            "max_ratio": 3.0 if random.random() < 0.3 else None,
            "goals": [
                {"terms": {"shortfall": 10.0, "overload": 1.0, "unfairness": 1.0, "cost": 1e-3}}
            ],
        }
    )
    return instance, policy


def by_scip(arrays: Arrays, cost: np.ndarray, constant: float) -> float:
    model = Model()
    model.hideOutput()
    model.setParam("limits/gap", 0.0)
    variables = [
        model.addVar(
            lb=float(low),
            ub=None if np.isinf(high) else float(high),
            vtype="I" if whole else "C",
        )
        for low, high, whole in zip(arrays.lower, arrays.upper, arrays.integer, strict=True)
    ]
    matrix = arrays.matrix
    for i in range(matrix.shape[0]):
        span = slice(matrix.indptr[i], matrix.indptr[i + 1])
        row = quicksum(
            float(a) * variables[j]
            for a, j in zip(matrix.data[span], matrix.indices[span], strict=True)
        )
        if np.isfinite(arrays.row_lower[i]):
            model.addCons(row >= float(arrays.row_lower[i]))
        if np.isfinite(arrays.row_upper[i]):
            model.addCons(row <= float(arrays.row_upper[i]))
    model.setObjective(quicksum(float(c) * v for c, v in zip(cost, variables, strict=True) if c))
    model.optimize()
    assert model.getStatus() == "optimal"
    return float(model.getObjVal()) + constant


def agree(seed: int) -> None:
    instance, policy = random_instance(seed)
    arrays = compile_program(build(collect(instance, policy, fair_shares(instance, policy))))
    cost, constant = np.zeros(arrays.matrix.shape[1]), 0.0
    for term, weight in policy.goals[0].terms.items():
        vector, offset = arrays.objectives[term.value]
        cost, constant = cost + weight * vector, constant + weight * offset
    ours = engine.run(arrays, cost, constant, Settings(60.0))
    assert ours.value is not None
    assert ours.value == pytest.approx(by_scip(arrays, cost, constant), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("seed", more(0, 20))
def test_scip_agrees(seed: int) -> None:
    agree(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", more(60, 60))
def test_scip_agrees_on_many_more(seed: int) -> None:
    agree(seed)


def test_the_smallest_known_regression_of_the_solver_is_solved_right() -> None:
    import scipy.sparse as sp

    program = Arrays(
        matrix=sp.csr_array(np.array([[1.0, 1.0]])),
        row_lower=np.array([4.5]),
        row_upper=np.array([np.inf]),
        lower=np.zeros(2),
        upper=np.full(2, 10.0),
        integer=np.array([False, True]),
        objectives={},
        columns={},
        row_names=(("row", None),),
    )
    assert engine.run(program, np.array([2.0, 3.0]), 0.0, Settings(10.0)).value == 9.0
