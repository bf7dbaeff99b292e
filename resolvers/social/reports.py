"""Asking staff to look at something, and what they do about it."""

import strawberry
from sqlalchemy import ColumnElement, Select, case

from app.models.social import Report, ReportAction, ReportReason, ReportState
from app.policies import AnyViewer, signed_in, visible
from app.policies.accounts import visible_users
from app.services.social import reports as reports_service
from app.services.social.posts import pictures
from resolvers import ids
from resolvers.context import Info


def reports(info: Info, state: ReportState | None = None, subject: strawberry.ID | None = None) -> Select[Report]:
    """What was reported: for staff by everybody, but for what is about themselves; for others what they reported.

    state: Only those in this state; staff find those that wait with OPEN, and the longest with `orderBy: OLDEST`.
    subject: Only those of this thing.
    """
    signed_in(info.context.viewer)
    found = visible(Report, info.context.viewer)
    if subject is not None:
        kind, key = ids.decode(subject)
        found = found.where(Report.subject_type == kind, Report.subject_key == key)
    return found if state is None else found.where(Report.state == state)


def evidence(viewer: AnyViewer) -> ColumnElement[str | None]:
    """What it said when it was reported; null to who does not see whose it is, and once their account was deleted."""
    return case((Report.accused.has(visible_users(viewer)), Report.evidence))


def evidence_url(root: strawberry.Parent[Report], info: Info) -> str | None:
    """For a while, a link to the picture it showed when it was reported; only for staff, until they decide."""
    return pictures.evidence_url(root) if info.context.viewer.is_staff else None


async def report(info: Info, id: strawberry.ID, reason: ReportReason, comment: str | None = None) -> Report:
    """Has staff look at something of another's; they do not learn by whom it was reported.

    id: What: a post, a message to the viewer, a person, a dataset or a model.
    reason: What is wrong with it.
    comment: What staff should know, in at most 500 characters.
    """
    viewer, (kind, key) = info.context.viewer, ids.decode(id)
    async with reports_service.pace_reports(info.context.rates, viewer), info.context.writing() as session:
        return await reports_service.report(session, viewer, kind, key, reason=reason, comment=comment)


async def resolve_report(info: Info, id: strawberry.ID, action: ReportAction, resolution: str | None = None) -> Report:
    """Decides on a report, and on all that are open of the same thing; whoever reported it is told. Staff only.

    id: Which report.
    action: What is done about it. WARN and REMOVE_CONTENT are told to whose it is.
    resolution: Why; in at most 400 characters that whoever reported it and whose it is read. Only DISMISS needs none.
    """
    async with info.context.writing() as session:
        key = ids.key(id, Report)
        return await reports_service.resolve_report(
            session, info.context.viewer, key, action=action, resolution=resolution
        )
