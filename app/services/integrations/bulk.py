"""Bulk queries: a query over a whole list, read page by page by a job and kept as files for a while."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import and_, delete, func, or_, select

from app import checks
from app.database import Database, ReadSession, WriteSession, after_commit
from app.errors import Conflict, Expired, NotFound
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.limits.integrations import BULK_DOCUMENT_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import BigInt
from app.models.integrations import BulkQuery
from app.models.kinds.integrations import IntegrationsJob
from app.policies import Viewer, signed_in, visible
from app.queue import enqueue
from app.services import links
from app.services.integrations.answering import Answers
from app.services.system import audit, jobs
from app.services.system.files import storage_usage
from app.services.system.notifications import notify
from app.settings import settings

BULK_QUERY = links.Kind("bulk-query", "files", BulkQuery)
FOLDER = "bulk"
NDJSON, CSV = "ndjson", "csv"
MEDIA_TYPES = {NDJSON: "application/x-ndjson", CSV: "text/csv; charset=utf-8"}


@dataclass(frozen=True)
class Part:
    """Rows that were read in one turn: their file, where the next page begins, and how many the whole list has."""

    key: str
    size_bytes: int
    rows: int
    after: str | None
    total: int | None


def folder(query: BulkQuery) -> str:
    """Where its files are."""
    return f"{FOLDER}/{query.user_id}/{query.id}"


def topic_of(query_id: int) -> str:
    """The topic of a bulk query's events."""
    return f"bulk-query:{query_id}"


async def start_bulk_query(
    session: WriteSession, viewer: Viewer, answers: Answers, *, document: str, variables: Any
) -> BulkQuery:
    """Starts a query of the viewer's over a whole list."""
    user_id = signed_in(viewer)
    text = checks.text("document", document, length_max=BULK_DOCUMENT_LENGTH_MAX, is_one_line=False)
    values = {} if variables is None else checks.json_object("variables", variables)
    answers.check(text, values)
    await storage_usage.require_any_room(session, user_id)
    # An unfinished one blocks the next.
    query = BulkQuery(user_id=user_id, document=text, variables=values, as_staff=viewer.is_staff)
    query.is_flat = answers.columns(text) is not None
    session.add(query)
    await session.flush()
    query.job_id = (await enqueue(session, IntegrationsJob.BULK_QUERY, subject_id=query.id, user_id=user_id)).id
    audit.record(session, user_id, "startBulkQuery", about=query)
    await session.flush()
    return query


async def cancel_bulk_query(session: WriteSession, viewer: Viewer, query_id: int) -> BulkQuery:
    """Asks a bulk query of the viewer's to stop; what it has read is removed."""
    query = await session.scalar(visible(BulkQuery, viewer).where(BulkQuery.id == query_id))
    if query is None:
        raise NotFound("There is no such bulk query.")
    if query.finished_at is not None or query.failure is not None or query.job_id is None:
        raise Conflict("This has already ended.")
    if await jobs.cancel(session, query.job_id):
        await query_failed(session, query.id, jobs.CANCELLED)
    return query


def bulk_link(viewer: Viewer, query: BulkQuery, kind: str) -> str | None:
    """A temporary download link for the owner."""
    if query.storage_key is None or (kind == CSV and not query.is_flat):
        return None
    return links.signed(BULK_QUERY, viewer, query.id, kind)


@links.leads_to_file(BULK_QUERY)
def bulk_file(opened: links.Opened) -> StoredFile:
    """The file that a link leads to, until it is to be removed."""
    query: BulkQuery = opened.row
    [kind] = opened.facts
    if query.storage_key is None or query.expires_at is None or query.expires_at < datetime.now(UTC):
        raise Expired(links.GONE)
    return StoredFile(file_key(query, kind), f"bulk-query.{kind}", MEDIA_TYPES[kind])


def file_key(query: BulkQuery, kind: str) -> str:
    """Where the finished rows are, as lines of JSON or as a table."""
    return f"{query.storage_key}.{kind}"


async def to_run(session: ReadSession, query_id: int) -> BulkQuery:
    """The query as it is now."""
    return await session.get_one(BulkQuery, query_id, populate_existing=True)


async def viewer_of(session: ReadSession, query: BulkQuery) -> Viewer:
    """Who asks, with the rights that they have now; Conflict once the account is closed."""
    user = await session.scalar(select(User).where(User.id == query.user_id, User.is_active))
    if user is None:
        raise Conflict("The account was closed.")
    return Viewer(user.id, is_staff=query.as_staff and user.is_staff)


async def note_part(session: WriteSession, query_id: int, part: Part) -> None:
    """Notes that some rows are kept, and where the next page begins."""
    query = await session.get_one(BulkQuery, query_id, with_for_update=True, populate_existing=True)
    query.parts = [*query.parts, part.key]
    query.after, query.is_read = part.after, part.after is None
    query.row_count = BigInt(query.row_count + part.rows)
    query.size_bytes = BigInt(query.size_bytes + part.size_bytes)
    query.total = query.total if part.total is None else BigInt(part.total)
    await session.flush()
    await storage_usage.require_any_room(session, query.user_id)


async def finish_query(session: WriteSession, query_id: int, *, key: str, size_bytes: int) -> None:
    """Marks the query as ready and notifies its owner; the parts are removed."""
    query = await session.get_one(BulkQuery, query_id, with_for_update=True, populate_existing=True)
    now = (await session.scalars(select(func.now()))).one()
    query.storage_key, query.size_bytes, query.parts = key, BigInt(size_bytes), []
    query.finished_at, query.expires_at = now, now + timedelta(days=settings.bulk_queries_kept_days)
    await session.flush()
    message = f"Your bulk query is ready: {query.row_count:,} rows."
    notify(session, query.user_id, message, about=query, event="ready")
    parts = f"{folder(query)}/parts"
    after_commit(session, lambda: storage.delete(parts))


async def query_failed(session: WriteSession, query_id: int, reason: str) -> None:
    """Marks the query as failed, with the reason; what it has read is removed."""
    query = await session.get_one(BulkQuery, query_id, with_for_update=True, populate_existing=True)
    query.failure, query.size_bytes, query.parts = reason[:NOTE_LENGTH_MAX], BigInt(0), []
    await session.flush()
    if reason != jobs.CANCELLED:
        notify(session, query.user_id, f"Your bulk query failed. {reason}", about=query, event="failed")
    files = folder(query)
    after_commit(session, lambda: storage.delete(files))


async def remove_old_queries(database: Database) -> None:
    """Deletes expired results, those of deleted accounts, and their rows."""
    limit = func.now() - timedelta(days=settings.bulk_queries_kept_days)
    is_over = or_(
        BulkQuery.expires_at < func.now(),
        and_(BulkQuery.failure.is_not(None), BulkQuery.created_at < limit),
        User.anonymised_at.is_not(None),
    )
    over = select(BulkQuery).join(User, User.id == BulkQuery.user_id).where(is_over)
    async with database.reading() as reading:
        queries = (await reading.scalars(over)).all()
    for query in queries:
        await storage.delete(folder(query))
    async with database.writing() as session:
        await session.execute(delete(BulkQuery).where(BulkQuery.id.in_([query.id for query in queries])))
