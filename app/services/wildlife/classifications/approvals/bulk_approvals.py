"""Carries out bulk approvals in one transaction each, and undoes them.

Each statement is about some of the media: one about all of them would take longer than a statement may.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    String,
    any_,
    case,
    cast,
    func,
    insert,
    literal,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.orm import aliased

from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.models.kinds.wildlife import WildlifeNotification
from app.models.wildlife.approvals import (
    ApprovalAction,
    ApprovalOutcome,
    BulkApproval,
    BulkApprovalItem,
    ClassificationApproval,
)
from app.models.wildlife.classifications import Classification, ClassificationType
from app.policies import Viewer, signed_in, visible
from app.services.wildlife.classifications import review_notifications
from app.services.wildlife.classifications.access import project_to_approve_in
from app.services.wildlife.classifications.approvals.approving import NOTHING_APPROVED
from app.services.wildlife.classifications.approvals.bulk import Criteria, Judged, checked, judge, judge_again
from app.services.wildlife.classifications.rows import finals_where

Final = Classification
T = TypeVar("T")
BATCH = 1_000


async def approve_classifications(session: WriteSession, viewer: Viewer, criteria: Criteria) -> BulkApproval:
    """Approves what is meant, in one transaction, and notes what came of each."""
    await project_to_approve_in(session, viewer, criteria.project_id)
    asked = checked(criteria)
    before = await judge(session, viewer, asked)
    bulk = BulkApproval(
        project_id=criteria.project_id,
        user_id=signed_in(viewer),
        criteria=criteria.as_requested or {},
        approved_count=0,
        skipped_count=0,
    )
    session.add(bulk)
    await session.flush()
    authors: set[int] = set()
    for some in _batches(before):
        await finals_where(session, Classification.id == _any_of([each.final_id for each in some]))
        judged = await judge_again(session, asked, some)
        authors |= await _carry_out(session, bulk, judged)
    await session.flush()
    await review_notifications.notify_all(
        session, viewer, WildlifeNotification.CLASSIFICATION_APPROVED, bulk.project_id, authors
    )
    return bulk


def _batches(all: Sequence[T]) -> Iterator[Sequence[T]]:
    """In the order given, so that of two bulk approvals at once neither waits for the other's end."""
    for begin in range(0, len(all), BATCH):
        yield all[begin : begin + BATCH]


async def _carry_out(session: WriteSession, bulk: BulkApproval, judged: Sequence[Judged]) -> set[int]:
    """Approves what is to be approved of some media; the people whose rows these are."""
    approved = [each.final_id for each in judged if each.outcome is ApprovalOutcome.APPROVED]
    bulk.approved_count += len(approved)
    bulk.skipped_count += len(judged) - len(approved)
    await _write_items(session, bulk, judged)
    await _approve(session, bulk, approved)
    await _note(session, bulk, ApprovalAction.APPROVED, bulk.user_id, approved)
    return await _authors(session, bulk, approved)


async def _write_items(session: WriteSession, bulk: BulkApproval, judged: Sequence[Judged]) -> None:
    columns = (
        cast([each.final_id for each in judged], ARRAY(BigInteger)),
        cast([each.row_id for each in judged], ARRAY(BigInteger)),
        cast([each.outcome.value for each in judged], ARRAY(String)),
    )
    items = func.unnest(*columns).table_valued("final_id", "row_id", "outcome").render_derived()
    values = (
        select(literal(bulk.id), items.c.final_id, items.c.row_id, items.c.outcome, Final.is_blank, Final.is_setup)
        .join(Final, Final.id == items.c.final_id)
        .order_by(items.c.final_id)
    )
    names = ["bulk_approval_id", "final_id", "classification_id", "outcome", "was_blank", "was_setup"]
    await session.execute(insert(BulkApprovalItem).from_select(names, values))


def _approved(bulk: BulkApproval, finals: Sequence[int]) -> list[ColumnElement[bool]]:
    """What says of an item that it was approved and is of one of these FINALs."""
    return [
        BulkApprovalItem.bulk_approval_id == bulk.id,
        BulkApprovalItem.outcome == ApprovalOutcome.APPROVED,
        BulkApprovalItem.final_id == _any_of(finals),
    ]


def _any_of(keys: Sequence[int]) -> ColumnElement[Any]:
    return any_(cast(keys, ARRAY(BigInteger)))


