"""Fetching labels from OpenStreetMap: how it starts and ends, for all kinds of areas."""

from typing import Any

from shapely.geometry.base import BaseGeometry
from sqlalchemy import ColumnElement, delete, func, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.mapping.datasets import AOI, DownloadStatus, Label, LabelOrigin
from app.models.mapping.feedback import FeedbackAOI, FeedbackLabel

Area = AOI | FeedbackAOI


def at_rest(area: Area) -> None:
    """Refused while labels are being fetched."""
    if area.label_status is DownloadStatus.RUNNING:
        raise Conflict("The labels of this area are being fetched. Wait until that has finished.")


def begin_fetching(area: Area) -> None:
    """Marks an area as being fetched."""
    area.label_status, area.label_error = DownloadStatus.RUNNING, None


async def end_fetching(session: ReadSession, area: Area) -> None:
    """Marks an area as fetched."""
    area.label_status = DownloadStatus.DOWNLOADED
    area.label_fetched = await session.scalar(select(func.now()))


def fail_fetching(area: Area, reason: str) -> None:
    """Marks a fetch as failed, with the reason; earlier labels stay."""
    area.label_status = DownloadStatus.DOWNLOADED if area.label_fetched else DownloadStatus.NOT_DOWNLOADED
    area.label_error = reason[:NOTE_LENGTH_MAX]


def redraw(area: Area, boundary: BaseGeometry) -> None:
    """Sets a new boundary; new ground has to be fetched."""
    if not area.geom.covers(boundary):
        area.label_status, area.label_fetched = DownloadStatus.NOT_DOWNLOADED, None
    area.geom = boundary


async def make_way(
    session: WriteSession, labels: type[Label | FeedbackLabel], here: ColumnElement[bool]
) -> set[tuple[Any, ...]]:
    """Deletes labels fetched before; returns those edited by hand since, which stay and must not be duplicated."""
    await session.execute(delete(labels).where(here, labels.origin == LabelOrigin.OSM))
    corrected = select(labels.osm_type, labels.osm_id).where(here, labels.osm_id.is_not(None))
    return {tuple(row) for row in await session.execute(corrected)}
