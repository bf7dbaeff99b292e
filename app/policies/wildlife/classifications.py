"""Who may see, make and approve classifications."""

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, false, or_, select, true
from sqlalchemy.orm import aliased

from app.models.wildlife.approvals import BulkApproval, BulkApprovalItem, ClassificationApproval
from app.models.wildlife.classification_projects import (
    ClassificationProject,
    ClassificationProjectCollection,
    ClassificationProjectMember,
    ClassificationProjectRole,
)
from app.models.wildlife.classifications import Classification
from app.models.wildlife.classificators import Classificator, ClassificatorVersion
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.wildlife.projects import MANAGERS, has_role, is_member

_FINAL, _MEMBER = aliased(Classification), aliased(ClassificationProjectMember)


@reads(ClassificationProject)
def visible_classification_projects(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the research project and staff: media are private until they are published."""
    return is_member(viewer, ClassificationProject.research_project_id)


@reads(ClassificationProjectCollection)
def visible_project_collections(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the research project and staff."""
    return is_member(viewer, ClassificationProjectCollection.research_project_id)


@reads(Classification)
def visible_classifications(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the research project and staff."""
    return is_member(viewer, Classification.research_project_id)


@reads(ClassificationProjectMember)
def visible_classification_members(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible projects."""
    return _in_seen_project(viewer, ClassificationProjectMember.project_id)


@reads(ClassificationDynamicAttrs)
def visible_observations(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible projects."""
    return _in_seen_project(viewer, ClassificationDynamicAttrs.project_id)


@reads(BulkApproval)
def visible_bulk_approvals(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible projects."""
    return _in_seen_project(viewer, BulkApproval.project_id)


def _in_seen_project(viewer: AnyViewer, project_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    if viewer.is_staff:
        return true()
    seen = select(ClassificationProject.id).where(visible_classification_projects(viewer)).correlate(None)
    return project_id.in_(seen)


@reads(BulkApprovalItem)
def visible_bulk_approval_items(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible bulk approvals."""
    return BulkApprovalItem.bulk_approval.has(visible_bulk_approvals(viewer))


@reads(ClassificationApproval)
def visible_approvals(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible classifications."""
    if viewer.is_staff:
        return true()
    seen = select(_FINAL.id).where(is_member(viewer, _FINAL.research_project_id))
    seen = seen.where(_FINAL.id == ClassificationApproval.final_id).correlate_except(_FINAL)
    return ClassificationApproval.final_id.in_(seen)


@reads(Classificator, ClassificatorVersion)
def visible_classificators(viewer: AnyViewer) -> ColumnElement[bool]:
    """For everybody with an account: they are forms to be shared, and say nothing about media."""
    return true() if viewer.is_signed_in else false()


def approves_in_project(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer is an admin of a classification project.

    Its owner, its admins and the managers of the research project, as long as they belong to the research project; and
    staff.
    """
    if viewer.is_staff:
        return true()
    named = or_(
        names_viewer(viewer, ClassificationProject.owner_id),
        ClassificationProject.id.in_(_memberships(viewer, ClassificationProjectRole.ADMIN)),
    )
    return has_role(viewer, ClassificationProject.research_project_id, MANAGERS) | (
        named & has_role(viewer, ClassificationProject.research_project_id)
    )


def classifies_in_project(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer may classify in a classification project: its members and its admins."""
    of_members = ClassificationProject.id.in_(_memberships(viewer, *ClassificationProjectRole))
    return approves_in_project(viewer) | (of_members & has_role(viewer, ClassificationProject.research_project_id))


def _memberships(viewer: AnyViewer, *roles: ClassificationProjectRole) -> Select[int]:
    own = select(_MEMBER.project_id).where(names_viewer(viewer, _MEMBER.user_id), _MEMBER.role.in_(roles))
    return own.correlate_except(_MEMBER)


def may_create_classificators(viewer: Viewer, _: None) -> bool:
    """For any user."""
    return viewer.is_signed_in


def may_change_this_classificator(viewer: Viewer, classificator: Classificator) -> bool:
    """For its owner and staff."""
    return viewer.is_staff or is_viewer(viewer, classificator.owner_id)
