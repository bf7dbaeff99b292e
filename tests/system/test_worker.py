"""The real worker process: whatever becomes of it, its jobs are done or fail with a reason."""

import asyncio
import os
import signal
import sys
import threading

import pytest
from redis import Redis
from sqlalchemy import func, select

from app.gateways import fakes
from app.gateways.fakes import village
from app.models.mapping.datasets import DownloadStatus, Label
from app.models.system import Job, JobState, UserNotification
from app.operations import doctor
from app.operations.processes.process import Children
from app.policies import Viewer
from app.services.mapping.labels import uploads
from tests import factories
from tests.servers import serving

# Little patience and quick sweeps, so that little time passes until a worker is missed. On a busy machine an attempt
# stands still for two seconds while it loads what it needs: its lease has to outlast that, or it counts as a death.
QUICK = {"JOB_LEASE_S": "5", "JOB_SWEEP_S": "0.5", "SHUTDOWN_S": "10", "DATABASE_POOL": "5"}
QUICK |= {"JOB_DEATHS_MAX": "2", "JOB_PAUSE_S": "0.2"}


class Gate:
    """A map service that lets everybody wait until it is opened."""

    def __init__(self):
        self.is_open = threading.Event()

    async def __call__(self, scope, receive, send):
        while scope["type"] == "http" and not self.is_open.is_set():  # noqa: ASYNC110 - opened by another thread
            await asyncio.sleep(0.02)
        await fakes.app(scope, receive, send)


@pytest.fixture
def gate():
    return Gate()


@pytest.fixture
def start(gate, tmp_path, redis_url):
    """Starts a worker; all of them end with the test."""
    with serving(gate) as osm, Children() as children, (tmp_path / "workers.log").open("wb") as log:
        outside = {"OSM_FEATURES_URL": f"{osm.url}/osm/v1", "OUTSIDE_HOSTS_ALLOWED": osm.host}
        environment = {f"FIELDGRAPH_{name}": value for name, value in (QUICK | outside).items()}

        def start():
            command = [sys.executable, "-m", "app.cli", "work"]
            return children.start(command, environment=os.environ | environment, output=log)

        yield start
        gate.is_open.set()


@pytest.fixture
async def area(database, owner):
    """A piece of the village, none of whose buildings is known yet."""
    dataset = await factories.dataset(database, owner.id)
    return await factories.aoi(database, dataset, village.TRAINING_AREAS[0])


@pytest.fixture
def ask_for_labels(database, owner, area):
    """Asks for the area's labels; answers with the job."""

    async def ask_for_labels():
        async with database.writing() as session:
            await uploads.ask_for_osm_labels(session, Viewer(owner.id), aoi_id=area.id)
        async with database.reading() as session:
            return (await session.scalars(select(Job))).one()

    return ask_for_labels


@pytest.fixture
def reaches(eventually, found):
    """Waits until a job is in a state, begun so often."""

    async def reaches(job, state, fence=None):
        async def look():
            now = await found(job)
            return now if now.state is state and fence in {None, now.fence} else None

        return await eventually(look)

    return reaches


@pytest.fixture
def labels(database):
    async def labels():
        async with database.reading() as session:
            return await session.scalar(select(func.count(Label.id)))

    return labels


async def ended(process):
    """The exit code of a process that was asked to leave."""
    return await asyncio.wait_for(asyncio.to_thread(process.wait), 120)


async def test_a_job_whose_call_was_lost_is_done_all_the_same(
    start, gate, ask_for_labels, reaches, labels, found, area, redis_url
):
    gate.is_open.set()
    job = await ask_for_labels()
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
        start()
        done = await reaches(job, JobState.DONE)
        assert done.attempt == 1
        assert (await found(area)).label_status is DownloadStatus.DOWNLOADED
        assert await labels() > 0
        assert len(list(redis.scan_iter(doctor.WORKER_KEYS))) == 1


async def test_a_job_that_kills_every_worker_fails_and_so_does_its_subject(
    start, ask_for_labels, reaches, database, found, area, labels
):
    job = await ask_for_labels()
    for fence in (1, 2):
        worker = start()
        await reaches(job, JobState.RUNNING, fence)
        worker.kill()
        worker.wait()
    start()
    failed = await reaches(job, JobState.FAILED)
    assert (failed.attempt, failed.error) == (0, "The worker stopped 2 times while it worked on this.")
    told = await found(area)
    assert (told.label_status, told.label_error) == (DownloadStatus.NOT_DOWNLOADED, failed.error)
    assert await labels() == 0
    async with database.reading() as session:
        [message] = await session.scalars(select(UserNotification.message))
    assert message == f"The labels of area {area.id} could not be fetched. {failed.error}"


async def test_of_two_workers_one_takes_over_when_the_other_is_killed_and_hands_on_when_asked_to_leave(
    start, gate, ask_for_labels, reaches, labels, found
):
    job = await ask_for_labels()
    first = start()
    await reaches(job, JobState.RUNNING, fence=1)
    second = start()
    first.kill()
    await reaches(job, JobState.RUNNING, fence=2)
    second.send_signal(signal.SIGTERM)
    assert await ended(second) == 0
    back = await found(job)
    assert (back.state, back.attempt, back.lease_until) == (JobState.QUEUED, 0, None)
    gate.is_open.set()
    start()
    assert (await reaches(job, JobState.DONE)).attempt == 1
    assert await labels() > 0
