"""Files of exports that are old: they are deleted, and their links are gone."""

from datetime import timedelta

from sqlalchemy import func, select, update

from app.database import Database
from app.gateways import storage
from app.models.wildlife.exchange import WildlifeExport
from app.settings import settings

BATCH = 1_000


async def prune_export_files(database: Database) -> int:
    """Deletes the files of old exports; answers how many were deleted. The exports themselves stay listed."""
    old = func.now() - timedelta(days=settings.wildlife_exports_kept_days)
    kept = select(WildlifeExport.id, WildlifeExport.storage_key).where(
        WildlifeExport.storage_key.is_not(None), WildlifeExport.finished_at < old
    )
    pruned = 0
    while True:
        async with database.writing() as session:
            rows = (await session.execute(kept.limit(BATCH).with_for_update())).all()
            gone = update(WildlifeExport).where(WildlifeExport.id.in_([id for id, _ in rows]))
            await session.execute(gone.values(storage_key=None))
        await storage.delete_all([key for _, key in rows if key is not None])
        pruned += len(rows)
        if len(rows) < BATCH:
            return pruned
