"""Messages about a request, and its files."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import func, select

from app import checks, events, parsing
from app.database import Database, ReadSession, WriteSession, after_commit
from app.errors import Invalid, LimitReached, NotFound
from app.formats import attachments
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.limits.consulting import CONSULTING_FILE_BYTES_MAX, CONSULTING_FILE_NAME_LENGTH_MAX
from app.models.consulting.history import ConsultingFile, ConsultingMessage
from app.models.consulting.requests import ConsultingRequest
from app.policies import Viewer, require, signed_in, visible
from app.policies.consulting import Standing, may_write_about_this_consulting_request, takes_part
from app.services import links
from app.services.consulting.requests import text_of
from app.services.consulting.transitions import locked_request, parties_but, topic
from app.services.system import notifications
from app.services.system.files import storage_usage
from app.services.system.files.uploads import Uploaded, UploadLink, upload_link, uploaded, use_up
from app.settings import settings

FILE = links.Kind("consulting_file", "files", ConsultingFile)
FOLDER = "consulting"
USE = "consulting"


class Kept(NamedTuple):
    """An uploaded file whose content was looked at."""

    key: str
    name: str
    media_type: str
    size_bytes: int
    upload_key: str


async def send_message(session: WriteSession, viewer: Viewer, request_id: int, *, content: str) -> ConsultingMessage:
    """A message to all who take part."""
    content = text_of("content", content)
    request = await _request(session, viewer, request_id)
    made = ConsultingMessage(request_id=request.id, user_id=signed_in(viewer), content=content)
    session.add(made)
    await session.flush()
    events.record(session, topic(request.id), {"message": made.id})
    await _tell(
        session, viewer, request, "There is a new message about a consulting request.", event=f"message {made.id}"
    )
    return made


async def _request(session: WriteSession, viewer: Viewer, request_id: int) -> ConsultingRequest:
    standing = await locked_request(session, viewer, request_id)
    require(may_write_about_this_consulting_request, viewer, standing)
    return standing.request


async def _tell(session: WriteSession, viewer: Viewer, request: ConsultingRequest, text: str, *, event: str) -> None:
    for user_id in parties_but(request, viewer.user_id):
        notifications.notify(session, user_id, text, about=request, event=event)


async def upload(session: WriteSession, viewer: Viewer, *, media_type: str, bytes: int) -> UploadLink:
    """A link to upload a file for a request to."""
    if media_type not in attachments.MEDIA_TYPES:
        raise Invalid("mediaType", f"Use one of the types {', '.join(attachments.MEDIA_TYPES)}.")
    return await upload_link(
        session, viewer, use=USE, media_type=media_type, bytes=bytes, bytes_max=CONSULTING_FILE_BYTES_MAX
    )


@asynccontextmanager
async def looked_at(
    database: Database, viewer: Viewer, request_id: int, token: str, *, name: str
) -> AsyncIterator[Kept]:
    """Looks at the content of an uploaded file, and keeps it. If the use of it fails, the upload stays available."""
    name = checks.name("name", name, length_max=CONSULTING_FILE_NAME_LENGTH_MAX)
    async with database.reading() as session:
        await _may_add(session, viewer, request_id)
    sent = await uploaded(viewer, token, use=USE)
    kept = await _keep(sent, name)
    try:
        yield kept
    except BaseException:
        await asyncio.shield(storage.delete(kept.key))
        raise


async def _may_add(session: ReadSession, viewer: Viewer, request_id: int) -> None:
    query = visible(ConsultingRequest, viewer).add_columns(takes_part(viewer))
    row = (await session.execute(query.where(ConsultingRequest.id == request_id))).one_or_none()
    if row is None:
        raise NotFound("There is no such consulting request.")
    require(may_write_about_this_consulting_request, viewer, Standing(*row))


async def _keep(sent: Uploaded, name: str) -> Kept:
    if sent.size_bytes > CONSULTING_FILE_BYTES_MAX:
        raise Invalid("upload", f"Use a file of at most {CONSULTING_FILE_BYTES_MAX:,} bytes.")
    content = await storage.get(sent.key)
    await parsing.run(attachments.check, content, sent.media_type, field="upload")
    key = f"{FOLDER}/{uuid4().hex}"
    await storage.put(key, content, media_type=sent.media_type)
    return Kept(key, name, sent.media_type, len(content), sent.key)


async def add_file(session: WriteSession, viewer: Viewer, request_id: int, kept: Kept) -> ConsultingFile:
    """Adds a file whose content was looked at to a request."""
    request = await _request(session, viewer, request_id)
    most, of_request = settings.consulting_files_max, ConsultingFile.request_id == request.id
    count = await session.scalar(select(func.count()).select_from(ConsultingFile).where(of_request))
    if (count or 0) >= most:
        raise LimitReached(f"A consulting request has at most {most} files.", limit=most)
    made = ConsultingFile(
        request_id=request.id,
        user_id=signed_in(viewer),
        name=kept.name,
        media_type=kept.media_type,
        size_bytes=kept.size_bytes,
        storage_key=kept.key,
    )
    await use_up(session, kept.upload_key)
    session.add(made)
    await session.flush()
    await storage_usage.require_room(session, signed_in(viewer), field="upload")
    after_commit(session, partial(storage.delete, kept.upload_key))
    events.record(session, topic(request.id), {"file": made.id})
    await _tell(session, viewer, request, "There is a new file for a consulting request.", event=f"file {made.id}")
    return made


def file_link(viewer: Viewer, file: ConsultingFile) -> str:
    """A temporary link to a file, for as long as its holder sees it."""
    return links.signed(FILE, viewer, file.id)


@links.leads_to_file(FILE)
def stored_file(opened: links.Opened) -> StoredFile:
    """The file that a link leads to."""
    file: ConsultingFile = opened.row
    return StoredFile(file.storage_key, file.name, file.media_type)


async def prune_files(database: Database) -> None:
    """Deletes files that no request has; new ones are left alone, since a request may be about to have them."""
    async for keys in storage.old(FOLDER, age_s=settings.uploads_kept_hours * 3_600):
        async with database.reading() as session:
            sought = select(ConsultingFile.storage_key).where(ConsultingFile.storage_key.in_(keys))
            used = set(await session.scalars(sought))
        await storage.delete_all([key for key in keys if key not in used])
