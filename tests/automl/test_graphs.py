"""Graphs of machines: made by who may change the machine, drawn from its lines as they are, as JSON and as pictures."""

import asyncio
from itertools import pairwise

import plotly.graph_objects
import pytest
from sqlalchemy import delete, func, select, text, update

from app.models.automl.graphs import Graph
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.settings import settings
from app.tabular.choices import MachineStatus
from app.tabular.datatypes import Datatype, Role
from resolvers import ids
from tests import factories

SHOWN = """id graphType graphTypeNumber title hue x y z size style color col row animationFrame createdAt
    machine { id }"""
COLUMNS = [
    ("size, m", Datatype.FLOAT, Role.INPUT),
    ("colour", Datatype.LABEL, Role.INPUT),
    ("when", Datatype.DATE, Role.INPUT),
    ("note", Datatype.LANGUAGE, Role.INPUT),
    ("more", Datatype.JSON, Role.INPUT),
    ("price", Datatype.FLOAT, Role.OUTPUT),
]
LINES = [
    [at / 4, ["red", "green", None][at % 3], f"2024-02-{1 + at % 9:02d}", "x" * at, None, 10.0 * at] for at in range(30)
]
FIGURE = "query($id: ID!) { graph(id: $id) { figure } }"


@pytest.fixture
async def machine(database, owner, other):
    team = await factories.team(database, owner.id, other.id)
    made = await factories.machine(
        database,
        owner.id,
        machine_owner_team_id=team.id,
        machine_api_solving_is_public=True,
        status=MachineStatus.READY,
        learning_line_count=20,
        evaluation_line_count=9,
        solving_line_count=1,
    )
    for position, (name, datatype, role) in enumerate(COLUMNS):
        column = {"name": name, "datatype": datatype, "role": role, "position": position}
        await factories.add(database, MachineColumn(machine_id=made.id, **column))
    async with database.writing() as session:
        for line in LINES:
            session.add(MachineLine(machine_id=made.id, is_for_learning=True, has_outputs=True, values=line))
    return made


@pytest.fixture
def make(change, machine, owner):
    async def make(fields=SHOWN, viewer=owner, **given):
        made = await change("createGraph", fields, viewer=viewer, machineId=ids.encode(machine), **given)
        return {name: value for name, value in made.items() if name != "__typename"}

    return make


@pytest.fixture
def drawn(ask, owner):
    async def drawn(graph, viewer=owner):
        answer = await ask(FIGURE, viewer=viewer, id=graph["id"])
        return answer["graph"]["figure"] if not answer.errors else answer.errors[0]["message"]

    return drawn


async def count(database):
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(Graph))


