"""Imports as they are asked for: who may, which files, and with which options."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from sqlalchemy import select

from app import checks
from app.database import ReadSession, WriteSession
from app.errors import Conflict, Forbidden, Invalid, NotFound, quoted
from app.limits import wildlife as limits
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.deployments import Deployment
from app.models.wildlife.exchange import WildlifeImport, WildlifeImportFormat
from app.models.wildlife.projects import ResearchProject
from app.models.wildlife.providers import AIProvider
from app.policies import Viewer, signed_in, visible
from app.policies.wildlife.projects import WORKERS, works_in_project
from app.queue import enqueue
from app.services.system.files.uploads import Uploaded, UploadLink, upload_link
from app.services.wildlife.classifications.access import project_to_approve_in
from app.settings import settings

USE = "wildlife-import"
MEDIA_TYPES = {".zip": "application/zip", ".json": "application/json", ".csv": "text/csv", ".gz": "application/gzip"}


class ImportedFile(NamedTuple):
    """A file of an import, and its path beside the others."""

    path: str
    file: Uploaded


@dataclass(frozen=True)
class ImportOptions:
    """The options of imports. Each format heeds those that concern it."""

    keep_good: bool = False
    dry_run: bool = False
    timezone: str | None = None
    approve: bool = False
    provider_id: int | None = None
    deployment_id: int | None = None
    base_path: str | None = None
    minimum_confidence: float | None = None


async def import_upload(session: WriteSession, viewer: Viewer, *, file_name: str, bytes: int) -> UploadLink:
    """An upload link for one file of an import."""
    media_type = MEDIA_TYPES.get(PurePosixPath(file_name).suffix.lower())
    if media_type is None:
        raise Invalid("fileName", f"Send files that end in {', '.join(MEDIA_TYPES)}; this is {quoted(file_name)}.")
    bytes_max = settings.import_bytes_max
    return await upload_link(session, viewer, use=USE, media_type=media_type, bytes=bytes, bytes_max=bytes_max)


async def start_import(
    session: WriteSession,
    viewer: Viewer,
    format: WildlifeImportFormat,
    *,
    files: Sequence[ImportedFile],
    research_project_id: int | None = None,
    classification_project_id: int | None = None,
    options: ImportOptions,
) -> WildlifeImport:
    """Queues an import."""
    user_id = signed_in(viewer)
    _check_files(files)
    checked = await _checked(session, viewer, options)
    research_id = await _target(session, viewer, research_project_id, classification_project_id)
    await _check_deployment(session, options, research_id)
    row = WildlifeImport(
        user_id=user_id,
        research_project_id=research_id,
        classification_project_id=classification_project_id,
        provider_id=options.provider_id,
        format=format,
        dry_run=options.dry_run,
        keep_good=options.keep_good,
        files={each.path: each.file.key for each in files},
        options=checked,
    )
    session.add(row)
    await session.flush()
    job = await enqueue(session, WildlifeJob.IMPORT_WILDLIFE, subject_id=row.id, user_id=user_id)
    row.job_id = job.id
    await session.flush()
    return row


def _check_files(files: Sequence[ImportedFile]) -> None:
    if not 0 < len(files) <= settings.import_files_max:
        raise Invalid("files", f"Give 1 to {settings.import_files_max} files; these are {len(files)}.")
    if sum(each.file.size_bytes for each in files) > settings.import_bytes_max:
        raise Invalid("files", f"The files of an import have at most {settings.import_bytes_max:,} bytes together.")
    seen: set[str] = set()
    for number, each in enumerate(files):
        place = f"files.{number}.path"
        path = PurePosixPath(checks.text(place, each.path, length_max=limits.FILE_NAME_LENGTH_MAX, is_exact=True))
        if path.is_absolute() or ".." in path.parts or "\\" in each.path or ":" in each.path:
            raise Invalid(place, "Give a path beside the other files. It must not lead out of their folder.")
        if each.path in seen:
            raise Invalid(place, f"Two files have the path {quoted(each.path)}.")
        seen.add(each.path)


async def _checked(session: ReadSession, viewer: Viewer, options: ImportOptions) -> dict[str, object]:
    """The options as they are kept."""
    if options.timezone is not None and options.timezone not in zones():
        raise Invalid("timezone", f"{quoted(options.timezone)} is no IANA time zone such as Europe/Warsaw.")
    if options.minimum_confidence is not None:
        checks.within("minimumConfidence", options.minimum_confidence, 0, 1)
    if options.provider_id is not None:
        own = visible(AIProvider, viewer).where(AIProvider.id == options.provider_id, AIProvider.is_active)
        if await session.scalar(own) is None:
            raise NotFound("There is no such active AI provider.")
    base = checks.optional_text("basePath", options.base_path, length_max=limits.FILE_PATH_LENGTH_MAX, is_exact=True)
    return {
        "timezone": options.timezone,
        "approve": options.approve,
        "deployment_id": options.deployment_id,
        "base_path": base and base.replace("\\", "/"),
        "minimum_confidence": options.minimum_confidence,
    }


def zones() -> set[str]:
    """The names of all time zones that are known here."""
    return available_timezones()


def zone(name: str | None) -> ZoneInfo | None:
    """A time zone by its name."""
    return None if name is None else ZoneInfo(name)


async def _target(session: WriteSession, viewer: Viewer, research_id: int | None, classification_id: int | None) -> int:
    """The research project that is imported into; refused to who may not write to it and its classifications."""
    if classification_id is not None:
        project = await project_to_approve_in(session, viewer, classification_id)
        if research_id not in {None, project.research_project_id}:
            raise Invalid("classificationProjectId", "This classification project belongs to another research project.")
        research_id = project.research_project_id
    if research_id is None:
        raise Invalid("researchProjectId", "Name a research project, or a classification project.")
    sought = visible(ResearchProject, viewer).where(ResearchProject.id == research_id)
    row = (
        await session.execute(sought.add_columns(works_in_project(viewer, ResearchProject.id, WORKERS)))
    ).one_or_none()
    if row is None:
        raise NotFound("There is no such research project.")
    if not row[1]:
        raise Forbidden("Only members of the research project may import into it.")
    return research_id


async def _check_deployment(session: ReadSession, options: ImportOptions, research_id: int) -> None:
    if options.deployment_id is None:
        return
    of_project = select(Deployment.id).where(
        Deployment.id == options.deployment_id, Deployment.research_project_id == research_id
    )
    if await session.scalar(of_project) is None:
        raise NotFound("There is no such deployment in this research project.")


async def still_may(session: WriteSession, row: WildlifeImport, viewer: Viewer) -> None:
    """Refuses an import whose owner lost their right since they asked for it."""
    try:
        await _target(session, viewer, row.research_project_id, row.classification_project_id)
    except (Forbidden, NotFound):
        raise Conflict("You may no longer import into this project.") from None
