"""Figures of graphs: every type with every kind of column is valid Plotly, and says what the lines say."""

import json
import math

import numpy as np
import plotly.graph_objects
import pytest
from plotly.colors import qualitative
from scipy import stats

from app.formats.graphs import densities, distributions, panels
from app.formats.graphs.kinds import KINDS, SLOTS, check
from app.formats.graphs.palettes import PALETTES
from app.formats.graphs.suggestions import Described, suggest
from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype, Role
from tests.formats.graphs.drawn import COLUMNS, DATATYPES, GROUPS, LINES, drawn


def usual(graph_type):
    """The least that a type needs."""
    kind = KINDS[graph_type]
    wanted = kind.floats | kind.measured | kind.either
    return {slot: "number" if slot in wanted else "label" for slot in kind.required}


def valid(figure):
    """As a client reads it, and as Plotly takes it."""
    read = json.loads(json.dumps(figure, allow_nan=False))
    plotly.graph_objects.Figure(read)
    return read


@pytest.mark.parametrize("graph_type", GraphType)
@pytest.mark.parametrize("name", COLUMNS)
def test_each_type_draws_each_kind_of_column_or_says_why_not(graph_type, name):
    kind = KINDS[graph_type]
    for slot in SLOTS:
        named = usual(graph_type) | {slot: name}
        wrong = check(graph_type, named, DATATYPES)
        fits = slot in kind.slots and DATATYPES[name] in kind.wants(slot)[0]
        assert (wrong is None) is fits
        if wrong is None:
            figure = valid(drawn(graph_type, lines=120, **named))
            assert figure["layout"]["title"]["text"] == graph_type.title
        else:
            assert wrong.slot == slot
            assert wrong.message.endswith(".")


@pytest.mark.parametrize("graph_type", GraphType)
def test_each_type_draws_few_lines_and_none(graph_type):
    kind = KINDS[graph_type]
    full = usual(graph_type) | {
        slot: "two" if DATATYPES["two"] in kind.wants(slot)[0] else "few" for slot in kind.optional
    }
    for named in (usual(graph_type), full):
        for lines in (0, 1, 2, 3):
            figure = valid(drawn(graph_type, lines=lines, **named))
            assert figure["layout"]["meta"]["lineCount"] == lines
    assert "There are no lines yet." in drawn(graph_type, lines=0, **full)["layout"]["meta"]["notes"]


def test_types_have_the_numbers_and_names_of_the_former_platform():
    assert [each.number for each in GraphType] == list(range(1, 14))
    assert GraphType.HEXBIN.title == "Hexbin plot with marginal distributions"
    assert len({each.title for each in GraphType}) == 13


def _channels(colour):
    return plotly.colors.hex_to_rgb(colour) if colour.startswith("#") else plotly.colors.unlabel_rgb(colour)


def test_palettes_are_those_of_plotly():
    for name, own in PALETTES.items():
        assert [tuple(_channels(each)) for each in own] == [
            tuple(_channels(each)) for each in getattr(qualitative, name)
        ]
    assert len(PALETTES["Light24"]) == 24


def test_lines_without_a_number_are_left_out_and_counted():
    figure = drawn(GraphType.SCATTERPLOT, x="number", y="positive", line_count=10**6)
    meta = figure["layout"]["meta"]
    assert meta["isSampled"]
    assert (meta["lineCount"], meta["sampledLineCount"], meta["drawnLineCount"]) == (10**6, LINES, LINES - 8)
    assert figure["layout"]["title"]["subtitle"]["text"] == (
        "400 of 1,000,000 lines, evenly spread. 8 lines without one of these numbers left out."
    )
    [points] = figure["data"]
    assert points["x"] == [each for each in COLUMNS["number"][1] if each is not None]


def test_numbers_dates_and_times_stand_in_a_figure_as_in_the_lines():
    [points] = drawn(GraphType.SCATTERPLOT, x="date", y="time")["data"]
    assert points["x"] == COLUMNS["date"][1]
    assert [each.removeprefix("1970-01-01T").removesuffix(".000") for each in points["y"]] == COLUMNS["time"][1]
    [points] = drawn(GraphType.SCATTERPLOT, x="moment", y="positive")["data"]
    assert [each.removesuffix(".000") for each in points["x"]] == COLUMNS["moment"][1]
    assert points["y"] == COLUMNS["positive"][1]


def test_groups_are_named_once_with_missing_and_rarer_values_last():
    figure = drawn(GraphType.SCATTERPLOT, x="few", y="positive", color="label")
    names = [trace["name"] for trace in figure["data"]]
    assert names == ["$x$", "a&lt;b&gt;", "価格", "(missing)"]
    assert figure["data"][-1]["marker"]["color"] == panels.GREY
    assert sum(len(trace["x"]) for trace in figure["data"]) == LINES
    rare = drawn(GraphType.GROUPED_BOXPLOTS, x="two", y="few", color="many")
    assert len(rare["data"]) == 11
    assert rare["data"][-1]["name"] == "(other)"
    assert rare["layout"]["meta"]["notes"] == ["50 rarer values of many stand together."]


def test_many_numbers_are_grouped_between_edges_and_few_by_value():
    assert drawn(GraphType.HORIZONTAL_BARS, y="few")["layout"]["yaxis"]["categoryarray"] == ["1", "2", "3", "4"]
    [bars] = drawn(GraphType.HORIZONTAL_BARS, y="positive")["data"]
    assert len(bars["y"]) == 6
    assert sum(bars["x"]) == LINES
    assert max(bars["x"]) - min(bars["x"]) <= 2


