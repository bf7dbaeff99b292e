"""What an engine of any kind learns from, and how good what it learned is: so that figures can be compared."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.learning.engine import Report, TrainingRequest
from app.learning.imagery.chips import IGNORE, Chips, Parting, Sides, drawn, part, read_chips
from app.learning.imagery.mosaic import Pixels
from app.learning.networks.checkpoint import facts
from app.learning.trainings.calibration import UNCALIBRATED_CONFIDENCE
from app.learning.trainings.epochs import Learned
from app.learning.trainings.metrics import Confusion, Objects, objects
from app.learning.trainings.resuming import Keeper

ARTEFACTS = ["checkpoint.safetensors", "training_curve.png", "training_curve.json", "labels.geojson", "aois.geojson"]


@dataclass(frozen=True)
class Lesson:
    """A folder's chips, parted in what is learned from and what is set aside; the weights to begin with, if any."""

    chips: Chips
    sides: Sides
    initial: Path | None
    keeper: Keeper

    @cached_property
    def aside(self) -> NDArray[np.intp]:
        """Which chips show ground that was set aside."""
        return np.flatnonzero((self.sides.validation != IGNORE).any((1, 2)))

    @cached_property
    def validation(self) -> tuple[Pixels, Pixels]:
        """Those chips, and the truth about them."""
        return self.chips.images[self.aside], self.sides.validation[self.aside]

    def buildings(self, predicted: Iterable[NDArray[Any]]) -> Objects:
        """How many buildings of those are right: of masks, or of numbered pixels."""
        chips, (_, masks) = self.chips, self.validation
        total = Objects(0, 0, 0)
        for index, here, mask in zip(self.aside, predicted, masks, strict=True):
            total += objects(here, drawn(chips.footprints, chips.tiles[index], numbered=True), mask != IGNORE)
        return total

    def result(
        self, predicted: NDArray[Any], learned: Learned[Any], suggested_confidence: int = UNCALIBRATED_CONFIDENCE
    ) -> dict[str, Any]:
        """How good what was found on those is (`accuracy` in percent, the others as shares), and what was left."""
        chips, (_, masks) = self.chips, self.validation
        pixels, houses = Confusion.of(predicted > 0, masks), self.buildings(predicted)
        return {
            "suggested_confidence": suggested_confidence,
            "accuracy": 100 * pixels.iou,
            "pixel_accuracy": pixels.accuracy,
            "precision": pixels.precision,
            "recall": pixels.recall,
            "f1": pixels.f1,
            "object_f1": houses.f1,
            "chips_length": int((chips.masks != IGNORE).any((1, 2)).sum()),
            "epochs_run": len(learned.epochs),
            "best_epoch": learned.best_epoch,
            "artefacts": ARTEFACTS,
        }


def prepared(folder: Path, request: TrainingRequest, report: Report, cancelled: Callable[[], bool]) -> Lesson:
    """What is learned from `tiles/`, `aois.geojson` and `labels.geojson`; ground that was set aside before stays so."""
    report("preparing", 0.0, "Reading tiles and labels")
    chips = read_chips(folder, request.zoom_level, request.offset_m, cancelled)
    initial, keeper = folder / "initial.safetensors", Keeper(folder, request)
    is_given = initial.exists()
    ground = keeper.ground() or (facts(initial).get("ground") if is_given else None)
    return Lesson(chips, part(chips, Parting.read(ground)), initial if is_given else None, keeper)
