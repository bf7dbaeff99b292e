"""Writing the results of a job: a few media in each transaction, each medium once, its frames after its row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, update

from app.database import ReadSession, WriteSession, part
from app.errors import DomainError
from app.formats.frames import FrameSample, FramesHeader, ObjectHeader
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIOutcome
from app.models.wildlife.calibrations import CalibrationResult
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.providers import AIProvider
from app.services.wildlife.ai_jobs import outcomes, progress
from app.services.wildlife.ai_jobs.config import JobConfig, Overwrite
from app.services.wildlife.ai_jobs.interpreting import Calibration, Detected, interpret
from app.services.wildlife.ai_jobs.outcomes import Outcome
from app.services.wildlife.classifications.writing import AIResult, Written, write_ai_classifications
from app.services.wildlife.providers.categories import Mapping

OK: Outcome = (AIOutcome.OK, None)
Objects = list[tuple[ObjectHeader, list[FrameSample]]]


@dataclass(frozen=True)
class Unstored:
    """Frames of a video whose row is written, and which are still to be stored."""

    resource_id: int
    classification_id: int
    header: FramesHeader
    objects: Objects


async def write(session: WriteSession, batch_id: int, results: Sequence[dict[str, Any]]) -> list[Unstored]:
    """Writes the results of some media; gives the frames that are to be stored before their outcome is."""
    batch = await session.get_one(AIJobBatch, batch_id, with_for_update=True)
    job = await session.get_one(AIClassificationJob, batch.ai_job_id, with_for_update=True)
    if job.stage.is_final:
        return []
    ours, foreign = _sorted_out(results, set(batch.resource_ids))
    job.foreign_count += foreign
    left = await outcomes.without(session, job, list(ours))
    ended, detections = await _interpreted(session, job, {key: ours[key] for key in sorted(left)})
    written = await _written(session, job, detections, ended)
    unstored = [each async for each in _frames(session, written, detections)]
    waiting = {each.resource_id for each in unstored}
    await outcomes.note(session, job, {key: what for key, what in ended.items() if key not in waiting})
    progress.tell(session, job)
    return unstored


def _sorted_out(results: Sequence[dict[str, Any]], sent: set[int]) -> tuple[dict[int, dict[str, Any]], int]:
    """The results of media that were sent, the first of each; and the number of others."""
    ours: dict[int, dict[str, Any]] = {}
    foreign = 0
    for result in results:
        key = int(result["resource_id"]) if result["resource_id"].isdecimal() else 0
        if key in sent:
            ours.setdefault(key, result)
        else:
            foreign += 1
    return ours, foreign


async def _interpreted(
    session: ReadSession, job: AIClassificationJob, results: dict[int, dict[str, Any]]
) -> tuple[dict[int, Outcome], dict[int, list[Detected]]]:
    """What is already known to come of media, and what was found on the others."""
    config = JobConfig.of(job.job_config)
    provider = await session.get_one(AIProvider, job.ai_provider_id)
    mapping, calibrations = Mapping.of(provider.categories), await _calibrations(session, list(results))
    existing = await _existing(session, job, list(results)) if config.overwrite is Overwrite.SKIP_EXISTING else set()
    ended: dict[int, Outcome] = {}
    detections: dict[int, list[Detected]] = {}
    for key, result in results.items():
        if result["status"] != "ok":
            ended[key] = (AIOutcome.FAILED, result["error"])
        elif key in existing:
            ended[key] = (AIOutcome.SKIPPED, "The provider has classified this medium before.")
        else:
            objects = interpret(result, mapping, config, calibrations.get(key))
            if objects or not config.skip_empty:
                detections[key] = objects
            else:
                ended[key] = (AIOutcome.SKIPPED, "Nothing was found.")
    return ended, detections


async def _calibrations(session: ReadSession, resource_ids: Sequence[int]) -> dict[int, Calibration]:
    rows = await session.execute(
        select(Resource.id, CalibrationResult.params)
        .join(CalibrationResult, CalibrationResult.deployment_id == Resource.deployment_id)
        .where(Resource.id.in_(resource_ids), CalibrationResult.is_active)
    )
    return {key: Calibration(params["scale"], params["offset"]) for key, params in rows.all()}


async def _existing(session: ReadSession, job: AIClassificationJob, resource_ids: Sequence[int]) -> set[int]:
    rows = select(Classification.resource_id).where(
        Classification.project_id == job.project_id,
        Classification.resource_id.in_(resource_ids),
        Classification.classification_type == ClassificationType.AI,
        Classification.model_id == job.ai_provider_id,
        Classification.superseded_at.is_(None),
    )
    return set(await session.scalars(rows))


async def _written(
    session: WriteSession,
    job: AIClassificationJob,
    detections: dict[int, list[Detected]],
    ended: dict[int, Outcome],
) -> dict[int, Written]:
    """Writes all media at once; if one of them is refused, each for itself, so that it fails alone."""
    answers = [AIResult(key, [each.observation for each in objects]) for key, objects in detections.items()]
    try:
        async with part(session):
            rows = await write_ai_classifications(session, job.project_id, job.ai_provider_id, answers)
            ended |= dict.fromkeys(detections, OK)
            return dict(zip(detections, rows, strict=True))
    except DomainError:
        if len(answers) == 0:
            return {}
    written: dict[int, Written] = {}
    for answer in answers:
        try:
            async with part(session):
                [row] = await write_ai_classifications(session, job.project_id, job.ai_provider_id, [answer])
        except DomainError as refused:
            ended[answer.resource_id] = (AIOutcome.FAILED, refused.message)
        else:
            written[answer.resource_id], ended[answer.resource_id] = row, OK
    return written


async def _frames(session: ReadSession, written: dict[int, Written], detections: dict[int, list[Detected]]) -> Any:
    videos = select(Resource).where(Resource.id.in_(written), Resource.resource_type == ResourceType.VIDEO)
    for resource in (await session.scalars(videos.order_by(Resource.id))).all():
        row = written[resource.id]
        header = FramesHeader(
            "AI",
            row.id,
            base_timestamp=resource.recorded_at.isoformat() if resource.recorded_at else None,
            fps=resource.fps or None,
            duration=resource.duration_s,
            width=resource.width,
            height=resource.height,
            frame_count=resource.frame_count,
        )
        objects = [
            (_object(id, each), each.samples) for id, each in zip(row.attr_ids, detections[resource.id], strict=True)
        ]
        if objects and header.fps is not None:
            yield Unstored(resource.id, row.id, header, objects)


def _object(id: int, detection: Detected) -> ObjectHeader:
    observation = detection.observation
    return ObjectHeader(id, observation.observation_type.value.lower(), observation.species_id)


async def keep_frames(
    session: WriteSession, ai_job_id: int, stored: Sequence[tuple[Unstored, str | None, str | None]]
) -> None:
    """Writes the addresses of frames beside their rows, and with it what came of their media."""
    job = await session.get_one(AIClassificationJob, ai_job_id, with_for_update=True)
    if job.stage.is_final:
        return
    for each, digest, _ in stored:
        if digest is not None:
            row = update(Classification).where(Classification.id == each.classification_id)
            await session.execute(row.values(frames_sha256=digest))
    outcomes_of_media: dict[int, Outcome] = {
        each.resource_id: OK if refused is None else (AIOutcome.FAILED, refused) for each, _, refused in stored
    }
    await outcomes.note(session, job, outcomes_of_media)
    progress.tell(session, job)


async def finish_part(session: WriteSession, batch_id: int, name: str) -> None:
    """Notes that a part of the results is written: fetched again, it changes nothing."""
    batch = await session.get_one(AIJobBatch, batch_id, with_for_update=True)
    if name not in batch.parts_done:
        batch.parts_done = [*batch.parts_done, name]
