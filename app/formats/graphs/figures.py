"""A figure: the panels of a graph on their axes, its frames, its legend, and what is to be known of its lines."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from app.formats.graphs import densities, distributions, points
from app.formats.graphs.columns import Column, Grouped, Measured, grouped, measured, text
from app.formats.graphs.kinds import KINDS, Kind
from app.formats.graphs.palettes import PALETTES, USUAL
from app.formats.graphs.panels import Data, Panel, Trace
from app.limits import automl as limits
from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype

DRAW: dict[GraphType, Callable[[Panel], list[Trace]]] = {
    GraphType.SCATTERPLOT: points.scatterplot,
    GraphType.TIMESERIES: points.timeseries,
    GraphType.HEXBIN: densities.hexbin,
    GraphType.STACKED_HISTOGRAM: distributions.histogram,
    GraphType.BIVARIATE: densities.bivariate,
    GraphType.CONTINUOUS_SCATTERPLOT: points.continuous,
    GraphType.LINEAR_REGRESSION: densities.regression,
    GraphType.GROUPED_BOXPLOTS: distributions.boxplots,
    GraphType.GROUPED_VIOLINPLOTS: distributions.violins,
    GraphType.THREE_WAY_ANOVA: points.anova,
    GraphType.LARGE_DISTRIBUTIONS: distributions.letter_values,
    GraphType.HORIZONTAL_BOXPLOT: distributions.horizontal_boxplot,
    GraphType.HORIZONTAL_BARS: distributions.horizontal_bars,
}
AXIS_GROUPS_MAX = 24
GROUPS_MAX = {
    **dict.fromkeys(("x", "y"), AXIS_GROUPS_MAX),
    "color": limits.GRAPH_COLOURS_MAX,
    "style": limits.GRAPH_SYMBOLS_MAX,
    **dict.fromkeys(("col", "row"), limits.GRAPH_PANELS_MAX),
    "animation_frame": limits.GRAPH_FRAMES_MAX,
}
COLOURED_BY_NUMBERS = {GraphType.HEXBIN, GraphType.BIVARIATE, GraphType.CONTINUOUS_SCATTERPLOT}
WITH_MARGINS = {GraphType.HEXBIN, GraphType.LINEAR_REGRESSION}
MODES: dict[GraphType, dict[str, Any]] = {
    GraphType.STACKED_HISTOGRAM: {"barmode": "stack", "bargap": 0},
    GraphType.LARGE_DISTRIBUTIONS: {"barmode": "overlay"},
    GraphType.HORIZONTAL_BARS: {"barmode": "group"},
    GraphType.GROUPED_BOXPLOTS: {"boxmode": "group"},
    GraphType.HORIZONTAL_BOXPLOT: {"boxmode": "group"},
    GraphType.GROUPED_VIOLINPLOTS: {"violinmode": "group"},
}
MARGIN, GAP = 0.15, 0.06


class Cells(NamedTuple):
    """A column as it was read: its values are as lines keep them, and texts are lengths."""

    name: str
    datatype: Datatype
    values: Sequence[Any]


@dataclass(frozen=True)
class Drawn:
    """What is drawn: a type in a palette, the columns that it takes, and how many lines the whole table has."""

    graph_type: GraphType
    hue: str | None
    columns: Mapping[str, Cells]
    line_count: int


def figure(drawn: Drawn) -> dict[str, Any]:
    """Plotly JSON: data, layout, and frames if there are any."""
    every = _data(drawn)
    data = every.take(_complete(every))
    panels = _panels(drawn, data)
    layout = _layout(drawn, data, panels)
    notes = _notes(drawn, every, data)
    title = {"text": drawn.graph_type.title, "subtitle": {"text": text(" ".join(notes)), "font": {"size": 11}}}
    facts = {"lineCount": drawn.line_count, "sampledLineCount": every.count, "drawnLineCount": data.count}
    layout |= {"title": title, "meta": {**facts, "isSampled": every.count < drawn.line_count, "notes": notes}}
    draw = DRAW[drawn.graph_type]
    frames = data.grouped("animation_frame")
    if frames is None:
        return {"data": [trace for panel in panels for trace in draw(panel)], "layout": layout}
    shown = [_frame(draw, panels, number) for number in range(len(frames.names))]
    layout |= _controls(frames)
    named = [{"name": name, "data": traces} for name, traces in zip(frames.names, shown, strict=True)]
    return {"data": shown[0] if shown else [], "layout": layout, "frames": named}


def _data(drawn: Drawn) -> Data:
    kind = KINDS[drawn.graph_type]
    columns = {slot: _column(kind, slot, cells) for slot, cells in drawn.columns.items()}
    count = max((len(cells.values) for cells in drawn.columns.values()), default=0)
    return Data(columns, count)


def _column(kind: Kind, slot: str, cells: Cells) -> Column:
    is_number = slot in kind.floats | kind.measured or (slot in kind.either and cells.datatype is not Datatype.LABEL)
    return measured(*cells) if is_number else grouped(*cells, most=GROUPS_MAX[slot])


def _complete(data: Data) -> Any:
    """Which lines have all the numbers that are drawn."""
    chosen = np.ones(data.count, bool)
    for column in data.columns.values():
        chosen &= column.present
    return chosen


def _panels(drawn: Drawn, data: Data) -> list[Panel]:
    """One, or one for each value of `col` and `row`."""
    palette = PALETTES[drawn.hue or USUAL]
    panels: list[Panel] = []
    for down, across in _places(data):
        chosen = np.ones(data.count, bool)
        for slot, place in (("row", down), ("col", across)):
            if slot in data.columns:
                chosen &= data.values(slot) == place
        suffix = "" if not panels else str(len(panels) + 1)
        axes = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
        panels.append(Panel(data.take(chosen), data, palette, axes, is_first=not panels))
    return panels


def _places(data: Data) -> list[tuple[int, int]]:
    down, across = (len(column.names) if (column := data.grouped(slot)) else 1 for slot in ("row", "col"))
    return [(row, col) for row in range(max(1, down)) for col in range(max(1, across))]


def _frame(draw: Callable[[Panel], list[Trace]], panels: Sequence[Panel], number: int) -> list[Trace]:
    traces = []
    for panel in panels:
        data = panel.data.take(panel.data.values("animation_frame") == number)
        traces += draw(Panel(data, panel.whole, panel.palette, panel.axes, panel.is_first))
    return traces


def _layout(drawn: Drawn, data: Data, panels: Sequence[Panel]) -> dict[str, Any]:
    palette = list(PALETTES[drawn.hue or USUAL])
    layout: dict[str, Any] = {"colorway": palette, "plot_bgcolor": "#ffffff", "hovermode": "closest"}
    layout |= MODES.get(drawn.graph_type, {})
    if "color" in data.columns:
        layout["legend"] = {"title": {"text": data.columns["color"].title}}
    if drawn.graph_type in COLOURED_BY_NUMBERS:
        layout["coloraxis"] = {"colorscale": densities.SCALE, "colorbar": {"title": {"text": _scale(drawn, data)}}}
    axes = _axes(drawn.graph_type, data)
    if drawn.graph_type in WITH_MARGINS:
        layout |= _with_margins(axes)
    else:
        layout |= _beside(data, panels, axes)
    return layout


def _scale(drawn: Drawn, data: Data) -> str:
    """What the colour of a number means."""
    if drawn.graph_type is GraphType.CONTINUOUS_SCATTERPLOT:
        return data.columns["color"].title
    return f"Mean of {data.columns['z'].title}" if "z" in data.columns else "Lines"


def _axes(graph_type: GraphType, data: Data) -> dict[str, dict[str, Any]]:
    """The axes of a panel; one without a column counts lines."""
    axes: dict[str, dict[str, Any]] = {}
    for slot in ("x", "y"):
        column = data.columns.get(slot)
        axes[slot] = {"title": {"text": "Lines"}} if column is None else column.axis()
        axes[slot] |= {"zeroline": False, "gridcolor": "#e5e7eb", "linecolor": "#8a8f98", "automargin": True}
    if graph_type is GraphType.LARGE_DISTRIBUTIONS and "x" not in data.columns:
        axes["x"] |= {"title": {"text": ""}, "type": "category"}
    if isinstance(data.columns.get("y"), Grouped):
        axes["y"]["autorange"] = "reversed"  # the first group at the top
    x = data.columns.get("x")
    if graph_type is GraphType.STACKED_HISTOGRAM and isinstance(x, Measured) and distributions.is_logarithmic(x):
        axes["x"]["type"] = "log"
    return axes


def _with_margins(axes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """One panel with narrow ones above and beside."""
    inner, outer = [0, 1 - MARGIN - 0.02], [1 - MARGIN, 1]
    narrow = {"domain": outer, "showgrid": False, "zeroline": False}
    return {
        "xaxis": {**axes["x"], "domain": inner},
        "yaxis": {**axes["y"], "domain": inner},
        "xaxis2": {**narrow, "anchor": "y", "title": {"text": "Lines"}},
        "yaxis2": {**narrow, "anchor": "x", "title": {"text": "Lines"}},
        "bargap": 0,
    }


def _beside(data: Data, panels: Sequence[Panel], axes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Panels beside and below each other, with equal axes."""
    places = _places(data)
    down, across = places[-1][0] + 1, places[-1][1] + 1
    layout: dict[str, Any] = {"annotations": _headings(data, down, across)}
    for panel, (row, col) in zip(panels, places, strict=True):
        x, y = (panel.axes[name].replace(name[0], name) for name in ("xaxis", "yaxis"))
        placed = {
            "xaxis": {"domain": _part(col, across), "anchor": panel.axes["yaxis"]},
            "yaxis": {"domain": _part(down - 1 - row, down), "anchor": panel.axes["xaxis"]},
        }
        same = {} if panel.is_first else {"x": {"matches": "x"}, "y": {"matches": "y"}}
        layout[x] = {**axes["x"], **placed["xaxis"], **same.get("x", {})}
        layout[y] = {**axes["y"], **placed["yaxis"], **same.get("y", {})}
        if row < down - 1:
            layout[x] |= {"title": {"text": ""}}
        if col > 0:
            layout[y] |= {"title": {"text": ""}}
    return layout


