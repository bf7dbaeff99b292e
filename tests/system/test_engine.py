"""The engine's process is read, limited, stopped and outlived by its job."""

import asyncio
import json
import os
import sys

import pytest

from app.models.kinds.mapping import MappingJob
from app.models.system import JobState
from app.services.system import jobs
from app.settings import settings
from jobs import engine
from jobs import run as running
from jobs.engine import run_engine
from jobs.run import Work, attempt
from jobs.watch import Watch
from tests import factories

# Stands in for `python -m app.learning`: it has the same argument, the same pipes and the same manners.
PRELUDE = """
import json, os, signal, sys, time
def say(**line): print(json.dumps(line), flush=True)
"""
PROGRESS = {"stage": "training", "progress": 0.5, "message": "Half of it."}
UNEXPECTED = "The learning engine stopped unexpectedly; it may have run out of memory."


@pytest.fixture
def stand_in(monkeypatch):
    """Puts a script in the engine's place."""

    def stand_in(script):
        monkeypatch.setattr(engine, "ENGINE", (sys.executable, "-c", PRELUDE + script))

    return stand_in


@pytest.fixture
async def job(database):
    """A job in its last attempt."""
    return await factories.job(database, kind=MappingJob.TRAIN, attempts_max=1)


@pytest.fixture
def leaving():
    return asyncio.Event()


class Engaged:
    """An attempt at a job that runs the engine, receives its messages and keeps its result."""

    def __init__(self, database, job, leaving, folder):
        self.begun = asyncio.Event()
        self.said = []
        self.result = None
        self.s_max = 60.0
        self._place = database, job, leaving
        self._folder = folder

    async def __call__(self):
        database, job, leaving = self._place
        await attempt(database, Work(MappingJob.TRAIN, self._do, untold), job.id, leaving)

    async def _do(self, run):
        self.result = await run_engine(run, self._folder, self._receive, s_max=self.s_max)
        async with run.ending():
            pass

    async def _receive(self, message):
        self.said.append(message)
        self.begun.set()


async def untold(session, subject_id, reason):
    """Nobody else has to know."""


@pytest.fixture
def engaged(database, job, leaving, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "LOOK_S", 0.02)
    monkeypatch.setattr(running, "BEAT_S", 0.05)
    return Engaged(database, job, leaving, tmp_path)


def process_in(folder):
    return int((folder / "pid").read_text())


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_its_messages_are_passed_on_and_its_last_is_the_result(engaged, stand_in, job, found):
    stand_in(f"say(**{PROGRESS}); say(result={{'f1': 0.5}})")
    await engaged()
    assert (engaged.said, engaged.result) == ([PROGRESS], {"f1": 0.5})
    assert (await found(job)).state is JobState.DONE


ENDS = {
    "a failure in its own words": ("say(failure='No label lies on the imagery.')", "No label lies on the imagery."),
    "a crash": ("raise RuntimeError('the secret is 42')", UNEXPECTED),
    "a crash after its result": ("say(result={}); sys.exit(1)", UNEXPECTED),
    "a kill": ("os.kill(os.getpid(), signal.SIGKILL)", UNEXPECTED),
    "silence": ("pass", UNEXPECTED),
    "too much memory": ("print(len(bytearray(2**30)))", UNEXPECTED),
}


@pytest.mark.parametrize(("script", "reason"), ENDS.values(), ids=ENDS)
async def test_however_it_ends_without_a_result_the_job_fails_in_words(
    script, reason, engaged, stand_in, job, found, monkeypatch
):
    monkeypatch.setattr(settings, "training_memory_bytes_max", 512 * 1024 * 1024)
    stand_in(script)
    await engaged()
    ended = await found(job)
    assert (ended.state, ended.error) == (JobState.FAILED, reason)


async def test_one_that_is_killed_is_begun_again(engaged, stand_in, job, found, change_job):
    await change_job(job, attempts_max=3)
    stand_in("os.kill(os.getpid(), signal.SIGKILL)")
    await engaged()
    waiting = await found(job)
    assert (waiting.state, waiting.attempt, waiting.error) == (JobState.QUEUED, 1, UNEXPECTED)
    stand_in("say(result={'f1': 0.5})")
    await change_job(job, available_at=job.created_at)
    await engaged()
    assert ((await found(job)).state, engaged.result) == (JobState.DONE, {"f1": 0.5})


