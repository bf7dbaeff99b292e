"""Exports of camera-trap data."""

from dataclasses import dataclass, fields

import strawberry
from sqlalchemy import Select

from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.exchange import WildlifeExport, WildlifeExportFormat
from app.models.wildlife.species import Species
from app.policies import visible
from app.services.wildlife.exchange import exports
from app.services.wildlife.exchange.exports import PackageOptions
from resolvers import ids
from resolvers.context import Info
from resolvers.loaders import RowOrReference


@dataclass(frozen=True)
class ExportCounts:
    """The rows of an export."""

    deployments: int = 0
    media: int = 0
    observations: int = 0
    frames: int = 0


@strawberry.input(description="What a Camtrap DP package holds.")
class CamtrapDpOptionsInput:
    approved_only: bool = strawberry.field(default=True, description="Whether only approved classifications go out.")
    exclude_blank: bool = strawberry.field(default=False, description="Whether media without anything are left out.")
    deployment_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these deployments; all by default."
    )
    private_humans: bool = strawberry.field(
        default=True, description="Whether media with people go out without path and file name."
    )
    private_vehicles: bool = strawberry.field(
        default=True, description="Whether media with vehicles go out without path and file name."
    )
    private_species_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="Media with these species go out without path and file name."
    )
    coordinate_decimals: int = strawberry.field(
        default=7, description="The decimals of coordinates. Fewer make places coarser: 2 are about a kilometre."
    )
    gzip: bool = strawberry.field(default=True, description="Whether the tables are packed with gzip.")


async def wildlife_export(info: Info, id: strawberry.ID) -> RowOrReference[WildlifeExport]:
    """One of the viewer's exports by its id.

    id: The id of the export.
    """
    return await info.context.find(WildlifeExport, id)


def wildlife_exports(info: Info) -> Select[WildlifeExport]:
    """The viewer's exports of camera-trap data. Staff see all."""
    return visible(WildlifeExport, info.context.viewer)


def counts(root: strawberry.Parent[WildlifeExport]) -> ExportCounts:
    """How many rows the tables have."""
    return ExportCounts(**{field.name: root.counts.get(field.name, 0) for field in fields(ExportCounts)})


def download_link(root: strawberry.Parent[WildlifeExport], info: Info) -> str | None:
    """A link to download the file, valid for {settings.file_link_s}; null until it is there."""
    return exports.export_link(info.context.viewer, root)


async def export_camtrap_dp(
    info: Info, classification_project_id: strawberry.ID, options: CamtrapDpOptionsInput | None = None
) -> WildlifeExport:
    """Starts writing a Camtrap DP 1.0.2 package of a classification project. For its admins.

    classification_project_id: The project.
    options: What the package holds.
    """
    given = options or CamtrapDpOptionsInput()
    kept = PackageOptions(
        approved_only=given.approved_only,
        exclude_blank=given.exclude_blank,
        deployment_ids=None
        if given.deployment_ids is None
        else [ids.key(id, Deployment) for id in given.deployment_ids],
        private_humans=given.private_humans,
        private_vehicles=given.private_vehicles,
        private_species=tuple(ids.key(id, Species) for id in given.private_species_ids),
        decimals=given.coordinate_decimals,
        gzip=given.gzip,
    )
    async with info.context.writing() as session:
        project_id = ids.key(classification_project_id, ClassificationProject)
        format = WildlifeExportFormat.CAMTRAP_DP
        return await exports.start_export(session, info.context.viewer, project_id, format, kept)


async def export_observations(
    info: Info, classification_project_id: strawberry.ID, approved_only: bool = True, exclude_blank: bool = False
) -> WildlifeExport:
    """Starts writing all observations of a classification project as CSV, which `importClassifications` reads.

    classification_project_id: The project. For its admins.
    approved_only: Whether only approved classifications go out.
    exclude_blank: Whether media without anything are left out.
    """
    kept = PackageOptions(approved_only=approved_only, exclude_blank=exclude_blank, gzip=False)
    async with info.context.writing() as session:
        project_id = ids.key(classification_project_id, ClassificationProject)
        format = WildlifeExportFormat.OBSERVATIONS_CSV
        return await exports.start_export(session, info.context.viewer, project_id, format, kept)
