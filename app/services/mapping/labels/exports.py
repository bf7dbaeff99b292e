"""Exports of labels and areas as files, behind signed links."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select

from app.formats import Feature, streamed
from app.formats.features.flatgeobuf import flatgeobuf
from app.formats.features.geojson import GeoJson
from app.formats.features.gpx import MEDIA_TYPE as GPX_TYPE
from app.formats.features.gpx import gpx
from app.formats.features.osm_xml import OsmXml
from app.models.mapping.datasets import AOI, Dataset, Label
from app.policies import Viewer
from app.services import links
from app.services.mapping.predictions.downloads import FileFormat, Reading, StreamedFile, batches

AREA = links.Kind("area", "exports", AOI)
DATASET = links.Kind("dataset", "exports", Dataset)
GPX = "GPX"


def labels_link(viewer: Viewer, row: AOI | Dataset, form: FileFormat, *, positive_ids: bool = False) -> str:
    """A temporary download link for the labels of an area or of a whole dataset."""
    kind = AREA if isinstance(row, AOI) else DATASET
    return links.signed(kind, viewer, row.id, form.value, positive_ids)


def gpx_link(viewer: Viewer, aoi: AOI) -> str:
    """A temporary download link for the boundary of an area."""
    return links.signed(AREA, viewer, aoi.id, GPX)


async def labels_or_area(reading: Reading, token: str) -> StreamedFile:
    """The file of a link."""
    async with reading() as session:
        kind, _, row, [form_name, *choices] = await links.opened(session, "exports", token)
    stem = f"{kind.name}-{row.id}"
    if form_name == GPX:
        return StreamedFile(f"{stem}.gpx", GPX_TYPE, _once(gpx(row.geom, name=f"Area {row.id}").encode()))
    form = FileFormat(form_name)
    return StreamedFile(f"{stem}-labels.{form.suffix}", form.media_type, _labels(reading, row, form, any(choices)))


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


async def _labels(
    reading: Reading, row: AOI | Dataset, form: FileFormat, positive_ids: bool
) -> AsyncGenerator[bytes, None]:
    if form is FileFormat.FLATGEOBUF:
        # A FlatGeobuf has shapes of one kind.
        columns = (func.ST_Multi(Label.geom).label("geom"), Label.origin, Label.osm_id, Label.osm_type, Label.tags)
        async with aclosing(flatgeobuf(reading, _rows(row, *columns), name="labels")) as parts:
            async for piece in parts:
                yield piece
        return
    writer = GeoJson() if form is FileFormat.GEOJSON else OsmXml(positive_ids=positive_ids)
    async with aclosing(streamed(writer, _batches(reading, row))) as parts:
        async for piece in parts:
            yield piece


def _is_of(row: AOI | Dataset) -> ColumnElement[bool]:
    return AOI.id == row.id if isinstance(row, AOI) else AOI.dataset_id == row.id


def _rows(row: AOI | Dataset, *columns: Any) -> Select[*tuple[Any, ...]]:
    """Columns of labels, area by area. Of a dataset each footprint is exported once.

    Areas overlap, or have a building on their border: an element of OpenStreetMap, or the same outline, is the same.
    """
    # Sorted and counted rather than looked up row by row: fast whatever statistics PostgreSQL has.
    is_known = Label.osm_id.is_not(None)
    elements = func.row_number().over(partition_by=(Label.osm_type, Label.osm_id), order_by=Label.id)
    # What is known to OpenStreetMap stays, rather than a drawing of the same.
    outline = func.ST_AsBinary(func.ST_Normalize(Label.geom))
    outlines = func.row_number().over(partition_by=outline, order_by=(is_known.desc(), Label.id))
    copies = case((is_known, elements), else_=outlines)
    of_areas = Label.aoi_id.in_(select(AOI.id).where(_is_of(row)))
    known = Label.aoi_id.label("in_area"), Label.id.label("in_turn"), copies.label("copy")
    labels = select(*known, *columns).where(of_areas).subquery()
    rows = select(*list(labels.c)[len(known) :]).order_by(labels.c.in_area, labels.c.in_turn)
    return rows if isinstance(row, AOI) else rows.where(labels.c.copy == 1)


async def _batches(reading: Reading, row: AOI | Dataset) -> AsyncGenerator[Sequence[Feature], None]:
    """All labels as of one moment, area by area, read by one cursor."""
    rows = _rows(row, Label.geom, Label.tags, Label.osm_id, Label.osm_type)
    async with reading() as session, aclosing(batches(session, rows)) as parts:
        async for batch in parts:
            yield [Feature(geom, _properties(tags, *ids)) for geom, tags, *ids in batch]


def _properties(tags: dict[str, Any] | None, osm_id: int | None = None, osm_type: str | None = None) -> dict[str, Any]:
    known = {} if osm_id is None else {"osm_id": osm_id, "osm_type": osm_type}
    return {**(tags or {}), **known}
