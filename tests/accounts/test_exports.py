"""Archives of everything that is somebody's."""

import asyncio
import io
import tracemalloc
from datetime import UTC, datetime, timedelta
from zipfile import ZipFile

import orjson
import pytest
from sqlalchemy import func, insert, select, update

from app.gateways import storage
from app.models.accounts import DataExport, Profile, User
from app.models.kinds.accounts import AccountsJob, AccountsMail
from app.models.mapping.predictions import PredictedFeature
from app.models.system import AuditEntry, Job, JobState, Mail, UserNotification
from app.services.accounts.users import data_exports, personal_data
from app.services.system import jobs
from app.services.system import mail as mail_service
from app.settings import settings
from jobs import accounts as making  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt
from resolvers import ids
from tests import factories

EXPORT = """mutation { exportMyData {
    ... on DataExport { id link sizeBytes job { kind state } } ... on Problem { code message }
    ... on LimitReached { limit }
} }"""
EXPORTS = "{ dataExports { nodes { id link sizeBytes finishedAt expiresAt failure job { progress state } } } }"


@pytest.fixture
def work(database):
    """Works on the newest export once, and answers with its job as it is then."""

    async def work() -> Job:
        newest = select(Job).where(Job.kind == AccountsJob.EXPORT_DATA).order_by(Job.id.desc()).limit(1)
        async with database.reading() as session:
            job = (await session.scalars(newest)).one()
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
        async with database.reading() as session:
            return (await session.scalars(newest)).one()

    return work


async def archive_of(database) -> ZipFile:
    async with database.reading() as session:
        export = (await session.scalars(select(DataExport).order_by(DataExport.id.desc()).limit(1))).one()
    return ZipFile(io.BytesIO(await storage.get(export.storage_key)))


def lines(archive, name):
    return [orjson.loads(line) for line in archive.read(name).splitlines()]


def features(archive, name):
    return orjson.loads(archive.read(name))["features"]


async def exported(ask, viewer) -> dict:
    return (await ask(EXPORT, viewer=viewer))["exportMyData"]


async def told(database, user_id) -> list[str]:
    messages = select(UserNotification.message).where(UserNotification.user_id == user_id)
    async with database.reading() as session:
        return list(await session.scalars(messages.order_by(UserNotification.id)))


@pytest.fixture
async def rich(database, owner, other):
    """The owner, with something of most that one can have; and the other, whose things are none of the owner's."""
    for person in (owner, other):
        dataset = await factories.dataset(database, person.id, name=f"Village of {person.user.username}")
        label = await factories.label(database, await factories.aoi(database, dataset))
        training = await factories.training(database, await factories.model(database, dataset))
        prediction = await factories.prediction(database, training)
        await factories.feature(database, prediction)
        await factories.feedback(database, training)
        await factories.approved_prediction(database, training)
        await factories.team(database, person.id, name=f"Team of {person.user.username}")
    async with database.writing() as session:
        await session.execute(update(Profile).where(Profile.id == owner.id).values(avatar_key="picture"))
    await storage.put("avatars/picture/512.webp", b"a picture")
    return label


async def test_an_archive_is_asked_for_made_and_downloaded(ask, api, database, owner, work):
    asked = await exported(ask, owner)
    assert asked["job"] == {"kind": "EXPORT_DATA", "state": "QUEUED"}
    assert (asked["link"], asked["sizeBytes"]) == (None, None)
    assert (await work()).state is JobState.DONE
    [ready] = (await ask(EXPORTS, viewer=owner))["dataExports"]["nodes"]
    assert (ready["id"], ready["failure"]) == (asked["id"], None)
    assert ready["job"] == {"progress": 1.0, "state": "DONE"}
    finished, expires = (datetime.fromisoformat(ready[name]) for name in ("finishedAt", "expiresAt"))
    assert expires - finished == timedelta(days=settings.data_exports_kept_days)
    downloaded = await api.get(ready["link"])
    assert downloaded.status_code == 200
    assert downloaded.headers["content-type"] == "application/zip"
    assert len(downloaded.content) == ready["sizeBytes"]
    assert ZipFile(io.BytesIO(downloaded.content)).testzip() is None
    assert await told(database, owner.id) == ["Your data export is ready to download."]


