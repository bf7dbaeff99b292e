"""The base model RAMP: a U-Net that learns to tell buildings from everything else."""

import json
from collections.abc import Callable
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from app.learning import checkpoint
from app.learning.chips import IGNORE, Chips, Parting, Sides, drawn, part, read_chips
from app.learning.curve import write_curve
from app.learning.engine import Epoch, Failure, PredictionRequest, Report, TrainingRequest
from app.learning.ground import read_polygons
from app.learning.metrics import Confusion, Objects, objects
from app.learning.mosaic import Pixels, tiles_in
from app.learning.multimasks import with_classes
from app.learning.polygons import Building, Drawing, buildings
from app.learning.prediction import odds_of_tiles
from app.learning.training import Fit, fit, judged
from app.learning.unet import CLASSES, UNet
from app.learning.views import Views
from app.tiles import Tile

Indices = NDArray[np.intp]

# Edges, colours and textures are the same everywhere; what they mean on this ground is for the later levels to learn.
FROZEN_LEVELS = 2
# Where on the progress bar the stages meet.
PREPARED, TRAINED = 0.05, 0.95
PREDICTED = 0.9
ARTEFACTS = ["checkpoint.safetensors", "training_curve.png", "training_curve.json", "labels.geojson", "aois.geojson"]


def train(folder: Path, request: TrainingRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Learn from `tiles/`, `aois.geojson` and `labels.geojson`; leave `checkpoint.safetensors` and the curve."""
    report("preparing", 0.0, "Reading tiles and labels")
    chips = read_chips(folder, request.zoom_levels, request.offset_m, cancelled)
    initial = folder / "initial.safetensors"
    sides = part(chips, request.seed, _parted_before(initial))
    aside = np.flatnonzero((sides.validation != IGNORE).any((1, 2)))
    validation = chips.images[aside], sides.validation[aside]
    network, frozen_levels = _begin(initial, request)
    masks = sides.training if network.classes == 1 else _classes(chips, sides, request)
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
        report=_scaled(report),
        cancelled=cancelled,
    )
    report("evaluating", TRAINED, "Measuring how good it is")
    figures = _figures(fitted.network, chips, aside, *validation)
    _write(folder, fitted, request, sides.parting)
    return {
        **figures,
        "chips_length": int((chips.masks != IGNORE).any((1, 2)).sum()),
        "epochs_run": len(fitted.epochs),
        "best_epoch": fitted.best_epoch,
        "artefacts": ARTEFACTS,
    }


def _begin(initial: Path, request: TrainingRequest) -> tuple[UNet, int]:
    """The network to begin with, and how many of its levels are frozen.

    Random weights are not worth keeping: only what was learnt before can be frozen.
    """
    if initial.exists():
        return checkpoint.load(initial), FROZEN_LEVELS if request.freeze_layers else 0
    return UNet(np.random.default_rng(request.seed), classes=CLASSES if request.multimasks else 1), 0


def _classes(chips: Chips, sides: Sides, request: TrainingRequest) -> Pixels:
    return with_classes(
        chips,
        sides.training,
        contact_spacing=request.input_contact_spacing,
        boundary_width=request.input_boundary_width,
    )


def _parted_before(initial: Path) -> Parting | None:
    """Which ground the weights to begin with have seen."""
    return Parting.read(checkpoint.facts(initial).get("ground")) if initial.exists() else None


def _scaled(report: Report) -> Report:
    """The same report for the training alone, whose progress is a part of the whole."""

    def scaled(
        stage: str, progress: float, message: str, *, eta_s: float | None = None, epoch: Epoch | None = None
    ) -> None:
        report(stage, PREPARED + progress * (TRAINED - PREPARED), message, eta_s=eta_s, epoch=epoch)

    return scaled


def _write(folder: Path, fitted: Fit, request: TrainingRequest, parting: Parting) -> None:
    facts = {
        "base_model": request.base_model,
        "zoom_levels": json.dumps(sorted(set(request.zoom_levels))),
        "threshold": "0.5",
        "ground": parting.written(),
    }
    checkpoint.save(fitted.network, folder / "checkpoint.safetensors", facts)
    write_curve(folder, fitted.epochs, fitted.best_epoch)


def _figures(network: UNet, chips: Chips, aside: Indices, images: Pixels, masks: Pixels) -> dict[str, float]:
    """How good the network is on the ground set aside: `accuracy` in percent, the others as shares."""
    _, found = judged(network, images, masks)
    pixels = Confusion.of(found, masks)
    houses = Objects(0, 0, 0)
    for index, here, mask in zip(aside, found, masks, strict=True):
        houses += objects(here, drawn(chips.footprints, chips.tiles[index], numbered=True), mask != IGNORE)
    return {
        "accuracy": 100 * pixels.iou,
        "pixel_accuracy": pixels.accuracy,
        "precision": pixels.precision,
        "recall": pixels.recall,
        "f1": pixels.f1,
        "object_f1": houses.f1,
    }


def predict(folder: Path, request: PredictionRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Find the buildings on `tiles/` inside `area.geojson`; leave `predictions.geojson`."""
    report("preparing", 0.0, "Reading weights and tiles")
    network = checkpoint.load(folder / "checkpoint.safetensors")
    area = shapely.union_all(read_polygons(folder / "area.geojson"))
    tiles = tiles_in(folder / "tiles", request.zoom_level)
    odds: dict[Tile, Pixels] = {}
    began = monotonic()
    for tile, answer in odds_of_tiles(network, folder / "tiles", tiles, cancelled):
        odds[tile] = answer
        done = len(odds) / len(tiles)
        eta_s = (monotonic() - began) * (1 / done - 1)
        report("predicting", PREDICTED * done, f"{len(odds)} of {len(tiles)} tiles", eta_s=eta_s)
    if not odds:
        raise Failure("There is no imagery at this zoom level inside the area.")
    report("vectorising", PREDICTED, "Drawing outlines")
    found = buildings(
        odds,
        threshold=request.confidence / 100,
        area=area,
        drawing=Drawing(
            tolerance_m=request.tolerance_m,
            area_m2_min=request.area_m2_min,
            orthogonalize=request.orthogonalize,
            max_angle_change_deg=request.max_angle_change_deg,
            skew_tolerance_deg=request.skew_tolerance_deg,
            seam_m=request.seam_m,
        ),
    )
    features = [_feature(building) for building in found]
    document = {"type": "FeatureCollection", "features": features}
    (folder / "predictions.geojson").write_text(json.dumps(document))
    return {"count": len(features), "artefacts": ["predictions.geojson"]}


def _feature(building: Building) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": shapely.geometry.mapping(building.polygon),
        "properties": {
            "confidence": round(building.confidence, 4),
            "area_m2": round(building.area_m2, 2),
            "building": "yes",
            "source": "Fieldgraph",
        },
    }
