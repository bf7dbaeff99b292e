"""Writes what AI found: the one door for results of managers, of local models and of files."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import delete, func, select, update

from app.database import WriteSession
from app.errors import Invalid, NotFound
from app.models.base import Json
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.services.wildlife.classifications import attributes
from app.services.wildlife.classifications import observations as observing
from app.services.wildlife.classifications.observations import Observation, checked_all
from app.services.wildlife.classifications.rows import IS_FINAL, Final, finals_where, insert_observations, insert_rows
from app.settings import settings


@dataclass(frozen=True)
class AIResult:
    """The answer of a model about one medium. An answer without observations says that the medium is blank."""

    resource_id: int
    observations: Sequence[Observation]
    frames_sha256: str | None = None
    is_blank: bool | None = None
    is_setup: bool = False
    static_attrs: Json = field(default_factory=dict)


@dataclass(frozen=True)
class Written:
    """The row that was written: its key, those of its observations in the order given, and its FINAL."""

    id: int
    attr_ids: list[int]
    final_id: int
    # Whether an approved row was left as it is, and this one takes its place as the current answer.
    supersedes: bool = False


async def write_ai_classification(
    session: WriteSession,
    project_id: int,
    resource_id: int,
    provider_id: int,
    attrs: Sequence[Observation],
    frames_sha256: str | None = None,
    *,
    is_blank: bool | None = None,
) -> Written:
    """Writes the answer of a provider about one medium. For many media, `write_ai_classifications` is faster."""
    result = AIResult(resource_id, attrs, frames_sha256, is_blank)
    [written] = await write_ai_classifications(session, project_id, provider_id, [result])
    return written


async def write_ai_classifications(
    session: WriteSession, project_id: int, provider_id: int, results: Sequence[AIResult]
) -> list[Written]:
    """Writes the answers of a provider about media of a project, each medium at most once, in the order given.

    An earlier answer is replaced. If it is approved it stays as it is, and a new row becomes the current answer. Raises
    NotFound for a medium that the project does not have, and Invalid for a wrong value; then nothing is written. All
    media of one transaction belong into one call: it locks them in one order, so that two writers never wait for each
    other.
    """
    rules = await attributes.rules_of(session, project_id)
    checked = [_checked(result, rules, index) for index, result in enumerate(results)]
    finals = await _locked_finals(session, project_id, [result.resource_id for result in checked])
    current = await _current(session, provider_id, list(finals.values()))
    approved = {key: id for key, id in current.items() if id == finals[key].source_id}
    kept = {key: id for key, id in current.items() if key not in approved}
    await _make_room(session, superseded=list(approved.values()), emptied=list(kept.values()))
    version_id = rules.version_id if rules else None
    shared = {"classificator_version_id": version_id}
    key = {"classification_type": ClassificationType.AI, "model_id": provider_id}
    again = [{"id": kept[result.resource_id], **_values(result)} for result in checked if result.resource_id in kept]
    if again:
        await session.execute(update(Classification), [shared | values for values in again])
    new = [result for result in checked if result.resource_id not in kept]
    made = await insert_rows(
        session, [shared | key | finals[result.resource_id].key() | _values(result) for result in new]
    )
    ids = kept | dict(zip((result.resource_id for result in new), made, strict=True))
    attr_ids = await insert_observations(
        session,
        [(ids[result.resource_id], finals[result.resource_id], result.observations) for result in checked],
    )
    return [
        Written(ids[key], attr_ids[ids[key]], finals[key].id, key in approved)
        for key in (result.resource_id for result in checked)
    ]


def _checked(result: AIResult, rules: attributes.Rules | None, index: int) -> AIResult:
    place = f"results[{index}].observations"
    observations = checked_all(result.observations, count_max=settings.observations_per_classification_max, place=place)
    for number, observation in enumerate(observations):
        attributes.check_dynamic(rules, observation, f"{place}[{number}]", by_person=False)
    static_attrs = attributes.check_static(rules, result.static_attrs, f"results[{index}].staticAttrs", by_person=False)
    shows_something = observing.shows_something(observations)
    if result.is_blank and shows_something:
        raise Invalid(f"results[{index}].isBlank", "A blank medium shows no animal, person or vehicle.")
    blank = observing.is_blank(observations) if result.is_blank is None else result.is_blank
    return replace(result, observations=observations, static_attrs=static_attrs, is_blank=blank)


async def _locked_finals(session: WriteSession, project_id: int, resource_ids: Sequence[int]) -> dict[int, Final]:
    """The FINALs of media by the keys of these, locked in one order."""
    locked = await finals_where(
        session,
        Classification.project_id == project_id,
        Classification.resource_id.in_(resource_ids),
        IS_FINAL,
    )
    finals = {final.resource_id: final for final in locked}
    if missing := [key for key in resource_ids if key not in finals]:
        raise NotFound(f"The classification project has no medium with the key {missing[0]}.")
    if len(finals) < len(resource_ids):
        raise Invalid("results", "Give each medium once.")
    return finals


async def _current(session: WriteSession, provider_id: int, finals: Sequence[Final]) -> dict[int, int]:
    rows = select(Classification.resource_id, Classification.id).where(
        Classification.final_id.in_([final.id for final in finals]),
        Classification.classification_type == ClassificationType.AI,
        Classification.model_id == provider_id,
        Classification.superseded_at.is_(None),
    )
    return dict((await session.execute(rows)).all())


async def _make_room(session: WriteSession, *, superseded: list[int], emptied: list[int]) -> None:
    if superseded:
        await session.execute(
            update(Classification).where(Classification.id.in_(superseded)).values(superseded_at=func.now())
        )
    if emptied:
        of_these = ClassificationDynamicAttrs.classification_id.in_(emptied)
        await session.execute(delete(ClassificationDynamicAttrs).where(of_these))


def _values(result: AIResult) -> dict[str, Any]:
    return {
        "is_blank": result.is_blank,
        "is_setup": result.is_setup,
        "frames_sha256": result.frames_sha256,
        "static_attrs": result.static_attrs,
    }
