"""Pictures of figures: each type is drawn from its figure, and shows what stands in it."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from app import parsing
from app.pictures import figures
from app.tabular.choices import GraphType
from tests.formats.graphs.drawn import drawn

SHOWN = {
    GraphType.SCATTERPLOT: {
        "x": "date",
        "y": "positive",
        "color": "label",
        "style": "two",
        "size": "few",
        "col": "two",
    },
    GraphType.TIMESERIES: {"x": "moment", "y": "number", "color": "label"},
    GraphType.HEXBIN: {"x": "number", "y": "time", "z": "positive"},
    GraphType.STACKED_HISTOGRAM: {"x": "positive", "color": "label"},
    GraphType.BIVARIATE: {"x": "number", "y": "positive", "color": "two"},
    GraphType.CONTINUOUS_SCATTERPLOT: {"x": "number", "y": "text", "color": "positive", "animation_frame": "few"},
    GraphType.LINEAR_REGRESSION: {"x": "number", "y": "positive", "color": "two"},
    GraphType.GROUPED_BOXPLOTS: {"x": "label", "y": "positive", "color": "two"},
    GraphType.GROUPED_VIOLINPLOTS: {"x": "label", "y": "number", "color": "two"},
    GraphType.THREE_WAY_ANOVA: {"x": "label", "y": "number", "color": "two", "row": "few"},
    GraphType.LARGE_DISTRIBUTIONS: {"x": "label", "y": "number"},
    GraphType.HORIZONTAL_BOXPLOT: {"x": "number", "y": "label"},
    GraphType.HORIZONTAL_BARS: {"x": "number", "y": "many", "color": "two"},
}


@pytest.mark.parametrize("graph_type", GraphType)
async def test_each_type_has_a_picture_with_lines_and_without(graph_type):
    full, empty = (drawn(graph_type, lines=lines, **SHOWN[graph_type]) for lines in (200, 0))
    pictures = [np.asarray(Image.open(BytesIO(await _picture(figure))).convert("RGB"), int) for figure in (full, empty)]
    coloured = [float((np.ptp(picture, axis=2) > 40).mean()) for picture in pictures]
    assert coloured[0] > 0.001
    assert coloured[1] < coloured[0]


async def _picture(figure, kind="PNG"):
    return bytes(await parsing.run(figures.picture, figure, kind))


async def test_the_same_figure_gives_the_same_picture_without_anything_that_runs():
    figure = drawn(GraphType.SCATTERPLOT, x="few", y="number", color="label")
    first, again = [await _picture(figure, "SVG") for _ in range(2)]
    assert first == again
    assert first.startswith(b"<?xml")
    assert b"<script" not in first


async def test_bars_are_as_long_as_the_figure_says():
    figure = drawn(GraphType.HORIZONTAL_BARS, y="two")
    [bars] = figure["data"]
    picture = np.asarray(Image.open(BytesIO(await _picture(figure))).convert("RGB"), int)
    red, green, blue = bytes.fromhex(bars["marker"]["color"].removeprefix("#"))
    widths = (np.abs(picture - [red, green, blue]).max(2) < 12).sum(1)
    first, second = widths[: len(widths) // 2].max(), widths[len(widths) // 2 :].max()
    assert first / second == pytest.approx(bars["x"][0] / bars["x"][1], rel=0.02)
