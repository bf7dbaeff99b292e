"""Which processes a process has started, and whether they have ended."""

import time
from pathlib import Path

END_S_MAX = 120


def descendants(ancestor: int) -> set[int]:
    """All that a process has started, and what these have, while none of the parents has ended."""
    parents = {number: _status(number)[1] for number in _processes()}
    found: set[int] = set()
    while new := {number for number, parent in parents.items() if parent in {ancestor, *found}} - found:
        found |= new
    return found


def await_end(processes: set[int]) -> None:
    """Return when all have ended; fail if some do not."""
    deadline = time.monotonic() + END_S_MAX
    while left := {number for number in processes if _status(number)[0] not in "ZX"}:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def _processes() -> list[int]:
    return [int(process.name) for process in Path("/proc").glob("[0-9]*")]


def _status(process: int) -> tuple[str, int]:
    """Its state and its parent; X when it is gone. What has ended and was not collected by its parent is a Z."""
    try:
        state, parent, *_ = Path("/proc", str(process), "stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return "X", 0
    return state, int(parent)
