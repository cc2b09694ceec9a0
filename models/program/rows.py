"""Rows of the program from plain terms, which Pyomo takes several times as fast as sums."""

from collections.abc import Iterable
from typing import Any

from pyomo.core.expr.numeric_expr import LinearExpression

Terms = list[tuple[float, Any]]
"""Coefficients with their variables."""


def linear(terms: Iterable[tuple[float, Any]]) -> Any:
    """Return Σ coefficient · variable as a Pyomo expression."""
    coefficients, variables = [], []
    for coefficient, variable in terms:
        coefficients.append(coefficient)
        variables.append(variable)
    return LinearExpression(linear_coefs=coefficients, linear_vars=variables)


def at_most(terms: Iterable[tuple[float, Any]], limit: float) -> Any:
    """Return the row Σ coefficient · variable ≤ `limit`."""
    return (None, linear(terms), limit)


def at_least(terms: Iterable[tuple[float, Any]], limit: float) -> Any:
    """Return the row Σ coefficient · variable ≥ `limit`."""
    return (limit, linear(terms), None)


def equal(terms: Iterable[tuple[float, Any]], value: float) -> Any:
    """Return the row Σ coefficient · variable = `value`."""
    return (value, linear(terms), value)
