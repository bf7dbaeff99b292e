"""Large areas: searched part by part, so that what is done is not done again and others have their turn."""

import asyncio

import orjson
import pytest
import shapely
from shapely.geometry import box, shape
from sqlalchemy import select

from app.gateways import storage
from app.gateways.fakes import village
from app.gateways.outside import Outage
from app.geometry.shapes import to_geojson
from app.geometry.tiles import Tile, covering
from app.models.kinds import Lane
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import PredictedFeature, Prediction
from app.models.mapping.trainings import Model, ModelStatus, TrainingStatus
from app.models.system import Job, JobState, UserNotification
from app.queue import enqueue
from app.services.mapping.predictions.parts import ground_of, part_zoom, parts_of, tiles_of
from app.services.system import jobs as jobs_service
from app.settings import settings
from jobs.broker import WORKS
from jobs.mapping import predictions as jobs
from jobs.run import attempt
from resolvers import ids
from tests import factories

WEST, SOUTH, EAST, NORTH = village.PREDICTION_AREA.bounds
AREA = shapely.MultiPolygon([box(WEST, SOUTH, WEST + (EAST - WEST) / 2, NORTH), box(EAST - 0.0001, SOUTH, EAST, NORTH)])
SEEN = shapely.union_all([box(*tile.bounds) for tile in covering(AREA, 19)])
TRUTH = [one.geometry & SEEN for one in village.footprints(AREA.bounds) if AREA.intersects(one.geometry)]
SHOWN = "status failure parts partsDone partsWithoutImagery resultCount job { state progress }"


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch):
    """Four tiles of zoom 19 each."""
    monkeypatch.setattr(settings, "prediction_part_tiles_max", 4)
    monkeypatch.setattr(settings, "job_progress_s", 0)


@pytest.fixture
async def training(database, owner, outside):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    template = f"{outside.url}/tiles/{{z}}/{{x}}/{{y}}.png"
    made = await factories.training(
        database, model, status=TrainingStatus.FINISHED, accuracy=80.0, source_imagery=template
    )
    await factories.artifact(database, training_id=made.id)
    await storage.put("trainings/1/1/checkpoint.safetensors", b"weights")
    async with database.writing() as session:
        kept = await session.get_one(Model, model.id)
        kept.published_training_id, kept.status = made.id, ModelStatus.PUBLISHED
    return made


@pytest.fixture
def engine(monkeypatch):
    """One that sees every house on its tiles, cut off where these end; it notes what it was asked."""
    asked = []

    async def engine(_run, folder, said, *, s_max):
        del s_max
        [area] = [shape(each["geometry"]) for each in orjson.loads((folder / "area.geojson").read_bytes())["features"]]
        tiles = [Tile(19, int(path.parent.name), int(path.stem)) for path in (folder / "tiles").glob("19/*/*.png")]
        seen = shapely.union_all([box(*tile.bounds) for tile in tiles])
        asked.append(area)
        await said({"stage": "predicting", "progress": 0.5, "message": "Half of it", "eta_s": 1.0})
        houses = [house.geometry.intersection(seen) for house in village.footprints(area.bounds)]
        features = [
            {"type": "Feature", "geometry": to_geojson(part), "properties": {"confidence": 0.9, "area_m2": 50.0}}
            for house in houses
            for part in shapely.get_parts(house)
            if part.geom_type == "Polygon" and part.intersects(area)
        ]
        (folder / "predictions.geojson").write_bytes(orjson.dumps({"features": features}))
        return {}

    monkeypatch.setattr(jobs, "run_engine", engine)
    return asked


@pytest.fixture
async def started(change, owner, training):
    asked = {"modelId": ids.encode(Model(id=training.model_id)), "geom": to_geojson(AREA), "zoomLevel": 19}
    return await change("startPrediction", "parts", viewer=owner, **asked)


@pytest.fixture
def to_the_end(work):
    """Works on a job until it is neither queued nor running; how often that took."""

    async def to_the_end() -> tuple[Job, int]:
        for turn in range(1, 50):
            job = await work()
            if job.state not in {JobState.QUEUED, JobState.RUNNING}:
                return job, turn
        raise AssertionError("no end")

    return to_the_end


async def found(database) -> list[PredictedFeature]:
    async with database.reading() as session:
        return list(await session.scalars(select(PredictedFeature).order_by(PredictedFeature.id)))


async def shown(ask, owner, id: str) -> dict:
    return (await ask(f"query ($id: ID!) {{ prediction(id: $id) {{ {SHOWN} }} }}", viewer=owner, id=id))["prediction"]


