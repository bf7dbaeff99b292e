"""Fetching labels from OpenStreetMap, and importing them from files."""

import asyncio

from app import parsing
from app.formats.labels import label_files
from app.formats.labels.skipping import Skipped
from app.gateways import osm, storage
from app.models.kinds.mapping import MappingJob
from app.services.mapping.feedback import corrections
from app.services.mapping.labels import footprints as footprints_service
from app.services.mapping.labels import imports, uploads
from app.settings import settings
from jobs.broker import job
from jobs.folders import working_folder
from jobs.run import JobRun


@job(MappingJob.FETCH_LABELS, failed=uploads.labelling_failed)
async def fetch_labels(run: JobRun) -> None:
    """Asks OpenStreetMap for an area's features and puts them in place of those it gave before."""
    async with run.database.reading() as reading:
        area, tags = await uploads.begin_labelling(reading, run.claim.subject_id)
    features = await osm.fetch_features(area, tags)
    footprints = await asyncio.to_thread(footprints_service.filter_osm_footprints, area, features)
    async with run.ending() as session:
        await uploads.replace_osm_labels(session, run.claim.subject_id, footprints)


@job(MappingJob.FETCH_FEEDBACK_LABELS, failed=corrections.feedback_labelling_failed)
async def fetch_feedback_labels(run: JobRun) -> None:
    """The same for an area that corrects a training."""
    async with run.database.reading() as reading:
        area = await corrections.feedback_area_to_label(reading, run.claim.subject_id)
    features = await osm.fetch_features(area)
    async with run.ending() as session:
        await corrections.replace_osm_feedback_labels(session, run.claim.subject_id, features)


@job(MappingJob.IMPORT_LABELS, failed=imports.import_failed)
async def import_labels(run: JobRun) -> None:
    """Reads a file to its end before it keeps any label of it; what was read waits on disk."""
    async with run.writing() as session:
        plan = await imports.begin_import(session, run.claim.subject_id)
    with working_folder() as folder:
        path, passed = folder / "labels", folder / "footprints"
        await storage.download(plan.storage_key, path)
        # If the job ends before, the child that reads is killed.
        count, outside, skipped = await parsing.run(
            label_files.sift,
            str(path),
            plan.format.value,
            plan.tags,
            plan.area.wkb,
            str(passed),
            plan.strict,
            cpu_s_max=settings.parser_file_cpu_s_max,
            field=label_files.FIELD,
        )
        async with run.ending_slowly() as session:
            batches = label_files.filter_footprints(passed)
            await imports.finish_import(
                session,
                run.claim.subject_id,
                batches,
                count=count,
                outside=outside,
                skipped=[Skipped.of(each) for each in skipped],
            )
    await storage.delete(plan.storage_key)
