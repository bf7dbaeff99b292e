"""Finds what somebody may classify or approve, locked as it is changed."""

from sqlalchemy import select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Forbidden, Invalid, NotFound
from app.models.wildlife.classification_projects import ClassificationProject, ClassificationProjectStatus
from app.models.wildlife.classifications import Classification, ClassificationType
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.classifications import approves_in_project, classifies_in_project
from app.services.wildlife.classifications.errors import StaleClassification
from app.services.wildlife.classifications.rows import IS_FINAL, Final, finals_where


async def project_to_approve_in(session: ReadSession, viewer: Viewer, project_id: int) -> ClassificationProject:
    """A project of which the viewer is an admin, and which is open to work."""
    project, may_approve, _ = await _found(session, viewer, project_id)
    if not may_approve:
        raise Forbidden("Only admins of the classification project may do this.")
    return _open(project)


async def project_to_classify_in(
    session: ReadSession, viewer: Viewer, project_id: int
) -> tuple[ClassificationProject, bool]:
    """A project in which the viewer may classify, and which is open to work; and whether they are an admin of it."""
    project, may_approve, may_classify = await _found(session, viewer, project_id)
    if not may_classify:
        raise Forbidden("Only members of the classification project may do this. Ask one of its admins to add you.")
    return _open(project), may_approve


async def project_to_change(session: WriteSession, viewer: Viewer, project_id: int) -> ClassificationProject:
    """A project of which the viewer is an admin, locked; it may be finished."""
    project, may_approve, _ = await _found(session, viewer, project_id, is_locked=True)
    if not may_approve:
        raise Forbidden("Only admins of the classification project may do this.")
    if project.disabled_at is not None:
        raise Conflict("This classification project was deleted; its approved classifications are only kept.")
    return project


async def _found(
    session: ReadSession, viewer: Viewer, project_id: int, *, is_locked: bool = False
) -> tuple[ClassificationProject, bool, bool]:
    signed_in(viewer)
    sought = visible(ClassificationProject, viewer).where(ClassificationProject.id == project_id)
    rights = sought.add_columns(
        approves_in_project(viewer).label("may_approve"), classifies_in_project(viewer).label("may_classify")
    )
    if is_locked:
        rights = rights.with_for_update(of=ClassificationProject, key_share=True)
    row = (await session.execute(rights)).one_or_none()
    if row is None:
        raise NotFound("There is no such classification project.")
    project, may_approve, may_classify = row
    return project, may_approve, may_classify


def _open(project: ClassificationProject) -> ClassificationProject:
    if project.disabled_at is not None:
        raise Conflict("This classification project was deleted; its approved classifications are only kept.")
    if project.status is ClassificationProjectStatus.FINISHED:
        raise Conflict("This classification project is finished. An admin can open it again.")
    return project


async def seen(session: ReadSession, viewer: Viewer, row_id: int) -> Classification:
    """A classification that the viewer sees."""
    signed_in(viewer)
    row = await session.scalar(visible(Classification, viewer).where(Classification.id == row_id))
    if row is None:
        raise NotFound("There is no such classification.")
    return row


async def final_of(session: WriteSession, row: Classification) -> Final:
    """The FINAL that a row belongs to, or is, locked. The row itself is read again as it is now."""
    key = row.id if row.final_id is None else row.final_id
    finals = await finals_where(session, Classification.id == key)
    if not finals:
        raise NotFound("This classification was deleted meanwhile.")
    await session.refresh(row)
    return finals[0]


async def final_of_medium(session: WriteSession, project_id: int, resource_id: int) -> Final:
    """The FINAL of a medium in a project, locked."""
    finals = await finals_where(
        session, Classification.project_id == project_id, Classification.resource_id == resource_id, IS_FINAL
    )
    if not finals:
        raise Invalid("resourceId", "The classification project does not have this medium. Add it to a collection.")
    return finals[0]


async def read_final(session: ReadSession, final_id: int) -> Classification:
    """The FINAL as it is now."""
    now = select(Classification).where(Classification.id == final_id).execution_options(populate_existing=True)
    return (await session.scalars(now)).one()


async def check_version(session: WriteSession, final: Final, expected: int | None) -> None:
    """Refuses who looked at an earlier version of a FINAL."""
    if expected is not None and expected != final.version:
        present = await read_final(session, final.id)
        session.expunge(present)  # what is undone afterwards would take its values along
        raise StaleClassification(present)


def require_type(row: Classification, *types: ClassificationType, field: str = "id") -> None:
    """Refuses a row of another type."""
    if row.classification_type not in types:
        wanted = " or ".join(each.value for each in types)
        raise Invalid(field, f"This is a {row.classification_type.value} row. Give a row of the type {wanted}.")
