"""What a prediction found, compared with what OpenStreetMap has."""

import asyncio

import pytest
from shapely import box
from shapely.affinity import scale, translate
from sqlalchemy import select

from app.gateways.fakes import village
from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Conflation, PredictedFeature, Prediction
from app.models.mapping.trainings import TrainingStatus
from app.models.system import JobState, UserNotification
from app.services.mapping.predictions import execution
from app.settings import settings
from resolvers import ids
from tests import factories

AREA = village.PREDICTION_AREA
HOUSES = [one.geometry for one in village.footprints(AREA.bounds) if AREA.contains(one.geometry)]
NOWHERE = box(*AREA.centroid.buffer(0.00002).bounds)


def wide(house):
    return house.bounds[2] - house.bounds[0]


@pytest.fixture
async def prediction(database, owner, outside):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    return await factories.prediction(
        database, training, geom=AREA, status=TrainingStatus.FINISHED, parts_done=1, result_count=0
    )


@pytest.fixture
def conflated(database, change, owner, prediction, work):
    """What is said of some shapes that a prediction found, in their order."""

    async def conflated(*shapes):
        for shape in shapes:
            await factories.feature(database, prediction, geom=shape)
        await change("conflatePrediction", viewer=owner, predictionId=ids.encode(prediction))
        assert (await work()).state is JobState.DONE
        return await said(database)

    return conflated


async def said(database) -> list[tuple[Conflation | None, float | None]]:
    async with database.reading() as session:
        rows = await session.execute(
            select(PredictedFeature.conflation, PredictedFeature.osm_share).order_by(PredictedFeature.id)
        )
        return [(conflation, None if share is None else round(share, 2)) for conflation, share in rows]


async def test_each_feature_is_told_by_how_much_of_it_is_mapped(conflated):
    house = next(one for one in HOUSES if len(one.exterior.coords) == 5 and not one.interiors)
    known = [house, translate(house, 0.2 * wide(house)), scale(house, 0.5, 0.5)]
    partly = [scale(house, 2, 2)]
    assert [one for one, _ in await conflated(*known, *partly)] == [Conflation.DUPLICATE] * 3 + [Conflation.OVERLAP]


async def test_a_neighbour_that_only_touches_is_new(conflated):
    court = next(one for one in HOUSES if one.interiors)
    inner = box(*court.interiors[0].bounds) & type(court)(court.interiors[0])
    assert await conflated(inner) == [(Conflation.NEW, 0.0)]


async def test_what_lies_over_several_mapped_houses_counts_them_together(conflated):
    first, second = sorted(HOUSES, key=HOUSES[0].distance)[:2]
    [(conflation, share)] = await conflated((first | second).convex_hull)
    covered = (first.area + second.area) / (first | second).convex_hull.area
    assert share >= round(covered, 2) - 0.01
    assert conflation in {Conflation.DUPLICATE, Conflation.OVERLAP}


async def test_parts_of_a_large_area_are_compared_one_by_one_and_alike(conflated, database, prediction):
    whole = await conflated(*HOUSES)
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).part_zoom = 18
    assert await conflated() == whole == [(Conflation.DUPLICATE, 1.0)] * len(HOUSES)


async def test_who_asked_is_told_and_the_files_say_it(ask, database, owner, prediction, conflated):
    await conflated(HOUSES[0], NOWHERE)
    document = """query ($id: ID!) { prediction(id: $id) {
        conflating conflatedAt conflationError features(orderBy: OLDEST) { nodes { conflation osmShare } }
        artifacts(orderBy: OLDEST) { nodes { name } }
    } }"""
    shown = (await ask(document, viewer=owner, id=ids.encode(prediction)))["prediction"]
    assert shown.pop("conflatedAt") is not None
    assert shown == {
        "conflating": False,
        "conflationError": None,
        "features": {"nodes": [{"conflation": "DUPLICATE", "osmShare": 1.0}, {"conflation": "NEW", "osmShare": 0.0}]},
        "artifacts": {"nodes": [{"name": f"predictions.{suffix}"} for suffix in ("geojson", "fgb", "osm")]},
    }
    async with database.reading() as session:
        [told] = await session.scalars(select(UserNotification.message))
    assert (
        told
        == f"Your prediction {prediction.id} was compared with OpenStreetMap: 1 features are already there, 1 are new."
    )


async def test_a_map_that_does_not_answer_changes_nothing_and_says_why(
    ask, change, database, owner, prediction, conflated, work, broken, monkeypatch
):
    await conflated(HOUSES[0])
    monkeypatch.setattr(settings, "osm_features_url", f"{broken}/404/v1")
    await change("conflatePrediction", viewer=owner, predictionId=ids.encode(prediction))
    job = await work()
    assert job.state is JobState.FAILED
    shown = await ask(
        "query ($id: ID!) { prediction(id: $id) { status conflating conflationError } }",
        viewer=owner,
        id=ids.encode(prediction),
    )
    assert shown["prediction"] == {"status": "FINISHED", "conflating": False, "conflationError": job.error}
    assert await said(database) == [(Conflation.DUPLICATE, 1.0)]


async def test_it_is_compared_once_at_a_time_however_many_ask(change, owner, database, prediction):
    asked = [change("conflatePrediction", viewer=owner, predictionId=ids.encode(prediction)) for _ in range(5)]
    answers = await asyncio.gather(*asked)
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 4 + ["Prediction"]
    for deed in ("retryPrediction", "deletePrediction"):
        assert (await change(deed, viewer=owner, predictionId=ids.encode(prediction)))["__typename"] == "Conflict"


@pytest.mark.parametrize("status", [TrainingStatus.SUBMITTED, TrainingStatus.RUNNING, TrainingStatus.FAILED])
async def test_only_a_finished_prediction_is_compared(refuse, database, owner, prediction, status):
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).status = status
    assert (await refuse("conflatePrediction", viewer=owner, predictionId=ids.encode(prediction)))["code"] == "CONFLICT"


async def test_only_its_owner_has_it_compared(refuse, database, other, prediction):
    refused = await refuse("conflatePrediction", viewer=other, predictionId=ids.encode(prediction))
    assert refused["code"] == "NOT_FOUND"
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).published = True
    refused = await refuse("conflatePrediction", viewer=other, predictionId=ids.encode(prediction))
    assert refused["code"] == "FORBIDDEN"


async def test_a_prediction_that_was_to_be_compared_is_when_it_has_finished(database, owner, prediction, work):
    async with database.writing() as session:
        kept = await session.get_one(Prediction, prediction.id)
        kept.config = {**prediction.config, "conflate": True}
        await execution.finish_prediction(session, prediction.id, [])
    await factories.feature(database, prediction, geom=HOUSES[0])
    job = await work()
    assert (job.kind, job.state, job.user_id) == (MappingJob.CONFLATE, JobState.DONE, owner.id)
    assert await said(database) == [(Conflation.DUPLICATE, 1.0)]
