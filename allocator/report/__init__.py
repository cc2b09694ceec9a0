"""A plan as a report for people: a page, a workbook or a map, in Norwegian or English."""

from typing import Literal, get_args

from allocator.language import LANGUAGES, Language, Texts
from allocator.report.figures import figures_of
from models.instance import Instance
from models.plan import Plan

ReportFormat = Literal["html", "xlsx", "svg", "png"]
FORMATS: tuple[ReportFormat, ...] = get_args(ReportFormat)

__all__ = ["FORMATS", "LANGUAGES", "Language", "ReportFormat", "report"]

_SCALE = 2.0
"""Pixels by unit of the map when it is drawn as PNG."""


def report(
    instance: Instance,
    plan: Plan,
    other: Plan | None = None,
    *,
    language: str = "en",
    format: str = "html",  # noqa: A002 - as pandas calls it
) -> bytes:
    """Return a report of `plan` as the content of one file.

    The bytes depend on what is given alone; nothing is fetched when they are made or read.

    Parameters
    ----------
    instance
        The instance that the plan belongs to.
    plan
        A plan with quotas.
    other
        A plan of the same instance to compare with; the map does not show it.
    language
        ``nb`` (Norwegian Bokmål) or ``en`` (English).
    format
        ``html`` (a page that needs nothing else), ``xlsx`` (a workbook of tables), ``svg``
        or ``png`` (the map).

    Raises
    ------
    InvalidPlan
        If a plan has no quotas.
    InstanceMismatch
        If a plan belongs to another instance.
    ValueError
        If the language or the format is not one of those above.
    """
    if format not in FORMATS:
        raise ValueError(f"reports are made as {', '.join(FORMATS)}, not as {format!r}")
    texts = Texts(language)
    figures = figures_of(instance, plan, other)
    # Each draws with a library of its own, imported only where it is used.
    if format == "html":
        from allocator.report.page import page

        return page(figures, texts).encode()
    if format == "xlsx":
        from allocator.report.workbook import workbook

        return workbook(figures, texts)
    from allocator.report.map import draw_map

    svg = str(draw_map(figures, texts))
    if format == "svg":
        return svg.encode()
    import vl_convert

    return bytes(vl_convert.svg_to_png(svg, scale=_SCALE))
