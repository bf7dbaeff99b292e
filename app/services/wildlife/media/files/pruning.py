"""Files of media that were asked for or sent, and never read: they are forgotten after a while."""

from datetime import timedelta

from sqlalchemy import delete, func, select

from app.database import Database
from app.gateways import storage
from app.models.wildlife.uploads import MediaUpload
from app.settings import settings

BATCH = 1_000


async def prune_media_uploads(database: Database) -> int:
    """Deletes what has waited too long, with its files; answers how many were deleted."""
    old = func.now() - timedelta(days=settings.media_uploads_kept_days)
    pruned = 0
    while True:
        async with database.writing() as session:
            which = select(MediaUpload.id).where(MediaUpload.created_at < old, MediaUpload.reading_id.is_(None))
            gone = delete(MediaUpload).where(MediaUpload.id.in_(which.limit(BATCH))).returning(MediaUpload.storage_key)
            keys = (await session.scalars(gone)).all()
        await storage.delete_all(keys)
        pruned += len(keys)
        if len(keys) < BATCH:
            return pruned
