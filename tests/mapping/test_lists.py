"""Lists: which rows they hold, for whom."""

import pytest

from app.models.mapping.datasets import DatasetStatus
from app.models.mapping.trainings import BaseModel, ModelStatus, TrainingStatus
from resolvers import ids
from tests import factories


async def names(ask, field: str, *, viewer=None) -> list[str]:
    """The names of a list's rows, oldest first."""
    name = field.partition("(")[0]
    answer = await ask(f"{{ {field} {{ nodes {{ name }} totalCount }} }}", viewer=viewer)
    assert not answer.errors
    assert answer[name]["totalCount"] == len(answer[name]["nodes"])
    return [node["name"] for node in reversed(answer[name]["nodes"])]


async def test_datasets_are_filtered(ask, database, owner, other):
    for person, name, status in [
        (owner, "Village", DatasetStatus.DRAFT),
        (owner, "Harbour", DatasetStatus.ACTIVE),
        (other, "Village green", DatasetStatus.ACTIVE),
    ]:
        await factories.dataset(database, person.id, name=name, status=status)
    assert await names(ask, "datasets") == ["Village", "Harbour", "Village green"]
    assert await names(ask, "datasets(status: ACTIVE)") == ["Harbour", "Village green"]
    assert await names(ask, f'datasets(userId: "{ids.encode(owner.user)}")') == ["Village", "Harbour"]
    assert await names(ask, 'datasets(search: "VILL")') == ["Village", "Village green"]
    assert await names(ask, 'datasets(search: "vill", status: ACTIVE)') == ["Village green"]
    assert await names(ask, 'datasets(search: "  ")') == ["Village", "Harbour", "Village green"]
    assert await names(ask, 'datasets(search: "nowhere")') == []


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("%", ["50 % done"]),
        ("_", ["snake_case"]),
        ("\\\\", ["back\\slash"]),
        ("'", ["it's"]),
        ("ß", ["Straße"]),
        ("STRAßE", ["Straße"]),
        ("0 %", ["50 % done"]),
        ("e_c", ["snake_case"]),
    ],
)
async def test_a_search_takes_every_character_at_its_word(ask, database, owner, search, found):
    for name in ("50 % done", "snake_case", "back\\slash", "it's", "Straße", "plain"):
        dataset = await factories.dataset(database, owner.id, name=name)
        await factories.model(database, dataset, name=name)
    assert await names(ask, f'datasets(search: "{search}")') == found
    assert await names(ask, f'models(search: "{search}")') == found


@pytest.mark.parametrize(
    ("search", "code"), [("a\\u0000", "BAD_REQUEST"), ("a\\u0001", "INVALID_INPUT"), ("x" * 51, "INVALID_INPUT")]
)
@pytest.mark.parametrize("field", ["datasets", "models"])
async def test_a_search_that_can_find_nothing_is_refused_in_words(ask, field, search, code):
    answer = await ask(f'{{ {field}(search: "{search}") {{ nodes {{ id }} }} }}')
    assert answer.codes == [code]


async def test_models_are_filtered(ask, database, owner, other):
    village, harbour = [await factories.dataset(database, person.id) for person in (owner, other)]
    for dataset, name, fields in [
        (village, "Roofs", {}),
        (village, "Sheds", {"base_model": BaseModel.YOLO_V8_V1}),
        (harbour, "Boats", {"status": ModelStatus.PUBLISHED}),
    ]:
        await factories.model(database, dataset, name=name, **fields)
    assert await names(ask, "models") == ["Roofs", "Sheds", "Boats"]
    assert await names(ask, "models(status: PUBLISHED)") == ["Boats"]
    assert await names(ask, "models(baseModel: YOLO_V8_V1)") == ["Sheds"]
    assert await names(ask, f'models(datasetId: "{ids.encode(village)}")') == ["Roofs", "Sheds"]
    assert await names(ask, f'models(userId: "{ids.encode(other.user)}")') == ["Boats"]
    assert await names(ask, 'models(search: "oA")') == ["Boats"]
    assert await names(ask, f'models(datasetId: "{ids.encode(harbour)}", search: "roofs")') == []


async def test_trainings_are_filtered(ask, database, owner):
    dataset = await factories.dataset(database, owner.id)
    one, two = [await factories.model(database, dataset) for _ in range(2)]
    failed = await factories.training(database, one, status=TrainingStatus.FAILED)
    running = await factories.training(database, one, status=TrainingStatus.RUNNING)
    await factories.training(database, two, status=TrainingStatus.RUNNING)
    document = """query ($model: ID!) {
        failed: trainings(status: FAILED) { nodes { id } totalCount }
        running: trainings(status: RUNNING) { totalCount }
        ofOne: trainings(modelId: $model) { nodes { id } }
        runningOfOne: trainings(modelId: $model, status: RUNNING) { nodes { id } }
    }"""
    failed, running = {"id": ids.encode(failed)}, {"id": ids.encode(running)}
    assert await ask(document, model=ids.encode(one)) == {
        "failed": {"nodes": [failed], "totalCount": 1},
        "running": {"totalCount": 2},
        "ofOne": {"nodes": [running, failed]},
        "runningOfOne": {"nodes": [running]},
    }


@pytest.fixture
async def predictions(database, owner):
    """One that everybody may see and one that is the owner's."""
    training = await factories.training(
        database, await factories.model(database, await factories.dataset(database, owner.id))
    )
    shown = await factories.prediction(database, training, published=True, status=TrainingStatus.FINISHED)
    hidden = await factories.prediction(database, training)
    for prediction in (shown, hidden):
        await factories.feature(database, prediction)
        await factories.artifact(database, prediction_id=prediction.id, name="predictions.geojson")
    return shown, hidden


async def test_predictions_are_ones_own_and_the_published(ask, owner, other, staff, predictions):
    document = """{
        predictions { nodes { id features { totalCount } artifacts { totalCount } } totalCount }
        published: predictions(published: true) { totalCount }
        unpublished: predictions(published: false) { totalCount }
        submitted: predictions(status: SUBMITTED) { totalCount }
    }"""
    shown, hidden = [
        {"id": ids.encode(prediction), "features": {"totalCount": 1}, "artifacts": {"totalCount": 1}}
        for prediction in predictions
    ]
    for viewer in (owner, staff):
        assert await ask(document, viewer=viewer) == {
            "predictions": {"nodes": [hidden, shown], "totalCount": 2},
            "published": {"totalCount": 1},
            "unpublished": {"totalCount": 1},
            "submitted": {"totalCount": 1},
        }
    for viewer in (other, None):
        assert await ask(document, viewer=viewer) == {
            "predictions": {"nodes": [shown], "totalCount": 1},
            "published": {"totalCount": 1},
            "unpublished": {"totalCount": 0},
            "submitted": {"totalCount": 0},
        }


async def test_notifications_are_the_viewers_alone(ask, database, owner, other, staff):
    for person, is_read in [(owner, True), (owner, False), (other, False)]:
        await factories.notification(database, person.id, is_read=is_read)
    document = """{
        notifications { totalCount }
        read: notifications(isRead: true) { totalCount }
        unread: notifications(isRead: false) { nodes { isRead user { username } } }
    }"""
    assert await ask(document, viewer=owner) == {
        "notifications": {"totalCount": 2},
        "read": {"totalCount": 1},
        "unread": {"nodes": [{"isRead": False, "user": {"username": "owner"}}]},
    }
    assert (await ask(document, viewer=staff))["notifications"] == {"totalCount": 0}
    assert (await ask("{ notifications { totalCount } }")).codes == ["UNAUTHENTICATED"]
