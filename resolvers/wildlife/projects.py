"""Research projects and their members."""

from dataclasses import dataclass
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select

from app import checks
from app.limits.wildlife import PROJECT_NAME_LENGTH_MAX
from app.models.accounts import Team, User
from app.models.wildlife.projects import (
    ResearchProject,
    ResearchProjectMember,
    ResearchProjectRole,
    ResearchProjectStatus,
    ResearchProjectTeam,
    SamplingDesign,
    SensorMethod,
)
from app.pagination import Order
from app.policies import AnyViewer, visible
from app.policies.wildlife.projects import has_role
from app.services.wildlife.projects import editing, members
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference
from resolvers.optional_arguments import provided


class ProjectOrder(Order):
    """By age or by name.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    NAME: By name, from A to Z.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)
    NAME = ("name", False)


@dataclass(frozen=True)
class FormerResearchProject:
    """A research project that was deleted or left, which the viewer may no longer see."""

    research_project_id: strawberry.ID


def is_member(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer has a role in the project, alone or through a team."""
    return has_role(viewer, ResearchProject.id)


async def research_project(info: Info, id: strawberry.ID) -> RowOrReference[ResearchProject]:
    """A research project by its id.

    id: The id of the research project.
    """
    return await info.context.find(ResearchProject, id)


def research_projects(
    info: Info,
    mine_only: bool = False,
    status: ResearchProjectStatus | None = None,
    search: str | None = None,
) -> Select[ResearchProject]:
    """Research projects.

    mine_only: Only projects in which the viewer has a role.
    status: Only projects with this decision of the staff.
    search: Only projects whose name or acronym contains this text, ignoring case.
    """
    viewer = info.context.viewer
    query = visible(ResearchProject, viewer)
    if mine_only:
        query = query.where(has_role(viewer, ResearchProject.id))
    if status is not None:
        query = query.where(ResearchProject.status == status)
    sought = checks.optional_text("search", search, length_max=PROJECT_NAME_LENGTH_MAX)
    if sought is None:
        return query
    named = ResearchProject.name.icontains(sought, autoescape=True)
    return query.where(named | ResearchProject.acronym.icontains(sought, autoescape=True))


async def create_research_project(
    info: Info,
    name: str,
    acronym: str,
    abstract: str | None = None,
    methods: str | None = None,
    keywords: list[str] | None = None,
    is_public: bool = False,
    shares_media: bool = False,
    sampling_design: SamplingDesign | None = None,
    sensor_method: list[SensorMethod] | None = None,
    individual_animals: bool = False,
) -> ResearchProject:
    """Creates a research project. The viewer becomes its owner. Only members see it until the staff approve it.

    name: The name, at most {wildlife.PROJECT_NAME_LENGTH_MAX} characters; unique, ignoring case.
    acronym: A short name, at most {wildlife.ACRONYM_LENGTH_MAX} characters; unique, ignoring case.
    abstract: What the project studies.
    methods: How it is studied.
    keywords: Keywords.
    is_public: Whether everybody sees the project, its public locations and their deployments, once it is approved.
    shares_media: Whether everybody who sees the project sees its media, too.
    sampling_design: How the places of the cameras were chosen.
    sensor_method: What makes the cameras take pictures.
    individual_animals: Whether individual animals are identified.
    """
    fields: dict[str, Any] = {
        "name": name,
        "acronym": acronym,
        "abstract": abstract,
        "methods": methods,
        "keywords": keywords or [],
        "is_public": is_public,
        "shares_media": shares_media,
        "sampling_design": sampling_design,
        "sensor_method": sensor_method or [],
        "individual_animals": individual_animals,
    }
    async with info.context.writing() as session:
        return await editing.create_research_project(session, info.context.viewer, fields)


