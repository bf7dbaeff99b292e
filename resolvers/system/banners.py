"""Announcements."""

from dataclasses import dataclass
from datetime import datetime

import strawberry
from sqlalchemy import Select

from app.audience import Happening
from app.events import SourceStream
from app.models.system import Banner
from app.policies import visible
from app.policies.system import is_displayable
from app.services.system import banners as announcing
from app.services.system.banners import BannerChange
from resolvers import ids
from resolvers.context import Info
from resolvers.optional_arguments import given


@dataclass(frozen=True)
class BannerEvent:
    """An announcement that starts, changes or ends."""

    cursor: str
    change: BannerChange
    banner_id: strawberry.ID
    banner: Banner | None


def banners(info: Info, all: bool = False) -> Select[Banner]:
    """The announcements that are shown now.

    all: Those that are over and those to come, too; only staff see them.
    """
    found = visible(Banner, info.context.viewer)
    return found if all else found.where(is_displayable())


async def create_banner(
    info: Info, message: str, start_date: datetime | None = None, end_date: datetime | None = None
) -> Banner:
    """Announces something to everybody; staff may.

    message: What is announced, at most 500 characters.
    start_date: From when it is shown; from now on without it.
    end_date: Until when it is shown; until it is ended without it.
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
    """Changes what is given of an announcement and leaves the rest; staff may.

    id: Which announcement.
    message: Its new words.
    start_date: Its new start.
    end_date: Its new end, which may have passed already; null leaves it open.
    """
    changes = given(message=message, start_date=start_date, end_date=end_date)
    async with info.context.writing() as session:
        return await announcing.update_banner(session, info.context.viewer, ids.key(id, Banner), changes=changes)


async def delete_banner(info: Info, id: strawberry.ID) -> strawberry.ID:
    """Takes an announcement away for good; staff may. Answers with its id.

    id: Which announcement.
    """
    async with info.context.writing() as session:
        return ids.encode(await announcing.delete_banner(session, info.context.viewer, ids.key(id, Banner)))


async def banner_changed(info: Info, after: str | None = None) -> SourceStream[BannerEvent]:
    """Every announcement when it starts, changes or ends; for strangers, too.

    after: Continue after this cursor: what was missed comes first. Without it, what happens from now on.
    """
    context = info.context

    async def event(happening: Happening) -> BannerEvent:
        key, change = happening.payload["banner"], BannerChange(happening.payload["change"])
        found = await context.renewed().load.read(Banner, key)
        return BannerEvent(happening.position.cursor, change, ids.encode_key(Banner, key), found)

    return await SourceStream.since(after, context.feed, announcing.TOPIC, event)
