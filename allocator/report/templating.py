"""Templates, styles and scripts of pages."""

from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

REPORT = "allocator.report"


def templates(*packages: str) -> Environment:
    """Return the templates of packages, those of the report known beside them."""
    return Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in (*packages, REPORT)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def resource(name: str) -> str:
    """Return a style or script of the report as text."""
    path = files(REPORT).joinpath(f"templates/{name}")
    return path.read_text(encoding="utf-8").rstrip("\n")
