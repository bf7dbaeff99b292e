"""Graphs of machines: made, changed, drawn and suggested."""

from dataclasses import dataclass
from typing import cast

import strawberry
from strawberry.scalars import JSON

from app.formats.graphs.suggestions import Described, suggest
from app.models.automl.graphs import Graph
from app.models.automl.machines import Machine
from app.services.automl import graphs
from app.services.automl.graphs import ImageFormat
from app.tabular.choices import GraphType
from app.tabular.datatypes import Datatype, Role
from resolvers import ids
from resolvers.automl.columns import listed
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided

# Before the arguments that have them.
for enum in (GraphType, ImageFormat):
    show_enum(enum)


@dataclass(frozen=True)
class GraphSuggestion:
    """A graph that suits a machine's columns."""

    graph_type: GraphType
    title: str
    reason: str
    x: str | None = None
    y: str | None = None
    z: str | None = None
    color: str | None = None


@dataclass(frozen=True)
class FormerGraph:
    """A graph that was deleted."""

    graph_id: strawberry.ID


async def graph(info: Info, id: strawberry.ID) -> RowOrReference[Graph]:
    """A graph by its id.

    id: The id of the graph.
    """
    return await info.context.find(Graph, id)


async def figure(root: strawberry.Parent[Graph], info: Info) -> JSON | None:
    """The figure as Plotly JSON: `data`, `layout`, and `frames` if it has an animation frame.

    It is drawn from the lines as they are now. Of more than {automl.LINES_SAMPLED_MAX} lines, evenly spread ones are
    drawn; the subtitle says so, and `layout.meta` has the numbers. An error says which column is no longer as the graph
    needs it. Null for those who do not see the lines.
    """
    return cast(JSON | None, await graphs.figure(info.context.database, info.context.viewer, root))


def image(root: strawberry.Parent[Graph], info: Info, format: ImageFormat = ImageFormat.PNG) -> str:
    """A link to a picture of the figure, valid for {settings.file_link_s}.

    It is drawn when the link is used. Of an animated graph, the first frame is drawn.

    format: The format of the picture.
    """
    return graphs.image_link(info.context.viewer, root, format)


async def suggested_graphs(root: strawberry.Parent[Machine], info: Info) -> list[GraphSuggestion]:
    """Graphs that suit the columns of this machine, by their datatypes and roles; `createGraph` makes one."""
    columns = [
        Described(
            each["name"],
            Datatype(each["datatype"]),
            Role(each["role"]),
            (each["profile"] or {}).get("distinct"),
        )
        for each in await info.context.load.prefetched(root, listed)
    ]
    return [
        GraphSuggestion(each.graph_type, each.graph_type.title, each.reason, **each.slots) for each in suggest(columns)
    ]


async def create_graph(
    info: Info,
    machine_id: strawberry.ID,
    graph_type: GraphType = GraphType.SCATTERPLOT,
    hue: str | None = "Light24",
    x: str | None = None,
    y: str | None = None,
    z: str | None = None,
    size: str | None = None,
    style: str | None = None,
    color: str | None = None,
    col: str | None = None,
    row: str | None = None,
    animation_frame: str | None = None,
) -> Graph:
    """Makes a graph of a machine's lines. For those who may change the machine.

    Each type takes columns of its own; an error names what is missing or does not fit. `suggestedGraphs` of the machine
    has some that suit it.

    machine_id: The machine.
    graph_type: What it draws.
    hue: The palette of its colours, by its name in Plotly.
    x: The column along the horizontal axis.
    y: The column along the vertical axis.
    z: The column whose mean colours the cells of a HEXBIN.
    size: The column that sizes the points.
    style: The column that chooses the symbols, or the dashes of lines.
    color: The column that chooses the colours.
    col: The column whose values have panels beside each other, at most {automl.GRAPH_PANELS_MAX}.
    row: The column whose values have panels below each other, at most {automl.GRAPH_PANELS_MAX}.
    animation_frame: The column whose values are shown one after the other, at most {automl.GRAPH_FRAMES_MAX}.
    """
    fields = {"graph_type": graph_type, "hue": hue, "x": x, "y": y, "z": z, "size": size, "style": style}
    fields |= {"color": color, "col": col, "row": row, "animation_frame": animation_frame}
    async with info.context.writing() as session:
        return await graphs.create_graph(session, info.context.viewer, ids.key(machine_id, Machine), fields)


async def update_graph(
    info: Info,
    id: strawberry.ID,
    graph_type: strawberry.Maybe[GraphType] = None,
    hue: strawberry.Maybe[str | None] = None,
    x: strawberry.Maybe[str | None] = None,
    y: strawberry.Maybe[str | None] = None,
    z: strawberry.Maybe[str | None] = None,
    size: strawberry.Maybe[str | None] = None,
    style: strawberry.Maybe[str | None] = None,
    color: strawberry.Maybe[str | None] = None,
    col: strawberry.Maybe[str | None] = None,
    row: strawberry.Maybe[str | None] = None,
    animation_frame: strawberry.Maybe[str | None] = None,
) -> Graph:
    """Updates the given fields of a graph. For those who may change the machine.

    id: The graph.
    graph_type: What it draws.
    hue: The palette of its colours, by its name in Plotly; null is Light24.
    x: The column along the horizontal axis; null clears it.
    y: The column along the vertical axis; null clears it.
    z: The column whose mean colours the cells of a HEXBIN; null clears it.
    size: The column that sizes the points; null clears it.
    style: The column that chooses the symbols, or the dashes of lines; null clears it.
    color: The column that chooses the colours; null clears it.
    col: The column whose values have panels beside each other; null clears it.
    row: The column whose values have panels below each other; null clears it.
    animation_frame: The column whose values are shown one after the other; null clears it.
    """
    fields = provided(
        graph_type=graph_type,
        hue=hue,
        x=x,
        y=y,
        z=z,
        size=size,
        style=style,
        color=color,
        col=col,
        row=row,
        animation_frame=animation_frame,
    )
    async with info.context.writing() as session:
        return await graphs.update_graph(session, info.context.viewer, ids.key(id, Graph), fields)


async def delete_graph(info: Info, id: strawberry.ID) -> FormerGraph:
    """Deletes a graph. For those who may change the machine.

    id: The graph.
    """
    async with info.context.writing() as session:
        await graphs.delete_graph(session, info.context.viewer, ids.key(id, Graph))
    return FormerGraph(id)
