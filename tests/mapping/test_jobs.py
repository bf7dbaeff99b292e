"""The jobs that fetch: labels from OpenStreetMap, and imagery that does not come."""

import pytest
from sqlalchemy import select

from app.gateways.fakes import village
from app.models.mapping.datasets import AOI, DownloadStatus, Label, LabelOrigin
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.system import Job, JobState, UserNotification
from app.settings import settings
from resolvers import ids
from tests import factories

AREA = village.TRAINING_AREAS[2]
TRUTH = {
    (house.osm_type, house.osm_id): house.tags
    for house in village.footprints(AREA.bounds)
    if house.geometry.intersects(AREA)
}


@pytest.fixture
async def aoi(database, owner):
    return await factories.aoi(database, await factories.dataset(database, owner.id), geom=AREA)


async def labels(database, origin: LabelOrigin) -> list[Label]:
    async with database.reading() as session:
        return list(await session.scalars(select(Label).where(Label.origin == origin).order_by(Label.id)))


async def told(database) -> list[str]:
    async with database.reading() as session:
        return list(await session.scalars(select(UserNotification.message).order_by(UserNotification.id)))


async def test_openstreetmaps_buildings_become_labels(ask, change, database, owner, aoi, outside, work):
    await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
    assert (await work()).state is JobState.DONE
    fetched = await labels(database, LabelOrigin.OSM)
    assert len(fetched) == len(TRUTH) > 5
    assert {label.osm_id for label in fetched} == {osm_id for _, osm_id in TRUTH}
    assert {label.osm_type for label in fetched} <= {"way", "relation"}
    answer = await ask(
        "query ($id: ID!) { aoi(id: $id) { labelStatus labelFetched labelError labels { totalCount } } }",
        id=ids.encode(aoi),
    )
    assert answer["aoi"].pop("labelFetched") is not None
    assert answer["aoi"] == {"labelStatus": "DOWNLOADED", "labelError": None, "labels": {"totalCount": len(TRUTH)}}
    assert await told(database) == [f"{len(TRUTH)} labels were fetched for area {aoi.id}."]


async def test_fetching_again_replaces_what_was_fetched_and_nothing_else(change, database, owner, aoi, outside, work):
    kept = [await factories.label(database, aoi, origin=origin) for origin in (LabelOrigin.UPLOAD, LabelOrigin.DRAWN)]
    gone = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=5, osm_type="way")
    for _ in range(2):
        await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
        await work()
    fetched = await labels(database, LabelOrigin.OSM)
    assert len(fetched) == len(TRUTH)
    assert gone.id not in {label.id for label in fetched}
    for label in kept:
        assert [found.id for found in await labels(database, label.origin)] == [label.id]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("404", "answered 404"),
        ("500", "answered 500"),
        ("html", "is not GeoJSON"),
        ("garbage", "is not GeoJSON"),
        ("never", "did not answer within 1 s"),
        ("slow", "did not answer within 1 s"),
        ("huge", "sent more than"),
    ],
)
async def test_labels_that_do_not_come_leave_the_old_ones_and_a_reason(
    ask, change, database, owner, aoi, broken, work, monkeypatch, mode, reason
):
    monkeypatch.setattr(settings, "osm_features_url", f"{broken}/{mode}/v1")
    old = await factories.label(database, aoi, origin=LabelOrigin.OSM, osm_id=5, osm_type="way")
    await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
    job = await work()
    assert job.state is JobState.FAILED
    assert reason in job.error
    answer = await ask("query ($id: ID!) { aoi(id: $id) { labelStatus labelError } }", id=ids.encode(aoi))
    assert answer["aoi"] == {"labelStatus": "NOT_DOWNLOADED", "labelError": job.error}
    assert [label.id for label in await labels(database, LabelOrigin.OSM)] == [old.id]
    assert await told(database) == [f"The labels of area {aoi.id} could not be fetched. {job.error}"]
    again = await change("fetchOsmLabels", "labelStatus labelError", viewer=owner, aoiId=ids.encode(aoi))
    assert (again["labelStatus"], again["labelError"]) == ("RUNNING", None)


