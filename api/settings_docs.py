"""The settings described, for the table in docs/service-settings.md."""

import json
from pathlib import Path
from typing import Any

from api.settings import Settings

BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->"
_WITHOUT_DEFAULT = {"workers": "number of processors"}
"""What stands for defaults that depend on the machine."""
_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">"}
_OPTIONS = ("host", "port", "database", "scheduler", "workers", "open")


def markdown() -> str:
    """Return the table of all settings."""
    lines = ["| setting | environment | option | values | default | meaning |"]
    lines.append("|---|---|---|---|---|---|")
    for name, about in Settings.model_json_schema()["properties"].items():
        option = f"`--{name}`" if name in _OPTIONS else ""
        default = _WITHOUT_DEFAULT.get(name) or _default(about["default"])
        meaning = " ".join(about["description"].split())
        lines.append(
            f"| `{name}` | `ALLOCATOR_{name.upper()}` | {option} | {_values(about)} "
            f"| {default} | {meaning} |"
        )
    return "\n".join(lines) + "\n"


def _default(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"`{value:g}`"
    return f"`{value}`" if isinstance(value, str) else f"`{json.dumps(value)}`"


def _values(about: dict[str, Any]) -> str:
    """Return what a setting may be."""
    if "enum" in about:
        return ", ".join(f"`{one}`" for one in about["enum"])
    kinds = {
        "integer": "whole number",
        "number": "number",
        "string": "text",
        "boolean": "`true`, `false`",
        "array": "list (JSON in the environment)",
        "null": "none",
    }
    several = about.get("anyOf", [about])
    said = " or ".join(kinds[one["type"]] for one in several)
    if "minimum" in about and "maximum" in about:
        return f"{said} from {about['minimum']} to {about['maximum']}"
    limits = [f"{sign} {about[name]:g}" for name, sign in _LIMITS.items() if name in about]
    return " ".join([said, *limits])


def main() -> None:
    """Write the table into the page."""
    page = Path(__file__).parent.parent / "docs/service-settings.md"
    before, _, after = page.read_text(encoding="utf-8").partition(BEGIN)
    page.write_text(f"{before}{BEGIN}{markdown()}{END}{after.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    main()
