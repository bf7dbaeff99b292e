"""A static map of places as PNG: points on a graticule with a scale, drawn from plain numbers and without map tiles.

It runs in a child like parsers, because the drawing library is large and slow to start: only the child imports it.
"""

from collections.abc import Sequence
from math import cos, floor, log10, radians
from typing import Any

from app.pictures.charts import AMBER, GREEN, GREY, new_figure, plain, png

DEGREE_M = 111_320.0
SPAN_MIN = 0.002
"""Degrees that a map shows at least, about 200 m."""
NAMED_MAX = 40
MARGIN = 0.15


def deployment_map(title: str, places: Sequence[Sequence[Any]]) -> bytes:
    """Places, larger the more was seen; each is [name, longitude, latitude, media, whether it is coarse]."""
    figure = new_figure(8, 7)
    axes = figure.add_subplot(xlabel="Longitude", ylabel="Latitude")
    axes.set_title(plain(title), loc="left", fontsize=11)
    west, south, east, north = _extent(places)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    stretch = 1 / max(0.05, cos(radians((south + north) / 2)))
    axes.set_aspect(stretch, adjustable="box")
    axes.grid(color=GREY, alpha=0.35, linewidth=0.6)
    axes.ticklabel_format(useOffset=False)
    most = max((media for *_, media, _ in places), default=0) or 1
    for name, longitude, latitude, media, is_coarse in places:
        size = 30 + 270 * media / most
        axes.scatter([longitude], [latitude], s=size, color=AMBER if is_coarse else GREEN, zorder=3)
        if len(places) <= NAMED_MAX:
            axes.annotate(plain(name), (longitude, latitude), xytext=(6, 6), textcoords="offset points", fontsize=8)
    _draw_scale(axes, (west, south, east, north), stretch)
    return png(figure)


def _extent(places: Sequence[Sequence[Any]]) -> tuple[float, float, float, float]:
    """West, south, east and north with a margin."""
    longitudes = [place[1] for place in places] or [0.0]
    latitudes = [place[2] for place in places] or [0.0]
    middle = (min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2
    wide = max(max(longitudes) - min(longitudes), SPAN_MIN) * (0.5 + MARGIN)
    tall = max(max(latitudes) - min(latitudes), SPAN_MIN) * (0.5 + MARGIN)
    return middle[0] - wide, middle[1] - tall, middle[0] + wide, middle[1] + tall


def _draw_scale(axes: Any, extent: tuple[float, float, float, float], stretch: float) -> None:
    """A bar of a round length, about a quarter of the width."""
    west, south, east, north = extent
    length_m = round_length((east - west) * DEGREE_M / stretch / 4)
    bar = length_m * stretch / DEGREE_M
    x, y = west + (east - west) * 0.04, south + (north - south) * 0.04
    axes.plot([x, x + bar], [y, y], color="black", linewidth=3, solid_capstyle="butt", zorder=4)
    label = f"{length_m / 1_000:g} km" if length_m >= 1_000 else f"{length_m:g} m"
    axes.annotate(label, (x, y), xytext=(0, 5), textcoords="offset points", fontsize=8)


def round_length(length_m: float) -> float:
    """The largest 1, 2 or 5 times a power of ten that is not longer."""
    power = 10.0 ** floor(log10(length_m))
    return float(max(step * power for step in (1, 2, 5) if step * power <= length_m))
