"""What people saw, by files: written as rows of whoever imports them, many media at a time, and approved if wanted."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, insert, select, update

from app.database import ReadSession, WriteSession
from app.models.base import Json
from app.models.wildlife.approvals import ApprovalAction, ClassificationApproval
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.services.wildlife.classifications import review_notifications
from app.services.wildlife.classifications.observations import Observation, checked_all, is_blank
from app.services.wildlife.classifications.rows import Final, finals_where, insert_observations, insert_rows
from app.services.wildlife.exchange.imports.staging import Staged
from app.settings import settings


@dataclass(frozen=True)
class Seen:
    """One person's classification of a medium."""

    final_id: int
    observations: Sequence[Observation]
    is_setup: bool = False
    comments: str | None = None
    static_attrs: Json = field(default_factory=dict)
    # The records that say so, in the order of the observations.
    records: Sequence[Staged] = ()

    def values(self) -> dict[str, Any]:
        """The columns of the row."""
        return {
            "is_blank": bool(self.observations) and is_blank(self.observations),
            "is_setup": self.is_setup,
            "comments": self.comments,
            "static_attrs": self.static_attrs,
        }


async def write_people(session: WriteSession, user_id: int, seen: Sequence[Seen], version_id: int | None) -> list[int]:
    """Writes a person's rows below FINALs, which it locks; the keys of the rows in the order given.

    An earlier row of theirs is replaced. If it is approved it stays as it is, and a new one becomes the current one.
    """
    finals = {final.id: final for final in await _locked(session, [each.final_id for each in seen])}
    present = [each for each in seen if each.final_id in finals]
    current = await _current(session, user_id, list(finals))
    approved = {key: id for key, id in current.items() if id == finals[key].source_id}
    kept = {key: id for key, id in current.items() if key not in approved}
    await _make_room(session, superseded=list(approved.values()), emptied=list(kept.values()))
    shared = {"classificator_version_id": version_id}
    key = {"classification_type": ClassificationType.USER, "user_id": user_id}
    again = [{"id": kept[each.final_id], **each.values()} for each in present if each.final_id in kept]
    if again:
        await session.execute(update(Classification), [shared | values for values in again])
    new = [each for each in present if each.final_id not in kept]
    made = await insert_rows(session, [shared | key | finals[each.final_id].key() | each.values() for each in new])
    ids = kept | dict(zip((each.final_id for each in new), made, strict=True))
    most = settings.observations_per_classification_max
    rows = [
        (ids[each.final_id], finals[each.final_id], checked_all(each.observations, count_max=most)) for each in present
    ]
    await insert_observations(session, rows)
    return [ids[each.final_id] for each in present]


async def _locked(session: WriteSession, ids: Sequence[int]) -> list[Final]:
    return await finals_where(session, Classification.id.in_(ids))


async def _current(session: WriteSession, user_id: int, final_ids: Sequence[int]) -> dict[int, int]:
    rows = select(Classification.final_id, Classification.id).where(
        Classification.final_id.in_(final_ids),
        Classification.classification_type == ClassificationType.USER,
        Classification.user_id == user_id,
        Classification.superseded_at.is_(None),
    )
    return {final_id: id for final_id, id in (await session.execute(rows)).all() if final_id is not None}


async def _make_room(session: WriteSession, *, superseded: list[int], emptied: list[int]) -> None:
    if superseded:
        older = update(Classification).where(Classification.id.in_(superseded))
        await session.execute(older.values(superseded_at=func.now()))
    if emptied:
        of_these = ClassificationDynamicAttrs.classification_id.in_(emptied)
        await session.execute(delete(ClassificationDynamicAttrs).where(of_these))


async def replaced_by(session: ReadSession, row_ids: Sequence[int]) -> set[int]:
    """The people whose approved rows would no longer be approved if these are."""
    named = select(Classification.final_id).where(Classification.id.in_(row_ids))
    approved = select(Classification.source_id).where(
        Classification.id.in_(named), Classification.source_id.not_in(row_ids)
    )
    return await review_notifications.authors_of(session, (await session.scalars(approved)).all())


async def approve_all(session: WriteSession, user_id: int, row_ids: Sequence[int]) -> int:
    """Points the FINALs of rows at them, unless they point there already; how many changed."""
    row = select(Classification).where(Classification.id.in_(row_ids)).subquery("row")
    changed = (
        update(Classification)
        .where(Classification.id == row.c.final_id, Classification.source_id.is_distinct_from(row.c.id))
        .values(
            source_id=row.c.id,
            is_approved=True,
            approved_by_id=user_id,
            approved_at=func.now(),
            bulk_approval_id=None,
            is_gold_standard=False,
            is_blank=row.c.is_blank,
            is_setup=row.c.is_setup,
            version=Classification.version + 1,
            last_modified=func.now(),
        )
        .returning(Classification.id, Classification.source_id, Classification.version)
        .execution_options(synchronize_session=False)
    )
    finals = (await session.execute(changed)).all()
    if finals:
        action = {"action": ApprovalAction.APPROVED, "user_id": user_id}
        approved = [
            {**action, "final_id": final.id, "source_id": final.source_id, "version": final.version} for final in finals
        ]
        await session.execute(insert(ClassificationApproval), approved)
    return len(finals)
