"""On a fresh machine there is AI without any manager: detect, name, cancel, and no file stops another's."""

import asyncio
import io
import json
import os
import signal

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import delete, select, update

from app.gateways import storage
from app.learning.networks import efficientnet
from app.learning.species.head import Head
from app.models.system import Job, JobState
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobOutcome, AIJobStage
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.providers import AIProviderType, LocalAIProvider, LocalEngine
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0, MEGADETECTOR_LITE
from jobs import wildlife as _jobs  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt
from resolvers import ids
from tests.factories import cursor_of_now
from tests.learning.animals import BEAST_BOX, beast
from tests.wildlife import factories
from tests.wildlife.classifying import by_ai, season, seen

JOB = """stage failure okCount skippedCount failedCount totalCount userRemoteTask { id } job { id state }
    outcomes { nodes { outcome reason } }"""


def jpeg(picture):
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=95)
    return file.getvalue()


@pytest.fixture
async def detector(database):
    """The row that the migration makes; tests begin without rows."""
    return await factories.local_detector(database)


@pytest.fixture
async def at(database, owner):
    """An animal, empty ground, and a file that is none."""
    made = await season(database, owner.id, media=3)
    for resource, content in zip(
        made.resources, (jpeg(beast()), jpeg(np.full((48, 64, 3), 120, np.uint8)), b"no picture"), strict=True
    ):
        await storage.put(f"media/{resource.id}", content)
        async with database.writing() as session:
            where = update(Resource).where(Resource.id == resource.id)
            await session.execute(where.values(storage_key=f"media/{resource.id}"))
    return made


@pytest.fixture
def work(database):
    """Works on the newest job until it has ended."""

    async def work():
        newest = select(Job).order_by(Job.id.desc()).limit(1)
        for _ in range(9):
            async with database.reading() as session:
                job = (await session.scalars(newest)).one()
            if job.state is not JobState.QUEUED:
                break
            await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
        return job

    return work


def start(change, owner, at, provider, **config):
    given = {"collectionId": ids.encode(at.link), "providerId": ids.encode(provider), **config}
    return change("startAiClassification", JOB, viewer=owner, **given)


async def ended(database):
    async with database.reading() as session:
        job = (await session.scalars(select(AIClassificationJob))).one()
        said = select(AIJobOutcome).order_by(AIJobOutcome.resource_id)
        return job, [(each.outcome.value, each.reason) for each in await session.scalars(said)]


async def rows_of(database, provider):
    sought = select(Classification).where(
        Classification.model_id == provider.id, Classification.classification_type == ClassificationType.AI
    )
    async with database.reading() as session:
        rows = list(await session.scalars(sought.order_by(Classification.resource_id)))
        attrs = select(ClassificationDynamicAttrs).where(
            ClassificationDynamicAttrs.classification_id.in_([row.id for row in rows])
        )
        return rows, list(await session.scalars(attrs.order_by(ClassificationDynamicAttrs.id)))


async def test_the_migration_lists_the_detector_with_its_licence(servers, clone_database):
    clone_database("fresh")
    with servers.connect("fresh") as connection:
        [row] = connection.execute("SELECT name, licence, model_file_hash, engine FROM ai_providers").fetchall()
    assert tuple(row) == ("MegadetectorLite", "MIT", MEGADETECTOR_LITE.sha256, "MEGADETECTOR_LITE")


async def test_animals_are_found_without_any_manager(change, database, owner, at, detector, work):
    begun = await start(change, owner, at, detector, minimumConfidence=0.25)
    assert (begun["stage"], begun["totalCount"], begun["userRemoteTask"]) == ("SUBMITTED", 3, None)
    assert (await work()).state is JobState.DONE
    job, outcomes = await ended(database)
    assert (job.stage, job.ok_count, job.skipped_count, job.failed_count) == (AIJobStage.DONE, 2, 0, 1)
    assert outcomes == [("OK", None), ("OK", None), ("FAILED", "The picture cannot be read.")]
    rows, [animal] = await rows_of(database, detector)
    assert [row.is_blank for row in rows] == [False, True]
    left, top, width, height = animal.bboxes
    assert [left, top, left + width, top + height] == pytest.approx([edge / 640 for edge in BEAST_BOX], abs=0.01)
    assert (animal.observation_type.name, animal.raw_label, animal.species_id) == ("ANIMAL", "animal", None)
    assert 0.4 < animal.classification_confidence < 0.6


async def test_what_the_engine_does_is_told_live(api, database, change, owner, at, detector, work):
    here = await cursor_of_now(database)
    begun = await start(change, owner, at, detector)
    assert (await work()).state is JobState.DONE
    document = f"""subscription {{ aiClassificationJobUpdated(id: "{begun["id"]}", after: "{here}") {{
        stage progress message }} }}"""
    headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {owner.token}"}
    answer = await api.post("/graphql", json={"query": document}, headers=headers)
    lines = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
    assert not [line for line in lines if "errors" in line]
    told = [line["data"]["aiClassificationJobUpdated"] for line in lines]
    assert [told[0]["stage"], told[-1]["stage"]] == ["SUBMITTED", "DONE"]
    assert told[-1] == {"stage": "DONE", "progress": 1.0, "message": None}
    said = [each for each in told if each["message"]]
    assert said
    assert {each["stage"] for each in said} == {"RUNNING"}


async def test_batches_are_turns_and_each_medium_is_written_once(
    change, database, owner, at, detector, work, monkeypatch
):
    monkeypatch.setattr(settings, "local_batch_media_max", 1)
    await start(change, owner, at, detector)
    assert (await work()).state is JobState.DONE
    job, outcomes = await ended(database)
    assert (job.stage, len(outcomes)) == (AIJobStage.DONE, 3)


