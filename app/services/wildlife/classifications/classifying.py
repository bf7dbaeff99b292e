"""What people see: each has one current row for a medium, which they change until it is approved."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, func, select, update

from app import checks
from app.database import WriteSession
from app.errors import Invalid
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.base import Json
from app.models.kinds.wildlife import WildlifeNotification
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.species import Species
from app.policies import Viewer, signed_in, visible
from app.services.wildlife.classifications import attributes, review_notifications
from app.services.wildlife.classifications import observations as observing
from app.services.wildlife.classifications.access import (
    check_version,
    final_of_medium,
    project_to_classify_in,
    require_type,
)
from app.services.wildlife.classifications.approvals.approving import approve
from app.services.wildlife.classifications.observations import Observation, checked_all
from app.services.wildlife.classifications.rows import Final, insert_observations, insert_rows
from app.settings import settings


@dataclass(frozen=True)
class Content:
    """What a person says of a medium. `is_blank` follows from the observations unless it is given."""

    observations: Sequence[Observation]
    is_blank: bool | None = None
    is_setup: bool = False
    static_attrs: Json = field(default_factory=dict)
    comments: str | None = None

    def values(self) -> dict[str, Any]:
        """The columns of the row."""
        return {
            "is_blank": bool(self.is_blank),
            "is_setup": self.is_setup,
            "static_attrs": self.static_attrs,
            "comments": self.comments,
        }


async def checked(session: WriteSession, project_id: int, content: Content) -> tuple[Content, int | None]:
    """Observations as they are stored, and the version of the classificator that they follow."""
    rules = await attributes.rules_of(session, project_id)
    observations = checked_all(content.observations, count_max=settings.observations_per_classification_max)
    for index, observation in enumerate(observations):
        attributes.check_dynamic(rules, observation, f"observations[{index}]", by_person=True)
    await _check_species(session, observations)
    if content.is_blank and observing.shows_something(observations):
        raise Invalid("isBlank", "A blank medium shows no animal, person or vehicle. Leave out these observations.")
    is_blank = content.is_blank
    if is_blank is None:
        is_blank = bool(observations) and observing.is_blank(observations)
    kept = Content(
        observations,
        is_blank,
        content.is_setup,
        attributes.check_static(rules, content.static_attrs, "staticAttrs", by_person=True),
        checks.optional_text("comments", content.comments, length_max=NOTE_LENGTH_MAX),
    )
    return kept, None if rules is None else rules.version_id


async def _check_species(session: WriteSession, observations: Sequence[Observation]) -> None:
    named = {one.species_id for one in observations if one.species_id is not None}
    if named:
        known = set(await session.scalars(select(Species.id).where(Species.id.in_(named))))
        for index, one in enumerate(observations):
            if one.species_id is not None and one.species_id not in known:
                raise Invalid(f"observations[{index}].speciesId", "There is no such species.")


async def classify(
    session: WriteSession,
    viewer: Viewer,
    *,
    project_id: int,
    resource_id: int,
    content: Content,
    source_id: int | None = None,
    expected_version: int | None = None,
) -> Classification:
    """Writes the viewer's row for a medium. A change of their approved row is feedback; an admin approves it anew."""
    project, is_admin = await project_to_classify_in(session, viewer, project_id)
    kept, version_id = await checked(session, project.id, content)
    final = await final_of_medium(session, project.id, resource_id)
    await check_version(session, final, expected_version)
    return await write(session, viewer, final, kept, version_id=version_id, source_id=source_id, is_admin=is_admin)


async def write(
    session: WriteSession,
    viewer: Viewer,
    final: Final,
    content: Content,
    *,
    version_id: int | None,
    source_id: int | None,
    is_admin: bool,
) -> Classification:
    """Writes the viewer's row below a locked FINAL."""
    await _check_source(session, viewer, final, source_id)
    own = await current_row(session, final, signed_in(viewer))
    if own is not None and own.id == final.source_id:
        if not is_admin:
            return await write_feedback(session, viewer, final, content, version_id=version_id)
        await supersede(session, own)
        row = await _new(session, viewer, final, content, version_id=version_id, source_id=source_id or own.id)
        await approve(session, viewer, final, row)
        return await _again(session, row)
    if own is None:
        return await _new(session, viewer, final, content, version_id=version_id, source_id=source_id)
    forked = {} if source_id is None else {"source_id": source_id}
    return await _replace(session, final, own, content, classificator_version_id=version_id, **forked)


