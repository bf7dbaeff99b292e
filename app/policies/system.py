"""Who may see jobs, events and notifications."""

from sqlalchemy import ColumnElement, false, func, or_, true

from app.models.kinds import JobKind
from app.models.system import (
    AuditEntry,
    Banner,
    Event,
    EventEpoch,
    FileUpload,
    IdempotencyKey,
    Job,
    LogEntry,
    Mail,
    NotificationActor,
    StorageUsage,
    UserNotification,
)
from app.policies import AnyViewer, Viewer, names_viewer, reads
from app.policies.accounts import visible_users
from app.settings import settings


@reads(Job)
def visible_jobs(viewer: AnyViewer) -> ColumnElement[bool]:
    """Jobs of public objects, and the viewer's own; all for staff."""
    if viewer.is_staff:
        return true()
    # The subjects of these are public, so how far they are is, too.
    is_public = Job.kind.in_([kind for kind in JobKind if kind.is_public])
    return is_public | names_viewer(viewer, Job.user_id)


@reads(Event, EventEpoch, Mail, IdempotencyKey)
def visible_to_nobody(viewer: AnyViewer) -> ColumnElement[bool]:
    """Not shown as rows: events and keys refer to rows, and emails belong to their receivers."""
    del viewer
    return false()


@reads(FileUpload)
def visible_file_uploads(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own: an upload link works for whoever it was given to."""
    return names_viewer(viewer, FileUpload.user_id)


@reads(StorageUsage)
def visible_storage_usage(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own."""
    return names_viewer(viewer, StorageUsage.id)


@reads(UserNotification)
def visible_notifications(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own, even for staff."""
    return names_viewer(viewer, UserNotification.user_id)


@reads(NotificationActor)
def visible_notification_actors(viewer: AnyViewer) -> ColumnElement[bool]:
    """The actors of the viewer's own notifications whom the viewer sees."""
    if not viewer.is_signed_in:
        return false()
    return NotificationActor.notification.has(visible_notifications(viewer)) & NotificationActor.user.has(
        visible_users(viewer)
    )


def is_displayable() -> ColumnElement[bool]:
    """Whether an announcement has started and has not ended."""
    return (Banner.start_date <= func.now()) & or_(Banner.end_date.is_(None), Banner.end_date > func.now())


@reads(Banner)
def visible_banners(viewer: AnyViewer) -> ColumnElement[bool]:
    """Current announcements for everybody; past and future ones for staff, too."""
    return true() if viewer.is_staff else is_displayable()


def may_write_banners(viewer: Viewer, banner: Banner | None) -> bool:
    """For staff."""
    del banner
    return viewer.is_staff


@reads(AuditEntry)
def visible_audit_entries(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own actions, and what concerns them; all for staff."""
    if viewer.is_staff:
        return true()
    return names_viewer(viewer, AuditEntry.user_id) | names_viewer(viewer, AuditEntry.actor_id)


@reads(LogEntry)
def visible_log_entries(viewer: AnyViewer) -> ColumnElement[bool]:
    """For staff."""
    return true() if viewer.is_staff else false()


def may_see_plans(viewer: Viewer) -> bool:
    """For staff; for everybody while the installation is in development."""
    return viewer.is_staff or not settings.production
