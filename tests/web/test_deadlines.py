"""Time-outs that share a timer: each as `asyncio.timeout` would have it."""

import asyncio

import pytest

from app.web.graphql.deadlines import Deadline, Deadlines


@pytest.fixture
def deadlines():
    return Deadlines()


async def test_what_takes_too_long_is_cancelled(deadlines):
    limit = Deadline(deadlines, 0.02)
    with pytest.raises(TimeoutError), limit:
        await asyncio.sleep(60)
    assert limit.expired
    assert asyncio.current_task().cancelling() == 0


async def test_what_is_done_in_time_is_left_alone(deadlines):
    with Deadline(deadlines, 0.5) as limit:
        await asyncio.sleep(0)
    await asyncio.sleep(0.6)
    assert not limit.expired


async def test_each_has_its_own_end(deadlines):
    ended = []

    async def cut(seconds: float) -> None:
        with pytest.raises(TimeoutError), Deadline(deadlines, seconds):
            await asyncio.sleep(60)
        ended.append(seconds)

    await asyncio.gather(*(cut(seconds) for seconds in (0.3, 0.01, 0.15)))
    assert ended == [0.01, 0.15, 0.3]


async def test_another_time_out_is_not_taken_for_this(deadlines):
    limit = Deadline(deadlines, 60)
    with pytest.raises(TimeoutError, match="another"), limit:
        raise TimeoutError("another")
    assert not limit.expired


@pytest.mark.parametrize("expires", [True, False])
async def test_whoever_else_cancels_is_obeyed(deadlines, expires):
    began = asyncio.Event()

    async def run() -> None:
        with Deadline(deadlines, 60) as limit:
            began.set()
            try:
                await asyncio.sleep(60)
            finally:
                if expires:
                    limit.expire()

    task = asyncio.create_task(run())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_timer_serves_many(deadlines, monkeypatch):
    loop, timers = asyncio.get_running_loop(), []
    call_at = loop.call_at

    def noted(at, callback, *given, **named):
        if getattr(callback, "__self__", None) is deadlines:  # others of this loop take timers, too
            timers.append(at)
        return call_at(at, callback, *given, **named)

    monkeypatch.setattr(loop, "call_at", noted)
    for _ in range(100):
        with Deadline(deadlines, 60):
            pass
    assert len(timers) == 1
