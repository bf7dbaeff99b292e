"""Frames of a classification as viewers read them: the stored file, or what follows from its boxes."""

import asyncio
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.database import ReadSession
from app.errors import Invalid, LimitReached, NotFound
from app.formats import frames
from app.formats.frames import FrameSample, FramesCode, FramesHeader, ObjectHeader, Range, UnreadableFrames
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationLevel
from app.models.wildlife.providers import AIProvider
from app.policies import Viewer, visible
from app.services.wildlife.frames import storing
from app.settings import settings


class NoFrames(NotFound):
    """A classification without frames: nothing is approved yet, or none of its objects has a box."""

    def __init__(self) -> None:
        super().__init__("This classification has no frames.")


@dataclass(frozen=True)
class FramesFile:
    """A file of frames: stored under a digest, or made of boxes."""

    digest: str | None
    content: bytes | None = None


async def file_of(session: ReadSession, viewer: Viewer, classification_id: int) -> FramesFile:
    """The file of a classification that the viewer sees; of a FINAL that of the approved row."""
    row = await _seen(session, viewer, classification_id)
    if row.frames_sha256 is not None:
        return FramesFile(row.frames_sha256)
    header, objects = await _from_boxes(session, row)
    return FramesFile(None, await asyncio.to_thread(_packed, header, objects))


async def range_of(
    session: ReadSession,
    viewer: Viewer,
    classification_id: int,
    *,
    object_ids: Collection[int] | None,
    from_frame: int,
    to_frame: int | None,
    stride: int,
) -> Range:
    """The samples of a range of frames, of some objects or of all."""
    if from_frame < 0 or (to_frame is not None and to_frame < from_frame):
        raise Invalid("toFrame", "Give a range from a frame of at least 0 to one that is not before it.")
    if stride < 1:
        raise Invalid("stride", "Use a stride of at least 1.")
    file = await file_of(session, viewer, classification_id)
    wanted = {
        "object_ids": object_ids,
        "from_frame": from_frame,
        "to_frame": to_frame,
        "stride": stride,
        "samples_max": settings.frames_samples_max,
    }
    try:
        if file.digest is not None:
            return await storing.read_frames(file.digest, **wanted)
        return frames.read_range(io.BytesIO(file.content or b""), **wanted)  # type: ignore[arg-type]
    except UnreadableFrames as error:
        if error.code is FramesCode.TOO_MANY_SAMPLES:
            raise LimitReached(
                f"This range has more than {settings.frames_samples_max:,} samples. Use a shorter range or a stride.",
                limit=settings.frames_samples_max,
            ) from None
        raise


async def _seen(session: ReadSession, viewer: Viewer, classification_id: int) -> Classification:
    row = await session.scalar(visible(Classification, viewer).where(Classification.id == classification_id))
    if row is not None and row.classification_type is ClassificationType.FINAL:
        source = visible(Classification, viewer).where(Classification.id == row.source_id)
        row = await session.scalar(source)
        if row is None:
            raise NoFrames
    if row is None:
        raise NotFound("There is no such classification.")
    return row


async def _from_boxes(session: ReadSession, row: Classification) -> "tuple[FramesHeader, list[_Object]]":
    """What the attributes say, as frames: each object once, at its first occurrence."""
    resource = await session.get(Resource, row.resource_id)
    if resource is None:  # deleted meanwhile
        raise NoFrames
    model = None if row.model_id is None else await session.get(AIProvider, row.model_id)
    is_video = resource.resource_type is ResourceType.VIDEO and bool(resource.fps)
    header = FramesHeader(
        row.classification_type.value,
        row.id,
        base_timestamp=resource.recorded_at.isoformat() if resource.recorded_at else None,
        fps=resource.fps if is_video else None,
        duration=resource.duration_s if is_video else None,
        classification_model=None if model is None else f"{model.name} {model.version}".strip(),
        width=resource.width,
        height=resource.height,
        frame_count=resource.frame_count if is_video else None,
    )
    attrs = select(ClassificationDynamicAttrs).where(
        ClassificationDynamicAttrs.classification_id == row.id,
        ClassificationDynamicAttrs.observation_level == ObservationLevel.OBJECT,
        ClassificationDynamicAttrs.bboxes.is_not(None),
    )
    rows = (await session.scalars(attrs.order_by(ClassificationDynamicAttrs.id))).all()
    objects = [_object(each, is_video=is_video) for each in rows if each.bboxes]
    if not objects:
        raise NoFrames
    return header, objects


_Object = tuple[ObjectHeader, Sequence[FrameSample]]


def _object(each: ClassificationDynamicAttrs, *, is_video: bool) -> _Object:
    x, y, width, height = each.bboxes or (0, 0, 1, 1)
    frame = each.first_frame_index if is_video else 0
    sample = FrameSample(frame, (x, y, width, height), each.classification_confidence, each.distance)
    return ObjectHeader(each.id, each.observation_type.value.lower(), each.species_id), [sample]


def _packed(header: FramesHeader, objects: Sequence[_Object]) -> bytes:
    target = io.BytesIO()
    frames.write(header, objects, target)
    return target.getvalue()
