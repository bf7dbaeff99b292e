"""GraphQL types for frames of classifications and their index."""

import strawberry
from strawberry import auto
from strawberry.scalars import JSON

from app.models import choices as choice_tables
from app.models.kinds.system import SystemRateLimit
from app.models.wildlife import frames as tables
from resolvers.enums import show_enum
from resolvers.wildlife import frames as resolve
from schema.fields import Connection, connection, field, many, mutation, one
from schema.problems import Conflict
from schema.row import Row, shows
from schema.system.jobs import Job

show_enum(tables.FrameIndexStatus)


@shows(resolve.FramesTrack)
class FramesTrack:
    attrs_id: strawberry.ID = strawberry.field(description="The id of the object's dynamic attributes.")
    observation_type: str | None = strawberry.field(description="What the object is.")
    track_id: str | None = strawberry.field(description="The id that a tracker gave the object.")
    frame_index: list[int] = strawberry.field(description="The frames, counted at the video's own rate.")
    bbox: list[list[float]] = strawberry.field(
        description="The box in each frame, `[x, y, width, height]`, relative to the picture."
    )
    confidence: list[float | None] = strawberry.field(description="The confidence in each frame, 0 to 1.")
    distance: list[float | None] = strawberry.field(description="The distance from the camera in metres.")
    keypoints: JSON | None = strawberry.field(description="The keypoints in each frame, `[[x, y, score], …]`.")
    interpolated: list[bool] = strawberry.field(description="Whether the frame was filled in, not looked at.")


@shows(resolve.Frames)
class Frames:
    fps: float | None = strawberry.field(description="The frame rate of the video; null for images.")
    duration: float | None = strawberry.field(description="The duration of the video in seconds.")
    width: int | None = strawberry.field(description="The width in pixels.")
    height: int | None = strawberry.field(description="The height in pixels.")
    frame_count: int | None = strawberry.field(description="The number of frames of the video.")
    keypoint_names: list[str] | None = strawberry.field(description="The names of keypoints, in their order.")
    objects: list[FramesTrack] = strawberry.field(description="The objects; those outside the range have no frames.")


class FrameObservation(Row, of=tables.FrameObservation):
    frame: auto
    observed_at: auto
    bbox: auto
    confidence: auto
    distance: auto


class FrameIndex(Row, of=tables.FrameIndex):
    status: auto
    fps: auto
    populated_at: auto
    observations_count: auto
    failure: auto
    created_at: auto
    is_current: bool = field(resolve.is_current)
    job: Job | None = one(tables.FrameIndex.job)
    observations: Connection[FrameObservation] = many(tables.FrameIndex.observations, size_max=1_000)


@strawberry.type
class FramesQuery:
    classification_frames: Frames | None = field(resolve.classification_frames)
    frame_indexes: Connection[FrameIndex] = connection(resolve.frame_indexes)


@strawberry.type
class FramesMutation:
    build_frame_index: FrameIndex | Conflict = mutation(
        resolve.build_frame_index, scope=choice_tables.Scope.TRAIN, rate_limit=SystemRateLimit.JOBS
    )
