"""Pictures of figures: draws the Plotly JSON that graphs are made of, so that a picture shows what the figure says.

It runs in a child like `charts`, because the drawing library is large and slow to start: only the child imports it.
What graphs do not use of Plotly is not drawn.
"""
# ruff: noqa: PLC0415

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from html import unescape
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from app.pictures import charts
from app.pictures.drawn_axes import TICK_LENGTH_MAX, Axis

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Json = Mapping[str, Any]
WIDTH, HEIGHT, PANEL = 9.0, 6.0, 2.6
LEFT, BOTTOM, TOP, RIGHT = 0.09, 0.1, 0.88, 0.8
PIXEL_POINTS = 0.75
SYMBOLS = {
    "circle": "o", "x": "x", "diamond": "D", "square": "s", "cross": "P", "triangle-up": "^", "star": "*",
    "triangle-down": "v", "line-ew": "_",
}  # fmt: skip
DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3)),
          "longdashdot": (0, (8, 3, 1, 3))}  # fmt: skip
LEGEND_MAX = 24


def picture(figure: Json, kind: str) -> bytes:
    """The figure as PNG or SVG; of one with frames the first."""
    drawing = _Drawing(figure)
    for trace in figure["data"]:
        drawing.draw(trace)
    drawing.finish()
    if kind == "PNG":
        return charts.png(drawing.figure)
    return _svg(drawing.figure)


