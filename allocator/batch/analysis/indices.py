"""Sobol' and Morris indices of the results of a batch, where a sample is answered in full."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from allocator.batch.analysis.answered import Answered
from allocator.batch.design import points
from allocator.sensitivity.designs import INDICES, ScreeningMethod, indices_of, with_ranks

COLUMNS = ("instance", "within", "result", "input")
REFUSED = ("instance", "within", "result", "missing", "of", "why", "cases")


@dataclass(frozen=True, eq=False)
class Indices:
    """Indices of the results of one instance.

    Attributes
    ----------
    method
        Of the sample; none where the design has none with indices.
    table
        One row a sample, result and input: within (what else the design varies, at the values of
        this sample), result, input, the `INDICES` of the method, and rank (1 matters most, none has
        no influence).
    refused
        One row a sample without indices, or result of it (none: all of them): how many of how
        many cases are missing, why, and their numbers as text (``3 17-20``).
    """

    method: ScreeningMethod | None
    table: pd.DataFrame
    refused: pd.DataFrame


def indices(known: Answered) -> Indices:
    """Return the indices of every result, for each sample in the design.

    A sample is drawn once and multiplied with the rest of the design, so that there is one for
    every combination of that. Results are means over the seeds: what is taken apart is the
    variance that the inputs bring (Marrel et al. 2012, Global sensitivity analysis of stochastic
    computer models with joint metamodels). A sample with a hole has no indices: what is left
    would be the cases that happen to have a plan.
    """
    method, frames, refused = _method(known), list[pd.DataFrame](), list[dict[str, Any]]()
    if method is not None:
        for within, block in _blocks(known):
            why = _missing(known, block)
            if why is None:
                _add(known, method, within, block, frames, refused)
            else:
                refused.append({"within": within, "result": None, **why})
    names = [*COLUMNS, *(() if method is None else INDICES[method]), "rank"]
    found = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=names)
    holes = pd.DataFrame(refused, columns=list(REFUSED))
    return Indices(
        method, found.assign(instance=known.name)[names], holes.assign(instance=known.name)
    )


def _method(known: Answered) -> ScreeningMethod | None:
    sampled = known.spec.design.sampled
    return None if sampled is None or sampled[0] == "latin" else ScreeningMethod(sampled[0])


def _blocks(known: Answered) -> Iterator[tuple[str, range]]:
    """Yield every sample: what else holds there, and the numbers of its cases."""
    rest = known.spec.design.model_copy(update={"sobol": None, "morris": None})
    settings, _ = points(rest, (), known.spec.policy, "")
    size = len(known.numbers) // len(settings)
    for position, one in enumerate(settings):
        within = ", ".join(f"{path}={value}" for path, value in one.items())
        yield within, known.numbers[position * size : (position + 1) * size]


def _missing(known: Answered, block: range) -> dict[str, Any] | None:
    """Return which cases of a sample have no plan, and why; none where all have one."""
    lacking = [number for number in block if number not in known.totals.index]
    if not lacking:
        return None
    unanswered = sum(number not in known.cases.index for number in lacking)
    parts = {"have no answer yet": unanswered, "have no plan": len(lacking) - unanswered}
    why = ", ".join(f"{count:,} {said}" for said, count in parts.items() if count)
    return {"missing": len(lacking), "of": len(block), "why": why, "cases": _as_runs(lacking)}


def _as_runs(numbers: list[int]) -> str:
    """Return sorted numbers as text: those that follow each other as ``first-last``."""
    steps = np.flatnonzero(np.diff(numbers) > 1) + 1
    runs = [(int(run[0]), int(run[-1])) for run in np.split(np.array(numbers), steps)]
    return " ".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def _add(
    known: Answered,
    method: ScreeningMethod,
    within: str,
    block: range,
    frames: list[pd.DataFrame],
    refused: list[dict[str, Any]],
) -> None:
    """Add the indices of all results of a sample, or why one has none."""
    sampled = known.spec.design.sampled
    assert sampled is not None  # noqa: S101 - as the method says
    _, sample = sampled
    paths, totals = list(sample.ranges), known.totals.loc[list(block)]
    rows = known.cases.loc[list(block)].drop_duplicates("point")[paths].to_numpy(dtype=np.float64)
    values = known.over_seeds(totals)
    for name in totals:
        lacking = totals.index[totals[name].isna()].tolist()
        if lacking:
            why = {"missing": len(lacking), "of": len(block), "why": "have no such result"}
            refused.append({"within": within, "result": name, **why, "cases": _as_runs(lacking)})
            continue
        found = indices_of(
            method, paths, rows, values[name].to_numpy(), levels=sample.levels, seed=sample.seed
        )
        frames.append(with_ranks(found, method).assign(within=within, result=name))
