"""A job on an AI Manager, over a real socket: started once, followed to its end, nothing lost and nothing doubled."""

import httpx
import pytest
from sqlalchemy import func, select, update

from app.gateways.fakes.ai_manager import LOGIN, PASSWORD, FakeManager
from app.models.wildlife.ai_jobs import AIClassificationJob, AIJobBatch, AIJobOutcome, UserRemoteTask
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.models.wildlife.providers import TrapperAIProvider
from app.settings import settings
from jobs.wildlife import ai_jobs
from resolvers import ids
from tests.servers import serving
from tests.wildlife import ai, factories

BOX = [0.1, 0.2, 0.3, 0.4]


@pytest.fixture
def manager():
    return FakeManager(ai.one_animal)


@pytest.fixture
def there(manager, monkeypatch, tmp_path):
    """The manager behind a socket, the only private host that may be asked."""
    with serving(manager) as server:
        for name, value in {"outside_hosts_allowed": [server.host], "home": tmp_path, "ai_poll_s": 0.01}.items():
            monkeypatch.setattr(settings, name, value)
        yield server


@pytest.fixture
async def season(database, owner, there):
    """A classification project with three pictures and a synced detector."""
    return await ai.season(database, owner, there.url)


async def start(change, season, viewer, **config):
    return await change(
        "startAiClassification",
        "stage totalCount",
        viewer=viewer,
        collectionId=ids.encode(season.collection),
        providerId=ids.encode(season.provider),
        **config,
    )


@pytest.fixture
def follow(database):
    """One look of a worker after every job that is due or waiting."""
    return lambda: ai.follow(database)


async def state(database):
    async with database.reading() as session:
        job = (await session.scalars(select(AIClassificationJob))).one()
        task = (await session.scalars(select(UserRemoteTask))).one()
        outcomes = (await session.scalars(select(AIJobOutcome).order_by(AIJobOutcome.resource_id))).all()
        rows = await session.scalar(
            select(func.count()).where(Classification.classification_type == ClassificationType.AI)
        )
    return job, task, [outcome.outcome.value for outcome in outcomes], rows


async def test_a_job_runs_to_its_end(change, database, owner, season, manager, follow):
    started = await start(change, season, owner)
    assert (started["stage"], started["totalCount"]) == ("CREATED", 3)
    await follow()
    await manager.work()
    await follow()
    job, task, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("DONE", ["OK"] * 3, 3)
    assert (job.ok_count, job.failed_count, job.foreign_count) == (3, 0, 0)
    assert task.status.value == "RUNNING" or task.finished_at is not None
    assert set(job.stage_history) == {"CREATED", "SUBMITTED", "RUNNING", "FETCH_RESULTS", "PARSING", "DONE"} - (
        set() if "RUNNING" in job.stage_history else {"RUNNING"}
    )
    async with database.reading() as session:
        attrs = (await session.scalars(select(ClassificationDynamicAttrs))).all()
    assert [each.bboxes for each in attrs] == [BOX] * 3
    assert {each.observation_type.value for each in attrs} == {"ANIMAL"}


async def test_what_was_submitted_names_all_it_needs_and_no_secret(change, owner, season, manager, follow):
    await start(change, season, owner, minimumConfidence=0.4)
    await follow()
    [batch] = manager.batches.values()
    assert batch.submitted["model_id"] == str(season.provider.remote_id)
    assert batch.submitted["config"]["minimum_confidence"] == 0.4
    assert [each["id"] for each in batch.submitted["resources"]] == [str(each.id) for each in season.media]
    assert PASSWORD not in str(batch.submitted)


async def test_only_admins_start_jobs(change, database, other, season, unchanged):
    async with unchanged():
        refused = await start(change, season, other)
    assert refused["code"] == "NOT_FOUND"
    await factories.member(database, season.project, other.id)
    async with unchanged():
        refused = await start(change, season, other)
    assert refused["code"] == "FORBIDDEN"


async def test_a_connection_is_its_owners_unless_shared(change, database, owner, other, season):
    theirs = await factories.ai_provider_connection(database, other.id)
    provider = await factories.ai_provider(database, theirs)
    refused = await start(change, season._replace(provider=provider), owner)
    assert refused["code"] == "FORBIDDEN"


