"""AI classification jobs: started, cancelled, asked about and repeated; their outcomes; their progress, live."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import Select
from strawberry.scalars import JSON

from app import checks
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobOutcome, AIJobStage, AIOutcome
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectCollection
from app.policies import visible
from app.services.billing.charges import Estimate
from app.services.wildlife.ai_jobs import progress, starting
from app.services.wildlife.ai_jobs.config import GREEDY, JobConfig, Overwrite
from resolvers import ids
from resolvers.context import Info
from resolvers.job_events import standing
from resolvers.loaders import RowOrReference
from resolvers.wildlife.providers.queries import provider_key


@dataclass(frozen=True)
class AIClassificationJobEvent:
    """A snapshot of an AI classification job's progress."""

    cursor: str
    stage: AIJobStage
    progress: float
    message: str | None
    ai_classification_job: AIClassificationJob


async def ai_classification_job(info: Info, id: strawberry.ID) -> RowOrReference[AIClassificationJob]:
    """An AI classification job by its id.

    id: The id of the job.
    """
    return await info.context.find(AIClassificationJob, id)


def ai_classification_jobs(
    info: Info,
    classification_project_id: strawberry.ID | None = None,
    collection_id: strawberry.ID | None = None,
    provider_id: strawberry.ID | None = None,
    stage: AIJobStage | None = None,
) -> Select[AIClassificationJob]:
    """AI classification jobs of projects that the viewer sees.

    classification_project_id: Only jobs of this classification project.
    collection_id: Only jobs over this collection of a classification project.
    provider_id: Only jobs of this AI provider.
    stage: Only jobs in this stage.
    """
    query = visible(AIClassificationJob, info.context.viewer)
    if classification_project_id is not None:
        key = ids.key(classification_project_id, ClassificationProject)
        query = query.where(AIClassificationJob.project_id == key)
    if collection_id is not None:
        key = ids.key(collection_id, ClassificationProjectCollection)
        query = query.where(AIClassificationJob.collection_id == key)
    if provider_id is not None:
        query = query.where(AIClassificationJob.ai_provider_id == provider_key(provider_id))
    return query if stage is None else query.where(AIClassificationJob.stage == stage)


def ai_job_outcomes(info: Info, job_id: strawberry.ID, outcome: AIOutcome | None = None) -> Select[AIJobOutcome]:
    """What came of the media of an AI classification job.

    job_id: The job.
    outcome: Only media of which this came.
    """
    query = visible(AIJobOutcome, info.context.viewer)
    query = query.where(AIJobOutcome.ai_job_id == ids.key(job_id, AIClassificationJob))
    return query if outcome is None else query.where(AIJobOutcome.outcome == outcome)


async def estimate_ai_classification(info: Info, collection_id: strawberry.ID, provider_id: strawberry.ID) -> Estimate:
    """What a run of an AI provider over the media of a collection would cost, exactly.

    collection_id: The collection of a classification project.
    provider_id: The AI provider.
    """
    async with info.context.reading() as session:
        return await starting.estimate(
            session,
            info.context.viewer,
            collection_id=ids.key(collection_id, ClassificationProjectCollection),
            provider_id=provider_key(provider_id),
        )


async def start_ai_classification(
    info: Info,
    collection_id: strawberry.ID,
    provider_id: strawberry.ID,
    minimum_confidence: float = 0.2,
    skip_empty: bool = False,
    skip_missing_labels: bool = False,
    tracker: JSON | None = None,
    depth: JSON | None = None,
    video_fps: float | None = None,
    iou_threshold: float = 0.5,
    overwrite: Overwrite = Overwrite.REPLACE_AI,
) -> AIClassificationJob:
    """Has an AI provider classify the media of a collection. Approved classifications stay as they are.

    collection_id: The collection of a classification project.
    provider_id: The AI provider.
    minimum_confidence: Detections below this confidence are dropped, from 0 to 1.
    skip_empty: Whether media on which nothing is found get no AI row. Otherwise they get a blank one.
    skip_missing_labels: Whether labels that map to nothing are dropped. Otherwise they become UNKNOWN.
    tracker: How detections of videos are linked to objects, as `{type, params}`. `greedy_iou` links here; any other
        type is the AI Manager's.
    depth: Whether distances are estimated, as `{enabled, min_fps}`.
    video_fps: How many frames of a video are looked at in a second.
    iou_threshold: The overlap from which two boxes count as one object, from 0 to 1.
    overwrite: What becomes of media that the provider has classified before.
    """
    config = JobConfig(
        minimum_confidence,
        skip_empty,
        skip_missing_labels,
        checks.json_object("tracker", GREEDY if tracker is None else tracker),
        None if depth is None else checks.json_object("depth", depth),
        video_fps,
        iou_threshold,
        overwrite,
    )
    async with info.context.writing() as session:
        return await starting.start(
            session,
            info.context.viewer,
            collection_id=ids.key(collection_id, ClassificationProjectCollection),
            provider_id=provider_key(provider_id),
            config=config,
        )


async def cancel_ai_classification(info: Info, id: strawberry.ID) -> AIClassificationJob:
    """Cancels an AI classification job at once. Classifications that it has written stay.

    id: The job.
    """
    async with info.context.writing() as session:
        return await starting.cancel(session, info.context.viewer, ids.key(id, AIClassificationJob))


async def update_ai_classification(info: Info, id: strawberry.ID) -> AIClassificationJob:
    """Asks the AI Manager for the status of a job now, without waiting for the next time.

    id: The job.
    """
    async with info.context.writing() as session:
        return await starting.ask_again(session, info.context.viewer, ids.key(id, AIClassificationJob))


async def reparse_ai_results(info: Info, id: strawberry.ID) -> AIClassificationJob:
    """Fetches the results of an ended job again and writes them anew. Approved classifications stay as they are.

    id: The job.
    """
    async with info.context.writing() as session:
        return await starting.reparse(session, info.context.viewer, ids.key(id, AIClassificationJob))


async def ai_classification_job_updated(
    info: Info, id: strawberry.ID, after: str | None = None
) -> SourceStream[AIClassificationJobEvent]:
    """The progress of an AI classification job: its stages and outcomes. Completes when the job ends.

    id: The job.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """

    async def read(event: StreamEvent) -> AIClassificationJobEvent:
        payload: dict[str, Any] = event.payload
        job = await info.context.renewed().read(AIClassificationJob, id)
        # What our own engine says is about the batch that it works on, and names a step of its own.
        message = payload.get("message")
        stage = AIJobStage.RUNNING if message else AIJobStage(payload["stage"])
        share = progress.progress_of(job) if message else payload["progress"]
        return AIClassificationJobEvent(event.position.cursor, stage, share, message, job)

    start = await info.context.events.beginning(after)
    job = await info.context.read(AIClassificationJob, id)
    at_work = await standing(info, job.job_id, after=after, is_done=job.stage.is_final)
    message = at_work.message if job.stage is AIJobStage.RUNNING else None
    return SourceStream.of_work(
        info.context.events,
        progress.topic_of(job.id),
        start,
        read,
        now=AIClassificationJobEvent(start.cursor, job.stage, progress.progress_of(job), message, job),
        after=after,
        is_over=lambda event: event.stage.is_final,
    )
