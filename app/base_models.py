"""The base models: what each one is, what may be asked of it, and whether this installation can train it.

Engines are found by the entry point group `fieldgraph.base_models` and loaded by workers alone: what is asked here
imports none of them.
"""

from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from app.settings import settings
from app.settings.kinds import BaseModelLimits
from app.weights import EFFICIENTNET_LITE0

ENTRY_POINTS = "fieldgraph.base_models"
RAMP = "RAMP"


@dataclass(frozen=True)
class BaseModelOffer:
    """A base model as this installation offers it."""

    name: str
    description: str
    licence: str
    requires: tuple[str, ...] = ()
    extra: str | None = None

    @property
    def limits(self) -> BaseModelLimits:
        """What may be asked of its trainings."""
        limits: BaseModelLimits = getattr(settings, self.name.lower())
        return limits

    @property
    def reason(self) -> str | None:
        """Why it cannot be trained here; nothing if it can."""
        if self.name not in entry_points(group=ENTRY_POINTS).names:
            return f"No engine for {self.name} is installed here."
        if missing := [name for name in self.requires if find_spec(name) is None]:
            return f"{self.name} needs {' and '.join(missing)}, which the extra `{self.extra}` installs."
        return None


OFFERS = {
    offer.name: offer
    for offer in (
        BaseModelOffer(
            RAMP,
            "A U-Net that tells buildings from everything else, pixel by pixel. Its encoder, EfficientNet-Lite0, was "
            "trained on ImageNet.",
            "Apache-2.0",
        ),
        BaseModelOffer(
            "YOLO_V8_V1",
            "YOLOv8 nano, which outlines buildings one by one; the faster of the two.",
            "AGPL-3.0",
            ("torch", "ultralytics"),
            "yolo",
        ),
        BaseModelOffer(
            "YOLO_V8_V2",
            "YOLOv8 small, which outlines buildings one by one and counts a missed one twice; the larger of the two.",
            "AGPL-3.0",
            ("torch", "ultralytics"),
            "yolo",
        ),
    )
}


def encoder_of(base_model: str) -> Path | None:
    """The pretrained weights that a base model's trainings start from; None if it has none, or they are not here."""
    is_wanted = base_model == RAMP and settings.training_pretrained
    return EFFICIENTNET_LITE0.path if is_wanted and EFFICIENTNET_LITE0.reason is None else None
