"""Signed links to rows: each says who it was given to, and is good for as long as they may see the row."""

from typing import Any

from sqlalchemy import select

from app.database import ReadSession
from app.gateways import storage
from app.models.accounts import User
from app.models.base import Record
from app.policies import Viewer, visible
from app.settings import settings

GONE = "This link is good no more: what it was for is gone, or may not be seen any longer by whom it was given to."


def signed(use: str, viewer: Viewer, row_id: int, *facts: Any) -> str:
    """An address at which whoever has it may read of a row what the viewer may, for a while."""
    return storage.signed_address(use, [viewer.user_id, viewer.is_staff, row_id, *facts], settings.file_link_s)


async def opened(session: ReadSession, use: str, model: type[Record], token: str) -> list[Any]:
    """The row's key and the facts of such an address; Expired once its holder may not see the row."""
    user_id, as_staff, row_id, *facts = storage.opened(use, token)
    holder = await _holder(session, user_id, as_staff=as_staff)
    seen = holder and await session.scalar(visible(model, holder).where(model.id == row_id).with_only_columns(model.id))
    if not seen:
        raise storage.Expired(GONE)
    return [row_id, *facts]


async def _holder(session: ReadSession, user_id: int | None, *, as_staff: bool) -> Viewer | None:
    """Who a link was given to, with the rights they still have; None if their account is closed."""
    if user_id is None:
        return Viewer()
    user = await session.scalar(select(User).where(User.id == user_id, User.is_active))
    return Viewer(user.id, is_staff=as_staff and user.is_staff) if user else None
