"""Background tasks are started again when they end, fail or hang, and say so meanwhile."""

import asyncio
import time
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app import supervision
from app.gateways import storage_probe
from app.settings import settings
from app.supervision import Background, within
from app.web.routes.health import Health


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr(supervision, "PAUSE_S", 0.01)


@asynccontextmanager
async def running(work, **limits):
    task = Background("the work", work, **limits)
    task.start()
    try:
        yield task
    finally:
        await task.stop()


async def ready(*tasks):
    health = Health({}, tasks)
    return (await health.ready(None)).status_code


def breaking(ends):
    """Work that ends like this, one after the other, and then goes on."""
    left, begun = list(ends), []

    async def work(task):
        begun.append(len(begun))
        if left:
            end = left.pop(0)
            if end is not None:
                raise end
            return
        task.well()
        await asyncio.Event().wait()

    return work, begun


@pytest.mark.parametrize("end", [OSError("away"), ZeroDivisionError("a bug"), None], ids=["outage", "bug", "end"])
async def test_what_ends_is_started_again_and_told(end, eventually):
    work, begun = breaking([end, end])

    async def goes_on():
        return len(begun) == 3 and task.trouble is None

    with capture_logs() as logs:
        async with running(work) as task:
            await eventually(goes_on)
            assert await ready(task) == 200
    logs = [line for line in logs if line.get("task") == "the work"]
    failures = [line for line in logs if line["event"] == "background task failed"]
    assert [line["reason"] for line in failures] == [str(end or "it ended by itself")] * 2
    # An outage is nobody's mistake; the rest is ours, and is kept where staff reads it.
    assert {line["log_level"] for line in failures} == {"warning" if isinstance(end, OSError) else "error"}
    assert [line["event"] for line in logs][-1] == "background task recovered"


async def test_between_two_beginnings_the_process_is_not_ready(eventually, monkeypatch):
    monkeypatch.setattr(supervision, "PAUSE_S", 60)
    work, _ = breaking([OSError("away")])

    async def failed():
        return task.trouble == "away"

    async with running(work) as task:
        await eventually(failed)
        assert await ready(task) == 503


async def test_what_hangs_is_given_up_and_started_again(eventually):
    begun = []

    async def work(task):
        begun.append(task)
        if len(begun) > 1:
            task.well()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if len(begun) == 1:  # and it does not even obey at once
                await asyncio.sleep(2)
            raise

    async def began_again():
        return len(begun) == 2

    async with running(work, silence_s_max=0.2) as task:
        await asyncio.sleep(0)
        assert await ready(task) == 200
        await eventually(began_again)


async def test_a_process_that_stood_still_gives_nothing_up(eventually):
    begun, rounds = [], []

    async def work(task):
        begun.append(task)
        while True:
            await asyncio.sleep(0.02)
            # An answer from outside takes the loop some rounds.
            for _ in range(20):
                await asyncio.sleep(0)
            task.well()
            rounds.append(task)

    async def goes_on():
        return len(rounds) > done

    async with running(work, silence_s_max=0.5) as task:
        for _ in range(3):
            done = len(rounds)
            await eventually(goes_on)
            time.sleep(1)  # noqa: ASYNC251 - nothing else runs meanwhile, as beside a long computation
        done = len(rounds)
        await eventually(goes_on)
        assert task.trouble is None
    assert len(begun) == 1


async def test_a_hanging_task_is_in_trouble_even_before_it_is_given_up():
    async def work(_task):
        await asyncio.Event().wait()

    async with running(work, silence_s_max=0.0) as task:
        await asyncio.sleep(0.01)
        assert "got nothing done" in str(task.trouble)


async def test_a_wait_ends_in_time_though_what_is_waited_for_does_not_obey():
    ended = asyncio.Event()

    async def stubborn():
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.5)
            ended.set()

    with pytest.raises(TimeoutError):
        await within(0.05, stubborn())
    assert not ended.is_set()
    await asyncio.wait_for(ended.wait(), 10)


async def test_a_wait_answers_and_fails_as_what_is_waited_for():
    async def answer():
        return 7

    async def fail():
        raise KeyError("x")

    assert await within(10, answer()) == 7
    with pytest.raises(KeyError):
        await within(10, fail())


async def test_a_storage_that_takes_no_files_makes_the_process_unready_until_it_does(tmp_path, monkeypatch):
    async def is_ready():
        return (await Health({"storage": probe.check}).ready(None)).status_code == 200

    probe = storage_probe.Probe()
    monkeypatch.setattr(settings, "home", Path("/proc"))  # where not even root may write
    assert not await is_ready()
    monkeypatch.setattr(settings, "home", tmp_path)
    assert await is_ready()
    assert [path for path in (tmp_path / "files").rglob("*") if path.is_file()] == []
    # A probe asks every second; the storage is asked every ten.
    monkeypatch.setattr(settings, "home", Path("/proc"))
    assert await is_ready()
    monkeypatch.setattr(storage_probe, "REMEMBERED_S", 0.0)
    probe = storage_probe.Probe()
    assert not await is_ready()
