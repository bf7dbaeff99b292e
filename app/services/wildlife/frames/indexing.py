"""A project's index of frames: rebuilt on request, down-sampled in time; a digest tells whether it is current."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, insert, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, NotFound
from app.formats.frames import Range
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.kinds.wildlife import WildlifeJob
from app.models.system import Job, JobState
from app.models.wildlife.classifications import Classification
from app.models.wildlife.frames import FrameIndex, FrameIndexStatus, FrameObservation
from app.policies import Viewer, signed_in, visible
from app.queue import enqueue
from app.services.wildlife.classifications.access import project_to_change

DEFAULT_FPS = 1.0


@dataclass(frozen=True)
class Source:
    """A file of frames that is indexed."""

    classification_id: int
    digest: str


async def request_build(session: WriteSession, viewer: Viewer, project_id: int) -> FrameIndex:
    """Queues the building of a project's index."""
    await project_to_change(session, viewer, project_id)
    index = await session.scalar(
        visible(FrameIndex, viewer).where(FrameIndex.project_id == project_id).with_for_update(of=FrameIndex)
    )
    if index is None:
        index = FrameIndex(project_id=project_id, fps=DEFAULT_FPS)
        session.add(index)
        await session.flush()
    state = await session.scalar(select(Job.state).where(Job.id == index.job_id))
    if state in {JobState.QUEUED, JobState.RUNNING}:
        raise Conflict("The index is being built. Wait until it is ready.")
    job = await enqueue(session, WildlifeJob.BUILD_FRAME_INDEX, subject_id=index.id, user_id=signed_in(viewer))
    index.job_id, index.status, index.failure = job.id, FrameIndexStatus.PENDING, None
    await session.flush()
    return index


async def begin(session: WriteSession, index_id: int) -> list[Source]:
    """Marks an index as being built and empties it; gives the files to read."""
    index = await _locked(session, index_id)
    index.status = FrameIndexStatus.POPULATING
    await session.execute(delete(FrameObservation).where(FrameObservation.frame_index_id == index.id))
    index.observations_count = 0
    return await sources(session, index.project_id)


async def sources(session: ReadSession, project_id: int) -> list[Source]:
    """The current files of a project."""
    rows = (
        select(Classification.id, Classification.frames_sha256)
        .where(Classification.project_id == project_id, Classification.frames_sha256.is_not(None))
        .where(Classification.superseded_at.is_(None))
        .order_by(Classification.id)
    )
    return [Source(id, str(digest)) for id, digest in (await session.execute(rows)).all()]


def digest_of(files: Sequence[Source]) -> str:
    """What changes whenever one of the files does."""
    return hashlib.sha256("".join(f"{file.classification_id}:{file.digest};" for file in files).encode()).hexdigest()


async def add(session: WriteSession, index_id: int, samples: Range) -> None:
    """Adds the samples of a file, at most as many in a second as the index holds."""
    index = await _locked(session, index_id)
    rows = list(_rows(index, samples))
    if rows:
        await session.execute(insert(FrameObservation), rows)
    index.observations_count += len(rows)


def _rows(index: FrameIndex, range_read: Range) -> Iterator[dict[str, Any]]:
    header = range_read.header
    start = datetime.fromisoformat(header.base_timestamp) if header.base_timestamp else None
    step = max(1.0, (header.fps or 1.0) / index.fps)
    for about, samples in range_read.objects:
        due = -1.0
        for sample in samples:
            if sample.frame_index < due:
                continue
            due = sample.frame_index + step
            moment = timedelta(seconds=sample.frame_index / header.fps) if header.fps else timedelta()
            yield {
                "frame_index_id": index.id,
                "classification_attrs_id": about.id,
                "frame": sample.frame_index,
                "observed_at": None if start is None else start + moment,
                "bbox": list(sample.bbox),
                "confidence": sample.confidence,
                "distance": sample.distance,
            }


async def finish(session: WriteSession, index_id: int, files: Sequence[Source]) -> None:
    """Marks an index as ready, with the digest of what it was built from."""
    index = await _locked(session, index_id)
    index.status, index.source_digest = FrameIndexStatus.READY, digest_of(files)
    index.populated_at = await session.scalar(select(func.now()))


async def build_failed(session: WriteSession, index_id: int, reason: str) -> None:
    """Notes why an index could not be built."""
    index = await session.get(FrameIndex, index_id, with_for_update=True)
    if index is not None:
        index.status, index.failure = FrameIndexStatus.FAILED, reason[:NOTE_LENGTH_MAX]


async def is_current(session: ReadSession, index: FrameIndex) -> bool:
    """Whether an index was built from the present files."""
    if index.status is not FrameIndexStatus.READY:
        return False
    return index.source_digest == digest_of(await sources(session, index.project_id))


async def _locked(session: WriteSession, index_id: int) -> FrameIndex:
    index = await session.get(FrameIndex, index_id, with_for_update=True)
    if index is None:
        raise NotFound("This index was deleted.")
    return index
