"""Who sees a prediction, and what its owner does with it."""

import asyncio

import pytest
from sqlalchemy import func, select

from app.models.kinds.mapping import MappingJob
from app.models.mapping.predictions import Artifact, PredictedFeature, Prediction
from app.models.mapping.trainings import TrainingStatus
from app.models.system import Job, JobState
from resolvers import ids
from tests import factories

FIND = "query ($id: ID!) { prediction(id: $id) { id } }"
DEEDS = [
    "updatePrediction",
    "sharePrediction",
    "publishPrediction",
    "unpublishPrediction",
    "retryPrediction",
    "cancelPrediction",
    "deletePrediction",
    "conflatePrediction",
]
UNFINISHED = [TrainingStatus.SUBMITTED, TrainingStatus.RUNNING]


@pytest.fixture
async def training(database, owner):
    return await factories.training(
        database, await factories.model(database, await factories.dataset(database, owner.id))
    )


@pytest.fixture
async def prediction(database, training):
    return await factories.prediction(
        database, training, status=TrainingStatus.FINISHED, parts_done=1, result_count=0, description="Roofs of Lake"
    )


@pytest.fixture
def does(change, prediction):
    async def does(deed, fields="", *, viewer, **more):
        return await change(deed, fields, viewer=viewer, predictionId=ids.encode(prediction), **more)

    return does


async def has(database, prediction, status):
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).status = status


@pytest.mark.parametrize("deed", DEEDS)
async def test_only_its_owner_and_staff_do_anything_with_it(refuse, database, other, prediction, deed):
    asked = {"predictionId": ids.encode(prediction)}
    assert (await refuse(deed, **asked))["code"] in {"NOT_FOUND", "UNAUTHENTICATED"}
    assert (await refuse(deed, viewer=other, **asked))["code"] == "NOT_FOUND"
    async with database.writing() as session:
        (await session.get_one(Prediction, prediction.id)).published = True
    assert (await refuse(deed, viewer=other, **asked))["code"] == "FORBIDDEN"


async def test_publishing_shows_it_to_everybody_and_keeps_when_that_was(ask, owner, prediction, does):
    assert (await ask(FIND, id=ids.encode(prediction))).codes == ["NOT_FOUND"]
    first = await does("publishPrediction", "published publishedAt", viewer=owner)
    assert first["published"] is True
    assert (await ask(FIND, id=ids.encode(prediction)))["prediction"]
    taken = await does("unpublishPrediction", "published publishedAt", viewer=owner)
    assert (taken["published"], taken["publishedAt"]) == (False, first["publishedAt"])
    assert (await ask(FIND, id=ids.encode(prediction))).codes == ["NOT_FOUND"]
    again = await does("publishPrediction", "published publishedAt", viewer=owner)
    assert (again["published"], again["publishedAt"]) == (True, first["publishedAt"])


@pytest.mark.parametrize("status", [*UNFINISHED, TrainingStatus.FAILED])
async def test_what_has_not_finished_is_not_published(refuse, database, owner, prediction, status):
    await has(database, prediction, status)
    assert (await refuse("publishPrediction", viewer=owner, predictionId=ids.encode(prediction)))["code"] == "CONFLICT"


async def test_sharing_shows_it_to_a_team_and_to_nobody_else(
    ask, database, owner, other, staff, prediction, does, change
):
    team = await factories.team(database, owner.id, other.id)
    shared = await does("sharePrediction", "team { name }", viewer=owner, teamId=ids.encode(team))
    assert shared["team"] == {"name": team.name}
    assert (await ask(FIND, viewer=other, id=ids.encode(prediction)))["prediction"]
    assert (await ask(FIND, id=ids.encode(prediction))).codes == ["NOT_FOUND"]
    listed = "query ($team: ID!) { predictions(teamId: $team) { nodes { id } } }"
    for viewer, seen in ((other, [{"id": ids.encode(prediction)}]), (None, [])):
        answer = await ask(listed, viewer=viewer, team=ids.encode(team))
        assert answer["predictions"]["nodes"] == seen
    await change("leaveTeam", viewer=other, id=ids.encode(team))
    assert (await ask(FIND, viewer=other, id=ids.encode(prediction))).codes == ["NOT_FOUND"]


async def test_what_is_shared_no_more_is_seen_no_more(ask, database, owner, other, prediction, does):
    team = await factories.team(database, owner.id, other.id)
    await does("sharePrediction", viewer=owner, teamId=ids.encode(team))
    assert (await does("sharePrediction", "team { name }", viewer=owner, teamId=None))["team"] is None
    assert (await ask(FIND, viewer=other, id=ids.encode(prediction))).codes == ["NOT_FOUND"]


async def test_a_team_that_ends_leaves_the_prediction_with_its_owner(
    ask, change, database, owner, other, prediction, does
):
    team = await factories.team(database, owner.id, other.id)
    await does("sharePrediction", viewer=owner, teamId=ids.encode(team))
    await change("deleteTeam", viewer=owner, id=ids.encode(team))
    assert (await ask(FIND, viewer=other, id=ids.encode(prediction))).codes == ["NOT_FOUND"]
    assert (await ask(FIND, viewer=owner, id=ids.encode(prediction)))["prediction"]


async def test_nothing_is_shared_with_others_teams(refuse, database, owner, other, prediction):
    team = await factories.team(database, other.id)
    asked = {"predictionId": ids.encode(prediction), "teamId": ids.encode(team)}
    assert (await refuse("sharePrediction", viewer=owner, **asked))["code"] == "NOT_FOUND"


