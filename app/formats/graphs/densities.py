"""Graphs of two numbers together: hexagons, contours and a line through them, with the spread of each beside."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.formats.graphs.columns import Floats, Measured
from app.formats.graphs.panels import Panel, Trace, edges_of, middles, t_975
from app.formats.graphs.points import faint

HEXAGONS_ACROSS = 24
SHADES = 12
MARGIN_BINS_MAX = 40
GRID = 30
LINE_POINTS = 50
# A hexagon's corners around its middle, in widths across and in heights of a row.
CORNERS = np.array([[0.5, -1 / 3], [0.5, 1 / 3], [0, 2 / 3], [-0.5, 1 / 3], [-0.5, -1 / 3], [0, -2 / 3], [0.5, -1 / 3]])
VIRIDIS = (
    "#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725",
)  # fmt: skip
SCALE = [[place / (len(VIRIDIS) - 1), colour] for place, colour in enumerate(VIRIDIS)]


class Hexagons(NamedTuple):
    """Cells that have lines: their middles, and the number of lines or the mean of z in each."""

    x: Floats
    y: Floats
    values: Floats
    width: float
    height: float


def hexbin(panel: Panel) -> list[Trace]:
    """Hexagons coloured by the number of lines in them, or by the mean of z."""
    x, y = panel.data.measured("x"), panel.data.measured("y")
    z = panel.data.measured("z").numbers if "z" in panel.data.columns else None
    cells = hexagons(x.numbers, y.numbers, z)
    low, high = (float(cells.values.min()), float(cells.values.max())) if len(cells.values) else (0.0, 1.0)
    shades = np.minimum((cells.values - low) / ((high - low) or 1) * SHADES, SHADES - 1).astype(int)
    traces = [_hexagons(panel, cells, shades == shade, shade) for shade in np.unique(shades)]
    label = "Lines" if z is None else f"Mean of {panel.data.measured('z').title}"
    hovered = [f"{label}: {value:.6g}" for value in cells.values.tolist()]
    marker = {"color": cells.values.tolist(), "coloraxis": "coloraxis", "size": 6, "opacity": 0}
    shown = {"x": x.shown(cells.x), "y": y.shown(cells.y), "hovertext": hovered}
    middle = panel.trace("scatter", mode="markers", marker=marker, **shown)
    return [*traces, middle, *_margins(panel)]


def hexagons(x: Floats, y: Floats, z: Floats | None) -> Hexagons:
    """Each line goes to the nearest middle of two lattices that are half a cell apart."""
    if not len(x):
        return Hexagons(np.zeros(0), np.zeros(0), np.zeros(0), 1.0, 1.0)
    left, bottom = float(x.min()), float(y.min())
    width = (float(x.max()) - left) / HEXAGONS_ACROSS or 1.0
    height = (float(y.max()) - bottom) / (HEXAGONS_ACROSS / math.sqrt(3)) or 1.0
    across, up = (x - left) / width, (y - bottom) / height
    first = np.round(np.stack([across, up], 1))
    second = np.floor(np.stack([across, up], 1)) + 0.5
    is_second = _apart(across, up, second) < _apart(across, up, first)
    cells, places, counts = np.unique(
        np.where(is_second[:, None], second, first), axis=0, return_inverse=True, return_counts=True
    )
    values = counts.astype(float) if z is None else np.bincount(places.reshape(-1), z, len(cells)) / counts
    return Hexagons(left + cells[:, 0] * width, bottom + cells[:, 1] * height, values, width, height)


def _apart(across: Floats, up: Floats, middle: NDArray[Any]) -> Floats:
    distances: Floats = (across - middle[:, 0]) ** 2 + 3 * (up - middle[:, 1]) ** 2
    return distances


def _hexagons(panel: Panel, cells: Hexagons, chosen: Any, shade: int) -> Trace:
    """The hexagons of one colour as one shape, with gaps between them."""
    outlines = []
    for axis, centres, step in (("x", cells.x[chosen], cells.width), ("y", cells.y[chosen], cells.height)):
        corners = CORNERS[:, 0 if axis == "x" else 1] * step
        shown = panel.data.measured(axis).shown((centres[:, None] + corners).reshape(-1))
        outlines.append([each for at in range(0, len(shown), 7) for each in (*shown[at : at + 7], None)])
    colour = VIRIDIS[round(shade / (SHADES - 1) * (len(VIRIDIS) - 1))]
    filled: dict[str, Any] = {"fill": "toself", "fillcolor": colour, "line": {"color": colour, "width": 0.5}}
    return panel.trace("scatter", mode="lines", x=outlines[0], y=outlines[1], hoverinfo="skip", **filled)


def _margins(panel: Panel) -> list[Trace]:
    """Histograms of x above and of y beside, on axes that `beside` places."""
    above, beside = panel.data.measured("x"), panel.data.measured("y")
    marker = {"color": panel.palette[0], "opacity": 0.6}
    return [
        panel.trace("bar", marker=marker, **_margin(above, "x", "y"), yaxis="y2"),
        panel.trace("bar", marker=marker, orientation="h", **_margin(beside, "y", "x"), xaxis="x2"),
    ]


def _margin(column: Measured, along: str, of: str) -> dict[str, Any]:
    edges = edges_of(column.numbers, most=MARGIN_BINS_MAX)
    counts = np.histogram(column.numbers, edges)[0].tolist()
    widths = [column.width(each) for each in np.diff(edges).tolist()]
    return {along: column.shown(middles(edges)), of: counts, "width": widths}


def bivariate(panel: Panel) -> list[Trace]:
    """Points, a histogram of both numbers, and lines of equal density."""
    x, y = panel.data.measured("x"), panel.data.measured("y")
    points = [
        panel.trace(
            "scatter",
            series,
            mode="markers",
            x=x.shown(x.numbers[series.chosen]),
            y=y.shown(y.numbers[series.chosen]),
            marker={"color": panel.colour(series.places.get("color")), "size": 4, "opacity": 0.5},
        )
        for series in panel.series("color")
    ]
    edges = [_grid(each.numbers) for each in (x, y)]
    counts = np.histogram2d(x.numbers, y.numbers, edges)[0].T
    middle = {"x": x.shown(middles(edges[0])), "y": y.shown(middles(edges[1]))}
    cells = [[count or None for count in line] for line in counts.tolist()]
    heat = panel.trace("heatmap", z=cells, coloraxis="coloraxis", hoverongaps=False, opacity=0.6, **middle)
    lines = panel.trace(
        "contour",
        z=_smoothed(counts).tolist(),
        ncontours=6,
        contours={"coloring": "none"},
        line={"color": "#222222", "width": 1},
        showscale=False,
        hoverinfo="skip",
        **middle,
    )
    return [heat, lines, *points]


def _grid(numbers: Floats) -> Floats:
    edges = edges_of(numbers, most=GRID)
    return edges if len(edges) > 2 else np.linspace(edges[0], edges[-1], GRID + 1)


def _smoothed(counts: Floats) -> Floats:
    """Counts with a part of their neighbours', weighted as a normal distribution."""
    weights = np.exp(-0.5 * np.arange(-4, 5) ** 2 / 1.5**2)
    weights /= weights.sum()
    for axis in (0, 1):
        wide = np.pad(counts, [(4, 4) if each == axis else (0, 0) for each in (0, 1)])
        counts = np.apply_along_axis(np.convolve, axis, wide, weights, mode="valid")
    return counts


