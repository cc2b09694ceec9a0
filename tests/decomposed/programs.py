"""Programs to take apart: random ones, one with every feature, and one done by hand."""

from typing import Any

import numpy as np
import scipy.sparse as sp

from allocator.keys import fair_shares
from allocator.solve.arrays import Arrays, TriviallyInfeasible, Vector
from allocator.solve.compile import compile_program
from allocator.solve.decomposed.blocks import Blocks, cut, owners
from allocator.solve.stages import Objective
from models.instance import Instance
from models.policy import Policy, Term
from models.program import Data, build, collect
from tests.hand_made import given
from tests.random_small import draw


def compiled(instance: Instance, policy: Policy) -> tuple[Data, Arrays]:
    data = collect(instance, policy, fair_shares(instance, policy))
    return data, compile_program(build(data))


def taken_apart(seed: int) -> tuple[Data, Arrays, Blocks] | None:
    """Return a random program and its blocks; none when a row without variables cannot hold."""
    try:
        data, arrays = compiled(*draw(seed))
    except TriviallyInfeasible:
        return None
    return data, arrays, blocks_of(data, arrays)


def blocks_of(data: Data, arrays: Arrays) -> Blocks:
    owner = owners(data, arrays.columns, arrays.matrix.shape[1])
    return cut(owner, arrays, len(data.municipalities))


def objective(arrays: Arrays, terms: dict[Term, float]) -> Objective:
    cost, constant = np.zeros(arrays.matrix.shape[1]), 0.0
    for term, weight in terms.items():
        vector, offset = arrays.objectives[term.value]
        cost, constant = cost + weight * vector, constant + weight * offset
    return cost, constant


def everything() -> tuple[Instance, Policy]:
    """Return an instance and a policy that use every rule and every term there is."""
    goals: list[dict[str, Any]] = [{"terms": {term.value: 1.0}} for term in Term]
    policy = {
        "step": 7,
        "floor": 10,
        "max_ratio": 3.0,
        "min_ratio": 0.1,
        "max_share_of_population": 0.05,
        "max_change": {"persons": 40.0},
        "county_bounds": [{"county_id": "03", "at_most": 60.0}],
        "fixed": [{"municipality_id": "0101", "relation": "at_least", "persons": 5}],
        "budget": {"total": 500.0, "dwellings": 400.0, "transit": 100.0, "service": 100.0},
        "soft": {"housing": 1.0, "transport": 1.0, "health": 1.0, "education": 1.0},
        "goals": goals,
    }
    return given(), Policy.model_validate(policy)


def by_hand() -> tuple[Arrays, Blocks, Objective]:
    """Two municipalities that share five persons, and one column for whom nobody takes.

    ::

        min  x₀ + 3 x₁ + 10 u        x₀ + x₁ + u = 5        0 ≤ x₀ ≤ 3, 0 ≤ x₁ ≤ 4, 0 ≤ u ≤ 5

    and x₀ ≤ 2 y₀, x₁ ≤ 2 y₁ with whole y of at most 2 that cost 0.5 a piece: the best is
    x = (3, 2), y = (2, 1), for 3 + 6 + 1.5 = 10.5. At a price p of the row the municipalities
    are worth min(0, 4 − 3p, 2.5 − 2p) and min(0, 13 − 4p, 6.5 − 2p).
    """
    matrix = np.array(
        [
            # x0   y0   x1   y1   u
            [1.0, 0.0, 1.0, 0.0, 1.0],
            [1.0, -2.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 1.0, -2.0, 0.0],
        ]
    )
    arrays = Arrays(
        matrix=sp.csr_array(matrix),
        row_lower=np.array([5.0, -np.inf, -np.inf]),
        row_upper=np.array([5.0, 0.0, 0.0]),
        lower=np.zeros(5),
        upper=np.array([3.0, 2.0, 4.0, 2.0, 5.0]),
        integer=np.array([False, True, False, True, False]),
        objectives={},
        columns={},
        row_names=(("supply", None), ("first", None), ("second", None)),
    )
    blocks = cut(np.array([0, 0, 1, 1, -1]), arrays, 2)
    cost: Vector = np.array([1.0, 0.5, 3.0, 0.5, 10.0])
    return arrays, blocks, (cost, 0.0)
