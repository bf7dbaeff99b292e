"""Deleting the files of what was deleted."""

from app.database import WriteSession
from app.gateways import storage
from app.models.kinds.mapping import MappingJob
from jobs.broker import job
from jobs.run import JobRun


async def _left_behind(session: WriteSession, subject_id: int, reason: str) -> None:
    """Whose files could not be deleted is gone; the job says why they were left."""


@job(MappingJob.REMOVE_TRAINING, failed=_left_behind)
async def remove_training(run: JobRun) -> None:
    """Deletes everything a training left."""
    await _remove(run, "trainings")


@job(MappingJob.REMOVE_PREDICTION, failed=_left_behind)
async def remove_prediction(run: JobRun) -> None:
    """Deletes everything a prediction left."""
    await _remove(run, "predictions")


async def _remove(run: JobRun, folder: str) -> None:
    await storage.delete(f"{folder}/{run.claim.subject_id}")
    async with run.ending():
        pass
