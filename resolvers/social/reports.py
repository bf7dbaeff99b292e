"""Reports to staff, and their decisions."""

import strawberry
from sqlalchemy import ColumnElement, Select, case

from app.models.reports import Report, ReportAction, ReportReason, ReportState
from app.policies import AnyViewer, signed_in, visible
from app.policies.accounts import visible_users
from app.services.social import reports as reports_service
from app.services.social.posts import pictures
from resolvers import ids
from resolvers.context import Info


def reports(info: Info, state: ReportState | None = None, subject: strawberry.ID | None = None) -> Select[Report]:
    """Reports. Staff see all but those about themselves; other users see the reports they made.

    state: Only reports in this state. Staff find waiting reports with OPEN, oldest first with `orderBy: OLDEST`.
    subject: Only reports of this object.
    """
    signed_in(info.context.viewer)
    query = visible(Report, info.context.viewer)
    if subject is not None:
        kind, key = ids.decode(subject)
        query = query.where(Report.subject_type == kind, Report.subject_key == key)
    return query if state is None else query.where(Report.state == state)


def evidence(viewer: AnyViewer) -> ColumnElement[str | None]:
    """The text when it was reported. Null if the viewer may not see the accused user, or if they were deleted."""
    return case((Report.accused.has(visible_users(viewer)), Report.evidence))


def evidence_url(root: strawberry.Parent[Report], info: Info) -> str | None:
    """A temporary link to the picture shown when it was reported. Only for staff, until they decide."""
    return pictures.evidence_url(info.context.viewer, root)


async def report(info: Info, id: strawberry.ID, reason: ReportReason, comment: str | None = None) -> Report:
    """Reports an object to staff. The accused user does not learn who reported it.

    id: What to report: a post, a message to the viewer, a user, a dataset or a model.
    reason: What is wrong with it.
    comment: A note for staff, at most {texts.NOTE_LENGTH_MAX} characters.
    """
    viewer, (kind, key) = info.context.viewer, ids.decode(id)
    async with reports_service.limit_reports(info.context.rates, viewer), info.context.writing() as session:
        return await reports_service.report(session, viewer, kind, key, reason=reason, comment=comment)


async def resolve_report(info: Info, id: strawberry.ID, action: ReportAction, resolution: str | None = None) -> Report:
    """Decides a report, and all open reports of the same object. The reporters are notified. For staff.

    id: The report.
    action: What to do. WARN and REMOVE_CONTENT notify the accused user.
    resolution: The reason, at most {social.RESOLUTION_LENGTH_MAX} characters; the reporters and the accused can
        read it. Optional only for DISMISS.
    """
    async with info.context.writing() as session:
        key = ids.key(id, Report)
        return await reports_service.resolve_report(
            session, info.context.viewer, key, action=action, resolution=resolution
        )
