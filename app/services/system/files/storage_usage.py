"""How many bytes are kept for an account, and how many may be.

Triggers add the size of each row with a file to `storage_usage` and subtract it again, in the transaction of the
change: expected uploads, media with their previews, files of trainings and predictions, exports, pictures.
`app/operations/stored_bytes.py` names all of them and counts anew.
"""

from dataclasses import dataclass

from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid
from app.models.base import BigInt
from app.models.system import StorageUsage
from app.policies import Viewer, signed_in
from app.settings import settings


@dataclass(frozen=True)
class Stored:
    """The storage that an account uses, and its limit.

    Expected uploads, media with their previews, files of trainings and predictions, exports and pictures count for the
    account that added or requested them. At the limit, upload links and work that leaves files are refused.
    """

    used_bytes: BigInt
    limit_bytes: BigInt


async def stored(session: ReadSession, viewer: Viewer) -> Stored:
    """The bytes of the viewer's files, and the most there may be."""
    return Stored(BigInt(await _used(session, signed_in(viewer))), BigInt(settings.stored_bytes_per_account_max))


async def require_room(session: WriteSession, user_id: int, *, field: str) -> None:
    """Refused if what this transaction has just added is too much for the account.

    The row was locked when it was added to, so of two who add at once, the second sees what the first has added.
    """
    used, most = await _used(session, user_id), settings.stored_bytes_per_account_max
    if used > most:
        raise Invalid(field, f"With this, your files have {used:,} bytes; {most:,} are allowed. {_REMEDY}")


async def require_any_room(session: ReadSession, user_id: int) -> None:
    """Refused if the account has no room for the files that some work leaves."""
    used, most = await _used(session, user_id), settings.stored_bytes_per_account_max
    if used >= most:
        raise Conflict(f"Your files have {used:,} bytes; {most:,} are allowed. {_REMEDY}")


_REMEDY = "Delete media, trainings or predictions first, or ask the operators for more."


async def _used(session: ReadSession, user_id: int) -> int:
    return await session.scalar(select(StorageUsage.used_bytes).where(StorageUsage.id == user_id)) or 0
