"""The base model RAMP: a pretrained U-Net that learns to tell buildings from everything else."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from app.geometry.tiles import metres_per_pixel
from app.learning.adapting import ADAPTING, search_twice
from app.learning.engine import PredictionRequest, Report, TrainingRequest
from app.learning.imagery.augmentation import ENLARGED, PLAIN, Viewing, Views
from app.learning.imagery.chips import BOUNDARY, BUILDING, Chips, Parting
from app.learning.imagery.mosaic import GREY, Pixels, window
from app.learning.imagery.multimasks import with_classes
from app.learning.networks import checkpoint
from app.learning.networks.checkpoint import RampNetwork
from app.learning.networks.efficient_unet import EfficientUNet
from app.learning.networks.pretrained import Tensors
from app.learning.networks.unet import CLASSES, UNet
from app.learning.outcome import PREPARED, TRAINED, scaled, search
from app.learning.predictions.instances import FOOTPRINT, Labels, instances
from app.learning.predictions.windows import ODDS_MAX, WINDOWS_AT_ONCE, Look
from app.learning.trainings.calibration import UNCALIBRATED_CONFIDENCE, Calibration, suggested
from app.learning.trainings.curve import write_curve
from app.learning.trainings.epochs import Learned
from app.learning.trainings.fitting import FitOptions, fit, judged
from app.learning.trainings.resuming import Keeper
from app.learning.trainings.training_data import Lesson, prepared
from app.settings import settings
from app.training_options import CONTINUED_BATCH_SIZE

LEARNING_RATE = 1e-3
# What a few validation chips cannot tell from chance: on other ground, later epochs were better that lost as much here.
IOU_LOSS_MAX = 0.1
WIDTHS = {"contact_spacing": 4, "boundary_width": 2}
# A little is enough to get used to other light, and not enough to learn its own mistakes by heart.
ADAPTING_EPOCHS, ADAPTING_SHARE = 3, 0.3
# Weights that know the ground already are moved gently, by more steps. At the full rate they learned corrections and
# lost as much elsewhere; with few steps touching roofs were merged.
CONTINUED_SHARE = 0.3
# Windows of 320 pixels, 640 once enlarged.
MARGIN = 32
# Of footprints and of interiors.
CHANNELS = 2
# By how many right angles, and whether mirrored; those that differ most come first.
POSITIONS = ((0, False), (2, True), (1, True), (3, False), (2, False), (0, True), (3, True), (1, False))
# Of the small network. Edges, colours and textures are the same everywhere; what they mean on this ground is for the
# later levels to learn.
SMALL_LEARNING_RATE = 2e-3
FROZEN_LEVELS = 2


def train(folder: Path, request: TrainingRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Learn from `tiles/`, `aois.geojson` and `labels.geojson`; leave `checkpoint.safetensors` and the curve."""
    lesson = prepared(folder, request, report, cancelled)
    chips, validation = lesson.chips, lesson.validation
    network = _begin(lesson.initial, request)
    is_continued = lesson.initial is not None
    options = _fit_options(network, request, is_continued=is_continued)
    viewing = _viewing(network, is_continued=is_continued)
    masks = lesson.sides.training if _is_binary(network) else _classes(lesson, request)
    views = Views(chips.tiles, chips.images, masks, np.random.default_rng(request.seed), viewing)
    report("training", PREPARED, f"Compiling the network for {len(views.centres)} chips")
    fitted = fit(
        network,
        views,
        validation,
        options,
        epochs=request.epochs,
        batch_size=request.batch_size,
        seed=request.seed,
        report=scaled(report),
        cancelled=cancelled,
        keeper=lesson.keeper,
        ground=lesson.sides.parting.written(),
    )
    report("evaluating", TRAINED, "Measuring quality")
    if isinstance(network, EfficientUNet):
        calibration, confidence, predicted = _weighed(fitted.weights, lesson)
    else:
        calibration, confidence = Calibration(), UNCALIBRATED_CONFIDENCE
        _, predicted = judged(fitted.weights, *validation)
    _write(folder, fitted, request, lesson.sides.parting, calibration)
    return lesson.result(predicted, fitted, confidence)


