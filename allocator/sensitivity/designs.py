"""At which values inputs are tried together, and what the results say of each: with SALib.

=========  ====================================================================================
`morris`   trajectories in which one input after the other moves by Δ = p / (2·(p − 1)) of its
           range, p levels (Morris 1991). An elementary effect is what the result moves by, ÷ Δ:
           what it would move by over the whole range. `mu` is their mean, `mu_star` that
           of their absolute values (Campolongo, Cariboni and Saltelli 2007), `sigma` their
           standard deviation: zero where the effect is the same wherever the inputs are.
`sobol`    two samples of a scrambled Sobol' sequence, and the first with one column after the
           other from the second (Saltelli et al. 2010). `S1` is the part of the variance of the
           result that an input has by itself, `ST` what it has with all its interactions.
=========  ====================================================================================

What belongs together, a trajectory or a point with its partners, is a *set* of rows.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from SALib.analyze import morris as morris_analysis
from SALib.analyze import sobol as sobol_analysis
from SALib.sample import morris as morris_sample
from SALib.sample import sobol as sobol_sample

from allocator.sensitivity.ranges import Input

RESAMPLES = 1000
"""Resamples behind the confidence of an index."""
FEWEST = 2
"""Fewest sets of rows that say anything."""
CONSTANT = 1e-9
"""Relative spread of a result that is rounding and none."""

Numbers = NDArray[np.float64]


class ScreeningMethod(StrEnum):
    """How inputs are screened."""

    MORRIS = "morris"
    """Elementary effects: few solves, which inputs matter."""
    SOBOL = "sobol"
    """Parts of the variance: many solves, how much each matters."""


INDICES = {
    ScreeningMethod.MORRIS: ("mu", "mu_star", "mu_star_conf", "sigma"),
    ScreeningMethod.SOBOL: ("S1", "S1_conf", "ST", "ST_conf"),
}
"""Names of the indices of each method; `conf` is half of the width of a 95 % interval."""
RANKED_BY = {ScreeningMethod.MORRIS: "mu_star", ScreeningMethod.SOBOL: "ST"}
"""The index that says how much an input matters in all."""


def wrong_numbers(method: ScreeningMethod, samples: int, levels: int, seed: int) -> list[str]:
    """Return what is wrong with the numbers of a design, one a line."""
    wrong = []
    if samples < FEWEST:
        wrong.append(f"samples is {samples}; give {FEWEST} or more")
    elif method is ScreeningMethod.SOBOL and samples & (samples - 1):
        below = 1 << (samples.bit_length() - 1)
        wrong.append(f"samples is {samples}; give a power of 2, such as {below} or {2 * below}")
    if method is ScreeningMethod.MORRIS and (levels < 2 or levels % 2):
        wrong.append(f"levels is {levels}; give an even number of 2 or more")
    if seed < 0:
        wrong.append(f"seed is {seed}; give 0 or more")
    return wrong


def rows_of_a_set(method: ScreeningMethod, inputs: int) -> int:
    """Return how many rows belong together: one more than there are inputs, or two more."""
    return inputs + (1 if method is ScreeningMethod.MORRIS else 2)


@dataclass(frozen=True)
class Design:
    """At which values inputs are tried together.

    Attributes
    ----------
    method
        How they are screened.
    inputs
        What is varied.
    samples
        Sets of rows: trajectories (Morris), points of the sequence (Sobol', a power of 2).
    levels
        Values of each input (Morris).
    seed
        Of all that is drawn.
    aside
        Trajectories, numbered from 0 as they are drawn, that were put aside for others (Morris).
    """

    method: ScreeningMethod
    inputs: tuple[Input, ...]
    samples: int
    levels: int
    seed: int
    aside: tuple[int, ...] = ()

    @property
    def rows_of_a_set(self) -> int:
        """Rows that belong together."""
        return rows_of_a_set(self.method, len(self.inputs))

    @cached_property
    def rows(self) -> Numbers:
        """Values of the inputs, one column an input, one set of rows after the other."""
        random = np.random.default_rng(self.seed)
        if self.method is ScreeningMethod.MORRIS:
            count = self.samples + len(self.aside)
            drawn = morris_sample.sample(self._problem, count, num_levels=self.levels, seed=random)
            drawn = np.delete(self._in_sets(drawn), self.aside, axis=0)
            drawn = drawn.reshape(-1, len(self.inputs))
        else:
            drawn = sobol_sample.sample(
                self._problem, self.samples, calc_second_order=False, seed=random
            )
        columns = [one.rounded(drawn[:, j]) for j, one in enumerate(self.inputs)]
        return np.column_stack(columns)

    def sets(self, values: Numbers) -> "NDArray[np.bool_]":
        """Tell which sets of rows are whole: no value of theirs is missing (nan)."""
        return np.logical_not(np.isnan(self._in_sets(values)).any(axis=1))

    def _in_sets(self, rows: Numbers) -> Numbers:
        return rows.reshape(-1, self.rows_of_a_set, *rows.shape[1:])

    def indices(self, values: Numbers) -> pd.DataFrame:
        """Return what a result says of every input.

        Parameters
        ----------
        values
            The result, one value a row; missing ones are nan, and leave out their set.

        Returns
        -------
        One row an input: input, the `INDICES` of the method, and `sets` that were whole. A result
        that does not move gives zeros.

        Raises
        ------
        ValueError
            If fewer than `FEWEST` sets are whole.
        """
        whole = self.sets(values)
        if whole.sum() < FEWEST:
            raise ValueError(f"{whole.sum()} of {self.samples} sets are whole; {FEWEST} are needed")
        kept = np.repeat(whole, self.rows_of_a_set)
        paths = [one.path for one in self.inputs]
        found = indices_of(
            self.method, paths, self.rows[kept], values[kept], levels=self.levels, seed=self.seed
        )
        return found.assign(sets=int(whole.sum()))

    @property
    def _problem(self) -> dict[str, Any]:
        """The inputs as SALib wants them, anew each time, for it writes into what it is given."""
        return {
            "num_vars": len(self.inputs),
            "names": [one.path for one in self.inputs],
            "bounds": [[one.low, one.high] for one in self.inputs],
        }


def indices_of(
    method: ScreeningMethod,
    paths: Sequence[str],
    rows: Numbers,
    values: Numbers,
    *,
    levels: int,
    seed: int,
) -> pd.DataFrame:
    """Return what a result says of every input, all sets of rows being whole.

    Parameters
    ----------
    method, levels
        Of the design that drew the rows.
    paths
        Names of the inputs.
    rows
        Values of the inputs, one column an input, one set of rows after the other.
    values
        The result, one a row.
    seed
        Of the resamples.

    Returns
    -------
    One row an input: input, and the `INDICES` of the method. A result that does not move gives
    zeros.
    """
    names = INDICES[method]
    found = dict.fromkeys(names, np.zeros(len(paths)))
    if np.ptp(values) > CONSTANT * max(1.0, float(np.abs(values).max())):
        problem = {"num_vars": len(paths), "names": list(paths)}
        how = {"num_resamples": RESAMPLES, "seed": np.random.default_rng(seed)}
        if method is ScreeningMethod.MORRIS:
            answer = morris_analysis.analyze(problem, rows, values, num_levels=levels, **how)
        else:
            with warnings.catch_warnings():  # resamples in which nothing moves count as zeros
                warnings.simplefilter("ignore")
                answer = sobol_analysis.analyze(problem, values, calc_second_order=False, **how)
        found = {name: np.asarray(answer[name], dtype=float) for name in names}
    return pd.DataFrame({"input": list(paths), **found})


def with_ranks(indices: pd.DataFrame, method: ScreeningMethod) -> pd.DataFrame:
    """Return the indices of one result with `rank`: 1 matters most, none has no influence."""
    by = indices[RANKED_BY[method]]
    ranks = by.where(by > 0).rank(ascending=False, method="first")
    return indices.assign(rank=ranks.astype("Int64"))