async def update_research_project(
    info: Info,
    id: strawberry.ID,
    name: strawberry.Maybe[str] = None,
    acronym: strawberry.Maybe[str] = None,
    abstract: strawberry.Maybe[str | None] = None,
    methods: strawberry.Maybe[str | None] = None,
    keywords: strawberry.Maybe[list[str]] = None,
    is_public: strawberry.Maybe[bool] = None,
    shares_media: strawberry.Maybe[bool] = None,
    sampling_design: strawberry.Maybe[SamplingDesign | None] = None,
    sensor_method: strawberry.Maybe[list[SensorMethod]] = None,
    individual_animals: strawberry.Maybe[bool] = None,
) -> ResearchProject:
    """Updates the given fields of a research project. For its managers; what others see is for its owners.

    id: The research project.
    name: The new name.
    acronym: The new acronym.
    abstract: What the project studies; null clears it.
    methods: How it is studied; null clears it.
    keywords: The new keywords.
    is_public: Whether everybody sees the project, once it is approved.
    shares_media: Whether everybody who sees the project sees its media, too.
    sampling_design: How the places of the cameras were chosen; null clears it.
    sensor_method: What makes the cameras take pictures.
    individual_animals: Whether individual animals are identified.
    """
    changes = provided(
        name=name,
        acronym=acronym,
        abstract=abstract,
        methods=methods,
        keywords=keywords,
        is_public=is_public,
        shares_media=shares_media,
        sampling_design=sampling_design,
        sensor_method=sensor_method,
        individual_animals=individual_animals,
    )
    async with info.context.writing() as session:
        return await editing.update_research_project(
            session, info.context.viewer, ids.key(id, ResearchProject), changes
        )


async def decide_research_project(
    info: Info, id: strawberry.ID, status: ResearchProjectStatus, note: str | None = None
) -> ResearchProject:
    """Approves or rejects a research project. For staff. The owner is notified.

    id: The research project.
    status: The decision.
    note: Why, for its members to read.
    """
    async with info.context.writing() as session:
        return await editing.decide_research_project(
            session, info.context.viewer, ids.key(id, ResearchProject), status=status, note=note
        )


async def delete_research_project(info: Info, id: strawberry.ID) -> FormerResearchProject:
    """Deletes a research project without deployments and media. For its owners.

    id: The research project.
    """
    async with info.context.writing() as session:
        await editing.delete_research_project(session, info.context.viewer, ids.key(id, ResearchProject))
    return FormerResearchProject(id)


async def transfer_research_project(info: Info, id: strawberry.ID, user_id: strawberry.ID) -> ResearchProject:
    """Makes another member the owner. For owners, who stay members with the role OWNER.

    id: The research project.
    user_id: The new owner.
    """
    async with info.context.writing() as session:
        return await members.transfer_project(
            session, info.context.viewer, ids.key(id, ResearchProject), user_id=ids.key(user_id, User)
        )


async def set_research_project_member(
    info: Info, project_id: strawberry.ID, user_id: strawberry.ID, role: ResearchProjectRole
) -> ResearchProjectMember:
    """Adds a member, or changes the role of one. For managers; for owners where the role OWNER is granted or removed.

    project_id: The research project.
    user_id: The user.
    role: What the member may do.
    """
    async with info.context.writing() as session:
        return await members.set_member(
            session,
            info.context.viewer,
            ids.key(project_id, ResearchProject),
            user_id=ids.key(user_id, User),
            role=role,
        )


async def remove_research_project_member(
    info: Info, project_id: strawberry.ID, user_id: strawberry.ID
) -> FormerResearchProject:
    """Ends a membership. For managers, and for the member. Roles through teams stay.

    project_id: The research project.
    user_id: The member.
    """
    async with info.context.writing() as session:
        await members.remove_member(
            session, info.context.viewer, ids.key(project_id, ResearchProject), user_id=ids.key(user_id, User)
        )
    return FormerResearchProject(project_id)


async def set_research_project_team(
    info: Info, project_id: strawberry.ID, team_id: strawberry.ID, role: ResearchProjectRole
) -> ResearchProjectTeam:
    """Adds a team that the viewer belongs to, or changes its role. For managers; for owners with the role OWNER.

    project_id: The research project.
    team_id: The team.
    role: What each member of the team may do.
    """
    async with info.context.writing() as session:
        return await members.set_team(
            session,
            info.context.viewer,
            ids.key(project_id, ResearchProject),
            team_id=ids.key(team_id, Team),
            role=role,
        )


async def remove_research_project_team(
    info: Info, project_id: strawberry.ID, team_id: strawberry.ID
) -> ResearchProject:
    """Ends the work of a team in a research project. For managers. Roles that people have themselves stay.

    project_id: The research project.
    team_id: The team.
    """
    async with info.context.writing() as session:
        return await members.remove_team(
            session, info.context.viewer, ids.key(project_id, ResearchProject), team_id=ids.key(team_id, Team)
        )
