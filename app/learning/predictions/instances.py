"""Buildings one by one: which pixels belong to which, where footprints touch and one mask would merge them."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from app.learning.imagery.mosaic import Pixels
from app.learning.predictions.windows import ODDS_MAX

Labels = NDArray[np.int32]

# The channels that a network of four classes answers with.
FOOTPRINT, INTERIOR = 0, 1
# A seed is what surely lies inside a building, and is no spot.
SEED_ODDS_MIN = 0.75
SEED_M2_MIN = 3.3
SEED_PIXELS_MIN = 6
# A footprint without a seed has to be surer than its rim.
ALONE_ODDS_MIN = 0.6
# What is part of a larger one: its share of that one's pixels, how far it lies along it in sides of a square of its
# size, and the odds of an interior between them.
PART_SHARE_MAX = 0.5
PART_BORDER_MIN = 0.4
PART_ODDS_MIN = 0.4
OPENING_PIXELS = 1
CROSS = ndimage.generate_binary_structure(2, 1)


def instances(odds: Pixels, threshold: float, pixel_m: float) -> Labels:
    """Each building's pixels by its number, 0 for the ground; of odds as (height, width, footprint and interior).

    Each grows from a seed inside of it, until it meets another one or the ground.
    """
    footprint, interior = odds[..., FOOTPRINT], odds[..., INTERIOR]
    likely = (footprint > 0) & (footprint >= threshold * ODDS_MAX)
    least = max(SEED_PIXELS_MIN, round(SEED_M2_MIN / pixel_m**2))
    markers = _seeds(likely, footprint, interior, least)
    return _opened(_merged(_grown(likely, markers), interior))


def _grown(likely: NDArray[np.bool_], markers: Labels) -> Labels:
    """Footprints shared out to the nearest of their seeds; those without any are left out.

    A watershed runs along the rim of a neighbour, for rims are level.
    """
    grown = np.zeros_like(markers)
    footprints, _ = ndimage.label(likely)
    for number, place in enumerate(ndimage.find_objects(footprints), 1):
        own = footprints[place] == number
        seeds = np.where(own, markers[place], 0)
        if seeds.any():
            nearest = ndimage.distance_transform_edt(seeds == 0, return_distances=False, return_indices=True)
            grown[place][own] = seeds[tuple(nearest)][own]
    return grown


def _seeds(likely: NDArray[np.bool_], footprint: Pixels, interior: Pixels, least: int) -> Labels:
    """One for each building: the inside of a footprint, or all of a footprint whose inside is not sure enough."""
    inner = _numbered(likely & (interior >= SEED_ODDS_MIN * ODDS_MAX), least)
    footprints, count = ndimage.label(likely)
    has_seed, is_sure = np.zeros((2, count + 1), np.bool_)
    has_seed[footprints[inner > 0]] = True
    is_sure[footprints[_numbered(likely & (footprint >= ALONE_ODDS_MIN * ODDS_MAX), least) > 0]] = True
    alone = _numbered(likely & (is_sure & ~has_seed)[footprints], least)
    return np.where(alone > 0, alone + inner.max(), inner).astype(np.int32)


def _numbered(mask: NDArray[np.bool_], least: int) -> Labels:
    """The parts of a mask that are no spots."""
    parts, _ = ndimage.label(mask)
    sizes = np.bincount(parts.flat)
    return np.where(sizes[parts] >= least, parts, 0).astype(np.int32)


def _merged(labels: Labels, interior: Pixels) -> Labels:
    """Parts of a roof put to it: what is far smaller, lies along it, and looks between them as it does inside."""
    count = int(labels.max()) + 1
    sides = [(labels[:, :-1], labels[:, 1:], interior[:, :-1], interior[:, 1:])]
    sides.append((labels[:-1], labels[1:], interior[:-1], interior[1:]))
    pairs, odds = [], []
    for one, other, here, there in sides:
        meets = (one != other) & (one > 0) & (other > 0)
        low, high = np.minimum(one[meets], other[meets]), np.maximum(one[meets], other[meets])
        pairs.append(low.astype(np.int64) * count + high)
        odds.append(np.minimum(here[meets], there[meets]).astype(np.float64))
    names, places, lengths = np.unique(np.concatenate(pairs), return_inverse=True, return_counts=True)
    means = np.bincount(places, np.concatenate(odds), len(names)) / lengths
    areas = np.bincount(labels.flat, minlength=count)
    one, other = areas[names // count], areas[names % count]
    lesser, greater = np.minimum(one, other), np.maximum(one, other)
    is_part = (lesser < PART_SHARE_MAX * greater) & (lengths >= PART_BORDER_MIN * np.sqrt(lesser))
    same = names[is_part & (means >= PART_ODDS_MIN * ODDS_MAX)]
    links = coo_array((np.ones(len(same)), (same // count, same % count)), shape=(count, count))
    _, groups = connected_components(links, directed=False)
    # The ground stays 0: it has no links, and is the first of the groups.
    merged: Labels = groups[labels].astype(np.int32)
    return merged


def _opened(labels: Labels) -> Labels:
    """Each building without its spots and whiskers."""
    opened = np.zeros_like(labels)
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        if place is not None:
            here = np.pad(labels[place] == number, OPENING_PIXELS)
            kept = ndimage.binary_opening(here, CROSS, iterations=OPENING_PIXELS)
            inside = (slice(OPENING_PIXELS, -OPENING_PIXELS),) * 2
            opened[place][kept[inside]] = number
    return opened