async def test_its_note_is_changed_or_taken_away_or_left(refuse, owner, prediction, does):
    noted = [
        (await does("updatePrediction", "description", viewer=owner, **given))["description"]
        for given in ({"description": " Sheds "}, {}, {"description": None})
    ]
    assert noted == ["Sheds", "Sheds", None]
    asked = {"predictionId": ids.encode(prediction), "description": "x" * 501}
    assert (await refuse("updatePrediction", viewer=owner, **asked))["field"] == "description"


@pytest.mark.parametrize("status", [TrainingStatus.FINISHED, TrainingStatus.FAILED])
async def test_what_has_ended_is_tried_again(database, owner, staff, prediction, does, happened, status):
    await has(database, prediction, status)
    shown = "status startedAt finishedAt resultCount failure job { kind state }"
    again = await does("retryPrediction", shown, viewer=owner)
    assert {key: again[key] for key in shown.split()[:5]} == {
        "status": "SUBMITTED",
        "startedAt": None,
        "finishedAt": None,
        "resultCount": None,
        "failure": None,
    }
    assert again["job"] == {"kind": "PREDICT", "state": "QUEUED"}
    assert await happened(f"prediction:{prediction.id}") == [{"status": "SUBMITTED"}]


async def test_of_many_who_try_it_again_one_does(database, owner, does):
    answers = await asyncio.gather(*(does("retryPrediction", viewer=owner) for _ in range(5)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 4 + ["Prediction"]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Job)) == 1


@pytest.mark.parametrize("deed", ["retryPrediction", "deletePrediction"])
@pytest.mark.parametrize("status", UNFINISHED)
async def test_what_has_not_ended_is_neither_tried_again_nor_deleted(refuse, database, owner, prediction, deed, status):
    await has(database, prediction, status)
    assert (await refuse(deed, viewer=owner, predictionId=ids.encode(prediction)))["code"] == "CONFLICT"


async def test_one_that_waits_is_cancelled_at_once(ask, owner, does, happened, prediction, refuse):
    await does("retryPrediction", viewer=owner)
    ended = await does("cancelPrediction", "status failure job { state }", viewer=owner)
    assert (ended["status"], ended["failure"], ended["job"]) == ("FAILED", "Cancelled.", {"state": "CANCELLED"})
    assert [said["status"] for said in await happened(f"prediction:{prediction.id}")] == ["SUBMITTED", "FAILED"]
    messages = await ask("{ notifications { nodes { message } } }", viewer=owner)
    assert messages["notifications"]["nodes"] == [{"message": f"Your prediction {prediction.id} was cancelled."}]
    asked = {"predictionId": ids.encode(prediction)}
    assert (await refuse("cancelPrediction", viewer=owner, **asked))["code"] == "CONFLICT"


async def test_one_deleted_is_gone_with_all_that_is_its(ask, database, owner, prediction, does):
    await factories.feature(database, prediction)
    await factories.artifact(database, prediction_id=prediction.id, storage_key=f"predictions/{prediction.id}/1/a.fgb")
    assert await does("deletePrediction", viewer=owner) == {"__typename": "Deleted", "id": ids.encode(prediction)}
    assert (await ask(FIND, viewer=owner, id=ids.encode(prediction))).codes == ["NOT_FOUND"]
    async with database.reading() as session:
        for table in (Prediction, PredictedFeature, Artifact):
            assert await session.scalar(select(func.count()).select_from(table)) == 0
        [job] = await session.scalars(select(Job))
    assert (job.kind, job.subject_id, job.state) == (MappingJob.REMOVE_PREDICTION, prediction.id, JobState.QUEUED)


async def test_predictions_are_listed_by_what_they_are(ask, database, owner, other, training, prediction):
    another = await factories.training(
        database,
        await factories.model(database, await factories.dataset(database, owner.id)),
        status=TrainingStatus.FINISHED,
    )
    theirs = await factories.prediction(database, another, user_id=other.id, published=True)
    hidden = await factories.prediction(database, another, user_id=other.id)
    document = """query ($training: ID, $user: ID, $search: String, $status: TrainingStatus, $published: Boolean) {
        predictions(
            trainingId: $training, userId: $user, search: $search, status: $status, published: $published
        ) { nodes { id } }
    }"""

    async def listed(viewer, **filters):
        answer = await ask(document, viewer=viewer, **filters)
        return [ids.key(node["id"], Prediction) for node in answer["predictions"]["nodes"]]

    assert await listed(owner) == [theirs.id, prediction.id]
    assert await listed(owner, training=ids.encode(another)) == [theirs.id]
    assert await listed(owner, user=ids.encode(owner.user)) == [prediction.id]
    assert await listed(owner, search="OF LAKE") == [prediction.id]
    assert await listed(owner, status="FINISHED") == [prediction.id]
    assert await listed(owner, published=True) == await listed(None) == [theirs.id]
    assert await listed(other) == [hidden.id, theirs.id]
    nested = """query ($id: ID!) {
        training(id: $id) { predictions { nodes { id } } }
        user: me { predictions { totalCount } }
    }"""
    answer = await ask(nested, viewer=owner, id=ids.encode(another))
    assert answer["training"]["predictions"]["nodes"] == [{"id": ids.encode(theirs)}]
    assert answer["user"]["predictions"]["totalCount"] == 1
