"""Graphs of how values are spread: histograms, boxes, violins, letter values and bars."""

from typing import Any

import numpy as np

from app.formats.graphs.columns import Floats, Measured
from app.formats.graphs.panels import Panel, Series, Trace, edges_of, means, middles

BINS_MAX = 40
OUTLIERS_MAX, OBSERVATIONS_MAX = 100, 150
# Of a letter value, so many lines must lie beyond it.
TAIL_MIN, DEPTH_MAX = 5, 8
QUARTILES = (0.25, 0.5, 0.75)
WHISKER = 1.5


def histogram(panel: Panel) -> list[Trace]:
    """How many lines lie between edges, groups upon each other."""
    column = panel.whole.columns["x"]
    if not isinstance(column, Measured):
        return _counted_groups(panel, len(column.names))
    edges = histogram_edges(column)
    shown = {"x": column.shown(middles(edges)), "width": [column.width(each) for each in np.diff(edges).tolist()]}
    return [
        _bar(panel, series, y=np.histogram(panel.data.measured("x").numbers[series.chosen], edges)[0].tolist(), **shown)
        for series in panel.series("color")
    ]


def histogram_edges(column: Measured) -> Floats:
    """Edges at even distances on the axis that `is_logarithmic` chooses."""
    if not is_logarithmic(column):
        return edges_of(column.numbers, most=BINS_MAX)
    edges = 10 ** edges_of(np.log10(column.numbers), most=BINS_MAX)
    # Rounding must not put the ends outside.
    edges[0], edges[-1] = min(edges[0], column.numbers.min()), max(edges[-1], column.numbers.max())
    return edges


def is_logarithmic(column: Measured) -> bool:
    """Whether a logarithmic axis suits: for positive numbers over a power of ten and more."""
    numbers = column.numbers
    return bool(len(numbers) and not column.is_dated and numbers.min() > 0 and numbers.max() >= 10 * numbers.min())


def _counted_groups(panel: Panel, count: int) -> list[Trace]:
    places = np.arange(count)
    return [
        _bar(
            panel,
            series,
            x=panel.data.shown("x", places),
            y=np.bincount(panel.data.values("x")[series.chosen], minlength=count).tolist(),
        )
        for series in panel.series("color")
    ]


def _bar(panel: Panel, series: Series, **attributes: Any) -> Trace:
    return panel.trace("bar", series, marker={"color": panel.colour(series.places.get("color"))}, **attributes)


def boxplots(panel: Panel) -> list[Trace]:
    """Boxes of y for each group of x, by colour."""
    return [_boxes(panel, series, along="x", of="y", points=OUTLIERS_MAX) for series in panel.series("color")]


def horizontal_boxplot(panel: Panel) -> list[Trace]:
    """Boxes of x for each group of y, with single lines as points."""
    return [
        _boxes(panel, series, along="y", of="x", points=OBSERVATIONS_MAX, are_all=True)
        for series in panel.series("color")
    ]


def _boxes(panel: Panel, series: Series, *, along: str, of: str, points: int, are_all: bool = False) -> Trace:
    groups = panel.data.values(along)[series.chosen]
    values = panel.data.measured(of).numbers[series.chosen]
    present = np.unique(groups)
    boxes = [_box(values[groups == place], points, are_all=are_all) for place in present]
    figures = {name: [each[name] for each in boxes] for name in ("q1", "median", "q3", "lowerfence", "upperfence")}
    colour = panel.colour(series.places.get("color"))
    return panel.trace(
        "box",
        series,
        orientation="v" if along == "x" else "h",
        offsetgroup=series.name or "all",
        boxpoints="all",
        jitter=0.5 if are_all else 0,
        pointpos=0,
        marker={"color": colour, "size": 3, "opacity": 0.6},
        line={"color": colour},
        **{along: panel.data.shown(along, present), of: [each["points"] for each in boxes]},
        **figures,
    )


def _box(values: Floats, points: int, *, are_all: bool) -> dict[str, Any]:
    """Quartiles, whiskers to the last value within 1.5 times the distance of the quartiles, and what to show of it."""
    first, median, third = (float(each) for each in np.quantile(values, QUARTILES))
    reach = WHISKER * (third - first)
    within = values[(values >= first - reach) & (values <= third + reach)]
    shown = values if are_all else values[(values < first - reach) | (values > third + reach)]
    return {
        "q1": first,
        "median": median,
        "q3": third,
        "lowerfence": float(within.min()),
        "upperfence": float(within.max()),
        "points": spread(shown, points).tolist(),
    }


