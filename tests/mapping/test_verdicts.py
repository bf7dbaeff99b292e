"""Accepting and rejecting what a prediction found."""

import asyncio

import pytest
from shapely import box
from sqlalchemy import select

from app.models.mapping.feedback import ApprovedPrediction
from app.models.mapping.predictions import PredictedFeature, Prediction, Verdict
from app.models.mapping.trainings import TrainingStatus
from app.settings import settings
from resolvers import ids
from tests import factories


@pytest.fixture
async def prediction(database, owner):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    return await factories.prediction(database, training, status=TrainingStatus.FINISHED, parts_done=1)


@pytest.fixture
async def features(database, prediction):
    shapes = [box(12 + n / 1000, 46, 12.0005 + n / 1000, 46.0005) for n in range(5)]
    return [await factories.feature(database, prediction, geom=shape) for shape in shapes]


@pytest.fixture
def judge(change, prediction):
    async def judge(features, verdict, *, viewer):
        feature_ids = [ids.encode(feature) for feature in features]
        return await change(
            "judgeFeatures",
            viewer=viewer,
            predictionId=ids.encode(prediction),
            featureIds=feature_ids,
            verdict=verdict,
        )

    return judge


async def verdicts(database) -> list[str | None]:
    async with database.reading() as session:
        rows = await session.scalars(select(PredictedFeature.verdict).order_by(PredictedFeature.id))
        return [verdict and verdict.value for verdict in rows]


async def approved(database) -> list[ApprovedPrediction]:
    async with database.reading() as session:
        return list(await session.scalars(select(ApprovedPrediction).order_by(ApprovedPrediction.id)))


async def test_many_are_accepted_at_once_and_approved_as_they_were_found(database, owner, prediction, features, judge):
    assert (await judge(features[:3], "ACCEPTED", viewer=owner))["id"] == ids.encode(prediction)
    assert await verdicts(database) == ["ACCEPTED"] * 3 + [None] * 2
    rows = await approved(database)
    assert [row.geom for row in rows] == [feature.geom for feature in features[:3]]
    for row in rows:
        assert (row.training_id, row.user_id, row.config) == (prediction.training_id, owner.id, prediction.config)


async def test_accepting_again_approves_nothing_twice(database, owner, features, judge):
    for _ in range(2):
        await judge(features[:2], "ACCEPTED", viewer=owner)
    assert len(await approved(database)) == 2


async def test_accepting_at_once_approves_nothing_twice(database, owner, features, judge):
    await asyncio.gather(*(judge(features, "ACCEPTED", viewer=owner) for _ in range(4)))
    assert len(await approved(database)) == len(features)


@pytest.mark.parametrize("verdict", ["REJECTED", None])
async def test_what_is_not_accepted_any_more_is_not_approved_any_more(database, owner, features, judge, verdict):
    await judge(features, "ACCEPTED", viewer=owner)
    await judge(features[1:], verdict, viewer=owner)
    assert await verdicts(database) == ["ACCEPTED"] + [verdict] * 4
    assert [row.geom for row in await approved(database)] == [features[0].geom]


async def test_a_teams_members_judge_what_is_shared_with_them(
    change, database, owner, other, prediction, features, judge
):
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).published = True
    assert (await judge(features, "REJECTED", viewer=other))["code"] == "FORBIDDEN"
    assert await verdicts(database) == [None] * 5
    team = await factories.team(database, owner.id, other.id)
    await change("sharePrediction", viewer=owner, predictionId=ids.encode(prediction), teamId=ids.encode(team))
    await judge(features[:1], "ACCEPTED", viewer=other)
    assert (await verdicts(database))[0] == "ACCEPTED"
    assert [row.user_id for row in await approved(database)] == [other.id]
    # Whoever takes it back takes back the own approval, not another's.
    await judge(features[:1], "REJECTED", viewer=owner)
    assert [row.user_id for row in await approved(database)] == [other.id]


async def test_staff_judge_everything(database, staff, features, judge):
    await judge(features, "REJECTED", viewer=staff)
    assert await verdicts(database) == ["REJECTED"] * 5


async def test_one_that_is_not_there_keeps_all_from_being_judged(refuse, database, owner, prediction, features):
    async with database.reading() as session:
        other = await session.get_one(Prediction, prediction.id)
    training = await factories.training(
        database, await factories.model(database, await factories.dataset(database, owner.id))
    )
    elsewhere = await factories.feature(database, await factories.prediction(database, training))
    for ids_given in ([*features, elsewhere], [elsewhere]):
        refused = await refuse(
            "judgeFeatures",
            viewer=owner,
            predictionId=ids.encode(other),
            featureIds=[ids.encode(feature) for feature in ids_given],
            verdict="ACCEPTED",
        )
        assert refused["code"] == "NOT_FOUND"


async def test_strangers_to_it_do_not_even_see_it(refuse, other, prediction, features):
    asked = {"predictionId": ids.encode(prediction), "featureIds": [ids.encode(features[0])], "verdict": "ACCEPTED"}
    assert (await refuse("judgeFeatures", viewer=other, **asked))["code"] == "NOT_FOUND"
    assert (await refuse("judgeFeatures", **asked))["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize("count", [0, 4])
async def test_only_so_many_at_once(refuse, owner, prediction, features, monkeypatch, count):
    monkeypatch.setattr(settings, "verdicts_at_once_max", 3)
    asked = {"predictionId": ids.encode(prediction), "featureIds": [ids.encode(each) for each in features[:count]]}
    assert (await refuse("judgeFeatures", viewer=owner, **asked))["code"] == "BAD_REQUEST"


@pytest.mark.parametrize("status", [TrainingStatus.SUBMITTED, TrainingStatus.RUNNING, TrainingStatus.FAILED])
async def test_what_may_still_change_is_not_judged(refuse, database, owner, prediction, features, status):
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).status = status
    asked = {"predictionId": ids.encode(prediction), "featureIds": [ids.encode(features[0])]}
    assert (await refuse("judgeFeatures", viewer=owner, **asked))["code"] == "CONFLICT"


async def test_features_are_listed_by_what_is_said_of_them(ask, database, owner, other, prediction, features, judge):
    await judge(features[:2], "ACCEPTED", viewer=owner)
    await judge(features[2:3], "REJECTED", viewer=owner)
    await factories.feature(database, prediction, confidence=0.3, conflation="NEW")
    document = """query ($id: ID!, $verdict: Verdict, $judged: Boolean, $conflation: [Conflation!], $min: Float) {
        predictedFeatures(
            predictionId: $id, verdict: $verdict, judged: $judged, conflation: $conflation, confidenceMin: $min
        ) { totalCount nodes { verdict } }
    }"""

    async def count(viewer, **filters):
        answer = await ask(document, viewer=viewer, id=ids.encode(prediction), **{"min": 0.0, **filters})
        found = answer["predictedFeatures"]
        assert found["totalCount"] == len(found["nodes"])
        return found["totalCount"]

    assert await count(owner) == 6
    assert await count(owner, verdict="ACCEPTED") == 2
    assert await count(owner, verdict="REJECTED") == 1
    assert (await count(owner, judged=True), await count(owner, judged=False)) == (3, 3)
    assert await count(owner, conflation=["NEW", "OVERLAP"]) == 1
    assert await count(owner, min=0.5) == 5
    assert await count(other) == 0
    assert Verdict.ACCEPTED.value in await verdicts(database)
