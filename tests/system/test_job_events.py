"""The first event of a subscription to a job says how things stand, in every domain, and with sensible figures."""

import pytest
from graphql import get_named_type

from app.models.automl.works import Work
from app.models.mapping.trainings import TrainingStatus
from app.models.system import JobState
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobStage
from app.models.wildlife.exchange import (
    ExchangeStatus,
    WildlifeExport,
    WildlifeExportFormat,
    WildlifeImport,
    WildlifeImportFormat,
)
from app.models.wildlife.uploads import MediaReading
from app.services.system import jobs
from app.services.system.jobs import Progress
from app.tabular.choices import WorkKind, WorkStatus
from resolvers.ids import encode
from schema import schema
from tests import factories
from tests.silence import until
from tests.system.clients import connected
from tests.wildlife import classifying

CORE = schema._schema
# As no code of ours would write them now, but older code did.
STANDS = {"progress": 0.876543, "stage": "training", "message": "Epoch 7 of 8.", "eta_s": 12.3456}
SAID = {"progress": 0.8765, "stage": "training", "message": "Epoch 7 of 8.", "etaS": 12.3}
OF_OUTCOMES = {"mediaReadingUpdated", "aiClassificationJobUpdated"}
"""Their progress is the share of media with an outcome."""


def of_jobs():
    """The subscriptions whose events tell progress, with their types' fields."""
    fields = CORE.subscription_type.fields.items()
    told = {name: get_named_type(field.type).fields for name, field in fields}
    return {name: fields for name, fields in told.items() if "progress" in fields}


JOBS = of_jobs()


async def training(database, owner, **fields):
    dataset = await factories.dataset(database, owner.id)
    return await factories.training(database, await factories.model(database, dataset), **fields)


async def prediction(database, owner, **fields):
    return await factories.prediction(database, await training(database, owner), **fields)


async def inspection(database, owner, **fields):
    return await factories.inspection(database, await factories.dataset(database, owner.id), **fields)


async def work(database, owner, **fields):
    machine = await factories.machine(database, owner.id)
    told = {name: value for name, value in STANDS.items() if name != "message"}
    row = Work(machine_id=machine.id, user_id=owner.id, kind=WorkKind.TRAINING, best_score=0.5, **told, **fields)
    return await factories.add(database, row)


async def wildlife_import(database, owner, **fields):
    at = await classifying.season(database, owner.id)
    brought = {"research_project_id": at.research.id, "format": WildlifeImportFormat.CAMTRAP_DP, "files": {}}
    return await factories.add(
        database, WildlifeImport(user_id=owner.id, dry_run=False, keep_good=False, **brought, **fields)
    )


async def wildlife_export(database, owner, **fields):
    at = await classifying.season(database, owner.id)
    given = {"classification_project_id": at.project.id, "format": WildlifeExportFormat.COCO}
    return await factories.add(database, WildlifeExport(user_id=owner.id, **given, **fields))


async def media_reading(database, owner, **fields):
    at = await classifying.season(database, owner.id)
    read = {"total": 3, "read": 2, "research_project_id": at.research.id}
    return await factories.add(database, MediaReading(user_id=owner.id, **read, **fields))


async def ai_job(database, owner, **fields):
    at = await classifying.season(database, owner.id)
    asked = {"ai_provider_id": at.provider.id, "project_id": at.project.id, "collection_id": at.link.id}
    done = {"total_count": 3, "ok_count": 1, "skipped_count": 1}
    return await factories.add(database, AIClassificationJob(user_id=owner.id, **asked, **done, **fields))


RUNNING = {
    "trainingUpdated": (training, {"status": TrainingStatus.RUNNING}, "status"),
    "predictionUpdated": (prediction, {"status": TrainingStatus.RUNNING}, "status"),
    "inspectionUpdated": (inspection, {"status": TrainingStatus.RUNNING}, "status"),
    "workUpdated": (work, {"status": WorkStatus.PROCESSING}, "status"),
    "wildlifeImportUpdated": (wildlife_import, {"status": ExchangeStatus.RUNNING}, "status"),
    "wildlifeExportUpdated": (wildlife_export, {"status": ExchangeStatus.RUNNING}, "status"),
    "mediaReadingUpdated": (media_reading, {}, "status"),
    "aiClassificationJobUpdated": (ai_job, {"stage": AIJobStage.RUNNING}, "stage"),
}


def following(name, shown, after=""):
    [argument] = [each for each in CORE.subscription_type.fields[name].args if each != "after"]
    variables = "$id: ID!, $after: String" if after else "$id: ID!"
    return f"subscription ({variables}) {{ {name}({argument}: $id, {after}) {{ {' '.join(shown)} }} }}"


