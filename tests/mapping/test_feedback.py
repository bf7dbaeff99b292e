"""What people say of a training: theirs to change, and the model's owner's to delete."""

import asyncio

import pytest
from shapely import Point, Polygon, box
from shapely.geometry import shape
from sqlalchemy import func, select

from app.geometry.shapes import to_geojson
from app.models.mapping.feedback import ApprovedPrediction, FeedbackType
from app.models.mapping.trainings import TrainingStatus
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.mapping.shapes import ring, square

FIELDS = "geom feedbackType zoomLevel comments sourceImagery user { username } training { id }"
HOUSE = box(12.0002, 46.0002, 12.0003, 46.0003)
SPOT = to_geojson(Point(12.0005, 46.0005))


@pytest.fixture
async def training(database, owner):
    model = await factories.model(database, await factories.dataset(database, owner.id))
    return await factories.training(database, model, status=TrainingStatus.FINISHED)


async def test_feedback_is_given_by_anybody_with_an_account(ask, change, other, training):
    given = {"trainingId": ids.encode(training), "geom": SPOT, "feedbackType": "FN", "zoomLevel": 20}
    made = await change("giveFeedback", FIELDS, viewer=other, **given, comments=" A roof of reed ")
    assert made == {
        "__typename": "Feedback",
        "id": made["id"],
        "geom": SPOT | {"coordinates": made["geom"]["coordinates"]},
        "feedbackType": "FN",
        "zoomLevel": 20,
        "comments": "A roof of reed",
        "sourceImagery": training.source_imagery,
        "user": {"username": "other"},
        "training": {"id": ids.encode(training)},
    }
    found = await ask(f"query ($id: ID!) {{ feedback(id: $id) {{ __typename id {FIELDS} }} }}", id=made["id"])
    assert found == {"feedback": made}


WRONG = [
    ("zoomLevel", 17),
    ("zoomLevel", 24),
    ("comments", "x" * 101),
    ("geom", ring((12, 46), (12.01, 46.01), (12.01, 46), (12, 46.01))),
    ("geom", to_geojson(Point(200, 46))),
    ("sourceImagery", "http://127.0.0.1/{z}/{x}/{y}.png"),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=lambda value: str(value)[:30])
async def test_a_wrong_value_is_named_and_says_nothing(refuse, database, other, training, field, value):
    given = {"trainingId": ids.encode(training), "geom": SPOT, "feedbackType": "FN", "zoomLevel": 20}
    refused = await refuse("giveFeedback", viewer=other, **{**given, field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)
    if field != "sourceImagery":
        feedback = ids.encode(await factories.feedback(database, training, user_id=other.id))
        refused = await refuse("updateFeedback", viewer=other, id=feedback, **{"feedbackType": "TP", field: value})
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_nothing_is_said_of_a_training_that_has_found_nothing(refuse, database, owner, training):
    unfinished = await factories.training(database, await _model(database, training))
    for deed, input in DEEDS:
        refused = await refuse(deed, viewer=owner, trainingId=ids.encode(unfinished), **input)
        assert (
            refused["message"]
            == "This training has not finished, so there are no predictions to judge yet. Wait until it has."
        )


DEEDS = [
    ("giveFeedback", {"geom": SPOT, "feedbackType": "FN", "zoomLevel": 20}),
    ("approvePrediction", {"geom": to_geojson(HOUSE)}),
    ("createFeedbackAoi", {"geom": square(0.001)}),
]


async def _model(database, training):
    async with database.reading() as session:
        return await session.get_one(factories.Model, training.model_id)


@pytest.mark.parametrize(("deed", "input"), DEEDS, ids=[deed for deed, _ in DEEDS])
async def test_strangers_say_nothing_and_nobody_says_too_much(refuse, other, training, monkeypatch, deed, input):
    id = ids.encode(training)
    assert (await refuse(deed, trainingId=id, **input))["code"] == "UNAUTHENTICATED"
    assert (await refuse(deed, viewer=other, trainingId=id[:-2], **input))["code"] == "NOT_FOUND"
    for limit in ("feedbacks", "approved_predictions", "feedback_aois"):
        monkeypatch.setattr(settings, f"{limit}_per_training_max", 0)
    refused = await refuse(deed, viewer=other, trainingId=id, **input)
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 0)