def test_a_part_answers_for_its_own_ground_and_looks_one_tile_further():
    zoom = part_zoom(AREA, 19)
    parts = parts_of(AREA, zoom)
    grounds = [ground_of(AREA, part) for part in parts]
    assert (zoom, len(parts)) == (18, 9)
    assert shapely.union_all(grounds).symmetric_difference(AREA).area < 1e-15
    assert sum(ground.area for ground in grounds) == pytest.approx(AREA.area)
    everywhere = set(covering(AREA, 19))
    for part in parts:
        tiles = set(tiles_of(AREA, part, 19))
        own = {tile for tile in everywhere if tile.ancestor(18) == part}
        near = {tile for tile in everywhere if any(abs(tile.x - t.x) < 2 and abs(tile.y - t.y) < 2 for t in own)}
        assert own <= tiles <= near | own


def test_what_one_worker_can_hold_is_one_part(monkeypatch):
    monkeypatch.setattr(settings, "prediction_part_tiles_max", 1_024)
    assert part_zoom(AREA, 19) == 0
    [part] = parts_of(AREA, 0)
    assert ground_of(AREA, part) == AREA
    assert tiles_of(AREA, part, 19) == covering(AREA, 19)


async def test_every_house_is_found_once_and_whole_whatever_parts_it_lies_in(
    ask, database, owner, started, engine, to_the_end, happened
):
    job, turns = await to_the_end()
    assert (job.state, job.attempt) == (JobState.DONE, 1)
    assert turns == started["parts"] == len(engine) == 9
    features = await found(database)
    assert len(features) == len(TRUTH)
    tree = shapely.STRtree([feature.geom for feature in features])
    for house in TRUTH:
        [index] = [i for i in tree.query(house) if features[i].geom.intersection(house).area > 0.5 * house.area]
        assert features[index].geom.symmetric_difference(house).area < 0.02 * house.area
        assert len(features[index].geom.interiors) == len(house.interiors)
        assert features[index].confidence == pytest.approx(0.9)
    assert await shown(ask, owner, started["id"]) == {
        "status": "FINISHED",
        "failure": None,
        "parts": 9,
        "partsDone": 9,
        "partsWithoutImagery": 0,
        "resultCount": len(TRUTH),
        "job": {"state": "DONE", "progress": 1.0},
    }
    told = await happened(f"prediction:{ids.key(started['id'], Prediction)}")
    progress = [said["progress"] for said in told if "progress" in said]
    assert progress == sorted(progress)
    assert [said["eta_s"] for said in told if said.get("eta_s")] == sorted(
        (said["eta_s"] for said in told if said.get("eta_s")), reverse=True
    )


async def test_there_are_houses_that_lie_in_several_parts():
    grounds = [ground_of(AREA, part) for part in parts_of(AREA, 18)]
    across = [house for house in TRUTH if sum(house.intersects(ground) for ground in grounds) > 1]
    assert len(across) > 3


async def test_a_worker_that_dies_costs_its_part_and_no_other(
    ask, database, owner, started, engine, work, to_the_end, monkeypatch
):
    for _ in range(3):
        assert (await work()).state is JobState.QUEUED
    whole = jobs.run_engine

    async def dying(*_args, **_kwargs):
        await asyncio.sleep(3_600)

    monkeypatch.setattr(jobs, "run_engine", dying)
    attempt = asyncio.create_task(work())
    async with asyncio.timeout(120):
        while (await shown(ask, owner, started["id"]))["job"]["state"] != "RUNNING":  # noqa: ASYNC110 -- rows tell
            await asyncio.sleep(0.05)
    attempt.cancel()
    await asyncio.gather(attempt, return_exceptions=True)
    async with database.writing() as session:
        assert await jobs_service.release(session, await jobs_service.leases(session)) == 1
    monkeypatch.setattr(jobs, "run_engine", whole)
    assert (await shown(ask, owner, started["id"]))["partsDone"] == 3
    job, _ = await to_the_end()
    assert job.state is JobState.DONE
    assert len(engine) == len({area.wkb for area in engine}) == 9
    assert len(await found(database)) == len(TRUTH)


