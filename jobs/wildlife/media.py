"""Reading media that were uploaded or are to be fetched: some at once, each batch kept when it is read.

So a broken job goes on where it was.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from app import parsing, pictures
from app.errors import Conflict, Invalid, NotFound
from app.formats.media import media_archives, media_files
from app.gateways import outside, storage
from app.gateways.outside import Outage
from app.models.kinds.wildlife import WildlifeJob
from app.parsing import Unreadable
from app.services.system.files import storage_usage
from app.services.wildlife.media import timing
from app.services.wildlife.media.files import archives, fetching, keys, readings, storing
from app.services.wildlife.media.files.fetching import Unfetched
from app.services.wildlife.media.files.storing import Read
from app.settings import settings
from jobs.broker import job
from jobs.folders import working_folder
from jobs.run import JobRun

BATCH = 16


@job(WildlifeJob.READ_MEDIA, failed=readings.reading_failed)
async def read_media(run: JobRun) -> None:
    """Reads what has arrived, dates it, and builds the sequences of its deployments."""
    reading_id = run.claim.subject_id
    async with run.writing() as session:
        plan = await readings.begin_reading(session, reading_id)
    if plan.archive_key is None:
        touched = await _read_uploads(run, plan)
    else:
        touched = await _read_archive(run, plan, plan.archive_key)
    # Whatever an earlier attempt has kept is dated now, too.
    for deployment_id in sorted(touched | ({plan.deployment_id} if plan.deployment_id else set())):
        async with run.database.writing() as session:
            await timing.settle(session, deployment_id)
    async with run.ending() as session:
        await readings.finish_reading(session, reading_id)
    if plan.archive_key is not None:
        await storage.delete(plan.archive_key)


async def _read_uploads(run: JobRun, plan: readings.ReadingPlan) -> set[int]:
    touched: set[int] = set()
    last = 0
    while True:
        async with run.database.reading() as session:
            batch = await readings.waiting(session, run.claim.subject_id, after=last, count=BATCH)
        if not batch:
            return touched
        last = batch[-1].upload_id
        uploaded = [each for each in batch if each.resource_id is None]
        with working_folder() as folder:
            read_files = await asyncio.gather(*(_read_upload(each, folder) for each in uploaded))
            fetched = await _fetch(run, plan.user_id, [each for each in batch if each.resource_id is not None], folder)
        touched |= await _keep(run, plan, [*[file for file in read_files if file is not None], *fetched])


async def _fetch(run: JobRun, user_id: int, files: Sequence[readings.Waiting], folder: Path) -> list[Read]:
    """What the addresses of media have; of those that could not be fetched the reason is kept."""
    if not files:
        return []
    read_files: list[Read | Unfetched]
    try:
        async with run.database.reading() as session:
            await storage_usage.require_any_room(session, user_id)
    except Conflict as full:
        read_files = [Unfetched(each.upload_id, each.resource_id or 0, full.message) for each in files]
    else:
        async with outside.browsing() as client:
            read_files = await asyncio.gather(*(_fetch_one(client, each, folder) for each in files))
    unfetched = [each for each in read_files if isinstance(each, Unfetched)]
    if unfetched:
        async with run.writing() as session:
            await fetching.note_unfetched(session, run.claim.subject_id, unfetched)
    return [each for each in read_files if isinstance(each, Read)]


async def _fetch_one(client: httpx.AsyncClient, file: readings.Waiting, folder: Path) -> Read | Unfetched:
    assert file.resource_id is not None
    path = folder / str(file.upload_id)
    try:
        await fetching.fetch(client, file.file_path, path)
    except (Outage, Invalid) as error:
        return Unfetched(file.upload_id, file.resource_id, error.message)
    await storage.put(file.storage_key, path)
    facts = await read_file(path, file.storage_key)
    return Read(file.file_path, file.storage_key, file.deployment_id, facts, None, file.upload_id, file.resource_id)


async def _read_upload(file: readings.Waiting, folder: Path) -> Read | None:
    """What was uploaded; None if it has not arrived, which is for the next reading."""
    path = folder / str(file.upload_id)
    try:
        await storage.download(file.storage_key, path)
    except NotFound:
        if file.size_bytes:
            return None
        # Nothing has to be sent of an empty file.
        await storage.put(file.storage_key, b"", is_small=True)
        path.write_bytes(b"")
    facts = await read_file(path, file.storage_key)
    return Read(file.file_path, file.storage_key, file.deployment_id, facts, file.sha256, file.upload_id)


async def read_file(path: Path, storage_key: str) -> dict[str, Any]:
    """What a file says of itself; its small pictures are put beside it."""
    try:
        facts = await parsing.run(media_files.read, str(path), cpu_s_max=settings.media_read_cpu_s_max)
    except Unreadable as error:
        # Its reader was stopped: it took too long, or too much memory.
        size, digest = await asyncio.to_thread(media_files.identity, path)
        facts = media_files.Medium(size, digest, error=str(error))._asdict()
    for content, key in (
        (facts["thumbnail"], keys.thumbnail_of(storage_key)),
        (facts["preview"], keys.preview_of(storage_key)),
    ):
        if content:
            await storage.put(key, content, media_type=pictures.MEDIA_TYPE)
    return facts


async def _keep(run: JobRun, plan: readings.ReadingPlan, files: Sequence[Read]) -> set[int]:
    if not files:
        return set()
    run.go_on()
    async with run.writing() as session:
        touched = await storing.keep(session, run.claim.subject_id, plan, files)
    await run.got_on()
    return touched


async def _read_archive(run: JobRun, plan: readings.ReadingPlan, archive_key: str) -> set[int]:
    """Unpacks a ZIP; with tables of locations and deployments in it, these come first."""
    with working_folder() as folder:
        packed, unpacked = folder / "media.zip", folder / "files"
        await storage.download(archive_key, packed)
        members = await parsing.run(
            media_archives.unpack,
            str(packed),
            str(unpacked),
            cpu_s_max=settings.parser_file_cpu_s_max,
            field="upload",
        )
        tables = await archives.parsed_tables(unpacked, members)
        async with run.writing() as session:
            places = await archives.begin(session, run.claim.subject_id, plan, members, tables)
        touched: set[int] = set()
        for start in range(0, len(places), BATCH):
            batch = places[start : start + BATCH]
            read_files = await asyncio.gather(*(_read_member(plan, unpacked, *each) for each in batch))
            touched |= await _keep(run, plan, read_files)
    return touched


async def _read_member(
    plan: readings.ReadingPlan, folder: Path, number: int, file_path: str, deployment_id: int | None
) -> Read:
    key = keys.fresh(plan.project_id)
    path = folder / str(number)
    await storage.put(key, path)
    return Read(file_path, key, deployment_id, await read_file(path, key))
