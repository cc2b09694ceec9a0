"""Options of a key: checked against its own type, everything wrong told at once."""

import json

from pydantic import ValidationError

from allocator.errors import InvalidPolicy
from allocator.keys.rule import Options, Rule
from models.policy import Key
from models.problems import Problem


def options_of(rule: Rule, key: Key) -> Options:
    """Return the options of `rule` that `key` sets, the others at their default.

    Raises
    ------
    InvalidPolicy
        If an option is unknown or wrong, or weights are given to a key that takes none.
    """
    problems = []
    if key.weights and not rule.weighs_columns:
        advice = "drop them, or use the key `weighted`"
        if rule.options.model_fields:
            advice = f"set {', '.join(f'key.options.{name}' for name in rule.options.model_fields)}"
        problems.append(
            Problem(
                f"the key {rule.name} takes no weights",
                advice,
                "policy",
                column="key.weights",
                value=", ".join(key.weights),
            )
        )
    try:
        # Strictly, and as JSON: text is no number, but a list may stand for a tuple.
        options = rule.options.model_validate_json(json.dumps(dict(key.options)), strict=True)
    except ValidationError as error:
        problems += [
            _problem(rule, detail["type"], detail["loc"], detail["msg"])
            for detail in error.errors(include_url=False)
        ]
    if problems:
        raise InvalidPolicy(f"the key {rule.name} cannot be used so", problems)
    return options


def _problem(rule: Rule, kind: str, location: tuple[int | str, ...], message: str) -> Problem:
    fields = rule.options.model_fields
    path = ".".join(["key.options", *map(str, location)])
    if kind == "extra_forbidden":
        there = f"there are {', '.join(fields)}" if fields else "it has none; drop this"
        return Problem(f"the key {rule.name} has no such option", there, "policy", column=path)
    said = message.removeprefix("Value error, ").removeprefix("Input ")
    about = fields[str(location[0])].description if location else rule.options.__doc__
    return Problem(
        said[:1].lower() + said[1:],
        f"here belongs: {' '.join(str(about).split())}",
        "policy",
        column=path,
    )
