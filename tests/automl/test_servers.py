"""Workers: each has a row as long as it lives, which the staff see."""

from datetime import timedelta

from sqlalchemy import func, select, update

from app.models.automl.works import Server
from app.settings import settings
from jobs.automl import servers

SERVERS = "{ servers { nodes { serverName serverInfoReady serverGpuRam cores memoryBytes } } }"


async def _age(database, seconds):
    async with database.writing() as session:
        await session.execute(update(Server).values(heartbeat_at=func.now() - timedelta(seconds=seconds)))


async def test_a_worker_has_one_row_that_the_staff_see(database, ask, staff, owner):
    for _ in range(2):
        await servers.beat(database)
    [server] = (await ask(SERVERS, viewer=staff))["servers"]["nodes"]
    assert (server["serverName"], server["serverInfoReady"]) == (servers.SERVER_NAME, True)
    assert server["cores"] >= 1
    assert int(server["memoryBytes"]) > 100_000_000
    for viewer in (owner, None):
        assert (await ask(SERVERS, viewer=viewer))["servers"]["nodes"] == []


async def test_a_worker_that_is_silent_is_gone(database, ask, staff):
    async with database.writing() as session:
        session.add(Server(server_name="another"))
    await _age(database, settings.server_silence_s_max + 1)
    assert (await ask(SERVERS, viewer=staff))["servers"]["nodes"] == []
    await servers.beat(database)
    async with database.reading() as session:
        assert list(await session.scalars(select(Server.server_name))) == [servers.SERVER_NAME]


async def test_the_memory_of_graphics_cards_is_asked_of_their_driver(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 8192\necho 16384\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert await servers._gpu_bytes() == (8192 * 1024**2, 16384 * 1024**2)
