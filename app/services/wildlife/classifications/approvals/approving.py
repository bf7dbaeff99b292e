"""Approves what AI or a person saw, and takes that back. A FINAL points at the approved row."""

from typing import Any

from sqlalchemy import func, update

from app.database import WriteSession
from app.errors import Conflict
from app.models.kinds.wildlife import WildlifeNotification
from app.models.wildlife.approvals import ApprovalAction, ClassificationApproval
from app.models.wildlife.classifications import Classification, ClassificationType
from app.policies import Viewer, signed_in
from app.services.wildlife.classifications import review_notifications
from app.services.wildlife.classifications.access import (
    check_version,
    final_of,
    project_to_approve_in,
    read_final,
    require_type,
    seen,
)
from app.services.wildlife.classifications.rows import Final

NOTHING_APPROVED: dict[str, Any] = {
    "source_id": None,
    "is_approved": False,
    "approved_by_id": None,
    "approved_at": None,
    "bulk_approval_id": None,
    "is_gold_standard": False,
    "is_blank": False,
}


async def approve_classification(
    session: WriteSession, viewer: Viewer, row_id: int, *, expected_version: int
) -> Classification:
    """Makes a row of AI or a person the approved one; the FINAL. Approving it again changes nothing."""
    row = await seen(session, viewer, row_id)
    await project_to_approve_in(session, viewer, row.project_id)
    require_type(row, ClassificationType.AI, ClassificationType.USER)
    final = await final_of(session, row)
    if final.source_id == row.id:
        return await read_final(session, final.id)
    await check_version(session, final, expected_version)
    if row.superseded_at is not None:
        raise Conflict("A newer row took the place of this one. Approve that one.")
    return await approve(session, viewer, final, row)


async def approve(session: WriteSession, viewer: Viewer, final: Final, row: Classification) -> Classification:
    """Points a locked FINAL at a row below it."""
    set_ = update(Classification).where(Classification.id == final.id)
    await session.execute(
        set_.values(
            source_id=row.id,
            is_approved=True,
            approved_by_id=signed_in(viewer),
            approved_at=func.now(),
            bulk_approval_id=None,
            is_gold_standard=False,
            is_blank=row.is_blank,
            is_setup=setup_after(row),
            version=final.version + 1,
            last_modified=func.now(),
        )
    )
    note(session, viewer, final, ApprovalAction.APPROVED, version=final.version + 1, source_id=row.id)
    await session.flush()
    authors = await review_notifications.authors_of(session, [row.id])
    await review_notifications.notify_all(
        session, viewer, WildlifeNotification.CLASSIFICATION_APPROVED, final.project_id, authors
    )
    replaced = await review_notifications.authors_of(session, [final.source_id]) - authors
    await review_notifications.notify_all(
        session, viewer, WildlifeNotification.CLASSIFICATION_REJECTED, final.project_id, replaced
    )
    return await read_final(session, final.id)


def setup_after(row: Classification) -> Any:
    """Whether a FINAL is marked as a set-up once a row is approved."""
    # Models know nothing of set-ups: what an approver marked stays.
    is_marked = row.classification_type is ClassificationType.AI and not row.is_setup
    return Classification.is_setup if is_marked else row.is_setup


def note(
    session: WriteSession,
    viewer: Viewer,
    final: Final,
    action: ApprovalAction,
    *,
    version: int,
    source_id: int | None = None,
) -> None:
    """Adds to the history of a FINAL."""
    session.add(
        ClassificationApproval(
            final_id=final.id, action=action, source_id=source_id, user_id=signed_in(viewer), version=version
        )
    )


async def unapprove_classification(
    session: WriteSession, viewer: Viewer, row_id: int, *, expected_version: int
) -> Classification:
    """Takes an approval back; the rows of AI and people stay. What is not approved stays as it is."""
    row = await seen(session, viewer, row_id)
    await project_to_approve_in(session, viewer, row.project_id)
    final = await final_of(session, row)
    if final.source_id is None:
        return await read_final(session, final.id)
    await check_version(session, final, expected_version)
    changed = update(Classification).where(Classification.id == final.id)
    await session.execute(changed.values(**NOTHING_APPROVED, version=final.version + 1, last_modified=func.now()))
    note(session, viewer, final, ApprovalAction.UNAPPROVED, version=final.version + 1)
    await session.flush()
    authors = await review_notifications.authors_of(session, [final.source_id])
    await review_notifications.notify_all(
        session, viewer, WildlifeNotification.CLASSIFICATION_REJECTED, final.project_id, authors
    )
    return await read_final(session, final.id)
