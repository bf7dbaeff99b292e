"""Boxes of detections: x, y, width and height as shares of the upright picture."""

from math import isfinite
from typing import Any

EDGE = 1e-3


class NoBox(ValueError):
    """No box in a picture; the message says why."""


def box(value: Any) -> list[float]:
    """The box, cut at the edge of the picture if it reaches slightly over it."""
    if not isinstance(value, list) or len(value) != 4 or any(not _is_number(side) for side in value):
        raise NoBox("A box is a list of four numbers: x, y, width and height.")
    x, y, width, height = (float(side) for side in value)
    if width <= 0 or height <= 0:
        raise NoBox("This box has no size. Width and height must be more than 0.")
    if min(x, y) < -EDGE or max(x + width, y + height) > 1 + EDGE:
        raise NoBox("This box lies outside the picture. Its numbers are shares of it, from 0 to 1.")
    if min(x, y) >= 0 and max(x + width, y + height) <= 1:
        return [x, y, width, height]
    left, top = max(x, 0.0), max(y, 0.0)
    return [left, top, min(x + width, 1.0) - left, min(y + height, 1.0) - top]


def confidence(value: Any) -> float:
    """A confidence from 0 to 1; whole numbers are taken, too."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise NoBox("A confidence is a number from 0 to 1.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