async def test_a_collection_is_classified_once_at_a_time(change, owner, season):
    await start(change, season, owner)
    refused = await start(change, season, owner)
    assert refused["code"] == "CONFLICT"


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"minimumConfidence": 1.5}, "minimumConfidence"),
        ({"iouThreshold": -0.1}, "iouThreshold"),
        ({"videoFps": 0}, "videoFps"),
        ({"tracker": {"params": {}}}, "tracker"),
        ({"tracker": {"type": "greedy_iou", "params": {"iou_min": 2}}}, "tracker"),
        ({"tracker": {"type": "x", "params": {"a": {"b": {"c": {"d": {"e": 1}}}}}}}, "tracker"),
        ({"depth": {"enabled": 1}}, "depth"),
    ],
)
async def test_a_config_out_of_bounds_is_refused(refuse, owner, season, config, field):
    refused = await refuse(
        "startAiClassification",
        viewer=owner,
        collectionId=ids.encode(season.collection),
        providerId=ids.encode(season.provider),
        **config,
    )
    assert refused["field"] == field


async def test_a_lost_answer_to_a_start_is_asked_about_and_begun_once(change, database, owner, season, manager, follow):
    manager.faults.lost_starts = 1
    await start(change, season, owner)
    await follow()
    job, task, _, _ = await state(database)
    assert (job.stage.value, task.failures) == ("CREATED", 1)
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("DONE", ["OK"] * 3, 3)
    assert list(manager.begun.values()) == [1]


async def test_a_manager_that_forgets_is_given_the_batch_again(change, database, owner, season, manager, follow):
    await start(change, season, owner)
    await follow()
    manager.restart()
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("DONE", ["OK"] * 3, 3)
    assert job.fence == 2


async def test_a_manager_that_always_forgets_ends_the_job(change, database, owner, season, manager, follow):
    await start(change, season, owner)
    for _ in range(settings.ai_submissions_max + 2):
        await follow()
        manager.restart()
    job, _, outcomes, _ = await state(database)
    assert (job.stage.value, outcomes) == ("FAILED", ["FAILED"] * 3)
    assert job.failure == "The AI Manager forgot it several times."


@pytest.mark.parametrize("answer", [(500, None), (503, "7"), (429, "7")])
async def test_a_manager_in_trouble_is_asked_again_later(change, database, owner, season, manager, follow, answer):
    manager.faults.answers = [answer]
    await start(change, season, owner)
    await follow()
    _, task, _, _ = await state(database)
    assert (task.failures, task.last_error) == (1, f"The AI Manager answered {answer[0]}.")
    async with database.reading() as session:
        wait = await session.scalar(select(func.extract("epoch", UserRemoteTask.next_poll_at - func.now())))
    assert (wait > 5) == (answer[1] is not None)
    await follow()
    await manager.work()
    await follow()
    job, task, outcomes, _ = await state(database)
    assert (job.stage.value, outcomes, task.last_error) == ("DONE", ["OK"] * 3, None)


@pytest.mark.parametrize("status", [400, 401, 403, 422])
async def test_a_refusal_is_final(change, database, owner, season, manager, follow, status):
    manager.faults.answers = [(status, None)]
    await start(change, season, owner)
    await follow()
    job, task, outcomes, _ = await state(database)
    assert (job.stage.value, outcomes, task.next_poll_at) == ("FAILED", ["FAILED"] * 3, None)
    assert job.failure == f"The AI Manager refused the job ({status})."


async def test_a_batch_that_never_ends_ends_here(change, database, owner, season, manager, follow):
    manager.faults.never_ends = True
    await start(change, season, owner)
    await follow()
    async with database.writing() as session:
        await session.execute(update(AIJobBatch).values(submitted_at=func.now() - ai.TWO_DAYS))
    await follow()
    job, _, outcomes, _ = await state(database)
    assert (job.stage.value, outcomes) == ("FAILED", ["FAILED"] * 3)
    assert job.failure == "The AI Manager did not finish within 24 hours."
    assert manager.cancelled == list(manager.batches)


async def test_results_for_media_nobody_sent_change_nothing(change, database, owner, season, manager, follow):
    manager.faults.foreign_results = 2
    await start(change, season, owner)
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows, job.foreign_count) == ("DONE", ["OK"] * 3, 3, 2)