async def test_what_is_absent_stays_and_comments_are_cleared(change, database, other, training):
    id = ids.encode(await factories.feedback(database, training, user_id=other.id, comments="Reed"))
    changed = await change("updateFeedback", FIELDS, viewer=other, id=id, feedbackType="TP", zoomLevel=23)
    assert (changed["feedbackType"], changed["zoomLevel"], changed["comments"]) == ("TP", 23, "Reed")
    moved = await change("updateFeedback", FIELDS, viewer=other, id=id, geom=SPOT, comments=None)
    assert (moved["geom"]["type"], moved["comments"], moved["feedbackType"]) == ("Point", None, "TP")


async def test_words_are_their_authors_and_staff_s_to_change_and_the_owners_to_delete(
    change, refuse, database, owner, other, staff, training
):
    feedback = ids.encode(await factories.feedback(database, training, user_id=other.id))
    for viewer in (owner, None):
        refused = await refuse("updateFeedback", viewer=viewer, id=feedback, comments="I said so")
        assert refused["code"] in {"FORBIDDEN", "UNAUTHENTICATED"}
    changed = await change("updateFeedback", FIELDS, viewer=staff, id=feedback, comments="Moderated")
    assert changed["user"] == {"username": "other"}
    theirs = ids.encode(await factories.feedback(database, training, user_id=owner.id))
    assert (await refuse("deleteFeedback", viewer=other, id=theirs))["code"] == "FORBIDDEN"
    for viewer in (owner, other, staff):
        id = ids.encode(await factories.feedback(database, training, user_id=other.id))
        assert (await change("deleteFeedback", viewer=viewer, id=id))["id"] == id
    approved = ids.encode(await factories.approved_prediction(database, training, user_id=owner.id))
    assert (await refuse("deleteApprovedPrediction", viewer=other, id=approved))["code"] == "FORBIDDEN"
    assert (await change("deleteApprovedPrediction", viewer=owner, id=approved))["id"] == approved


async def test_the_same_outline_is_approved_once_by_each(ask, change, database, owner, other, training):
    corners = list(HOUSE.exterior.coords)[:-1]
    given = {"trainingId": ids.encode(training)}
    fields = "approvedAt config user { username } geom"
    made = [
        await change("approvePrediction", fields, viewer=viewer, **given, geom=to_geojson(Polygon(ring)), **more)
        for viewer, ring, more in [
            (owner, corners, {"config": {"confidence": 50}}),
            (owner, corners[1:] + corners[:1], {}),
            (owner, corners[::-1], {"config": {"confidence": 80}}),
            (other, corners, {}),
        ]
    ]
    assert len({row["id"] for row in made}) == 2
    assert [row["config"] for row in made] == [{"confidence": 50}, {"confidence": 50}, {"confidence": 80}, None]
    assert [row["user"]["username"] for row in made] == ["owner", "owner", "owner", "other"]
    assert len({row["approvedAt"] for row in made[:3]}) == 1
    assert shape(made[0]["geom"]).equals(HOUSE)
    document = "query ($id: ID!) { training(id: $id) { approvedPredictions { totalCount } } }"
    assert (await ask(document, id=given["trainingId"]))["training"]["approvedPredictions"] == {"totalCount": 2}


async def test_the_same_outline_approved_many_times_at_once_is_approved_once(change, database, owner, training):
    given = {"trainingId": ids.encode(training), "geom": to_geojson(HOUSE)}
    made = await asyncio.gather(*(change("approvePrediction", viewer=owner, **given) for _ in range(5)))
    assert len({row["id"] for row in made}) == 1
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(ApprovedPrediction)) == 1


