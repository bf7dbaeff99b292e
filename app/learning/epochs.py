"""The loop over epochs and steps that every engine runs, whatever it is made of."""

from collections.abc import Callable
from dataclasses import dataclass, field
from math import cos, isfinite, pi
from statistics import fmean
from time import monotonic
from typing import Generic, Protocol, TypeVar

from app.learning.engine import Cancelled, Epoch, Failure, Report
from app.learning.mosaic import Pixels
from app.learning.views import Views

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


@dataclass(frozen=True)
class Learned(Generic[W]):
    """The weights of the best epoch, and how every epoch went."""

    weights: W
    epochs: list[Epoch]
    best_epoch: int


@dataclass
class _Clock:
    """How far the training is; the first step does not count, for it compiles."""

    steps: int
    done: int = 0
    began: float = 0.0
    told: float = field(default_factory=monotonic)

    def tick(self) -> bool:
        """Count a step; True if it is time to say so."""
        self.done += 1
        now = monotonic()
        if self.done == 1:
            self.began = now
        due = now - self.told >= REPORT_S
        self.told = now if due else self.told
        return due

    @property
    def share(self) -> float:
        return self.done / self.steps

    @property
    def eta_s(self) -> float | None:
        if self.done < 2:
            return None
        return (monotonic() - self.began) / (self.done - 1) * (self.steps - self.done)


def learn(
    learner: Learner[W],
    views: Views,
    *,
    epochs: int,
    batch_size: int,
    patience: int,
    report: Report,
    cancelled: Callable[[], bool],
) -> Learned[W]:
    """Train until the validation IoU has not risen for some epochs; keep the best."""
    clock = _Clock(epochs * views.batches_length(batch_size))
    history: list[Epoch] = []
    best, best_epoch, best_iou = learner.weights(), 0, -1.0
    for number in range(1, epochs + 1):
        began, losses, name = monotonic(), [], f"Epoch {number} of {epochs}"
        for tiles in views.batches(batch_size):
            if cancelled():
                raise Cancelled
            losses.append(learner.step(*views.batch(tiles), _share(clock.done + 1, clock.steps)))
            if clock.tick():
                report("training", clock.share, name, eta_s=clock.eta_s)
        validation_loss, iou = learner.judged()
        if not isfinite(validation_loss):
            raise Failure("The weights grew beyond all bounds. Start from other weights.")
        history.append(Epoch(number, fmean(losses), validation_loss, iou, monotonic() - began))
        report("training", clock.share, f"{name}: validation IoU {iou:.1%}", eta_s=clock.eta_s, epoch=history[-1])
        if iou > best_iou:
            best, best_epoch, best_iou = learner.weights(), number, iou
        elif number - best_epoch >= patience:
            break
    return Learned(best, history, best_epoch)


def _share(step: int, steps: int) -> float:
    """Up in a straight line for a tenth of the steps, and down along half a cosine over all of them."""
    return min(1, step / (WARM_UP_SHARE * steps)) * (1 + cos(pi * step / (steps + 1))) / 2
