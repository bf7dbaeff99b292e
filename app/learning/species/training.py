"""The training of a classifier of species: from features of labelled crops to a head and its figures."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from app.learning.engine import Failure, Request
from app.learning.species.figures import calibration, figures
from app.learning.species.head import Floats, Numbers, fitted, odds_of
from app.learning.species.splitting import Origin, parted

ENGINE = "SPECIES_HEAD"
FILE = "classifier.safetensors"
VIEWS = 2


@dataclass(frozen=True)
class SpeciesRequest(Request):
    """`classes`: `{key, name, rank, lineage}`; `media`: `{id, file, is_video, location, event, objects}`.

    An object is `{frame, box, label, individual}`; its label is the number of its class.
    """

    encoder: str
    encoder_key: str
    classes: Sequence[dict[str, Any]]
    media: Sequence[dict[str, Any]]
    crops_per_class_min: int = 30
    seed: int = 0


@dataclass
class Samples:
    """Crops as features, with their labels and where they come from."""

    features: list[Floats] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)

    @property
    def count(self) -> int:
        return len(self.labels)

    def add(self, medium: dict[str, Any], objects: Sequence[dict[str, Any]], features: Floats) -> None:
        """The objects of one medium; of each there are two views in a row."""
        self.features.append(features.reshape(len(objects), VIEWS, -1))
        self.labels += [each["label"] for each in objects]
        self.origins += [
            Origin(str(medium["location"]), str(medium["event"]), each.get("individual")) for each in objects
        ]


def learned(folder: Path, request: SpeciesRequest, samples: Samples) -> dict[str, Any]:
    """Fit, judge on what was set aside, and keep the head."""
    names = [each["name"] for each in request.classes]
    labels = np.array(samples.labels, np.int64)
    counts = Counter(samples.labels)
    if short := [name for label, name in enumerate(names) if counts[label] < request.crops_per_class_min]:
        raise Failure(
            f"After unreadable media were left out, {', '.join(short)} had fewer than "
            f"{request.crops_per_class_min} crops. Approve more rows, or leave these species out."
        )
    features = np.concatenate(samples.features)
    sides = parted(samples.origins, labels, names, seed=request.seed)
    learning = ~sides.is_test
    head = fitted(
        features[learning].reshape(-1, features.shape[-1]),
        np.repeat(labels[learning], VIEWS),
        np.repeat(sides.folds[learning], VIEWS),
        request.classes,
    )
    head.save(folder / FILE, encoder=request.encoder_key)
    # One view, as when it is used.
    logits = head.logits(features[sides.is_test, 0])
    judged = figures(odds_of(logits), labels[sides.is_test], request.classes)
    for number, each in enumerate(judged["classes"]):
        each["training_crops"] = int((labels[learning] == number).sum())
    raw = calibration(odds_of(logits * np.float32(head.temperature)), labels[sides.is_test])
    return {
        **judged,
        "temperature": round(head.temperature, 4),
        "uncalibrated_error": raw["expected_calibration_error"],
        "split_by": sides.split_by,
        "crops": len(labels),
        "training_crops": int(learning.sum()),
        "test_crops": int(sides.is_test.sum()),
        "training_groups": _groups(sides.groups[learning]),
        "test_groups": _groups(sides.groups[sides.is_test]),
        "seed": request.seed,
    }


def _groups(groups: Numbers) -> int:
    return len(np.unique(groups))
