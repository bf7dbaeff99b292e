"""Feedback on what is approved: anybody in the project gives it, an admin takes it over."""

from app.database import WriteSession
from app.errors import Conflict
from app.models.wildlife.classifications import Classification, ClassificationType
from app.policies import Viewer
from app.services.wildlife.classifications.access import (
    check_version,
    final_of,
    project_to_approve_in,
    project_to_classify_in,
    read_final,
    require_type,
    seen,
)
from app.services.wildlife.classifications.approvals.approving import approve
from app.services.wildlife.classifications.classifying import (
    Content,
    checked,
    current_row,
    new_row,
    supersede,
    write_feedback,
)
from app.services.wildlife.classifications.rows import observations_of


async def give_feedback(
    session: WriteSession, viewer: Viewer, row_id: int, *, content: Content, expected_version: int | None = None
) -> Classification:
    """Says how an approved classification should be. It changes nothing until an admin accepts it."""
    row = await seen(session, viewer, row_id)
    await project_to_classify_in(session, viewer, row.project_id)
    kept, version_id = await checked(session, row.project_id, content)
    final = await final_of(session, row)
    await check_version(session, final, expected_version)
    if final.source_id is None:
        raise Conflict("Nothing is approved for this medium, so there is nothing to correct. Classify it instead.")
    if row.id not in {final.id, final.source_id}:
        raise Conflict("This row is not the approved one. Give feedback on the row that is.")
    return await write_feedback(session, viewer, final, kept, version_id=version_id)


async def accept_feedback(
    session: WriteSession, viewer: Viewer, row_id: int, *, expected_version: int
) -> Classification:
    """Copies feedback to a USER row of its author and approves that; the FINAL."""
    row = await seen(session, viewer, row_id)
    await project_to_approve_in(session, viewer, row.project_id)
    require_type(row, ClassificationType.FEEDBACK)
    final = await final_of(session, row)
    if row.superseded_at is not None:
        raise Conflict("This feedback was accepted already.")
    await check_version(session, final, expected_version)
    if row.source_id != final.source_id:
        raise Conflict("This feedback corrects a row that is not approved any more. Look at what is approved now.")
    assert row.user_id is not None, "feedback has an author"
    if (own := await current_row(session, final, row.user_id)) is not None:
        await supersede(session, own)
    content = Content(
        await observations_of(session, row.id), row.is_blank, row.is_setup, row.static_attrs, row.comments
    )
    copy = await new_row(
        session,
        final,
        content,
        classification_type=ClassificationType.USER,
        user_id=row.user_id,
        source_id=row.id,
        classificator_version_id=row.classificator_version_id,
    )
    await supersede(session, row)
    await approve(session, viewer, final, copy)
    return await read_final(session, final.id)
