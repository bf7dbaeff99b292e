"""Who may see and change research projects and what belongs to them."""

from collections.abc import Collection as SomeOf

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, false, or_, select, true
from sqlalchemy.orm import aliased

from app.models.accounts import TeamMembership
from app.models.wildlife.collections import Collection, CollectionResource
from app.models.wildlife.deployments import Deployment, DeploymentFailure, Location
from app.models.wildlife.media import Resource, Sequence
from app.models.wildlife.projects import (
    ResearchProject,
    ResearchProjectMember,
    ResearchProjectRole,
    ResearchProjectStatus,
    ResearchProjectTeam,
)
from app.models.wildlife.species import Species, SpeciesAlias
from app.models.wildlife.uploads import MediaReading, MediaUpload
from app.policies import AnyViewer, Viewer, names_viewer, reads

ANY_ROLE = frozenset(ResearchProjectRole)
WORKERS = ANY_ROLE - {ResearchProjectRole.VIEWER}
MANAGERS = frozenset({ResearchProjectRole.OWNER, ResearchProjectRole.MANAGER})
OWNERS = frozenset({ResearchProjectRole.OWNER})
_MEMBER, _TEAM, _OWN = aliased(ResearchProjectMember), aliased(ResearchProjectTeam), aliased(TeamMembership)


def has_role(
    viewer: AnyViewer,
    project_id: SQLColumnExpression[int] | SQLColumnExpression[int | None],
    roles: SomeOf[ResearchProjectRole] = ANY_ROLE,
) -> ColumnElement[bool]:
    """Whether the viewer has one of the roles in the research project in a column, alone or through a team."""
    if not viewer.is_signed_in:
        return false()
    alone = select(_MEMBER.project_id).where(names_viewer(viewer, _MEMBER.user_id), _MEMBER.role.in_(roles))
    through = (
        select(_TEAM.project_id)
        .join(_OWN, _OWN.team_id == _TEAM.team_id)
        .where(names_viewer(viewer, _OWN.user_id), _TEAM.role.in_(roles))
    )
    # Two plain lists, which do not depend on the row: PostgreSQL reads each once for the whole statement.
    return or_(project_id.in_(alone.correlate_except(_MEMBER)), project_id.in_(through.correlate_except(_TEAM, _OWN)))


def is_member(
    viewer: AnyViewer, project_id: SQLColumnExpression[int] | SQLColumnExpression[int | None]
) -> ColumnElement[bool]:
    """Whether the viewer sees everything in the research project in a column: its members, and staff."""
    return true() if viewer.is_staff else has_role(viewer, project_id)


def is_open() -> ColumnElement[bool]:
    """Whether everybody sees a research project: approved by the staff, and made public by its owner."""
    return ResearchProject.is_public & (ResearchProject.status == ResearchProjectStatus.APPROVED)


def _open_projects(*conditions: SQLColumnExpression[bool]) -> Select[int]:
    return select(ResearchProject.id).where(is_open(), *conditions).correlate(None)


@reads(ResearchProject)
def visible_research_projects(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff; approved public ones for all."""
    return true() if viewer.is_staff else is_open() | is_member(viewer, ResearchProject.id)


@reads(ResearchProjectMember)
def visible_members(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the project and staff: who works where is not public."""
    return is_member(viewer, ResearchProjectMember.project_id)


@reads(ResearchProjectTeam)
def visible_project_teams(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members of the project and staff."""
    return is_member(viewer, ResearchProjectTeam.project_id)


@reads(Location)
def visible_locations(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff; public locations of open projects for all."""
    if viewer.is_staff:
        return true()
    return (Location.is_public & Location.research_project_id.in_(_open_projects())) | is_member(
        viewer, Location.research_project_id
    )


def _at_public_locations() -> Select[int]:
    return select(Location.id).where(Location.is_public).correlate(None)


@reads(Deployment)
def visible_deployments(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff; those at public locations of open projects for all."""
    if viewer.is_staff:
        return true()
    shown = Deployment.location_id.in_(_at_public_locations()) & Deployment.research_project_id.in_(_open_projects())
    return shown | is_member(viewer, Deployment.research_project_id)


@reads(DeploymentFailure)
def visible_failures(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those of visible deployments."""
    return DeploymentFailure.deployment.has(visible_deployments(viewer))


@reads(Collection)
def visible_collections(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff; those of open projects that share their media for all."""
    if viewer.is_staff:
        return true()
    shown = Collection.research_project_id.in_(_open_projects(ResearchProject.shares_media))
    return shown | is_member(viewer, Collection.research_project_id)


def _shown_deployments() -> Select[int]:
    """Deployments whose media everybody sees."""
    return (
        select(Deployment.id)
        .where(
            Deployment.location_id.in_(_at_public_locations()),
            Deployment.research_project_id.in_(_open_projects(ResearchProject.shares_media)),
        )
        .correlate(None)
    )


@reads(Resource)
def visible_resources(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff; for all if an open project shares its media, except media of hidden or unknown places."""
    if viewer.is_staff:
        return true()
    return Resource.deployment_id.in_(_shown_deployments()) | is_member(viewer, Resource.research_project_id)


@reads(Sequence)
def visible_sequences(viewer: AnyViewer) -> ColumnElement[bool]:
    """Like media."""
    if viewer.is_staff:
        return true()
    return Sequence.deployment_id.in_(_shown_deployments()) | is_member(viewer, Sequence.research_project_id)


@reads(CollectionResource)
def visible_collection_resources(viewer: AnyViewer) -> ColumnElement[bool]:
    """Those whose medium the viewer sees."""
    return CollectionResource.resource.has(visible_resources(viewer))


@reads(MediaReading)
def visible_readings(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff."""
    return is_member(viewer, MediaReading.research_project_id)


@reads(MediaUpload)
def visible_uploads(viewer: AnyViewer) -> ColumnElement[bool]:
    """For members and staff."""
    return is_member(viewer, MediaUpload.research_project_id)


@reads(Species, SpeciesAlias)
def visible_to_all(viewer: AnyViewer) -> ColumnElement[bool]:
    """Names of animals are public."""
    del viewer
    return true()


def works_in_project(
    viewer: AnyViewer, project_id: SQLColumnExpression[int], roles: SomeOf[ResearchProjectRole]
) -> ColumnElement[bool]:
    """Whether the viewer may do in the project in a column what these roles may: staff may, too."""
    return true() if viewer.is_staff else has_role(viewer, project_id, roles)


def may_decide_on_research_projects(viewer: Viewer, _: None) -> bool:
    """For staff."""
    return viewer.is_staff


def may_change_species(viewer: Viewer, _: None) -> bool:
    """For staff: the names are the whole installation's."""
    return viewer.is_staff
