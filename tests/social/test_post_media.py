"""Pictures that posts show: drawn anew of what was sent, told with their words, and gone with the post."""

import asyncio
import os
import time
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select, update

from app.gateways import storage
from app.models.kinds.social import SocialJob
from app.models.social import Post
from app.models.system import Job, JobState
from app.services.social.posts import pictures
from app.settings import settings
from jobs import social  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt
from resolvers import ids
from tests import factories

SHOWN = "content type altText media { url small: url(size: SMALL) altText width height }"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    return tmp_path


def paths(home):
    # An empty folder may vanish meanwhile, which `rglob` does not bear.
    return sorted(Path(folder, name) for folder, _, names in os.walk(home / "files") for name in names)


def files(home):
    return sorted(path.name for path in paths(home))


def pictures_in(home):
    return [path for path in paths(home) if path.suffix == ".webp"]


def picture(kind="JPEG", size=(2_000, 1_000), **how):
    """A picture, red in its left half and blue in its right."""
    image = Image.new("RGB", size, "blue")
    image.paste("red", (0, 0, size[0] // 2, size[1]))
    file = BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


@pytest.fixture
def send(api, change):
    """Sends a picture; answers with its `upload`."""

    async def send(person, content, media_type="image/jpeg"):
        link = await change("requestPostUpload", "upload url", viewer=person, mediaType=media_type, bytes=len(content))
        sent = await api.put(link["url"], content=content, headers={"Content-Type": media_type})
        assert sent.status_code == 201
        return link["upload"]

    return send


async def removals(database) -> list[Job]:
    async with database.reading() as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def kept(database, made) -> Post:
    async with database.reading() as session:
        return await session.get_one(Post, ids.key(made["id"], Post))


async def test_a_picture_is_shown_with_its_words_in_two_sizes(api, change, send, home, owner):
    sent = await send(owner, picture())
    made = await change("createPost", SHOWN, viewer=owner, type="MEDIA", upload=sent, altText=" A red roof. ")
    media = made["media"]
    assert (media["altText"], media["width"], media["height"]) == ("A red roof.", 1_600, 800)
    for url, size in ((media["url"], (1_600, 800)), (media["small"], (400, 200))):
        shown = await api.get(url)
        assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
        image = Image.open(BytesIO(shown.content))
        assert (image.format, image.size) == ("WEBP", size)
        left, right = (image.convert("RGB").getpixel((x, 9)) for x in (9, size[0] - 9))
        assert (left[0] > 200, right[2] > 200) == (True, True)
    assert files(home) == ["1600.webp", "400.webp"]


@pytest.mark.parametrize(
    ("kind", "media_type"), [("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif"), ("JPEG", "image/jpeg")]
)
async def test_small_pictures_stay_small_whatever_they_were_sent_as(change, send, owner, kind, media_type):
    sent = await send(owner, picture(kind, (30, 20)), media_type)
    made = await change("createPost", SHOWN, viewer=owner, content="Look!", upload=sent)
    assert (made["media"]["width"], made["media"]["height"], made["media"]["altText"]) == (30, 20, None)


async def test_where_a_picture_was_taken_is_kept_from_everybody(change, send, home, owner):
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "secret garden"  # on its side
    sent = await send(owner, picture(exif=exif, comment=b"secret garden"))
    made = await change("createPost", SHOWN, viewer=owner, upload=sent)
    assert (made["media"]["width"], made["media"]["height"]) == (800, 1_600)
    for path in pictures_in(home):
        content = path.read_bytes()
        assert b"secret" not in content
        assert not Image.open(BytesIO(content)).getexif()


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"<svg/>", picture("PNG"), picture(size=(3_000, 300))])
async def test_what_is_no_picture_or_too_large_makes_no_post(refuse, send, home, owner, monkeypatch, content):
    monkeypatch.setattr(settings, "picture_pixels_max", 800_000)
    sent = await send(owner, content or b"\0")
    answer = await refuse("createPost", viewer=owner, content="Look!", upload=sent)
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "upload")
    assert not pictures_in(home)


async def test_a_picture_that_moves_is_refused(refuse, send, owner):
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    sent = await send(owner, file.getvalue(), "image/gif")
    refused = await refuse("createPost", viewer=owner, content="Look!", upload=sent)
    assert refused["message"] == "This picture is animated. Send one that is not."


async def test_only_pictures_of_so_many_bytes_are_taken(refuse, owner):
    answer = await refuse("requestPostUpload", viewer=owner, mediaType="image/svg+xml", bytes=9)
    assert answer["field"] == "mediaType"
    answer = await refuse(
        "requestPostUpload", viewer=owner, mediaType="image/png", bytes=settings.picture_bytes_max + 1
    )
    assert answer["field"] == "bytes"
    assert (await refuse("requestPostUpload", viewer=None, mediaType="image/png", bytes=9))["code"] == "UNAUTHENTICATED"


