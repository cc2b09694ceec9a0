"""The keys described: for ``allocator keys list`` and the table in docs/keys.md."""

import json
from typing import Any

from allocator.keys import KEYS


def described() -> list[dict[str, Any]]:
    """Return every key as plain data: name, title, formula, source, limits, columns, options."""
    found = []
    for rule in KEYS.values():
        indicators = rule.indicators(rule.options(), {})
        fields = rule.options.model_fields
        found.append(
            {
                "name": rule.name,
                "title": rule.title,
                "formula": rule.formula,
                "source": rule.source,
                "limits": rule.limits,
                "columns": [
                    {"column": one.column, "unit": one.unit, "meaning": one.meaning}
                    for one in indicators
                ],
                "options": [
                    {
                        "name": name,
                        "default": json.loads(rule.options().model_dump_json())[name],
                        "meaning": " ".join(str(field.description).split()),
                    }
                    for name, field in fields.items()
                ],
            }
        )
    return found


def markdown() -> str:
    """Return the table of all keys and the tables of their options, for docs/keys.md."""
    lines = ["| key | formula | source | columns | rounding and caps |", "|---|---|---|---|---|"]
    options = ["| key | option | default | meaning |", "|---|---|---|---|"]
    for about in described():
        columns = ", ".join(f"`{one['column']}` ({one['unit']})" for one in about["columns"])
        columns = columns or "those in `key.weights`"
        lines.append(
            f"| `{about['name']}` {about['title']} | {about['formula']} | {about['source']} "
            f"| {columns} | {about['limits']} |"
        )
        options += [
            f"| `{about['name']}` | `{one['name']}` | `{_short(one['default'])}` "
            f"| {one['meaning']} |"
            for one in about["options"]
        ]
    return "\n".join([*lines, "", *options]) + "\n"


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else json.dumps(value)
