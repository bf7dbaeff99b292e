"""Frames of classifications by ranges, and the index of a project's frames."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import Select

from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification
from app.models.wildlife.frames import FrameIndex
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.policies import visible
from app.services.wildlife.frames import indexing, reading
from app.services.wildlife.frames.reading import NoFrames
from app.settings import settings
from resolvers import ids
from resolvers.context import Info


@dataclass(frozen=True)
class FramesTrack:
    """An object in a range of frames: lists of equal length, one entry for each frame."""

    attrs_id: strawberry.ID
    observation_type: str | None
    track_id: str | None
    frame_index: list[int]
    bbox: list[list[float]]
    confidence: list[float | None]
    distance: list[float | None]
    keypoints: list[Any] | None
    interpolated: list[bool]


@dataclass(frozen=True)
class Frames:
    """A range of a classification's frames."""

    fps: float | None
    duration: float | None
    width: int | None
    height: int | None
    frame_count: int | None
    keypoint_names: list[str] | None
    objects: list[FramesTrack]


def frames_msgpack(root: strawberry.Parent[Classification]) -> str | None:
    """The URL of its file of frames: zstd-compressed msgpack, for who sends a token. Null if none is stored."""
    if root.frames_sha256 is None:
        return None
    base = (settings.public_url or "").rstrip("/")
    return f"{base}/api/media-classifications/classifications/{ids.encode(root)}/frames/"


async def frames(
    root: strawberry.Parent[Classification],
    info: Info,
    object_ids: list[strawberry.ID] | None = None,
    from_frame: int = 0,
    to_frame: int | None = None,
    stride: int = 1,
) -> Frames | None:
    """The frames of its objects, in a range. Of a FINAL those of the approved row; null if there are none.

    object_ids: Only these objects, by the ids of their dynamic attributes.
    from_frame: The first frame.
    to_frame: The last frame, included; null for the end.
    stride: Only every so many frames of each object.
    """
    try:
        return await _frames(info, root.id, object_ids, from_frame, to_frame, stride)
    except NoFrames:
        return None


async def classification_frames(
    info: Info,
    classification_id: strawberry.ID,
    object_ids: list[strawberry.ID] | None = None,
    from_frame: int = 0,
    to_frame: int | None = None,
    stride: int = 1,
) -> Frames:
    """The frames of a classification's objects, in a range. Of a FINAL those of the approved row.

    classification_id: The classification.
    object_ids: Only these objects, by the ids of their dynamic attributes.
    from_frame: The first frame.
    to_frame: The last frame, included; null for the end.
    stride: Only every so many frames of each object.
    """
    key = ids.key(classification_id, Classification)
    return await _frames(info, key, object_ids, from_frame, to_frame, stride)


async def _frames(
    info: Info, key: int, object_ids: list[strawberry.ID] | None, first: int, last: int | None, stride: int
) -> Frames:
    wanted = None if object_ids is None else [ids.key(each, ClassificationDynamicAttrs) for each in object_ids]
    async with info.context.reading() as session:
        content = await reading.range_of(
            session, info.context.viewer, key, object_ids=wanted, from_frame=first, to_frame=last, stride=stride
        )
    header = content.header
    return Frames(
        header.fps,
        header.duration,
        header.width,
        header.height,
        header.frame_count,
        None if header.keypoint_names is None else list(header.keypoint_names),
        [_track(about, samples) for about, samples in content.objects],
    )


def _track(about: Any, samples: list[Any]) -> FramesTrack:
    has_keypoints = any(sample.keypoints is not None for sample in samples)
    return FramesTrack(
        ids.encode_key(ClassificationDynamicAttrs, about.id),
        about.observation_type,
        None if about.track_id is None else str(about.track_id),
        [sample.frame_index for sample in samples],
        [list(sample.bbox) for sample in samples],
        [sample.confidence for sample in samples],
        [sample.distance for sample in samples],
        [sample.keypoints for sample in samples] if has_keypoints else None,
        [sample.interpolated for sample in samples],
    )


def frame_indexes(info: Info, classification_project_id: strawberry.ID | None = None) -> Select[FrameIndex]:
    """Indexes of frames of projects that the viewer sees.

    classification_project_id: Only the index of this classification project.
    """
    query = visible(FrameIndex, info.context.viewer)
    if classification_project_id is None:
        return query
    return query.where(FrameIndex.project_id == ids.key(classification_project_id, ClassificationProject))


async def is_current(root: strawberry.Parent[FrameIndex], info: Info) -> bool:
    """Whether it was built from the present files. If not, build it again."""
    async with info.context.reading() as session:
        return await indexing.is_current(session, root)


async def build_frame_index(info: Info, classification_project_id: strawberry.ID) -> FrameIndex:
    """Builds the index of a project's frames anew, with at most one row of each object in a second.

    classification_project_id: The classification project.
    """
    key = ids.key(classification_project_id, ClassificationProject)
    async with info.context.writing() as session:
        return await indexing.request_build(session, info.context.viewer, key)
