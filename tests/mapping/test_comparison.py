"""Trainings side by side, in one query."""

import pytest

from app.models.mapping.trainings import TrainingStatus
from app.services.mapping.trainings import lifecycle
from app.settings import settings
from resolvers import ids
from tests import factories

COMPARE = """query ($model: ID!, $ids: [ID!]) { compareTrainings(modelId: $model, trainingIds: $ids) {
    trainings { id learningCurve { bestEpoch epochs { number validationIou } } }
    metrics { name values best { id } }
    parameters { name values differs }
} }"""


def curve(*ious: float) -> dict:
    epochs = [
        {"number": number, "loss": 1.0, "validation_loss": 1.1, "validation_iou": iou, "seconds": 2.0}
        for number, iou in enumerate(ious, 1)
    ]
    return {"best_epoch": 1 + ious.index(max(ious)), "epochs": epochs}


@pytest.fixture
async def model(database, owner):
    return await factories.model(database, await factories.dataset(database, owner.id))


@pytest.fixture
async def trainings(database, model):
    """Two that are finished, and one that failed."""
    done = {"status": TrainingStatus.FINISHED, "precision": 0.5}
    return [
        await factories.training(database, model, **done, accuracy=50.0, f1=0.8, learning_curve=curve(0.4, 0.5)),
        await factories.training(database, model, status=TrainingStatus.FAILED),
        await factories.training(database, model, **done, accuracy=60.0, epochs=7, multimasks=True, f1=None),
    ]


async def compared(ask, model, *trainings) -> dict:
    keys = [ids.encode(training) for training in trainings] or None
    return (await ask(COMPARE, model=ids.encode(model), ids=keys))["compareTrainings"]


async def test_a_table_is_drawn_of_one_answer(ask, model, trainings):
    first, _, last = trainings
    table = await compared(ask, model)
    assert [column["id"] for column in table["trainings"]] == [ids.encode(first), ids.encode(last)]
    metrics = {metric["name"]: (metric["values"], metric["best"]) for metric in table["metrics"]}
    assert metrics["accuracy"] == ([50.0, 60.0], {"id": ids.encode(last)})
    assert metrics["f1"] == ([0.8, None], {"id": ids.encode(first)})
    assert metrics["precision"] == ([0.5, 0.5], {"id": ids.encode(first)})
    assert metrics["recall"] == ([None, None], None)
    parameters = {each["name"]: (each["values"], each["differs"]) for each in table["parameters"]}
    assert parameters["epochs"] == ([2, 7], True)
    assert parameters["zoom_level"] == ([[19], [19]], False)
    assert parameters["multimasks"] == ([False, True], True)
    assert parameters["input_boundary_width"] == ([None, 3], True)


async def test_learning_curves_come_with_it(ask, model, trainings):
    one, other = (await compared(ask, model))["trainings"]
    assert one["learningCurve"] == {
        "bestEpoch": 2,
        "epochs": [{"number": 1, "validationIou": 0.4}, {"number": 2, "validationIou": 0.5}],
    }
    assert other["learningCurve"] is None


async def test_some_are_chosen_and_others_are_not_there(ask, database, model, trainings, owner):
    first, failed, last = trainings
    assert [each["id"] for each in (await compared(ask, model, last))["trainings"]] == [ids.encode(last)]
    elsewhere = await factories.model(database, await factories.dataset(database, owner.id))
    foreign = await factories.training(database, elsewhere, status=TrainingStatus.FINISHED)
    for wrong in (failed, foreign):
        answer = await ask(COMPARE, model=ids.encode(model), ids=[ids.encode(first), ids.encode(wrong)])
        assert answer.codes == ["NOT_FOUND"]
    assert (await ask(COMPARE, model=ids.global_ids("Model")[10**9])).codes == ["NOT_FOUND"]


async def test_without_trainings_there_is_an_empty_table(ask, model):
    table = await compared(ask, model)
    assert table["trainings"] == []
    assert {tuple(metric["values"]) for metric in table["metrics"]} == {()}


async def test_no_more_than_so_many_are_compared(ask, model, trainings, monkeypatch):
    monkeypatch.setattr(settings, "trainings_compared_max", 1)
    _, _, last = trainings
    assert [each["id"] for each in (await compared(ask, model))["trainings"]] == [ids.encode(last)]
    keys = [ids.encode(training) for training in trainings]
    assert (await ask(COMPARE, model=ids.encode(model), ids=keys)).codes == ["BAD_REQUEST"]


async def test_a_curve_grows_with_each_epoch_and_a_later_attempt_writes_on_from_where_it_begins(ask, database, model):
    training = await factories.training(database, model, status=TrainingStatus.RUNNING)
    for number, iou in ((1, 0.5), (2, 0.7), (3, 0.6), (2, 0.65)):
        figures = {"number": number, "loss": 0.4, "validation_loss": None, "validation_iou": iou, "seconds": 1.0}
        async with database.writing() as session:
            await lifecycle.note_epoch(session, training.id, figures)
    query = "query ($id: ID!) { training(id: $id) { learningCurve { bestEpoch epochs { number validationIou } } } }"
    assert (await ask(query, id=ids.encode(training)))["training"]["learningCurve"] == {
        "bestEpoch": 2,
        "epochs": [{"number": 1, "validationIou": 0.5}, {"number": 2, "validationIou": 0.65}],
    }