async def test_nobody_shows_what_another_sent_or_what_was_shown_already(change, refuse, send, owner, other):
    sent = await send(owner, picture())
    assert (await refuse("createPost", viewer=other, content="Mine", upload=sent))["field"] == "upload"
    await change("createPost", viewer=owner, upload=sent)
    assert (await refuse("createPost", viewer=owner, upload=sent))["field"] == "upload"


async def test_an_upload_is_shown_once_even_if_its_file_is_still_there(change, refuse, send, owner, late_removal):
    sent = await send(owner, picture())
    made = await change("createPost", SHOWN, viewer=owner, upload=sent)
    assert (await refuse("createPost", viewer=owner, upload=sent))["field"] == "upload"
    assert (await refuse("editPost", viewer=owner, id=made["id"], upload=sent))["field"] == "upload"


async def test_what_was_sent_for_a_post_that_is_refused_can_be_sent_again(change, refuse, send, home, owner):
    sent = await send(owner, picture())
    answer = await refuse("createPost", viewer=owner, content="x" * 501, upload=sent)
    assert answer["field"] == "content"
    assert len(files(home)) == 1
    made = await change("createPost", SHOWN, viewer=owner, content="x" * 500, upload=sent)
    assert made["media"] is not None


async def test_another_picture_or_none_sends_the_one_before_away(change, refuse, database, send, home, owner):
    made = await change("createPost", SHOWN, viewer=owner, upload=await send(owner, picture()))
    first = await kept(database, made)
    made = await change("editPost", SHOWN, viewer=owner, id=made["id"], upload=await send(owner, picture(size=(9, 6))))
    assert (made["media"]["width"], made["media"]["height"]) == (9, 6)
    assert (await refuse("editPost", viewer=owner, id=made["id"], upload=None))["field"] == "content"
    second = await kept(database, made)
    made = await change("editPost", SHOWN, viewer=owner, id=made["id"], upload=None, content="Gone")
    assert made["media"] is None
    found = [(job.kind, job.subject_id, job.state) for job in await removals(database)]
    assert found == [(SocialJob.REMOVE_PICTURE, int(post.media_key), JobState.QUEUED) for post in (first, second)]
    for job in await removals(database):
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
    assert [job.state for job in await removals(database)] == [JobState.DONE] * 2
    assert files(home) == []


async def test_a_picture_goes_with_its_post(change, database, send, owner, other):
    made = await change("createPost", viewer=owner, upload=await send(owner, picture()))
    post = await kept(database, made)
    await factories.post(database, other.id, parent=post)
    deleted = await change("deletePost", f"post {{ {SHOWN} }}", viewer=owner, id=made["id"])
    assert deleted["post"]["media"] is None
    [job] = await removals(database)
    assert (job.kind, job.subject_id, job.user_id) == (SocialJob.REMOVE_PICTURE, int(post.media_key), owner.id)


async def test_pictures_that_no_post_shows_go_after_a_while(change, database, send, home, owner):
    made = await change("createPost", viewer=owner, upload=await send(owner, picture()))
    post = await kept(database, made)
    await storage.put("pictures/1/400.webp", b"left")
    await pictures.prune_pictures(database)
    assert len(files(home)) == 3
    long_ago = time.time() - settings.uploads_kept_hours * 3_600 - 60
    for path in pictures_in(home):
        os.utime(path, (long_ago, long_ago))
    await pictures.prune_pictures(database)
    assert files(home) == ["1600.webp", "400.webp"]
    async with database.writing() as session:
        await session.execute(update(Post).where(Post.id == post.id).values(media_key=None))
    await pictures.prune_pictures(database)
    assert files(home) == []


async def test_a_reported_picture_is_kept_for_staff_until_they_decide(
    api, ask, change, send, home, database, owner, other, staff
):
    made = await change("createPost", viewer=owner, type="MEDIA", upload=await send(owner, picture()))
    reported = await change("report", "evidenceUrl", viewer=other, id=made["id"], reason="SEXUAL")
    assert reported["evidenceUrl"] is None
    await change("deletePost", viewer=owner, id=made["id"])
    assert await removals(database) == []
    for name in files(home):
        [path] = home.rglob(name)
        os.utime(path, (0, 0))
    await pictures.prune_pictures(database)
    document = "query ($id: ID!) { node(id: $id) { ... on Report { evidenceUrl } } }"
    url = (await ask(document, viewer=staff, id=reported["id"]))["node"]["evidenceUrl"]
    assert (await api.get(url)).status_code == 200
    await change("resolveReport", viewer=staff, id=reported["id"], action="DISMISS")
    assert (await ask(document, viewer=staff, id=reported["id"]))["node"] == {"evidenceUrl": None}
    await pictures.prune_pictures(database)
    assert files(home) == []
