"""Reports to staff, and their decisions.

The accused user learns the decision, but never who reported them. The reported text is stored with the report, because
staff cannot read messages and the author may change or delete it.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

from limits import RateLimitItemPerHour
from sqlalchemy import func, select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits.social import EVIDENCE_LENGTH_MAX, RESOLUTION_LENGTH_MAX
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import Profile, User
from app.models.base import Record
from app.models.kinds.social import SocialNotification
from app.models.mapping.datasets import Dataset
from app.models.mapping.trainings import Model
from app.models.reports import Report, ReportAction, ReportReason, ReportState
from app.models.social import Message, Post
from app.policies import Viewer, require, signed_in, visible
from app.policies.social import may_decide_on_reports
from app.rates import Rates, Share
from app.services.accounts.users.profiles import empty_profile
from app.services.accounts.users.staff import suspend_user
from app.services.social.messages import empty_message
from app.services.social.posts.removal import remove_posts
from app.services.system import audit, notifications
from app.settings import settings

OWNERS: Mapping[type[Record], str] = {
    Post: "author_id",
    Message: "sender_id",
    User: "id",
    Dataset: "user_id",
    Model: "user_id",
}
"""What can be reported, with the column of its owner."""
NAMES = {"Post": "post", "Message": "message", "User": "profile", "Dataset": "dataset", "Model": "model"}
REPORTABLE = {table.__name__: table for table in OWNERS}


def limit_reports(rates: Rates, viewer: Viewer) -> AbstractAsyncContextManager[None]:
    """A block that counts if it succeeds; refused if the viewer reported too much."""
    limit = RateLimitItemPerHour(settings.reports_per_hour_max)
    return rates.spending(Share(limit, f"report:{signed_in(viewer)}", "You sent too many reports."))


async def report(
    session: WriteSession, viewer: Viewer, kind: str, id: int, *, reason: ReportReason, comment: str | None
) -> Report:
    """Reports something that the viewer sees and that is not theirs."""
    own = signed_in(viewer)
    comment = checks.optional_text("comment", comment, length_max=NOTE_LENGTH_MAX)
    if kind not in REPORTABLE:
        raise Invalid("id", "Report a post, a message, a user, a dataset or a model.")
    table = REPORTABLE[kind]
    # Locked until its text and picture are stored.
    query = visible(table, viewer).where(table.id == id).with_for_update(of=table, read=True)
    row = await session.scalar(query)
    if row is None:
        raise NotFound("There is no object with this id.")
    accused_id = getattr(row, OWNERS[table])
    if accused_id == own:
        raise Invalid("id", "This is your own. Report something of another user.")
    if getattr(row, "deleted_at", None) is not None:
        raise Conflict("This was already deleted.")
    created = Report(
        user_id=own, subject_type=kind, subject_key=id, accused_id=accused_id, reason=reason, comment=comment
    )
    created.evidence, created.evidence_key = await _words_of(session, row), getattr(row, "media_key", None)
    session.add(created)
    await session.refresh(created)
    return created


async def _words_of(session: ReadSession, row: Record) -> str:
    """The text of an object."""
    texts: list[str | None] = []
    match row:
        case Post():
            texts = [row.content, row.media_url, row.alt_text]
        case Message():
            texts = [row.content]
        case Dataset():
            texts = [row.name]
        case Model():
            texts = [row.name, row.description]
        case User():
            profile = await session.get_one(Profile, row.id)
            texts = [row.username, row.first_name, row.last_name, row.user_profile]
            texts += [profile.bio, profile.location, profile.website]
    return "\n".join(filter(None, texts))[:EVIDENCE_LENGTH_MAX]


async def resolve_report(
    session: WriteSession, viewer: Viewer, report_id: int, *, action: ReportAction, resolution: str | None
) -> Report:
    """Decides a report, and all open reports of the same object."""
    chosen = await session.scalar(visible(Report, viewer).where(Report.id == report_id))
    if chosen is None:
        raise NotFound("There is no such report.")
    require(may_decide_on_reports, viewer, chosen)
    resolution = checks.optional_text("resolution", resolution, length_max=RESOLUTION_LENGTH_MAX)
    if resolution is None and action is not ReportAction.DISMISS:
        raise Invalid("resolution", "Give a reason: the accused user will read it.")
    # In one order: of two who decide at once the second finds nothing open any more.
    same = Report.subject_type == chosen.subject_type, Report.subject_key == chosen.subject_key
    still_open = select(Report).where(*same, Report.state == ReportState.OPEN).order_by(Report.id)
    settled = (await session.scalars(still_open.with_for_update())).all()
    if report_id not in {each.id for each in settled}:
        raise Conflict("This report was already decided.")
    await _act(session, viewer, chosen, action, resolution or "")
    state = ReportState.DISMISSED if action is ReportAction.DISMISS else ReportState.ACTED_UPON
    now = (await session.scalars(select(func.now()))).one()
    for each in settled:
        each.state, each.action, each.resolution = state, action, resolution
        each.resolved_by_id, each.resolved_at = viewer.user_id, now
        await _tell_reporter(session, each)
    concerned = None if action is ReportAction.DISMISS else chosen.accused_id
    about = f"{chosen.subject_type}:{chosen.subject_key}"
    facts = {"decision": action.value, "of": about, "reports": len(settled)}
    audit.record(session, viewer.user_id, "resolveReport", about=chosen, user_id=concerned, **facts)
    await session.flush()
    return chosen


async def _tell_reporter(session: WriteSession, report: Report) -> None:
    outcome = "found no violation" if report.state is ReportState.DISMISSED else "took action"
    message = f"Staff reviewed the {NAMES[report.subject_type]} that you reported and {outcome}."
    notifications.notify(session, report.user_id, message, about=report, event="resolved")


async def _act(session: WriteSession, viewer: Viewer, report: Report, action: ReportAction, resolution: str) -> None:
    what = NAMES[report.subject_type]
    match action:
        case ReportAction.WARN:
            await _tell_accused(session, report, f"Staff warned you about your {what}: {resolution}")
        case ReportAction.REMOVE_CONTENT:
            await _tell_accused(session, report, f"Staff removed your {what}: {resolution}")
            await _remove(session, report)
        case ReportAction.SUSPEND:
            await suspend_user(session, viewer, report.accused_id, reason=resolution)


async def _remove(session: WriteSession, report: Report) -> None:
    """Removes the reported object; a profile is cleared."""
    match report.subject_type:
        case "Post":
            if not await remove_posts(session, [report.subject_key]):
                raise Conflict("This was already deleted.")
        case "Message":
            query = select(Message).where(Message.id == report.subject_key).with_for_update()
            await empty_message(session, (await session.scalars(query)).one())
        case "User":
            await empty_profile(session, report.subject_key)
        case _:
            raise Invalid("action", "Other users may depend on it. Warn or suspend its owner instead.")


async def _tell_accused(session: WriteSession, report: Report, message: str) -> None:
    """Notifies of the decision, with the object itself if it still exists: the accused cannot see the report."""
    thing: Record | None = await session.get(REPORTABLE[report.subject_type], report.subject_key)
    if thing is None:
        thing = await session.get_one(User, report.accused_id)
    notifications.notify(session, report.accused_id, message, about=thing, kind=SocialNotification.MODERATION)