async def test_everything_of_theirs_is_in_it_and_nothing_of_others(ask, database, owner, other, rich, work):
    await exported(ask, owner)
    await work()
    archive = await archive_of(database)
    for name in archive.namelist():
        assert b"Village of other" not in archive.read(name)
        assert b"other@fieldgraph.test" not in archive.read(name)
        assert factories.PASSWORD_HASH.encode() not in archive.read(name)
    [account] = lines(archive, "users.jsonl")
    assert (account["username"], account["email"]) == ("owner", "owner@fieldgraph.test")
    assert [dataset["name"] for dataset in lines(archive, "datasets.jsonl")] == ["Village of owner"]
    assert [team["name"] for team in lines(archive, "teams.jsonl")] == ["Team of owner"]
    for name in ("aois", "labels", "predictions", "predicted_features", "feedbacks", "approved_predictions"):
        [feature] = features(archive, f"{name}.geojson")
        assert feature["geometry"]["type"] == "Polygon"
    for name in ("profiles", "user_preferences", "sessions", "models", "trainings", "team_memberships"):
        assert len(lines(archive, f"{name}.jsonl")) == 1
    assert [entry["action"] for entry in lines(archive, "audit_entries.jsonl")] == ["exportMyData"]
    assert archive.read("files/avatars/picture/512.webp") == b"a picture"


async def test_it_says_what_is_in_it(ask, database, owner, rich, work):
    await exported(ask, owner)
    await work()
    archive = await archive_of(database)
    manifest = orjson.loads(archive.read("manifest.json"))
    assert manifest["username"] == "owner"
    said = {file["name"]: file for file in manifest["files"]}
    assert len(said) == len(personal_data.THEIRS)
    assert set(archive.namelist()) == {*said, "manifest.json", "README.txt", "files/avatars/picture/512.webp"}
    assert said["datasets.jsonl"]["rows"] == 1
    assert said["datasets.jsonl"]["fields"]["name"] == "The name, at most 50 characters."
    readme = archive.read("README.txt").decode()
    assert all(f"{name} ({file['rows']}): {file['about']}" in readme for name, file in said.items())


async def test_what_others_put_into_somebodys_dataset_is_in_it(ask, database, owner, other, work):
    aoi = await factories.aoi(database, await factories.dataset(database, owner.id), user_id=other.id)
    await factories.label(database, aoi, user_id=other.id)
    for person in (owner, other):
        await exported(ask, person)
        await work()
        archive = await archive_of(database)
        assert [len(features(archive, name)) for name in ("aois.geojson", "labels.geojson")] == [1, 1]


async def test_one_is_made_at_a_time(ask, database, owner, other, unchanged, work):
    await exported(ask, owner)
    async with unchanged():
        refused = await exported(ask, owner)
    assert (refused["code"], refused["message"]) == (
        "CONFLICT",
        "A data export is already running. Wait until it is ready.",
    )
    assert "job" in await exported(ask, other)


async def test_of_many_asked_for_at_once_one_is_made(ask, database, owner):
    answers = await asyncio.gather(*(exported(ask, owner) for _ in range(5)))
    assert sorted(answer.get("code", "made") for answer in answers) == ["CONFLICT"] * 4 + ["made"]
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).where(Job.kind == AccountsJob.EXPORT_DATA)) == 1


async def test_so_many_are_made_a_day(ask, database, owner, unchanged, work, monkeypatch):
    monkeypatch.setattr(settings, "data_exports_per_day_max", 2)
    for _ in range(2):
        await exported(ask, owner)
        await work()
    async with unchanged():
        refused = await exported(ask, owner)
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 2)
    async with database.writing() as session:
        await session.execute(update(DataExport).values(created_at=func.now() - timedelta(days=2)))
    assert "job" in await exported(ask, owner)


async def test_strangers_have_nothing_to_export_and_others_see_none_of_it(ask, owner, other, staff, unchanged, work):
    async with unchanged():
        assert (await ask(EXPORT)).codes == ["UNAUTHENTICATED"]
    assert (await ask(EXPORTS)).codes == ["UNAUTHENTICATED"]
    made = await exported(ask, owner)
    await work()
    for viewer in (other, staff):
        assert (await ask(EXPORTS, viewer=viewer))["dataExports"]["nodes"] == []
        found = await ask("query ($id: ID!) { node(id: $id) { id } }", viewer=viewer, id=made["id"])
        assert found.codes == ["NOT_FOUND"]


