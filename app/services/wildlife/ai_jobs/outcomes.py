"""What came of each medium of a job: written once, with the classification it is about."""

from collections.abc import Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from app.database import ReadSession, WriteSession
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobOutcome, AIOutcome
from app.models.wildlife.media import Resource

Outcome = tuple[AIOutcome, str | None]


async def note(session: WriteSession, job: AIClassificationJob, outcomes_by_medium: Mapping[int, Outcome]) -> None:
    """Writes outcomes of media that have none, and counts them."""
    rows = [
        {"ai_job_id": job.id, "resource_id": key, "outcome": outcome, "reason": reason and reason[:NOTE_LENGTH_MAX]}
        for key, (outcome, reason) in sorted(outcomes_by_medium.items())
    ]
    if rows:
        written = insert(AIJobOutcome).on_conflict_do_nothing().returning(AIJobOutcome.outcome)
        outcomes = (await session.scalars(written.values(rows))).all()
        job.ok_count += outcomes.count(AIOutcome.OK)
        job.skipped_count += outcomes.count(AIOutcome.SKIPPED)
        job.failed_count += outcomes.count(AIOutcome.FAILED)


async def without(session: ReadSession, job: AIClassificationJob, resource_ids: Sequence[int]) -> set[int]:
    """Of these media those that have no outcome yet, and still exist."""
    known = select(AIJobOutcome.resource_id).where(AIJobOutcome.ai_job_id == job.id)
    left = select(Resource.id).where(Resource.id.in_(resource_ids), Resource.id.not_in(known))
    return set(await session.scalars(left))


async def fail_missing(session: WriteSession, job: AIClassificationJob, resource_ids: Sequence[int], why: str) -> None:
    """Media of which nothing came have failed."""
    missing = await without(session, job, resource_ids)
    await note(session, job, dict.fromkeys(missing, (AIOutcome.FAILED, why)))