async def _check_source(session: WriteSession, viewer: Viewer, final: Final, source_id: int | None) -> None:
    if source_id is None:
        return
    of_this = visible(Classification, viewer).where(Classification.id == source_id, Classification.final_id == final.id)
    source = await session.scalar(of_this)
    if source is None:
        raise Invalid("sourceClassificationId", "Give a row of AI or a person about the same medium and project.")
    require_type(source, ClassificationType.AI, ClassificationType.USER, field="sourceClassificationId")
    if source.user_id is not None and source.user_id == signed_in(viewer) and source.superseded_at is None:
        raise Invalid("sourceClassificationId", "This is your own row: it is changed in place. Leave it out.")


async def current_row(session: WriteSession, final: Final, user_id: int) -> Classification | None:
    """A person's current row below a FINAL."""
    own = select(Classification).where(
        Classification.final_id == final.id,
        Classification.user_id == user_id,
        Classification.classification_type == ClassificationType.USER,
        Classification.superseded_at.is_(None),
    )
    return await session.scalar(own)


async def supersede(session: WriteSession, row: Classification) -> None:
    """Has a row stay as it is, while a newer one takes its place."""
    await session.execute(update(Classification).where(Classification.id == row.id).values(superseded_at=func.now()))


async def _new(
    session: WriteSession,
    viewer: Viewer,
    final: Final,
    content: Content,
    *,
    version_id: int | None,
    source_id: int | None,
    kind: ClassificationType = ClassificationType.USER,
) -> Classification:
    return await new_row(
        session,
        final,
        content,
        classification_type=kind,
        user_id=signed_in(viewer),
        source_id=source_id,
        classificator_version_id=version_id,
    )


async def new_row(session: WriteSession, final: Final, content: Content, **values: Any) -> Classification:
    """A new row below a locked FINAL, with its observations."""
    [id] = await insert_rows(session, [final.key() | content.values() | values])
    await insert_observations(session, [(id, final, content.observations)])
    return await session.get_one(Classification, id, populate_existing=True)


async def _replace(
    session: WriteSession, final: Final, row: Classification, content: Content, **values: Any
) -> Classification:
    of_row = ClassificationDynamicAttrs.classification_id == row.id
    if not (await session.scalars(delete(ClassificationDynamicAttrs).where(of_row).returning(of_row))).all():
        # Otherwise the database has raised the version: whoever approves this row has not seen what it says now.
        raised = update(Classification).where(Classification.id == final.id)
        await session.execute(raised.values(version=Classification.version + 1))
    changed = update(Classification).where(Classification.id == row.id)
    # Frames name the observations that are gone.
    replaced = {**content.values(), **values, "frames_sha256": None}
    await session.execute(changed.values(**replaced, last_modified=func.now()))
    await insert_observations(session, [(row.id, final, content.observations)])
    return await _again(session, row)


async def _again(session: WriteSession, row: Classification) -> Classification:
    return await session.get_one(Classification, row.id, populate_existing=True)


async def write_feedback(
    session: WriteSession, viewer: Viewer, final: Final, content: Content, *, version_id: int | None
) -> Classification:
    """Writes the viewer's feedback on what is approved; their earlier feedback on the same row is replaced."""
    own = select(Classification).where(
        Classification.source_id == final.source_id,
        Classification.user_id == signed_in(viewer),
        Classification.classification_type == ClassificationType.FEEDBACK,
        Classification.superseded_at.is_(None),
    )
    row = await session.scalar(own)
    if row is not None:
        return await _replace(session, final, row, content, classificator_version_id=version_id)
    approver = await session.scalar(select(Classification.approved_by_id).where(Classification.id == final.id))
    recipients = [] if approver is None else [approver]
    await review_notifications.notify_all(
        session, viewer, WildlifeNotification.CLASSIFICATION_FEEDBACK, final.project_id, recipients
    )
    return await _new(
        session,
        viewer,
        final,
        content,
        version_id=version_id,
        source_id=final.source_id,
        kind=ClassificationType.FEEDBACK,
    )
