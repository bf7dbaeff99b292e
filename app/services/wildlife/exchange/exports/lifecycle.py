"""Exports of classification projects: asked for, written by a job, and fetched by a signed link that asks again."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Expired
from app.gateways.storage import StoredFile
from app.models.base import BigInt
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.exchange import EventsCount, ExchangeStatus, WildlifeExport, WildlifeExportFormat
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services import links
from app.services.system.files import left_files, storage_usage
from app.services.wildlife.classifications.access import project_to_approve_in
from app.services.wildlife.exchange import progress

DECIMALS_MAX = 7
FOLDER = "wildlife-exports"
left_files.named_by(FOLDER, WildlifeExport.storage_key)


class FileFormat(NamedTuple):
    """The files of a format: its version, their name but for a number, its suffix and its media type."""

    version: str
    name: str
    suffix: str
    media_type: str


FORMATS = {
    WildlifeExportFormat.CAMTRAP_DP: FileFormat("1.0.2", "camtrap-dp", "zip", "application/zip"),
    WildlifeExportFormat.OBSERVATIONS_CSV: FileFormat("1", "observations", "csv", "text/csv"),
    WildlifeExportFormat.MEGADETECTOR: FileFormat("1.6", "megadetector", "json", "application/json"),
    WildlifeExportFormat.COCO: FileFormat("1.0", "coco", "json", "application/json"),
    WildlifeExportFormat.DEPLOYMENTS_GEOJSON: FileFormat("1", "deployments", "geojson", "application/geo+json"),
}
WILDLIFE_EXPORT = links.Kind("wildlife-export", "files", WildlifeExport)


@dataclass(frozen=True)
class ExportOptions:
    """What an export holds. Each format heeds what concerns it."""

    approved_only: bool = True
    exclude_blank: bool = False
    deployment_ids: list[int] | None = None
    private_humans: bool = True
    private_vehicles: bool = True
    private_species: tuple[int, ...] = ()
    decimals: int = DECIMALS_MAX
    coarsen_sensitive: bool = True
    include_events: bool = False
    events_count: EventsCount = EventsCount.COUNT
    gzip: bool = True

    def plain(self) -> dict[str, Any]:
        """The options as they are kept."""
        return {
            **vars(self),
            "private_species": list(self.private_species),
            "events_count": self.events_count.value,
        }


async def start_export(
    session: WriteSession, viewer: Viewer, project_id: int, format: WildlifeExportFormat, options: ExportOptions
) -> WildlifeExport:
    """Queues an export of a project. For its admins."""
    checks.within("coordinateDecimals", options.decimals, 0, DECIMALS_MAX)
    project = await project_to_approve_in(session, viewer, project_id)
    await storage_usage.require_any_room(session, signed_in(viewer))
    row = WildlifeExport(
        user_id=signed_in(viewer),
        classification_project_id=project.id,
        format=format,
        format_version=FORMATS[format].version,
        options=options.plain(),
    )
    session.add(row)
    await session.flush()
    job = await enqueue(session, WildlifeJob.EXPORT_WILDLIFE, subject_id=row.id, user_id=row.user_id)
    row.job_id = job.id
    await session.flush()
    return row


def nothing_to_export() -> Conflict:
    """The refusal of an export that would be empty."""
    return Conflict("There is nothing to export. Approve classifications, or set approvedOnly to false.")


def export_link(viewer: Viewer, export: WildlifeExport) -> str | None:
    """A temporary download link; null until the file is there."""
    return None if export.storage_key is None else links.signed(WILDLIFE_EXPORT, viewer, export.id)


@links.leads_to_file(WILDLIFE_EXPORT)
def export_file(opened: links.Opened) -> StoredFile:
    """The file that a link leads to."""
    export: WildlifeExport = opened.row
    if export.storage_key is None:
        raise Expired(links.GONE)
    format = FORMATS[export.format]
    return StoredFile(export.storage_key, f"{format.name}-{export.id}.{format.suffix}", format.media_type)


async def finish_export(session: WriteSession, export_id: int, *, key: str, size: int, counts: dict[str, int]) -> None:
    """Marks an export as finished."""
    row = await session.get_one(WildlifeExport, export_id, with_for_update=True)
    row.storage_key, row.size_bytes, row.counts = key, BigInt(size), counts
    row.status = ExchangeStatus.FINISHED
    await progress.finish_export(session, row)


def key_of(export: WildlifeExport) -> str:
    """Where the file of an export is kept."""
    suffix = FORMATS[export.format].suffix
    return f"{FOLDER}/{export.id}-{datetime.now(UTC):%Y%m%d%H%M%S}.{suffix}"
