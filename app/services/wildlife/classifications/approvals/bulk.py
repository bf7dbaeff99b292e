"""Which classifications a bulk approval is about, and what comes of each: counted in a preview, or to be done."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    Select,
    String,
    Subquery,
    any_,
    case,
    cast,
    exists,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from app import checks
from app.database import ReadSession
from app.errors import Invalid, NotFound
from app.models.base import Json
from app.models.wildlife.approvals import ApprovalOutcome
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationType
from app.models.wildlife.species import Species
from app.policies import Viewer, visible
from app.services.wildlife.classifications.access import project_to_approve_in
from app.services.wildlife.classifications.filters import Filter, filtered, with_descendants
from app.settings import settings

Attrs = ClassificationDynamicAttrs
CANDIDATES = (ClassificationType.AI, ClassificationType.USER)
PAGE = 5_000
"""So many media are judged by one statement."""


@dataclass(frozen=True)
class Criteria:
    """What is to be approved: rows by their keys or by a filter, and what keeps a row out."""

    project_id: int
    ids: Sequence[int] | None = None
    filter: Filter | None = None
    limit: int | None = None
    minimum_confidence: float | None = None
    exclude_species: Sequence[int] = ()
    # As the request put it, for people who look at the approval later.
    as_requested: Json | None = None


@dataclass(frozen=True)
class OutcomeCount:
    """How many media come to one outcome."""

    outcome: ApprovalOutcome
    count: int


@dataclass(frozen=True)
class SpeciesCount:
    """How much of one species would be approved: media that show it, and individuals in them."""

    observation_type: ObservationType
    species: Species | None
    media: int
    individuals: int


@dataclass(frozen=True)
class BulkApprovalPreview:
    """What a bulk approval would come to now. Nothing is changed."""

    approvable: int
    outcomes: list[OutcomeCount]
    species: list[SpeciesCount]


@dataclass(frozen=True)
class Judged:
    """What comes of a medium: its FINAL, the row to approve if there is one, and the outcome."""

    final_id: int
    row_id: int | None
    outcome: ApprovalOutcome


async def preview(session: ReadSession, viewer: Viewer, criteria: Criteria) -> BulkApprovalPreview:
    """Counts what would be approved, by species, and what would be left alone."""
    await project_to_approve_in(session, viewer, criteria.project_id)
    judged = await judge(session, viewer, checked(criteria))
    counts: dict[ApprovalOutcome, int] = {}
    for each in judged:
        counts[each.outcome] = counts.get(each.outcome, 0) + 1
    rows = [each.row_id for each in judged if each.outcome is ApprovalOutcome.APPROVED]
    return BulkApprovalPreview(
        approvable=len(rows),
        outcomes=[OutcomeCount(outcome, counts[outcome]) for outcome in ApprovalOutcome if outcome in counts],
        species=await _by_species(session, rows),
    )


async def _by_species(session: ReadSession, rows: Sequence[int | None]) -> list[SpeciesCount]:
    media, individuals = func.count(Attrs.classification_id.distinct()), func.sum(Attrs.count)
    of_rows = Attrs.classification_id == _any_of(rows)
    counted = (
        select(Attrs.observation_type, Species, media, individuals)
        .outerjoin(Species, Species.id == Attrs.species_id)
        .where(of_rows)
        .group_by(Attrs.observation_type, Species.id)
        .order_by(media.desc(), Attrs.observation_type, Species.id)
    )
    return [SpeciesCount(kind, species, *numbers) for kind, species, *numbers in await session.execute(counted)]


def checked(criteria: Criteria) -> Criteria:
    if (criteria.ids is None) == (criteria.filter is None):
        raise Invalid("filter", "Give either ids or a filter.")
    most = settings.bulk_approvals_max
    limit = most if criteria.limit is None else int(checks.within("limit", criteria.limit, 1, most))
    if criteria.ids is not None and not 0 < len(criteria.ids) <= limit:
        raise Invalid("ids", f"Give 1 to {limit} ids; these are {len(criteria.ids)}.")
    if criteria.minimum_confidence is not None:
        checks.within("minimumConfidence", criteria.minimum_confidence, 0, 1)
    if criteria.filter is not None and criteria.filter.classification_type is ClassificationType.FEEDBACK:
        raise Invalid("filter.classificationType", "Accept feedback one by one, with acceptClassificationFeedback.")
    return replace(criteria, limit=limit)


async def judge(session: ReadSession, viewer: Viewer, criteria: Criteria) -> list[Judged]:
    """What comes of each medium meant: as many to approve as may be, and before the last of them all others."""
    if criteria.ids is not None:
        judged = _judging(_rows_named(viewer, criteria), criteria)
        found_rows = await _read(session, select(judged).order_by(judged.c.final_id))
        await _check_ids(session, viewer, criteria, found_rows)
        return found_rows
    first = await _walk(session, viewer, criteria, is_pending=True)
    before = first[-1].final_id if len(first) == criteria.limit else None
    rest = await _walk(session, viewer, criteria, before=before)
    return sorted([*first, *rest], key=lambda each: each.final_id)


async def _walk(
    session: ReadSession, viewer: Viewer, criteria: Criteria, *, is_pending: bool = False, before: int | None = None
) -> list[Judged]:
    """The first media that may be approved, or of those that may not: judged some at a time.

    One statement for all of them would judge every medium of the project before it cut the list.
    """
    assert criteria.limit is not None
    pages: list[Judged] = []
    after = 0
    while len(pages) < criteria.limit:
        some = _rows_meant(viewer, criteria, is_pending=is_pending, after=after, before=before)
        judged = _judging(some, criteria)
        page = await _read(session, select(judged).order_by(judged.c.final_id))
        pages += [each for each in page if (each.outcome is ApprovalOutcome.APPROVED) is is_pending]
        if len(page) < PAGE:
            break
        after = page[-1].final_id
    return pages[: criteria.limit]


async def judge_again(session: ReadSession, criteria: Criteria, before: Sequence[Judged]) -> list[Judged]:
    """The same for some whose FINALs are locked: what has changed since is seen, and none of them is left out."""
    if _lists_finals(criteria):
        assert criteria.filter is not None
        finals = select(Classification).where(Classification.id == _any_of([each.final_id for each in before]))
        meant = _with_candidates(finals, criteria.filter)
    else:
        meant = _grouped(select(Classification).where(Classification.id == _any_of([each.row_id for each in before])))
    now = {each.final_id: each for each in await _read(session, select(_judging(meant, criteria)))}
    settled = {ApprovalOutcome.AMBIGUOUS, ApprovalOutcome.NOTHING_TO_APPROVE}
    return [each if each.outcome in settled else now[each.final_id] for each in before if each.final_id in now]


def _any_of(keys: Sequence[int | None]) -> ColumnElement[Any]:
    return any_(cast(keys, ARRAY(BigInteger)))


def _lists_finals(criteria: Criteria) -> bool:
    return criteria.filter is not None and criteria.filter.classification_type in {None, ClassificationType.FINAL}


async def _check_ids(session: ReadSession, viewer: Viewer, criteria: Criteria, judged: Sequence[Judged]) -> None:
    assert criteria.ids is not None
    sought = visible(Classification, viewer).where(
        Classification.id.in_(criteria.ids), Classification.project_id == criteria.project_id
    )
    columns = (Classification.id, Classification.classification_type)
    types = dict((await session.execute(sought.with_only_columns(*columns))).all())
    for index, id in enumerate(criteria.ids):
        if id not in types:
            raise NotFound(f"The classification project has no classification for item {index + 1} of `ids`.")
        if types[id] not in CANDIDATES:
            raise Invalid(f"ids[{index}]", f"This is a {types[id].value} row. Give rows of the type AI or USER.")
    if any(each.outcome is ApprovalOutcome.AMBIGUOUS for each in judged):
        raise Invalid("ids", "Two of these rows are about the same medium. Give the one to approve.")


async def _read(session: ReadSession, statement: Select[Any]) -> list[Judged]:
    rows = await session.execute(statement)
    return [Judged(final_id, row_id, ApprovalOutcome(outcome)) for final_id, row_id, outcome in rows]


def _rows_named(viewer: Viewer, criteria: Criteria) -> Subquery:
    rows = visible(Classification, viewer).where(
        Classification.project_id == criteria.project_id,
        Classification.id == _any_of(criteria.ids or ()),
        Classification.classification_type.in_(CANDIDATES),
    )
    return _grouped(rows)


def _rows_meant(viewer: Viewer, criteria: Criteria, *, is_pending: bool, after: int, before: int | None) -> Subquery:
    """The next FINALs that a filter means, each with the number of its rows that may be approved, and one of them."""
    assert criteria.filter is not None
    of_finals = _lists_finals(criteria)
    final_id = Classification.id if of_finals else Classification.final_id
    sought = visible(Classification, viewer).where(final_id > after)
    if before is not None:
        sought = sought.where(final_id < before)
    meant = replace(criteria.filter, project_id=criteria.project_id)
    if not of_finals:
        return _grouped(filtered(sought, meant), PAGE)
    if is_pending and meant.approved is None:
        meant = replace(meant, approved=False)  # only these can be approved, and an index has them
    meant = replace(meant, classification_type=ClassificationType.FINAL)
    return _with_candidates(filtered(sought, meant).limit(PAGE), meant)


def _with_candidates(finals: Select[Any], meant: Filter) -> Subquery:
    """FINALs in order, with the candidates of each."""
    row = aliased(Classification)
    is_candidate = [row.final_id == Classification.id, row.classification_type.in_(CANDIDATES)]
    is_candidate += [or_(row.superseded_at.is_(None), row.id == Classification.source_id)]
    is_candidate += [] if meant.provider_id is None else [row.model_id == meant.provider_id]
    is_candidate += [] if meant.user_id is None else [row.user_id == meant.user_id]
    counted = select(func.count(row.id)).where(*is_candidate).correlate(Classification).scalar_subquery()
    first = select(func.min(row.id)).where(*is_candidate).correlate(Classification).scalar_subquery()
    columns = (
        Classification.id.label("final_id"),
        Classification.is_approved,
        Classification.source_id,
        counted.label("count"),
        first.label("row_id"),
    )
    # Without the offset PostgreSQL would take this apart, and count again for each condition.
    return finals.with_only_columns(*columns).order_by(Classification.id).offset(0).subquery("meant")


def _grouped(rows: Select[Any], limit: int | None = None) -> Subquery:
    columns = (
        Classification.final_id.label("final_id"),
        func.count().label("count"),
        func.min(Classification.id).label("row_id"),
    )
    by_final = rows.with_only_columns(*columns).group_by(Classification.final_id).order_by(Classification.final_id)
    grouped = by_final.limit(limit).subquery("grouped")
    final = aliased(Classification)
    whole = select(grouped, final.is_approved, final.source_id).join(final, final.id == grouped.c.final_id)
    return whole.order_by(grouped.c.final_id).offset(0).subquery("meant")


def _judging(meant: Subquery, criteria: Criteria) -> Subquery:
    """What comes of each FINAL as things are now."""
    row = aliased(Classification)
    of_row = Attrs.classification_id == meant.c.row_id
    is_row = row.id == meant.c.row_id
    whens: list[tuple[ColumnElement[bool], str]] = [
        (meant.c.count == 0, "NOTHING_TO_APPROVE"),
        (meant.c.is_approved & (meant.c.source_id == meant.c.row_id) & (meant.c.count == 1), "ALREADY_APPROVED"),
        (meant.c.is_approved.is_(True), "APPROVED_OTHERWISE"),
        (meant.c.count > 1, "AMBIGUOUS"),
        (exists().where(is_row, row.superseded_at.is_not(None)), "NOTHING_TO_APPROVE"),
    ]
    if criteria.exclude_species:
        excluded = Attrs.species_id == any_(with_descendants(criteria.exclude_species))
        whens.append((exists().where(of_row, excluded), "EXCLUDED_SPECIES"))
    if criteria.minimum_confidence is not None:
        confidence = Attrs.classification_confidence
        # What a model says without a confidence is not known to be sure; people give none.
        of_ai = exists().where(is_row, row.classification_type == ClassificationType.AI)
        below = or_(confidence < criteria.minimum_confidence, confidence.is_(None) & of_ai)
        whens.append((exists().where(of_row, below), "BELOW_CONFIDENCE"))
    outcome = case(*((when, literal_column(f"'{name}'")) for when, name in whens), else_=literal_column("'APPROVED'"))
    return select(meant.c.final_id, meant.c.row_id, cast(outcome, String).label("outcome")).subquery("judged")