async def first(live, viewer, name, row, shown):
    async with connected(live, viewer) as client:
        await client.subscribe(following(name, shown), id=encode(row))
        return await client.next()


async def test_the_first_event_says_how_every_job_stands(live, database, owner):
    assert JOBS.keys() == RUNNING.keys(), "say how a row of the new subscription is made"
    for name, (make, fields, state) in RUNNING.items():
        job = await factories.job(database, state=JobState.RUNNING, user_id=owner.id, **STANDS)
        given = {} if make is media_reading else {"job_id": job.id}
        row = await make(database, owner, **given, **fields)
        shown = {"cursor", "progress", "stage", "message", "etaS", state} & JOBS[name].keys()
        told = await first(live, owner, name, row, shown)
        assert None not in told.values(), (name, told)
        expected = {"progress": 0.6667, "message": SAID["message"]} if name in OF_OUTCOMES else SAID
        assert {field: told[field] for field in expected if field in told} == {
            field: value for field, value in expected.items() if field in told
        }, name


async def test_a_subscription_that_goes_on_does_not_read_how_its_job_stands(live, database, owner, monkeypatch):
    asked, standing = [], jobs.standing

    def noted(read, job_id, **named):
        asked.append(job_id)
        return standing(read, job_id, **named)

    monkeypatch.setattr(jobs, "standing", noted)
    for name in sorted(RUNNING.keys() - {"mediaReadingUpdated"}):
        make, fields, _ = RUNNING[name]
        job = await factories.job(database, state=JobState.RUNNING, user_id=owner.id, **STANDS)
        row = await make(database, owner, job_id=job.id, **fields)
        cursor = (await first(live, owner, name, row, {"cursor"}))["cursor"]
        assert asked == [job.id], name
        asked.clear()
        async with connected(live, owner) as client:
            await client.subscribe(following(name, {"cursor"}, "after: $after"), id=encode(row), after=cursor)
            await until(lambda: asked)
        assert asked == [None], name
        asked.clear()


@pytest.mark.parametrize(
    ("status", "progress"), [(TrainingStatus.FINISHED, 1.0), (TrainingStatus.FAILED, 0.8765)], ids=["done", "failed"]
)
async def test_what_has_ended_stands_where_it_ended(live, database, owner, status, progress):
    job = await factories.job(database, state=JobState.RUNNING, **STANDS)
    row = await training(database, owner, job_id=job.id, status=status)
    told = await first(live, owner, "trainingUpdated", row, {"status", "progress", "stage"})
    assert told == {"status": status.value, "progress": progress, "stage": "training"}


async def test_of_a_job_that_was_removed_only_whether_it_is_done_is_known(live, database, owner):
    for status, progress in ((TrainingStatus.FINISHED, 1.0), (TrainingStatus.FAILED, 0.0)):
        row = await training(database, owner, status=status)
        told = await first(live, owner, "trainingUpdated", row, {"progress", "stage", "etaS"})
        assert told == {"progress": progress, "stage": None, "etaS": None}


async def test_the_first_event_of_a_training_has_its_last_epoch(live, database, owner):
    epochs = [
        {"number": number, "loss": 0.5, "validation_loss": None, "validation_iou": 0.25, "seconds": 1.5}
        for number in (1, 2)
    ]
    job = await factories.job(database, state=JobState.RUNNING, **STANDS)
    for curve, shown in (({"best_epoch": 1, "epochs": epochs}, {"number": 2, "validationIou": 0.25}), (None, None)):
        row = await training(database, owner, job_id=job.id, status=TrainingStatus.RUNNING, learning_curve=curve)
        told = await first(live, owner, "trainingUpdated", row, {"epoch { number validationIou }"})
        assert told == {"epoch": shown}


async def test_what_a_viewer_of_a_published_prediction_receives_is_what_its_owner_receives(
    live, database, owner, other
):
    job = await factories.job(database, state=JobState.RUNNING, user_id=owner.id, **STANDS)
    row = await prediction(database, owner, job_id=job.id, published=True)
    shown = {"status", *SAID}
    told = await first(live, other, "predictionUpdated", row, shown)
    assert told == {"status": "SUBMITTED", **SAID} == await first(live, owner, "predictionUpdated", row, shown)


def test_progress_is_rounded_where_it_is_made():
    assert Progress(1 / 3, "fetching", "", 2 / 3) == Progress(0.3333, "fetching", "", 0.7)
    assert Progress(0.5, "fetching", "").eta_s is None
