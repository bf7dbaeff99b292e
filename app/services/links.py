"""Signed links: what a link leads to, who it was given to, and whether their right still holds.

A link names the right of its holder, which is checked whenever the link is used: whether the account is active, whether
the session or API key still exists, and whether the holder still sees the row. Each domain declares its kinds of links
beside the use case that signs them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from itsdangerous import BadSignature
from sqlalchemy import Select, func, or_, select

from app.database import ReadSession
from app.errors import Expired, Forbidden
from app.gateways.storage import StoredFile
from app.models.accounts import ApiKey, Session, User
from app.models.base import Record
from app.policies import Viewer, Visibility, visible
from app.security.signing import Seal
from app.settings import settings

GONE = "This link no longer works: what it led to is gone, or its holder may no longer see it."


@dataclass(frozen=True)
class Kind:
    """A kind of link: its name, the route it leads to, and the table of the row that its holder must see."""

    name: str
    route: str
    model: type[Record]
    # What must hold beside that, where seeing the row is not enough.
    also: Visibility | None = None

    def __post_init__(self) -> None:
        assert self.name not in KINDS, f"there are two kinds of links named {self.name}"
        KINDS[self.name] = self


KINDS: dict[str, Kind] = {}
FILES: dict[Kind, Callable[["Opened"], StoredFile]] = {}


class Opened(NamedTuple):
    """A link whose holder may still use it."""

    kind: Kind
    holder: Viewer
    row: Any
    facts: list[Any]


def leads_to_file(kind: Kind) -> Callable[[Callable[[Opened], StoredFile]], Callable[[Opened], StoredFile]]:
    """Registers which file a link of this kind leads to; the kind's route is `files`."""
    assert kind.route == "files"

    def register(file: Callable[[Opened], StoredFile]) -> Callable[[Opened], StoredFile]:
        FILES[kind] = file
        return file

    return register


def signed(kind: Kind, viewer: Viewer, row_id: int, *facts: Any, s: int | None = None) -> str:
    """A temporary link: whoever has it may do to a row what the viewer may, for `s` seconds if these are given."""
    right = [viewer.user_id, viewer.is_staff, viewer.session_id, viewer.key_id, row_id]
    return _address(kind, [int(time.time()) + (s or settings.file_link_s), *right, *facts])


def signed_for_account(kind: Kind, user_id: int, *facts: Any) -> str:
    """A link for a mail; it holds for as long as the account exists."""
    return _address(kind, [None, user_id, False, None, None, user_id, *facts])


async def opened(session: ReadSession, route: str, token: str) -> Opened:
    """What a link leads to; Forbidden if it was not signed here, Expired if its time or the holder's right is over."""
    try:
        name, expires, user_id, as_staff, session_id, key_id, row_id, *facts = _seal(route).loads(token)
    except BadSignature:
        raise Forbidden("This link is not valid: it was not signed here.") from None
    if expires is not None and expires < time.time():
        raise Expired("This link has expired.")
    kind = KINDS.get(name)
    if kind is None:  # signed by a newer version, before this one was installed again
        raise Expired(GONE)
    holder = await _holder(session, Viewer(user_id, as_staff, session_id, key_id))
    row = holder and await session.scalar(_shown(kind, holder).where(kind.model.id == row_id))
    if holder is None or row is None:
        raise Expired(GONE)
    return Opened(kind, holder, row, facts)


def _shown(kind: Kind, holder: Viewer) -> Select[Any]:
    query = visible(kind.model, holder)
    return query if kind.also is None else query.where(kind.also(holder))


def _address(kind: Kind, right: list[Any]) -> str:
    token = _seal(kind.route).dumps([kind.name, *right])
    return f"{(settings.public_url or '').rstrip('/')}/{kind.route}/{token}"


def _seal(route: str) -> Seal:
    return Seal(f"links.{route}")


async def _holder(session: ReadSession, grantee: Viewer) -> Viewer | None:
    """Who a link was given to, with the rights they still have; None if the account is closed or signed out."""
    if grantee.user_id is None:
        return Viewer()
    holder = select(User).where(User.id == grantee.user_id, User.is_active)
    if grantee.session_id is not None:
        of_session = Session.id == grantee.session_id, Session.expires_at > func.now()
        holder = holder.where(select(Session.id).where(*of_session, Session.user_id == User.id).exists())
    if grantee.key_id is not None:
        of_key = ApiKey.id == grantee.key_id, or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > func.now())
        holder = holder.where(select(ApiKey.id).where(*of_key, ApiKey.user_id == User.id).exists())
    user = await session.scalar(holder)
    return Viewer(user.id, is_staff=grantee.is_staff and user.is_staff) if user else None