async def test_what_is_approved_is_an_outline(refuse, owner, training):
    refused = await refuse("approvePrediction", viewer=owner, trainingId=ids.encode(training), geom=SPOT)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "geom")


async def listed(ask, field: str, **arguments) -> list[str]:
    said = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    answer = await ask(f"{{ {field}({said or 'first: 25'}) {{ nodes {{ id }} totalCount }} }}")
    assert not answer.errors, answer.errors
    found = [node["id"] for node in answer[field]["nodes"]]
    assert answer[field]["totalCount"] == len(found)
    return found[::-1]


async def test_feedback_is_filtered(ask, database, owner, other, training):
    model = await _model(database, training)
    second = await factories.training(database, model, status=TrainingStatus.FINISHED)
    elsewhere = await factories.training(
        database, await factories.model(database, await factories.dataset(database, other.id))
    )
    rows = [
        await factories.feedback(database, training, feedback_type=FeedbackType.FN),
        await factories.feedback(database, training, user_id=other.id, geom=Point(13, 46)),
        await factories.feedback(database, second),
        await factories.feedback(database, elsewhere, user_id=other.id),
    ]
    a, b, c, d = (ids.encode(row) for row in rows)
    assert await listed(ask, "feedbacks") == [a, b, c, d]
    assert await listed(ask, "feedbacks", trainingId=f'"{ids.encode(training)}"') == [a, b]
    assert await listed(ask, "feedbacks", modelId=f'"{ids.encode(model)}"') == [a, b, c]
    assert await listed(ask, "feedbacks", userId=f'"{ids.encode(other.user)}"') == [b, d]
    assert await listed(ask, "feedbacks", feedbackType="FN") == [a]
    assert await listed(ask, "feedbacks", bbox=[12.9, 45.9, 13.1, 46.1]) == [b]
    assert await listed(ask, "feedbacks", bbox=[12.001, 46.001, 12.1, 46.1]) == [a, c, d]
    approved = [
        await factories.approved_prediction(database, training),
        await factories.approved_prediction(database, elsewhere, user_id=other.id, geom=box(13, 46, 13.1, 46.1)),
    ]
    e, f = (ids.encode(row) for row in approved)
    assert await listed(ask, "approvedPredictions") == [e, f]
    assert await listed(ask, "approvedPredictions", trainingId=f'"{ids.encode(training)}"') == [e]
    assert await listed(ask, "approvedPredictions", modelId=f'"{ids.encode(model)}"') == [e]
    assert await listed(ask, "approvedPredictions", userId=f'"{ids.encode(other.user)}"') == [f]
    assert await listed(ask, "approvedPredictions", bbox=[12.9, 45.9, 13.1, 46.1]) == [f]


@pytest.mark.parametrize("bbox", [[], [1, 2, 3], [13, 46, 12, 47], [12, 47, 13, 46], [-181, 0, 0, 0], [0, 0, 0, 91]])
async def test_a_box_that_is_none_is_refused(ask, bbox):
    for field in ("feedbacks", "feedbackAois", "feedbackLabels", "approvedPredictions"):
        assert (await ask(f"{{ {field}(bbox: {bbox}) {{ nodes {{ id }} }} }}")).codes == ["INVALID_INPUT"]


async def test_contributions_are_found_from_the_person_and_counted(ask, database, other, training):
    await factories.feedback(database, training, user_id=other.id)
    await factories.approved_prediction(database, training, user_id=other.id)
    document = "query ($id: ID!) { user(id: $id) { feedbacks { totalCount } approvedPredictions { totalCount } } }"
    assert (await ask(document, id=ids.encode(other.user)))["user"] == {
        "feedbacks": {"totalCount": 1},
        "approvedPredictions": {"totalCount": 1},
    }