def regression(panel: Panel) -> list[Trace]:
    """Points, the line of least squares with the 95 % confidence interval of its mean, and the spread of each."""
    x, y = panel.data.measured("x"), panel.data.measured("y")
    traces = []
    for series in panel.series("color"):
        colour = panel.colour(series.places.get("color"))
        own_x, own_y = x.numbers[series.chosen], y.numbers[series.chosen]
        points = {"color": colour, "size": 5, "opacity": 0.5}
        shown = {"x": x.shown(own_x), "y": y.shown(own_y)}
        traces += [panel.trace("scatter", series, mode="markers", marker=points, **shown)]
        if len(np.unique(own_x)) > 1:
            traces += _line(panel, own_x, own_y, colour)
    return [*traces, *_margins(panel)]


def _line(panel: Panel, x: Floats, y: Floats, colour: str) -> list[Trace]:
    places = np.linspace(x.min(), x.max(), LINE_POINTS)
    fitted = least_squares(x, y)
    line = fitted.intercept + fitted.slope * (places - fitted.centre)
    reach = fitted.reach(places)
    shown = panel.data.measured("x").shown(places)
    label = f"Slope {fitted.slope:.6g}, R² {fitted.r2:.3f}"
    band = [*(line + reach).tolist(), *(line - reach)[::-1].tolist()]
    style: dict[str, Any] = {"fill": "toself", "fillcolor": faint(colour, 0.25), "line": {"width": 0}, "mode": "lines"}
    return [
        panel.trace("scatter", x=shown + shown[::-1], y=band, hoverinfo="skip", **style),
        panel.trace(
            "scatter",
            name=label,
            mode="lines",
            x=shown,
            y=line.tolist(),
            line={"color": colour, "width": 2},
            showlegend=True,
        ),
    ]


class Line(NamedTuple):
    """The line of least squares: its height at the mean of x, and how uncertain it is."""

    intercept: float
    slope: float
    centre: float
    r2: float
    error: float
    squares: float
    points: int

    def reach(self, x: Floats) -> Floats:
        """How far the 95 % confidence interval of the mean reaches on each side."""
        uncertain: Floats = np.sqrt(1 / self.points + (x - self.centre) ** 2 / self.squares)
        return t_975(self.points - 2) * self.error * uncertain


def least_squares(x: Floats, y: Floats) -> Line:
    """The line through points with at least two different x."""
    centre, height = float(x.mean()), float(y.mean())
    squares = float(((x - centre) ** 2).sum())
    slope = float(((x - centre) * (y - height)).sum()) / squares
    left = float(((y - height - slope * (x - centre)) ** 2).sum())
    every = float(((y - height) ** 2).sum())
    error = math.sqrt(left / (len(x) - 2)) if len(x) > 2 else 0.0
    return Line(height, slope, centre, 1 - left / every if every > 0 else 1.0, error, squares, len(x))
