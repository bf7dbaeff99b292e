"""Predicted features as files."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import dataclass
from enum import Enum
from typing import Any

from shapely import Point, Polygon
from sqlalchemy import Select, func, literal, select

from app.database import ReadSession
from app.formats import Feature, Writer, streamed
from app.formats.features.flatgeobuf import MEDIA_TYPE, flatgeobuf
from app.formats.features.geojson import GeoJson
from app.formats.features.osm_xml import OsmXml
from app.geometry.columns import Shape
from app.models.mapping.predictions import Conflation, PredictedFeature, Prediction, Verdict
from app.policies import Viewer
from app.services import links

Reading = Callable[[], AbstractAsyncContextManager[ReadSession]]

FEATURES = links.Kind("features", "features", Prediction)
BATCH = 1_000
# The relation to OpenStreetMap and the verdict of every feature.
TAGS = {"building": "yes", "source": "Fieldgraph"}


@dataclass(frozen=True)
class StreamedFile:
    """A file, written while it is sent."""

    name: str
    media_type: str
    pieces: AsyncGenerator[bytes, None]


class FileFormat(Enum):
    """Formats of feature files.

    GEOJSON: GeoJSON.
    FLATGEOBUF: FlatGeobuf.
    OSM_XML: OpenStreetMap XML, as JOSM opens it.
    """

    GEOJSON = "GEOJSON"
    FLATGEOBUF = "FLATGEOBUF"
    OSM_XML = "OSM_XML"

    @property
    def suffix(self) -> str:
        """The file name extension of a format."""
        return {"GEOJSON": "geojson", "FLATGEOBUF": "fgb", "OSM_XML": "osm"}[self.value]

    @property
    def media_type(self) -> str:
        """The media type of a format."""
        return {"GEOJSON": GeoJson.media_type, "FLATGEOBUF": MEDIA_TYPE, "OSM_XML": OsmXml.media_type}[self.value]


@dataclass(frozen=True)
class Wanted:
    """A selection of a prediction's features, as outlines or points."""

    prediction_id: int
    verdict: Verdict | None = None
    conflation: tuple[Conflation, ...] = ()
    points: bool = False
    positive_ids: bool = False

    def of(self, *columns: Any) -> Select[Any]:
        """Columns of these features."""
        query = select(*columns).where(PredictedFeature.prediction_id == self.prediction_id)
        if self.verdict is not None:
            query = query.where(PredictedFeature.verdict == self.verdict)
        if self.conflation:
            query = query.where(PredictedFeature.conflation.in_(self.conflation))
        return query.order_by(PredictedFeature.id)

    @property
    def place(self) -> Any:
        """A feature's place: its outline, or a point that surely lies in it."""
        if not self.points:
            return PredictedFeature.geom
        return func.ST_PointOnSurface(PredictedFeature.geom, type_=Shape("POINT")).label("geom")


def download_link(viewer: Viewer, wanted: Wanted, form: FileFormat) -> str:
    """A temporary download link for the selection, valid while the viewer has access."""
    verdict = wanted.verdict and wanted.verdict.value
    choices = [verdict, [one.value for one in wanted.conflation], wanted.points, form.value, wanted.positive_ids]
    return links.signed(FEATURES, viewer, wanted.prediction_id, *choices)


async def found_features(reading: Reading, token: str) -> StreamedFile:
    """The file of a link."""
    async with reading() as session:
        _, _, prediction, facts = await links.opened(session, "features", token)
    verdict, conflation, points, form_name, *choices = facts
    relations = tuple(map(Conflation, conflation))
    wanted = Wanted(prediction.id, verdict and Verdict(verdict), relations, points, positive_ids=any(choices))
    form = FileFormat(form_name)
    return StreamedFile(f"prediction-{prediction.id}.{form.suffix}", form.media_type, pieces(reading, wanted, form))


async def pieces(reading: Reading, wanted: Wanted, form: FileFormat) -> AsyncGenerator[bytes, None]:
    """A file in chunks; without features a FlatGeobuf is empty."""
    if form is FileFormat.FLATGEOBUF:
        tags = [literal(value).label(key) for key, value in TAGS.items()]
        async with aclosing(flatgeobuf(reading, wanted.of(wanted.place, *tags, *SAID), name="predictions")) as parts:
            async for piece in parts:
                yield piece
        return
    writer: Writer = GeoJson() if form is FileFormat.GEOJSON else OsmXml(positive_ids=wanted.positive_ids)
    features = _batches(reading, wanted, is_tagged_only=form is FileFormat.OSM_XML)
    async with aclosing(streamed(writer, features)) as parts:
        async for piece in parts:
            yield piece


SAID = (
    PredictedFeature.confidence,
    PredictedFeature.area_m2,
    PredictedFeature.verdict,
    PredictedFeature.conflation,
    PredictedFeature.osm_share,
)


async def _batches(
    reading: Reading, wanted: Wanted, *, is_tagged_only: bool
) -> AsyncGenerator[Sequence[Feature], None]:
    """All features as of one moment, read by one cursor."""
    async with reading() as session, aclosing(batches(session, wanted.of(wanted.place, *SAID))) as parts:
        async for rows in parts:
            yield [_feature(geom, None if is_tagged_only else values) for geom, *values in rows]


async def batches(session: ReadSession, rows: Select[Any]) -> AsyncGenerator[Sequence[Any], None]:
    """The rows of a server-side cursor, in batches."""
    stream = await session.stream(rows.execution_options(yield_per=BATCH))
    try:
        async for some in stream.partitions():
            yield some
    finally:
        await stream.close()


def _feature(geom: Polygon | Point, corners: Sequence[Any] | None) -> Feature:
    """A feature with all its properties, or only those that belong on the map."""
    if corners is None:
        return Feature(geom, TAGS)
    known = {column.key: value for column, value in zip(SAID, corners, strict=True)}
    values = {key: value.value if isinstance(value, Enum) else value for key, value in known.items()}
    return Feature(geom, {**TAGS, **values})
