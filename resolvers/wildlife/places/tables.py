"""Tables of locations and deployments."""

import strawberry

from app.models.wildlife.projects import ResearchProject
from app.services.wildlife.places import tables
from app.services.wildlife.places.tables import TableImport
from resolvers import ids
from resolvers.context import Info


async def import_locations(
    info: Info, research_project_id: strawberry.ID, csv: str, dry_run: bool = False
) -> TableImport:
    """Creates and updates locations from a table: all rows, or none if a value cannot be.

    Columns: locationID, latitude, longitude and timezone; and name, description, ignoreDST, coordinateUncertainty,
    habitat, isPublic, country, state, county, city. Case, spaces and underscores in their names do not matter.

    research_project_id: The research project.
    csv: The table as CSV with a header, at most {settings.table_bytes_max}.
    dry_run: Whether to say only what would be done.
    """
    table = await tables.parsed(csv, "locations")
    async with info.context.writing() as session:
        return await tables.import_locations(
            session, info.context.viewer, ids.key(research_project_id, ResearchProject), table, is_dry_run=dry_run
        )


async def import_deployments(
    info: Info, research_project_id: strawberry.ID, csv: str, dry_run: bool = False
) -> TableImport:
    """Creates and updates deployments from a table: all rows, or none if a value cannot be.

    Columns: deploymentCode, locationID and deploymentStart; and deploymentEnd and the others of Camtrap DP. A time
    without a UTC offset is in the zone of its location. Groups and tags are separated by `|`.

    research_project_id: The research project.
    csv: The table as CSV with a header, at most {settings.table_bytes_max}.
    dry_run: Whether to say only what would be done.
    """
    table = await tables.parsed(csv, "deployments")
    async with info.context.writing() as session:
        return await tables.import_deployments(
            session, info.context.viewer, ids.key(research_project_id, ResearchProject), table, is_dry_run=dry_run
        )
