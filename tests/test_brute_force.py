"""The best plan of random small instances, found again by trying every quota there is."""

import itertools
import math
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from allocator.solve import solve
from models.options import SolveOptions
from models.policy import Policy
from tests.small import measure, tiny


@st.composite
def cases(draw: Any) -> dict[str, Any]:
    count = draw(st.integers(1, 6))
    numbers = st.lists(st.integers(0, 45), min_size=count, max_size=count)
    return {
        "populations": draw(st.lists(st.integers(50, 900), min_size=count, max_size=count)),
        "target": draw(st.integers(5, 60)),
        "dwellings": draw(numbers),
        "gp": draw(numbers),
        "steps": draw(st.lists(st.integers(0, 3), min_size=count, max_size=count)),
        "budget": draw(st.integers(0, 5)) * 100.0,
        "step": draw(st.sampled_from([5, 10])),
        "floor": draw(st.sampled_from([0, 10, 15])),
    }


def best_by_trying(case: dict[str, Any]) -> tuple[int, float]:
    """Return the least shortfall, and the least unfairness + 1e-7·cost among those plans."""
    target, step, floor = case["target"], case["step"], case["floor"]
    total = sum(case["populations"])
    fair = [target * p / total for p in case["populations"]]
    odd = target % step
    choices = []
    for home, gp, most in zip(case["dwellings"], case["gp"], case["steps"], strict=True):
        top = min(gp, home + 10 * most)
        whole = [q for q in range(0, target + 1, step) if q <= top]
        extra = [q for q in range(odd, target + 1, step) if odd and q <= top]
        choices.append([q for q in sorted({*whole, *extra}) if q == 0 or q >= floor])
    best = (math.inf, math.inf)
    for quotas in itertools.product(*choices):
        shortfall = target - sum(quotas)
        if shortfall < 0 or shortfall > best[0] or sum(q % step != 0 for q in quotas) > 1:
            continue
        bought = [
            max(0, math.ceil((q - home) / 10))
            for q, home in zip(quotas, case["dwellings"], strict=True)
        ]
        cost = 100.0 * sum(bought)
        if cost > case["budget"]:
            continue
        unfair = sum((q - f) ** 2 / f for q, f in zip(quotas, fair, strict=True)) + 1e-7 * cost
        best = min(best, (shortfall, unfair))
    return int(best[0]), best[1]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases())
def test_the_plan_is_the_best_there_is(case: dict[str, Any]) -> None:
    measures = [
        measure(f"m{i}", "dwellings", site_id=f"{i + 1:04d}", beds=1, max_steps=most)
        for i, most in enumerate(case["steps"])
    ]
    instance = tiny(
        case["populations"],
        case["target"],
        [float(n) for n in case["dwellings"]],
        gp=[float(n) for n in case["gp"]],
        measures=measures,
    )
    policy = Policy.model_validate({name: case[name] for name in ("step", "floor", "budget")})
    plan = solve(instance, policy, SolveOptions(gap=0.0))
    shortfall, unfairness = best_by_trying(case)
    assert plan.totals is not None
    assert plan.totals.shortfall == shortfall
    assert abs(plan.goals[2].value - unfairness) <= 1e-6 * max(1.0, unfairness)
