"""The loop for real: a detector is taught, corrected where it was wrong, taught on, and is better there than before."""

from pathlib import Path

import pytest
from safetensors.numpy import load_file
from shapely import box

from app.gateways import storage
from app.gateways.fakes import village
from app.geometry.shapes import to_geojson
from app.geometry.tiles import covering
from app.learning.imagery.chips import IGNORE, read_chips
from app.learning.networks import checkpoint
from app.learning.ramp import FROZEN_LEVELS
from app.learning.trainings.fitting import judged
from app.learning.trainings.metrics import Confusion
from app.models.mapping.trainings import Training
from app.models.system import JobState
from app.settings import settings
from jobs.mapping.engine_files import features_of, write
from resolvers import ids

TAUGHT = village.TRAINING_AREAS[2]
CORRECTED = box(*village.TRAINING_AREAS[1].centroid.buffer(0.0006).bounds)
ZOOM = 19
SHOWN = "query ($id: ID!) { training(id: $id) { status failure parentTraining { id } artifacts { nodes { name } } } }"


@pytest.fixture
async def parent(change, database, owner, outside, work, monkeypatch):
    """A training that has seen little, as a client makes it; it begins alike each time."""
    monkeypatch.setattr(settings, "training_pretrained", False)  # the small network learns in seconds
    monkeypatch.setenv("FIELDGRAPH_TRAINING_VIEWS_PER_EPOCH_MIN", "16")
    template = f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png"
    dataset = await change("createDataset", viewer=owner, name="Village", sourceImagery=template)
    aoi = await change("createAoi", viewer=owner, datasetId=dataset["id"], geom=to_geojson(TAUGHT))
    await change("fetchOsmLabels", viewer=owner, aoiId=aoi["id"])
    assert (await work()).state is JobState.DONE
    model = await change("createModel", viewer=owner, datasetId=dataset["id"], name="Roofs")
    given = {"modelId": model["id"], "zoomLevel": [ZOOM], "epochs": 2, "batchSize": 1}
    training = await change("startTraining", viewer=owner, **given)
    assert (await work()).state is JobState.DONE
    return training["id"]


async def weights(id: str, path: Path) -> Path:
    """Where the weights of a training are, once they are here."""
    await storage.download(f"trainings/{ids.key(id, Training)}/1/checkpoint.safetensors", path)
    return path


def iou(path: Path, folder: Path) -> float:
    """How well weights find the houses of the corrected area, over its every pixel."""
    houses = [(house.geometry, {}) for house in village.footprints(CORRECTED.bounds)]
    write(folder / "aois.geojson", features_of([(CORRECTED, {})]))
    write(folder / "labels.geojson", features_of(houses))
    for tile in covering(CORRECTED, ZOOM):
        picture = folder / "tiles" / str(tile.z) / str(tile.x) / f"{tile.y}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        picture.write_bytes(village.tile_png(tile))
    chips = read_chips(folder, (ZOOM,), (0.0, 0.0), lambda: False)
    known = (chips.masks != IGNORE).any((1, 2))
    _, found = judged(checkpoint.load(path), chips.images[known], chips.masks[known])
    return Confusion.of(found, chips.masks[known]).iou


async def test_a_corrected_detector_is_better_where_it_was_corrected(
    ask, change, owner, other, parent, work, tmp_path, monkeypatch
):
    drawn = await change("createFeedbackAoi", viewer=other, trainingId=parent, geom=to_geojson(CORRECTED))
    await change("fetchFeedbackLabels", viewer=other, feedbackAoiId=drawn["id"])
    assert (await work()).state is JobState.DONE
    await change("reviewFeedbackAoi", viewer=owner, id=drawn["id"], review="APPROVED")
    monkeypatch.setenv("FIELDGRAPH_TRAINING_VIEWS_PER_EPOCH_MIN", "32")
    given = {"trainingId": parent, "zoomLevel": [ZOOM], "epochs": 2, "batchSize": 1}
    started = await change("startFeedbackTraining", viewer=owner, **given)
    assert (await work()).state is JobState.DONE
    child = (await ask(SHOWN, id=started["id"]))["training"]
    assert (child["status"], child["failure"], child["parentTraining"]) == ("FINISHED", None, {"id": parent})
    before = await weights(parent, tmp_path / "parent.safetensors")
    after = await weights(started["id"], tmp_path / "child.safetensors")
    _it_continued(load_file(before), load_file(after))
    assert iou(after, tmp_path) > iou(before, tmp_path)


def _it_continued(before: dict, after: dict) -> None:
    """What was frozen is the parent's to the last bit: no training that began anew could have that."""
    frozen = {name for name in before if any(name.startswith(f"downs.{level}.") for level in range(FROZEN_LEVELS))}
    assert frozen
    assert all((before[name] == after[name]).all() for name in frozen)
    assert any((before[name] != after[name]).any() for name in set(before) - frozen)
