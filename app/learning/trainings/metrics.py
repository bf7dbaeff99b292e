"""How good a segmentation is: by pixels, and by whole buildings."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.learning.imagery.chips import BACKGROUND, BUILDING

OBJECT_IOU_MIN = 0.5
# Smaller ones are slivers that the edge of a tile cuts off.
OBJECT_PIXELS_MIN = 16


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


@dataclass(frozen=True)
class Confusion:
    """Pixels counted by what they are and what they were taken for."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int

    @classmethod
    def of(cls, predicted: NDArray[np.bool_], masks: NDArray[np.uint8]) -> Self:
        """Count predictions against masks; pixels to ignore count nowhere."""
        real, other = masks == BUILDING, masks == BACKGROUND
        counts = (predicted & real, predicted & other, real & ~predicted, other & ~predicted)
        return cls(*(int(np.count_nonzero(count)) for count in counts))

    @property
    def iou(self) -> float:
        return _share(self.true_positives, self.true_positives + self.false_positives + self.false_negatives)

    @property
    def accuracy(self) -> float:
        right = self.true_positives + self.true_negatives
        return _share(right, right + self.false_positives + self.false_negatives)

    @property
    def precision(self) -> float:
        return _share(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        return _share(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)


@dataclass(frozen=True)
class Objects:
    """Buildings counted: predicted ones, real ones, and pairs of both that share most of their area."""

    predicted: int
    real: int
    matched: int

    def __add__(self, other: "Objects") -> "Objects":
        return Objects(self.predicted + other.predicted, self.real + other.real, self.matched + other.matched)

    @property
    def f1(self) -> float:
        return _share(2 * self.matched, self.predicted + self.real)


def objects(predicted: NDArray[Any], real: NDArray[np.int32], known: NDArray[np.bool_]) -> Objects:
    """Match buildings against numbered footprints on known ground: connected ones of a mask, or numbered ones.

    A pair matches if its intersection is more than half of its union; no building can then match twice.
    """
    components = ndimage.label(predicted & known)[0] if predicted.dtype == np.bool_ else np.where(known, predicted, 0)
    footprints = np.where(known, real, 0)
    found_sizes, real_sizes = np.bincount(components.flat), np.bincount(footprints.flat)
    width = len(real_sizes)
    shared = np.bincount((components * width + footprints).flat, minlength=len(found_sizes) * width)
    shared = shared.reshape(len(found_sizes), width)
    found_kept = np.flatnonzero(found_sizes >= OBJECT_PIXELS_MIN)
    real_kept = np.flatnonzero(real_sizes >= OBJECT_PIXELS_MIN)
    found_kept, real_kept = found_kept[found_kept > 0], real_kept[real_kept > 0]
    common = shared[np.ix_(found_kept, real_kept)]
    union = found_sizes[found_kept][:, None] + real_sizes[real_kept][None, :] - common
    return Objects(len(found_kept), len(real_kept), int((common > OBJECT_IOU_MIN * union).sum()))