def _svg(figure: "Figure") -> bytes:
    from matplotlib import rc_context

    file = BytesIO()
    # Without the time and with names that do not change: the same numbers give the same file.
    with rc_context({"svg.hashsalt": "figure"}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()


def plain(text: str) -> str:
    """A figure's text as it is: tags were escaped, and a dollar sign would begin a formula."""
    return charts.plain(unescape(text))


def _colour(colour: str) -> tuple[Any, float]:
    """A colour as the library takes it, and its opacity."""
    if parts := re.fullmatch(r"rgba\((\d+), (\d+), (\d+), ([\d.]+)\)", colour):
        *channels, opacity = parts.groups()
        return tuple(int(each) / 255 for each in channels), float(opacity)
    return colour, 1.0


class _Drawing:
    """A figure while it is drawn: its axes, and what stands upon each other."""

    def __init__(self, figure: Json) -> None:
        self.layout: Json = figure["layout"]
        self.traces: Sequence[Json] = figure["data"]
        down, across = (len({tuple(each["domain"]) for each in self._axes_of(name)}) for name in ("yaxis", "xaxis"))
        self.left = LEFT + 0.006 * max(0, self._longest_name() - 6)
        self.figure = charts.new_figure(max(WIDTH, PANEL * across + 2), max(HEIGHT, PANEL * down + 1))
        self.figure.set_layout_engine("none")
        self.panels: dict[tuple[str, str], Axes] = {}
        self.axes: dict[str, Axis] = {}
        self.tops: defaultdict[Any, NDArray[Any]] = defaultdict(lambda: np.zeros(0))
        self.legend: dict[str, Any] = {}
        self.range = self._range()

    def _axes_of(self, name: str) -> list[Json]:
        return [{"domain": [0, 1]} | each for key, each in self.layout.items() if key.startswith(name)]

    def _longest_name(self) -> int:
        """The length of the longest name along an axis of groups at the left."""
        names = [name for axis in self._axes_of("yaxis") for name in axis.get("categoryarray", ())]
        return min(max(map(len, names), default=0), TICK_LENGTH_MAX)

    def _range(self) -> tuple[float, float]:
        """The lowest and the highest number that has a colour."""
        cells: list[Any] = [0.0]
        for trace in self.traces:
            if trace.get("coloraxis"):
                cells += [cell for line in trace["z"] for cell in line if cell is not None]
            elif (trace.get("marker") or {}).get("coloraxis"):
                cells += trace["marker"]["color"]
        known = np.array(cells[1:] or [0.0, 1.0], float)
        return float(known.min()), float(known.max())

    def draw(self, trace: Json) -> None:
        """A trace on its axes."""
        axes = self._panel(trace)
        {
            "scatter": self._scatter,
            "bar": self._bar,
            "box": self._box,
            "violin": self._violin,
            "heatmap": self._heatmap,
            "contour": self._contour,
        }[trace["type"]](axes, trace)

    def _panel(self, trace: Json) -> "Axes":
        names = trace["xaxis"], trace["yaxis"]
        if names not in self.panels:
            x, y = (self._axis(name) for name in names)
            (left, bottom), (right, top) = (self._place(x.domain[at], y.domain[at]) for at in (0, 1))
            axes = self.figure.add_axes((left, bottom, right - left, top - bottom), sharex=x.first, sharey=y.first)
            x.dress(axes, "x", plain(x.title))
            y.dress(axes, "y", plain(y.title))
            self.panels[names] = axes
        return self.panels[names]

    def _place(self, x: float, y: float) -> tuple[float, float]:
        """A place of the panels' area in the picture."""
        return self.left + x * (RIGHT - self.left), BOTTOM + y * (TOP - BOTTOM)

    def _axis(self, name: str) -> Axis:
        if name not in self.axes:
            described = self.layout[f"{name[0]}axis{name[1:]}"]
            matched = self.axes.get(described.get("matches", ""))
            self.axes[name] = Axis(described, self._values(name), matched)
        return self.axes[name]

    def _values(self, name: str) -> list[str]:
        """All values along an axis of groups that names none."""
        return [each for trace in self.traces if trace[f"{name[0]}axis"] == name for each in trace.get(name[0], ())]

    def _along(self, trace: Json, letter: str) -> NDArray[Any]:
        return self._axis(trace[f"{letter}axis"]).numbers(trace[letter])

    def _scatter(self, axes: "Axes", trace: Json) -> None:
        x, y, mode = self._along(trace, "x"), self._along(trace, "y"), trace["mode"]
        if trace.get("fill") == "toself":
            self._shapes(axes, trace, x, y)
            return
        if "error_y" in trace:
            reach = trace["error_y"]["array"]
            axes.errorbar(x, y, yerr=reach, fmt="none", ecolor=trace["error_y"]["color"], capsize=3)
        if "lines" in mode:
            line = trace["line"]
            dash: Any = DASHES[line.get("dash", "solid")]
            [drawn] = axes.plot(x, y, color=line["color"], linestyle=dash, linewidth=line.get("width", 1.6))
            self._note(trace, drawn)
        if "markers" in mode:
            self._points(axes, trace, x, y)

    def _shapes(self, axes: "Axes", trace: Json, x: NDArray[Any], y: NDArray[Any]) -> None:
        from matplotlib.collections import PolyCollection

        colour, opacity = _colour(trace["fillcolor"])
        ends = np.flatnonzero(np.isnan(x))
        shapes = [each for each in np.split(np.stack([x, y], 1), ends) if len(each) > 1]
        shapes = [each[~np.isnan(each[:, 0])] for each in shapes]
        width = trace["line"]["width"]
        drawn = PolyCollection(shapes, facecolors=[colour], alpha=opacity, linewidths=width, edgecolors=[colour])
        axes.add_collection(drawn)
        axes.autoscale_view()

    def _points(self, axes: "Axes", trace: Json, x: NDArray[Any], y: NDArray[Any]) -> None:
        marker = trace["marker"]
        if marker.get("opacity") == 0:
            return
        symbol: Any = SYMBOLS[marker.get("symbol", "circle")]
        colours: dict[str, Any] = {"c": marker["color"]} if "coloraxis" in marker else {"color": marker["color"]}
        if "coloraxis" in marker:
            colours |= {"cmap": self._colours(), "vmin": self.range[0], "vmax": self.range[1]}
        colours |= {"linewidths": 0} if symbol not in "x_" else {"linewidths": 1.5}
        sizes = (np.array(marker["size"], float) * PIXEL_POINTS) ** 2
        drawn = axes.scatter(x, y, s=sizes, marker=symbol, alpha=marker.get("opacity"), zorder=2.5, **colours)
        self._note(trace, drawn)

    def _colours(self) -> Any:
        from matplotlib.colors import LinearSegmentedColormap

        scale = self.layout["coloraxis"]["colorscale"]
        return LinearSegmentedColormap.from_list("figure", [(place, colour) for place, colour in scale])

    def _bar(self, axes: "Axes", trace: Json) -> None:
        is_flat = trace.get("orientation") == "h"
        along, of = ("y", "x") if is_flat else ("x", "y")
        places, heights = self._along(trace, along), np.array(trace[of], float)
        axis = self._axis(trace[f"{along}axis"])
        widths = axis.lengths(trace["width"]) if "width" in trace else np.full(len(places), 0.8)
        base = np.array(trace.get("base", np.zeros(len(places))), float)
        if self.layout.get("barmode") == "stack":
            key = trace["xaxis"], trace["yaxis"]
            base = self.tops[key] if len(self.tops[key]) else base
            self.tops[key] = base + heights
        elif self.layout.get("barmode") == "group":
            places, widths = self._beside(trace, places, "bar", 0.8)
        marker = trace["marker"]
        looks = {"color": marker["color"], "alpha": marker.get("opacity", 1.0)}
        if is_flat:
            drawn = axes.barh(places, heights, height=widths, left=base, **looks)
            if "error_x" in trace:
                axes.errorbar(heights, places, xerr=trace["error_x"]["array"], fmt="none", ecolor="#222222", capsize=2)
        else:
            drawn = axes.bar(places, heights, width=widths, bottom=base, **looks)
            if "base" in trace:  # there is nothing special about where such a bar begins
                for bar in drawn:
                    bar.sticky_edges.y.clear()
        self._note(trace, drawn)

    def _beside(self, trace: Json, places: NDArray[Any], kind: str, room: float) -> tuple[NDArray[Any], NDArray[Any]]:
        """Places and widths beside those of other traces in the same panel."""
        names = list(
            dict.fromkeys(
                each.get("offsetgroup", each.get("name", ""))
                for each in self.traces
                if each["type"] == kind and each["xaxis"] == trace["xaxis"] and each["yaxis"] == trace["yaxis"]
            )
        )
        width = room / len(names)
        at = names.index(trace.get("offsetgroup", trace.get("name", "")))
        return places - room / 2 + width * (at + 0.5), np.full(len(places), width * 0.95)

    def _box(self, axes: "Axes", trace: Json) -> None:
        is_flat = trace["orientation"] == "h"
        along, of = ("y", "x") if is_flat else ("x", "y")
        places, widths = self._beside(trace, self._along(trace, along), "box", 0.8)
        names = {"q1": "q1", "med": "median", "q3": "q3", "whislo": "lowerfence", "whishi": "upperfence"}
        stats = [{short: trace[name][at] for short, name in names.items()} for at in range(len(places))]
        if not stats:
            return
        colour = trace["line"]["color"]
        looks: dict[str, Any] = {name: {"color": colour} for name in ("boxprops", "whiskerprops", "capprops")}
        looks["medianprops"] = {"color": colour, "linewidth": 2}
        orientation: Any = "horizontal" if is_flat else "vertical"
        drawn = axes.bxp(
            stats, positions=places.tolist(), widths=widths.tolist(), showfliers=False, manage_ticks=False,
            orientation=orientation, **looks,
        )  # fmt: skip
        self._note(trace, drawn["boxes"][0])
        for place, width, observed in zip(places, widths, trace[of], strict=True):
            # The points lie beside each other in a fixed order, not by chance: the same figure gives the same picture.
            turned = np.arange(len(observed)) * 0.618 % 1 - 0.5
            beside = place + turned * width * 0.8 * trace["jitter"]
            xy = (observed, beside) if is_flat else (beside, observed)
            axes.scatter(*xy, s=4, color=colour, alpha=0.5, linewidths=0)

    def _violin(self, axes: "Axes", trace: Json) -> None:
        x, y = self._along(trace, "x"), np.array(trace["y"], float)
        sides: Any = {"negative": "low", "positive": "high", "both": "both"}[trace["side"]]
        for place in np.unique(x):
            own = y[x == place]
            [at], [width] = self._beside(trace, np.array([place]), "violin", 0.85)
            if np.ptp(own) > 0:
                parts = axes.violinplot([own], [at], widths=width, showextrema=False, showmeans=True, side=sides)
                bodies: Any = parts["bodies"]
                body = bodies[0]
                body.set(facecolor=trace["line"]["color"], alpha=0.6)
                parts["cmeans"].set(color="#222222", linewidth=1)
                self._note(trace, body)
            else:
                axes.plot([at - width / 4, at + width / 4], [own[0], own[0]], color=trace["line"]["color"])

    def _heatmap(self, axes: "Axes", trace: Json) -> None:
        cells = np.array([[np.nan if cell is None else cell for cell in line] for line in trace["z"]], float)
        limits: dict[str, Any] = {"vmin": self.range[0], "vmax": self.range[1]}
        x, y = self._along(trace, "x"), self._along(trace, "y")
        axes.pcolormesh(x, y, cells, cmap=self._colours(), alpha=trace["opacity"], shading="nearest", **limits)

    def _contour(self, axes: "Axes", trace: Json) -> None:
        cells = np.array(trace["z"], float)
        if np.ptp(cells) > 0:
            x, y, line = self._along(trace, "x"), self._along(trace, "y"), trace["line"]
            axes.contour(x, y, cells, trace["ncontours"], colors=[line["color"]], linewidths=line["width"])

    def _note(self, trace: Json, drawn: Any) -> None:
        if trace["showlegend"] and trace["name"] not in self.legend:
            self.legend[trace["name"]] = drawn

    def finish(self) -> None:
        """What stands around the panels."""
        title = self.layout["title"]
        self.figure.text(0.02, 0.975, plain(title["text"]), fontsize=12, va="top")
        self.figure.text(0.02, 0.935, plain(title["subtitle"]["text"]), fontsize=8, va="top", color="#555555")
        for each in self.layout.get("annotations", ()):
            place = self._place(each["x"], each["y"])
            turned = -each.get("textangle", 0)
            looks: dict[str, Any] = {"ha": each["xanchor"], "va": each["yanchor"].replace("middle", "center")}
            self.figure.text(*place, plain(each["text"]), rotation=turned, fontsize=8, **looks)
        if "coloraxis" in self.layout:
            self._colour_bar()
        if self.legend:
            shown = list(self.legend.items())[:LEGEND_MAX]
            heading = self.layout.get("legend", {}).get("title", {}).get("text", "")
            self.figure.legend(
                [drawn for _, drawn in shown], [plain(name) for name, _ in shown], title=plain(heading) or None,
                loc="upper left", bbox_to_anchor=(RIGHT + 0.025, 0.55 if "coloraxis" in self.layout else TOP),
                frameon=False, fontsize=8, title_fontsize=8,
            )  # fmt: skip

    def _colour_bar(self) -> None:
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        scale = ScalarMappable(Normalize(*self.range), self._colours())
        place = self.figure.add_axes((RIGHT + 0.04, 0.6, 0.02, 0.24))
        title = plain(self.layout["coloraxis"]["colorbar"]["title"]["text"])
        self.figure.colorbar(scale, cax=place).ax.set_title(title, fontsize=8, loc="left")
