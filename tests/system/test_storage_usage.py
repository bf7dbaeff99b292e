"""What is kept for an account has a limit: it is counted with the rows, and neither links nor work exceed it."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import psycopg
import pytest
from sqlalchemy import delete, update

from app.gateways import storage
from app.models.accounts import DataExport
from app.models.base import Base
from app.models.integrations import BulkQuery
from app.models.system import FileUpload
from app.models.wildlife.media import ResourceStatus
from app.operations import counters, stored_bytes
from app.operations.doctor import LOOKS, Ill
from app.services.system.files import uploads
from app.settings import settings
from jobs import wildlife  # noqa: F401 -- registers its jobs
from resolvers import ids
from tests import factories
from tests.system.test_quotas import LINKS
from tests.wildlife import factories as camera_traps
from tests.wildlife.media import archive, picture, sha256

# Columns that name files, but whose bytes are another row's.
COUNTED_ELSEWHERE = {
    "ai_providers": "a training of a species classifier counts its weights; operators add the others",
    "label_imports": "the file is an upload",
    "media_readings": "the archive is an upload",
    "reports": "the picture is a post's",
    "table_readings": "the table is an upload",
    "works": "the table to solve is an upload",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
def limit(monkeypatch):
    """Says how many bytes each account may keep."""

    def limit(bytes: int) -> None:
        monkeypatch.setattr(settings, "stored_bytes_per_account_max", bytes)

    return limit


@pytest.fixture
def used(ask):
    """The bytes that somebody's files use."""

    async def used(viewer) -> int:
        told = await ask("{ storageUsage { usedBytes } }", viewer=viewer)
        return int(told["storageUsage"]["usedBytes"])

    return used


@pytest.fixture
def connection(database_url):
    with psycopg.connect(database_url.replace("+psycopg", ""), autocommit=True) as connection:
        yield connection


async def link(change, viewer, bytes: int, name: str = "requestAvatarUpload") -> dict:
    return await change(name, "upload url bytesMax", viewer=viewer, bytes=bytes, **LINKS[name])


async def put(api, url: str, content: bytes, media_type: str = "image/png"):
    return await api.put(urlsplit(url).path, content=content, headers={"Content-Type": media_type})


def test_every_table_that_names_files_is_counted():
    naming = {
        table.name
        for table in Base.metadata.tables.values()
        if {"storage_key", "avatar_key", "media_key", "weights_key", "evidence_key"} & set(table.columns.keys())
    }
    assert naming - set(COUNTED_ELSEWHERE) == set(stored_bytes.SOURCES) - {"species_classifier_trainings"}


async def test_everybody_sees_their_own_usage_and_limit(ask, change, owner, other, limit):
    limit(100)
    assert "url" in await link(change, owner, 60)
    document = "{ storageUsage { usedBytes limitBytes } }"
    assert await ask(document, viewer=owner) == {"storageUsage": {"usedBytes": 60, "limitBytes": 100}}
    assert await ask(document, viewer=other) == {"storageUsage": {"usedBytes": 0, "limitBytes": 100}}
    stranger = await ask(document)
    assert (stranger, stranger.codes) == ({"storageUsage": None}, ["UNAUTHENTICATED"])


@pytest.mark.parametrize("name", LINKS)
async def test_no_link_is_given_beyond_the_limit(name, change, owner, other, used, limit, unchanged):
    limit(100)
    assert "url" in await link(change, owner, 60, name)
    async with unchanged():
        refused = await link(change, owner, 41, name)
    assert (refused["__typename"], refused["code"]) == ("InvalidInput", "INVALID_INPUT")
    assert refused["message"].startswith("With this, your files have 101 bytes; 100 are allowed. Delete media")
    assert "url" in await link(change, owner, 40, name)
    assert await used(owner) == 100
    assert "url" in await link(change, other, 100, name)


async def test_of_two_links_at_once_only_one_is_given(change, owner, used, limit):
    limit(100)
    given = await asyncio.gather(*(link(change, owner, 60) for _ in range(4)))
    assert sorted(each["__typename"] for each in given) == ["InvalidInput"] * 3 + ["UploadLink"]
    assert await used(owner) == 60


async def test_media_beyond_the_limit_get_no_link(database, change, owner, used, limit, unchanged):
    limit(100)
    project = await camera_traps.project(database, owner.id)

    async def request(path: str, content: bytes) -> dict:
        files = [{"path": path, "bytes": len(content), "sha256": sha256(content)}]
        return await change(
            "requestMediaUploads", "missing", viewer=owner, researchProjectId=ids.encode(project), files=files
        )

    assert (await request("a.jpg", b"a" * 60))["missing"] == 1
    async with unchanged():
        refused = await request("b.jpg", b"b" * 41)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "files")
    # The same request again is the same file.
    assert (await request("a.jpg", b"a" * 60))["missing"] == 1
    assert await used(owner) == 60


