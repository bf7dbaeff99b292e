"""Graphs of machines: which columns they draw, and the figures and pictures of the lines as they are now."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any

from sqlalchemy import func, select

from app import parsing
from app.database import Database, ReadSession, WriteSession
from app.errors import Conflict, Invalid, LimitReached, NotFound
from app.formats.graphs import figures
from app.formats.graphs.figures import Cells, Drawn
from app.formats.graphs.kinds import SLOTS, check
from app.formats.graphs.palettes import PALETTES
from app.formats.graphs.suggestions import Described, suggest
from app.models.automl.graphs import Graph
from app.models.automl.machines import Machine, MachineColumn
from app.pictures import figures as drawing
from app.policies import Viewer, signed_in, visible
from app.policies.automl.machines import sees_inside
from app.services import links
from app.services.automl import samples
from app.services.automl.machines.access import machine_to_change
from app.services.automl.machines.loading import columns_in_order
from app.services.system import audit
from app.settings import settings
from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype
from app.telemetry.metering import in_thread

IMAGE = links.Kind("graph-image", "machines", Graph)
MEDIA_TYPES = {"PNG": "image/png", "SVG": "image/svg+xml"}
SPELLED = {slot: "animationFrame" if slot == "animation_frame" else slot for slot in SLOTS}
CHANGED = "Change the graph with `updateGraph`, or delete it."
# A longer value is cut: groups of so long names differ in their beginnings.
GROUP_LENGTH_MAX = 120
# A report shows so many.
REPORTED_MAX = 4


class ImageFormat(Enum):
    """The format of a picture: PNG of pixels, or SVG of lines.

    PNG: Pixels.
    SVG: Lines that scale.
    """

    PNG = "PNG"
    SVG = "SVG"


async def create_graph(session: WriteSession, viewer: Viewer, machine_id: int, fields: Mapping[str, Any]) -> Graph:
    """A new graph of a machine that the viewer may change."""
    machine = await machine_to_change(session, viewer, machine_id)
    graph = Graph(machine_id=machine_id)
    count = await session.scalar(select(func.count()).where(Graph.machine_id == machine_id)) or 0
    if count >= settings.graphs_per_machine_max:
        most = settings.graphs_per_machine_max
        raise LimitReached(f"This machine has {most:,} graphs, which is the most. Delete one first.", limit=most)
    await _give(session, graph, fields)
    session.add(graph)
    await session.flush()
    audit.record(session, signed_in(viewer), "createGraph", about=machine)
    return graph


async def update_graph(session: WriteSession, viewer: Viewer, graph_id: int, fields: Mapping[str, Any]) -> Graph:
    """Updates the given fields."""
    graph = await _graph_to_change(session, viewer, graph_id)
    await _give(session, graph, fields)
    await session.flush()
    audit.record(session, signed_in(viewer), "updateGraph", about=graph, fields=sorted(fields))
    return graph


async def delete_graph(session: WriteSession, viewer: Viewer, graph_id: int) -> None:
    """Deletes a graph; the lines stay."""
    graph = await _graph_to_change(session, viewer, graph_id)
    audit.record(session, signed_in(viewer), "deleteGraph", about=graph)
    await session.delete(graph)
    await session.flush()


async def _graph_to_change(session: WriteSession, viewer: Viewer, graph_id: int) -> Graph:
    """The graph, locked after its machine, if the viewer may change it."""
    own = visible(Graph, viewer).where(Graph.id == graph_id)
    machine_id = await session.scalar(own.with_only_columns(Graph.machine_id))
    if machine_id is not None:
        await machine_to_change(session, viewer, machine_id)
        if (graph := await session.scalar(own.with_for_update(of=Graph))) is not None:
            return graph
    raise NotFound("There is no such graph.")


async def _give(session: WriteSession, graph: Graph, fields: Mapping[str, Any]) -> None:
    """The fields, if a graph of this type with these columns can be drawn."""
    if (hue := fields.get("hue")) is not None and hue not in PALETTES:
        raise Invalid("hue", f"There is no such palette. Use one of {', '.join(PALETTES)}.")
    values: dict[str, Any] = {"graph_type": graph.graph_type or GraphType.SCATTERPLOT, **fields}
    named = {slot: values.get(slot, getattr(graph, slot)) for slot in SLOTS}
    columns = await columns_in_order(session, graph.machine_id)
    if wrong := check(values["graph_type"], named, _datatypes(columns)):
        raise Invalid(SPELLED[wrong.slot], wrong.message)
    for name, value in values.items():
        setattr(graph, name, value)


def _datatypes(columns: Any) -> dict[str, Datatype]:
    return {each.name: each.datatype for each in columns}


async def figure(database: Database, viewer: Viewer, graph: Graph) -> dict[str, Any] | None:
    """The figure of a graph: Plotly JSON. None for who does not see the lines."""
    async with database.reading() as session:
        drawn = await _drawn(session, viewer, graph)
    return None if drawn is None else await in_thread(figures.figure, drawn)


async def _drawn(session: ReadSession, viewer: Viewer, graph: Graph) -> Drawn | None:
    """What is drawn of the lines; Conflict if the columns are no longer as the graph needs them."""
    machine = await session.scalar(visible(Machine, viewer).where(Machine.id == graph.machine_id, sees_inside(viewer)))
    if machine is None:
        return None
    columns = await columns_in_order(session, graph.machine_id)
    named = {slot: getattr(graph, slot) for slot in SLOTS}
    if wrong := check(graph.graph_type, named, _datatypes(columns)):
        raise Conflict(f"{SPELLED[wrong.slot]}: {wrong.message} {CHANGED}")
    by_name = {each.name: each for each in columns}
    used = {name: by_name[name] for name in named.values() if name is not None}
    shown = f"jsonb_build_array({', '.join(_value(each) for each in used.values())})"
    rows = await samples.all_or_some(session, machine, shown=shown)
    values = dict(zip(used, zip(*rows, strict=True), strict=True)) if rows else dict.fromkeys(used, ())
    cells = {slot: Cells(name, used[name].datatype, values[name]) for slot, name in named.items() if name is not None}
    return Drawn(graph.graph_type, graph.hue, cells, samples.line_count(machine))


def _value(column: MachineColumn) -> str:
    """A value in SQL: texts cut, and long texts as their lengths."""
    at = column.position
    if column.datatype is Datatype.LANGUAGE:
        return f"length(values ->> {at})"
    return f"values -> {at}" if column.datatype is Datatype.FLOAT else f"left(values ->> {at}, {GROUP_LENGTH_MAX})"


async def image(database: Database, opened: links.Opened) -> tuple[bytes, str, str]:
    """The picture of a graph behind a link, drawn in a child: content, name and media type."""
    [kind] = opened.facts
    drawn = await figure(database, opened.holder, opened.row)
    if drawn is None:
        raise NotFound("There is no such graph.")
    content = bytes(await parsing.run(drawing.picture, drawn, kind))
    return content, f"graph-{opened.row.id}.{kind.lower()}", MEDIA_TYPES[kind]


def image_link(viewer: Viewer, graph: Graph, kind: ImageFormat) -> str:
    """A temporary link to the picture of a graph."""
    return links.signed(IMAGE, viewer, graph.id, kind.value)


async def pictures(database: Database, viewer: Viewer, machine_id: int) -> list[tuple[str, bytes]]:
    """The newest graphs of a machine as PNGs with titles, or some that suit it if none of its own can be drawn."""
    async with database.reading() as session:
        own = visible(Graph, viewer).where(Graph.machine_id == machine_id).order_by(Graph.id.desc()).limit(REPORTED_MAX)
        made = list(await session.scalars(own))
        columns = [_described(each) for each in await columns_in_order(session, machine_id)]
    suggested = [Graph(machine_id=machine_id, graph_type=each.graph_type, **each.slots) for each in suggest(columns)]
    return await _pictures(database, viewer, made) or await _pictures(database, viewer, suggested[:REPORTED_MAX])


async def _pictures(database: Database, viewer: Viewer, some: Sequence[Graph]) -> list[tuple[str, bytes]]:
    drawn = []
    for graph in some:
        with suppress(Conflict):  # its columns have changed
            if (shown := await figure(database, viewer, graph)) is not None:
                drawn.append((graph.title, bytes(await parsing.run(drawing.picture, shown, "PNG"))))
    return drawn


def _described(column: MachineColumn) -> Described:
    return Described(column.name, column.datatype, column.role, (column.profile or {}).get("distinct"))
