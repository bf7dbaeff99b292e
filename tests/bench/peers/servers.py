"""The servers that are compared: ours as in production, four others without authentication, each alone on one core."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.operations.processes.process import CannotStart
from app.operations.processes.servers import NAME, PORT, PrivateServers
from tests.bench.peers.queries import Question
from tests.bench.world import World, free_port, serve, sign_in, start

ROOT = Path(__file__).parents[3]
SOURCES = Path(__file__).with_name("node")
NODE = ROOT / ".bench-peers"  # the sources beside their packages, where Node looks for them
CORES = {0, 1}
PINNED = ("taskset", "--cpu-list", "0")
OURS, POSTGRAPHILE, STRAWBERRY = "fieldgraph", "postgraphile", "strawberry"
NODE_PEERS = ("mercurius", "yoga", POSTGRAPHILE)
NAMES = (OURS, *NODE_PEERS, STRAWBERRY)
NODE_VERSION_MIN = 22


@dataclass(frozen=True)
class Server:
    """One of those that are compared."""

    name: str
    url: str
    process: subprocess.Popen[bytes]
    headers: tuple[str, ...] = ()

    def body(self, question: Question) -> dict[str, Any]:
        """A question in this server's words."""
        return question.postgraphile if self.name == POSTGRAPHILE else question.ours


def ready(names: list[str]) -> None:
    """Sees that the tools are here, and installs what may be installed: wrk, and Node with the packages."""
    if not shutil.which("taskset"):
        raise CannotStart(
            "Servers are pinned to a core by taskset, which is not here. It comes with Linux's util-linux."
        )
    if not os.sched_getaffinity(0) >= CORES:
        raise CannotStart("The server needs core 0 for itself and the load core 1: this machine does not offer both.")
    _see_to_wrk()
    if set(names) & set(NODE_PEERS):
        _see_to_node()


def begin(servers: PrivateServers, names: list[str]) -> list[Server]:
    """All of them, ready and idle."""
    return [_MAKERS.get(name, _node)(servers, name) for name in names]


def _ours(servers: PrivateServers, name: str) -> Server:
    world = World(servers.home, free_port(), sign_in(servers), servers.database_url, servers.redis_url)
    process = serve(servers, world, behind=PINNED, production=True)
    return Server(name, _url(world.port), process, (f"Authorization: Bearer {world.token}",))


def _node(servers: PrivateServers, name: str) -> Server:
    port = free_port()
    place = {"PGHOST": str(servers.sockets), "PGPORT": str(PORT), "PGUSER": NAME, "PGDATABASE": NAME}
    production = {"NODE_ENV": "production", "GRAPHILE_ENV": "production", "PORT": str(port)}
    return _start(servers, name, port, (_node_program(), str(NODE / f"{name}.mjs")), place | production)


def _strawberry(servers: PrivateServers, name: str) -> Server:
    port = free_port()
    uvicorn = (sys.executable, "-m", "uvicorn", "tests.bench.peers.stock:app", f"--port={port}", "--no-access-log")
    place = {"DATABASE_URL": servers.database_url, "PYTHONPATH": str(ROOT)}
    return _start(servers, name, port, (*uvicorn, "--loop=uvloop", "--http=httptools"), place)


_MAKERS: dict[str, Callable[[PrivateServers, str], Server]] = {OURS: _ours, STRAWBERRY: _strawberry}


def _start(
    servers: PrivateServers, name: str, port: int, command: tuple[str, ...], variables: Mapping[str, str]
) -> Server:
    address = f"{_url(port)}?query=%7B__typename%7D"
    return Server(name, _url(port), start(servers, name, (*PINNED, *command), os.environ | variables, address))


def _url(port: int) -> str:
    return f"http://127.0.0.1:{port}/graphql"


def _see_to_wrk() -> None:
    if shutil.which("wrk"):
        return
    install = [*([] if os.getuid() == 0 else ["sudo", "-n"]), "apt-get", "install", "--yes", "wrk"]
    if not shutil.which("apt-get") or subprocess.run(install, capture_output=True, check=False).returncode:
        raise CannotStart(
            "wrk makes the load and is not here. Install it (Debian: apt-get install wrk), then try again."
        )


def _see_to_node() -> None:
    shutil.copytree(SOURCES, NODE, dirs_exist_ok=True)
    installed, wanted = NODE / "node_modules" / ".package-lock.json", NODE / "package.json"
    if not installed.exists() or installed.stat().st_mtime < wanted.stat().st_mtime:
        if not shutil.which("npm"):
            raise CannotStart("The Node servers are installed by npm, which is not here (Debian: apt-get install npm).")
        quiet = ("--no-package-lock", "--no-audit", "--no-fund", "--loglevel=error")
        if (done := subprocess.run(["npm", "install", *quiet], cwd=NODE, check=False)).returncode:
            raise CannotStart(f"npm could not install the Node servers: it ended with {done.returncode}.")
    said = subprocess.run([_node_program(), "--version"], capture_output=True, text=True, check=True).stdout
    if int(said.removeprefix("v").partition(".")[0]) < NODE_VERSION_MIN:
        raise CannotStart(f"PostGraphile 5 needs Node {NODE_VERSION_MIN} or newer; this is {said.strip()}.")


def _node_program() -> str:
    """The Node that came with the packages, or else the system's."""
    brought = NODE / "node_modules" / ".bin" / "node"
    return str(brought) if brought.exists() else shutil.which("node") or "node"
