"""MegadetectorLite over pictures: scaled to its 640 pixels, boxes out, each animal once.

It knows one class, animal. It fires on people and vehicles, too, and must never serve as a filter for privacy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from PIL import Image, ImageOps

from app.learning.camera_traps.pictures import Picture
from app.learning.networks.yolox import SIDE, Yolox

CONFIDENCE_MIN = 0.25
IOU_MAX = 0.45
# From so many on, a picture is noise.
BOXES_MAX = 300

Corners = NDArray[np.float32]
# From a picture to boxes as (left, top, right, bottom), relative to the picture, and their scores.
Detector = Callable[[Picture, float], tuple[Corners, Corners]]


@dataclass(frozen=True)
class Detection:
    """An object: its box as (left, top, width, height), relative and within the picture."""

    box: tuple[float, float, float, float]
    confidence: float
    label: str = "animal"


def megadetector_lite(path: Path) -> Detector:
    """The detector with the weights of a file."""
    network = Yolox.read(path)

    def detect(picture: Picture, confidence_min: float = CONFIDENCE_MIN) -> tuple[Corners, Corners]:
        # One at a time: on a CPU a batch costs more for each picture than single ones.
        boxes = np.asarray(_run(network, jnp.asarray(letterboxed(picture)[None])))[0]
        boxes = boxes[boxes[:, 4] >= confidence_min]
        kept = apart(boxes[:, :4], boxes[:, 4], IOU_MAX)[:BOXES_MAX]
        height, width, _ = picture.shape
        ratio = min(SIDE / width, SIDE / height)
        return boxes[kept, :4] / np.float32(ratio) / np.array([width, height] * 2, np.float32), boxes[kept, 4]

    return detect


@eqx.filter_jit
def _run(network: Yolox, images: Array) -> Array:
    return network(images)


def letterboxed(picture: Picture) -> Picture:
    """Scaled until it fits into a square of 640 pixels, in its upper left corner; black is the rest."""
    square = (SIDE, SIDE)
    return np.asarray(ImageOps.pad(Image.fromarray(picture), square, Image.Resampling.BICUBIC, centering=(0, 0)))


def apart(corners: Corners, scores: Corners, iou_max: float) -> list[int]:
    """The boxes that no better one overlaps by more, best first (non-maximum suppression)."""
    order = np.argsort(-scores, kind="stable")
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    kept: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        left_top = np.maximum(corners[best, :2], corners[order, :2])
        right_bottom = np.minimum(corners[best, 2:], corners[order, 2:])
        shared = np.clip(right_bottom - left_top, 0, None).prod(1)
        union = areas[best] + areas[order] - shared
        order = order[shared <= iou_max * union]
    return kept


def detections(corners: Corners, scores: Corners, labels: list[str] | None = None) -> list[Detection]:
    """Boxes within the picture: a box may reach beyond its edge, and one that lies beyond it is none."""
    kept = []
    for number, ((left, top, right, bottom), score) in enumerate(zip(corners.clip(0, 1), scores, strict=True)):
        # Rounded so that a box at the edge does not leave the picture by a rounding.
        x, y = float(np.round(left, 5)), float(np.round(top, 5))
        box = (x, y, min(float(np.round(right - left, 5)), 1 - x), min(float(np.round(bottom - top, 5)), 1 - y))
        if box[2] > 0 and box[3] > 0:
            label = labels[number] if labels else "animal"
            kept.append(Detection(box, round(float(score), 4), label))
    return kept
