"""A disk that is nearly full refuses new work in words; one that is full harms nothing that is there."""

import asyncio
import resource
import shutil
import tempfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.errors import Unavailable
from app.gateways import storage
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import Dataset
from app.models.system import Job, JobState
from app.operations import disk
from app.settings import settings
from jobs.folders import PREFIX, working_folder
from jobs.run import JobRun, Work, attempt
from resolvers import ids
from tests import factories

FULL_AT_BYTES = 200_000
CONTENT = b"x" * 3 * FULL_AT_BYTES


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    (tmp_path / "home" / "postgres").mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(settings, "home", tmp_path / "home")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    return tmp_path


@contextmanager
def full():
    """No file grows beyond a few bytes meanwhile: to whoever writes one, the disk is full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_AT_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def files(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]


@pytest.mark.parametrize("place", ["home", "tmp", "home/postgres"])
async def test_new_work_is_refused_wherever_room_is_short(place, home, refuse, owner, monkeypatch, unchanged):
    def disk_usage(path):
        is_short = Path(path) == home / place
        return SimpleNamespace(free=settings.disk_free_bytes_min - 1 if is_short else 2**50)

    monkeypatch.setattr(shutil, "disk_usage", disk_usage)
    async with unchanged():
        for refused in (
            await refuse("exportMyData", viewer=owner),
            await refuse("requestAvatarUpload", viewer=owner, bytes=1, mediaType="image/png"),
        ):
            assert refused["code"] == "UNAVAILABLE"
            assert "too little disk space" in refused["message"]
    with pytest.raises(Unavailable), working_folder():
        pass
    assert files(home) == []


async def test_what_makes_room_is_not_refused(database, owner, change, monkeypatch):
    dataset = await factories.dataset(database, owner.id)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=0))
    assert "code" not in await change(
        "deleteDataset", "id: deletedId", viewer=owner, id=ids.encode_key(Dataset, dataset.id)
    )


async def test_a_full_disk_leaves_no_half_file(home):
    await storage.put("a/before", b"before")
    with full():
        for source in (CONTENT, pieces()):
            with pytest.raises(Unavailable):
                await storage.put("a/file", source)
        with pytest.raises(Unavailable):
            await storage.put_once("a/once", pieces())
    assert files(home / "home") == ["files/a/before"]
    await storage.put("a/file", CONTENT)
    assert await storage.get("a/file") == CONTENT


async def pieces():
    for _ in range(3):
        yield CONTENT[:FULL_AT_BYTES]


async def test_a_job_waits_for_room_and_its_worker_lives(home, database):
    async def do(run: JobRun):
        with working_folder() as folder:
            (folder / "work").write_bytes(CONTENT)
            async with run.ending():
                pass

    async def failed(*_):
        pytest.fail("the job failed")

    work = Work(MappingJob.FETCH_LABELS, do, failed)
    job = await factories.job(database, kind=MappingJob.FETCH_LABELS)
    with full():
        await attempt(database, work, job.id, asyncio.Event())
    assert [path for path in (home / "tmp").iterdir() if path.name.startswith(PREFIX)] == []
    waiting = await state(database, job)
    assert (waiting.state, waiting.setbacks) == (JobState.QUEUED, 1)
    async with database.writing() as session:
        (await session.get_one(Job, job.id)).available_at = datetime.now(UTC)
    await attempt(database, work, job.id, asyncio.Event())
    assert (await state(database, job)).state is JobState.DONE


async def state(database, job):
    async with database.reading() as session:
        return await session.get_one(Job, job.id)


def test_places_that_are_not_there_are_not_asked(home):
    (home / "home" / "postgres").rmdir()
    assert disk.places() == [home / "home", home / "tmp"]
