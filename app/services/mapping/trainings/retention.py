"""How long trainings keep their files."""

from datetime import timedelta

from sqlalchemy import Interval, Select, delete, exists, func, literal, or_, select
from sqlalchemy.orm import aliased

from app.database import Database, WriteSession
from app.gateways import storage
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Artifact, Prediction
from app.models.mapping.trainings import Model, ModelStatus, Training, TrainingStatus
from app.queue import enqueue
from app.settings import settings

ENDED = (TrainingStatus.FINISHED, TrainingStatus.FAILED)
AT_ONCE_MAX = 100
RESUMING = "resuming"


async def discard_old_files(database: Database) -> None:
    """Deletes the files of trainings that ended long ago, unless still needed, and records it on the row."""
    async with database.writing() as session:
        # Publishing locks the model, and reads the training again under the lock.
        for training in await session.scalars(_expired().order_by(Training.id).limit(AT_ONCE_MAX)):
            await _discard(session, training)


def _expired() -> Select[Training]:
    child = aliased(Training)
    published = exists().where(Model.published_training_id == Training.id, Model.status == ModelStatus.PUBLISHED)
    # A training that others continue may be needed again, as long as one of those exists.
    continued = exists().where(child.parent_training_id == Training.id, child.artifacts_deleted_at.is_(None))
    predicting = exists().where(Prediction.training_id == Training.id, Prediction.status.not_in(ENDED))
    age = literal(timedelta(days=settings.artifacts_kept_days), Interval)
    return select(Training).where(
        Training.status.in_(ENDED),
        Training.finished_at < func.now() - age,
        Training.artifacts_deleted_at.is_(None),
        exists().where(Artifact.training_id == Training.id),
        ~or_(published, continued, predicting),
    )


def resuming_key(training_id: int) -> str:
    """Where checkpoints of a running training are stored."""
    return f"{RESUMING}/{training_id}"


async def prune_resuming(database: Database) -> None:
    """Deletes leftover checkpoints of trainings that have ended; most are deleted at their end."""
    async for keys in storage.old(RESUMING, age_s=settings.uploads_kept_hours * 3_600):
        ids = {int(key.rsplit("/", 1)[-1]): key for key in keys}
        going = select(Training.id).where(Training.id.in_(ids), Training.status.not_in(ENDED))
        async with database.reading() as session:
            needed = set(await session.scalars(going))
        await storage.delete_all([key for id, key in ids.items() if id not in needed])


async def _discard(session: WriteSession, training: Training) -> None:
    model = await session.get_one(Model, training.model_id, with_for_update=True)
    if model.published_training_id == training.id and model.status is ModelStatus.PUBLISHED:
        return
    await session.execute(delete(Artifact).where(Artifact.training_id == training.id))
    training.artifacts_deleted_at = await session.scalar(select(func.now()))
    await enqueue(session, MappingJob.REMOVE_TRAINING, subject_id=training.id, user_id=None)
