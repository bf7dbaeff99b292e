"""Graphs of single lines as points, and of means over an axis."""

from typing import Any

import numpy as np

from app.formats.graphs.columns import Floats, Measured
from app.formats.graphs.panels import Panel, Trace, means, middles

SYMBOLS = ("circle", "x", "diamond", "square", "cross", "triangle-up", "star", "triangle-down")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")
SIZE, SMALLEST, LARGEST = 7, 4, 22
MEANS_MAX = 60


def scatterplot(panel: Panel) -> list[Trace]:
    """A point for each line: groups by colour and symbol, a number by size."""
    return [
        panel.trace(
            "scatter",
            series,
            mode="markers",
            x=panel.data.shown("x", panel.data.values("x")[series.chosen]),
            y=panel.data.shown("y", panel.data.values("y")[series.chosen]),
            marker={
                "color": panel.colour(series.places.get("color")),
                "symbol": SYMBOLS[series.places.get("style", 0) % len(SYMBOLS)],
                "size": _sizes(panel, series.chosen),
                "opacity": 0.7,
            },
        )
        for series in panel.series("color", "style")
    ]


def continuous(panel: Panel) -> list[Trace]:
    """A point for each line, coloured by a number."""
    return [
        panel.trace(
            "scatter",
            series,
            mode="markers",
            x=panel.data.shown("x", panel.data.values("x")[series.chosen]),
            y=panel.data.shown("y", panel.data.values("y")[series.chosen]),
            marker={
                "color": panel.data.measured("color").numbers[series.chosen].tolist(),
                "coloraxis": "coloraxis",
                "symbol": SYMBOLS[series.places.get("style", 0) % len(SYMBOLS)],
                "size": _sizes(panel, series.chosen),
                "opacity": 0.8,
            },
        )
        for series in panel.series("style")
    ]


def _sizes(panel: Panel, chosen: Any) -> float | list[float]:
    if "size" not in panel.whole.columns:
        return SIZE
    every = panel.whole.measured("size").numbers
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 0.0)
    share = (panel.data.measured("size").numbers[chosen] - low) / ((high - low) or 1.0)
    sizes: list[float] = np.round(SMALLEST + (LARGEST - SMALLEST) * share, 2).tolist()
    return sizes


def timeseries(panel: Panel) -> list[Trace]:
    """The mean at each place of x, with its 95 % confidence interval as a band."""
    traces = []
    for series in panel.series("color", "style"):
        places, y, reach = _means_along(panel, series.chosen)
        x, colour = panel.data.shown("x", places), panel.colour(series.places.get("color"))
        band = [*(y + reach).tolist(), *(y - reach)[::-1].tolist()]
        style: dict[str, Any] = {"fill": "toself", "fillcolor": faint(colour), "line": {"width": 0}, "mode": "lines"}
        traces += [
            panel.trace("scatter", series, x=x + x[::-1], y=band, hoverinfo="skip", **style | {"showlegend": False}),
            panel.trace(
                "scatter",
                series,
                mode="lines",
                x=x,
                y=y.tolist(),
                line={"color": colour, "dash": DASHES[series.places.get("style", 0) % len(DASHES)]},
            ),
        ]
    return traces


def _means_along(panel: Panel, chosen: Any) -> tuple[Floats, Floats, Floats]:
    """Means at each value of x, or between edges if there are too many values."""
    x, y = panel.data.values("x")[chosen], panel.data.measured("y").numbers[chosen]
    column = panel.whole.columns["x"]
    if isinstance(column, Measured) and len(np.unique(column.numbers)) > MEANS_MAX:
        edges = np.linspace(column.numbers.min(), column.numbers.max(), MEANS_MAX + 1)
        x = middles(edges)[np.clip(np.searchsorted(edges, x, side="right") - 1, 0, MEANS_MAX - 1)]
    averages = means(x, y)
    return averages.keys, averages.means, averages.reach


def anova(panel: Panel) -> list[Trace]:
    """The mean of each group along x, with its 95 % confidence interval, by colour."""
    traces = []
    for series in panel.series("color"):
        groups = panel.data.values("x")[series.chosen]
        averages = means(groups, panel.data.measured("y").numbers[series.chosen])
        colour = panel.colour(series.places.get("color"))
        traces.append(
            panel.trace(
                "scatter",
                series,
                mode="lines+markers",
                x=panel.data.shown("x", averages.keys),
                y=averages.means.tolist(),
                error_y={"type": "data", "array": averages.reach.tolist(), "color": colour},
                marker={"color": colour, "size": SIZE},
                line={"color": colour},
            )
        )
    return traces


def faint(colour: str, opacity: float = 0.2) -> str:
    """A colour that lets others through."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return f"rgba({red}, {green}, {blue}, {opacity})"
