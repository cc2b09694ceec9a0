"""Draw the map: a bubble a municipality, its area the quota, its colour quota ÷ fair share."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

from allocator.language import Texts
from allocator.report.bubbles import LEAST_RADIUS, Layout, lay_out
from allocator.report.classes import CLASSES, NOT_ASKED, RatioClass, colour_of
from allocator.report.figures import Figures
from allocator.report.labels import free_corner, place_names

WIDTH, HEIGHT = 820.0, 1000.0
"""Largest size of the picture."""
LAND = 17.0
"""Width of the tinted rim around a county's bubbles, which hints at where it lies."""
TINTS = ("#e6ede4", "#f0e9dc", "#e3ebf2", "#f2e6e8", "#eae7f1", "#efefda")
FONT = "Arial, Helvetica, 'Liberation Sans', sans-serif"
INK, FAINT = "#22272e", "#59636e"
LEGEND = (214.0, 302.0)
NARROW, LETTER = 0.54, 0.62
"""Mean width of a letter by font size, for names in bubbles and (bold) of counties."""
MOST_NAMES = 40
"""Counties beyond which their names would hide the map; bubbles still tell theirs."""
LEAST_LETTER = 7.5
"""Font size below which a name is left out of its bubble."""


def draw_map(figures: Figures, texts: Texts) -> Markup:
    """Return the map as one SVG element that needs nothing else.

    Every bubble is an element with a title, the numbers in `data-` attributes for the page,
    and an id of the municipality; the largest lie below, so that small ones stay visible.
    """
    towns = figures.municipalities
    layout = lay_out(
        towns["latitude"].to_numpy(dtype=np.float64),
        towns["longitude"].to_numpy(dtype=np.float64),
        towns["quota"].to_numpy(dtype=np.float64),
        width=WIDTH,
        height=HEIGHT,
    )
    corner = free_corner(layout, *LEGEND)
    height = layout.height if corner else layout.height + LEGEND[1]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map" role="group" '
        f'viewBox="0 0 {layout.width:.0f} {height:.0f}" font-family="{escape(FONT)}" '
        f'aria-label="{escape(texts("map.label"))}">',
        f'<rect width="{layout.width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        *_land(towns, layout),
        f'<g class="bubbles">{"".join(_bubbles(towns, layout, texts))}</g>',
        *_names(towns, layout),
        *_counties(towns, layout),
        *_legend(figures, layout, corner or (0.0, layout.height), texts),
        "</svg>",
    ]
    return Markup("\n".join(parts))  # noqa: S704 - every text in it is escaped above


def _land(towns: pd.DataFrame, layout: Layout) -> Iterator[str]:
    """Yield a tinted rim around the bubbles of every county."""
    yield '<g class="land" aria-hidden="true">'
    tints = _tints(towns, layout)
    for county, rows in towns.groupby("county_id", sort=True):
        circles = "".join(
            f'<circle cx="{layout.x[i]:.1f}" cy="{layout.y[i]:.1f}" '
            f'r="{layout.radius[i] + LAND:.1f}"/>'
            for i in rows.index
        )
        yield f'<g fill="{tints[str(county)]}">{circles}</g>'
    yield "</g>"


def _tints(towns: pd.DataFrame, layout: Layout) -> dict[str, str]:
    """Give neighbouring counties different tints, first come first served."""
    county = towns["county_id"].to_numpy()
    tints: dict[str, str] = {}
    for name in sorted(set(county)):
        own = county == name
        between = np.hypot(layout.x[own][:, None] - layout.x, layout.y[own][:, None] - layout.y) - (
            layout.radius[own][:, None] + layout.radius
        )
        near = {str(other) for other in county[(between < 2 * LAND).any(axis=0)]}
        taken = [tints[other] for other in sorted(near) if other in tints]
        tints[str(name)] = min(TINTS, key=lambda tint: (taken.count(tint), TINTS.index(tint)))
    return tints


def describe(row: "pd.Series[object]", texts: Texts) -> str:
    """Return name and numbers of one municipality in a line."""
    return texts(
        "map.town",
        name=str(row["name"]),
        county=str(row["county"]),
        quota=texts.number(_float(row["quota"])),
        fair=texts.number(_float(row["fair_share"]), 1),
        ratio=texts.number(_float(row["ratio"]), 2),
        per_1000=texts.number(_float(row["per_1000"]), 1),
    )


def _float(value: object) -> float:
    return math.nan if value is None or value is pd.NA else float(value)  # type: ignore[arg-type]


def _bubbles(towns: pd.DataFrame, layout: Layout, texts: Texts) -> Iterator[str]:
    for i in np.argsort(-layout.radius, kind="stable").tolist():
        row = towns.loc[i]
        fill = colour_of(_float(row["quota"]), _float(row["ratio"]))
        said = escape(describe(row, texts))
        yield (
            f'<circle class="bubble" data-id="{escape(row["municipality_id"])}" tabindex="-1" '
            f'role="img" aria-label="{said}" cx="{layout.x[i]:.1f}" cy="{layout.y[i]:.1f}" '
            f'r="{layout.radius[i]:.1f}" fill="{fill}" stroke="{INK}" stroke-width="0.6">'
            f"<title>{said}</title></circle>\n"
        )


