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

import json
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from allocator.errors import InvalidInput, InvalidPolicy
from allocator.loading import folder_of, read_csv
from allocator.packaged import packaged
from allocator.policies import policy_from, read_policy
from allocator.sensitivity.inputs import Value, evenly, value_of
from allocator.sensitivity.types import Part
from models import views
from models.options import SolveOptions
from models.policy import Policy
from models.problems import Problem

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


class Sample(Part):
    """Inputs drawn together from their ranges."""

    samples: Annotated[int, Field(ge=1)]
    """Points (Latin hypercube; Sobol': a power of 2) or trajectories (Morris)."""
    seed: Seed = 0
    """Of all that is drawn."""
    levels: int = 4
    """Values of each input (Morris)."""
    ranges: Annotated[dict[str, tuple[float, float] | Literal["own"]], Field(min_length=1)]
    """Ends of the range by input; ``own``: the range of the assumption."""


class Design(Part):
    """Which cases there are. Parts that are given multiply."""

    grid: dict[str, tuple[Value, ...] | Span] = Field(default_factory=dict)
    """Every combination of values of inputs, the first slowest."""
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

    @model_validator(mode="after")
    def _one_sample(self) -> "Design":
        given = [name for name in SAMPLES if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are both given; keep one")
        return self


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

    @field_validator("instances", "seeds")
    @classmethod
    def _once(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        again = [str(v) for i, v in enumerate(values) if v in values[:i]]
        if again:
            raise ValueError(f"{', '.join(again)} is there twice; keep it once")
        return values

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


def read_spec(source: str | Path) -> Spec:
    """Return the batch in a TOML file.

    Parameters
    ----------
    source
        The file; what it names lies beside it.

    Raises
    ------
    InvalidSpec
        With everything that is wrong with its form; what is wrong with inputs and values is told
        by `plan` and `run`, before anything is solved.
    """
    path = Path(source)
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = (getattr(error, "strerror", None) or "is not UTF-8").lower()
        problem = Problem(f"cannot be read: {reason}", "name a TOML file", path.name)
        raise InvalidSpec(f"batch {path}", [problem]) from error
    except tomllib.TOMLDecodeError as error:
        problem = Problem(f"is not TOML: {error}", "mend the file", path.name)
        raise InvalidSpec(f"batch {path}", [problem]) from error
    return spec_from(data, path.parent, path.name)


def spec_from(data: Mapping[str, Any], folder: str | Path = ".", name: str = "batch") -> Spec:
    """Return the batch in plain data, such as parsed TOML.

    Parameters
    ----------
    data
        As in a file.
    folder
        Where files lie that it names.
    name
        Of the file, for problems.

    Raises
    ------
    InvalidSpec
        With everything that is wrong with its form.
    """
    problems: list[Problem] = []
    given = dict(data)
    _inline_policy(given, Path(folder), name, problems)
    _inline_table(given, Path(folder), name, problems)
    _find_instances(given, Path(folder))
    try:
        spec = Spec.model_validate_json(json.dumps(given, default=str), strict=True)
    except ValidationError as error:
        problems += _problems(error, name)
    if problems:
        raise InvalidSpec(f"batch {name}", list(dict.fromkeys(problems)))
    return spec


def _inline_policy(data: dict[str, Any], folder: Path, name: str, found: list[Problem]) -> None:
    """Put the policy itself where its file is named."""
    given = data.pop("policy", None)
    if given is None:
        return
    try:
        if isinstance(given, str):
            policy = read_policy(folder / given)
        elif isinstance(given, Mapping):
            policy = policy_from(given)
        else:
            expected = "name a file, or write a table [policy]"
            found.append(Problem("is no policy", expected, name, None, "policy", str(given)))
            return
    except InvalidPolicy as error:
        for one in error.problems:
            column = "policy" if one.column is None else f"policy.{one.column}"
            found.append(Problem(one.message, one.expected, name, None, column, one.value))
        return
    data["policy"] = policy.model_dump(mode="json")


def _inline_table(data: dict[str, Any], folder: Path, name: str, found: list[Problem]) -> None:
    """Put the rows of a table of scenarios where its file is named."""
    design = data.get("design")
    if not isinstance(design, Mapping) or not isinstance(design.get("table"), str):
        return
    file = design["table"]
    wrong: list[Problem] = []
    frame = read_csv(folder / file, file, wrong)
    data["design"] = {key: value for key, value in design.items() if key != "table"}
    if frame is None:
        found += [
            Problem(one.message, one.expected, name, one.row, f"design.table {file}", one.value)
            for one in wrong
        ]
        return
    rows = [
        {str(path): value_of(cell.strip()) for path, cell in row.items() if cell.strip()}
        for row in frame.to_dict("records")
    ]
    if not rows:
        expected = "give a row a case"
        found.append(Problem("has no rows", expected, name, None, "design.table", file))
    data["design"]["table"] = rows


def _find_instances(data: dict[str, Any], folder: Path) -> None:
    """Let folders be found from anywhere."""
    given = data.get("instances")
    if not isinstance(given, list):
        return
    data["instances"] = [
        str((folder / one).resolve())
        if isinstance(one, str) and (folder / one).is_dir()
        else str(folder_of(one).resolve())
        if isinstance(one, str) and one not in packaged() and folder_of(one).is_dir()
        else one
        for one in given
    ]


def _problems(error: ValidationError, name: str) -> list[Problem]:
    found = []
    for detail in error.errors(include_url=False):
        where = [str(part) for part in detail["loc"] if part != "[key]"]
        message, _, expected = detail["msg"].removeprefix("Value error, ").partition("; ")
        if detail["type"] == "extra_forbidden":
            message = f"there is no setting {where[-1]!r}"
            expected = f"there are {', '.join(_fields_at(where))}"
        elif not expected:
            expected = "see `allocator batch plan --help`"
        whole = isinstance(detail["input"], dict) or detail["type"] == "missing"
        value = None if whole else str(detail["input"])[:80]
        found.append(Problem(message, expected, name, None, ".".join(where) or None, value))
    return found


def _fields_at(where: list[str]) -> list[str]:
    homes: dict[str, type[Part | SolveOptions]] = {"design": Design, "options": SolveOptions}
    homes |= dict.fromkeys(SAMPLES, Sample)
    home = next((homes[part] for part in reversed(where[:-1]) if part in homes), Spec)
    return list(home.model_fields)
