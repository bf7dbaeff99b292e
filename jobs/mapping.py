"""Fetching labels, training, predicting."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
from shapely.geometry import mapping as geojson_of
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from app.gateways import imagery, osm, storage
from app.models import JobKind
from app.services import mapping
from app.services.mapping import Left
from app.services.system import Progress
from app.settings import settings
from app.tiles import Tile, covering
from jobs.broker import job
from jobs.engine import Message, run_engine
from jobs.run import Run

FETCHING_SHARE = 0.15
TRAINING_FILES = {
    "checkpoint.safetensors": "application/octet-stream",
    "training_curve.png": "image/png",
    "training_curve.json": "application/json",
    "labels.geojson": "application/geo+json",
    "aois.geojson": "application/geo+json",
}
PREDICTION_FILES = {"predictions.geojson": "application/geo+json"}


@job(JobKind.FETCH_LABELS, failed=mapping.labelling_failed)
async def fetch_labels(run: Run) -> None:
    """Asks OpenStreetMap for an area's buildings and puts them in place of those it gave before."""
    async with run.database.reading() as reading:
        area = await mapping.area_to_label(reading, run.claim.subject_id)
    features = await osm.fetch_features(area)
    async with run.ending() as session:
        await mapping.replace_osm_labels(session, run.claim.subject_id, features)


@job(JobKind.TRAIN, failed=mapping.training_failed, is_heavy=True)
async def train(run: Run) -> None:
    """Fetches the tiles, lets the engine learn, keeps what it leaves."""
    training_id, topic = run.claim.subject_id, mapping.training_topic(run.claim.subject_id)
    async with run.writing() as session:
        plan = await mapping.begin_training(session, training_id)
    with TemporaryDirectory(prefix="fieldgraph-") as name:
        folder = Path(name)
        _write(folder / "aois.geojson", features_of([(aoi, {}) for aoi in plan.aois]))
        _write(folder / "labels.geojson", features_of(plan.labels))
        request = {
            "task": "train",
            "base_model": plan.base_model,
            "epochs": plan.epochs,
            "batch_size": plan.batch_size,
            "zoom_levels": list(plan.zoom_levels),
            "freeze_layers": plan.freeze_layers,
            "offset_m": list(plan.offset_m),
            "seed": training_id,
        }
        _write(folder / "request.json", request)
        tiles = {tile for aoi in plan.aois for zoom in plan.zoom_levels for tile in covering(aoi, zoom)}
        await _fetch(run, topic, plan.source_imagery, sorted(tiles), folder)
        result = await run_engine(run, folder, _teller(run, topic), s_max=settings.training_s_max)
        files = await _keep(folder, TRAINING_FILES, f"trainings/{training_id}/{run.claim.fence}")
    figures = mapping.TrainingFigures(**{name: result[name] for name in mapping.TrainingFigures.__annotations__})
    async with run.ending() as session:
        await mapping.finish_training(session, training_id, figures, files)


@job(JobKind.PREDICT, failed=mapping.prediction_failed, is_heavy=True)
async def predict(run: Run) -> None:
    """Fetches the tiles, lets the engine look, keeps what it finds."""
    prediction_id, topic = run.claim.subject_id, mapping.prediction_topic(run.claim.subject_id)
    async with run.writing() as session:
        plan = await mapping.begin_prediction(session, prediction_id)
    with TemporaryDirectory(prefix="fieldgraph-") as name:
        folder = Path(name)
        _write(folder / "area.geojson", features_of([(plan.area, {})]))
        outlines = plan.outlines
        request = {
            "task": "predict",
            "base_model": plan.base_model,
            "zoom_level": plan.zoom_level,
            "confidence": outlines.confidence,
            "tolerance_m": outlines.tolerance,
            "area_m2_min": outlines.area_threshold,
            "orthogonalize": outlines.orthogonalize,
            "max_angle_change_deg": outlines.max_angle_change,
            "skew_tolerance_deg": outlines.skew_tolerance,
        }
        _write(folder / "request.json", request)
        await storage.download(plan.checkpoint_key, folder / "checkpoint.safetensors")
        await _fetch(run, topic, plan.source_imagery, covering(plan.area, plan.zoom_level), folder)
        await run_engine(run, folder, _teller(run, topic), s_max=settings.training_s_max)
        found = orjson.loads((folder / "predictions.geojson").read_bytes())["features"]
        files = await _keep(folder, PREDICTION_FILES, f"predictions/{prediction_id}/{run.claim.fence}")
    features = [
        (shape(each["geometry"]), each["properties"]["confidence"], each["properties"]["area_m2"]) for each in found
    ]
    async with run.ending() as session:
        await mapping.finish_prediction(session, prediction_id, features, files)


def features_of(shapes: Sequence[tuple[BaseGeometry, dict[str, Any]]]) -> dict[str, Any]:
    """Shapes with their properties as a GeoJSON FeatureCollection."""
    features = [{"type": "Feature", "geometry": geojson_of(geom), "properties": said} for geom, said in shapes]
    return {"type": "FeatureCollection", "features": features}


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_bytes(orjson.dumps(value))


async def _fetch(run: Run, topic: str, template: str, tiles: Sequence[Tile], folder: Path) -> None:
    async def report(done: int, total: int) -> None:
        said = Progress(FETCHING_SHARE * done / max(total, 1), "imagery", f"{done} of {total} tiles are here.")
        await run.report(said, topic=topic)

    await imagery.fetch_tiles(template, tiles, folder / "tiles", report=report, cancelled=lambda: run.is_over)
    run.go_on()


def _teller(run: Run, topic: str) -> Callable[[Message], Awaitable[None]]:
    """Passes on what the engine says; its progress follows the fetching's."""

    async def said(message: Message) -> None:
        progress = Progress(
            progress=FETCHING_SHARE + (1 - FETCHING_SHARE) * message["progress"],
            stage=message["stage"],
            message=message["message"],
            eta_s=message.get("eta_s"),
        )
        await run.report(progress, topic=topic, epoch=message.get("epoch"))

    return said


async def _keep(folder: Path, names: dict[str, str], prefix: str) -> list[Left]:
    """Puts what the engine left into storage, under a name no other attempt uses."""
    left = []
    for name, media_type in names.items():
        path, key = folder / name, f"{prefix}/{name}"
        await storage.put(key, path)
        left.append(Left(name, media_type, path.stat().st_size, key))
    return left
