"""Batches: thousands of cases from one specification, run side by side and kept for others.

::

    from allocator import batch

    spec = batch.read_spec("batch.toml")
    print(batch.plan(spec))
    results = batch.run(spec, "results", workers=2, progress=True)
    results.summary, results.quotas          # data frames
    batch.open("results")                    # the same, later or meanwhile
    batch.analyse(results)                   # what it says: curves, quantiles, indices
"""

from allocator.batch.analysis import Analysis, analyse
from allocator.batch.archive import Reproduced, archive, reproduce
from allocator.batch.planning import Planned, plan
from allocator.batch.reading import read_spec, spec_from
from allocator.batch.results import Results
from allocator.batch.results import opened as open  # noqa: A004 - as `batch.open` it reads best
from allocator.batch.running import run
from allocator.batch.spec import Design, InvalidSpec, Sample, Span, Spec
from allocator.sensitivity.watching import ProgressPrinter

__all__ = [
    "Analysis",
    "Design",
    "InvalidSpec",
    "Planned",
    "ProgressPrinter",
    "Reproduced",
    "Results",
    "Sample",
    "Span",
    "Spec",
    "analyse",
    "archive",
    "open",
    "plan",
    "read_spec",
    "reproduce",
    "run",
    "spec_from",
]
