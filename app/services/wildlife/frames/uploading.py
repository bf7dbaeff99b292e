"""Frames that people upload for their classification of a medium: a box for each object in each frame."""

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select, update

from app.database import Database, ReadSession, WriteSession
from app.errors import Conflict, Forbidden, Invalid
from app.models.choices import Scope
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs, ObservationLevel
from app.policies import Viewer, require_scope, signed_in
from app.services.wildlife.classifications.access import final_of, project_to_classify_in, require_type, seen
from app.services.wildlife.frames import storing


@dataclass(frozen=True)
class Wanted:
    """What a file of frames must be about."""

    classification_id: int
    classification_type: ClassificationType
    object_ids: frozenset[int]


async def wanted(session: ReadSession, viewer: Viewer, classification_id: int) -> Wanted:
    """What the frames of a classification must be about, if it is the viewer's own and may still change."""
    signed_in(viewer)
    require_scope(viewer, Scope.WRITE)
    row = await seen(session, viewer, classification_id)
    await project_to_classify_in(session, viewer, row.project_id)
    require_type(row, ClassificationType.USER, ClassificationType.FEEDBACK)
    if row.user_id != signed_in(viewer):
        raise Forbidden("Only the author of a classification may upload its frames.")
    is_source = select(Classification.id).where(Classification.source_id == row.id)
    approved = is_source.where(Classification.classification_type == ClassificationType.FINAL)
    if row.superseded_at is not None or await session.scalar(approved) is not None:
        raise Conflict("An approved classification never changes. Classify the medium anew, and upload its frames.")
    objects = select(ClassificationDynamicAttrs.id).where(
        ClassificationDynamicAttrs.classification_id == row.id,
        ClassificationDynamicAttrs.observation_level == ObservationLevel.OBJECT,
    )
    return Wanted(row.id, row.classification_type, frozenset(await session.scalars(objects)))


async def upload_frames(database: Database, viewer: Viewer, classification_id: int, source: Path) -> str:
    """Checks a file of frames in a child and keeps it; its digest. The row is asked again before it is written.

    UnreadableFrames if the file breaks a rule of the contract.
    """
    async with database.reading() as session:
        about = await wanted(session, viewer, classification_id)
    digest, report = await storing.store_payload(source, object_ids=about.object_ids)
    header = report["header"]
    if (header["classification_id"], header["classification_type"]) != (
        about.classification_id,
        about.classification_type.value,
    ):
        raise Invalid("classification_id", "These are the frames of another classification.")
    async with database.writing() as session:
        await _keep(session, viewer, about, digest)
    return digest


async def _keep(session: WriteSession, viewer: Viewer, about: Wanted, digest: str) -> None:
    row = await seen(session, viewer, about.classification_id)
    final = await final_of(session, row)
    if await wanted(session, viewer, about.classification_id) != about:
        raise Conflict("The classification was changed meanwhile. Read its objects again, and upload their frames.")
    if row.frames_sha256 == digest:
        return
    named = update(Classification).where(Classification.id == row.id)
    await session.execute(named.values(frames_sha256=digest, last_modified=func.now()))
    # Whoever approves this row has not seen these frames.
    raised = update(Classification).where(Classification.id == final.id)
    await session.execute(raised.values(version=Classification.version + 1))
