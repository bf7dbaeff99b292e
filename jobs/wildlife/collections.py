"""Adds the media of a large collection to a classification project, piece by piece."""

from app.database import WriteSession
from app.models.kinds.wildlife import WildlifeJob
from app.services.wildlife.classification_projects import collections
from app.settings import settings
from jobs.broker import job
from jobs.run import JobRun


async def _left_unfilled(session: WriteSession, subject_id: int, reason: str) -> None:
    """The media that were added stay; the job says why the others were not."""


@job(WildlifeJob.FILL_COLLECTION, failed=_left_unfilled)
async def fill_collection(run: JobRun) -> None:
    """Adds so many media in each transaction, until all are there."""
    while True:
        run.go_on()
        async with run.writing() as session:
            is_full = await collections.fill(session, run.claim.subject_id, most=settings.collection_fill_max)
        if is_full:
            break
    async with run.ending():
        pass
