"""The golden path for real: a detector is taught on a few tiles of the village, published, and looks for houses.

And the loop: it is corrected where it was wrong, taught on, and better there than before. One is taught for all.
"""

import asyncio
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest
from safetensors.numpy import load_file
from shapely import box, union_all
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry
from sqlalchemy import select, text

from app.events.positions import Position
from app.gateways import storage
from app.gateways.fakes import village
from app.geometry.shapes import to_geojson
from app.geometry.tiles import Tile, covering
from app.learning.imagery.chips import IGNORE, read_chips
from app.learning.networks import checkpoint
from app.learning.ramp import FROZEN_LEVELS
from app.learning.trainings.fitting import judged
from app.learning.trainings.metrics import Confusion
from app.models.mapping.predictions import PredictedFeature, Prediction
from app.models.mapping.trainings import Training
from app.models.system import Event, Job, JobState
from app.settings import settings
from jobs.broker import WORKS
from jobs.mapping.engine_files import FETCHING_SHARE, features_of, write
from jobs.run import attempt
from resolvers import ids
from tests.fixtures import Person, person

AREA = village.TRAINING_AREAS[2]
CORRECTED = box(*village.TRAINING_AREAS[1].centroid.buffer(0.0006).bounds)
# Two squares of four tiles, one above the other: what lies in the outermost rows, only one of them sees.
NORTH = covering(village.PREDICTION_AREA.centroid, 18)[0]
SOUTH = NORTH._replace(y=NORTH.y + 1)
LOOKED_AT = union_all([box(*square.bounds) for square in (NORTH, SOUTH)]).buffer(-1e-6, join_style="mitre")
INNER_ROWS = [Tile(19, 2 * SOUTH.x + x, 2 * SOUTH.y - y) for x in (0, 1) for y in (0, 1)]
NEAR_THE_SEAM = union_all([box(*tile.bounds) for tile in INNER_ROWS])
ZOOM, EPOCHS = 19, 2
TRAINING = """status accuracy pixelAccuracy precision recall f1 objectF1 chipsLength failure startedAt finishedAt
    job { state progress etaS error } artifacts(orderBy: OLDEST) { nodes { name mediaType sizeBytes link } }"""
PREDICTION = """status resultCount failure finishedAt job { state progress } features { totalCount }
    artifacts { nodes { name mediaType sizeBytes link } }"""


class Taught(NamedTuple):
    """A model with its finished training, whose it is, and somebody else."""

    owner: Person
    other: Person
    model: str
    training: str


@pytest.fixture
def few_steps(outside, monkeypatch):
    """Trainings that take few steps, and begin alike each time."""
    monkeypatch.setattr(settings, "training_pretrained", False)  # the small network learns in seconds
    monkeypatch.setenv("FIELDGRAPH_TRAINING_VIEWS_PER_EPOCH_MIN", "16")


@pytest.fixture
async def taught(change, database, outside, work, few_steps, made_once) -> Taught:
    """Areas, labels, a model and a training, as a client makes them."""

    async def taught() -> Taught:
        owner, other = [await person(database, name) for name in ("owner", "other")]
        model = await _model(change, owner, outside)
        given = {"modelId": model, "zoomLevel": [ZOOM], "epochs": EPOCHS, "batchSize": 1}
        started = await change("startTraining", viewer=owner, **given)
        assert (await work()).state is JobState.DONE
        return Taught(owner, other, model, started["id"])

    return await made_once("a detector of the village", taught)


async def _model(change, owner, outside) -> str:
    template = f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png"
    dataset = await change("createDataset", viewer=owner, name="Village", sourceImagery=template)
    aoi = await change("createAoi", viewer=owner, datasetId=dataset["id"], geom=to_geojson(AREA))
    houses = [
        {"type": "Feature", "properties": {}, "geometry": to_geojson(house.geometry)}
        for house in village.footprints(AREA.bounds)
    ]
    collection = {"type": "FeatureCollection", "features": houses}
    await change("uploadLabels", viewer=owner, aoiId=aoi["id"], geojson=collection)
    return (await change("createModel", viewer=owner, datasetId=dataset["id"], name="Roofs"))["id"]


async def watched(api, owner, kind: str, id: str, after: str) -> list[dict]:
    """Everything a subscription says from a cursor to the end."""
    document = f"""subscription ($id: ID!, $after: String) {{ {kind}Updated({kind}Id: $id, after: $after) {{
        cursor status progress stage message etaS epoch {{ number loss validationLoss validationIou seconds }}
        {kind} {{ id }}
    }} }}"""
    headers = {"Authorization": f"Bearer {owner.token}", "Accept": "text/event-stream"}
    reply = await api.post(
        "/graphql", json={"query": document, "variables": {"id": id, "after": after}}, headers=headers
    )
    said = [line.removeprefix("data: ") for line in reply.text.splitlines() if line.startswith("data: {")]
    return [orjson.loads(line)["data"][f"{kind}Updated"] for line in said]