async def _approve(session: WriteSession, bulk: BulkApproval, finals: Sequence[int]) -> None:
    row = aliased(Classification)
    # Models know nothing of set-ups: what an approver marked stays.
    is_marked = (row.classification_type == ClassificationType.AI) & Final.is_setup
    await session.execute(
        update(Final)
        .where(
            Final.id == BulkApprovalItem.final_id,
            row.id == BulkApprovalItem.classification_id,
            *_approved(bulk, finals),
        )
        .values(
            source_id=row.id,
            is_approved=True,
            approved_by_id=bulk.user_id,
            approved_at=func.now(),
            bulk_approval_id=bulk.id,
            is_gold_standard=False,
            is_blank=row.is_blank,
            is_setup=or_(row.is_setup, is_marked),
            # What a trigger would set, set at once: a row less to write.
            informativeness=0,
            version=Final.version + 1,
            last_modified=func.now(),
        )
        .execution_options(synchronize_session=False)
    )


async def _authors(session: WriteSession, bulk: BulkApproval, finals: Sequence[int]) -> set[int]:
    """The people whose rows a bulk approval made the approved ones of these FINALs."""
    if not finals:
        return set()
    items = select(BulkApprovalItem.classification_id).where(*_approved(bulk, finals))
    return await review_notifications.authors_of(session, (await session.scalars(items)).all())


async def _note(
    session: WriteSession, bulk: BulkApproval, action: ApprovalAction, user_id: int, finals: Sequence[int]
) -> None:
    """Adds to the history of each FINAL."""
    columns: tuple[Any, ...] = (
        Final.id,
        literal_column(f"'{action.value}'"),
        Final.source_id,
        literal(user_id),
        literal(bulk.id),
        Final.version,
    )
    entries = select(*columns).where(Final.id == _any_of(finals)).order_by(Final.id)
    names = ["final_id", "action", "source_id", "user_id", "bulk_approval_id", "version"]
    await session.execute(insert(ClassificationApproval).from_select(names, entries))


async def revert_bulk_approval(session: WriteSession, viewer: Viewer, bulk_approval_id: int) -> BulkApproval:
    """Takes back all that a bulk approval approved, unless something was approved over it since."""
    signed_in(viewer)
    sought = visible(BulkApproval, viewer).where(BulkApproval.id == bulk_approval_id)
    bulk = await session.scalar(sought.with_for_update(of=BulkApproval))
    if bulk is None:
        raise NotFound("There is no such bulk approval.")
    await project_to_approve_in(session, viewer, bulk.project_id)
    if bulk.reverted_at is not None:
        return bulk
    finals = await _lock(session, bulk)
    bulk.reverted_at, bulk.reverted_by_id = func.now(), signed_in(viewer)
    authors: set[int] = set()
    for some in _batches(finals):
        reverted = await _revert(session, bulk, some)
        await _note(session, bulk, ApprovalAction.REVERTED, signed_in(viewer), reverted)
        authors |= await _authors(session, bulk, reverted)
    await session.flush()
    await review_notifications.notify_all(
        session, viewer, WildlifeNotification.CLASSIFICATION_REJECTED, bulk.project_id, authors
    )
    await session.refresh(bulk)
    return bulk


async def _lock(session: WriteSession, bulk: BulkApproval) -> list[int]:
    """The FINALs that a bulk approval approved, locked; a Conflict if something was approved over it."""
    is_item = BulkApprovalItem.bulk_approval_id == bulk.id
    items = select(BulkApprovalItem.final_id).where(is_item, BulkApprovalItem.outcome == ApprovalOutcome.APPROVED)
    finals = list(await session.scalars(items.order_by(BulkApprovalItem.final_id)))
    approved_over = 0
    for some in _batches(finals):
        await finals_where(session, Classification.id == _any_of(some))
        over = Final.is_approved & Final.bulk_approval_id.is_distinct_from(bulk.id)
        counted = select(func.count()).select_from(Final).where(Final.id == _any_of(some), over)
        approved_over += await session.scalar(counted) or 0
    if approved_over:
        raise Conflict(
            f"{approved_over} of these media were approved anew since, so nothing is undone. "
            "Take back single approvals with unapproveClassification."
        )
    return finals


async def _revert(session: WriteSession, bulk: BulkApproval, finals: Sequence[int]) -> list[int]:
    """Sets the FINALs back to what they were; those that were unapproved one by one meanwhile are left alone."""
    row = aliased(Classification)
    # A mark that was set or taken back since stays.
    is_as_approved = Final.is_setup == or_(row.is_setup, BulkApprovalItem.was_setup)
    undone = (
        update(Final)
        .where(
            Final.id == BulkApprovalItem.final_id,
            row.id == BulkApprovalItem.classification_id,
            Final.bulk_approval_id == bulk.id,
            *_approved(bulk, finals),
        )
        .values(
            **NOTHING_APPROVED
            | {
                "is_blank": BulkApprovalItem.was_blank,
                "is_setup": case((is_as_approved, BulkApprovalItem.was_setup), else_=Final.is_setup),
            },
            version=Final.version + 1,
            last_modified=func.now(),
        )
        .returning(Final.id)
        .execution_options(synchronize_session=False)
    )
    return list((await session.scalars(undone)).all())
