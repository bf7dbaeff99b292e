"""A training that continues another: refused where it could not go well, and begun with what was learned."""

import asyncio

import pytest
from shapely.affinity import translate
from sqlalchemy import select

from app.database import ReadSession
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import AOI, DownloadStatus, LabelOrigin
from app.models.mapping.feedback import FeedbackAOI, Review
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.system import Job
from app.services.mapping.trainings.inputs import plan_of
from resolvers import ids
from tests import factories
from tests.factories import SQUARE

WEIGHTS = "trainings/1/1/checkpoint.safetensors"
FIELDS = """status description zoomLevel epochs batchSize freezeLayers sourceImagery parentTraining { id }
    model { id } job { kind }"""
EAST = translate(SQUARE, 0.002, 0)


@pytest.fixture
async def dataset(database, owner):
    dataset = await factories.dataset(database, owner.id, offset=[10.0, 0.0])
    await factories.label(database, await factories.aoi(database, dataset))
    return dataset


@pytest.fixture
async def parent(database, dataset):
    """A finished training whose weights are kept."""
    model = await factories.model(database, dataset)
    training = await factories.training(
        database, model, status=TrainingStatus.FINISHED, multimasks=True, input_contact_spacing=5
    )
    await factories.artifact(database, training_id=training.id, storage_key=WEIGHTS)
    return training


async def correction(database, of, *, review=Review.APPROVED, labelled=True, **fields) -> FeedbackAOI:
    reviewed_at = None if review is Review.PENDING else of.created_at
    given = {"geom": EAST, "review": review, "reviewed_at": reviewed_at, **fields}
    area = await factories.feedback_aoi(database, of, **given)
    if labelled:
        await factories.feedback_label(database, area, geom=translate(factories.HOUSE, 0.002, 0))
    return area


async def test_a_training_is_continued_with_what_suits_corrections(change, database, owner, parent):
    await correction(database, parent)
    started = await change("startFeedbackTraining", FIELDS, viewer=owner, trainingId=ids.encode(parent))
    async with database.reading() as session:
        made = (await session.scalars(select(Training).order_by(Training.id.desc()).limit(1))).one()
        job = (await session.scalars(select(Job))).one()
    assert started == {
        "__typename": "Training",
        "id": ids.encode(made),
        "status": "SUBMITTED",
        "description": f"Feedback of training {parent.id}",
        "zoomLevel": [19, 20],
        "epochs": 20,
        "batchSize": 4,
        "freezeLayers": True,
        "sourceImagery": parent.source_imagery,
        "parentTraining": {"id": ids.encode(parent)},
        "model": started["model"],
        "job": {"kind": "TRAIN"},
    }
    assert (made.multimasks, made.input_contact_spacing) == (True, 5)
    assert (job.kind, job.subject_id, made.job_id) == (MappingJob.TRAIN, made.id, job.id)
    assert made.centroid.x == pytest.approx(12.0015)


WRONG = [
    ("epochs", 0),
    ("epochs", 21),
    ("batchSize", 0),
    ("batchSize", 9),
    ("zoomLevel", [18]),
    ("zoomLevel", [19, 22]),
    ("zoomLevel", []),
    ("description", "x" * 501),
]


@pytest.mark.parametrize(("field", "value"), WRONG, ids=str)
async def test_a_wrong_value_is_named_before_anything_runs(refuse, database, owner, parent, field, value):
    await correction(database, parent)
    refused = await refuse("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent), **{field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_only_the_models_owner_and_staff_continue_a_training(
    change, refuse, database, owner, other, staff, parent
):
    await correction(database, parent)
    id = ids.encode(parent)
    assert (await refuse("startFeedbackTraining", trainingId=id))["code"] == "UNAUTHENTICATED"
    assert (await refuse("startFeedbackTraining", viewer=other, trainingId=id))["code"] == "FORBIDDEN"
    assert (await refuse("startFeedbackTraining", viewer=owner, trainingId=id[:-2]))["code"] == "NOT_FOUND"
    assert (await change("startFeedbackTraining", viewer=staff, trainingId=id))["__typename"] == "Training"


NOT_YET = [
    ({"review": Review.PENDING}, "No correction of this training is approved (1 are drawn). Approve one first."),
    ({"review": Review.REJECTED}, "No correction of this training is approved (1 are drawn). Approve one first."),
    ({"labelled": False}, "1 of the approved corrections still need labels. Fetch or draw them first."),
    (
        {"label_status": DownloadStatus.RUNNING},
        "1 of the approved corrections still need labels. Fetch or draw them first.",
    ),
    (
        {"source_imagery": "https://other.example.org/{z}/{x}/{y}.png"},
        "1 of the approved corrections use other imagery than the training. Reject them first.",
    ),
]


