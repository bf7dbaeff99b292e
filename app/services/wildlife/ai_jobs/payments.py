"""What a job on an AI Manager costs: held when it starts, paid for the media with a result when it ends.

Jobs of local providers are jobs of ours, and are paid with them.
"""

from sqlalchemy import select

from app.database import WriteSession
from app.models.billing.ledger import OperationCause
from app.models.billing.reservations import Reservation
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobStage
from app.services.billing import charges, reservations
from app.services.billing.ledger import named
from app.services.billing.reservations import Purpose

FINAL = [stage for stage in AIJobStage if stage.is_final]


async def hold(session: WriteSession, job: AIClassificationJob) -> None:
    """Holds what a job costs."""
    if job.user_id is not None:
        purpose = Purpose(OperationCause.AI_JOB, named(job), count_of_lines=job.total_count)
        await charges.hold_for_subject(session, job.user_id, purpose)


async def hold_again(session: WriteSession, job: AIClassificationJob) -> None:
    """Holds what a job costs whose results are fetched again, unless it was paid: then they cost nothing."""
    if not await reservations.was_paid(session, named(job)):
        await hold(session, job)


async def settle(session: WriteSession, job: AIClassificationJob) -> None:
    """Pays for the media that were classified, or had nothing to classify; what is held for others returns."""
    if job.user_remote_task_id is not None:
        done = job.ok_count + job.skipped_count if job.stage is AIJobStage.DONE else 0
        await charges.settle_subject(session, named(job), lines=done)


_is_theirs = select(AIClassificationJob.id).where(
    AIClassificationJob.id == Reservation.subject_key, AIClassificationJob.stage.not_in(FINAL)
)
charges.lasts_while((Reservation.subject_type == AIClassificationJob.__name__) & _is_theirs.exists())
