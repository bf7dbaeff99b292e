"""Training of species classifiers."""

import hashlib
from pathlib import Path

from app.gateways import storage
from app.models.kinds.wildlife import WildlifeJob
from app.services.wildlife.species_classifiers import training
from app.services.wildlife.species_classifiers.crops import LabelledMedium
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0
from jobs.broker import job
from jobs.engine import run_engine
from jobs.folders import working_folder
from jobs.run import JobRun
from jobs.wildlife.engine_files import fetch, teller, write

WEIGHTS = "classifier.safetensors"


@job(WildlifeJob.TRAIN_SPECIES, failed=training.training_failed)
async def train_species(run: JobRun) -> None:
    """Brings the media, lets the engine learn, keeps the classifier and its figures."""
    training_id, topic = run.claim.subject_id, training.topic_of(run.claim.subject_id)
    async with run.writing() as session:
        plan = await training.begin_training(session, training_id)
    with working_folder() as folder:
        await fetch(run, topic, [(medium.resource_id, medium.storage_key) for medium in plan.media], folder)
        request = {
            "task": "learn_species",
            "encoder": str(EFFICIENTNET_LITE0.path),
            "encoder_key": EFFICIENTNET_LITE0.sha256,
            "classes": plan.classes,
            "media": [_asked(medium) for medium in plan.media],
            "crops_per_class_min": settings.species_crops_per_class_min,
            "seed": plan.seed,
        }
        write(folder / "request.json", request)
        figures = await run_engine(run, folder, teller(run, topic), s_max=settings.training_s_max)
        sha256, size = _sha256(folder / WEIGHTS), (folder / WEIGHTS).stat().st_size
        # Named by its content: an attempt that is repeated writes the same file.
        key = f"{training.FOLDER}/{training_id}/{sha256}.safetensors"
        await storage.put(key, folder / WEIGHTS)
    async with run.ending() as session:
        await training.finish_training(session, training_id, figures, weights_key=key, size_bytes=size, sha256=sha256)


def _asked(medium: LabelledMedium) -> dict[str, object]:
    return {
        "id": medium.resource_id,
        "file": f"{medium.resource_id}",
        "is_video": medium.is_video,
        "location": medium.location,
        "event": medium.event,
        "objects": medium.objects,
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
