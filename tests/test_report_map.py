"""The map shows every municipality at its place, none hidden, in the colour of its ratio."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from allocator.report import report
from allocator.report.bubbles import lay_out
from allocator.report.classes import CLASSES, NO_SHARE, NOT_ASKED, colour_of
from allocator.report.projection import transverse_mercator
from tests.hand_made import case, with_tables
from tests.pages import HOSTILE, named


def test_bubbles_keep_apart_and_inside() -> None:
    rng = np.random.default_rng(1)
    size = rng.pareto(1.2, 300) * 20
    layout = lay_out(
        rng.uniform(58, 71, 300), rng.uniform(5, 30, 300), size, width=820, height=1000
    )
    between = np.hypot(layout.x[:, None] - layout.x, layout.y[:, None] - layout.y)
    overlap = layout.radius[:, None] + layout.radius - between
    np.fill_diagonal(overlap, 0)
    assert overlap.max() < 1.0
    assert (layout.x - layout.radius >= 0).all()
    assert (layout.y + layout.radius <= layout.height + 1e-9).all()
    assert (np.diff(layout.radius[np.argsort(size)]) >= 0).all()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_places_at_the_same_spot_are_told_apart(count: int) -> None:
    same = np.full(count, 60.0)
    layout = lay_out(same, same / 6, np.full(count, 10.0), width=820, height=1000)
    spots = {(round(x, 1), round(y, 1)) for x, y in zip(layout.x, layout.y, strict=True)}
    assert len(spots) == count


def test_nobody_asked_has_a_map_too() -> None:
    instance, _, plan = case()
    quotas = plan.quotas.assign(quota=0, ratio=0.0, asked=False)
    drawn = report(instance, with_tables(plan, quotas=quotas), format="svg").decode()
    assert drawn.count(f'fill="{NOT_ASKED}" stroke') == 4  # three bubbles and the legend


def test_the_projection_puts_north_up_and_shrinks_towards_the_pole() -> None:
    x, y = transverse_mercator(np.array([60.0, 70.0, 60.0, 70.0]), np.array([5.0, 5.0, 25.0, 25.0]))
    assert y[1] > y[0]
    assert x[2] - x[0] > x[3] - x[1] > 0
    # Ten degrees of latitude are ten degrees of arc, up to a small stretch.
    assert y[1] - y[0] == pytest.approx(np.radians(10), rel=0.03)
    across = transverse_mercator(np.array([0.0, 0.0]), np.array([179.0, -179.0]))[0]
    assert np.ptp(across) == pytest.approx(np.radians(2), rel=1e-3)


def test_every_ratio_has_one_class() -> None:
    for ratio in (0.0, 0.4999, 0.5, 0.8, 0.95, 1.0, 1.05, 1.25, 2.0, 1e9):
        assert sum(one.holds(ratio) for one in CLASSES) == 1
    assert colour_of(0, 0.0) == NOT_ASKED
    assert colour_of(5, None) == colour_of(5, float("nan")) == NO_SHARE
    assert colour_of(5, 1.0) == CLASSES[3].colour


def test_the_map_is_svg_and_png() -> None:
    instance, plan = named(HOSTILE)
    svg = report(instance, plan, format="svg")
    root = ET.fromstring(svg)  # noqa: S314 - our own file
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert b"alert(1)&lt;/script&gt;" in svg
    png = report(instance, plan, format="png")
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) > 5_000
