"""Masks of four classes: ground, buildings, their borders, and the ground between two that nearly touch.

A border is the rim within a footprint, so that building and border together are the footprint, as in masks of two
classes; contact is ground. What a network learns of both keeps neighbours apart.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from app.geometry.tiles import PIXELS
from app.learning.imagery.chips import BOUNDARY, CONTACT, IGNORE, Chips, drawn
from app.learning.imagery.mosaic import Pixels


def with_classes(chips: Chips, masks: Pixels, *, contact_spacing: int, boundary_width: int) -> Pixels:
    """The masks with classes for borders and contacts, where they are known; both lengths in pixels."""
    margin = max(contact_spacing, boundary_width) + 1
    classes = masks.copy()
    for tile, mask in zip(chips.tiles, classes, strict=True):
        footprints = drawn(chips.footprints, tile, numbered=True, margin=margin)
        inside = slice(margin, margin + PIXELS)
        known = mask != IGNORE
        mask[known & _contacts(footprints, contact_spacing)[inside, inside]] = CONTACT
        mask[known & _borders(footprints, boundary_width)[inside, inside]] = BOUNDARY
    return classes


def _borders(footprints: NDArray[Any], width: int) -> NDArray[Any]:
    """Pixels of a footprint that are at most so far from another's, or from the ground."""
    if not width:
        return np.zeros(footprints.shape, np.bool_)
    # Where the number of the footprint changes, on both sides of the change.
    least, most = (
        rank(footprints, size=3, mode="nearest") for rank in (ndimage.minimum_filter, ndimage.maximum_filter)
    )
    rim = (least != most) & (footprints > 0)
    deep = ndimage.distance_transform_cdt(~rim, metric="chessboard") >= width if rim.any() else ~rim
    borders: NDArray[Any] = (footprints > 0) & ~deep
    return borders


def _contacts(footprints: NDArray[Any], spacing: int) -> NDArray[Any]:
    """Ground at most so far from two footprints."""
    ground = footprints == 0
    if not spacing or ground.all():
        return np.zeros(footprints.shape, np.bool_)
    size = 2 * spacing + 1
    most = ndimage.maximum_filter(footprints, size=size, mode="nearest")
    # The least number but that of the ground, which is taken for the highest of all.
    least = ndimage.minimum_filter(np.where(ground, np.iinfo(np.int32).max, footprints), size=size, mode="nearest")
    contacts: NDArray[Any] = ground & (most > 0) & (least < most)
    return contacts
