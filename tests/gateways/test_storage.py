"""Files are kept whole under keys that stay below the root, and links lead to them for those who have one."""

import asyncio
import gc
import hashlib
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest
from starlette.applications import Starlette

from app.errors import Conflict, NotFound
from app.gateways import storage
from app.gateways.storage import StoredFile
from app.services.system.files.uploads import Upload
from app.settings import settings
from app.web.routes.files.stored_files import routes_of
from tests.servers import serving

PNG = {"filename": "curve.png", "media_type": "image/png"}


GIVEN: dict[str, Any] = {}
"""What tokens lead to here; who may use them is asked in tests/system/test_links.py."""


async def given(token):
    return GIVEN[token]


def leads_to(what: StoredFile | Upload) -> str:
    GIVEN[token := uuid4().hex] = what
    return f"/{'files' if isinstance(what, StoredFile) else 'uploads'}/{token}"


@pytest.fixture(scope="module")
def server():
    with serving(Starlette(routes=routes_of(given, given))) as running:
        yield running


@pytest.fixture
async def client(server):
    async with httpx.AsyncClient(base_url=server.url, timeout=60) as started:
        yield started


def files(tmp_path):
    return sorted(
        str(path.relative_to(tmp_path / "files")) for path in (tmp_path / "files").rglob("*") if path.is_file()
    )


async def drops(*pieces):
    for piece in pieces:
        yield piece


async def test_content_comes_back_as_it_was_put(tmp_path):
    (tmp_path / "source").write_bytes(b"from a file")
    await storage.put("trainings/7/a.bin", b"from memory")
    await storage.put("trainings/7/b.bin", tmp_path / "source")
    await storage.put("trainings/7/c.bin", drops(b"from a ", b"stream"))
    assert await storage.get("trainings/7/a.bin") == b"from memory"
    assert await storage.get("trainings/7/b.bin") == b"from a file"
    assert b"".join([piece async for piece in storage.stream("trainings/7/c.bin")]) == b"from a stream"
    assert await storage.size("trainings/7/b.bin") == 11
    await storage.download("trainings/7/a.bin", tmp_path / "new" / "copy")
    assert (tmp_path / "new" / "copy").read_bytes() == b"from memory"


async def test_what_breaks_off_leaves_nothing(tmp_path):
    async def breaking():
        yield b"half"
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await storage.put("half", breaking())
    assert files(tmp_path) == []


async def test_what_is_not_there_is_not_found(tmp_path):
    for asking in (storage.get("none"), storage.size("none"), storage.download("none", tmp_path / "copy")):
        with pytest.raises(NotFound):
            await asking
    assert not (tmp_path / "copy").exists()
    assert not await storage.exists("none")


async def test_whoever_leaves_a_download_leaves_no_file_open(tmp_path):
    await storage.put("large", b"." * 4_000_000)
    for steps in (*range(12), 20, 40, 80):
        going = asyncio.create_task(storage.download("large", tmp_path / "copy"))
        for _ in range(steps):
            await asyncio.sleep(0)
        for _ in range(3):  # a worker that stops does not wait for those who close up
            going.cancel()
            await asyncio.sleep(0)
        with suppress(asyncio.CancelledError):
            await going
    del going
    gc.collect()  # a file that was forgotten is a warning here, and so an error
    assert [path for path in tmp_path.iterdir() if path.is_file() and path.name != "copy"] == []


async def test_deleting_a_prefix_spares_its_namesakes(tmp_path):
    for key in ("t/1/a", "t/1/b/c", "t/10/a", "t/2"):
        await storage.put(key, b".")
    await storage.delete("t/1")
    await storage.delete("t/2")
    await storage.delete("t/3")
    assert files(tmp_path) == ["t/10/a"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../secret",
        "a/../../b",
        "a//b",
        "a/",
        ".hidden",
        "a/.b",
        "a\\b",
        "a\0b",
        "é",
        "a" * 501,
        "a\n",
    ],
)
async def test_a_key_that_could_lead_elsewhere_is_refused(key):
    with pytest.raises(ValueError, match="not a storage key"):
        await storage.put(key, b".")
    with pytest.raises(ValueError, match="not a storage key"):
        storage.local_path(key)


def test_content_names_itself(tmp_path):
    (tmp_path / "file").write_bytes(b"weights")
    name = hashlib.sha256(b"weights").hexdigest()
    assert storage.key_of(b"weights") == storage.key_of(tmp_path / "file") == f"sha256/{name[:2]}/{name}"


