"""Files that clients send: an address to send one to, and taking it into use once it is there.

Nothing is kept of an upload but the file. Who may use it, and what for, is sealed in the name that the client is given.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import uuid4

from itsdangerous import BadSignature
from limits import RateLimitItemPerDay, RateLimitItemPerHour

from app import checks
from app.database import ReadSession
from app.errors import Invalid, NotFound
from app.gateways import storage
from app.models.base import BigInt
from app.policies import Viewer, signed_in
from app.rates import Rates, Share
from app.services import links
from app.settings import settings
from app.signing import Seal

FOLDER = "uploads"


@dataclass(frozen=True)
class UploadLink:
    """An address to send one file to, once: a PUT with the file as its body and its type as Content-Type."""

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
    """A block that counts what is to be sent if it succeeds; passes while the account has sent little.

    What nobody takes into use is forgotten within a day: so the day's share bounds what of it is kept, too.
    """
    account, cost = f"account:{signed_in(viewer)}", max(bytes, 0)
    shares = (
        (RateLimitItemPerHour(settings.upload_bytes_per_hour_max), "hour"),
        (RateLimitItemPerDay(settings.upload_bytes_per_day_max), "day"),
    )
    return rates.spending(
        *(
            Share(limit, f"upload-bytes:{span}:{account}", f"You may send {limit.amount:,} bytes in a {span}.", cost)
            for limit, span in shares
        )
    )


def upload_link(viewer: Viewer, *, use: str, media_type: str, bytes: int, bytes_max: int) -> UploadLink:
    """An address for a file of the viewer's, of a type that the caller has checked, for one use such as `avatar`."""
    user_id = signed_in(viewer)
    checks.within("bytes", bytes, 1, min(bytes_max, settings.upload_bytes_max))
    storage.require_room(bytes)
    key = f"{FOLDER}/{uuid4().hex}"
    return UploadLink(
        upload=Seal("uploaded").dumps([user_id, use, key, media_type, bytes]),
        url=storage.presigned_upload(key) or links.signed(links.UPLOAD, viewer, user_id, key, bytes, media_type),
        media_type=media_type,
        bytes_max=BigInt(bytes),
        expires_at=datetime.now(UTC) + timedelta(seconds=settings.file_link_s),
    )


async def upload_of(session: ReadSession, token: str) -> Upload:
    """What the token of an address allows whoever it was given to."""
    return Upload(*(await links.opened(session, links.UPLOAD.route, token)).facts)


async def uploaded(viewer: Viewer, upload: str, *, use: str) -> Uploaded:
    """The file that the viewer sent for this use; Invalid if there is none. Who has taken it over deletes it."""
    viewer_id = signed_in(viewer)
    try:
        user_id, meant, key, media_type, bytes_max = Seal("uploaded").loads(upload)
    except BadSignature:
        raise Invalid("upload", "Give the `upload` of a link that you were given.") from None
    if user_id != viewer_id or meant != use:
        raise Invalid("upload", "This upload is another's, or was meant for something else.")
    try:
        size = await storage.size(key)
    except NotFound:
        raise Invalid("upload", "Nothing has arrived at this address, or it was used already.") from None
    if size > bytes_max:  # an object store does not mind
        raise Invalid("upload", f"This file has {size:,} bytes; its link was for {bytes_max:,}.")
    return Uploaded(key, media_type, size)


async def prune_uploads() -> None:
    """Forgets files that nobody took into use, and those that never arrived whole."""
    for folder in (FOLDER, storage.ARRIVING):
        async for keys in storage.old(folder, age_s=settings.uploads_kept_hours * 3_600):
            await storage.delete_all(keys)