async def test_a_medium_that_is_replaced_before_it_is_read_is_kept_once(
    database, api, change, owner, used, eventually, tmp_path
):
    project = await camera_traps.project(database, owner.id)

    async def request(content: bytes) -> str:
        files = [{"path": "a.jpg", "bytes": len(content), "sha256": sha256(content)}]
        fields = "files { url }"
        of = {"researchProjectId": ids.encode(project), "files": files}
        return (await change("requestMediaUploads", fields, viewer=owner, **of))["files"][0]["url"]

    first, again = await request(b"first"), await request(b"first")
    assert (await put(api, first, b"first", uploads_type := "application/octet-stream")).status_code == 201
    second = await request(b"second")

    async def is_gone() -> bool:
        return [path for path in tmp_path.rglob("media/*/*") if path.is_file()] == []

    assert await eventually(is_gone)
    # The link of before leads nowhere any more.
    assert (await put(api, again, b"first", uploads_type)).status_code == 410
    assert (await put(api, second, b"second", uploads_type)).status_code == 201
    assert len([path for path in tmp_path.rglob("media/*/*") if path.is_file()]) == 1
    assert await used(owner) == 6


async def test_what_is_not_expected_any_more_when_it_has_arrived_is_not_kept(database, api, change, owner, tmp_path):
    url = (await link(change, owner, 5))["url"]

    async def slowly():
        yield b"he"
        async with database.writing() as session:
            await session.execute(delete(FileUpload))
        yield b"llo"

    answer = await api.put(urlsplit(url).path, content=slowly(), headers={"Content-Type": "image/png"})
    assert answer.status_code == 410
    assert [path for path in tmp_path.rglob("uploads/*") if path.is_file()] == []
    assert (await put(api, url, b"hello")).status_code == 410


async def test_a_picture_counts_as_long_as_it_is_worn(api, change, owner, used, tmp_path):
    content = picture()
    made = await change("requestAvatarUpload", "upload url", viewer=owner, bytes=len(content), mediaType="image/jpeg")
    assert (await put(api, made["url"], content, "image/jpeg")).status_code == 201
    assert await used(owner) == len(content)
    await change("setAvatar", viewer=owner, upload=made["upload"])
    assert await used(owner) == sum(path.stat().st_size for path in tmp_path.rglob("avatars/**/*.webp")) > 0
    await change("removeAvatar", viewer=owner)
    assert await used(owner) == 0


async def test_a_picture_counts_as_long_as_its_post_shows_it(api, change, owner, used, tmp_path):
    content = picture()
    made = await change("requestPostUpload", "upload url", viewer=owner, bytes=len(content), mediaType="image/jpeg")
    await put(api, made["url"], content, "image/jpeg")
    post = await change("createPost", "id", viewer=owner, content="A fox", upload=made["upload"])
    assert await used(owner) == sum(path.stat().st_size for path in tmp_path.rglob("pictures/**/*.webp")) > 0
    await change("editPost", viewer=owner, id=post["id"], upload=None)
    assert await used(owner) == 0


async def test_an_archive_of_media_counts_by_what_is_in_it(database, api, change, owner, used, work, limit, tmp_path):
    project = await camera_traps.project(database, owner.id)
    content = archive({"a.jpg": picture(), "b.jpg": picture(colour="red")})

    async def read() -> None:
        made = await change("requestMediaArchiveUpload", "upload url", viewer=owner, bytes=len(content))
        assert (await put(api, made["url"], content, "application/zip")).status_code == 201
        await change("readMedia", viewer=owner, researchProjectId=ids.encode(project), upload=made["upload"])
        await work()

    await read()
    kept = sum(path.stat().st_size for path in tmp_path.rglob("media/*/*") if path.is_file())
    assert await used(owner) == kept > 0
    limit(kept + len(content))
    project = await camera_traps.project(database, owner.id)
    await read()
    # The link was given; what came out of the archive was too much, and nothing of it is counted.
    assert await used(owner) == kept + len(content)


async def test_work_that_leaves_files_is_refused_at_the_limit(database, change, owner, limit, unchanged):
    dataset = await factories.dataset(database, owner.id)
    model = await factories.model(database, dataset)
    await factories.label(database, await factories.aoi(database, dataset))
    training = await factories.training(database, model, status="FINISHED")
    await factories.artifact(database, training_id=training.id, size_bytes=100)
    limit(100)
    async with unchanged():
        refused = await change("startTraining", viewer=owner, modelId=ids.encode(model), zoomLevel=[19], epochs=1)
    assert refused["code"] == "CONFLICT"
    assert refused["message"].startswith("Your files have 100 bytes; 100 are allowed.")