async def test_a_failure_does_not_make_fetched_labels_unfetched(
    change, database, owner, aoi, broken, work, monkeypatch
):
    await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
    await work()
    monkeypatch.setattr(settings, "osm_features_url", f"{broken}/404/v1")
    await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
    await work()
    async with database.reading() as session:
        kept = await session.get_one(AOI, aoi.id)
    assert (kept.label_status, kept.label_error is None) == (DownloadStatus.DOWNLOADED, False)
    assert len(await labels(database, LabelOrigin.OSM)) == len(TRUTH)


async def test_an_outage_that_may_heal_is_tried_again_later(change, database, owner, aoi, broken, work, monkeypatch):
    monkeypatch.setattr(settings, "osm_features_url", f"{broken}/500/v1")
    monkeypatch.setattr(settings, "job_attempts_max", 3)
    await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
    job = await work()
    assert (job.state, job.attempt) == (JobState.QUEUED, 1)
    assert job.available_at > job.created_at
    async with database.reading() as session:
        assert (await session.get_one(AOI, aoi.id)).label_status is DownloadStatus.RUNNING
    assert await told(database) == []


async def test_more_labels_than_a_dataset_may_hold_fail_in_words(
    change, database, owner, aoi, outside, work, monkeypatch
):
    monkeypatch.setattr(settings, "labels_per_dataset_max", 3)
    await change("fetchOsmLabels", viewer=owner, aoiId=ids.encode(aoi))
    assert (await work()).error == "This dataset has reached the limit for labels."
    assert await labels(database, LabelOrigin.OSM) == []


@pytest.fixture
async def model(database, owner):
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset, geom=AREA))
    return await factories.model(database, dataset)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("404", "answered 404"),
        ("403", "answered 403"),
        ("500", "answered 500"),
        ("html", "sent text/html instead of a picture"),
        ("garbage", "is not a picture"),
        ("never", "did not answer within 1 s"),
        ("slow", "did not answer within 1 s"),
        ("huge", "sent more than"),
        ("redirect-private", "could not be reached at a public address"),
    ],
)
async def test_imagery_that_does_not_come_fails_the_training_in_words(
    ask, change, database, owner, model, broken, work, happened, monkeypatch, mode, reason
):
    template = f"{broken}/{mode}/{{z}}/{{x}}/{{y}}.png"
    started = await change(
        "startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[18, 19], sourceImagery=template
    )
    job = await work()
    assert job.state is JobState.FAILED
    document = "query ($id: ID!) { training(id: $id) { status failure startedAt finishedAt job { state error } } }"
    training = (await ask(document, id=started["id"]))["training"]
    assert (training["status"], training["job"]["state"]) == ("FAILED", "FAILED")
    assert reason in training["failure"]
    assert training["failure"] == training["job"]["error"]
    assert training["startedAt"] < training["finishedAt"]
    key = ids.key(started["id"], Training)
    statuses = [said["status"] for said in await happened(f"training:{key}") if "status" in said]
    assert statuses == ["SUBMITTED", "RUNNING", "FAILED"]
    assert await told(database) == [
        f"Your training {key} has started.",
        f"Your training {key} failed. {training['failure']}",
    ]
    again = await change("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[18])
    assert again["__typename"] == "Training"


async def test_a_training_that_is_tried_again_is_said_to_start_once(
    change, database, owner, model, broken, work, monkeypatch
):
    monkeypatch.setattr(settings, "job_attempts_max", 3)
    template = f"{broken}/500/{{z}}/{{x}}/{{y}}.png"
    await change("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[18], sourceImagery=template)
    starts = set()
    for _ in range(settings.job_attempts_max):
        async with database.writing() as session:
            for job in await session.scalars(select(Job)):
                job.available_at = job.created_at
        await work()
        async with database.reading() as session:
            [training] = await session.scalars(select(Training))
        starts.add(training.started_at)
    assert training.status is TrainingStatus.FAILED
    assert len(starts) == 1
    assert [message.split(".")[0] for message in await told(database)] == [
        f"Your training {training.id} has started",
        f"Your training {training.id} failed",
    ]
