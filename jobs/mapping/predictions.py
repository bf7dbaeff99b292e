"""Predicting: part by part, so that nothing done is done again, and nobody waits for all of it."""

from pathlib import Path
from typing import Any

import anyio
import orjson
import shapely
from shapely.geometry import shape

from app.gateways import osm, storage
from app.gateways.outside import Outage
from app.geometry.tiles import covering
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Prediction
from app.security import private_files
from app.services.mapping.predictions import conflation, downloads, execution, lifecycle, parts
from app.services.mapping.predictions.downloads import FileFormat
from app.services.mapping.predictions.execution import Building, PredictionPlan
from app.services.mapping.trainings import progress
from app.services.mapping.trainings.lifecycle import Left
from app.services.mapping.trainings.progress import Unseen
from app.services.system.jobs import Progress
from app.settings import settings
from jobs.broker import job
from jobs.engine import run_engine
from jobs.folders import working_folder
from jobs.mapping.engine_files import Stretch, features_of, fetch, keep, reporter, write
from jobs.run import JobRun

SEARCHED = 0.98


@job(MappingJob.PREDICT, failed=lifecycle.prediction_failed)
async def predict(run: JobRun) -> None:
    """Searches the next part of the area; when none is left, puts together what was found."""
    prediction_id, topic = run.claim.subject_id, progress.topic_of(Prediction, run.claim.subject_id)
    async with run.writing() as session:
        plan = await execution.begin_prediction(session, prediction_id)
    if plan.parts_done < plan.parts:
        features, unseen = await _searched(run, plan)
        is_last = plan.parts_done == plan.parts - 1
        async with run.writing() if is_last else run.resting() as session:
            await execution.add_features(session, prediction_id, features, unseen)
        if not is_last:
            return
    await run.report(Progress(SEARCHED, "joining", "Merging the parts."), topic=topic)
    if plan.parts > 1:
        async with run.writing() as session:  # apart from the joining: others wait for its lock
            await execution.get_ready_to_join(session)
        async with run.writing() as session:
            await execution.join_parts(session, prediction_id)
    with working_folder() as folder:
        files = await _files(run, folder)
    async with run.ending() as session:
        await execution.finish_prediction(session, prediction_id, files)


async def _searched(run: JobRun, plan: PredictionPlan) -> tuple[list[Building] | None, Unseen]:
    """What there is in the next part, and what was not seen of it; None where the imagery shows nothing of it."""
    part = parts.parts_of(plan.area, plan.part_zoom)[plan.parts_done]
    ground = parts.ground_of(plan.area, part)
    if ground is None:
        return [], Unseen()
    own = covering(ground, plan.zoom_level)
    topic = progress.topic_of(Prediction, run.claim.subject_id)
    stretch = Stretch(SEARCHED * plan.parts_done / plan.parts, SEARCHED / plan.parts)
    with working_folder() as folder:
        write(folder / "area.geojson", features_of([(ground, {})]))
        write(folder / "request.json", _request(plan))
        try:
            tiles = parts.tiles_of(plan.area, part, plan.zoom_level)
            # Of a large area some may be off the imagery; a single part that mostly is was drawn in the wrong place.
            most = None if plan.parts == 1 else 1.0
            without = await fetch(run, topic, plan.source_imagery, tiles, folder, stretch, missing_share_max=most)
        except Outage as outage:
            if outage.heals or plan.parts == 1:
                raise
            return None, Unseen.of(own, ground)
        await storage.download(plan.checkpoint_key, folder / "checkpoint.safetensors")
        result = await run_engine(run, folder, reporter(run, topic, stretch), s_max=settings.training_s_max)
        if plan.adapts:
            await _keep_adapted(run, folder, result["adaptation"])
        features = orjson.loads((folder / "predictions.geojson").read_bytes())["features"]
    buildings = [
        Building(shape(each["geometry"]), each["properties"]["confidence"], each["properties"]["area_m2"])
        for each in features
    ]
    # Its neighbours count what a part looks at beyond its own ground.
    return buildings, Unseen.of(set(own).intersection(without), ground)


def _request(plan: PredictionPlan) -> dict[str, Any]:
    """What the engine is asked for."""
    outlines = plan.outlines
    return {
        "task": "predict",
        "base_model": plan.base_model,
        "zoom_level": plan.zoom_level,
        "confidence": outlines.confidence,
        "tolerance_m": outlines.tolerance,
        "area_m2_min": outlines.area_threshold,
        "orthogonalize": outlines.orthogonalize,
        "max_angle_change_deg": outlines.max_angle_change,
        "skew_tolerance_deg": outlines.skew_tolerance,
        "seam_m": outlines.overlap,
        "adapt": plan.adapts,
    }


async def _keep_adapted(run: JobRun, folder: Path, figures: dict[str, Any]) -> None:
    """Stores what was found after adapting, beside the plain result."""
    prefix = f"predictions/{run.claim.subject_id}/{run.claim.job_id}-{run.claim.fence}"
    [file] = await keep(folder, {conflation.ADAPTED: FileFormat.GEOJSON.media_type}, prefix)
    async with run.writing() as session:
        await execution.keep_adaptation(session, run.claim.subject_id, figures, file)


@job(MappingJob.CONFLATE, failed=conflation.conflation_failed)
async def conflate(run: JobRun) -> None:
    """Asks OpenStreetMap about the area, part by part, and says of each feature whether it is known there."""
    prediction_id, topic = run.claim.subject_id, progress.topic_of(Prediction, run.claim.subject_id)
    async with run.database.reading() as session:
        grounds = await conflation.grounds_to_conflate(session, prediction_id)
    for number, ground in enumerate(grounds):
        stage = Progress(number / len(grounds), "comparing", f"{number} of {len(grounds)} parts are compared.")
        await run.report(stage, topic=topic)
        features = [feature for polygon in shapely.get_parts(ground) for feature in await osm.fetch_features(polygon)]
        async with run.writing() as session:
            if number == 0:  # not before the map has answered: until then the comparison before is worth more than none
                await conflation.forget_conflation(session, prediction_id)
            await conflation.conflate_ground(session, prediction_id, ground, features)
    with working_folder() as folder:
        files = await _files(run, folder)
    async with run.ending() as session:
        await conflation.finish_conflation(session, prediction_id, files)


async def _files(run: JobRun, folder: Path) -> list[Left]:
    """What was found, in every format, under names no other attempt uses."""
    async with run.database.reading() as session:
        wanted = await execution.wanted_in_files(session, run.claim.subject_id)
    left = []
    for form in FileFormat:
        path = folder / f"predictions.{form.suffix}"
        async with anyio.wrap_file(private_files.opened(path, "wb")) as file:
            async for piece in downloads.pieces(run.database.reading, wanted, form):
                await file.write(piece)
        run.go_on()
        if size := path.stat().st_size:
            key = f"predictions/{run.claim.subject_id}/{run.claim.job_id}-{run.claim.fence}/{path.name}"
            await storage.put(key, path, filename=path.name, media_type=form.media_type)
            left.append(Left(path.name, form.media_type, size, key))
    return left
