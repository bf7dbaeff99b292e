"""What a worker needs to run a job of a local provider, and what it writes."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobStage, AIOutcome, RemoteStatus
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationType
from app.models.wildlife.providers import AIProvider, AIProviderType, LocalAIProvider, LocalEngine
from app.services.wildlife.ai_jobs import outcomes, progress
from app.services.wildlife.ai_jobs.config import JobConfig, Overwrite
from app.services.wildlife.classifications.observations import Observation
from app.services.wildlife.classifications.writing import AIResult, write_ai_classifications

Attrs = ClassificationDynamicAttrs
UNDETECTED = "No detector has looked at this medium. Run one first."
EMPTY = "The detector found no animal."
KNOWN = "The provider has classified this medium before."


@dataclass(frozen=True)
class Medium:
    """A medium of a batch, with the boxes that a classifier is to name."""

    id: int
    storage_key: str
    is_video: bool
    fps: float | None
    event: str
    objects: list[dict[str, Any]]


@dataclass(frozen=True)
class Task:
    """The next batch of a job."""

    batch_id: int
    is_last: bool
    engine: LocalEngine
    is_detection: bool
    weights_key: str | None
    categories: dict[str, Any]
    minimum_confidence: float
    video_fps: float
    roll_up_below: float
    media: list[Medium]


async def begin(session: WriteSession, ai_job_id: int) -> Task | None:
    """The next batch; nothing if the job has ended or every batch is done."""
    job = await session.get(AIClassificationJob, ai_job_id, with_for_update=True)
    if job is None or job.stage.is_final:
        return None
    waiting = select(AIJobBatch).where(AIJobBatch.ai_job_id == job.id, AIJobBatch.status == RemoteStatus.PENDING)
    batches = (await session.scalars(waiting.order_by(AIJobBatch.id).limit(2))).all()
    if not batches:
        return None
    await progress.reach(session, job, AIJobStage.RUNNING)
    provider = await session.get_one(LocalAIProvider, job.ai_provider_id)
    project = await session.get_one(ClassificationProject, job.project_id)
    config = JobConfig.of(job.job_config)
    media = await _media(session, job, batches[0].resource_ids)
    is_detection = provider.provider_type is AIProviderType.DETECTION
    if not is_detection:
        media = await _with_boxes(session, job, project, media)
    assert provider.engine is not None
    return Task(
        batch_id=batches[0].id,
        is_last=len(batches) == 1,
        engine=provider.engine,
        is_detection=is_detection,
        weights_key=provider.weights_key,
        categories=provider.categories,
        minimum_confidence=config.minimum_confidence,
        video_fps=config.video_fps or project.video_fps,
        roll_up_below=project.species_confidence_min,
        media=media,
    )


async def _media(session: WriteSession, job: AIClassificationJob, resource_ids: Sequence[int]) -> list[Medium]:
    """The media that have no outcome yet, in their order."""
    left = await outcomes.without(session, job, resource_ids)
    if JobConfig.of(job.job_config).overwrite is Overwrite.SKIP_EXISTING:
        known = await _classified_before(session, job, list(left))
        await outcomes.note(session, job, dict.fromkeys(known, (AIOutcome.SKIPPED, KNOWN)))
        left -= known
    rows = {row.id: row for row in await session.scalars(select(Resource).where(Resource.id.in_(left)))}
    return [
        Medium(
            row.id,
            str(row.storage_key),
            row.resource_type is ResourceType.VIDEO,
            row.fps,
            f"medium {row.id}" if row.sequence_id is None else f"{row.sequence_id}",
            [],
        )
        for key in resource_ids
        if (row := rows.get(key)) is not None
    ]


async def _classified_before(session: ReadSession, job: AIClassificationJob, resource_ids: Sequence[int]) -> set[int]:
    rows = select(Classification.resource_id).where(
        Classification.project_id == job.project_id,
        Classification.resource_id.in_(resource_ids),
        Classification.model_id == job.ai_provider_id,
        Classification.superseded_at.is_(None),
    )
    return set(await session.scalars(rows))


async def _with_boxes(
    session: WriteSession, job: AIClassificationJob, project: ClassificationProject, media: Sequence[Medium]
) -> list[Medium]:
    """The media on which a detector found animals, with their boxes; what comes of the others is noted."""
    rows = (
        select(Classification.resource_id, Classification.id, Classification.model_id)
        .join(AIProvider, AIProvider.id == Classification.model_id)
        .where(
            Classification.project_id == job.project_id,
            Classification.resource_id.in_([medium.id for medium in media]),
            Classification.classification_type == ClassificationType.AI,
            Classification.superseded_at.is_(None),
            AIProvider.provider_type == AIProviderType.DETECTION,
        )
        # The project's own detector counts before others, and of these the latest.
        .order_by((Classification.model_id == project.detection_provider_id).nulls_first(), Classification.id)
    )
    looked = {resource_id: row_id for resource_id, row_id, _ in (await session.execute(rows)).all()}
    boxes = await _boxes(session, list(looked.values()))
    detections, outcome_of = [], {}
    for medium in media:
        if medium.id not in looked:
            outcome_of[medium.id] = (AIOutcome.SKIPPED, UNDETECTED)
        elif objects := boxes[looked[medium.id]]:
            medium.objects.extend(objects)
            detections.append(medium)
        else:
            outcome_of[medium.id] = (AIOutcome.SKIPPED, EMPTY)
    await outcomes.note(session, job, outcome_of)
    return detections


async def _boxes(session: ReadSession, row_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    rows = select(Attrs.classification_id, Attrs.id, Attrs.bboxes, Attrs.first_frame_index).where(
        Attrs.classification_id.in_(row_ids),
        Attrs.observation_type == ObservationType.ANIMAL,
        Attrs.bboxes.is_not(None),
    )
    boxes: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row_id, id, box, frame in (await session.execute(rows.order_by(Attrs.id))).all():
        boxes[row_id].append({"id": id, "box": box, "frame": frame})
    return boxes


async def write_names(
    session: WriteSession, ai_job_id: int, media: Sequence[Medium], lines: Sequence[dict[str, Any]]
) -> None:
    """Writes what a classifier calls the objects of media: the name that is sure, and the raw label beside it."""
    job = await session.get_one(AIClassificationJob, ai_job_id, with_for_update=True)
    if job.stage.is_final:
        return
    left = await outcomes.without(session, job, [line["id"] for line in lines])
    boxes = {medium.id: {each["id"]: each for each in medium.objects} for medium in media}
    failed = {line["id"]: (AIOutcome.FAILED, str(line["failure"])) for line in lines if "failure" in line}
    answers = [
        AIResult(line["id"], [_observed(each, boxes[line["id"]][each["id"]]) for each in line["objects"]])
        for line in lines
        if line["id"] in left and line.get("objects")
    ]
    if answers:
        await write_ai_classifications(session, job.project_id, job.ai_provider_id, answers)
    outcome_of: dict[int, outcomes.Outcome] = {key: what for key, what in failed.items() if key in left}
    outcome_of |= {answer.resource_id: (AIOutcome.OK, None) for answer in answers}
    await outcomes.note(session, job, outcome_of)
    progress.tell(session, job)


def _observed(name: dict[str, Any], box: dict[str, Any]) -> Observation:
    return Observation(
        ObservationType.ANIMAL,
        species_id=None if name["key"] is None else int(name["key"]),
        classification_confidence=name["confidence"],
        bboxes=box["box"],
        first_frame_index=box["frame"],
        attr_confidence={"species": name["raw_confidence"]},
        raw_label=name["raw_name"],
    )
