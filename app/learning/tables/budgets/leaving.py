"""Leaving a step that cannot be interrupted: the compilation of a network takes seconds, and nobody wants to wait."""

from collections.abc import Callable
from threading import Thread
from typing import Generic, TypeVar

T = TypeVar("T")

# How long a step may take to notice by itself that it is to stop, and how often one looks.
NOTICE_S, LOOK_S = 0.25, 0.05


class _Step(Thread, Generic[T]):
    """A step in a thread that does not keep the process alive."""

    def __init__(self, do: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self.do = do
        self.result: T | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self.do()
        except BaseException as error:  # noqa: BLE001 (it is raised where the step is waited for)
            self.error = error


def unless_stopped(do: Callable[[], T], is_stopped: Callable[[], bool]) -> T | None:
    """What a step gives; None if somebody wants it to stop and it does not notice soon. Then it is left behind.

    Nothing begins that is to stop already.
    """
    if is_stopped():
        return None
    step = _Step(do)
    step.start()
    while step.is_alive() and not is_stopped():
        step.join(LOOK_S)
    step.join(NOTICE_S if is_stopped() else None)
    if step.error is not None:
        raise step.error
    return step.result