async def test_a_key_is_taken_once_even_by_two_at_once():
    outcomes = await asyncio.gather(
        *(storage.put_once("k", drops(b"%d" % number)) for number in range(8)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    assert all(isinstance(outcome, Conflict) for outcome in outcomes if outcome is not None)
    assert await storage.get("k") == b"%d" % outcomes.index(None)


async def test_a_link_serves_its_file_as_an_attachment(client):
    await storage.put("a/curve", b"0123456789")
    link = leads_to(StoredFile("a/curve", **PNG))
    whole = await client.get(link)
    assert (whole.status_code, whole.content) == (200, b"0123456789")
    assert whole.headers["content-type"] == "image/png"
    assert whole.headers["content-disposition"] == 'attachment; filename="curve.png"'
    assert whole.headers["x-content-type-options"] == "nosniff"
    assert whole.headers["cache-control"] == "private, no-cache"
    head = await client.head(link)
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "10")
    part = await client.get(link, headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.content) == (206, b"234")


async def test_a_file_name_cannot_become_a_header(client):
    await storage.put("a", b".")
    reply = await client.get(leads_to(StoredFile("a", '../x"\r\nSet-Cookie: a=b', "text/html")))
    assert reply.status_code == 200
    assert "set-cookie" not in reply.headers
    assert "/" not in reply.headers["content-disposition"]


async def test_a_link_leads_nowhere_once_its_file_is_gone(client):
    await storage.put("a", b".")
    link = leads_to(StoredFile("a", **PNG))
    assert (await client.get(link)).status_code == 200
    await storage.delete("a")
    assert (await client.get(link)).status_code == 404


async def test_an_upload_is_taken_once(client):
    link = leads_to(Upload("in/1", 20, "application/geo+json"))
    headers = {"Content-Type": "application/geo+json; charset=utf-8"}
    first = await client.put(link, content=b"{}", headers=headers)
    assert (first.status_code, first.json()) == (201, {"bytes": 2})
    second = await client.put(link, content=b"[]", headers=headers)
    assert second.status_code == 409
    assert await storage.get("in/1") == b"{}"


async def test_an_empty_upload_is_an_empty_file(client):
    link = leads_to(Upload("in/1", 20, "text/csv"))
    assert (await client.put(link, headers={"Content-Type": "text/csv"})).json() == {"bytes": 0}


@pytest.mark.parametrize("chunked", [True, False])
async def test_an_upload_larger_than_agreed_leaves_nothing(client, tmp_path, chunked):
    link = leads_to(Upload("in/1", 1_000_000, "image/png"))
    content = drops(*[bytes(100_000)] * 11) if chunked else bytes(1_100_000)
    reply = await client.put(link, content=content, headers={"Content-Type": "image/png"})
    assert reply.status_code == 413
    assert reply.json()["errors"][0]["extensions"]["code"] == "LIMIT_REACHED"
    assert files(tmp_path) == []


async def test_an_upload_of_another_type_leaves_nothing(client, tmp_path):
    link = leads_to(Upload("in/1", 100, "image/png"))
    reply = await client.put(link, content=b"GIF89a", headers={"Content-Type": "image/gif"})
    assert reply.status_code == 415
    assert files(tmp_path) == []


async def test_an_upload_that_stalls_is_left(client, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "upload_s_max", 0.3)
    release = asyncio.Event()

    async def stalling():
        yield b"first"
        await release.wait()

    link = leads_to(Upload("in/1", 100, "image/png"))
    sending = asyncio.create_task(client.put(link, content=stalling(), headers={"Content-Type": "image/png"}))
    await asyncio.sleep(2)
    release.set()
    assert (await sending).status_code == 408
    assert files(tmp_path) == []


@pytest.fixture
def bucket(monkeypatch):
    for name, value in {"ACCESS_KEY_ID": "id", "SECRET_ACCESS_KEY": "secret", "REGION": "eu-north-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    monkeypatch.setattr(settings, "storage_url", "s3://bucket/fieldgraph")


@pytest.mark.usefixtures("bucket")
def test_an_object_store_signs_its_own_addresses():
    link, upload = urlsplit(storage.presigned_download("a/b")), urlsplit(storage.presigned_upload("a/b"))
    assert link.path == upload.path == "/bucket/fieldgraph/a/b"
    lasts = [parse_qs(each.query)["X-Amz-Expires"] for each in (link, upload)]
    assert lasts == [[str(settings.file_redirect_s)], [str(settings.file_link_s)]]
    assert storage.local_path("a/b") is None


@pytest.mark.usefixtures("bucket")
async def test_a_link_shows_the_way_on_to_an_object_store_for_a_minute(client):
    link = leads_to(StoredFile("a/b", **PNG))
    signatures = set()
    for method in ("GET", "HEAD"):
        reply = await client.request(method, link)
        assert (reply.status_code, reply.headers["cache-control"]) == (307, "no-store")
        to = urlsplit(reply.headers["location"])
        assert (to.path, parse_qs(to.query)["X-Amz-Expires"]) == ("/bucket/fieldgraph/a/b", ["60"])
        signatures |= set(parse_qs(to.query)["X-Amz-Signature"])
    assert len(signatures) == 2


def test_a_folder_signs_nothing():
    assert storage.presigned_download("a") is storage.presigned_upload("a") is None


def test_a_store_that_cannot_sign_is_refused(monkeypatch):
    monkeypatch.setattr(settings, "storage_url", "memory:///")
    with pytest.raises(TypeError, match="can sign links"):
        storage.presigned_download("a")