async def test_a_machine_without_weights_says_so(refuse, ask, owner, at, detector, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "weights_folder", tmp_path)
    given = {"collectionId": ids.encode(at.link), "providerId": ids.encode(detector)}
    refused = await refuse("startAiClassification", viewer=owner, **given)
    assert (refused["code"], refused["message"]) == ("UNAVAILABLE", MEGADETECTOR_LITE.reason)
    listed = "{ aiProviders { nodes { name ... on LocalAIProvider { available reason licence engine } } } }"
    [found] = [each for each in (await ask(listed, viewer=owner))["aiProviders"]["nodes"] if "engine" in each]
    assert (found["available"], found["reason"]) == (False, MEGADETECTOR_LITE.reason)


async def test_a_job_that_is_cancelled_writes_nothing(change, database, owner, at, detector, work):
    begun = await start(change, owner, at, detector)
    cancelled = await change("cancelAiClassification", "stage", viewer=owner, id=begun["id"])
    assert cancelled["stage"] == "CANCELLED"
    assert (await work()).state is JobState.CANCELLED
    job, outcomes = await ended(database)
    assert (job.stage, outcomes) == (AIJobStage.CANCELLED, [])
    assert await rows_of(database, detector) == ([], [])


async def test_an_engine_that_is_killed_fails_the_job_in_words_and_writes_nothing(
    change, database, owner, at, detector, work, monkeypatch
):
    monkeypatch.setattr(settings, "job_setbacks_max", 0)
    await start(change, owner, at, detector)
    begin = asyncio.create_subprocess_exec

    async def killed(*command, **how):
        process = await begin(*command, **how)
        os.kill(process.pid, signal.SIGKILL)
        return process

    monkeypatch.setattr(asyncio, "create_subprocess_exec", killed)
    job = await work()
    assert job.state in {JobState.FAILED, JobState.QUEUED}
    assert await rows_of(database, detector) == ([], [])


# Naming


@pytest.fixture
async def classifier(database, at, owner, tmp_path):
    """A head that calls everything a fox, very sure or hardly."""

    async def made(sure):
        weight = np.zeros((efficientnet.FEATURES, 2), np.float32)
        classes = tuple(
            {"key": str(each.id), "name": each.scientific_name, "rank": "SPECIES", "lineage": []}
            for each in (at.fox, at.deer)
        )
        bias = np.array([np.log(sure / (1 - sure)), 0], np.float32)
        mean, deviation = np.zeros(efficientnet.FEATURES, np.float32), np.ones(efficientnet.FEATURES, np.float32)
        head = Head(mean, deviation, weight, bias, classes)
        head.save(tmp_path / "head", encoder=EFFICIENTNET_LITE0.sha256)
        key = f"classifiers/test/{sure}"
        await storage.put(key, tmp_path / "head")
        return await factories.ai_provider(
            database,
            kind=LocalAIProvider,
            name="Forest",
            provider_type=AIProviderType.CLASSIFICATION,
            engine=LocalEngine.SPECIES_HEAD,
            weights_key=key,
            research_project_id=at.research.id,
            user_id=owner.id,
        )

    return made


@pytest.mark.parametrize(("sure", "is_named"), [(0.9, True), (0.51, True)])
async def test_what_a_detector_found_gets_a_name_and_keeps_the_raw_one(
    change, database, owner, at, detector, classifier, work, sure, is_named
):
    named = await classifier(sure)
    await by_ai(database, at, 0, seen(None, bboxes=[0.2, 0.4, 0.5, 0.3]), provider=detector)
    await by_ai(database, at, 1, provider=detector)
    await start(change, owner, at, named)
    assert (await work()).state is JobState.DONE
    job, outcomes = await ended(database)
    assert outcomes == [
        ("OK", None),
        ("SKIPPED", "The detector found no animal."),
        ("SKIPPED", "No detector has looked at this medium. Run one first."),
    ]
    assert job.stage is AIJobStage.DONE
    _, [animal] = await rows_of(database, named)
    assert (animal.species_id == at.fox.id) is is_named
    assert animal.raw_label == at.fox.scientific_name
    assert animal.bboxes == [0.2, 0.4, 0.5, 0.3]
    assert animal.classification_confidence == pytest.approx(sure, abs=0.01)


async def test_a_classifier_of_another_project_is_not_there(refuse, database, other, at, classifier):
    named = await classifier(0.9)
    theirs = await season(database, other.id, media=1)
    given = {"collectionId": ids.encode(theirs.link), "providerId": ids.encode(named)}
    assert (await refuse("startAiClassification", viewer=other, **given))["code"] == "NOT_FOUND"


async def test_a_list_begins_with_what_would_settle_most(ask, database, owner, at, detector):
    await by_ai(database, at, 1, seen(None, classification_confidence=0.4), provider=detector)
    await by_ai(database, at, 2, seen(None, classification_confidence=0.95), provider=detector)
    listed = """query ($id: ID!) { classifications(classificationProjectId: $id, orderBy: MOST_INFORMATIVE) {
        nodes { informativeness } } }"""
    found = (await ask(listed, viewer=owner, id=ids.encode(at.project)))["classifications"]["nodes"]
    shown = [each["informativeness"] for each in found]
    assert shown == sorted(shown, reverse=True)
    assert len(found) == 3


async def test_deleting_a_research_project_takes_its_classifiers_along(database, at, classifier):
    named = await classifier(0.9)
    async with database.writing() as session:
        await session.execute(delete(type(at.research)).where(type(at.research).id == at.research.id))
    async with database.reading() as session:
        assert await session.get(LocalAIProvider, named.id) is None
