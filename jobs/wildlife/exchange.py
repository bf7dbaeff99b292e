"""Imports of files, and files for others."""

import hashlib
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app import parsing
from app.database import WriteSession
from app.errors import Invalid
from app.formats.wildlife import files
from app.gateways import storage
from app.models.kinds.wildlife import WildlifeJob
from app.models.wildlife.exchange import WildlifeExport, WildlifeExportFormat, WildlifeImport
from app.models.wildlife.projects import ResearchProject
from app.security import private_files
from app.services.system.jobs import Progress
from app.services.wildlife.classifications.access import project_to_approve_in
from app.services.wildlife.exchange import progress
from app.services.wildlife.exchange.exports import deployments, detections, lifecycle, packaging
from app.services.wildlife.exchange.exports.lifecycle import ExportOptions
from app.services.wildlife.exchange.imports import importing, requests
from app.services.wildlife.exchange.imports.importing import Importing, Reckoning
from app.settings import settings
from app.telemetry.metering import in_thread
from jobs.broker import job
from jobs.folders import working_folder
from jobs.run import JobRun

WRITERS = {
    WildlifeExportFormat.CAMTRAP_DP: packaging.write_package,
    WildlifeExportFormat.OBSERVATIONS_CSV: packaging.write_observations,
    WildlifeExportFormat.MEGADETECTOR: detections.write_megadetector,
    WildlifeExportFormat.COCO: detections.write_coco,
    WildlifeExportFormat.DEPLOYMENTS_GEOJSON: deployments.write_deployments,
}


class Undone(Exception):
    """A dry run ends: what it wrote is taken back."""


@job(WildlifeJob.IMPORT_WILDLIFE, failed=progress.import_failed)
async def import_wildlife(run: JobRun) -> None:
    """Reads files in a parsing child, then writes all that is good in one transaction."""
    async with run.writing() as session:
        row = await session.get_one(WildlifeImport, run.claim.subject_id, with_for_update=True)
        await progress.begin(session, row)
        topic = progress.topic_of(row)
    with working_folder() as folder:
        path = await _fetched(row, folder / "files")
        await run.report(Progress(0.1, "reading", "The files are read."), topic=topic)
        read: dict[str, Any] = await parsing.run(
            files.sift,
            str(path),
            row.format.value,
            row.options.get("timezone"),
            str(folder / "records"),
            cpu_s_max=settings.import_cpu_s_max,
            field="files",
        )
        digest = await in_thread(_digest, folder / "records")
        await run.report(Progress(0.4, "writing", "What is good is written."), topic=topic)
        await _write(run, read, digest, folder / "records")
    for key in row.files.values():
        await storage.delete(key)


async def _fetched(row: WildlifeImport, folder: Path) -> Path:
    """The files of an import on disk: a lone one, or their folder."""
    for name, key in row.files.items():
        path = folder / name
        private_files.folder(path.parent)
        await storage.download(key, path)
    names = list(row.files)
    return folder / names[0] if len(names) == 1 else folder


def _digest(records: Path) -> str:
    """What tells the same data again, however they are packed."""
    with records.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def _write(run: JobRun, read: dict[str, Any], digest: str, records: Path) -> None:
    reckoning: Reckoning | None = None
    try:
        async with run.ending_slowly() as session:
            row = await _locked(session, run, read, digest)
            earlier = None if row.dry_run else await progress.earlier_of(session, row)
            if earlier is not None:
                await progress.leave_unchanged(session, row, earlier)
                return
            work = Importing(session, row, read)
            reckoning = work.reckoning
            await work.carry_out(records)
            importing.check(reckoning, row)
            _keep(row)
            await progress.finish_import(session, row, reckoning)
    except Undone:
        assert reckoning is not None
        async with run.ending() as session:
            row = await session.get_one(WildlifeImport, run.claim.subject_id, with_for_update=True)
            row.format_version = read["version"]
            await progress.finish_import(session, row, reckoning)
    except Invalid:
        if reckoning is not None:
            async with run.writing() as session:
                row = await session.get_one(WildlifeImport, run.claim.subject_id, with_for_update=True)
                row.format_version = read["version"]
                progress.reckon(row, reckoning)
        raise


def _keep(row: WildlifeImport) -> None:
    """Passes if what was written is to stay."""
    if row.dry_run:
        raise Undone


async def _locked(session: WriteSession, run: JobRun, read: dict[str, Any], digest: str) -> WildlifeImport:
    """The import, and its project locked: of several imports into it one goes at a time."""
    row = await session.get_one(WildlifeImport, run.claim.subject_id)
    own = select(ResearchProject.id).where(ResearchProject.id == row.research_project_id)
    await session.execute(own.with_for_update(key_share=True))
    await requests.still_may(session, row, await progress.owner_of(session, row))
    row.format_version, row.content_sha256 = read["version"], digest
    await session.flush()
    return row


@job(WildlifeJob.EXPORT_WILDLIFE, failed=progress.export_failed)
async def export_wildlife(run: JobRun) -> None:
    """Writes a file to disk as of one moment, and puts it into storage."""
    async with run.writing() as session:
        row = await session.get_one(WildlifeExport, run.claim.subject_id, with_for_update=True)
        await progress.begin(session, row)
    topic = progress.topic_of(row)
    await run.report(Progress(0.1, "writing", "The file is written."), topic=topic)
    with working_folder() as folder:
        tables, target = private_files.folder(folder / "tables"), folder / "export"
        # It writes temporary tables alone.
        async with run.database.writing(s_max=settings.long_transaction_s_max) as session:
            viewer = await progress.owner_of(session, row)
            await project_to_approve_in(session, viewer, row.classification_project_id)
            # Rows that were queued before an option was there do not have it.
            options = {**ExportOptions().plain(), **row.options}
            counts = await WRITERS[row.format](session, row.classification_project_id, options, tables, target)
        key = lifecycle.key_of(row)
        size = target.stat().st_size
        await run.report(Progress(0.9, "storing", "The file is stored."), topic=topic)
        await storage.put(key, target)
        async with run.ending() as session:
            await lifecycle.finish_export(session, row.id, key=key, size=size, counts=counts)
