"""What is wrong with a batch, told before anything is solved and all at once."""

from collections.abc import Container, Iterator
from dataclasses import replace

from allocator.batch.asked import Batch, question_of
from allocator.batch.design import points, values
from allocator.batch.spec import InvalidSpec, Settings, Spec
from allocator.errors import InvalidInput
from allocator.loading import read
from allocator.sensitivity.cases import HOW
from allocator.sensitivity.inputs import Question, Value
from allocator.sensitivity.variation import Variation
from models.instance import Instance
from models.options import SolveOptions
from models.problems import Problem, errors

TOLD = 50
"""Most problems of values together that are told one by one."""
Known = set[tuple[str, str | None]]
"""Messages and columns of problems."""


def prepared(spec: Spec, name: str = "batch") -> Batch:
    """Return the batch with its instances loaded and every case checked.

    Parameters
    ----------
    spec
        What is asked for.
    name
        Of the file, for problems.

    Raises
    ------
    InvalidSpec
        With everything that is wrong with instances, inputs and values.
    """
    batch, problems = _looked_at(spec, name)
    if problems:
        raise InvalidSpec(f"batch {name}", problems)
    return batch


def problems_with(spec: Spec, name: str = "batch") -> list[Problem]:
    """Return everything that is wrong with instances, inputs and values of a batch.

    Parameters
    ----------
    spec, name
        As of `prepared`.
    """
    _, problems = _looked_at(spec, name)
    return problems


def _looked_at(spec: Spec, name: str) -> tuple[Batch, list[Problem]]:
    """Return the batch of those instances that can be read, and everything that is wrong."""
    instances, problems = [], [*_twice(spec, name), *_who_works(spec, name)]
    for i, source in enumerate(spec.instances):
        instance, found = read(source)
        problems += [
            Problem(
                one.message if one.table is None else f"{one.where}: {one.message}",
                one.expected,
                name,
                None,
                f"instances.{i}",
                source if one.value in (None, source) else f"{source}: {one.value}",
            )
            for one in errors(found)
        ]
        if instance is not None:
            instances.append(instance)
    settings, wrong = points(spec.design, instances, spec.policy, name)
    batch = Batch(spec, tuple(instances), tuple(settings))
    base = Question(spec.policy, Variation())
    of_policy = [(one, instance) for instance in instances for one in base.problems(instance)]
    problems += wrong
    problems += [
        Problem(_for(instance, one), one.expected, name, None, f"policy.{one.column}", one.value)
        for one, instance in of_policy
    ]
    known = {(one.message, one.column) for one, _ in of_policy}
    unusable = set[tuple[str, Value]]()
    problems += _wrong_alone(batch, name, known, unusable)
    problems += _wrong_together(batch, name, known, unusable)
    return batch, list(dict.fromkeys(problems))


def _twice(spec: Spec, name: str) -> Iterator[Problem]:
    for field in ("instances", "seeds"):
        values = getattr(spec, field)
        for again in dict.fromkeys(v for i, v in enumerate(values) if v in values[:i]):
            yield Problem("it is there twice", "keep it once", name, None, field, str(again))


def _who_works(spec: Spec, name: str) -> Iterator[Problem]:
    usual = SolveOptions()
    for option in HOW:
        value = getattr(spec.options, option)
        if value != getattr(usual, option):
            message, expected = "who works is no part of a batch", "say it to `allocator batch run`"
            yield Problem(message, expected, name, None, f"options.{option}", str(value))


def _wrong_alone(
    batch: Batch, name: str, known: Known, unusable: set[tuple[str, Value]]
) -> list[Problem]:
    """Return what is wrong with single values where nothing else is varied.

    Parameters
    ----------
    known
        What is wrong where nothing is varied.
    unusable
        Takes inputs and values that are wrong.
    """
    base = Question(batch.spec.policy, Variation())
    found: dict[Problem, dict[str, None]] = {}
    for (_, path, value), (column, row) in values(batch.spec.design).items():
        for message, one in _wrong_value(batch, base, path, value):
            if (one.message, one.column) in known:
                continue
            unusable.add((path, value))
            said = str(value) if one.value is None else one.value
            problem = Problem(message, one.expected, name, row, column)
            found.setdefault(problem, {})[said] = None
    return [replace(problem, value=", ".join(said)[:80]) for problem, said in found.items()]


def _wrong_value(
    batch: Batch, base: Question, path: str, value: Value
) -> Iterator[tuple[str, Problem]]:
    """Yield what is wrong with a value, in words and as it is told of one instance."""
    try:
        question = base.with_value(path, value)
    except InvalidInput as error:
        yield from ((one.message, one) for one in error.problems)
        return
    for instance in batch.instances:
        yield from ((_for(instance, one), one) for one in question.problems(instance))


def _wrong_together(
    batch: Batch, name: str, known: Known, unusable: Container[tuple[str, Value]]
) -> Iterator[Problem]:
    """Yield what is wrong with settings whose values are possible one by one.

    Parameters
    ----------
    known
        What is wrong where nothing is varied.
    unusable
        Inputs and values that are wrong whatever the others are; they are left out.
    """
    asked: dict[tuple[str, str], list[Problem]] = {}
    told = set[str]()
    count = 0
    for settings, whole in _combinations(batch, unusable):
        try:
            question = question_of(batch.spec, settings)
        except InvalidInput as error:
            found = list(error.problems)
        else:
            key = question.policy.model_dump_json(), question.variation.model_dump_json()
            if key not in asked:
                asked[key] = [
                    one for instance in batch.instances for one in question.problems(instance)
                ]
            found = asked[key]
        for one in found:
            if (one.message, one.column) in known or (not whole and one.message in told):
                continue
            told.add(one.message)
            count += 1
            if count <= TOLD:
                value = " ".join(f"{path}={v}" for path, v in settings.items())
                yield Problem(one.message, one.expected, name, None, "design", value)
    if count > TOLD:
        message = f"and {count - TOLD:,} more problems of this kind"
        yield Problem(message, "mend those above first", name, None, "design")


def _combinations(
    batch: Batch, unusable: Container[tuple[str, Value]]
) -> Iterator[tuple[Settings, bool]]:
    """Yield settings that are to be tried, and whether they are whole; those that are come first.

    One value alone was tried where it was not drawn.
    """
    rest = dict[tuple[tuple[str, Value], ...], None]()
    for settings in batch.points:
        usable = tuple(pair for pair in settings.items() if pair not in unusable)
        if len(usable) < 2 and not batch.spec.design.sampled:
            continue
        if len(usable) == len(settings):
            yield settings, True
        else:
            rest[usable] = None
    yield from ((dict(pairs), False) for pairs in rest)


def _for(instance: Instance, problem: Problem) -> str:
    return f"{problem.message} (with {instance.id})"
