"""Calibrated odds, and from which odds on a building is best drawn: both measured on ground held back."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Self

import numpy as np
from numpy.typing import NDArray

from app.learning.imagery.chips import BACKGROUND, BUILDING
from app.learning.imagery.mosaic import Pixels
from app.learning.predictions.instances import Labels
from app.learning.trainings.metrics import Confusion

Floats = NDArray[np.float32]

# A few roofs say little, so what they say may move odds only so far.
SLOPES, OFFSETS = (0.5, 2.0), (-1.5, 1.5)
PIXELS_MAX = 50_000
# So many pixels' worth of trust in the odds as they are. The pixels of a roof are alike, and have all the same mistake:
# this is a dozen roofs. With a fiftieth of it, three tiles moved odds so far that outlines of other ground grew fat.
PRIOR_PIXELS = 40_000
# Calibrated odds are best parted near the middle. A wider choice was tried: on three tiles it followed chance, and cost
# six points of IoU elsewhere.
CONFIDENCES = (45, 50, 55)
UNCALIBRATED_CONFIDENCE = 50


@dataclass(frozen=True)
class Calibration:
    """From the logit of a footprint to the logit of how often there is one (Platt scaling)."""

    slope: float = 1.0
    offset: float = 0.0

    @classmethod
    def fitted(cls, odds: Floats, masks: Pixels) -> Self:
        """What makes the odds of known pixels likeliest."""
        from scipy.optimize import minimize  # noqa: PLC0415 (half a second to import; predictions do without)

        known = (masks == BUILDING) | (masks == BACKGROUND)
        logits, truth = _logits(odds[known]), masks[known] == BUILDING
        prior_weight = PRIOR_PIXELS / max(len(logits), 1)
        step = -(-max(len(logits), 1) // PIXELS_MAX)
        logits, truth = logits[::step].astype(np.float64), truth[::step]

        def loss(guess: NDArray[np.float64]) -> float:
            slope, offset = guess
            moved = slope * logits + offset
            prior = prior_weight * ((slope - 1) ** 2 + offset**2)
            return float((np.logaddexp(0, moved) - truth * moved).mean() + prior) if len(logits) else float(prior)

        best = minimize(loss, (1.0, 0.0), method="L-BFGS-B", bounds=(SLOPES, OFFSETS)).x
        return cls(round(float(best[0]), 4), round(float(best[1]), 4))

    def __call__(self, odds: Floats) -> Floats:
        calibrated: Floats = (1 / (1 + np.exp(-(self.slope * _logits(odds) + self.offset)))).astype(np.float32)
        return calibrated


def _logits(odds: Floats) -> Floats:
    clipped = np.clip(odds, 1e-4, 1 - 1e-4)
    logits: Floats = np.log(clipped / (1 - clipped))
    return logits


def suggested(
    instances_at: Callable[[float], Sequence[Labels]],
    masks: Pixels,
    object_f1: Callable[[Sequence[Labels]], float],
    confidences: Sequence[int] = CONFIDENCES,
) -> int:
    """The confidence in percent at which the most pixels and buildings are right; among equals, near the middle.

    Little ground makes a restless curve, so each confidence is judged with its neighbours.
    """
    scores = []
    for confidence in confidences:
        labels = instances_at(confidence / 100)
        scores.append(Confusion.of(np.stack(labels) > 0, masks).iou + object_f1(labels))
    smooth = [fmean(scores[max(0, place - 1) : place + 2]) for place in range(len(scores))]
    middle = len(confidences) // 2
    return confidences[max(range(len(smooth)), key=lambda place: (round(smooth[place], 3), -abs(place - middle)))]
