"""Templates, styles and scripts of pages."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined

REPORT = "allocator.report"


def templates(package: str = REPORT) -> Environment:
    """Return the templates of a package."""
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def resource(name: str) -> str:
    """Return a style or script of the report as text."""
    path = files(REPORT).joinpath(f"templates/{name}")
    return path.read_text(encoding="utf-8").rstrip("\n")
