"""Fetching labels from OpenStreetMap, and importing them from files."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import msgpack

from app.errors import Invalid
from app.gateways import osm, storage
from app.models import JobKind
from app.services import mapping
from app.services.mapping import Footprint, ImportPlan, Sieve
from jobs.broker import job
from jobs.run import Run


@job(JobKind.FETCH_LABELS, failed=mapping.labelling_failed)
async def fetch_labels(run: Run) -> None:
    """Asks OpenStreetMap for an area's features and puts them in place of those it gave before."""
    async with run.database.reading() as reading:
        area, tags = await mapping.begin_labelling(reading, run.claim.subject_id)
    features = await osm.fetch_features(area, tags)
    footprints = await asyncio.to_thread(Sieve(area, "features").sift_osm, features)
    async with run.ending() as session:
        await mapping.replace_osm_labels(session, run.claim.subject_id, footprints)


@job(JobKind.FETCH_FEEDBACK_LABELS, failed=mapping.feedback_labelling_failed)
async def fetch_feedback_labels(run: Run) -> None:
    """The same for an area that corrects a training."""
    async with run.database.reading() as reading:
        area = await mapping.feedback_area_to_label(reading, run.claim.subject_id)
    features = await osm.fetch_features(area)
    async with run.ending() as session:
        await mapping.replace_osm_feedback_labels(session, run.claim.subject_id, features)


@job(JobKind.IMPORT_LABELS, failed=mapping.import_failed)
async def import_labels(run: Run) -> None:
    """Reads a file to its end before it keeps any label of it; what was read waits on disk."""
    async with run.writing() as session:
        plan = await mapping.begin_import(session, run.claim.subject_id)
    with TemporaryDirectory(prefix="fieldgraph-") as name:
        path, sieve = Path(name) / "labels", Sieve(plan.area, "file.features")
        await storage.download(plan.storage_key, path)
        with (Path(name) / "footprints").open("w+b") as waiting:
            await _sift(run, plan, path, sieve, waiting)
            async with run.ending_slowly() as session:
                await mapping.finish_import(
                    session, run.claim.subject_id, _read(waiting), added=sieve.passed, outside=sieve.outside
                )
    await storage.delete(plan.storage_key)


async def _sift(run: Run, plan: ImportPlan, path: Path, sieve: Sieve, waiting: BinaryIO) -> None:
    batches = mapping.batched(mapping.features_in(path, plan.format, plan.tags))

    def one_more() -> bool:
        batch = next(batches, None)
        if batch:
            waiting.write(msgpack.packb(sieve.sift(batch)))
        return batch is not None

    while await asyncio.to_thread(one_more):
        run.go_on()
    if not sieve.passed + sieve.outside:
        raise Invalid("file", "There are no labels in this file.")


def _read(waiting: BinaryIO) -> Iterator[list[Footprint]]:
    waiting.seek(0)
    for batch in msgpack.Unpacker(waiting):
        yield [Footprint(*each) for each in batch]