def _part(place: int, count: int) -> list[float]:
    gap = GAP if count > 1 else 0.0
    size = (1 - gap * (count - 1)) / count
    return [place * (size + gap), min(1.0, place * (size + gap) + size)]


def _headings(data: Data, down: int, across: int) -> list[dict[str, Any]]:
    """What the panels of a column and of a row have in common."""
    headings = []
    free = {"xref": "paper", "yref": "paper", "showarrow": False}
    if col := data.grouped("col"):
        for place, name in enumerate(col.names):
            middle = sum(_part(place, across)) / 2
            above = {"x": middle, "y": 1, "xanchor": "center", "yanchor": "bottom"}
            headings.append({**free, **above, "text": f"{col.title}: {name}"})
    if row := data.grouped("row"):
        for place, name in enumerate(row.names):
            middle = sum(_part(down - 1 - place, down)) / 2
            beside = {"x": 1, "y": middle, "xanchor": "left", "yanchor": "middle", "textangle": 90}
            headings.append({**free, **beside, "text": f"{row.title}: {name}"})
    return headings


def _controls(frames: Grouped) -> dict[str, Any]:
    """A button that plays the frames, and a slider to choose one."""
    now = {"mode": "immediate", "frame": {"redraw": True}}
    steps = [{"label": name, "method": "animate", "args": [[name], now]} for name in frames.names]
    play = {"label": "Play", "method": "animate", "args": [None, {"fromcurrent": True}]}
    return {
        "sliders": [{"currentvalue": {"prefix": f"{frames.title}: "}, "steps": steps, "pad": {"t": 50}}],
        "updatemenus": [{"type": "buttons", "buttons": [play], "showactive": False, "x": 0, "y": -0.2}],
    }


def _notes(drawn: Drawn, every: Data, data: Data) -> list[str]:
    """What is to be known of what is drawn, in sentences."""
    notes = []
    if drawn.line_count == 0:
        notes.append("There are no lines yet.")
    if every.count < drawn.line_count:
        notes.append(f"{every.count:,} of {drawn.line_count:,} lines, evenly spread.")
    if left := every.count - data.count:
        notes.append(f"{left:,} {'line' if left == 1 else 'lines'} without one of these numbers left out.")
    groups = [each for each in every.columns.values() if isinstance(each, Grouped) and each.joined]
    notes += [f"{each.joined:,} rarer values of {each.name} stand together." for each in groups]
    x = data.columns.get("x")
    is_logarithmic = isinstance(x, Measured) and distributions.is_logarithmic(x)
    if (
        drawn.graph_type is GraphType.STACKED_HISTOGRAM
        and isinstance(x, Measured)
        and data.count
        and not is_logarithmic
    ):
        notes.append("The axis is linear: a logarithmic one needs positive numbers over a power of ten.")
    return notes
