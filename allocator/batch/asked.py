"""The cases of a batch: numbered, and made when needed."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from allocator.batch.neighbours import Neighbours
from allocator.batch.spec import Settings, Spec
from allocator.sensitivity.cases import Case
from allocator.sensitivity.inputs import Question
from allocator.sensitivity.variation import Variation
from allocator.version import VERSION
from models.instance import Instance
from models.options import SolveOptions
from models.plan import Plan


@dataclass(frozen=True)
class Asked:
    """One case: what is asked, before it is made.

    Attributes
    ----------
    number
        From 0, in the order of the batch: instances, settings, seeds, the last fastest.
    instance
        Position of its instance.
    point
        Position of its settings.
    seed
        Of the solver.
    """

    number: int
    instance: int
    point: int
    seed: int


@dataclass(frozen=True, eq=False)
class Batch:
    """A batch that can be run.

    Attributes
    ----------
    spec
        What was asked for.
    instances
        Those that it names, in order.
    points
        Settings of the cases of each instance.
    """

    spec: Spec
    instances: tuple[Instance, ...]
    points: tuple[Settings, ...]

    def __len__(self) -> int:
        return len(self.instances) * len(self.points) * len(self.seeds)

    def __getitem__(self, number: int) -> Asked:
        if not 0 <= number < len(self):
            raise IndexError(number)
        rest, seed = divmod(number, len(self.seeds))
        instance, point = divmod(rest, len(self.points))
        return Asked(number, instance, point, self.seeds[seed])

    def __iter__(self) -> Iterator[Asked]:
        return (self[number] for number in range(len(self)))

    def sibling(self, asked: Asked, point: int) -> Asked:
        """Return the case with other settings and the same instance and seed."""
        return self[asked.number + (point - asked.point) * len(self.seeds)]

    @property
    def seeds(self) -> tuple[int, ...]:
        """Of the solver, in order."""
        return self.spec.seeds or (self.spec.options.seed,)

    @cached_property
    def inputs(self) -> dict[str, bool]:
        """Every input that is varied, and whether its values are numbers."""
        found: dict[str, bool] = {}
        for settings in self.points:
            for path, value in settings.items():
                found[path] = found.get(path, True) and not isinstance(value, str)
        return found

    @cached_property
    def neighbours(self) -> Neighbours:
        """Which case each starts from."""
        return Neighbours(self.points)

    @cached_property
    def fingerprint(self) -> str:
        """Of all that the results rest on: specification, instances, version of this code."""
        about = {
            "spec": self.spec.model_dump(mode="json", exclude={"instances"}),
            "instances": [instance.sha256 for instance in self.instances],
            "version": VERSION,
        }
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()

    def settings(self, asked: Asked) -> Settings:
        """Return what a case changes."""
        return self.points[asked.point]

    def options(self, seed: int) -> SolveOptions:
        """Return the options of every case with a seed."""
        return self.spec.options.model_copy(update={"seed": seed})

    def case(self, asked: Asked, start: Plan | None, *, keep: bool = False) -> Case:
        """Return a case as it is solved.

        Parameters
        ----------
        start, keep
            As of `Case`.
        """
        settings = self.settings(asked)
        question = question_of(self.spec, settings)
        return Case(
            name=f"{asked.number}",
            instance=self.instances[asked.instance],
            policy=question.policy,
            variation=question.variation,
            options=self.options(asked.seed),
            start=start,
            keep=keep or self.spec.placements,
        )

    def base(self, instance: int, seed: int) -> Case:
        """Return the case where nothing is varied."""
        given, options = self.instances[instance], self.options(seed)
        name = f"{instance}-{seed}-base"
        return Case(name, given, self.spec.policy, options=options, keep=True)


def question_of(spec: Spec, settings: Settings) -> Question:
    """Return what a case with these settings asks.

    Raises
    ------
    InvalidInput
        If an input or a value is wrong.
    """
    question = Question(spec.policy, Variation())
    for path, value in settings.items():
        question = question.with_value(path, value)
    return question
