"""Marks media: blank, set-up, gold standard. And classifies all media of a sequence alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from sqlalchemy import exists, func, select, update

from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource
from app.models.wildlife.media import Sequence as MediaSequence
from app.models.wildlife.observations import OF_INTEREST, ClassificationDynamicAttrs
from app.policies import Viewer, signed_in, visible
from app.services.wildlife.classifications.access import (
    project_to_approve_in,
    project_to_classify_in,
    read_final,
)
from app.services.wildlife.classifications.classifying import Content, checked, write
from app.services.wildlife.classifications.rows import IS_FINAL, Final, finals_where
from app.settings import settings


class ItemOutcome(Enum):
    """What came of one of several media: done, nothing to do, or refused, with the reason.

    DONE: It was done.
    UNCHANGED: There was nothing to do.
    REFUSED: It was refused; the reason says why.
    """

    DONE = "DONE"
    UNCHANGED = "UNCHANGED"
    REFUSED = "REFUSED"


@dataclass(frozen=True)
class ItemResult:
    """What came of one of several media."""

    classification: Classification
    outcome: ItemOutcome
    reason: str | None = None


@dataclass(frozen=True)
class ItemResults:
    """What came of several media: a result for each, in the order asked for."""

    items: list[ItemResult]


@dataclass(frozen=True)
class Marks:
    """The marks to set, or to take back; None leaves one as it is."""

    is_blank: bool | None = None
    is_setup: bool | None = None
    is_gold_standard: bool | None = None

    def changes(self) -> dict[str, bool]:
        """The columns to set."""
        return {name: value for name, value in vars(self).items() if value is not None}


async def mark_classifications(
    session: WriteSession, viewer: Viewer, row_ids: Sequence[int], marks: Marks
) -> ItemResults:
    """Sets marks of FINALs, which may be named by any row of theirs; each gets a result of its own."""
    if not marks.changes():
        raise Invalid("isBlank", "Give at least one of isBlank, isSetup and isGoldStandard.")
    finals = await _finals_named(session, viewer, row_ids)
    for project_id in {final.project_id for final in finals}:
        await project_to_approve_in(session, viewer, project_id)
    return ItemResults([await _mark(session, final, marks) for final in finals])


async def _finals_named(session: WriteSession, viewer: Viewer, row_ids: Sequence[int]) -> list[Final]:
    """The FINALs of rows, locked together, in the order of the rows."""
    signed_in(viewer)
    if not 0 < len(row_ids) <= settings.classifications_at_once_max:
        raise Invalid("ids", f"Give 1 to {settings.classifications_at_once_max} ids; these are {len(row_ids)}.")
    key = func.coalesce(Classification.final_id, Classification.id)
    sought = visible(Classification, viewer).where(Classification.id.in_(row_ids))
    named = dict((await session.execute(sought.with_only_columns(Classification.id, key))).all())
    if missing := [id for id in row_ids if id not in named]:
        raise NotFound(f"There is no classification for item {row_ids.index(missing[0]) + 1} of `ids`.")
    keys = list(dict.fromkeys(named[id] for id in row_ids))
    locked = {final.id: final for final in await finals_where(session, Classification.id.in_(keys))}
    return [locked[key] for key in keys if key in locked]


async def _mark(session: WriteSession, final: Final, marks: Marks) -> ItemResult:
    present = await read_final(session, final.id)
    changes = {name: value for name, value in marks.changes().items() if getattr(present, name) is not value}
    if not changes:
        return ItemResult(present, ItemOutcome.UNCHANGED)
    if reason := await _refusal(session, present, changes):
        return ItemResult(present, ItemOutcome.REFUSED, reason)
    changed = update(Classification).where(Classification.id == final.id)
    await session.execute(changed.values(**changes, version=Classification.version + 1, last_modified=func.now()))
    return ItemResult(await read_final(session, final.id), ItemOutcome.DONE)


async def _refusal(session: WriteSession, final: Classification, changes: dict[str, bool]) -> str | None:
    source = None if final.source_id is None else await session.get_one(Classification, final.source_id)
    if "is_blank" in changes and source is not None:
        of_source = ClassificationDynamicAttrs.classification_id == source.id
        of_interest = ClassificationDynamicAttrs.observation_type.in_(OF_INTEREST)
        shows = await session.scalar(select(exists().where(of_source, of_interest)))
        if changes["is_blank"] and shows:
            return "What is approved shows an animal, a person or a vehicle. Approve another classification first."
        if not changes["is_blank"] and source.is_blank:
            return "What is approved says that it is blank. Approve another classification first."
    if changes.get("is_gold_standard"):
        if source is None:
            return "Only an approved classification can be a gold standard. Approve one first."
        if source.classification_type is not ClassificationType.USER:
            return "A gold standard is verified by a person. Classify the medium yourself, and approve that."
    return None


async def classify_sequence(
    session: WriteSession, viewer: Viewer, *, project_id: int, sequence_id: int, content: Content
) -> ItemResults:
    """Says the same of all media of a sequence that the project has; each gets a result of its own."""
    project, is_admin = await project_to_classify_in(session, viewer, project_id)
    sequence = await session.scalar(visible(MediaSequence, viewer).where(MediaSequence.id == sequence_id))
    if sequence is None:
        raise NotFound("There is no such sequence.")
    kept, version_id = await checked(session, project.id, content)
    members = select(Resource.id).where(Resource.sequence_id == sequence.id)
    finals = await finals_where(
        session, Classification.project_id == project.id, Classification.resource_id.in_(members), IS_FINAL
    )
    if not finals:
        raise Invalid("sequenceId", "The classification project has no medium of this sequence.")
    if len(finals) > settings.classifications_at_once_max:
        raise Invalid(
            "sequenceId",
            f"The sequence has {len(finals)} media, more than the {settings.classifications_at_once_max} that can be "
            "classified at once. Classify them by ones.",
        )
    return ItemResults(
        [
            ItemResult(
                await write(session, viewer, final, kept, version_id=version_id, source_id=None, is_admin=is_admin),
                ItemOutcome.DONE,
            )
            for final in finals
        ]
    )
