"""One measurement: wrk asks a server on its own core, and the kernel says who worked how long for it."""

import json
import os
import subprocess
import time
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any

from tests.bench.peers.servers import Server

SCRIPT = Path(__file__).with_name("wrk.lua")
LOAD_CORE = 1
WARM_UP_S = 1
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
REST_S = 0.1
REST_S_MAX = 30
WHOLE = 0.95  # of the answer's bytes; what is shorter is an error that came as a 200


class Wrong(Exception):
    """A measurement that measured something else."""


@dataclass(frozen=True)
class Figures:
    """What one run, or the median of several, showed; CPU is per request.

    `share` is how much of its core the server had: what is missing from 1, others on this machine took, or it idled.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    server_ms: float
    database_ms: float
    share: float

    @classmethod
    def median_of(cls, runs: list["Figures"]) -> "Figures":
        """Each figure's median for itself."""
        return cls(*(median(getattr(run, figure.name) for run in runs) for figure in fields(cls)))


def warm(server: Server, body: Path, *, connections: int) -> None:
    """Lets a server compile what it compiles."""
    wrk(server, body, WARM_UP_S, connections)


def run(server: Server, body: Path, *, seconds: int, connections: int, database_pid: int, answer_bytes: int) -> Figures:
    """Loads a server for so long, once it has come to rest; longer if it is too slow to answer each client once."""
    pids = server.process.pid, database_pid
    for lasting in (seconds, 2 * seconds, 4 * seconds, 8 * seconds):
        rest(server.process.pid)
        before = [cpu_s(pid) for pid in pids]
        said = wrk(server, body, lasting, connections)
        worked = [now - then for now, then in zip(map(cpu_s, pids), before, strict=True)]
        if said["failures"]:
            raise Wrong(f"{server.name} failed {said['failures']} of {said['requests']} requests.")
        if (answered := said["requests"]) >= connections:
            break
    else:
        raise Wrong(f"{server.name} answered {answered} requests within {lasting} s: measure for longer.")
    if said["bytes"] / answered < WHOLE * answer_bytes:
        raise Wrong(f"{server.name} answered with {said['bytes'] / answered:.0f} bytes under load, not {answer_bytes}.")
    server_ms, database_ms = (s / answered * 1_000 for s in worked)
    times = said["p50_ms"], said["p99_ms"], server_ms, database_ms
    return Figures(answered / said["seconds"], *times, share=worked[0] / said["seconds"])


def wrk(
    server: Server, body: Path, seconds: int, connections: int, *, cores: Collection[int] = (LOAD_CORE,)
) -> dict[str, Any]:
    """Asks without pause, on these cores; what came of it."""
    pinned = ("taskset", "--cpu-list", ",".join(map(str, cores)), "wrk", "--threads=1", f"--connections={connections}")
    command = [*pinned, f"--duration={seconds}s", "--timeout=60s", f"--script={SCRIPT}", server.url, "--", str(body)]
    done = subprocess.run([*command, *server.headers], capture_output=True, text=True, check=True)
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def rest(pid: int) -> None:
    """Waits until a process does nothing: some go on answering clients that have left."""
    deadline, worked = time.monotonic() + REST_S_MAX, -1.0
    while (now := cpu_s(pid)) > worked and time.monotonic() < deadline:
        worked = now
        time.sleep(REST_S)


def cpu_s(pid: int) -> float:
    """The CPU time of a process and all its children, those that have ended too."""
    worked: dict[int, float] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for found in _pids():
        if stat := _stat(found):
            children[int(stat[1])].append(found)
            worked[found] = sum(map(int, stat[11:15])) * TICK_S
    family = [pid]
    for member in family:
        family.extend(children[member])
    return sum(worked.get(member, 0) for member in family)


def memory_mb(pid: int) -> float:
    """How much memory a process has now."""
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1_024


def _pids() -> list[int]:
    return [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdecimal()]


def _stat(pid: int) -> list[str]:
    """The fields of `/proc/<pid>/stat` behind the name; none for a process that has just ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []
