"""GraphQL types for research projects and their members."""

from typing import TYPE_CHECKING, Annotated

import strawberry
from strawberry import auto

from app.models.wildlife import projects as tables
from resolvers.enums import show_enum
from resolvers.wildlife import projects as resolve
from schema.accounts import User
from schema.accounts.teams import Team
from schema.fields import Connection, computed, connection, field, many, mutation, one
from schema.problems import Conflict, InvalidInput, LimitReached
from schema.row import Row, shows

if TYPE_CHECKING:
    from schema.wildlife.media.types import Collection
    from schema.wildlife.places.types import Deployment, Location

for enum in (
    tables.ResearchProjectStatus,
    tables.ResearchProjectRole,
    tables.SamplingDesign,
    tables.SensorMethod,
):
    show_enum(enum)


class ResearchProject(Row, of=tables.ResearchProject):
    name: auto
    acronym: auto
    abstract: auto
    methods: auto
    keywords: auto
    status: auto
    status_note: auto
    is_public: auto
    shares_media: auto
    sampling_design: auto
    sensor_method: auto
    individual_animals: auto
    created_at: auto
    last_modified: auto
    is_member: bool = computed(resolve.is_member, needs_read=True)
    owner: User | None = one(tables.ResearchProject.owner)
    members: Connection["ResearchProjectMember"] = many(tables.ResearchProject.members)
    teams: Connection["ResearchProjectTeam"] = many(tables.ResearchProject.teams)
    locations: Connection[Annotated["Location", strawberry.lazy("schema.wildlife.places.types")]] = many(
        tables.ResearchProject.locations
    )
    deployments: Connection[Annotated["Deployment", strawberry.lazy("schema.wildlife.places.types")]] = many(
        tables.ResearchProject.deployments
    )
    collections: Connection[Annotated["Collection", strawberry.lazy("schema.wildlife.media.types")]] = many(
        tables.ResearchProject.collections
    )


class ResearchProjectMember(Row, of=tables.ResearchProjectMember):
    role: auto
    created_at: auto
    project: ResearchProject = one(tables.ResearchProjectMember.project, needs_read=True)
    user: User | None = one(tables.ResearchProjectMember.user)


class ResearchProjectTeam(Row, of=tables.ResearchProjectTeam):
    role: auto
    created_at: auto
    project: ResearchProject = one(tables.ResearchProjectTeam.project, needs_read=True)
    team: Team | None = one(tables.ResearchProjectTeam.team)


@shows(resolve.FormerResearchProject)
class FormerResearchProject:
    research_project_id: strawberry.ID = strawberry.field(description="The id of the research project.")


@strawberry.type
class ProjectsQuery:
    research_project: ResearchProject | None = field(resolve.research_project)
    research_projects: Connection[ResearchProject] = connection(resolve.research_projects, order=resolve.ProjectOrder)


@strawberry.type
class ProjectsMutation:
    create_research_project: ResearchProject | InvalidInput | Conflict = mutation(resolve.create_research_project)
    update_research_project: ResearchProject | InvalidInput | Conflict = mutation(resolve.update_research_project)
    decide_research_project: ResearchProject | InvalidInput = mutation(resolve.decide_research_project)
    delete_research_project: FormerResearchProject | Conflict = mutation(resolve.delete_research_project)
    transfer_research_project: ResearchProject = mutation(resolve.transfer_research_project)
    set_research_project_member: ResearchProjectMember | Conflict | LimitReached = mutation(
        resolve.set_research_project_member
    )
    remove_research_project_member: FormerResearchProject | Conflict = mutation(resolve.remove_research_project_member)
    set_research_project_team: ResearchProjectTeam = mutation(resolve.set_research_project_team)
    remove_research_project_team: ResearchProject = mutation(resolve.remove_research_project_team)
