"""What a training says on its way: the stage, the best so far, and when it will be done."""

from contextlib import suppress
from dataclasses import dataclass
from time import monotonic

from app.learning.engine import Cancelled, Report
from app.learning.tables.budgets.clocks import Clock
from app.tabular.metrics import is_better

SAY_S = 0.5


@dataclass
class Progress:
    """Speaks through the report of the task; a stop that is asked for meanwhile is no fault here."""

    clock: Clock
    report: Report
    stage_name: str = "preparing"
    best: tuple[str, str, float] | None = None
    told_at: float = 0.0

    def stage(self, name: str, message: str) -> None:
        """A new stage begins."""
        self.stage_name = name
        self._tell(message)

    def say(self, message: str) -> None:
        """Reports progress within the stage, at most once in a while."""
        self._begin_training()
        if monotonic() - self.told_at >= SAY_S:
            self._tell(message)

    def note_candidate(self, name: str, metric: str, score: float | None) -> None:
        """A candidate is there; it may be the best so far."""
        if score is not None and (self.best is None or is_better(metric, score, self.best[2])):
            self.best = (name, metric, score)
        self._begin_training()
        self._tell(name)

    def _begin_training(self) -> None:
        if self.stage_name == "preparing":
            self.stage_name = "training"

    def _tell(self, message: str) -> None:
        self.told_at = monotonic()
        if self.clock.cancelled():
            return
        best = None
        if self.best is not None:
            name, metric, score = self.best
            best = score
            message = f"{message}. Best so far: {name}, {metric} {score:.4g}"
        share = min(self.clock.elapsed_s / max(self.clock.budget_s, 1e-3), 0.99)
        with suppress(Cancelled):
            left_s = max(self.clock.budget_s - self.clock.elapsed_s, 0)
            self.report(self.stage_name, share, message, eta_s=left_s, best=best)
