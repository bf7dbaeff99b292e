"""Predicting."""

from pathlib import Path
from tempfile import TemporaryDirectory

import orjson
from shapely.geometry import shape

from app.gateways import storage
from app.models import JobKind
from app.services import mapping
from app.settings import settings
from app.tiles import covering
from jobs.broker import job
from jobs.engine import run_engine
from jobs.mapping.workbench import features_of, fetch, keep, teller, write
from jobs.run import Run

FILES = {"predictions.geojson": "application/geo+json"}


@job(JobKind.PREDICT, failed=mapping.prediction_failed, is_heavy=True)
async def predict(run: Run) -> None:
    """Fetches the tiles, lets the engine look, keeps what it finds."""
    prediction_id, topic = run.claim.subject_id, mapping.prediction_topic(run.claim.subject_id)
    async with run.writing() as session:
        plan = await mapping.begin_prediction(session, prediction_id)
    with TemporaryDirectory(prefix="fieldgraph-") as name:
        folder = Path(name)
        write(folder / "area.geojson", features_of([(plan.area, {})]))
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
        write(folder / "request.json", request)
        await storage.download(plan.checkpoint_key, folder / "checkpoint.safetensors")
        await fetch(run, topic, plan.source_imagery, covering(plan.area, plan.zoom_level), folder)
        await run_engine(run, folder, teller(run, topic), s_max=settings.training_s_max)
        found = orjson.loads((folder / "predictions.geojson").read_bytes())["features"]
        files = await keep(folder, FILES, f"predictions/{prediction_id}/{run.claim.fence}")
    features = [
        (shape(each["geometry"]), each["properties"]["confidence"], each["properties"]["area_m2"]) for each in found
    ]
    async with run.ending() as session:
        await mapping.finish_prediction(session, prediction_id, features, files)