async def test_a_graph_is_made_changed_read_and_deleted(make, change, ask, database, machine, owner):
    graph = await make(graphType="LINEAR_REGRESSION", x="size, m", y="price")
    assert graph.pop("createdAt")
    assert graph == {
        "id": graph["id"],
        "graphType": "LINEAR_REGRESSION",
        "graphTypeNumber": 7,
        "title": "Linear regression with marginal distributions",
        "hue": "Light24",
        "x": "size, m",
        "y": "price",
        **dict.fromkeys(("z", "size", "style", "color", "col", "row", "animationFrame")),
        "machine": {"id": ids.encode(machine)},
    }
    given = {"graphType": "SCATTERPLOT", "hue": "Dark24", "animationFrame": "colour", "size": "note"}
    changed = await change("updateGraph", SHOWN, viewer=owner, id=graph["id"], **given)
    assert {name: changed[name] for name in given} == given
    assert (changed["x"], changed["y"]) == ("size, m", "price")
    cleared = await change("updateGraph", SHOWN, viewer=owner, id=graph["id"], hue=None, animationFrame=None)
    assert (cleared["hue"], cleared["animationFrame"], cleared["size"]) == (None, None, "note")
    other = await make(graphType="HORIZONTAL_BARS", y="colour")
    listed = await ask(
        "query($id: ID!) { machine(id: $id) { graphs { nodes { id } totalCount } } }",
        viewer=owner,
        id=ids.encode(machine),
    )
    assert listed["machine"]["graphs"] == {"nodes": [{"id": other["id"]}, {"id": graph["id"]}], "totalCount": 2}
    gone = await change("deleteGraph", "graphId", viewer=owner, id=graph["id"])
    assert gone["graphId"] == graph["id"]
    assert (await change("deleteGraph", viewer=owner, id=graph["id"]))["code"] == "NOT_FOUND"
    assert await count(database) == 1


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"x": "price"}, "y", "A SCATTERPLOT needs this column. Name one."),
        (
            {"x": "price", "y": "size"},
            "y",
            'This machine has no column "size". Name columns as the machine does.',
        ),
        ({"x": "price", "y": "more"}, "y", 'The column "more" holds JSON; here numbers, dates, times, labels or texts'),
        (
            {"x": "price", "y": "price", "size": "colour"},
            "size",
            'The column "colour" holds labels; here numbers, dates',
        ),
        ({"x": "price", "y": "price", "color": "note"}, "color", 'The column "note" holds texts; here labels, numbers'),
        ({"graphType": "HEXBIN", "x": "price", "y": "price", "row": "colour"}, "row", "A HEXBIN has no use for this"),
        (
            {"graphType": "TIMESERIES", "x": "when", "y": "colour"},
            "y",
            'The column "colour" holds labels; here numbers',
        ),
        ({"x": "price", "y": "price", "hue": "Mauve"}, "hue", "There is no such palette. Use one of Light24, Dark24"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_in_words(make, database, given, field, message):
    refused = await make(**given)
    assert refused["field"] == field
    assert refused["message"].startswith(message)
    assert await count(database) == 0


async def test_a_change_that_cannot_be_drawn_changes_nothing(make, change, ask, owner):
    graph = await make(x="size, m", y="price", size="price")
    refused = await change("updateGraph", viewer=owner, id=graph["id"], graphType="TIMESERIES", hue="D3")
    assert (refused["field"], refused["message"]) == ("size", "A TIMESERIES has no use for this column. Leave it out.")
    kept = await ask(f"query($id: ID!) {{ graph(id: $id) {{ {SHOWN} }} }}", viewer=owner, id=graph["id"])
    assert kept["graph"] == graph


async def test_a_figure_shows_the_lines_as_they_are(make, drawn, database, machine):
    graph = await make(graphType="SCATTERPLOT", x="when", y="price", color="colour")
    figure = await drawn(graph)
    plotly.graph_objects.Figure(figure)
    by_name = {trace["name"]: trace for trace in figure["data"]}
    assert sorted(by_name) == ["(missing)", "green", "red"]
    assert by_name["red"]["x"] == [line[2] for line in LINES if line[1] == "red"]
    assert by_name["red"]["y"] == [line[5] for line in LINES if line[1] == "red"]
    meta = figure["layout"]["meta"]
    assert (meta["lineCount"], meta["drawnLineCount"], meta["isSampled"]) == (30, 30, False)
    async with database.writing() as session:
        await session.execute(delete(MachineLine).where(MachineLine.machine_id == machine.id))
        await session.execute(
            update(Machine).values(learning_line_count=0, evaluation_line_count=0, solving_line_count=0)
        )
    assert (await drawn(graph))["layout"]["meta"]["notes"] == ["There are no lines yet."]


async def test_texts_are_measured_by_their_length_and_long_labels_cut(make, drawn, database, machine):
    async with database.writing() as session:
        values = [1.0, "long " * 90, "2024-02-01", "x" * 90_000, None, 5.0]
        session.add(MachineLine(machine_id=machine.id, is_for_learning=True, has_outputs=True, values=values))
    [*_, cut] = (await drawn(await make(graphType="HORIZONTAL_BARS", y="colour")))["layout"]["yaxis"]["categoryarray"][
        :2
    ]
    assert len(cut) == 120
    figure = await drawn(await make(x="note", y="price"))
    assert figure["data"][0]["x"] == [*range(30), 90_000]
    assert figure["layout"]["xaxis"]["title"]["text"] == "Length of note"


async def test_of_many_lines_evenly_spread_ones_are_drawn_and_the_graph_says_so(make, drawn, database, machine):
    many = text(
        "INSERT INTO machine_lines (machine_id, is_for_learning, has_outputs, values) "
        "SELECT :machine, true, true, jsonb_build_array(at, 'red', '2024-02-01', 'x', null, at) "
        "FROM generate_series(1, 12000) AS at"
    )
    async with database.writing() as session:
        await session.execute(many, {"machine": machine.id})
        await session.execute(update(Machine).values(learning_line_count=12_020))
    figure = await drawn(await make(x="size, m", y="price"))
    meta = figure["layout"]["meta"]
    assert meta["lineCount"] == 12_030
    assert meta["isSampled"]
    assert 9_000 < meta["drawnLineCount"] <= 10_000
    said = f"{meta['sampledLineCount']:,} of 12,030 lines, evenly spread."
    assert figure["layout"]["title"]["subtitle"]["text"] == said
    drawn_numbers = sorted(figure["data"][0]["x"])
    assert drawn_numbers[0] == 0
    assert drawn_numbers[-1] > 11_800
    assert max(after - before for before, after in pairwise(drawn_numbers)) < 60


async def test_a_graph_whose_columns_changed_is_refused_in_words(make, drawn, api, ask, change, database, owner):
    graph = await make("id image", graphType="GROUPED_BOXPLOTS", x="colour", y="price")
    async with database.writing() as session:
        await session.execute(
            update(MachineColumn).where(MachineColumn.name == "price").values(datatype=Datatype.LABEL)
        )
    said = 'y: The column "price" holds labels; here numbers, or texts, which are measured by their length are needed.'
    assert await drawn(graph) == f"{said} Change the graph with `updateGraph`, or delete it."
    assert (await ask(FIGURE, viewer=owner, id=graph["id"])).codes == ["CONFLICT"]
    assert (await api.get(graph["image"])).status_code == 409
    async with database.writing() as session:
        await session.execute(update(MachineColumn).where(MachineColumn.name == "price").values(name="cost"))
    assert (await drawn(graph)).startswith('y: This machine has no column "price".')
    mended = await change("updateGraph", "y", viewer=owner, id=graph["id"], y="size, m")
    assert mended["y"] == "size, m"
    assert (await drawn(graph))["data"]


async def test_a_picture_is_drawn_when_its_link_is_used(make, api, ask, owner):
    graph = await make("id image", graphType="THREE_WAY_ANOVA", x="colour", y="price")
    answer = await api.get(graph["image"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
    assert answer.content.startswith(b"\x89PNG")
    assert answer.headers["content-disposition"].startswith("inline")
    asked = await ask("query($id: ID!) { graph(id: $id) { image(format: SVG) } }", viewer=owner, id=graph["id"])
    drawing = await api.get(asked["graph"]["image"])
    assert drawing.headers["content-type"].startswith("image/svg+xml")
    assert "sandbox" in drawing.headers["content-security-policy"]
    assert b"<script" not in drawing.content


async def test_graphs_are_for_those_who_see_the_lines(make, drawn, change, ask, database, machine, other, staff, owner):
    stranger = await factories.user(database, "stranger")
    graph = await make(x="size, m", y="price", viewer=other)
    for viewer in (owner, other, staff):
        assert (await drawn(graph, viewer=viewer))["data"]
    for viewer in (stranger, None):
        assert (await ask(FIGURE, viewer=viewer, id=graph["id"]))["graph"] is None
        listed = await ask(
            "query($id: ID!) { machine(id: $id) { graphs { totalCount nodes { id } } } }",
            viewer=viewer,
            id=ids.encode(machine),
        )
        assert listed["machine"]["graphs"] == {"totalCount": 0, "nodes": []}
    assert (await make(x="size, m", y="price", viewer=stranger))["code"] == "FORBIDDEN"
    for name in ("updateGraph", "deleteGraph"):
        assert (await change(name, viewer=stranger, id=graph["id"]))["code"] == "NOT_FOUND"
    assert await count(database) == 1


async def test_a_machine_has_no_more_graphs_than_its_limit_though_many_are_made_at_once(make, database, monkeypatch):
    monkeypatch.setattr(settings, "graphs_per_machine_max", 2)
    made = await asyncio.gather(*(make("id", graphType="HORIZONTAL_BARS", y="colour") for _ in range(4)))
    assert sorted("limit" in each for each in made) == [False, False, True, True]
    assert await count(database) == 2


async def test_graphs_are_suggested_by_the_columns(ask, make, machine, owner):
    fields = "graphType title reason x y z color"
    suggested = await ask(
        f"query($id: ID!) {{ machine(id: $id) {{ suggestedGraphs {{ {fields} }} }} }}",
        viewer=owner,
        id=ids.encode(machine),
    )
    found = suggested["machine"]["suggestedGraphs"]
    assert [each["graphType"] for each in found] == [
        "STACKED_HISTOGRAM",
        "TIMESERIES",
        "LINEAR_REGRESSION",
        "GROUPED_BOXPLOTS",
    ]
    assert found[2] | {"reason": ""} == {
        "graphType": "LINEAR_REGRESSION",
        "title": "Linear regression with marginal distributions",
        "reason": "",
        "x": "size, m",
        "y": "price",
        "z": None,
        "color": None,
    }
    for each in found:
        given = {name: value for name, value in each.items() if value is not None and name not in {"title", "reason"}}
        assert "id" in await make("id", **given)
