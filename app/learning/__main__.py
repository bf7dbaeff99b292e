"""The child process: `python -m app.learning FOLDER` does one task and talks to its parent in lines of JSON.

The task stands in `request.json` of the folder. Out go progress lines and one last line with `result` or `failure`,
both with exit code 0. The end of standard input, or any byte but one, asks to stop: exit code 3, and nothing more is
said. So a child never outlives its parent. The byte `k` asks to stop early and to keep what was learned so far: the
task ends as if its time were over, or at once if nothing was.
"""

import json
import os
import resource
import signal
import sys
import threading
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from time import monotonic, sleep
from typing import TextIO

from app.learning.compiled import keep_compiled
from app.learning.engine import (
    Cancelled,
    Epoch,
    Failure,
    InspectionRequest,
    PredictionRequest,
    TrainingRequest,
    load,
)

# Whoever gives seconds counts those to import what is needed, too.
BEGAN = monotonic()
CANCELLED = 3
KEEP = b"k"
CAMERA_TRAP_TASKS = ("find", "tell_apart", "learn_species")
# A step or a compilation may take this long to notice; then the process ends in the middle of it.
CANCEL_S_MAX = 5.0
NICENESS = 10
# The network's threads come from XLA; a second pool would only fight it for the same cores.
ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS")


class Parent:
    """The process at the other end of the pipes."""

    def __init__(self) -> None:
        # The pipe is for the protocol alone: what libraries print goes where errors go.
        self.lines: TextIO = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
        os.dup2(2, 1)
        self.stop = threading.Event()
        self.keeps = threading.Event()
        self.has_best = False
        threading.Thread(target=self._listen, daemon=True).start()

    def report(
        self,
        stage: str,
        progress: float,
        message: str,
        *,
        eta_s: float | None = None,
        epoch: Epoch | None = None,
        best: float | None = None,
    ) -> None:
        line: dict[str, object] = {
            "stage": stage,
            "progress": round(progress, 4),
            "message": message,
            "eta_s": None if eta_s is None else round(eta_s, 1),
            "epoch": None if epoch is None else asdict(epoch),
        }
        self.has_best = self.has_best or best is not None
        self.say(line if best is None else {**line, "best": best})

    def is_over(self) -> bool:
        """Whether a task that keeps what it has so far ends now."""
        return self.stop.is_set() or self.keeps.is_set()

    def say(self, line: dict[str, object]) -> None:
        if self.stop.is_set():
            raise Cancelled
        self.lines.write(json.dumps(line, allow_nan=False) + "\n")

    def _listen(self) -> None:
        # Not sys.stdin: its lock, held by a waiting thread, would break the interpreter's own end.
        while os.read(0, 1) == KEEP:
            if not self.has_best:
                # There is nothing to keep, and an import or a step would take seconds to notice.
                os._exit(CANCELLED)
            self.keeps.set()
        self.stop.set()
        sleep(CANCEL_S_MAX)
        os._exit(CANCELLED)


def main(folder: Path) -> int:
    """Do the task of a folder; the exit code."""
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    keep_compiled()
    os.nice(NICENESS)
    # Ctrl-C in a terminal reaches the whole group; it is the parent who decides what becomes of the child.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = Parent()
    try:
        parent.say({"result": _result(folder, parent)})
        # All is written. A step that was left behind must not be waited for, nor be torn down while it compiles.
        os._exit(0)
    except Failure as failure:
        return _fail(parent, str(failure))
    except MemoryError:
        # Of what a limit leaves; where there is none, the machine has no more, and trying again may help.
        if resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY:
            raise
        return _fail(parent, "This needs more memory than the limit. Choose smaller areas or a lower zoom level.")
    except (Cancelled, BrokenPipeError):
        return CANCELLED


def _result(folder: Path, parent: Parent) -> dict[str, object]:
    request = json.loads((folder / "request.json").read_bytes())
    if request["task"] in CAMERA_TRAP_TASKS:
        # Its networks and decoders are no matter of other tasks.
        do, kind = import_module("app.learning.camera_traps.tasks").TASKS[request["task"]]
        result: dict[str, object] = do(folder, kind.read(request), parent.report, parent.stop.is_set)
        return result
    if request["task"] == "learn_table":
        tables = import_module("app.learning.tables.training")
        learned: dict[str, object] = tables.learn(
            folder, tables.TableRequest.read(request), parent.report, parent.is_over, began=BEGAN
        )
        return learned
    if request["task"] == "judge_table":
        rescoring = import_module("app.learning.tables.rescoring")
        judged: dict[str, object] = rescoring.judge(folder, rescoring.JudgeRequest.read(request), parent.report)
        return judged
    if request["task"] == "inspect":
        inspection = import_module("app.learning.imagery.inspection")
        seen: dict[str, object] = inspection.inspect(
            folder, InspectionRequest.read(request), parent.report, parent.stop.is_set
        )
        return seen
    engine = load(request["base_model"])
    if request["task"] == "train":
        return engine.train(folder, TrainingRequest.read(request), parent.report, parent.stop.is_set)
    return engine.predict(folder, PredictionRequest.read(request), parent.report, parent.stop.is_set)


def _fail(parent: Parent, sentence: str) -> int:
    try:
        parent.say({"failure": sentence})
    except (Cancelled, BrokenPipeError):
        return CANCELLED
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