def _weighed(network: EfficientUNet, lesson: Lesson) -> tuple[Calibration, int, NDArray[Any]]:
    """What the ground held back says of odds: their calibration, where best to part them, and what is found there."""
    chips, (_, masks) = lesson.chips, lesson.validation
    images = dict(zip(chips.tiles, chips.images, strict=True))
    tiles = [chips.tiles[index] for index in lesson.aside]
    windows = [window(images, tile, margin=MARGIN, fill=GREY) for tile in tiles]
    look, inside = look_of(network), slice(MARGIN, -MARGIN)
    # As many at once as a prediction looks at: what is compiled here, it need not compile again.
    windows += windows[:1] * (-len(windows) % WINDOWS_AT_ONCE)
    pairs = [np.stack(windows[start : start + WINDOWS_AT_ONCE]) for start in range(0, len(windows), WINDOWS_AT_ONCE)]
    odds = np.concatenate([look.odds(pair)[:, inside, inside] for pair in pairs])[: len(tiles)]
    calibration = Calibration.fitted(odds[..., FOOTPRINT], masks)
    odds[..., FOOTPRINT] = calibration(odds[..., FOOTPRINT])
    scaled_odds = np.rint(odds * ODDS_MAX).astype(np.uint8)
    sizes = [metres_per_pixel(tile.bounds[1], tile.z) for tile in tiles]

    def instances_at(threshold: float) -> list[Labels]:
        return [instances(here, threshold, pixel_m) for here, pixel_m in zip(scaled_odds, sizes, strict=True)]

    confidence = suggested(instances_at, masks, lambda labels: lesson.buildings(labels).f1)
    return calibration, confidence, np.stack(instances_at(confidence / 100))


def _begin(initial: Path | None, request: TrainingRequest) -> RampNetwork:
    """The network to begin with."""
    if initial:
        return checkpoint.load(initial)
    random = np.random.default_rng(request.seed)
    if request.encoder:
        return EfficientUNet.pretrained(Tensors.read(Path(request.encoder)), random)
    return UNet(random, classes=CLASSES if request.multimasks else 1)


def _fit_options(network: RampNetwork, request: TrainingRequest, *, is_continued: bool) -> FitOptions[Any]:
    """How it learns. Random weights are not worth keeping: only what is learned can be frozen."""
    if isinstance(network, EfficientUNet):
        rates = network.rates(freezes_encoder=request.freeze_layers)
        rate = _full_rate(network) * (CONTINUED_SHARE if is_continued else 1.0)
        return FitOptions(rates, rate, average_decay=0.97, iou_loss_max=IOU_LOSS_MAX)
    levels = FROZEN_LEVELS if request.freeze_layers and is_continued else 0
    return FitOptions(network.rates(frozen_levels=levels), _full_rate(network), average_decay=0.98)


def _full_rate(network: RampNetwork) -> float:
    return LEARNING_RATE if isinstance(network, EfficientUNet) else SMALL_LEARNING_RATE


def _viewing(network: RampNetwork, *, is_continued: bool) -> Viewing:
    """From which views it learns."""
    if not isinstance(network, EfficientUNet):
        return PLAIN
    return replace(ENLARGED, steps_min=None) if is_continued else ENLARGED


def _is_binary(network: RampNetwork) -> bool:
    return isinstance(network, UNet) and network.classes == 1


def _classes(lesson: Lesson, request: TrainingRequest) -> Pixels:
    """Masks of four classes, whose widths are the training's own if it asks for them."""
    asked = {"contact_spacing": request.input_contact_spacing, "boundary_width": request.input_boundary_width}
    return with_classes(lesson.chips, lesson.sides.training, **(asked if request.multimasks else WIDTHS))


