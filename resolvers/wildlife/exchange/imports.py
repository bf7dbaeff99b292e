"""Imports of camera-trap files."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Protocol, Self, TypeVar

import strawberry
from sqlalchemy import Select

from app.errors import Invalid
from app.events.streams import SourceStream
from app.events.subscribers import StreamEvent
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.exchange import ENDED, ExchangeStatus, WildlifeExport, WildlifeImport, WildlifeImportFormat
from app.models.wildlife.projects import ResearchProject
from app.pagination import Order
from app.policies import visible
from app.services.system.files import uploads
from app.services.system.files.uploads import UploadLink
from app.services.wildlife.exchange import progress
from app.services.wildlife.exchange.imports import requests
from app.services.wildlife.exchange.imports.requests import ImportedFile, ImportOptions
from resolvers import ids
from resolvers.context import Info
from resolvers.job_events import standing
from resolvers.loaders import RowOrReference
from resolvers.wildlife.providers.queries import provider_key


class ImportOrder(Order):
    """By age.

    NEWEST: The newest first.
    OLDEST: The oldest first.
    """

    NEWEST = ("id", True)
    OLDEST = ("id", False)


@dataclass(frozen=True)
class Counts:
    """How many rows there are of each kind."""

    @classmethod
    def of(cls, stored: Mapping[str, int]) -> Self:
        """The counts as they are stored; what was not counted then is zero."""
        return cls(**{field.name: stored.get(field.name, 0) for field in fields(cls)})


@dataclass(frozen=True)
class ImportCounts(Counts):
    """What an import wrote."""

    deployments: int = 0
    media: int = 0
    observations: int = 0
    species: int = 0
    classifications: int = 0
    approved: int = 0


@dataclass(frozen=True)
class ImportProblem:
    """One problem in a file."""

    file: str
    line: int | None
    field: str | None
    message: str
    severity: str


@dataclass(frozen=True)
class WildlifeImportEvent:
    """A snapshot of an import. The first says how things stand; in later ones null fields did not change."""

    cursor: str
    wildlife_import: WildlifeImport
    status: ExchangeStatus | None = None
    progress: float | None = None
    stage: str | None = None
    message: str | None = None
    eta_s: float | None = None


@strawberry.input(description="A file of an import.")
class ImportFileInput:
    upload: str = strawberry.field(description="The `upload` value of the link the file was uploaded to.")
    path: str | None = strawberry.field(
        default=None,
        description="The path of the file beside the others, such as `observations.csv`. One file needs none.",
    )


async def wildlife_import(info: Info, id: strawberry.ID) -> RowOrReference[WildlifeImport]:
    """One of the viewer's imports by its id.

    id: The id of the import.
    """
    return await info.context.find(WildlifeImport, id)


def wildlife_imports(info: Info, research_project_id: strawberry.ID | None = None) -> Select[WildlifeImport]:
    """The viewer's imports of camera-trap data. Staff see all.

    research_project_id: Only imports into this research project.
    """
    query = visible(WildlifeImport, info.context.viewer)
    if research_project_id is None:
        return query
    return query.where(WildlifeImport.research_project_id == ids.key(research_project_id, ResearchProject))


def counts(root: strawberry.Parent[WildlifeImport]) -> ImportCounts:
    """What was written; of a dry run, what would have been."""
    return ImportCounts.of(root.counts)


def problems(root: strawberry.Parent[WildlifeImport]) -> list[ImportProblem]:
    """What is wrong in the files, errors first, at most {settings.import_problems_max}."""
    return [ImportProblem(**problem) for problem in root.problems]


async def request_import_upload(info: Info, file_name: str, bytes: int) -> UploadLink:
    """Returns a link to upload one file of an import to: a ZIP archive, JSON, CSV, or one of these packed with gzip.

    file_name: The name of the file; its ending says what it is.
    bytes: The size in bytes, at most {settings.import_bytes_max}.
    """
    viewer = info.context.viewer
    async with uploads.pace_bytes(info.context.rates, viewer, bytes=bytes), info.context.writing() as session:
        return await requests.import_upload(session, viewer, file_name=file_name, bytes=bytes)


async def import_camtrap_dp(
    info: Info,
    files: list[ImportFileInput],
    research_project_id: strawberry.ID | None = None,
    classification_project_id: strawberry.ID | None = None,
    timezone: str | None = None,
    approve: bool = False,
    keep_good: bool = False,
    dry_run: bool = False,
) -> WildlifeImport:
    """Starts importing a Camtrap DP package, version 1.0, 1.0.1 or 1.0.2: as a ZIP archive, or as its files.

    files: The package: one ZIP archive, or `datapackage.json` and its tables with their paths.
    research_project_id: The project that gets the places and media; that of the classification project by default.
    classification_project_id: The project that gets the observations. Without it they are left out.
    timezone: The IANA time zone of new locations, and of times without a UTC offset. UTC by default.
    approve: Whether the imported classifications are approved.
    keep_good: Whether good rows are kept if others are wrong. Otherwise one wrong row stops the import.
    dry_run: Whether the files are only checked, and nothing is changed.
    """
    options = ImportOptions(keep_good=keep_good, dry_run=dry_run, timezone=timezone, approve=approve)
    return await _start(
        info, WildlifeImportFormat.CAMTRAP_DP, files, options, research_project_id, classification_project_id
    )


async def import_wildlife_insights(
    info: Info,
    files: list[ImportFileInput],
    timezone: str,
    research_project_id: strawberry.ID | None = None,
    classification_project_id: strawberry.ID | None = None,
    approve: bool = False,
    keep_good: bool = False,
    dry_run: bool = False,
) -> WildlifeImport:
    """Starts importing an export of Wildlife Insights: `images.csv` and `deployments.csv`, with `cameras.csv` if there.

    files: The export: one ZIP archive, or its tables with their paths.
    timezone: The IANA time zone of the places, such as America/Edmonton: the tables say none.
    research_project_id: The project that gets the places and media; that of the classification project by default.
    classification_project_id: The project that gets the observations. Without it they are left out.
    approve: Whether the imported classifications are approved.
    keep_good: Whether good rows are kept if others are wrong. Otherwise one wrong row stops the import.
    dry_run: Whether the files are only checked, and nothing is changed.
    """
    options = ImportOptions(keep_good=keep_good, dry_run=dry_run, timezone=timezone, approve=approve)
    return await _start(
        info, WildlifeImportFormat.WILDLIFE_INSIGHTS, files, options, research_project_id, classification_project_id
    )


async def import_mega_detector(
    info: Info,
    classification_project_id: strawberry.ID,
    files: list[ImportFileInput],
    provider_id: strawberry.ID | None = None,
    deployment_id: strawberry.ID | None = None,
    base_path: str | None = None,
    minimum_confidence: float | None = None,
    keep_good: bool = False,
    dry_run: bool = False,
) -> WildlifeImport:
    """Starts importing results of MegaDetector, format 1.3 to 1.6, for media that the project has.

    classification_project_id: The project whose media the results are about.
    files: The JSON file, which may be packed with gzip.
    provider_id: The AI provider that the results are written for; by default one named after the model in the file.
    deployment_id: Only media of this deployment are looked for.
    base_path: What is cut from the beginning of the paths in the file. Media are found by the rest of the path, or
        else by a unique name.
    minimum_confidence: Detections below it are left out; by default the threshold of the project.
    keep_good: Whether good files are kept if others are wrong. Otherwise one wrong file stops the import.
    dry_run: Whether the file is only checked, and nothing is changed.
    """
    options = _results_options(provider_id, deployment_id, base_path, minimum_confidence, keep_good, dry_run)
    return await _start(info, WildlifeImportFormat.MEGADETECTOR, files, options, None, classification_project_id)


async def import_species_net(
    info: Info,
    classification_project_id: strawberry.ID,
    files: list[ImportFileInput],
    provider_id: strawberry.ID | None = None,
    deployment_id: strawberry.ID | None = None,
    base_path: str | None = None,
    minimum_confidence: float | None = None,
    keep_good: bool = False,
    dry_run: bool = False,
) -> WildlifeImport:
    """Starts importing predictions of SpeciesNet, up to version 4 or from version 5, for media that the project has.

    classification_project_id: The project whose media the predictions are about.
    files: The JSON file, which may be packed with gzip.
    provider_id: The AI provider that the results are written for; by default one named SpeciesNet.
    deployment_id: Only media of this deployment are looked for.
    base_path: What is cut from the beginning of the paths in the file. Media are found by the rest of the path, or
        else by a unique name.
    minimum_confidence: Detections below it are left out; by default the threshold of the project.
    keep_good: Whether good files are kept if others are wrong. Otherwise one wrong file stops the import.
    dry_run: Whether the file is only checked, and nothing is changed.
    """
    options = _results_options(provider_id, deployment_id, base_path, minimum_confidence, keep_good, dry_run)
    return await _start(info, WildlifeImportFormat.SPECIESNET, files, options, None, classification_project_id)


async def import_classifications(
    info: Info,
    classification_project_id: strawberry.ID,
    files: list[ImportFileInput],
    approve: bool = False,
    keep_good: bool = False,
    dry_run: bool = False,
) -> WildlifeImport:
    """Starts importing classifications of media that the project has from CSV: our own export, or Trapper's.

    classification_project_id: The project whose media are classified.
    files: The CSV file, which may be packed with gzip.
    approve: Whether the imported classifications are approved.
    keep_good: Whether good rows are kept if others are wrong. Otherwise one wrong row stops the import.
    dry_run: Whether the file is only checked, and nothing is changed.
    """
    options = ImportOptions(keep_good=keep_good, dry_run=dry_run, approve=approve)
    return await _start(info, WildlifeImportFormat.CLASSIFICATIONS, files, options, None, classification_project_id)


def _results_options(
    provider_id: strawberry.ID | None,
    deployment_id: strawberry.ID | None,
    base_path: str | None,
    minimum_confidence: float | None,
    keep_good: bool,
    dry_run: bool,
) -> ImportOptions:
    return ImportOptions(
        keep_good=keep_good,
        dry_run=dry_run,
        provider_id=None if provider_id is None else provider_key(provider_id),
        deployment_id=None if deployment_id is None else ids.key(deployment_id, Deployment),
        base_path=base_path,
        minimum_confidence=minimum_confidence,
    )


async def _start(
    info: Info,
    format: WildlifeImportFormat,
    files: list[ImportFileInput],
    options: ImportOptions,
    research_project_id: strawberry.ID | None,
    classification_project_id: strawberry.ID | None,
) -> WildlifeImport:
    viewer = info.context.viewer
    if len(files) > 1 and any(each.path is None for each in files):
        raise Invalid("files", "Give a path for each of several files, such as observations.csv.")
    sources = [
        ImportedFile(
            "file" if each.path is None else each.path, await uploads.uploaded(viewer, each.upload, use=requests.USE)
        )
        for each in files
    ]
    async with info.context.writing() as session:
        return await requests.start_import(
            session,
            viewer,
            format,
            files=sources,
            research_project_id=_key(research_project_id, ResearchProject),
            classification_project_id=_key(classification_project_id, ClassificationProject),
            options=options,
        )


def _key(id: strawberry.ID | None, model: type[ResearchProject | ClassificationProject]) -> int | None:
    return None if id is None else ids.key(id, model)


async def wildlife_import_updated(
    info: Info, import_id: strawberry.ID, after: str | None = None
) -> SourceStream[WildlifeImportEvent]:
    """The progress of an import. Completes when the import ends.

    import_id: The import.
    after: The cursor to continue after; missed events come first. Without it, the current state comes first.
    """
    return await follow(info, WildlifeImport, import_id, after, WildlifeImportEvent)


class Snapshot(Protocol):
    """What events about imports and exports have in common."""

    @property
    def status(self) -> ExchangeStatus | None:
        """The new status; None if it did not change."""


E = TypeVar("E", bound=Snapshot)


async def follow(
    info: Info,
    table: type[WildlifeImport | WildlifeExport],
    id: strawberry.ID,
    after: str | None,
    snapshot: Callable[..., E],
) -> SourceStream[E]:
    """The progress of an import or an export; a snapshot is made of a cursor, the row, its status and what changed."""

    async def read(event: StreamEvent) -> E:
        changes = dict(event.payload)
        status = ExchangeStatus(changes.pop("status")) if "status" in changes else None
        now = await info.context.renewed().read(table, id)
        return snapshot(event.position.cursor or "", now, status, **changes)

    start = await info.context.events.beginning(after)
    row = await info.context.read(table, id)
    done = row.status in ENDED and row.status is not ExchangeStatus.FAILED
    now = await standing(info, row.job_id, after=after, is_done=done)
    return SourceStream.of_work(
        info.context.events,
        progress.topic_of(row),
        start,
        read,
        now=snapshot(start.cursor or "", row, row.status, **asdict(now)),
        after=after,
        is_over=lambda event: event.status in ENDED,
    )