async def one_of_each(database, owner_id: int) -> int:
    """A row of every table with files; answers with their bytes."""
    project = await camera_traps.season(database, owner_id, (await factories.user(database, "helper")).user.id)
    stored = {"storage_key": "media/1/y", "size_bytes": 10, "previews_bytes": 5, "owner_id": owner_id}
    await camera_traps.resource(database, project, "IMG_0009.JPG", status=ResourceStatus.READ, **stored)
    model = await factories.model(database, await factories.dataset(database, owner_id))
    training = await factories.training(database, model)
    await factories.artifact(database, training_id=training.id, size_bytes=1_000)
    await factories.artifact(
        database, prediction_id=(await factories.prediction(database, training)).id, size_bytes=2_000
    )
    await factories.add(database, FileUpload(user_id=owner_id, storage_key="uploads/x", size_bytes=30_000))
    await factories.post(database, owner_id, media_key="1", media_bytes=400_000)
    await factories.add(database, DataExport(user_id=owner_id, storage_key="exports/x", size_bytes=5_000_000))
    query = BulkQuery(user_id=owner_id, document="{ datasets { nodes { id } } }", size_bytes=60_000_000)
    await factories.add(database, query)
    return 10 + 5 + 1_000 + 2_000 + 30_000 + 400_000 + 5_000_000 + 60_000_000


async def test_the_figure_follows_every_row(database, owner, other, used, connection):
    least = await one_of_each(database, owner.id)
    before = await used(owner)
    assert before >= least
    assert stored_bytes.miscounts(connection) == []
    connection.execute("UPDATE resources SET size_bytes = 20, previews_bytes = 7 WHERE name = 'IMG_0009.JPG'")
    assert await used(owner) == before + 12
    connection.execute("UPDATE resources SET owner_id = %s WHERE name = 'IMG_0009.JPG'", [other.id])
    assert (await used(owner), await used(other)) == (before - 15, 27)
    # An export whose file is gone keeps its row.
    connection.execute("UPDATE data_exports SET storage_key = NULL")
    assert stored_bytes.miscounts(connection) == []
    assert (await used(owner), await used(other)) == (before - 15 - 5_000_000, 27)
    connection.execute("UPDATE posts SET likes_count = likes_count + 1")
    assert stored_bytes.miscounts(connection) == []
    # What goes with the row above it is freed, too.
    connection.execute("DELETE FROM trainings")
    assert await used(owner) == before - 15 - 5_000_000 - 3_000
    for table in ("resources", "media_uploads", "file_uploads", "posts", "bulk_queries"):
        connection.execute(f"DELETE FROM {table}")
        assert stored_bytes.miscounts(connection) == []
    assert (await used(owner), await used(other)) == (0, 0)


async def test_two_who_add_and_remove_at_once_lose_nothing(database, owner, other, used, connection):
    async def add(number: int) -> None:
        people = (owner, other) if number % 2 else (other, owner)
        async with database.writing() as session:
            session.add_all(
                FileUpload(user_id=person.id, storage_key=f"uploads/{number}-{person.id}", size_bytes=number + 1)
                for person in people
            )
        if number % 3 == 0:
            async with database.writing() as session:
                await session.execute(delete(FileUpload).where(FileUpload.size_bytes == number + 1))

    await asyncio.gather(*map(add, range(8)))
    assert stored_bytes.miscounts(connection) == []
    assert await used(owner) == await used(other) == 2 + 3 + 5 + 6 + 8


async def test_a_wrong_figure_is_found_and_repaired(database, owner, used, connection, capsys):
    await one_of_each(database, owner.id)
    right = await used(owner)
    connection.execute("UPDATE storage_usage SET used_bytes = 7")
    with pytest.raises(Ill, match="the bytes of 1 accounts are wrong") as ill:
        LOOKS["usage"]()
    assert ill.value.remedy == "Run: fieldgraph counters"
    await asyncio.to_thread(counters.repair)
    assert f"storage_usage {owner.id}: used_bytes was 7, is {right}\n1 repaired.\n" in capsys.readouterr().out
    connection.execute("DELETE FROM storage_usage")
    await asyncio.to_thread(counters.repair)
    assert await used(owner) == right
    assert LOOKS["usage"]() == "the bytes kept for each account add up"


async def test_links_that_are_not_used_are_freed_when_they_are_over(database, api, change, owner, used):
    kept = await link(change, owner, 5)
    await link(change, owner, 60)
    assert (await put(api, kept["url"], b"hello")).status_code == 201
    await uploads.prune_uploads(database)
    assert await used(owner) == 65
    over = timedelta(seconds=settings.file_link_s + settings.upload_s_max + 1)
    async with database.writing() as session:
        await session.execute(update(FileUpload).values(created_at=FileUpload.created_at - over))
    await uploads.prune_uploads(database)
    # The link that was used keeps its bytes as long as there is its file.
    assert await used(owner) == 5
    [key] = [key async for key in storage.every()]
    await storage.delete(key)
    await uploads.prune_uploads(database)
    assert await used(owner) == 0
