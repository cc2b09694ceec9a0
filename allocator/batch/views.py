"""What is shown of batches: what is asked, what it comes to, what came out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pandas as pd

from allocator.batch.columns import DATASETS
from allocator.batch.spec import Sample, Span, Spec
from allocator.sensitivity.inputs import Value
from models.views import Grid, Part, figure

if TYPE_CHECKING:
    from allocator.batch.archive import Reproduced
    from allocator.batch.planning import Planned
    from allocator.batch.results import Results

VALUES = 6
"""Most values of an input that are named."""


def spec_parts(spec: Spec) -> Iterator[Part]:
    """Yield the design, an input a row, and with what it is solved."""
    design = spec.design
    rows = [("grid", path, _values(given)) for path, given in design.grid.items()]
    for name, settings in (("cases", design.cases), ("table", design.table)):
        inputs = dict.fromkeys(path for row in settings for path in row)
        rows += [
            (name, path, _values(tuple(row[path] for row in settings if path in row)))
            for path in inputs
        ]
    if design.sampled is not None:
        name, sample = design.sampled
        rows += [(name, path, _range(sample, path)) for path in sample.ranges]
    yield Grid(("part", "input", "values"), tuple(rows), texts=(0, 1), prose=(2,))
    changed = spec.policy.model_dump(mode="json", exclude_defaults=True)
    options = spec.options.model_dump(mode="json", exclude_defaults=True)
    yield Grid(
        (),
        (
            ("instances", ", ".join(spec.instances)),
            ("policy", _settings(changed)),
            ("options", _settings(options)),
            ("seeds", ", ".join(map(str, spec.seeds)) or "that of the options"),
            ("solved cold as well", f"{spec.check_fraction:.0%}"),
        ),
    )


def _values(given: tuple[Value, ...] | Span) -> str:
    if isinstance(given, Span):
        return f"{given.count:,} from {given.first:g} to {given.last:g}"
    more = f" and {len(given) - VALUES:,} more" if len(given) > VALUES else ""
    return ", ".join(map(figure, given[:VALUES])) + more


def _range(sample: Sample, path: str) -> str:
    ends = sample.ranges[path]
    between = "its own range" if ends == "own" else f"{ends[0]:,.10g} to {ends[1]:,.10g}"
    return f"{between}, {sample.samples:,} samples, seed {sample.seed}"


def _settings(changed: dict[str, object]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in changed.items()) or "as usual"


def planned_parts(planned: "Planned") -> Iterator[Part]:
    """Yield how long it takes, and the first cases."""
    yield from planned.lines[1:]
    yield _grid(planned.first)


def results_parts(results: "Results") -> Iterator[Part]:
    """Yield what failed, and how much there is to read."""
    for error, count in results.errors.items():
        yield f"failed: {count}: {error}"
    rows = [(name, f"{results.dataset(name).count_rows():,}") for name in DATASETS]
    yield Grid(("table", "rows"), tuple(row for row in rows if row[1] != "0"))


def reproduced_parts(reproduced: "Reproduced") -> Iterator[Part]:
    """Yield every case that was solved again."""
    columns = ["case", "instance", "seed", "reproduced", "why", "seconds_then", "seconds_now"]
    yield _grid(reproduced.table[columns])


def _grid(frame: pd.DataFrame) -> Grid:
    """Return a table as it is, missing cells blank."""
    rows = frame.astype("object").where(frame.notna(), "").values.tolist()
    texts = tuple(
        place
        for place in range(len(frame.columns))
        if any(isinstance(row[place], str) and row[place] for row in rows)
    )
    shown = tuple(tuple(_cell(value) for value in row) for row in rows)
    return Grid(tuple(map(str, frame.columns)), shown, texts=texts)


def _cell(value: Value | bool) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else figure(value)