async def test_one_that_ends_before_it_can_be_limited_fails_in_words_too(engaged, stand_in, job, found, monkeypatch):
    begin = asyncio.create_subprocess_exec

    async def begun_and_ended(*command, **how):
        process = await begin(*command, **how)
        await process.wait()
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begun_and_ended)
    script, reason = ENDS["a kill"]
    stand_in(script)
    await engaged()
    ended = await found(job)
    assert (ended.state, ended.error) == (JobState.FAILED, reason)


async def test_what_is_no_message_fails_the_job_in_words(engaged, stand_in, job, found):
    stand_in("print('Segmentation fault', flush=True)")
    await engaged()
    assert (await found(job)).error == f"Internal error (job {job.id}). Try again, or report this number."


async def test_it_is_not_told_what_it_has_no_business_to_know(engaged, stand_in):
    stand_in("say(result={name: '' for name in os.environ})")
    await engaged()
    assert {"DATABASE_URL", "REDIS_URL", "FIELDGRAPH_SECRET"} <= set(os.environ)
    assert not any(name.endswith(("_URL", "_SECRET", "_TOKEN", "_KEY", "_PASSWORD")) for name in engaged.result)
    assert {"PATH", "GLIBC_TUNABLES"} <= engaged.result.keys()


WAITING = f"open(sys.argv[1] + '/pid', 'w').write(str(os.getpid())); say(**{PROGRESS}); "
POLITE = WAITING + "sys.stdin.read(); open(sys.argv[1] + '/farewell', 'w').close(); sys.exit(3)"
STUBBORN = WAITING + "time.sleep(600)"


async def test_when_its_job_is_cancelled_it_is_asked_to_stop(engaged, stand_in, database, job, found, tmp_path):
    stand_in(POLITE)
    attempting = asyncio.create_task(engaged())
    await engaged.begun.wait()
    async with database.writing() as session:
        await jobs.cancel(session, job.id)
    await attempting
    assert (await found(job)).state is JobState.CANCELLED
    assert (tmp_path / "farewell").exists()
    assert not is_alive(process_in(tmp_path))


async def test_one_that_does_not_stop_is_killed(engaged, stand_in, database, job, found, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "LEAVE_S", 0.2)
    stand_in(STUBBORN)
    attempting = asyncio.create_task(engaged())
    await engaged.begun.wait()
    async with database.writing() as session:
        await jobs.cancel(session, job.id)
    await attempting
    assert (await found(job)).state is JobState.CANCELLED
    assert not is_alive(process_in(tmp_path))


async def test_when_the_worker_leaves_it_stops_and_the_job_is_handed_back(
    engaged, stand_in, leaving, job, found, tmp_path
):
    stand_in(POLITE)
    attempting = asyncio.create_task(engaged())
    await engaged.begun.wait()
    leaving.set()
    await attempting
    back = await found(job)
    assert (back.state, back.attempt) == (JobState.QUEUED, 0)
    assert not is_alive(process_in(tmp_path))


async def test_the_lease_is_kept_while_it_is_slow_to_stop(engaged, stand_in, database, job, found, monkeypatch):
    monkeypatch.setattr(engine, "LEAVE_S", 1)
    monkeypatch.setattr(settings, "job_lease_s", 0.5)
    stand_in(STUBBORN)
    attempting = asyncio.create_task(engaged())
    await engaged.begun.wait()
    async with database.writing() as session:
        await jobs.cancel(session, job.id)
    watch = Watch()
    while not attempting.done():
        async with database.writing() as session:
            assert watch.dead(await jobs.leases(session)) == []
        await asyncio.sleep(0.1)
    ended = await found(job)
    assert (ended.state, ended.error) == (JobState.CANCELLED, "Cancelled.")


async def test_one_that_takes_too_long_is_stopped(engaged, stand_in, job, found, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "LEAVE_S", 0.2)
    stand_in(STUBBORN)
    engaged.s_max = 1.8
    await engaged()
    assert (await found(job)).error == "It took longer than the limit of 0.0005 hours."
    assert not is_alive(process_in(tmp_path))


async def test_the_real_one_says_what_it_cannot_do(engaged, job, found, tmp_path):
    (tmp_path / "request.json").write_text(json.dumps({"task": "train", "base_model": "ABACUS"}))
    await engaged()
    assert (await found(job)).error == "No engine for the base model ABACUS is installed."


async def test_the_real_one_breaks_in_a_folder_without_a_request(engaged, job, found):
    await engaged()
    assert (await found(job)).error == UNEXPECTED