def _write(
    folder: Path, fitted: Learned[Any], request: TrainingRequest, parting: Parting, calibration: Calibration
) -> None:
    facts = {
        "base_model": request.base_model,
        "zoom_levels": json.dumps(sorted(set(request.zoom_level))),
        "threshold": "0.5",
        "ground": parting.written(),
        "calibration": json.dumps(asdict(calibration)),
    }
    checkpoint.save(fitted.weights, folder / "checkpoint.safetensors", facts)
    write_curve(folder, fitted.epochs, fitted.best_epoch)


def predict(folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Find the buildings on `tiles/` inside `area.geojson`; leave `predictions.geojson`."""
    report("preparing", 0.0, "Reading weights and tiles")
    path = folder / "checkpoint.safetensors"
    network = checkpoint.load(path)
    calibration = Calibration(**json.loads(checkpoint.facts(path).get("calibration", "{}")))
    if not request.adapt:
        return search(look_of(network, calibration), folder, request, report, cancelled)

    def again(chips: Chips) -> Look:
        return look_of(_adapted(network, chips, folder, request, report, cancelled), calibration)

    return search_twice(look_of(network, calibration), again, folder, request, report, cancelled)


def _adapted(
    network: RampNetwork,
    chips: Chips,
    folder: Path,
    request: PredictionRequest,
    report: Report,
    cancelled: Callable[[], bool],
) -> RampNetwork:
    """The network after a short training on what it was sure of itself."""
    training = TrainingRequest(
        zoom_level=(request.zoom_level,),
        epochs=ADAPTING_EPOCHS,
        batch_size=CONTINUED_BATCH_SIZE,
        freeze_layers=True,
    )
    # The views are those of a training from the start: few steps are enough.
    options, viewing = _fit_options(network, training, is_continued=True), _viewing(network, is_continued=False)
    masks = chips.masks if _is_binary(network) else with_classes(chips, chips.masks, **WIDTHS)
    fitted: Learned[Any] = fit(
        network,
        Views(chips.tiles, chips.images, masks, np.random.default_rng(training.seed), viewing),
        (chips.images, chips.masks),
        replace(options, learning_rate=ADAPTING_SHARE * _full_rate(network), iou_loss_max=1.0),
        epochs=training.epochs,
        batch_size=training.batch_size,
        seed=training.seed,
        report=scaled(report, *ADAPTING),
        cancelled=cancelled,
        keeper=Keeper(folder, training),
        ground="",
    )
    adapted: RampNetwork = fitted.weights
    return adapted


def look_of(network: RampNetwork, calibration: Calibration | None = None) -> Look:
    """What a network tells of windows: the odds of footprints and, of a pretrained one, of their interiors, too."""
    if isinstance(network, EfficientUNet):
        return Look(partial(_odds_in_views, network, calibration or Calibration()), CHANNELS, MARGIN)
    # Mirrored and turned views were tried: eight times the work for not one percent more.
    return Look(lambda windows: np.asarray(_odds(network, jnp.asarray(windows))))


def _odds_in_views(network: EfficientUNet, calibration: Calibration, windows: Pixels) -> NDArray[np.float32]:
    """The mean of what it tells of windows in several positions: turned by right angles, and mirrored."""
    views = POSITIONS[: settings.prediction_views]
    total: NDArray[np.float32] = np.zeros((*windows.shape[:3], CHANNELS), np.float32)
    for turns, is_mirrored in views:
        seen = np.rot90(windows[:, :, ::-1] if is_mirrored else windows, turns, (1, 2))
        answer = np.rot90(np.asarray(_class_odds(network, jnp.asarray(seen))), -turns, (1, 2))
        total += answer[:, :, ::-1] if is_mirrored else answer
    total /= len(views)
    total[..., FOOTPRINT] = calibration(total[..., FOOTPRINT])
    return total


@eqx.filter_jit
def _odds(network: UNet, images: Array) -> Array:
    return jax.nn.sigmoid(network(images))


@eqx.filter_jit
def _class_odds(network: EfficientUNet, images: Array) -> Array:
    odds = jax.nn.softmax(network.classes_of(images), axis=-1)
    interior = odds[..., BUILDING]
    return jnp.stack([interior + odds[..., BOUNDARY], interior], axis=-1)