@pytest.mark.parametrize("fault", ["huge_results", "broken_results"])
async def test_results_that_cannot_be_read_fail_the_job_and_no_worker(
    change, database, owner, season, manager, follow, fault
):
    setattr(manager.faults, fault, True)
    await start(change, season, owner)
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("FAILED", ["FAILED"] * 3, 0)
    assert job.failure.startswith("The results cannot be read")


async def test_results_of_an_earlier_start_change_nothing(change, database, owner, season, manager, follow):
    manager.faults.old_fence = True
    await start(change, season, owner)
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("FAILED", ["FAILED"] * 3, 0)


async def test_one_medium_fails_alone(change, database, owner, season, manager, follow):
    manager.faults.fails_resources = frozenset({str(season.media[1].id)})
    await start(change, season, owner)
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("DONE", ["OK", "FAILED", "OK"], 2)


async def test_a_cancelled_job_ends_at_once_and_the_manager_is_told(
    change, refuse, database, owner, season, manager, follow
):
    id = (await start(change, season, owner))["id"]
    await follow()
    cancelled = await change("cancelAiClassification", "stage", viewer=owner, id=id)
    assert cancelled["stage"] == "CANCELLED"
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("CANCELLED", [], 0)
    assert manager.cancelled == list(manager.batches)
    assert (await refuse("cancelAiClassification", viewer=owner, id=id))["code"] == "CONFLICT"


async def test_results_are_written_again_on_request(change, database, owner, season, manager, follow):
    id = (await start(change, season, owner))["id"]
    await follow()
    await manager.work()
    await follow()
    again = await change("reparseAiResults", "stage okCount", viewer=owner, id=id)
    assert (again["stage"], again["okCount"]) == ("FETCH_RESULTS", 0)
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("DONE", ["OK"] * 3, 3)


async def test_a_part_fetched_twice_is_written_once(change, database, owner, season, manager, follow):
    await start(change, season, owner)
    await follow()
    await manager.work()
    await follow()
    async with database.writing() as session:
        await session.execute(update(AIJobBatch).values(parts_done=[], status="RUNNING"))
        await session.execute(update(AIClassificationJob).values(stage="RUNNING"))
        await session.execute(update(UserRemoteTask).values(next_poll_at=func.now()))
    await follow()
    _, _, outcomes, rows = await state(database)
    assert (outcomes, rows) == (["OK"] * 3, 3)


async def test_media_that_were_classified_before_are_skipped_on_request(
    change, database, owner, season, manager, follow
):
    await start(change, season, owner)
    await follow()
    await manager.work()
    await follow()
    async with database.writing() as session:
        await session.execute(AIClassificationJob.__table__.delete())
        await session.execute(UserRemoteTask.__table__.delete())
    await start(change, season, owner, overwrite="SKIP_EXISTING")
    await follow()
    await manager.work()
    await follow()
    job, _, outcomes, rows = await state(database)
    assert (job.stage.value, outcomes, rows) == ("DONE", ["SKIPPED"] * 3, 3)


async def test_a_sync_creates_updates_and_deactivates(change, database, owner, season, manager):
    connection = ids.encode(season.connection)
    manager.models = [manager.models[0] | {"name": "MegaDetector 6"}]
    await change("syncAiModels", viewer=owner, id=connection)
    await ai.work(database, ai_jobs.sync_ai_models)
    report = await ai.report(database)
    assert report == {
        "created": [],
        "updated": ["MegaDetector 6"],
        "deactivated": [],
        "unresolvedLabels": [],
        "refused": [],
    }
    manager.models = []
    await change("syncAiModels", viewer=owner, id=connection)
    await ai.work(database, ai_jobs.sync_ai_models)
    assert (await ai.report(database))["deactivated"] == ["MegaDetector 6"]
    async with database.reading() as session:
        [provider] = await session.scalars(select(TrapperAIProvider))
    assert not provider.is_active


async def test_links_lead_the_manager_to_the_media(change, database, api, owner, season, manager, follow):
    await start(change, season, owner)
    await follow()
    [batch] = manager.batches.values()
    path = httpx.URL(batch.submitted["resources"][0]["url"]).path
    assert path.startswith("/files/")
    assert (await api.get(path)).status_code in {200, 404}  # the medium of this test has no file
    assert LOGIN not in path
