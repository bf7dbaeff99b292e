"""Files that clients send: who may use one, for what, and what becomes of those that nobody uses."""

import os
import time

import pytest

from app.errors import Invalid, Unauthenticated
from app.gateways import storage
from app.policies import Viewer
from app.security.signing import Seal
from app.services.system.files import uploads
from app.settings import settings


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    return tmp_path


@pytest.fixture
def link(database, owner):
    """Gives a link of the owner's."""

    async def link(**changes):
        given = {"use": "avatar", "media_type": "image/png", "bytes": 5, "bytes_max": 100}
        async with database.writing() as session:
            return await uploads.upload_link(session, Viewer(owner.id), **given | changes)

    return link


async def send(api, made, content=b"hello"):
    return await api.put(made.url, content=content, headers={"Content-Type": made.media_type})


async def test_what_was_sent_to_the_link_can_be_used(api, owner, link):
    made = await link()
    assert (await send(api, made)).status_code == 201
    found = await uploads.uploaded(Viewer(owner.id), made.upload, use="avatar")
    assert (found.media_type, found.size_bytes) == ("image/png", 5)
    assert await storage.get(found.key) == b"hello"


async def test_more_than_was_announced_is_refused_on_its_way(api, owner, link):
    made = await link(bytes=4)
    assert (await send(api, made)).status_code == 413
    with pytest.raises(Invalid, match="Nothing was uploaded"):
        await uploads.uploaded(Viewer(owner.id), made.upload, use="avatar")


@pytest.mark.parametrize(("bytes", "most"), [(0, 100), (101, 100), (10**10, 10**11)])
async def test_a_link_is_for_a_bounded_size(link, bytes, most):
    with pytest.raises(Invalid, match="Use a number"):
        await link(bytes=bytes, bytes_max=most)


async def test_an_upload_is_its_senders_and_for_one_use(api, owner, other, link):
    made = await link()
    await send(api, made)
    for viewer, use in ((Viewer(other.id), "avatar"), (Viewer(owner.id), "labels")):
        with pytest.raises(Invalid, match="belongs to another user"):
            await uploads.uploaded(viewer, made.upload, use=use)
    with pytest.raises(Unauthenticated):
        await uploads.uploaded(Viewer(), made.upload, use="avatar")


@pytest.mark.parametrize("forged", ["", "x", "WzEsMl0.c2lnbmF0dXJl"])
async def test_a_name_that_was_not_given_is_none(forged):
    with pytest.raises(Invalid, match="not a valid upload"):
        await uploads.uploaded(Viewer(1), forged, use="avatar")


async def test_what_was_sealed_for_something_else_names_no_upload():
    token = Seal("storage.uploads").dumps([1, "avatar", "uploads/x", "image/png", 5])
    with pytest.raises(Invalid, match="not a valid upload"):
        await uploads.uploaded(Viewer(1), token, use="avatar")


async def test_a_store_that_takes_too_much_is_found_out(owner, link):
    made = await link()
    key = Seal("uploaded").loads(made.upload)[2]
    await storage.put(key, b"six bytes")
    with pytest.raises(Invalid, match="9 bytes"):
        await uploads.uploaded(Viewer(owner.id), made.upload, use="avatar")


async def test_what_nobody_uses_is_forgotten_after_a_while(database, home):
    for name in ("old", "new"):
        await storage.put(f"uploads/{name}", b"1")
        await storage.put(f"arriving/{name}", b"1")
        await storage.put(f"trainings/{name}", b"1")
    long_ago = time.time() - settings.uploads_kept_hours * 3_600 - 60
    for file in home.rglob("old"):
        os.utime(file, (long_ago, long_ago))
    await uploads.prune_uploads(database)
    left = {str(file.relative_to(home / "files")) for file in (home / "files").rglob("*") if file.is_file()}
    assert left == {"uploads/new", "arriving/new", "trainings/new", "trainings/old"}
