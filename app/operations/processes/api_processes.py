"""`fieldgraph serve --workers N`: so many API processes on one port; the kernel gives each its share of connections."""

import os
import signal
import subprocess
import threading
import time

from app.operations.processes.process import CLI, RESTART_PAUSE_S, SHORT_LIFE_S, SHORT_LIVES_MAX, CannotStart, Children
from app.settings import settings

COMMAND = (*CLI, "serve", "--shared")
LOOK_S = 0.2
GRACE_S = 5.0


def serve(count: int) -> None:
    """Keeps so many processes running until SIGTERM or SIGINT; then each finishes its requests."""
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    grace_s = settings.shutdown_notice_s + settings.shutdown_s + GRACE_S
    with Children() as children:
        processes = Processes(children, count, grace_s)
        while not asked.wait(LOOK_S):
            processes.tend()
        processes.stop()


class Processes:
    """The API processes; one that ends is begun again."""

    def __init__(self, children: Children, count: int, grace_s: float) -> None:
        self._children = children
        self._grace_s = grace_s
        self._short_lives = 0
        self._running = dict(self._begin() for _ in range(count))

    def _begin(self) -> tuple[subprocess.Popen[bytes], float]:
        child = self._children.start(COMMAND, environment=os.environ, output=1, grace_s=self._grace_s)
        return child, time.monotonic()

    def tend(self) -> None:
        """Begins again what has ended; raises CannotStart if they end as soon as they begin."""
        for child in [child for child in self._running if child.poll() is not None]:
            lived_s = time.monotonic() - self._running.pop(child)
            self._children.forget(child)
            self._short_lives = self._short_lives + 1 if lived_s < SHORT_LIFE_S else 0
            if self._short_lives == SHORT_LIVES_MAX:
                raise CannotStart(f"API processes end as soon as they begin, the last with code {child.returncode}.")
            time.sleep(RESTART_PAUSE_S)
            begun, at = self._begin()
            self._running[begun] = at

    def stop(self) -> None:
        """Asks all of them to end, together, and kills what takes too long."""
        deadline = time.monotonic() + self._grace_s
        for child in self._running:
            child.terminate()
        for child in self._running:
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
