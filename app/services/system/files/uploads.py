"""File uploads: a link to send a file to, and its use once it has arrived.

Who may use it, and for what, is signed into the name that the client gets. A row counts its bytes as stored as soon as
there is a link; the link works as long as that row is there.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import uuid4

from itsdangerous import BadSignature
from limits import RateLimitItemPerDay, RateLimitItemPerHour
from sqlalchemy import delete, func, select

from app import checks
from app.database import Database, ReadSession, WriteSession
from app.errors import Expired, Invalid, NotFound
from app.gateways import storage
from app.models.base import BigInt
from app.models.system import FileUpload
from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.security.signing import Seal
from app.services import links
from app.services.system.files import storage_usage
from app.settings import settings

UPLOAD = links.Kind("upload", "uploads", FileUpload)
FOLDER = "uploads"
BATCH = 500
USED = "Nothing was uploaded to this link, or the upload was already used. Upload the file first."


@dataclass(frozen=True)
class UploadLink:
    """A link to upload one file to, once: PUT the file as the body, with its type as Content-Type."""

    upload: str
    url: str
    media_type: str
    bytes_max: BigInt
    expires_at: datetime


class Upload(NamedTuple):
    """What a link lets its holder send, once."""

    key: str
    bytes_max: int
    media_type: str


class Uploaded(NamedTuple):
    """A file that has arrived."""

    key: str
    media_type: str
    size_bytes: int


def pace_bytes(rates: Rates, viewer: Viewer, *, bytes: int) -> AbstractAsyncContextManager[None]:
    """A block that counts the bytes to be sent if it succeeds; refused if the account has sent too much."""
    account, cost = f"account:{signed_in(viewer)}", max(bytes, 0)
    shares = (
        (RateLimitItemPerHour(settings.upload_bytes_per_hour_max), "hour"),
        (RateLimitItemPerDay(settings.upload_bytes_per_day_max), "day"),
    )
    return rates.spending(
        *(
            Share(
                limit,
                f"upload-bytes:{span}:{account}",
                f"The limit for uploads is {limit.amount:,} bytes per {span}.",
                cost,
            )
            for limit, span in shares
        )
    )


def address_for(viewer: Viewer, kind: links.Kind, row: Any, media_type: str) -> str:
    """Where the viewer may PUT the one file that a row expects, once."""
    key, bytes = row.storage_key, row.size_bytes
    return storage.presigned_upload(key) or links.signed(kind, viewer, row.id, key, bytes, media_type)


async def upload_link(
    session: WriteSession, viewer: Viewer, *, use: str, media_type: str, bytes: int, bytes_max: int
) -> UploadLink:
    """An upload link of the viewer's, with a type checked by the caller, for one purpose such as `avatar`."""
    user_id = signed_in(viewer)
    checks.within("bytes", bytes, 1, min(bytes_max, settings.upload_bytes_max))
    storage.require_room(bytes)
    row = FileUpload(user_id=user_id, storage_key=f"{FOLDER}/{uuid4().hex}", size_bytes=bytes)
    session.add(row)
    await session.flush()
    await storage_usage.require_room(session, user_id, field="bytes")
    return UploadLink(
        upload=Seal("uploaded").dumps([user_id, use, row.storage_key, media_type, bytes]),
        url=address_for(viewer, UPLOAD, row, media_type),
        media_type=media_type,
        bytes_max=BigInt(bytes),
        expires_at=datetime.now(UTC) + timedelta(seconds=settings.file_link_s),
    )


async def upload_of(session: ReadSession, token: str) -> Upload:
    """What the token of an address allows whoever it was given to, as long as the file is still expected."""
    opened = await links.opened(session, UPLOAD.route, token)
    upload = Upload(*opened.facts)
    if opened.row.storage_key != upload.key:
        raise Expired(links.GONE)
    return upload


async def uploaded(viewer: Viewer, upload: str, *, use: str) -> Uploaded:
    """The file the viewer uploaded for this purpose; Invalid if there is none. The caller deletes it after use."""
    viewer_id = signed_in(viewer)
    try:
        user_id, purpose, key, media_type, bytes_max = Seal("uploaded").loads(upload)
    except BadSignature:
        raise Invalid("upload", "This is not a valid upload. Give the `upload` value of an upload link.") from None
    if user_id != viewer_id or purpose != use:
        raise Invalid("upload", "This upload belongs to another user or has another purpose.")
    try:
        size = await storage.size(key)
    except NotFound:
        raise Invalid("upload", USED) from None
    if size > bytes_max:  # an object store does not mind
        raise Invalid(
            "upload", f"This file has {size:,} bytes, but its link was for {bytes_max:,}. Request a new link."
        )
    return Uploaded(key, media_type, size)


async def use_up(session: WriteSession, key: str) -> None:
    """Uses an upload, which works once, however soon it is asked for again. The caller deletes the file."""
    used = delete(FileUpload).where(FileUpload.storage_key == key).returning(FileUpload.id)
    if await session.scalar(used) is None:
        raise Invalid("upload", USED)


async def release(session: WriteSession, *keys: str) -> None:
    """Counts uploads that have been used as stored no longer. The caller deletes the files."""
    await session.execute(delete(FileUpload).where(FileUpload.storage_key.in_(keys)))


async def prune_uploads(database: Database) -> None:
    """Deletes unused and incomplete uploads, and no longer counts those that never came or are gone."""
    for folder in (FOLDER, storage.ARRIVING):
        async for keys in storage.old(folder, age_s=settings.uploads_kept_hours * 3_600):
            await storage.delete_all(keys)
    last, over = 0, func.now() - timedelta(seconds=settings.file_link_s + settings.upload_s_max)
    while True:
        waiting = select(FileUpload).where(FileUpload.id > last, FileUpload.created_at < over)
        async with database.reading() as session:
            rows = (await session.scalars(waiting.order_by(FileUpload.id).limit(BATCH))).all()
        if not rows:
            return
        last = rows[-1].id
        gone = [row.storage_key for row in rows if not await storage.exists(row.storage_key)]
        async with database.writing() as writing:
            await release(writing, *gone)
