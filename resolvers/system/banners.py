"""Announcements."""

from dataclasses import dataclass
from datetime import datetime

import strawberry
from sqlalchemy import ColumnElement, Select

from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.system import Banner
from app.policies import AnyViewer, visible
from app.policies.system import is_displayable
from app.services.system import banners as announcing
from app.services.system.banners import BannerChange
from resolvers import ids
from resolvers.context import Info
from resolvers.optional_arguments import provided


@dataclass(frozen=True)
class BannerEvent:
    """An announcement that starts, changes or ends."""

    cursor: str
    change: BannerChange
    banner_id: strawberry.ID
    banner: Banner | None


def banners(info: Info, all: bool = False) -> Select[Banner]:
    """The announcements shown now.

    all: Whether to include past and future announcements. For staff.
    """
    query = visible(Banner, info.context.viewer)
    return query if all else query.where(is_displayable())


def displayable(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether it is shown now: it has started, and has not ended."""
    del viewer
    return is_displayable()


async def create_banner(
    info: Info, message: str, start_date: datetime | None = None, end_date: datetime | None = None
) -> Banner:
    """Creates an announcement. For staff.

    message: The text, at most {system.BANNER_LENGTH_MAX} characters.
    start_date: When it starts; by default now.
    end_date: When it ends; by default it is open-ended.
    """
    async with info.context.writing() as session:
        return await announcing.create_banner(
            session, info.context.viewer, message=message, start_date=start_date, end_date=end_date
        )


async def update_banner(
    info: Info,
    id: strawberry.ID,
    message: strawberry.Maybe[str] = None,
    start_date: strawberry.Maybe[datetime] = None,
    end_date: strawberry.Maybe[datetime | None] = None,
) -> Banner:
    """Updates the given fields of an announcement. For staff.

    id: The announcement.
    message: The new text.
    start_date: The new start.
    end_date: The new end, which may be in the past; null makes it open-ended.
    """
    changes = provided(message=message, start_date=start_date, end_date=end_date)
    async with info.context.writing() as session:
        return await announcing.update_banner(session, info.context.viewer, ids.key(id, Banner), changes=changes)


async def delete_banner(info: Info, id: strawberry.ID) -> strawberry.ID:
    """Deletes an announcement. For staff. Returns its id.

    id: The announcement.
    """
    async with info.context.writing() as session:
        return ids.encode(await announcing.delete_banner(session, info.context.viewer, ids.key(id, Banner)))


async def banner_changed(info: Info, after: str | None = None) -> SourceStream[BannerEvent]:
    """Announcements as they start, change or end. Needs no sign-in.

    after: The cursor to continue after; missed events come first. Without it, only new events.
    """
    context = info.context

    async def read(event: StreamEvent) -> BannerEvent:
        key, change = event.payload["banner"], BannerChange(event.payload["change"])
        banner = await context.renewed().load.read(Banner, key)
        return BannerEvent(event.position.cursor, change, ids.encode_key(Banner, key), banner)

    return await SourceStream.since(after, context.events, announcing.TOPIC, read)
