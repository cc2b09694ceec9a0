"""The OpenAPI document: what FastAPI writes, completed with what no route names by itself.

``python -m api.document > api/openapi.json`` writes the one that is kept.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from api.problems import ProblemDocument
from api.schemas.instances import InstanceContent

EXAMPLES = Path(__file__).parent / "examples.json"
"""An example of every schema, by its name."""


def complete(app: FastAPI) -> None:
    """Have an application complete its OpenAPI document."""
    usual = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = usual()
            _complete_schemas(made["components"]["schemas"])
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]  # as FastAPI documents it


def methods_of(document: dict[str, Any], path: str) -> list[str]:
    """Return the methods that a path is documented with, of the closest template of paths."""
    found = [one for one in document["paths"] if re.fullmatch(_pattern(one), path)]
    closest = max(found, key=lambda one: len(re.sub(r"\{[^}]+\}", "", one)), default=None)
    return [] if closest is None else sorted(map(str.upper, document["paths"][closest]))


def _pattern(template: str) -> str:
    return "".join(
        "[^/]+" if part.startswith("{") else re.escape(part)
        for part in re.split(r"(\{[^}]+\})", template)
    )


def written(document: dict[str, Any]) -> str:
    """Return a document as it is kept in a file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _complete_schemas(schemas: dict[str, Any]) -> None:
    for model in (ProblemDocument, InstanceContent):
        schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(schema.pop("$defs", {}))
        schemas[model.__name__] = schema
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    for name, example in json.loads(EXAMPLES.read_text("utf-8")).items():
        schemas[name].setdefault("examples", [example])


def main() -> None:
    """Write the document of the service."""
    from api.app import create_app
    from api.settings import Settings

    sys.stdout.write(written(create_app(Settings(database="sqlite:///never-opened.db")).openapi()))


if __name__ == "__main__":
    main()