def test_panels_and_frames_divide_the_lines_and_share_their_axes():
    figure = valid(drawn(GraphType.SCATTERPLOT, x="few", y="positive", col="two", row="label", animation_frame="few"))
    assert len(figure["data"]) == 2 * 4
    assert len(figure["frames"]) == 4
    shown = [len(trace["x"]) for frame in figure["frames"] for trace in frame["data"]]
    assert sum(shown) == LINES
    assert figure["layout"]["xaxis8"]["matches"] == "x"
    assert {each["text"] for each in figure["layout"]["annotations"]} >= {"two: yes", "label: a&lt;b&gt;"}
    assert figure["data"] == figure["frames"][0]["data"]


def test_a_histogram_counts_every_line_on_the_axis_that_suits():
    logarithmic = drawn(GraphType.STACKED_HISTOGRAM, x="positive", color="two")
    assert logarithmic["layout"]["xaxis"]["type"] == "log"
    assert sum(sum(trace["y"]) for trace in logarithmic["data"]) == LINES
    linear = drawn(GraphType.STACKED_HISTOGRAM, x="number")
    assert linear["layout"]["xaxis"]["type"] == "linear"
    assert linear["layout"]["meta"]["notes"][-1].startswith("The axis is linear")
    labels = drawn(GraphType.STACKED_HISTOGRAM, x="label")
    assert dict(zip(labels["data"][0]["x"], labels["data"][0]["y"], strict=True))["(missing)"] == math.ceil(LINES / 7)


def test_hexagons_hold_every_line_and_the_mean_of_z():
    x, y = np.array(COLUMNS["positive"][1]), np.array(COLUMNS["few"][1])
    assert densities.hexagons(x, y, None).values.sum() == LINES
    [cell] = densities.hexagons(x[:1], y[:1], np.array([5.0])).values
    assert cell == 5.0
    corners = np.array([[0, 0], [0, 1], [1, 0], [1, 1.0]])
    found = densities.hexagons(corners[:, 0], corners[:, 1], corners.sum(1))
    assert sorted(found.values.tolist()) == [0, 1, 1, 2]


def test_intervals_and_lines_are_those_of_statistics():
    for freedom in (1, 2, 3, 5, 10, 50, 1000):
        assert panels.t_975(freedom) == pytest.approx(stats.t.ppf(0.975, freedom), rel=0.01)
    y = np.array(COLUMNS["positive"][1])
    found = panels.means(GROUPS, y)
    for place in range(3):
        own = y[place == GROUPS]
        low, high = stats.t.interval(0.95, len(own) - 1, own.mean(), stats.sem(own))
        assert found.means[place] == pytest.approx(own.mean())
        assert found.reach[place] == pytest.approx((high - low) / 2, rel=1e-3)
    x = np.array(COLUMNS["few"][1])
    line, fitted = densities.least_squares(x, y), stats.linregress(x, y)
    assert (line.slope, line.r2) == pytest.approx((fitted.slope, fitted.rvalue**2))
    assert line.reach(np.array([x.mean()]))[0] == pytest.approx(
        line.error / math.sqrt(LINES) * stats.t.ppf(0.975, 398), rel=1e-3
    )


def test_boxes_are_quartiles_and_whiskers_end_at_lines():
    [trace] = drawn(GraphType.GROUPED_BOXPLOTS, x="two", y="positive")["data"]
    own = np.array(
        [y for y, two in zip(COLUMNS["positive"][1], COLUMNS["two"][1], strict=True) if two == trace["x"][0]]
    )
    assert [trace[name][0] for name in ("q1", "median", "q3")] == pytest.approx(np.quantile(own, [0.25, 0.5, 0.75]))
    assert {trace["lowerfence"][0], trace["upperfence"][0]} <= set(own.tolist())
    assert all(each > trace["upperfence"][0] or each < trace["lowerfence"][0] for each in trace["y"][0])
    assert distributions.spread(np.arange(1000.0), 11).tolist() == pytest.approx(np.linspace(0, 999, 11), abs=0.5)


def test_letter_values_end_where_too_few_lines_are_beyond():
    traces = drawn(GraphType.LARGE_DISTRIBUTIONS, y="positive")["data"]
    boxes = [trace for trace in traces if trace["type"] == "bar" and trace["y"]]
    assert [trace["name"] for trace in boxes] == [
        f"{100 * (1 - 0.5**depth):.4g} % of the lines" for depth in (5, 4, 3, 2, 1)
    ]
    y = np.array(COLUMNS["positive"][1])
    assert boxes[-1]["base"][0] == pytest.approx(np.quantile(y, 0.25))


def test_suggested_graphs_can_be_drawn():
    def described(output):
        columns = [
            Described(name, DATATYPES[name], Role.INPUT, 9) for name in ("number", "few", "two", "many", "date", "json")
        ]
        return [*columns, Described(output, DATATYPES[output], Role.OUTPUT)]

    for output, first in (("positive", GraphType.STACKED_HISTOGRAM), ("label", GraphType.HORIZONTAL_BARS)):
        suggested = suggest(described(output))
        assert len(suggested) >= 6
        assert suggested[0].graph_type is first
        for each in suggested:
            assert check(each.graph_type, each.slots, DATATYPES) is None
            valid(drawn(each.graph_type, **each.slots))
    assert suggest([Described("text", Datatype.LANGUAGE, Role.OUTPUT)]) == []
    assert suggest([]) == []
