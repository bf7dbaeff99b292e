"""How often one person may ask for heavy work."""

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select

from app.database import ReadSession
from app.errors import LimitReached
from app.models import Inspection, Job, Training, User
from app.policies import Viewer


async def not_too_often(
    session: ReadSession,
    viewer: Viewer,
    model: type[Training | Job | Inspection],
    *among: ColumnElement[bool],
    per_hour_max: int,
) -> None:
    """Passes unless the viewer started as many of these within the last hour as one may."""
    # The account is locked first: of many asks at once no more may pass than of as many one by one.
    await session.execute(select(User.id).where(User.id == viewer.user_id).with_for_update(key_share=True))
    lately = model.created_at > func.now() - timedelta(hours=1)
    count = await session.scalar(select(func.count()).where(model.user_id == viewer.user_id, lately, *among))
    if (count or 0) >= per_hour_max:
        raise LimitReached(f"You started {count} of these in the last hour; wait a little.", limit=per_hour_max)
