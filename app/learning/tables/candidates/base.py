"""What all ways to learn share: the rows in encoded form, and what each way leaves behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.learning.tables.budgets.clocks import Clock
from app.learning.tables.targets import Target
from app.tabular.candidates.heads import Candidate, Rows, Scale
from app.tabular.inputs.cells import Numbers
from app.tabular.inputs.encoders import Encoders
from app.tabular.metrics import log_loss

Ints = NDArray[np.int64]
Say = Callable[[str], None]


@dataclass(frozen=True)
class Ground:
    """Rows to learn from: all of a target, those that are used now, and the fold of each of these."""

    rows: Rows
    encoders: Encoders
    target: Target
    scale: Scale | None
    used: Ints
    folds: Ints
    tried: tuple[int, ...]
    metric: str
    seed: int

    @property
    def outputs(self) -> int:
        """How many numbers a candidate says."""
        return len(self.target.classes) or 1

    @property
    def held(self) -> Ints:
        """The rows that stop and weigh, fold after fold."""
        return np.concatenate([self.held_in(fold) for fold in self.tried])

    def held_in(self, fold: int) -> Ints:
        """The rows of a fold."""
        held: Ints = self.used[self.folds == fold]
        return held

    def learned_in(self, fold: int) -> Ints:
        """The rows of all other folds."""
        learned: Ints = self.used[self.folds != fold]
        return learned

    def weights_of(self, rows: Ints) -> Numbers | None:
        """How much rows count; None if all count the same."""
        return None if self.target.weights is None else self.target.weights[rows]

    def levels(self) -> Numbers:
        """The targets as they are learned: class numbers, or levelled numbers."""
        if self.scale is None:
            return self.target.values
        return (self.target.values / 2 - self.scale.mean / 2) / self.scale.deviation * 2

    def loss(self, answers: Numbers, rows: Ints) -> float:
        """What is made small: surprise, or the mean error, squared or not, in levelled units."""
        weights = self.weights_of(rows)
        if self.scale is None:
            return log_loss(answers, self.target.truth[rows], weights)
        with np.errstate(over="ignore"):
            errors = (answers[:, 0] - self.target.values[rows]) / self.scale.deviation
            return float(np.average(np.abs(errors) if self.metric == "mae" else errors**2, weights=weights))


@dataclass(frozen=True)
class Learned:
    """One candidate: what it says of the held rows, the losses by fold, and itself."""

    name: str
    kind: str
    held: Numbers
    fold_losses: tuple[float, ...]
    candidate: Candidate
    fit_s: float
    facts: Mapping[str, Any] = field(default_factory=dict)


class Maker(Protocol):
    """A way to learn; None if there was no time."""

    @property
    def name(self) -> str: ...

    def learn(self, ground: Ground, clock: Clock, say: Say) -> Learned | None: ...

    def refit(self, ground: Ground, clock: Clock, say: Say, learned: Learned) -> Candidate | None: ...