async def test_one_cancelled_between_parts_ends_at_once_and_goes_on_when_tried_again(
    ask, change, database, owner, started, engine, work, to_the_end
):
    for _ in range(4):
        await work()
    ended = await change("cancelPrediction", "status failure partsDone", viewer=owner, predictionId=started["id"])
    assert (ended["status"], ended["failure"], ended["partsDone"]) == ("FAILED", "Cancelled.", 4)
    assert (await work()).state is JobState.CANCELLED
    again = await change("retryPrediction", "status failure partsDone", viewer=owner, predictionId=started["id"])
    assert (again["status"], again["failure"], again["partsDone"]) == ("SUBMITTED", None, 4)
    job, turns = await to_the_end()
    assert (job.state, turns) == (JobState.DONE, 5)
    assert len(engine) == len({area.wkb for area in engine}) == 9
    assert len(await found(database)) == len(TRUTH)
    async with database.reading() as session:
        told = list(await session.scalars(select(UserNotification.message).order_by(UserNotification.id)))
    number = ids.key(started["id"], Prediction)
    assert told == [
        f"Your prediction {number} has started.",
        f"Your prediction {number} was cancelled.",
        f"Your prediction {number} has started.",
        f"Your prediction {number} has finished: {len(TRUTH)} features were found.",
    ]


async def test_a_finished_one_tried_again_begins_anew(change, database, owner, started, engine, to_the_end):
    await to_the_end()
    before = {feature.id for feature in await found(database)}
    again = await change("retryPrediction", "partsDone resultCount", viewer=owner, predictionId=started["id"])
    assert (again["partsDone"], again["resultCount"]) == (0, None)
    await to_the_end()
    after = {feature.id for feature in await found(database)}
    assert len(after) == len(TRUTH)
    assert not before & after
    async with database.reading() as session:
        prediction = (await session.scalars(select(Prediction))).one()
    assert prediction.status is TrainingStatus.FINISHED


async def test_after_each_part_others_who_wait_have_their_turn(database, owner, started, engine, ask):
    async with database.reading() as session:
        first = (await session.scalars(select(Job))).one()
    await attempt(database, WORKS[first.kind], first.id, asyncio.Event())
    async with database.writing() as session:
        waiting = await enqueue(session, MappingJob.PREDICT, subject_id=4_711, user_id=None)
    await attempt(database, WORKS[first.kind], first.id, asyncio.Event())
    async with database.writing() as session:
        claims = [await jobs_service.begin_next(session, Lane.HEAVY, [MappingJob.PREDICT]) for _ in range(2)]
    assert [claim.job_id for claim in claims] == [waiting.id, first.id]


async def test_parts_off_the_imagery_are_passed_over(ask, owner, started, engine, to_the_end, monkeypatch, database):
    fetch, calls = jobs.fetch, []

    async def fetching(run, topic, template, tiles, folder, stretch, **options):
        calls.append(options)
        if len(calls) % 3 == 0:
            raise Outage("The imagery", "answered 404", heals=False)
        return await fetch(run, topic, template, tiles, folder, stretch, **options)

    monkeypatch.setattr(jobs, "fetch", fetching)
    job, _ = await to_the_end()
    assert (job.state, len(engine)) == (JobState.DONE, 6)
    now = await shown(ask, owner, started["id"])
    assert (now["status"], now["partsWithoutImagery"]) == ("FINISHED", 3)
    assert {call["missing_share_max"] for call in calls} == {1.0}


async def test_one_off_the_imagery_altogether_fails_and_looks_everywhere_when_tried_again(
    ask, change, database, owner, started, engine, to_the_end, monkeypatch
):
    fetch = jobs.fetch

    async def fetching(*_args, **_options):
        raise Outage("The imagery", "answered 404", heals=False)

    monkeypatch.setattr(jobs, "fetch", fetching)
    job, _ = await to_the_end()
    assert (job.state, engine) == (JobState.FAILED, [])
    now = await shown(ask, owner, started["id"])
    assert (now["status"], now["failure"]) == (
        "FAILED",
        "There is no imagery at this zoom level inside the area. Choose another zoom level or other imagery.",
    )
    monkeypatch.setattr(jobs, "fetch", fetch)
    await change("retryPrediction", viewer=owner, predictionId=started["id"])
    await to_the_end()
    assert len(await found(database)) == len(TRUTH)


async def test_more_features_than_one_may_have_fail_in_words(
    ask, database, owner, started, engine, to_the_end, monkeypatch
):
    monkeypatch.setattr(settings, "prediction_features_max", 10)
    job, _ = await to_the_end()
    assert job.error == ("There are more than 10 features. Raise the confidence, or search a smaller area.")
    assert len(await found(database)) <= 10
