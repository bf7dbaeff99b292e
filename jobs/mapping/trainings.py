"""Training."""

from collections.abc import Awaitable, Callable

import orjson
import shapely

from app.base_models import encoder_of
from app.formats.features import pmtiles
from app.gateways import storage
from app.geometry.tiles import covering
from app.models.kinds.mapping import MappingJob
from app.models.mapping.trainings import Training
from app.services.mapping.trainings import lifecycle, progress
from app.services.mapping.trainings.progress import Unseen
from app.settings import settings
from jobs.broker import job
from jobs.engine import Message, run_engine
from jobs.folders import working_folder
from jobs.mapping.archive import write_archive
from jobs.mapping.engine_files import features_of, fetch, keep, reporter, write
from jobs.mapping.resuming import forget, keep_checkpoints, resume
from jobs.run import JobRun

FILES = {
    "checkpoint.safetensors": "application/octet-stream",
    "training_curve.png": "image/png",
    "training_curve.json": "application/json",
    "labels.geojson": "application/geo+json",
    "aois.geojson": "application/geo+json",
    "meta.pmtiles": pmtiles.MEDIA_TYPE,
}


@job(MappingJob.TRAIN, failed=lifecycle.training_failed)
async def train(run: JobRun) -> None:
    """Fetches the tiles, lets the engine learn, keeps what it leaves."""
    training_id, topic = run.claim.subject_id, progress.topic_of(Training, run.claim.subject_id)
    async with run.writing() as session:
        plan = await lifecycle.begin_training(session, training_id)
    with working_folder() as folder:
        write(folder / "aois.geojson", features_of([(aoi, {}) for aoi in plan.aois]))
        write(folder / "labels.geojson", features_of(plan.labels))
        request = {
            "task": "train",
            "base_model": plan.base_model,
            "offset_m": list(plan.offset_m),
            "encoder": None if (encoder := encoder_of(plan.base_model)) is None else str(encoder),
            **plan.options.values(),
        }
        write(folder / "request.json", request)
        if plan.initial_key is not None:
            await storage.download(plan.initial_key, folder / "initial.safetensors")
        tiles = {tile for aoi in plan.aois for zoom in plan.options.zoom_level for tile in covering(aoi, zoom)}
        without_imagery = await fetch(run, topic, plan.source_imagery, sorted(tiles), folder)
        unseen = Unseen.of(without_imagery, shapely.union_all(plan.aois))
        await resume(training_id, folder)
        on_message = keep_checkpoints(run, training_id, folder, _noting(run, training_id, reporter(run, topic)))
        result = await run_engine(run, folder, on_message, s_max=settings.training_s_max)
        layers = {"aois": [(aoi, {}) for aoi in plan.aois], "labels": plan.labels}
        await write_archive(run, folder / "meta.pmtiles", plan.aois, layers)
        curve = orjson.loads((folder / "training_curve.json").read_bytes())
        files = await keep(folder, FILES, f"trainings/{training_id}/{run.claim.fence}")
    figures = lifecycle.TrainingFigures(**{name: result[name] for name in lifecycle.TrainingFigures.__annotations__})
    async with run.ending() as session:
        await lifecycle.finish_training(session, training_id, figures, files, curve, unseen=unseen)
    await forget(training_id)


def _noting(
    run: JobRun, training_id: int, on_message: Callable[[Message], Awaitable[None]]
) -> Callable[[Message], Awaitable[None]]:
    """Passes on the messages of the engine, and adds each epoch to the learning curve, for who comes later."""

    async def note(message: Message) -> None:
        await on_message(message)
        if epoch := message.get("epoch"):
            async with run.writing() as session:
                await lifecycle.note_epoch(session, training_id, epoch)

    return note