def spread(values: Floats, most: int) -> Floats:
    """Some of the values, evenly spread among them, with both ends."""
    ordered: Floats = np.sort(values)
    places = np.round(np.linspace(0, len(ordered) - 1, most)).astype(int)
    return ordered if len(ordered) <= most else np.take(ordered, places)


def violins(panel: Panel) -> list[Trace]:
    """Violins of y for each group of x; two colours share one violin, a side each."""
    colours = panel.whole.grouped("color")
    is_split = colours is not None and len(colours.names) == 2
    traces = []
    for number, series in enumerate(panel.series("color")):
        colour = panel.colour(series.places.get("color"))
        traces.append(
            panel.trace(
                "violin",
                series,
                x=panel.data.shown("x", panel.data.values("x")[series.chosen]),
                y=panel.data.measured("y").numbers[series.chosen].tolist(),
                side=("negative", "positive")[number] if is_split else "both",
                offsetgroup="all" if is_split else series.name or "all",
                scalemode="width",
                points=False,
                box={"visible": not is_split},
                meanline={"visible": True},
                line={"color": colour},
                marker={"color": colour},
            )
        )
    return traces


def letter_values(panel: Panel) -> list[Trace]:
    """Boxes within boxes: each holds half of what the next wider one leaves out, as long as enough lines are beyond."""
    column = panel.data.grouped("x")
    groups = panel.data.values("x") if column else np.zeros(panel.data.count, np.int64)
    values = panel.data.measured("y").numbers
    boxes: list[dict[int, tuple[float, float]]] = [{} for _ in range(DEPTH_MAX)]
    middle: dict[int, float] = {}
    for place in np.unique(groups):
        own = values[groups == place]
        middle[int(place)] = float(np.median(own))
        for depth in range(DEPTH_MAX):
            tail = 0.5 ** (depth + 2)
            if depth == 0 or len(own) * tail >= TAIL_MIN:
                low, high = np.quantile(own, [tail, 1 - tail])
                boxes[depth][int(place)] = (float(low), float(high))
    shown = {place: column.names[place] if column else "" for place in middle}
    deepest = [_letter_boxes(panel, depth, each, shown) for depth, each in reversed(list(enumerate(boxes)))]
    medians = panel.trace(
        "scatter",
        mode="markers",
        x=list(shown.values()),
        y=list(middle.values()),
        marker={"symbol": "line-ew", "size": 24, "line": {"color": "#222222", "width": 2}, "color": "#222222"},
    )
    return [*deepest, medians]


def _letter_boxes(panel: Panel, depth: int, boxes: dict[int, tuple[float, float]], shown: dict[int, str]) -> Trace:
    share = 1 - 0.5 ** (depth + 1)
    return panel.trace(
        "bar",
        name=f"{100 * share:.4g} % of the lines",
        x=[shown[place] for place in boxes],
        base=[low for low, _ in boxes.values()],
        y=[high - low for low, high in boxes.values()],
        width=0.8 * (1 - depth / (DEPTH_MAX + 1)),
        marker={"color": panel.palette[0], "opacity": 1 - 0.75 * depth / DEPTH_MAX, "line": {"width": 0}},
    )


def horizontal_bars(panel: Panel) -> list[Trace]:
    """The mean of x for each group of y with its 95 % confidence interval; the number of lines if there is no x."""
    traces = []
    for series in panel.series("color"):
        groups = panel.data.values("y")[series.chosen]
        if "x" not in panel.data.columns:
            places, counts = np.unique(groups, return_counts=True)
            bars: dict[str, Any] = {"x": counts.tolist(), "y": panel.data.shown("y", places)}
        else:
            groups_means = means(groups, panel.data.measured("x").numbers[series.chosen])
            reach = {"type": "data", "array": groups_means.reach.tolist(), "thickness": 1}
            bars = {"x": groups_means.means.tolist(), "y": panel.data.shown("y", groups_means.keys), "error_x": reach}
        traces.append(_bar(panel, series, orientation="h", **bars))
    return traces