def _names(towns: pd.DataFrame, layout: Layout) -> Iterator[str]:
    """Yield names inside the bubbles that have room for them."""
    dark = {CLASSES[0].colour, CLASSES[-1].colour}
    yield '<g text-anchor="middle" aria-hidden="true" pointer-events="none">'
    for i, row in towns.iterrows():
        at, name = int(i), str(row["name"])
        size = min(
            13.0, 0.85 * layout.radius[at], 1.9 * layout.radius[at] / (NARROW * max(len(name), 1))
        )
        if size >= LEAST_LETTER:
            fill = colour_of(_float(row["quota"]), _float(row["ratio"]))
            yield (
                f'<text x="{layout.x[at]:.1f}" y="{layout.y[at] + size * 0.35:.1f}" '
                f'font-size="{size:.1f}" fill="{"#ffffff" if fill in dark else INK}">'
                f"{escape(name)}</text>"
            )
    yield "</g>"


def _counties(towns: pd.DataFrame, layout: Layout) -> Iterator[str]:
    counties = towns.drop_duplicates("county_id").set_index("county_id")["county"]
    # Counties of one municipality are named by their bubble.
    several = towns["county_id"].value_counts()
    names = {str(k): str(v) for k, v in counties.sort_index().items() if several[k] > 1}
    if len(names) > MOST_NAMES:
        return
    sizes = {county: (LETTER * 12.5 * len(name) + 4, 15.0) for county, name in names.items()}
    places = place_names(layout, towns["county_id"].to_numpy(dtype=object), sizes)
    yield '<g text-anchor="middle" font-size="12.5" font-weight="700" aria-hidden="true" '
    yield f'pointer-events="none" fill="{INK}" stroke="#ffffff" stroke-width="3.5" '
    yield 'stroke-linejoin="round" paint-order="stroke">'
    for county, (x, y) in places.items():
        yield f'<text x="{x:.1f}" y="{y + 4.4:.1f}">{escape(names[county])}</text>'
    yield "</g>"


def _legend(
    figures: Figures, layout: Layout, corner: tuple[float, float], texts: Texts
) -> Iterator[str]:
    left, top = corner[0] + 10, corner[1] + 22
    yield f'<g class="legend" font-size="12" fill="{INK}" aria-hidden="true">'
    yield f'<text x="{left}" y="{top}" font-weight="700">{escape(texts("map.colour"))}</text>'
    entries = [(texts("ratio.not_asked"), NOT_ASKED)]
    entries += [(class_name(one, texts), one.colour) for one in CLASSES]
    for number, (label, colour) in enumerate(entries):
        y = top + 18 + 19 * number
        yield f'<circle cx="{left + 8}" cy="{y}" r="6.5" fill="{colour}" stroke="{INK}" '
        yield f'stroke-width="0.6"/><text x="{left + 22}" y="{y + 4}">{escape(label)}</text>'
    yield from _sizes(figures, layout, left, top + 18 + 19 * len(entries) + 14, texts)
    yield "</g>"


def class_name(one: RatioClass, texts: Texts) -> str:
    """Return the limits of a class in words."""
    low = texts.number(one.low, 2)
    if one.high is None:
        return texts("ratio.from", low=low)
    if one.low == 0:
        return texts("ratio.below", high=texts.number(one.high, 2))
    return texts("ratio.between", low=low, high=texts.number(one.high, 2))


def _sizes(
    figures: Figures, layout: Layout, left: float, top: float, texts: Texts
) -> Iterator[str]:
    """Yield bubbles of known quota, as large as on the map."""
    quota = figures.municipalities["quota"].to_numpy(dtype=np.float64)
    drawn = layout.radius > LEAST_RADIUS
    if not drawn.any():
        return
    per_root = float(np.max(layout.radius[drawn] / np.sqrt(quota[drawn])))
    yield f'<text x="{left}" y="{top}" font-weight="700">{escape(texts("map.size"))}</text>'
    sizes = _round_sizes(float(quota.max()))
    bottom = top + 12 + 2 * per_root * math.sqrt(sizes[-1])
    x = left + 2
    for persons in sizes:
        radius = per_root * math.sqrt(persons)
        yield f'<circle cx="{x + radius:.1f}" cy="{bottom - radius:.1f}" r="{radius:.1f}" '
        yield f'fill="none" stroke="{FAINT}"/><text x="{x + radius:.1f}" y="{bottom + 16:.1f}" '
        yield f'text-anchor="middle" fill="{FAINT}">{texts.number(persons)}</text>'
        x += 2 * radius + 24


def _round_sizes(largest: float) -> list[float]:
    """Return up to three round numbers to show, smallest first."""
    scale = 10.0 ** math.floor(math.log10(largest)) if largest >= 1 else 1.0
    top = next(m * scale for m in (5, 2, 1) if m * scale <= max(largest, 1.0))
    return [size for size in (top / 20, top / 5, top) if size >= 1]
