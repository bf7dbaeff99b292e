"""What the child process and an engine owe each other; an engine is a module named by an entry point.

An engine offers `train(folder, request, report, cancelled)` and `predict(folder, request, report, cancelled)`. Both
work on the files of one folder, return the figures of the result, and raise `Failure` for what a person can mend.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, Self, cast

from app.base_models import ENTRY_POINTS
from app.training_options import TrainingOptions


class Failure(Exception):
    """The task cannot be done with what it was given; the message is a sentence a person can read."""


class Cancelled(Exception):
    """The parent asked to stop, or is gone."""


@dataclass(frozen=True)
class Request:
    """The request of a task, as in `request.json`."""

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """From JSON; what this version does not know is not its business."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in known})


@dataclass(frozen=True, kw_only=True)
class TrainingRequest(TrainingOptions, Request):
    base_model: str = "RAMP"
    offset_m: tuple[float, float] = (0.0, 0.0)
    # The file of the pretrained encoder's weights; without it, RAMP trains its small network.
    encoder: str | None = None


@dataclass(frozen=True)
class PredictionRequest(Request):
    zoom_level: int
    base_model: str = "RAMP"
    confidence: int = 50
    tolerance_m: float = 0.5
    area_m2_min: float = 3.0
    orthogonalize: bool = True
    max_angle_change_deg: float = 15.0
    skew_tolerance_deg: float = 15.0
    seam_m: float = 0.0
    # Whether to learn a little from what was found, without labels, and to tell what is found then.
    adapt: bool = False


@dataclass(frozen=True)
class InspectionRequest(Request):
    zoom_level: int
    offset_m: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Epoch:
    """One epoch's figures; IoU as a share."""

    number: int
    loss: float
    validation_loss: float
    validation_iou: float
    seconds: float

    def __post_init__(self) -> None:
        """Rounds what is shown and stored: further digits are noise."""
        for name, decimals in (("loss", 6), ("validation_loss", 6), ("validation_iou", 6), ("seconds", 3)):
            object.__setattr__(self, name, round(getattr(self, name), decimals))


class Report(Protocol):
    """Says how far the task is: `progress` of the whole, 0 … 1."""

    def __call__(
        self,
        stage: str,
        progress: float,
        message: str,
        *,
        eta_s: float | None = None,
        epoch: Epoch | None = None,
        best: float | None = None,
    ) -> None: ...


class Engine(Protocol):
    def train(
        self, folder: Path, request: TrainingRequest, report: Report, cancelled: Callable[[], bool]
    ) -> dict[str, Any]: ...

    def predict(
        self, folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]
    ) -> dict[str, Any]: ...


def load(base_model: str) -> Engine:
    """The engine of a base model, if one is installed."""
    for entry_point in entry_points(group=ENTRY_POINTS, name=base_model):
        try:
            return cast(Engine, entry_point.load())
        except ModuleNotFoundError as error:
            raise Failure(f"The engine of {base_model} needs {error.name}, which is not installed.") from error
    raise Failure(f"No engine for the base model {base_model} is installed.")
