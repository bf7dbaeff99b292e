"""How imports and exports begin and end: events and notifications."""

from typing import Any

from sqlalchemy import func, select

from app import events
from app.database import ReadSession, WriteSession
from app.errors import Conflict
from app.formats.wildlife.problems import Problem
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.wildlife.exchange import ExchangeStatus, WildlifeExport, WildlifeImport
from app.policies import Viewer
from app.services.system import jobs
from app.services.system.files.uploads import release
from app.services.system.notifications import notify_if_visible
from app.services.wildlife.exchange.imports.importing import Reckoning

Work = WildlifeImport | WildlifeExport


def topic_of(work: Work) -> str:
    """The topic of events about an import or an export."""
    return f"{type(work).__name__.lower()}:{work.id}"


def note(session: WriteSession, work: Work) -> None:
    """Publishes a change of status."""
    events.record(session, topic_of(work), {"status": work.status.value})


async def begin(session: WriteSession, work: Work) -> None:
    """Marks work as started."""
    work.status = ExchangeStatus.RUNNING
    note(session, work)


async def owner_of(session: ReadSession, work: Work) -> Viewer:
    """Whoever asked for it, with the rights they have now."""
    user = await session.get_one(User, work.user_id)
    if not user.is_active:
        raise Conflict("The account that asked for this is closed.")
    return Viewer(user.id, is_staff=user.is_staff)


def reckon(row: WildlifeImport, reckoning: Reckoning) -> None:
    """Writes what an import came to."""
    row.counts = reckoning.counts
    row.matched, row.unmatched = reckoning.matched, reckoning.unmatched
    row.problems = [_plain(problem) for problem in reckoning.problems.listed]
    row.error_count = reckoning.problems.errors
    row.warning_count = reckoning.problems.counts["WARNING"]


def _plain(problem: Problem) -> dict[str, Any]:
    return dict(problem._asdict())


async def finish_import(session: WriteSession, row: WildlifeImport, reckoning: Reckoning) -> None:
    """Marks an import as finished."""
    await release(session, *row.files.values())
    reckon(row, reckoning)
    done = "checked" if row.dry_run else "imported"
    counts = reckoning.counts
    message = f"{counts['observations']} observations on {reckoning.matched} known media were {done}."
    await _end(session, row, ExchangeStatus.FINISHED, message)


async def finish_export(session: WriteSession, row: WildlifeExport) -> None:
    """Marks an export as finished."""
    await _end(session, row, ExchangeStatus.FINISHED, "It can be downloaded.")


async def leave_unchanged(session: WriteSession, row: WildlifeImport, earlier: WildlifeImport) -> None:
    """Marks an import as one that was made before."""
    await release(session, *row.files.values())
    row.counts, row.matched, row.unmatched = earlier.counts, earlier.matched, earlier.unmatched
    message = f"The same files were imported before, on {earlier.finished_at:%Y-%m-%d}. Nothing was changed."
    row.problems = [
        {"file": name, "line": None, "field": None, "message": message, "severity": "INFO"} for name in row.files
    ]
    await _end(session, row, ExchangeStatus.UNCHANGED, message)


async def fail(session: WriteSession, work: Work, reason: str) -> None:
    """Marks work as failed, with the reason."""
    work.failure = reason[:NOTE_LENGTH_MAX]
    if isinstance(work, WildlifeImport) and not work.problems:
        file = next(iter(work.files), "")
        work.problems = [{"file": file, "line": None, "field": None, "message": reason[:400], "severity": "ERROR"}]
        work.error_count = 1
    how = "It was cancelled." if reason == jobs.CANCELLED else reason
    await _end(session, work, ExchangeStatus.FAILED, how)


async def _end(session: WriteSession, work: Work, status: ExchangeStatus, how: str) -> None:
    work.status, work.finished_at = status, await session.scalar(select(func.now()))
    note(session, work)
    what = "import" if isinstance(work, WildlifeImport) else "export"
    ended = "failed" if status is ExchangeStatus.FAILED else "finished"
    await notify_if_visible(
        session, work.user_id, f"Your {what} {work.id} has {ended}. {how}", about=work, event=f"ended:{work.job_id}"
    )


async def import_failed(session: WriteSession, import_id: int, reason: str) -> None:
    """What a job that fails for good writes about its import."""
    await fail(session, await session.get_one(WildlifeImport, import_id, with_for_update=True), reason)


async def export_failed(session: WriteSession, export_id: int, reason: str) -> None:
    """What a job that fails for good writes about its export."""
    await fail(session, await session.get_one(WildlifeExport, export_id, with_for_update=True), reason)


async def earlier_of(session: ReadSession, row: WildlifeImport) -> WildlifeImport | None:
    """An earlier import of the same files into the same project with the same options."""
    same = select(WildlifeImport).where(
        WildlifeImport.research_project_id == row.research_project_id,
        WildlifeImport.content_sha256 == row.content_sha256,
        WildlifeImport.classification_project_id.is_not_distinct_from(row.classification_project_id),
        WildlifeImport.status == ExchangeStatus.FINISHED,
        WildlifeImport.dry_run.is_(False),
        WildlifeImport.format == row.format,
        WildlifeImport.options == row.options,
        WildlifeImport.id < row.id,
    )
    return await session.scalar(same.order_by(WildlifeImport.id.desc()).limit(1))