async def first_cursor(database, topic: str) -> str:
    """The place of the event with which it all began."""
    async with database.reading() as session:
        first = await session.scalar(select(Event).where(Event.topic == topic).order_by(Event.xid, Event.id))
        epoch = await session.scalar(text("SELECT epoch FROM event_epochs"))
    return Position(first.xid, first.id, epoch).cursor


async def messages(ask, owner) -> list[str]:
    answer = await ask("{ notifications(orderBy: OLDEST) { nodes { message } } }", viewer=owner)
    return [node["message"] for node in answer["notifications"]["nodes"]]


async def test_a_detector_is_trained_published_and_predicts(ask, change, api, database, taught, work, monkeypatch):
    owner, other, model, training = taught
    await _a_finished_training(ask, api, database, owner, training)
    monkeypatch.setattr(settings.ramp, "publish_accuracy_percent_min", 0)
    published = await change("publishTraining", "status", viewer=owner, trainingId=training)
    assert published["status"] == "PUBLISHED"
    look = {"modelId": model, "geom": to_geojson(LOOKED_AT), "zoomLevel": ZOOM, "confidence": 20}
    asked = await change("startPrediction", viewer=other, **look)
    assert (await work()).state is JobState.DONE
    await _a_finished_prediction(ask, api, database, other, asked["id"])
    monkeypatch.setattr(settings, "prediction_part_tiles_max", 4)
    parted = await change("startPrediction", "parts", viewer=other, **look)
    for _ in range(parted["parts"]):
        job = await work()
    assert (job.state, parted["parts"] > 1) == (JobState.DONE, True)
    _found_alike(*[await _found(database, id) for id in (asked["id"], parted["id"])])


async def _found(database, id: str) -> list[BaseGeometry]:
    async with database.reading() as session:
        rows = select(PredictedFeature.geom).where(PredictedFeature.prediction_id == ids.key(id, Prediction))
        return list(await session.scalars(rows))


def _found_alike(one: list[BaseGeometry], parted: list[BaseGeometry]) -> None:
    """Parts find what one piece finds.

    A part looks one tile beyond its own ground, so what is farther from the seam it sees alone and with all that
    surrounds it: that is the same. Nearer, both see it, each with other surroundings; that is there once.
    """
    far, far_parted = [[each for each in found if not each.intersects(NEAR_THE_SEAM)] for found in (one, parted)]
    assert 0 < len(far) == len(far_parted) < len(parted)
    ground = union_all(far)
    assert ground.symmetric_difference(union_all(far_parted)).area < 1e-6 * ground.area
    for each, other in combinations(parted, 2):
        shared = each.intersection(other).area
        assert shared < settings.prediction_seam_share_min * min(each.area, other.area)


async def _a_finished_training(ask, api, database, owner, id: str) -> None:
    key = ids.key(id, Training)
    training = (await ask(f"query ($id: ID!) {{ training(id: $id) {{ {TRAINING} }} }}", id=id))["training"]
    assert (training["status"], training["failure"]) == ("FINISHED", None)
    assert training["job"] == {"state": "DONE", "progress": 1.0, "etaS": None, "error": None}
    assert training["startedAt"] < training["finishedAt"]
    assert training["chipsLength"] > 0
    assert 0 <= training["accuracy"] <= 100
    for share in ("pixelAccuracy", "precision", "recall", "f1", "objectF1"):
        assert 0 <= training[share] <= 1
    files = {file["name"]: file for file in training["artifacts"]["nodes"]}
    assert set(files) == {
        "checkpoint.safetensors",
        "training_curve.png",
        "training_curve.json",
        "labels.geojson",
        "aois.geojson",
        "meta.pmtiles",
    }
    contents = await _downloaded(api, files)
    assert contents["training_curve.png"].startswith(b"\x89PNG")
    assert len(orjson.loads(contents["aois.geojson"])["features"]) == 1
    told = await watched(api, owner, "training", id, await first_cursor(database, f"training:{key}"))
    assert [event["status"] for event in told if event["status"]] == ["RUNNING", "FINISHED"]
    assert [event["epoch"]["number"] for event in told if event["epoch"]] == list(range(1, EPOCHS + 1))
    progress = [event["progress"] for event in told if event["progress"] is not None]
    assert progress == sorted(progress)
    assert {event["training"]["id"] for event in told} == {id}
    assert await messages(ask, owner) == [
        f"Your training {key} has started.",
        f"Your training {key} has finished with an accuracy of {training['accuracy']:.1f} %.",
    ]


