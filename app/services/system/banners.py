"""Announcements: written by staff, and published to all users when one starts, changes or ends.

`is_announced` is what subscribers last received. It changes with the event, in one transaction and under the row's
lock, so each change is published once, whether a person or the clock causes it.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import Enum

from sqlalchemy import func, select

from app import checks, events
from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.limits.system import BANNER_LENGTH_MAX
from app.models.system import Banner
from app.policies import Viewer, require, signed_in, visible
from app.policies.system import is_displayable, may_write_banners
from app.services.system import audit

TOPIC = "banners"
AT_ONCE = 100

Changes = Mapping[str, str | datetime | None]


class BannerChange(Enum):
    """What happened to an announcement.

    STARTED: It is shown from now on.
    CHANGED: It was changed.
    ENDED: It is no longer shown.
    """

    STARTED = "STARTED"
    CHANGED = "CHANGED"
    ENDED = "ENDED"


async def create_banner(
    session: WriteSession, viewer: Viewer, *, message: str, start_date: datetime | None, end_date: datetime | None
) -> Banner:
    """A new announcement; it starts now unless a start is given."""
    require(may_write_banners, viewer, None)
    now: datetime = (await session.execute(select(func.now()))).scalar_one()
    banner = Banner(start_date=now, user_id=signed_in(viewer))
    _change(banner, {"message": message, "start_date": start_date or now, "end_date": end_date})
    if banner.end_date is not None and banner.end_date <= now:
        raise Invalid("endDate", "The end is in the past, so nobody would see it. Choose a later end.")
    session.add(banner)
    await session.flush()
    audit.record(session, viewer.user_id, "createBanner", about=banner)
    await _tell(session, banner)
    return banner


async def update_banner(session: WriteSession, viewer: Viewer, banner_id: int, *, changes: Changes) -> Banner:
    """Updates an announcement."""
    banner = await _banner_to_change(session, viewer, banner_id)
    _change(banner, changes)
    await session.flush()
    audit.record(session, viewer.user_id, "updateBanner", about=banner, changed=sorted(changes))
    await _tell(session, banner)
    return banner


async def delete_banner(session: WriteSession, viewer: Viewer, banner_id: int) -> Banner:
    """Deletes an announcement; if it was shown, it ends."""
    banner = await _banner_to_change(session, viewer, banner_id)
    audit.record(session, viewer.user_id, "deleteBanner", about=banner)
    if banner.is_announced:
        _record(session, banner, BannerChange.ENDED)
    await session.delete(banner)
    await session.flush()
    return banner


async def _banner_to_change(session: WriteSession, viewer: Viewer, banner_id: int) -> Banner:
    query = visible(Banner, viewer).where(Banner.id == banner_id).with_for_update()
    banner: Banner | None = await session.scalar(query)
    if banner is None:
        raise NotFound("There is no such banner.")
    require(may_write_banners, viewer, banner)
    return banner


def _change(banner: Banner, changes: Changes) -> None:
    """Applies the given values if they are valid together."""
    if "message" in changes:
        message = str(changes["message"])
        banner.message = checks.text("message", message, length_max=BANNER_LENGTH_MAX, is_one_line=False)
    if isinstance(start_date := changes.get("start_date"), datetime):
        banner.start_date = checks.moment("startDate", start_date)
    if "end_date" in changes:
        end_date = changes["end_date"]
        banner.end_date = checks.moment("endDate", end_date) if isinstance(end_date, datetime) else None
    if banner.end_date is not None and banner.end_date <= banner.start_date:
        raise Invalid("endDate", "The end must be after the start.")


async def announce_banners(session: WriteSession) -> int:
    """Publishes announcements that started or ended since the last check; returns how many."""
    turned = select(Banner).where(Banner.is_announced != is_displayable()).order_by(Banner.id).limit(AT_ONCE)
    banners = (await session.scalars(turned.with_for_update(skip_locked=True))).all()
    for banner in banners:
        await _tell(session, banner)
    return len(banners)


async def _tell(session: WriteSession, banner: Banner) -> None:
    """Publishes the current state of an announcement to subscribers who see or saw it."""
    was = banner.is_announced
    banner.is_announced = bool(await session.scalar(select(is_displayable()).where(Banner.id == banner.id)))
    if banner.is_announced:
        _record(session, banner, BannerChange.CHANGED if was else BannerChange.STARTED)
    elif was:
        _record(session, banner, BannerChange.ENDED)
    await session.flush()


def _record(session: WriteSession, banner: Banner, change: BannerChange) -> None:
    events.record(session, TOPIC, {"banner": banner.id, "change": change.value})
