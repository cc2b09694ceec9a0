"""At which settings a design asks: its parts drawn, and multiplied with each other."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
from SALib.sample import latin as latin_sample

from allocator.batch.spec import SAMPLES, Design, Sample, Settings, Span
from allocator.errors import InvalidInput
from allocator.sensitivity.designs import Design as Screened
from allocator.sensitivity.designs import Numbers, ScreeningMethod, wrong_numbers
from allocator.sensitivity.inputs import Value
from allocator.sensitivity.ranges import Input, inputs_of
from models.instance import Instance
from models.policy import Policy
from models.problems import Problem


def values(design: Design) -> dict[tuple[str, str, Value], tuple[str, int | None]]:
    """Return where every value that is given stands first, by part of the design, input and value.

    Where: the place in the specification, and in a table the number of the row, from 1. Those
    that are drawn are left out.
    """
    found: dict[tuple[str, str, Value], tuple[str, int | None]] = {}
    for path, some in design.grid.items():
        for value in some.values if isinstance(some, Span) else some:
            found["grid", path, value] = f"design.grid.{path}", None
    for i, row in enumerate(design.cases):
        for path, value in row.items():
            found.setdefault(("cases", path, value), (f"design.cases.{i}.{path}", None))
    for i, row in enumerate(design.table):
        for path, value in row.items():
            found.setdefault(("table", path, value), (f"design.table.{path}", i + 1))
    return found


def wrong_form(design: Design, name: str) -> Iterator[Problem]:
    """Yield what is wrong with a design whatever the instance is.

    Parameters
    ----------
    name
        Of the file, for problems.
    """
    seen: dict[str, str] = {}
    for part, paths in _paths(design):
        for path in paths:
            if path in seen:
                message = f"it is varied in {seen[path]} too"
                yield Problem(message, "keep one", name, None, f"design.{part}.{path}")
            seen.setdefault(path, f"design.{part}")
    for path, given in design.grid.items():
        shown = () if isinstance(given, Span) else given
        column = f"design.grid.{path}"
        if not isinstance(given, Span) and not given:
            yield Problem("it has no values", "give one at least", name, None, column, "")
        elif len(set(shown)) < len(shown):
            text = ", ".join(map(str, shown))
            yield Problem("a value is there twice", "give each once", name, None, column, text)
    samples = {kind: getattr(design, kind) for kind in SAMPLES if getattr(design, kind) is not None}
    if len(samples) > 1:
        message = f"{' and '.join(samples)} are both given"
        yield Problem(message, "keep one", name, None, "design")
    for kind, sample in samples.items():
        for line in _wrong_sample(kind, sample):
            said, _, expected = line.partition("; ")
            yield Problem(said, expected, name, None, f"design.{kind}")


def _wrong_sample(kind: str, sample: Sample) -> list[str]:
    if kind == "latin":
        return [] if sample.samples >= 1 else [f"samples is {sample.samples}; give 1 or more"]
    return wrong_numbers(ScreeningMethod(kind), sample.samples, sample.levels, sample.seed)


def _paths(design: Design) -> Iterator[tuple[str, list[str]]]:
    yield "grid", list(design.grid)
    for part in ("cases", "table"):
        rows: tuple[Settings, ...] = getattr(design, part)
        yield part, list(dict.fromkeys(path for row in rows for path in row))
    if design.sampled is not None:
        kind, sample = design.sampled
        yield kind, list(sample.ranges)


def points(
    design: Design, instances: Sequence[Instance], policy: Policy, name: str
) -> tuple[list[Settings], list[Problem]]:
    """Return the settings of every case of one instance, and what is wrong with the design.

    Parameters
    ----------
    design
        Which cases there are; one without parts has a single case where nothing is varied.
    instances, policy
        What ranges must be possible for.
    name
        Of the file, for problems.
    """
    problems = list(wrong_form(design, name))
    parts: list[list[Settings]] = []
    if design.grid:
        given = {
            path: some.values if isinstance(some, Span) else some
            for path, some in design.grid.items()
            if isinstance(some, Span) or some
        }
        rows = itertools.product(*given.values())
        parts.append([dict(zip(given, row, strict=True)) for row in rows])
    parts += [list(rows) for rows in (design.cases, design.table) if rows]
    if design.sampled is not None:
        kind, sample = design.sampled
        parts.append(_drawn(kind, sample, instances, policy, name, problems) or [{}])
    found = [
        {path: value for part in row for path, value in part.items()}
        for row in itertools.product(*parts)
    ]
    return found, problems


def _drawn(
    kind: str,
    sample: Sample,
    instances: Sequence[Instance],
    policy: Policy,
    name: str,
    problems: list[Problem],
) -> list[Settings]:
    ranges = {path: None if isinstance(ends, str) else ends for path, ends in sample.ranges.items()}
    steps = sample.levels - 1 if kind == "morris" else None
    inputs: tuple[Input, ...] = ()
    for instance in instances:
        try:
            inputs = inputs_of(instance, policy, ranges, steps)
        except InvalidInput as error:
            for one in error.problems:
                column = f"design.{kind}.ranges.{one.column}"
                value = one.value
                expected = one.expected.replace("LOW:HIGH", "[low, high]")
                problems.append(Problem(one.message, expected, name, None, column, value))
    if problems or not inputs:
        return []
    rows = _rows(kind, sample, inputs)
    return [
        {one.path: one.value(number) for one, number in zip(inputs, row, strict=True)}
        for row in rows.tolist()
    ]


def _rows(kind: str, sample: Sample, inputs: tuple[Input, ...]) -> Numbers:
    """Return values of the inputs, one column an input."""
    if kind != "latin":
        method = ScreeningMethod(kind)
        return Screened(method, inputs, sample.samples, sample.levels, sample.seed).rows
    problem = {
        "num_vars": len(inputs),
        "names": [one.path for one in inputs],
        "bounds": [[one.low, one.high] for one in inputs],
    }
    drawn = latin_sample.sample(problem, sample.samples, seed=sample.seed)
    return np.column_stack([one.rounded(drawn[:, j]) for j, one in enumerate(inputs)])
