"""What a model finds in the drawn pictures: most of what is there, with the errors that real ones make.

It misses some, sees animals in moving grass, puts boxes a little off, and takes some animals for others at night.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from app.gateways.fakes.wood.season import ANIMALS
from app.gateways.fakes.wood.shots import Seen

MISSED, FALSE_ALARM, MISTAKEN = 0.06, 0.15, 0.10
# How far a box's sides are off, as a share of its size.
OFF = 0.04
LIKE = {
    "Capreolus capreolus": "Sus scrofa",
    "Sus scrofa": "Meles meles",
    "Vulpes vulpes": "Meles meles",
    "Meles meles": "Vulpes vulpes",
}
Box = tuple[float, float, float, float]


class Finding(NamedTuple):
    """A detection: what kind of thing, where, how sure; and for animals which species, how sure."""

    label: str
    bbox: Box
    confidence: float
    species: str | None = None
    species_confidence: float | None = None


def detected(seen: Sequence[Seen], seed: int, *, wind: float = 0.0) -> list[Finding]:
    """What a model finds where this is to be seen; the same each time for the same picture."""
    dice = np.random.default_rng(seed)
    findings = [_finding(each, dice) for each in seen if dice.random() >= MISSED]
    if wind > 1 and dice.random() < FALSE_ALARM:
        left, top = 0.1 + 0.7 * dice.random(), 0.55 + 0.2 * dice.random()
        box = (float(left), float(top), 0.08, 0.12)
        findings.append(Finding("animal", box, 0.25 + 0.2 * float(dice.random()), "Meles meles", 0.3))
    return findings


def _finding(seen: Seen, dice: np.random.Generator) -> Finding:
    confidence = float(np.clip(dice.normal(0.9, 0.07), 0.3, 0.999))
    box = _moved(seen.bbox, dice)
    if seen.kind not in ANIMALS:
        return Finding("vehicle" if seen.kind == "car" else "person", box, confidence)
    is_wrong = dice.random() < MISTAKEN
    species = LIKE[seen.kind] if is_wrong else seen.kind
    sure = float(np.clip(dice.normal(0.62 if is_wrong else 0.88, 0.10), 0.2, 0.999))
    return Finding("animal", box, round(confidence, 3), species, round(sure, 3))


def _moved(box: Box, dice: np.random.Generator) -> Box:
    left, top, width, height = box
    shift = dice.normal(0, OFF, 4)
    x, y = (
        float(np.clip(start + by * side, 0, 0.99))
        for start, by, side in ((left, shift[0], width), (top, shift[1], height))
    )
    across, down = width * (1 + float(shift[2])), height * (1 + float(shift[3]))
    return round(x, 4), round(y, 4), round(min(across, 1 - x), 4), round(min(down, 1 - y), 4)
