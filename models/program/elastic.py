"""The program in which everything gives way at a price, to find what clashes.

Whatever a plan must keep has a column here by which it is broken. With an upper bound of
zero on the column it is kept, without a bound it is left out, with a price on it it gives
way by as little as possible (Chinneck, *Feasibility and Infeasibility in Optimization*, 2008,
chapter 6).

::

    demands      Σ q_m ± relief ≷ persons · scale        ratios scale with the target, others do not
    capacity     used_r ≤ C_r + Σ_l units_l y_l + v_r    every family as if it were soft
    budget       Σ_l cost_l y_l ≤ budget_k + e_k         k: in all, or one kind of measure
    floor        q_m + z ≥ φ a_m
    target       Σ_s x_{s,g} = D_g · scale − s_g + b_g   for every group g
    scale        1 − δ (j⁻ − j⁺) / T
    whole        q_m = w_m                               also where lots are left out
    odd lot      q_m = δ n_m + r_m,  r_m ≤ (δ − 1) o_m,  Σ_m o_m ≤ 1
                 Σ_exact q_m + Σ_m r_m + δ i + p = T,  p ≤ (δ − 1) (1 − Σ_m o_m)

==========  ==============================================================  ===================
relief      persons by which a demand gives way (`stability`)               persons
v_r         units missing                                                   units of r
e_k         money beyond the budget                                         millions of currency
z           persons by which the floor is lower                             persons
s_g         persons of the group without a place                            persons
b_g         persons placed beyond those expected                            persons
j⁻, j⁺      lots by which the target is lower or higher, whole              lots
w_m         the quota, whole                                                persons
r_m, o_m    odd lot, whole, and whether m carries it; only where decisions  persons, yes or no
            are taken exactly and can give way: ρ then follows from them
i, p        whole lots left, and persons that nobody carries                lots, persons
==========  ==============================================================  ===================

Groups and fair shares are scaled with the target in proportion; what rounding and credits make
of that is seen when the plan with the other target is solved.
"""

import math
from dataclasses import replace
from typing import Any

import pyomo.environ as pyo

from models.program.data import Data
from models.program.rows import equal
from models.program.stability import demands


def widened(data: Data) -> Data:
    """Return coefficients under which nothing binds but what has a column to give way by.

    Every family is soft, minors may be anywhere, and there are so many persons that all
    that is demanded could be met. The odd lot stays.
    """
    step = data.step
    wanted = [d.persons for d in demands(data) if d.side == "more"] + list(data.exact.values())
    further = sum(wanted) + (len(wanted) + 1) * (data.policy.floor + step)
    lots = math.ceil(further / step)
    families = {"housing", "transport", *data.family.values()}
    soft = dict.fromkeys(sorted(families), 1.0)
    groups = {
        g: replace(group, demand=group.demand + step * lots) for g, group in data.groups.items()
    }
    policy = data.policy.model_copy(update={"soft": soft, "minors": "anywhere"})
    return replace(data, policy=policy, target=data.target + step * lots, groups=groups)


def declare(model: Any, data: Data) -> None:
    """Declare how budgets, the floor, the target and lots give way.

    Parameters
    ----------
    data
        Coefficients before they are widened.
    """
    model.further_budget = pyo.Var(list(data.budgets), domain=pyo.NonNegativeReals)
    model.lower_floor = pyo.Var(domain=pyo.NonNegativeReals, bounds=(0, data.policy.floor))
    model.whole_quota = pyo.Var(data.municipalities, domain=pyo.NonNegativeIntegers)
    model.lots_of_target = pyo.Var(["fewer", "more"], domain=pyo.NonNegativeIntegers)
    lots = model.lots_of_target
    model.scale = pyo.Expression(
        expr=1 - data.step / max(1, data.target) * (lots["fewer"] - lots["more"])
    )
    if data.exact and data.step > 1:
        free = [m for m in data.municipalities if m not in data.exact]
        model.odd_persons = pyo.Var(free, domain=pyo.NonNegativeIntegers, bounds=(0, data.step - 1))
        model.carries = pyo.Var(free, domain=pyo.Binary)
        model.lots_left = pyo.Var(domain=pyo.Integers)
        model.persons_left = pyo.Var(domain=pyo.NonNegativeReals, bounds=(0, data.step - 1))


def constrain(model: Any, data: Data, wide: Data) -> None:
    """State the rows by which they give way, and let every measure be bought to its own limit.

    Parameters
    ----------
    data, wide
        Coefficients before and after they are widened.
    """
    for name, measure in data.measures.items():
        model.steps[name].setub(measure.max_steps)
    model.quota_is_whole = pyo.Constraint(
        data.municipalities, rule=lambda _, m: model.quota[m] - model.whole_quota[m] == 0
    )
    _constrain_target(model, data, wide)
    if hasattr(model, "odd_persons"):
        _constrain_odd_lot(model, data)


def _constrain_target(model: Any, data: Data, wide: Data) -> None:
    groups = list(data.groups)
    model.shortfall = pyo.Var(groups, domain=pyo.NonNegativeReals)
    model.beyond = pyo.Var(groups, domain=pyo.NonNegativeReals)
    lots = model.lots_of_target

    def expected(_: Any, g: str) -> Any:
        persons = data.groups[g].demand
        lot = persons * data.step / max(1, data.target)
        terms = [
            (1, model.unplaced[g]),
            (-1, model.shortfall[g]),
            (1, model.beyond[g]),
            (-lot, lots["fewer"]),
            (lot, lots["more"]),
        ]
        return equal(terms, wide.groups[g].demand - persons)

    model.expected = pyo.Constraint(groups, rule=expected)


def _constrain_odd_lot(model: Any, data: Data) -> None:
    free, most = list(model.odd_persons), data.step - 1
    carriers = sum(model.carries.values())
    model.odd_if_carried = pyo.Constraint(
        free, rule=lambda _, m: model.odd_persons[m] - most * model.carries[m] <= 0
    )
    model.left_if_not_carried = pyo.Constraint(expr=model.persons_left + most * carriers <= most)
    model.odd_lot_is_what_is_left = pyo.Constraint(
        expr=sum(model.quota[m] for m in data.exact)
        + sum(model.odd_persons.values())
        + data.step * model.lots_left
        + model.persons_left
        == data.target
    )
