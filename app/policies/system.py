"""Who sees jobs, events and notifications."""

from sqlalchemy import ColumnElement, false, true

from app.models import Event, Job, JobKind, UserNotification
from app.policies import Viewer, reads
from app.settings import settings

# Their subjects are public, so how far they are is, too.
PUBLIC_KINDS = (JobKind.TRAIN, JobKind.FETCH_LABELS)


@reads(Job)
def visible_jobs(viewer: Viewer) -> ColumnElement[bool]:
    """Work on public things; one's own; all of it for staff."""
    return true() if viewer.is_staff else Job.kind.in_(PUBLIC_KINDS) | (Job.user_id == viewer.user_id)


@reads(Event)
def visible_events(viewer: Viewer) -> ColumnElement[bool]:
    """Nobody reads them as rows: subscriptions ask for the row an event is about."""
    del viewer
    return false()


@reads(UserNotification)
def visible_notifications(viewer: Viewer) -> ColumnElement[bool]:
    """One's own only, whoever one is."""
    return false() if viewer.user_id is None else UserNotification.user_id == viewer.user_id


def may_see_plans(viewer: Viewer) -> bool:
    """Staff; anybody while the installation is being developed."""
    return viewer.is_staff or not settings.production