async def _a_finished_prediction(ask, api, database, owner, id: str) -> None:
    key = ids.key(id, Prediction)
    document = f"query ($id: ID!) {{ prediction(id: $id) {{ {PREDICTION} }} }}"
    prediction = (await ask(document, viewer=owner, id=id))["prediction"]
    assert (prediction["status"], prediction["failure"]) == ("FINISHED", None)
    assert prediction["job"] == {"state": "DONE", "progress": 1.0}
    count = prediction["resultCount"]
    assert count > 0
    assert prediction["features"] == {"totalCount": count}
    files = {file["name"]: file for file in prediction["artifacts"]["nodes"]}
    assert set(files) == {"predictions.geojson", "predictions.fgb", "predictions.osm"}
    contents = await _downloaded(api, files)
    found = orjson.loads(contents["predictions.geojson"])["features"]
    assert len(found) == count
    await _paged(ask, owner, id, found)
    told = await watched(api, owner, "prediction", id, await first_cursor(database, f"prediction:{key}"))
    assert [event["status"] for event in told if event["status"]] == ["RUNNING", "FINISHED"]
    assert await messages(ask, owner) == [
        f"Your prediction {key} has started.",
        f"Your prediction {key} has finished: {count} features were found.",
    ]
    assert (await ask("query ($id: ID!) { prediction(id: $id) { id } }", id=id)).codes == ["NOT_FOUND"]


async def _downloaded(api, files: dict[str, dict]) -> dict[str, bytes]:
    contents = {}
    for name, file in files.items():
        reply = await api.get(file["link"])
        assert (reply.status_code, reply.headers["content-type"].partition(";")[0]) == (200, file["mediaType"])
        assert len(reply.content) == file["sizeBytes"]
        contents[name] = reply.content
    return contents


async def _paged(ask, owner, id: str, found: list[dict]) -> None:
    document = """query ($id: ID!, $after: String) { prediction(id: $id) {
        features(first: 2, after: $after, orderBy: OLDEST) {
            nodes { geom confidence areaM2 } pageInfo { hasNextPage endCursor }
        }
    } }"""
    shown, after = [], None
    while True:
        page = (await ask(document, viewer=owner, id=id, after=after))["prediction"]["features"]
        shown += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    assert len(shown) == len(found)
    for one, other in zip(shown, found, strict=True):
        assert shape(one["geom"]).equals_exact(shape(other["geometry"]), 2e-7)
        assert (one["confidence"], one["areaM2"]) == (
            other["properties"]["confidence"],
            other["properties"]["area_m2"],
        )
        assert 0 <= one["confidence"] <= 1


CONTINUED = "query ($id: ID!) { training(id: $id) { status failure parentTraining { id } } }"


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


async def test_a_corrected_detector_is_better_where_it_was_corrected(ask, change, taught, work, tmp_path, monkeypatch):
    owner, other, _, parent = taught
    drawn = await change("createFeedbackAoi", viewer=other, trainingId=parent, geom=to_geojson(CORRECTED))
    await change("fetchFeedbackLabels", viewer=other, feedbackAoiId=drawn["id"])
    assert (await work()).state is JobState.DONE
    await change("reviewFeedbackAoi", viewer=owner, id=drawn["id"], review="APPROVED")
    monkeypatch.setenv("FIELDGRAPH_TRAINING_VIEWS_PER_EPOCH_MIN", "32")
    given = {"trainingId": parent, "zoomLevel": [ZOOM], "epochs": 2, "batchSize": 1}
    started = await change("startFeedbackTraining", viewer=owner, **given)
    assert (await work()).state is JobState.DONE
    child = (await ask(CONTINUED, id=started["id"]))["training"]
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


async def test_a_training_cancelled_in_the_middle_stops(ask, change, database, owner, outside, few_steps, happened):
    model = await _model(change, owner, outside)
    started = await change("startTraining", viewer=owner, modelId=model, zoomLevel=[ZOOM], epochs=40, batchSize=1)
    key = ids.key(started["id"], Training)
    async with database.reading() as session:
        job = (await session.scalars(select(Job))).one()

    async def is_learning() -> bool:
        """The engine's progress comes after the imagery's share."""
        return any(said.get("progress", 0) > FETCHING_SHARE for said in await happened(f"training:{key}"))

    working = asyncio.create_task(attempt(database, WORKS[job.kind], job.id, asyncio.Event()))
    async with asyncio.timeout(300):
        while not await is_learning():  # noqa: ASYNC110 -- jobs tell of themselves by rows
            await asyncio.sleep(0.1)
    asked = await change("cancelTraining", "status", viewer=owner, trainingId=started["id"])
    assert asked["status"] == "RUNNING"
    await asyncio.wait_for(working, 300)
    document = (
        "query ($id: ID!) { training(id: $id) { status failure accuracy job { state } artifacts { totalCount } } }"
    )
    assert (await ask(document, id=started["id"]))["training"] == {
        "status": "FAILED",
        "failure": "Cancelled.",
        "accuracy": None,
        "job": {"state": "CANCELLED"},
        "artifacts": {"totalCount": 0},
    }
    assert await messages(ask, owner) == [f"Your training {key} has started.", f"Your training {key} was cancelled."]
    again = await change("startTraining", viewer=owner, modelId=model, zoomLevel=[ZOOM])
    assert again["__typename"] == "Training"