@pytest.mark.parametrize(("fields", "message"), NOT_YET, ids=[str(fields)[:40] for fields, _ in NOT_YET])
async def test_corrections_that_cannot_be_learned_from_are_said_at_once(
    refuse, database, owner, parent, fields, message
):
    await correction(database, parent, **fields)
    refused = await refuse("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent))
    assert (refused["__typename"], refused["message"]) == ("Conflict", message)


async def test_without_any_correction_nothing_is_continued(refuse, owner, parent):
    refused = await refuse("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent))
    assert refused["message"] == "No correction of this training is approved (0 are drawn). Approve one first."


async def test_an_area_fetched_and_found_empty_can_be_learned_from(change, database, owner, parent):
    await correction(database, parent, labelled=False, label_status=DownloadStatus.DOWNLOADED)
    started = await change("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent))
    assert started["__typename"] == "Training"


@pytest.mark.parametrize("status", [TrainingStatus.SUBMITTED, TrainingStatus.RUNNING, TrainingStatus.FAILED])
async def test_only_what_finished_is_continued(refuse, database, owner, parent, status):
    await correction(database, parent)
    async with database.writing() as session:
        (await session.get_one(Training, parent.id)).status = status
    refused = await refuse("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent))
    assert refused["message"] == "Only a finished training can be continued. Wait until it has finished."


async def test_weights_that_are_not_kept_continue_nothing(refuse, database, owner, parent):
    await correction(database, parent)
    async with database.writing() as session:
        (await session.get_one(Training, parent.id)).artifacts_deleted_at = parent.created_at
    refused = await refuse("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent))
    assert refused["message"] == "The weights of this training were deleted. Start a new training of the model."


async def test_a_model_has_one_unfinished_training_however_it_began(change, refuse, database, owner, parent):
    await correction(database, parent)
    id = ids.encode(parent)
    answers = await asyncio.gather(
        *(change("startFeedbackTraining", viewer=owner, trainingId=id) for _ in range(2)),
        change("startTraining", viewer=owner, modelId=ids.encode(factories.Model(id=parent.model_id)), zoomLevel=[19]),
    )
    assert sorted(answer.get("code", "") for answer in answers) == ["", "CONFLICT", "CONFLICT"]


async def test_a_training_that_is_being_continued_is_not_deleted(change, refuse, database, owner, parent):
    await correction(database, parent)
    await change("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent))
    refused = await refuse("deleteTraining", viewer=owner, id=ids.encode(parent))
    assert refused["message"] == "A training that continues this one is queued or running. Cancel it first."


async def plan(session: ReadSession, parent_id: int | None, model_id: int):
    return await plan_of(
        session,
        Training(
            model_id=model_id,
            parent_training_id=parent_id,
            source_imagery="",
            zoom_level=[19],
            epochs=1,
            batch_size=1,
            freeze_layers=True,
        ),
    )


async def test_a_worker_is_given_the_parents_weights_and_the_approved_corrections(database, parent):
    approved = await correction(database, parent)
    await correction(database, parent, review=Review.PENDING)
    await correction(database, parent, review=Review.REJECTED)
    async with database.reading() as session:
        first, continued = [await plan(session, id, parent.model_id) for id in (None, parent.id)]
    assert (first.initial_key, continued.initial_key) == (None, WEIGHTS)
    assert (len(first.aois), len(first.labels)) == (1, 1)
    assert [area.equals(approved.geom) for area in continued.aois] == [False, True]
    assert len(continued.labels) == 2


async def test_what_forebears_were_taught_is_taught_again(database, parent):
    await correction(database, parent)
    model = factories.Model(id=parent.model_id, user_id=parent.user_id)
    child = await factories.training(database, model, status=TrainingStatus.FINISHED, parent_training_id=parent.id)
    await correction(database, child)
    async with database.reading() as session:
        assert len((await plan(session, child.id, parent.model_id)).aois) == 3
        assert len((await plan(session, parent.id, parent.model_id)).aois) == 2


async def test_drawn_labels_end_where_they_were_drawn_and_fetched_ones_follow_the_offset(database, parent):
    area = await correction(database, parent, labelled=False)
    drawn = await factories.feedback_label(database, area)
    fetched = await factories.feedback_label(database, area, origin=LabelOrigin.OSM, osm_id=1, osm_type="way")
    async with database.reading() as session:
        made = await plan(session, parent.id, parent.model_id)
    _, before, as_mapped = [geom for geom, _ in made.labels]
    assert made.offset_m == [10.0, 0.0]
    assert translate(before, 10.0 / 111_319.4908, 0).equals_exact(drawn.geom, 1e-8)
    assert as_mapped.equals(fetched.geom)


async def test_what_was_copied_into_the_dataset_is_seen_once(change, database, owner, parent):
    area = await correction(database, parent)
    await change("copyFeedbackAoi", viewer=owner, id=ids.encode(area))
    async with database.reading() as session:
        made = await plan(session, parent.id, parent.model_id)
        assert len((await session.scalars(select(AOI))).all()) == len(made.aois) == 2
    assert len(made.labels) == 2
    assert (await change("startFeedbackTraining", viewer=owner, trainingId=ids.encode(parent)))["id"]
