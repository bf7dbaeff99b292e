"""Exports of camera-trap data."""

from dataclasses import dataclass

import strawberry
from sqlalchemy import Select

from app.events.streams import SourceStream
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.exchange import EventsCount, ExchangeStatus, WildlifeExport, WildlifeExportFormat
from app.models.wildlife.species import Species
from app.policies import visible
from app.services.wildlife.exchange.exports import lifecycle
from app.services.wildlife.exchange.exports.lifecycle import ExportOptions
from resolvers import ids
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.loaders import RowOrReference
from resolvers.wildlife.exchange.imports import Counts, follow

show_enum(EventsCount)


@dataclass(frozen=True)
class ExportCounts(Counts):
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
    coarsen_sensitive: bool = strawberry.field(
        default=True,
        description="Whether places where a sensitive species was seen are rounded to a tenth of a degree, without "
        "names, ids, paths and comments that could tell where they are.",
    )
    include_events: bool = strawberry.field(
        default=False,
        description="Whether what the media of a sequence show together goes out, too, as observations of events.",
    )
    events_count: EventsCount = strawberry.field(
        default=EventsCount.COUNT, description="How many individuals an event has."
    )
    gzip: bool = strawberry.field(default=True, description="Whether the tables are packed with gzip.")


@strawberry.input(description="Which detections go out.")
class DetectionsOptionsInput:
    approved_only: bool = strawberry.field(default=True, description="Whether only approved classifications go out.")
    exclude_blank: bool = strawberry.field(default=False, description="Whether media without anything are left out.")
    deployment_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only media of these deployments; all by default."
    )


@strawberry.input(description="Which deployments go out, and how exactly.")
class DeploymentsOptionsInput:
    approved_only: bool = strawberry.field(default=True, description="Whether only approved observations count.")
    deployment_ids: list[strawberry.ID] | None = strawberry.field(
        default=None, description="Only these deployments; all with media in the project by default."
    )
    coordinate_decimals: int = strawberry.field(
        default=7, description="The decimals of coordinates. Fewer make places coarser."
    )
    coarsen_sensitive: bool = strawberry.field(
        default=True,
        description="Whether places where a sensitive species was seen are rounded to a tenth of a degree, without "
        "names and ids that could tell where they are.",
    )


async def wildlife_export(info: Info, id: strawberry.ID) -> RowOrReference[WildlifeExport]:
    """One of the viewer's exports by its id.

    id: The id of the export.
    """
    return await info.context.find(WildlifeExport, id)


def wildlife_exports(info: Info) -> Select[WildlifeExport]:
    """The viewer's exports of camera-trap data. Staff see all."""
    return visible(WildlifeExport, info.context.viewer)


@dataclass(frozen=True)
class WildlifeExportEvent:
    """A snapshot of an export. The first says how things stand; in later ones null fields did not change."""

    cursor: str
    wildlife_export: WildlifeExport
    status: ExchangeStatus | None = None
    progress: float | None = None
    stage: str | None = None
    message: str | None = None
    eta_s: float | None = None


async def wildlife_export_updated(
    info: Info, export_id: strawberry.ID, after: str | None = None
) -> SourceStream[WildlifeExportEvent]:
    """The progress of an export. Completes when the export ends.

    export_id: The export.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """
    return await follow(info, WildlifeExport, export_id, after, WildlifeExportEvent)


def counts(root: strawberry.Parent[WildlifeExport]) -> ExportCounts:
    """How many rows the tables have."""
    return ExportCounts.of(root.counts)


def download_link(root: strawberry.Parent[WildlifeExport], info: Info) -> str | None:
    """A link to download the file, valid for {settings.file_link_s}; null until it is there.

    The file is deleted {settings.wildlife_exports_kept_days} days after the export ended. Then this is null again.
    """
    return lifecycle.export_link(info.context.viewer, root)


