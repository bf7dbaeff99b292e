"""The loop over epochs and steps that every engine runs, whatever it is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, isfinite, pi
from statistics import fmean
from time import monotonic
from typing import Any, Generic, Protocol, TypeVar

from app.learning.engine import Cancelled, Epoch, Failure, Report
from app.learning.imagery.augmentation import Views
from app.learning.imagery.mosaic import Pixels
from app.learning.trainings.resuming import Arrays, Keeper, Standing

W = TypeVar("W")
Kept_co = TypeVar("Kept_co", covariant=True)
WARM_UP_SHARE = 0.1
REPORT_S = 1.0


class Learner(Protocol[Kept_co]):
    """A network that learns."""

    def step(self, images: Pixels, masks: Pixels, share: float) -> float:
        """Learn from a batch, with this share of the learning rate; the loss."""

    def judged(self) -> tuple[float, float]:
        """The loss and the IoU on the ground held back."""

    def weights(self) -> Kept_co:
        """The weights as they are, kept apart from those that go on learning."""

    def state(self) -> Arrays:
        """All that it knows: the weights, their average, what the optimiser remembers."""

    def restore(self, state: Arrays) -> None:
        """Know what was known then, and nothing else."""

    def packed(self, weights: Any) -> Arrays:
        """Weights as arrays by name."""

    def unpacked(self, arrays: Arrays) -> Kept_co:
        """Weights that were packed."""


@dataclass(frozen=True)
class Learned(Generic[W]):
    """The weights of the best epoch, and how every epoch went."""

    weights: W
    epochs: list[Epoch]
    best_epoch: int


@dataclass
class _Clock:
    """How far the training is; the first step here does not count, for it compiles."""

    steps: int
    before: int = 0
    done: int = 0
    began: float = 0.0
    reported: float = field(default_factory=monotonic)

    def tick(self) -> bool:
        """Count a step; True if it is time to say so."""
        self.done += 1
        now = monotonic()
        if self.done == self.before + 1:
            self.began = now
        due = now - self.reported >= REPORT_S
        self.reported = now if due else self.reported
        return due

    @property
    def share(self) -> float:
        return self.done / self.steps

    @property
    def eta_s(self) -> float | None:
        here = self.done - self.before
        return None if here < 2 else (monotonic() - self.began) / (here - 1) * (self.steps - self.done)


def learn(
    learner: Learner[W],
    views: Views,
    *,
    epochs: int,
    batch_size: int,
    patience: int,
    report: Report,
    cancelled: Callable[[], bool],
    keeper: Keeper,
    ground: str,
    iou_loss_max: float = 0.0,
) -> Learned[W]:
    """Train until the validation IoU has not risen for some epochs; keep the best. Go on where it stood, if it did.

    A later epoch is kept, too, if it has lost no more than `iou_loss_max` of the best IoU so far.
    """
    best, history, best_epoch = _begin(learner, views, keeper)
    length = views.batches_length(batch_size)
    clock = _Clock(epochs * length, before=len(history) * length, done=len(history) * length)
    best_iou = max((epoch.validation_iou for epoch in history), default=-1.0)
    if history:
        report("training", clock.share, f"Continuing after epoch {len(history)} of {epochs}")
    for number in range(len(history) + 1, epochs + 1):
        if history and len(history) - best_epoch >= patience:
            break
        began, losses, name = monotonic(), [], f"Epoch {number} of {epochs}"
        for tiles in views.batches(batch_size):
            if cancelled():
                raise Cancelled
            losses.append(learner.step(*views.batch(tiles), _share(clock.done + 1, clock.steps)))
            if clock.tick():
                report("training", clock.share, name, eta_s=clock.eta_s)
        validation_loss, iou = learner.judged()
        if not isfinite(validation_loss):
            raise Failure("The weights diverged. Start from other weights.")
        history.append(Epoch(number, fmean(losses), validation_loss, iou, monotonic() - began))
        if iou > best_iou or iou > best_iou - iou_loss_max:
            best, best_epoch = learner.weights(), number
        best_iou = max(best_iou, iou)
        if keeper.is_due():
            random = views.random.bit_generator.state
            keeper.keep(Standing(learner.state(), learner.packed(best), history, best_epoch, random, ground))
        report("training", clock.share, f"{name}: validation IoU {iou:.1%}", eta_s=clock.eta_s, epoch=history[-1])
    return Learned(best, history, best_epoch)


def _begin(learner: Learner[W], views: Views, keeper: Keeper) -> tuple[W, list[Epoch], int]:
    """The best weights so far, how every epoch went, and which was the best."""
    standing = keeper.standing()
    if standing is None:
        return learner.weights(), [], 0
    learner.restore(standing.learner)
    views.random.bit_generator.state = dict(standing.random)
    return learner.unpacked(standing.best), standing.history, standing.best_epoch


def _share(step: int, steps: int) -> float:
    """Up in a straight line for a tenth of the steps, and down along half a cosine over all of them."""
    return min(1, step / (WARM_UP_SHARE * steps)) * (1 + cos(pi * step / (steps + 1))) / 2
