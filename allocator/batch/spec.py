"""What a batch is: base instances, a policy, options, and a design over inputs.

::

    title = "Turnover, keys and arrivals"
    instances = ["norway-2024"]          # packaged names, or folders beside this file
    policy = "policy.toml"               # or a table [policy]
    seeds = [0, 1, 2]                    # every case once with each
    check_fraction = 0.02                # part of the cases that is solved cold as well
    placements = false                   # whether placements are kept

    [options]                            # as of a solve
    gap = 0.001

    [design.grid]                        # every combination
    "assume.housing_turnover" = [0.02, 0.03]
    "capacities[health] *=" = {first = 0.8, last = 1.2, count = 5}

    [[design.cases]]                     # one after the other
    target = 36000
    "groups.persons[families] +=" = 500

    [design]
    table = "scenarios.csv"              # a column an input, a row a case; blank: as given

    [design.latin]                       # or sobol, or morris
    samples = 100
    ranges = {budget = [0.6e9, 1.4e9], "assume.minors_share" = "own"}

Parts of a design multiply: each of the grid with each of the cases, rows and samples.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from allocator.errors import InvalidInput
from allocator.sensitivity.inputs import Value, evenly
from allocator.sensitivity.types import Part
from models import views
from models.options import SolveOptions
from models.policy import Policy

Settings = dict[str, Value]
"""Values by input."""
Seed = Annotated[int, Field(ge=0, le=2_147_483_647)]


class InvalidSpec(InvalidInput):
    """A batch cannot be run as it is written."""


class Span(Part):
    """Evenly spaced numbers."""

    first: float
    """The first."""
    last: float
    """The last."""
    count: Annotated[int, Field(ge=2)]
    """How many."""

    @property
    def values(self) -> tuple[Value, ...]:
        """The numbers."""
        return tuple(evenly(self.first, self.last, self.count))


OWN = "own"
"""The range of an assumption."""


def _form(given: Any) -> str | None:
    """Tell what is given by its form alone, so that one mistake is one problem."""
    if given == OWN:
        return OWN
    if isinstance(given, Mapping | Span):
        return "span"
    return "list" if isinstance(given, list | tuple) else None


def _one_of(expected: str) -> Discriminator:
    return Discriminator(
        _form, custom_error_type="form", custom_error_message=f"Input should be {expected}"
    )


Values = Annotated[
    Annotated[tuple[Value, ...], Tag("list")] | Annotated[Span, Tag("span")],
    _one_of("a list of values, or {first, last, count}"),
]
"""Of one input, listed or evenly spaced."""
Ends = Annotated[
    Annotated[tuple[float, float], Tag("list")] | Annotated[Literal["own"], Tag(OWN)],
    _one_of('[low, high], or "own" for an assumption'),
]
"""Of a range; ``own``: those of the assumption."""


class Sample(Part):
    """Inputs drawn together from their ranges."""

    samples: int
    """Points (Latin hypercube; Sobol': a power of 2) or trajectories (Morris)."""
    seed: Seed = 0
    """Of all that is drawn."""
    levels: int = 4
    """Values of each input (Morris)."""
    ranges: Annotated[dict[str, Ends], Field(min_length=1)]
    """Ends of the range by input, low and high; "own": the range of the assumption."""


class Design(Part):
    """Which cases there are. Parts that are given multiply."""

    grid: dict[str, Values] = Field(default_factory=dict)
    """Values by input, each a list or {first, last, count}; every combination is a case, the
    first input slowest."""
    cases: tuple[Settings, ...] = ()
    """One after the other."""
    table: tuple[Settings, ...] = ()
    """The rows of a table of scenarios; in a file its name may stand here."""
    latin: Sample | None = None
    """A Latin hypercube (McKay, Beckman and Conover 1979)."""
    sobol: Sample | None = None
    """A sample for Sobol' indices (Saltelli et al. 2010)."""
    morris: Sample | None = None
    """Trajectories for elementary effects (Morris 1991)."""

    @property
    def sampled(self) -> tuple[str, Sample] | None:
        """The sample and the name of its kind; none without one."""
        for name in SAMPLES:
            sample: Sample | None = getattr(self, name)
            if sample is not None:
                return name, sample
        return None


SAMPLES = ("latin", "sobol", "morris")
"""Kinds of samples."""


class Spec(views.Shown, Part):
    """A batch as it is asked for; `model_dump_json` and `model_validate_json` are a round trip."""

    title: str = ""
    """For people."""
    instances: Annotated[tuple[str, ...], Field(min_length=1)]
    """Names of packaged instances, or folders."""
    policy: Policy = Policy()
    """What the planner decides where nothing is varied."""
    options: SolveOptions = SolveOptions()
    """How long to take for a case, and how exact to be."""
    seeds: tuple[Seed, ...] = ()
    """Every case is solved once with each; none: with the seed of the options."""
    design: Design = Design()
    """Which cases there are."""
    check_fraction: Annotated[float, Field(ge=0, le=1)] = 0.02
    """Part of the cases (one at least) that is solved without a start as well; 0: none."""
    placements: bool = False
    """Whether placements are kept."""

    def limited(self, seconds: float | None) -> "Spec":
        """Return the batch with another time limit for a case; none: as it is."""
        if seconds is None:
            return self
        options = self.options.model_dump() | {"time_limit": seconds}
        return self.model_copy(update={"options": SolveOptions.model_validate(options)})

    def _headline(self) -> str:
        return self.title or f"Batch of {', '.join(self.instances)}"

    def _parts(self) -> Iterator[views.Part]:
        from allocator.batch.views import spec_parts

        return spec_parts(self)
