"""What parses bytes from outside is limited, apart, and replaced when it breaks."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from app import parsing
from app.errors import Invalid, Unreadable
from app.settings import settings
from app.settings.units import MIB
from tests.parsing import parsers


async def test_plain_values_go_in_and_come_out():
    assert await parsing.run(parsers.echo, b"\0\xff", "ü", 2**63, 0.5, None, [True], {"a": {"b": 1}}) == [
        b"\0\xff",
        "ü",
        2**63,
        0.5,
        None,
        [True],
        {"a": {"b": 1}},
    ]


async def test_a_child_is_used_again():
    assert await parsing.run(parsers.pid) == await parsing.run(parsers.pid) != os.getpid()


async def test_several_parse_at_once():
    assert len(set(await asyncio.gather(*(parsing.run(parsers.pid) for _ in range(3))))) >= 1


async def test_memory_beyond_the_limit_is_refused_in_words():
    with pytest.raises(Unreadable, match=r"^Reading this would take more than 512 MiB of memory.$"):
        await parsing.run(parsers.take, 600 * MIB)
    assert await parsing.run(parsers.take, 300 * MIB) == 300 * MIB


async def test_what_keeps_memory_is_replaced():
    assert await parsing.run(parsers.keep, 100 * MIB) != await parsing.run(parsers.pid)


@pytest.mark.parametrize("parser", [parsers.spin, parsers.sleep], ids=["on the processor", "asleep"])
async def test_time_beyond_the_limit_is_refused_in_words(parser):
    with pytest.raises(Unreadable, match=r"^Reading this would take more than 0.2 s.$"):
        await parsing.run(parser, cpu_s_max=0.2)
    assert await parsing.run(parsers.echo, 1) == [1]


async def test_a_child_whose_parser_stumbled_is_not_asked_again():
    before = await parsing.run(parsers.pid)
    with capture_logs() as logs, pytest.raises(Unreadable, match="uses its format in a way that is not supported"):
        await parsing.run(parsers.mistake)
    assert [log["event"] for log in logs] == ["parser failed"]
    assert await parsing.run(parsers.pid) != before


async def test_a_crash_is_a_refusal():
    with pytest.raises(Unreadable, match="or the file is broken"):
        await parsing.run(parsers.crash)
    assert await parsing.run(parsers.echo, 1) == [1]


async def test_endless_recursion_is_a_refusal():
    with pytest.raises(Unreadable, match=r"^This is nested too deeply.$"):
        await parsing.run(parsers.recurse)


async def test_a_mistake_of_a_parser_is_a_refusal_and_is_logged():
    with capture_logs() as logs, pytest.raises(Unreadable, match=r"^This is broken, or uses its format in a way"):
        await parsing.run(parsers.mistake)
    [entry] = logs
    assert (entry["event"], entry["log_level"], entry["parser"]) == ("parser failed", "error", "mistake")
    assert "KeyError" in entry["error"]


async def test_what_a_parser_refuses_is_said_in_its_words():
    with pytest.raises(Unreadable, match=r"^This has no end.$"):
        await parsing.run(parsers.refuse)
    with pytest.raises(Invalid) as refused:
        await parsing.run(parsers.refuse_a_field)
    assert (refused.value.field, refused.value.message) == ("file.features.3", "This is not a GeoJSON Feature.")
    with pytest.raises(Invalid) as refused:
        await parsing.run(parsers.refuse, field="upload")
    assert (refused.value.field, refused.value.message) == ("upload", "This has no end.")


async def test_an_answer_has_a_bound(monkeypatch):
    monkeypatch.setattr(settings, "parser_result_bytes_max", MIB)
    with pytest.raises(Unreadable, match="unpacks to more"):
        await parsing.run(parsers.answer, 2 * MIB)


async def test_a_child_knows_no_secret_and_every_limit(monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "FIELDGRAPH_SECRET", "AWS_SECRET_ACCESS_KEY", "FIELDGRAPH_SMTP_URL"):
        monkeypatch.setenv(name, "hidden")
    idle = await parsing.run(parsers.pid)
    os.kill(idle, signal.SIGKILL)
    await _gone(idle)
    found = await parsing.run(parsers.surroundings)
    assert "hidden" not in found.values()
    assert not {name for name in found if name.startswith(("FIELDGRAPH_", "AWS_"))}
    monkeypatch.setattr(settings, "vertices_max", 7)
    assert await parsing.run(parsers.setting, "vertices_max") == 7


async def test_who_gives_up_leaves_no_child_at_work():
    idle = await parsing.run(parsers.pid)
    work = asyncio.create_task(parsing.run(parsers.spin))
    await asyncio.sleep(0.2)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    await _gone(idle)


PARENT = """
import asyncio
from app import parsing
from tests.parsing import parsers

async def main():
    print(await parsing.run(parsers.pid), flush=True)
    await parsing.run(parsers.spin)

asyncio.run(main())
"""


async def test_a_child_ends_with_its_parent():
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", PARENT, stdout=asyncio.subprocess.PIPE)
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await _gone(child)


async def _gone(pid):
    async with asyncio.timeout(120):
        while _lives(pid):  # noqa: ASYNC110 -- another process sets no event
            await asyncio.sleep(0.05)


def _lives(pid):
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
