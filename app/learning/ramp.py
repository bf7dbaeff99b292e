"""The base model RAMP: a U-Net that learns to tell buildings from everything else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from app.learning import checkpoint
from app.learning.augmentation import Views
from app.learning.chips import Parting
from app.learning.curve import write_curve
from app.learning.engine import PredictionRequest, Report, TrainingRequest
from app.learning.epochs import Learned
from app.learning.mosaic import Pixels
from app.learning.multimasks import with_classes
from app.learning.outcome import PREPARED, TRAINED, scaled, search
from app.learning.training import fit, judged
from app.learning.training_data import Lesson, prepared
from app.learning.unet import CLASSES, UNet

# Edges, colours and textures are the same everywhere; what they mean on this ground is for the later levels to learn.
FROZEN_LEVELS = 2


def train(folder: Path, request: TrainingRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Learn from `tiles/`, `aois.geojson` and `labels.geojson`; leave `checkpoint.safetensors` and the curve."""
    lesson = prepared(folder, request, report, cancelled)
    chips, validation = lesson.chips, lesson.validation
    network, frozen_levels = _begin(lesson.initial, request)
    masks = lesson.sides.training if network.classes == 1 else _classes(lesson, request)
    views = Views(chips.tiles, chips.images, masks, np.random.default_rng(request.seed))
    report("training", PREPARED, f"Compiling the network for {len(views.centres)} chips")
    fitted = fit(
        network,
        views,
        validation,
        epochs=request.epochs,
        batch_size=request.batch_size,
        seed=request.seed,
        frozen_levels=frozen_levels,
        report=scaled(report),
        cancelled=cancelled,
        keeper=lesson.keeper,
        ground=lesson.sides.parting.written(),
    )
    report("evaluating", TRAINED, "Measuring quality")
    _, predicted = judged(fitted.weights, *validation)
    _write(folder, fitted, request, lesson.sides.parting)
    return lesson.result(predicted, fitted)


def _begin(initial: Path | None, request: TrainingRequest) -> tuple[UNet, int]:
    """The network to begin with, and how many of its levels are frozen.

    Random weights are not worth keeping: only what was learnt before can be frozen.
    """
    if initial:
        return checkpoint.load(initial), FROZEN_LEVELS if request.freeze_layers else 0
    return UNet(np.random.default_rng(request.seed), classes=CLASSES if request.multimasks else 1), 0


def _classes(lesson: Lesson, request: TrainingRequest) -> Pixels:
    return with_classes(
        lesson.chips,
        lesson.sides.training,
        contact_spacing=request.input_contact_spacing,
        boundary_width=request.input_boundary_width,
    )


def _write(folder: Path, fitted: Learned[UNet], request: TrainingRequest, parting: Parting) -> None:
    facts = {
        "base_model": request.base_model,
        "zoom_levels": json.dumps(sorted(set(request.zoom_level))),
        "threshold": "0.5",
        "ground": parting.written(),
    }
    checkpoint.save(fitted.weights, folder / "checkpoint.safetensors", facts)
    write_curve(folder, fitted.epochs, fitted.best_epoch)


def predict(folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Find the buildings on `tiles/` inside `area.geojson`; leave `predictions.geojson`."""
    report("preparing", 0.0, "Reading weights and tiles")
    network = checkpoint.load(folder / "checkpoint.safetensors")
    return search(lambda windows: np.asarray(_odds(network, jnp.asarray(windows))), folder, request, report, cancelled)


@eqx.filter_jit
def _odds(network: UNet, images: Array) -> Array:
    # Mirrored and turned views were tried: eight times the work for not one percent more.
    return jax.nn.sigmoid(network(images))
