"""Finding things by id, notifications, and what this installation offers."""

import asyncio
from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app.errors import BadRequest, NotFound
from app.events import Happening, SourceStream
from app.models import Record, UserNotification
from app.policies import signed_in, visible
from app.services import system
from app.services.system import notifications as telling
from app.settings import settings
from resolvers.context import Info
from resolvers.ids import decode, key


@dataclass(frozen=True)
class NotificationEvent:
    """A notification as it comes in."""

    cursor: str
    notification: UserNotification | None


SHOWN: dict[str, type[Record]] = {}
"""The tables that have a GraphQL type, by its name; `schema.row` fills it."""


def _model(id: str) -> type[Record]:
    name, _ = decode(id)
    if name not in SHOWN:
        raise NotFound(f"There is nothing with the id {id[:40]!r}.")
    return SHOWN[name]


async def node(info: Info, id: strawberry.ID) -> Record:
    """Anything by its id.

    id: Its id.
    """
    return await info.context.find(_model(id), id)


async def nodes(info: Info, ids: list[strawberry.ID]) -> list[Record | BaseException]:
    """Many things by their ids, in this order; null, with an error, where there is nothing.

    ids: Their ids, at most 100.
    """
    if len(ids) > settings.nodes_max:
        raise BadRequest(f"Ask for at most {settings.nodes_max} at a time; these are {len(ids)}.")
    return await asyncio.gather(*(node(info, id) for id in ids), return_exceptions=True)


async def subject(root: strawberry.Parent[UserNotification], info: Info) -> Record | None:
    """What it is about, if that is still there and may be seen."""
    model = SHOWN.get(root.subject_type or "")
    return None if model is None or root.subject_key is None else await info.context.load.one(model, root.subject_key)


def notifications(info: Info, is_read: bool | None = None) -> Select[UserNotification]:
    """What the viewer was told, newest first.

    is_read: Only those already read, or only those not read yet.
    """
    signed_in(info.context.viewer)
    found = visible(UserNotification, info.context.viewer)
    return found if is_read is None else found.where(UserNotification.is_read.is_(is_read))


async def mark_notifications_read(info: Info, ids: list[strawberry.ID]) -> list[UserNotification]:
    """Marks notifications of the viewer's as read; those that are keep their date.

    ids: Which.
    """
    keys = [key(id, UserNotification) for id in ids]
    async with info.context.writing() as session:
        return await system.read_notifications(session, info.context.viewer, ids=keys)


async def notification_received(info: Info, after: str | None = None) -> SourceStream[NotificationEvent]:
    """Every notification of the viewer's as it comes in.

    after: Continue after this cursor: what was missed comes first. Without it, what comes from now on.
    """
    context, topic = info.context, telling.topic(signed_in(info.context.viewer))

    async def event(happening: Happening) -> NotificationEvent:
        found = await context.renewed().load.one(UserNotification, happening.payload["notification"])
        return NotificationEvent(happening.position.cursor, found)

    start = await context.feed.beginning(after)
    return SourceStream(context.feed, topic, start, event, is_resumed=after is not None)
