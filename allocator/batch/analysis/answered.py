"""The answered cases of one instance of a batch, as analyses take them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import pandas as pd
import pyarrow.dataset as pads

from allocator.batch.analysis.levels import BINS, EACH, Levels, levels
from allocator.batch.columns import CASES, QUOTAS, SUMMARY
from allocator.batch.coming import name_of
from allocator.batch.neighbours import BASE
from allocator.batch.record import start_in
from allocator.batch.results import Results
from allocator.batch.spec import Spec
from allocator.loading import load
from allocator.sensitivity.designs import ScreeningMethod, rows_of_a_set
from allocator.sensitivity.screening import RESULTS
from models.instance import Instance


@dataclass(frozen=True, eq=False)
class Answered:
    """What is known of the cases of one instance.

    Attributes
    ----------
    name
        Id of the instance, with its position where the batch has two of that id.
    instance
        As the batch keeps it.
    spec
        What was asked.
    numbers
        Of all its cases.
    cases
        Those with an answer, by number: as the table `cases`, and `point`, the position of
        their settings.
    totals
        Results of those with a plan, by number; results that no plan has are left out.
    quotas
        Persons of those with a plan, by number; one column a municipality.
    unvaried
        Quotas by municipality where nothing is varied; none where no such plan is kept.
    """

    name: str
    instance: Instance
    spec: Spec
    numbers: range
    cases: pd.DataFrame
    totals: pd.DataFrame
    quotas: pd.DataFrame
    unvaried: dict[str, int] | None

    @property
    def without_plan(self) -> pd.DataFrame:
        """The cases with an answer that is no plan."""
        return self.cases[~self.cases.index.isin(self.totals.index)]

    @cached_property
    def varied(self) -> list[str]:
        """Inputs that have two values at least in the cases with an answer, blanks as one."""
        design = self.spec.design
        rows = (*design.cases, *design.table)
        paths = [*design.grid, *(path for row in rows for path in row)]
        if design.sampled is not None:
            paths += design.sampled[1].ranges
        return [path for path in dict.fromkeys(paths) if self.cases[path].nunique(dropna=False) > 1]

    @cached_property
    def settings(self) -> pd.DataFrame:
        """Values of the inputs, by point, of settings with a plan."""
        planned = self.cases.loc[self.totals.index]
        return planned.drop_duplicates("point").set_index("point")[self.varied].sort_index()

    def over_seeds(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return means by point: cases that differ in the seed alone repeat each other."""
        return frame.groupby(self.cases.loc[frame.index, "point"]).mean()

    def levels_of_cases(self, path: str) -> Levels:
        """Return the levels of an input over the cases with an answer."""
        values = self.cases[path]
        few = path in self.spec.design.grid or values.nunique() <= BINS
        return levels(values, len(values) if few else max(2, min(BINS, len(values) // EACH)))

    def levels_of_settings(self, path: str) -> Levels:
        """Return the levels of an input over the settings with a plan, `EACH` draws a level."""
        most = self.draws(path) // EACH
        if path not in self.spec.design.grid:
            most = min(BINS, most)
        return levels(self.settings[path], max(2, most))

    def draws(self, path: str) -> int:
        """Return how many times an input was drawn apart from the others.

        In Sobol' and Morris samples a value is kept while others move: two are drawn a set.
        """
        design, settings = self.spec.design, self.settings
        if design.sampled is None or path not in design.sampled[1].ranges:
            return len(settings)
        kind, sample = design.sampled
        position = settings.index.to_series() % self.sample_size
        if kind == "latin":
            return int(position.nunique())
        its_set = position // (self.sample_size // sample.samples)
        return len(pd.DataFrame({"set": its_set, "value": settings[path]}).drop_duplicates())

    @property
    def sample_size(self) -> int:
        """Settings that the sample of the design has; 1 without one."""
        if self.spec.design.sampled is None:
            return 1
        kind, sample = self.spec.design.sampled
        if kind == "latin":
            return sample.samples
        return sample.samples * rows_of_a_set(ScreeningMethod(kind), len(sample.ranges))


def answered(results: Results) -> Iterator[Answered]:
    """Yield what is known of every instance of a batch, finished or not.

    Raises
    ------
    InvalidInstance
        If an instance in the folder cannot be read.
    """
    spec, about = results.spec, results.manifest
    places = about["instances"]
    ids = [place["id"] for place in places]
    each = about["cases"] // len(places)
    seeds = spec.seeds or (spec.options.seed,)
    for i, place in enumerate(places):
        own = (pads.field("case") >= i * each) & (pads.field("case") < (i + 1) * each)
        cases = _frame(results, CASES, own)
        cases["point"] = (cases.index - i * each) // len(seeds)
        totals = _frame(results, SUMMARY, own)
        # What was answered since `cases` was read is for the next time.
        totals = totals.loc[totals.index.isin(cases.index), list(RESULTS)].dropna(axis=1, how="all")
        instance = load(results.folder / place["path"])
        base = start_in(results.folder, name_of(i, seeds[0], BASE))
        yield Answered(
            name=place["id"] if ids.count(place["id"]) == 1 else f"{place['id']} ({i + 1})",
            instance=instance,
            spec=spec,
            numbers=range(i * each, (i + 1) * each),
            cases=cases,
            totals=totals,
            quotas=_quotas(results, own, instance, totals.index),
            unvaried=None if base is None else base.quota_of,
        )


def _frame(results: Results, name: str, own: pads.Expression) -> pd.DataFrame:
    frame: pd.DataFrame = results.dataset(name).to_table(filter=own).to_pandas()
    return frame.set_index("case").sort_index()


def _quotas(
    results: Results, own: pads.Expression, instance: Instance, cases: "pd.Index[int]"
) -> pd.DataFrame:
    table = results.dataset(QUOTAS).to_table(filter=own)
    frame = table.to_pandas(categories=["municipality_id"])
    wide = frame.pivot(index="case", columns="municipality_id", values="quota")
    towns = instance.municipalities["municipality_id"]
    return wide.astype("float64").reindex(index=cases, columns=list(towns))