async def export_camtrap_dp(
    info: Info, classification_project_id: strawberry.ID, options: CamtrapDpOptionsInput | None = None
) -> WildlifeExport:
    """Starts writing a Camtrap DP 1.0.2 package of a classification project. For its admins.

    classification_project_id: The project.
    options: What the package holds.
    """
    chosen = options or CamtrapDpOptionsInput()
    kept = ExportOptions(
        approved_only=chosen.approved_only,
        exclude_blank=chosen.exclude_blank,
        deployment_ids=_deployments(chosen.deployment_ids),
        private_humans=chosen.private_humans,
        private_vehicles=chosen.private_vehicles,
        private_species=tuple(ids.key(id, Species) for id in chosen.private_species_ids),
        decimals=chosen.coordinate_decimals,
        coarsen_sensitive=chosen.coarsen_sensitive,
        include_events=chosen.include_events,
        events_count=chosen.events_count,
        gzip=chosen.gzip,
    )
    return await _start(info, classification_project_id, WildlifeExportFormat.CAMTRAP_DP, kept)


async def export_observations(
    info: Info, classification_project_id: strawberry.ID, approved_only: bool = True, exclude_blank: bool = False
) -> WildlifeExport:
    """Starts writing all observations of a classification project as CSV, which `importClassifications` reads.

    classification_project_id: The project. For its admins.
    approved_only: Whether only approved classifications go out.
    exclude_blank: Whether media without anything are left out.
    """
    kept = ExportOptions(approved_only, exclude_blank, coarsen_sensitive=False, gzip=False)
    return await _start(info, classification_project_id, WildlifeExportFormat.OBSERVATIONS_CSV, kept)


async def export_mega_detector(
    info: Info, classification_project_id: strawberry.ID, options: DetectionsOptionsInput | None = None
) -> WildlifeExport:
    """Starts writing a classification project as MegaDetector results, format 1.6, for Timelapse or AddaxAI.

    Objects keep their boxes; what was seen without one gets the whole picture. The confidence of people is 1. Paths are
    those of the memory cards; media that share a path get a folder by deployment. With `approvedOnly: false`, files
    that cannot be read are in it as failures.

    classification_project_id: The project. For its admins.
    options: What goes out.
    """
    return await _start(info, classification_project_id, WildlifeExportFormat.MEGADETECTOR, _detections(options))


async def export_coco(
    info: Info, classification_project_id: strawberry.ID, options: DetectionsOptionsInput | None = None
) -> WildlifeExport:
    """Starts writing the boxes of a classification project as COCO Camera Traps, to train elsewhere.

    It has pictures of known size whose observations have boxes, and blank ones without a box. Boxes are in pixels of
    the upright picture. Categories are taxa, or types such as animal. Places are numbers without a name.

    classification_project_id: The project. For its admins.
    options: What goes out.
    """
    return await _start(info, classification_project_id, WildlifeExportFormat.COCO, _detections(options))


async def export_deployments(
    info: Info, classification_project_id: strawberry.ID, options: DeploymentsOptionsInput | None = None
) -> WildlifeExport:
    """Starts writing the deployments of a classification project as GeoJSON, with their effort and what was seen.

    classification_project_id: The project. For its admins.
    options: What goes out.
    """
    chosen = options or DeploymentsOptionsInput()
    kept = ExportOptions(
        chosen.approved_only,
        deployment_ids=_deployments(chosen.deployment_ids),
        decimals=chosen.coordinate_decimals,
        coarsen_sensitive=chosen.coarsen_sensitive,
        gzip=False,
    )
    return await _start(info, classification_project_id, WildlifeExportFormat.DEPLOYMENTS_GEOJSON, kept)


def _detections(options: DetectionsOptionsInput | None) -> ExportOptions:
    chosen = options or DetectionsOptionsInput()
    return ExportOptions(chosen.approved_only, chosen.exclude_blank, _deployments(chosen.deployment_ids), gzip=False)


def _deployments(global_ids: list[strawberry.ID] | None) -> list[int] | None:
    return None if global_ids is None else [ids.key(id, Deployment) for id in global_ids]


async def _start(
    info: Info, project_id: strawberry.ID, format: WildlifeExportFormat, options: ExportOptions
) -> WildlifeExport:
    async with info.context.writing() as session:
        key = ids.key(project_id, ClassificationProject)
        return await lifecycle.start_export(session, info.context.viewer, key, format, options)
