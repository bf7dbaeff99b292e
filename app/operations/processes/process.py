"""Child processes that never outlive the process that started them, not even when it is killed."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from app.security import child_environment

# The guard reads `pid signal grace` for a child that began and `pid` for one that ended. Its input ends when the
# launcher closes it or dies, in whatever way; then it stops the children, the youngest first. It is a shell because
# the system has one everywhere, and it names no file of ours, so that killing processes by name does not reach it.
# Where no init collects the dead, a child that has ended stays as a zombie, which is no life.
_GUARD = """
trap '' HUP INT TERM
lives() { kill -0 "$1" && ! grep -q ') Z ' "/proc/$1/stat"; }
children=
while read -r pid signal grace; do
  others=
  for child in $children; do [ "${child%%:*}" = "$pid" ] || others="$others $child"; done
  children=${signal:+$pid:$signal:$grace}$others
done
for child in $children; do
  IFS=: read -r pid signal grace <<END
$child
END
  kill -s "$signal" "$pid"
  rounds=$((grace * 20))
  while lives "$pid" && [ "$rounds" -gt 0 ]; do rounds=$((rounds - 1)); sleep 0.05; done
  kill -s KILL -- "-$pid"
done 2>/dev/null
"""


# How one of our own commands is started.
CLI = (sys.executable, "-P", "-m", "app.cli")
# What ends is started again after a pause, until so many in a row have lived no longer than this.
RESTART_PAUSE_S = 1.0
SHORT_LIFE_S = 10.0
SHORT_LIVES_MAX = 3


class CannotStart(Exception):
    """Why nothing can run here, in words that say what to do."""


class Children:
    """Processes that end, the youngest first, when this object closes or this process ends.

    Each leads a group of its own, so a Ctrl-C in the terminal reaches only the launcher, and what a child leaves
    behind is swept away with its group. `held` are descriptors that stay open until the last child has ended.
    """

    def __init__(self, *, held: Sequence[int] = ()) -> None:
        self._is_closing = False
        self._started: list[subprocess.Popen[bytes]] = []
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
            env=child_environment.variables(),
            pass_fds=held,
        )

    def start(
        self,
        command: Sequence[str | Path],
        *,
        environment: Mapping[str, str],
        output: int | IO[bytes],
        user: str | None = None,
        folder: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 10,
    ) -> subprocess.Popen[bytes]:
        """Start a child; when the time comes it is asked to stop, and killed if it has not after `grace_s`."""
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=dict(environment),
            cwd=folder,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        self._started.append(child)
        self._tell(f"{child.pid} {stop_signal.name.removeprefix('SIG')} {round(grace_s)}")
        return child

    def forget(self, child: subprocess.Popen[bytes]) -> None:
        """Say that a child has ended: its number may soon be another process's."""
        self._started.remove(child)
        if not self._is_closing:
            self._tell(f"{child.pid}")

    def kill(self) -> None:
        """End everything at once, for somebody who asked twice."""
        for child in self._started:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)

    def close(self) -> None:
        """Stop all children and wait until they have ended."""
        self._is_closing = True
        assert self._guard.stdin is not None
        self._guard.stdin.close()
        for process in (*self._started, self._guard):
            process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _tell(self, line: str) -> None:
        assert self._guard.stdin is not None
        self._guard.stdin.write(f"{line}\n".encode())
        self._guard.stdin.flush()