async def test_one_that_fails_says_why_and_another_may_be_asked_for(ask, database, owner, work, monkeypatch):
    async def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storage, "put", full)
    await exported(ask, owner)
    assert (await work()).state is JobState.QUEUED
    async with database.writing() as session:
        await session.execute(update(Job).values(available_at=Job.created_at))
    monkeypatch.setattr(settings, "job_setbacks_max", 1)
    assert (await work()).state is JobState.FAILED
    [failed] = (await ask(EXPORTS, viewer=owner))["dataExports"]["nodes"]
    assert failed["failure"].startswith("Internal error")
    assert failed["link"] is None
    assert (await told(database, owner.id))[0].startswith("Your data export failed. ")
    monkeypatch.undo()
    await exported(ask, owner)
    assert (await work()).state is JobState.DONE


async def test_one_that_is_cancelled_ends(ask, database, owner, work):
    await exported(ask, owner)
    async with database.writing() as session:
        await session.execute(update(Job).values(cancel_requested=True))
        [job] = await jobs.abandon(session)
        await WORKS[job.kind].give_up(session, job.subject_id, str(job.error))
    [ended] = (await ask(EXPORTS, viewer=owner))["dataExports"]["nodes"]
    assert ended["failure"] == "Cancelled."


async def test_a_mail_tells_whoever_has_proven_their_address(ask, database, owner, other, work):
    async with database.writing() as session:
        await session.execute(update(User).values(email_verified=User.id == owner.id))
    for person in (owner, other):
        await exported(ask, person)
        await work()
    async with database.writing() as session:
        [mail] = await session.scalars(select(Mail).where(Mail.kind == AccountsMail.DATA_EXPORT))
        letter = await mail_service.letter_of(session, mail.id)
        assert letter.address == "owner@fieldgraph.test"
        assert "http" not in letter.text.replace(settings.address, "")
        await session.execute(update(DataExport).values(expires_at=None))
    async with database.writing() as session:
        assert await mail_service.letter_of(session, mail.id) is None


async def test_archives_are_removed_when_their_time_is_over(ask, database, owner, other, work):
    keys = []
    for person in (owner, other):
        await exported(ask, person)
        await work()
        async with database.reading() as session:
            keys.append(await session.scalar(select(DataExport.storage_key).where(DataExport.user_id == person.id)))
    async with database.writing() as session:
        over = update(DataExport).where(DataExport.user_id == owner.id)
        await session.execute(over.values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    await data_exports.remove_old_exports(database)
    assert [await storage.exists(key) for key in keys] == [False, True]
    assert (await ask(EXPORTS, viewer=owner))["dataExports"]["nodes"] == []
    assert len((await ask(EXPORTS, viewer=other))["dataExports"]["nodes"]) == 1
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == other.id).values(anonymised_at=func.now()))
    await data_exports.remove_old_exports(database)
    assert not await storage.exists(keys[1])


async def test_memory_stays_flat_however_much_there_is(ask, database, owner, work):
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    prediction = await factories.prediction(database, training)
    feature = {"prediction_id": prediction.id, "confidence": 0.5, "area_m2": 86.0}
    shape = factories.SQUARE.buffer(0.001, quad_segs=64)
    peaks = []
    for count in (250, 750):
        async with database.writing() as session:
            await session.execute(insert(PredictedFeature), [feature | {"geom": shape}] * count)
        await exported(ask, owner)
        tracemalloc.start()
        assert (await work()).state is JobState.DONE
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    archive = await archive_of(database)
    assert len(features(archive, "predicted_features.geojson")) == 1_000
    assert peaks[1] < 1.5 * peaks[0]


async def test_it_is_kept_who_exported_what(ask, database, owner):
    made = await exported(ask, owner)
    async with database.reading() as session:
        entry = (await session.scalars(select(AuditEntry))).one()
    assert (entry.action, entry.actor_id, entry.user_id) == ("exportMyData", owner.id, owner.id)
    assert ids.decode(made["id"]) == (entry.subject_type, entry.subject_key)
