"""Data exports: requested by the user, made by a job, kept for a while."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, delete, func, or_, select

from app.database import Database, ReadSession, WriteSession
from app.errors import Expired, LimitReached
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import DataExport, User
from app.models.base import BigInt
from app.models.kinds.accounts import AccountsJob, AccountsMail
from app.models.system import Mail
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services import links
from app.services.system import audit
from app.services.system.mail import Letter, post, writes
from app.services.system.notifications import notify
from app.settings import settings

DATA_EXPORT = links.Kind("data-export", "files", DataExport)
FOLDER = "exports"
MEDIA_TYPE = "application/zip"
FILENAME = "fieldgraph.zip"


def export_key(export: DataExport, fence: int) -> str:
    """Where an attempt stores its archive."""
    return f"{_folder(export.user_id, export.id)}/{fence}.zip"


def _folder(user_id: int, export_id: int) -> str:
    return f"{FOLDER}/{user_id}/{export_id}"


def export_topic(export_id: int) -> str:
    """The topic of an export's events."""
    return f"data-export:{export_id}"


async def export_my_data(session: WriteSession, viewer: Viewer) -> DataExport:
    """Starts an export of all the viewer's data."""
    user_id = signed_in(viewer)
    # An unfinished export blocks the next one, so two requests cannot be counted at once.
    export = DataExport(user_id=user_id)
    session.add(export)
    await session.flush()
    lately = DataExport.created_at > func.now() - timedelta(days=1)
    recent_exports = select(func.count()).where(DataExport.user_id == user_id, lately, DataExport.failure.is_(None))
    if (await session.scalar(recent_exports) or 0) > settings.data_exports_per_day_max:
        raise LimitReached(
            "You have reached the daily limit for data exports. Try again tomorrow.",
            limit=settings.data_exports_per_day_max,
        )
    export.job_id = (await enqueue(session, AccountsJob.EXPORT_DATA, subject_id=export.id, user_id=user_id)).id
    audit.record(session, user_id, "exportMyData", about=export)
    await session.flush()
    return export


def export_link(viewer: Viewer, export: DataExport) -> str | None:
    """A temporary download link for the owner."""
    if export.storage_key is None:
        return None
    return links.signed(DATA_EXPORT, viewer, export.id)


@links.leads_to_file(DATA_EXPORT)
def export_file(opened: links.Opened) -> StoredFile:
    """The archive that a link leads to, until it is to be removed."""
    export: DataExport = opened.row
    if export.storage_key is None or export.expires_at is None or export.expires_at < datetime.now(UTC):
        raise Expired(links.GONE)
    return StoredFile(export.storage_key, FILENAME, MEDIA_TYPE)


async def export_to_make(session: ReadSession, export_id: int) -> tuple[DataExport, str]:
    """What was requested, and the owner's username."""
    query = select(DataExport, User.username).join(User, User.id == DataExport.user_id)
    export, username = (await session.execute(query.where(DataExport.id == export_id))).one()
    return export, username


async def finish_export(session: WriteSession, export_id: int, *, storage_key: str, size_bytes: int) -> None:
    """Marks the export as ready and notifies its owner."""
    export = await session.get_one(DataExport, export_id, with_for_update=True)
    now = (await session.scalars(select(func.now()))).one()
    export.storage_key, export.size_bytes = storage_key, BigInt(size_bytes)
    export.finished_at, export.expires_at = now, now + timedelta(days=settings.data_exports_kept_days)
    notify(session, export.user_id, "Your data export is ready to download.", about=export, event="ready")
    user = await session.get_one(User, export.user_id)
    if user.email is not None and user.email_verified:
        await post(session, AccountsMail.DATA_EXPORT, address=user.email, user_id=user.id, export=export.id)


async def export_failed(session: WriteSession, export_id: int, reason: str) -> None:
    """Marks the export as failed, with the reason."""
    export = await session.get_one(DataExport, export_id, with_for_update=True)
    export.failure = reason[:NOTE_LENGTH_MAX]
    notify(session, export.user_id, f"Your data export failed. {reason}", about=export, event="failed")


@writes(AccountsMail.DATA_EXPORT)
async def export_letter(session: WriteSession, mail: Mail) -> Letter | None:
    """That the export is ready, for the signed-in owner; no email once it is gone."""
    export = await session.get(DataExport, mail.facts["export"])
    if export is None or export.expires_at is None:
        return None
    return Letter(
        mail.address,
        "Fieldgraph: Your data export is ready",
        "The data export that you requested is ready.\n\nSign in and query `dataExports` to "
        f"download it, until {export.expires_at:%d %B %Y}.\n\nIf you did not request it, change "
        f"your password.\n\n{settings.address}\n",
    )


async def remove_old_exports(database: Database) -> None:
    """Deletes expired archives, those of deleted accounts, and their notifications."""
    limit = func.now() - timedelta(days=settings.data_exports_kept_days)
    is_over = or_(
        DataExport.expires_at < func.now(),
        and_(DataExport.failure.is_not(None), DataExport.created_at < limit),
        User.anonymised_at.is_not(None),
    )
    over = select(DataExport.user_id, DataExport.id).join(User, User.id == DataExport.user_id).where(is_over)
    async with database.reading() as reading:
        exports = (await reading.execute(over)).all()
    for user_id, id in exports:
        await storage.delete(_folder(user_id, id))
    async with database.writing() as session:
        await session.execute(delete(DataExport).where(DataExport.id.in_([id for _, id in exports])))
