"""What people show of themselves: texts within bounds, and pictures of which only the pixels are kept."""

import asyncio
import os
import time
from base64 import b64decode
from io import BytesIO
from zlib import compress, crc32

import pytest
from PIL import Image
from sqlalchemy import select

from app.errors import Unavailable
from app.gateways import storage
from app.models.accounts import Profile, User
from app.models.system import AuditEntry
from app.services.accounts.users import profiles
from app.settings import settings
from resolvers.ids import encode
from tests import factories
from tests.parsing.hostile import png

PROFILE = "bio location website avatarUrl"
SHOWN = "query ($id: ID!) { user(id: $id) { profile { bio location website avatarUrl } } }"
URLS = "{ me { profile { small: avatarUrl(size: SMALL) middle: avatarUrl large: avatarUrl(size: LARGE) } } }"
REMOVE = "mutation { removeAvatar { avatarUrl } }"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    return tmp_path


def files(home):
    return sorted(str(path.relative_to(home / "files")) for path in (home / "files").rglob("*") if path.is_file())


async def left(home, expected):
    """Waits until these are the only files: what is replaced goes behind the answer."""
    async with asyncio.timeout(120):
        while files(home) != expected:  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def drawn(url):
    """The files of the picture at an address."""
    name = url.split("/")[-2]
    return sorted(f"avatars/{name}/{side}.webp" for side in (64, 256, 512))


def picture(kind="PNG", size=(300, 200), mode="RGB", **how):
    """A picture, red in its left half and blue in its right."""
    image = Image.new(mode, size, "blue" if mode != "L" else 40)
    image.paste("red" if mode != "L" else 200, (0, 0, size[0] // 2, size[1]))
    file = BytesIO()
    image.save(file, kind, **how)
    return file.getvalue()


@pytest.fixture
def send(api, change):
    """Sends a picture; answers with its `upload`."""

    async def send(person, content, media_type="image/png"):
        link = await change(
            "requestAvatarUpload", "upload url", viewer=person, mediaType=media_type, bytes=len(content)
        )
        sent = await api.put(link["url"], content=content, headers={"Content-Type": media_type})
        assert sent.status_code == 201
        return link["upload"]

    return send


async def kept(database, person):
    async with database.reading() as session:
        return await session.get_one(Profile, person.id)


async def test_a_profile_is_there_with_its_account_and_seen_by_everybody(ask, change, owner, other):
    nothing = {"bio": "", "location": "", "website": None, "avatarUrl": None}
    for viewer in (None, owner, other):
        assert (await ask(SHOWN, viewer=viewer, id=encode(owner.user)))["user"] == {"profile": nothing}
    texts = {"bio": "I map.\nA lot.", "location": "Trento", "website": "https://example.org/~ada?x=1"}
    changed = await change("updateProfile", PROFILE, viewer=owner, **texts)
    assert {name: changed[name] for name in texts} == texts
    assert (await ask(SHOWN, id=encode(owner.user)))["user"] == {"profile": nothing | texts}


async def test_the_profile_of_a_suspended_account_is_hidden(ask, database, owner, staff):
    gone = (await factories.user(database, "gone", is_active=False)).user
    node = "query ($id: ID!) { node(id: $id) { ... on Profile { bio } } }"
    id = encode(await kept(database, gone))
    assert (await ask(node, viewer=owner, id=id)).codes == ["NOT_FOUND"]
    assert (await ask(node, viewer=staff, id=id))["node"] == {"bio": ""}


async def test_only_what_is_given_changes_and_null_takes_away(change, database, owner):
    await change("updateProfile", viewer=owner, bio="I map.", location="Trento", website="http://example.org")
    await change("updateProfile", viewer=owner, location=" Como ")
    row = await kept(database, owner)
    assert (row.bio, row.location, row.website) == ("I map.", "Como", "http://example.org")
    await change("updateProfile", viewer=owner, bio=None, website=" ")
    row = await kept(database, owner)
    assert (row.bio, row.location, row.website) == ("", "Como", None)
    async with database.reading() as session:
        noted = (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()
    assert [(each.action, each.details["changed"]) for each in noted] == [
        ("updateProfile", ["bio", "location", "website"]),
        ("updateProfile", ["location"]),
        ("updateProfile", ["bio", "website"]),
    ]
    assert "Trento" not in str([each.details for each in noted])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bio", "x" * 501),
        ("bio", "a\x07b"),
        ("location", "x" * 101),
        ("location", "two\nlines"),
        ("website", "https://example.org/" + "x" * 181),
        ("website", "javascript:alert(1)"),
        ("website", "ftp://example.org"),
        ("website", "example.org"),
        ("website", "https://"),
        ("website", "https://ada:secret@example.org"),
        ("website", "http://localhost:8000/"),
        ("website", "https://exa mple.org"),
        ("website", "https://example.org/\nx"),
    ],
)
async def test_what_is_no_such_text_is_refused(refuse, owner, field, value):
    refused = await refuse("updateProfile", viewer=owner, **{field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_the_longest_texts_are_taken(change, owner):
    texts = {"bio": "ü" * 500, "location": "ü" * 100, "website": "https://example.org/" + "x" * 180}
    changed = await change("updateProfile", PROFILE, viewer=owner, **texts)
    assert {name: changed[name] for name in texts} == texts


async def test_strangers_change_no_profile(refuse, ask, unchanged):
    assert (await refuse("updateProfile", bio="x"))["code"] == "UNAUTHENTICATED"
    assert (await refuse("requestAvatarUpload", mediaType="image/png", bytes=1))["code"] == "UNAUTHENTICATED"
    assert (await refuse("setAvatar", upload="x"))["code"] == "UNAUTHENTICATED"
    async with unchanged():
        assert (await ask(REMOVE)).codes == ["UNAUTHENTICATED"]


@pytest.mark.parametrize(("kind", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")])
async def test_a_picture_is_shown_to_everybody_in_three_sizes(api, ask, change, owner, send, home, kind, media_type):
    upload = await send(owner, picture(kind), media_type)
    worn = await change("setAvatar", PROFILE, viewer=owner, upload=upload)
    urls = (await ask(URLS, viewer=owner))["me"]["profile"]
    assert worn["avatarUrl"] == urls["middle"]
    for url, side in ((urls["small"], 64), (urls["middle"], 256), (urls["large"], 512)):
        shown = await api.get(url)
        assert shown.status_code == 200
        image = Image.open(BytesIO(shown.content))
        assert (image.format, image.size) == ("WEBP", (side, side))
        left, right = (
            image.convert("RGB").getpixel((side // 8, side // 2)),
            image.convert("RGB").getpixel((side - 8, 9)),
        )
        assert left[0] - left[2] > 100
        assert right[2] - right[0] > 100
        assert shown.headers["Content-Type"] == "image/webp"
        assert shown.headers["Cache-Control"] == f"public, max-age={settings.avatar_cache_s}"
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
        assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert shown.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert len(files(home)) == 3  # what was sent is gone


async def test_of_a_photograph_only_its_pixels_are_kept_upright(change, owner, send, home):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned: the left of the file is its top
    exif[0x010F] = "Secret Camera"
    exif.get_ifd(0x8825)[2] = (46.0, 4.0, 12.0)
    content = picture("JPEG", (200, 300), exif=exif, comment=b"a comment", icc_profile=b"a profile")
    assert b"Secret Camera" in content
    await change("setAvatar", viewer=owner, upload=await send(owner, content, "image/jpeg"))
    for name in files(home):
        drawn = (home / "files" / name).read_bytes()
        image = Image.open(BytesIO(drawn))
        assert not image.getexif()
        assert {"exif", "icc_profile", "xmp", "comment"} & set(image.info) == set()
        assert b"Secret" not in drawn
        middle = image.width // 2
        top, bottom = (
            image.convert("RGB").getpixel((middle, 4)),
            image.convert("RGB").getpixel((middle, image.height - 4)),
        )
        assert top[0] > top[2]
        assert bottom[2] > bottom[0]


@pytest.mark.parametrize(
    ("mode", "how"),
    [("RGBA", {}), ("L", {}), ("1", {}), ("P", {}), ("P", {"transparency": 0}), ("LA", {}), ("I;16", {})],
)
async def test_pictures_of_every_kind_of_pixels_can_be_worn(change, owner, send, home, mode, how):
    file = BytesIO()
    Image.new(mode, (90, 70)).save(file, "PNG", **how)
    assert "code" not in await change("setAvatar", viewer=owner, upload=await send(owner, file.getvalue()))
    has_holes = mode in {"RGBA", "LA"} or bool(how)
    drawn = (home / "files" / files(home)[0]).read_bytes()
    assert Image.open(BytesIO(drawn)).mode == ("RGBA" if has_holes else "RGB")


async def test_photographs_with_a_preview_are_photographs(change, owner, send):
    file = BytesIO()
    Image.new("RGB", (90, 70)).save(file, "MPO", save_all=True, append_images=[Image.new("RGB", (9, 7))])
    assert "code" not in await change(
        "setAvatar", viewer=owner, upload=await send(owner, file.getvalue(), "image/jpeg")
    )


def moving(kind):
    file = BytesIO()
    frames = [Image.new("RGB", (50, 50), colour) for colour in ("red", "blue")]
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


def bomb(width, height):
    """A PNG of a few bytes whose head promises very many pixels."""

    def chunk(name, content):
        return len(content).to_bytes(4, "big") + name + content + crc32(name + content).to_bytes(4, "big")

    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", compress(b"\0" * 99)) + chunk(b"IEND", b"")


GIF = b64decode("R0lGODlhAQABAIAAAAUEBAAAACwAAAAAAQABAAACAkQBADs=")
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.mark.parametrize(
    ("content", "media_type", "reason"),
    [
        (b"\x89PNG no", "image/png", "not a picture"),
        (b"", "image/png", "not a picture"),
        (SVG, "image/png", "not a picture"),
        (b"<html><script>alert(1)</script>", "image/jpeg", "not a picture"),
        (GIF, "image/png", "not image/png"),
        (picture("PNG")[:-60], "image/png", "broken"),
        (picture("PNG"), "image/jpeg", "not image/jpeg"),
        (picture("JPEG"), "image/png", "not image/png"),
        (moving("WEBP"), "image/webp", "animated"),
        (moving("PNG"), "image/png", "animated"),
        (bomb(6_000, 5_000), "image/png", "25 million"),
        (bomb(10_000, 10_000), "image/png", "25 million"),
        (bomb(2**30, 2**30), "image/png", "25 million"),
        (png(1, 25_000_000), "image/png", "30,000 pixels wide and high"),
        (png(25_000_000, 1), "image/png", "30,000 pixels wide and high"),
    ],
    ids=range(15),
)
async def test_what_is_no_plain_picture_is_refused_and_forgotten(
    refuse, api, change, owner, send, home, content, media_type, reason
):
    link = await change("requestAvatarUpload", "upload url", viewer=owner, mediaType=media_type, bytes=99_999)
    await api.put(link["url"], content=content, headers={"Content-Type": media_type})
    refused = await refuse("setAvatar", viewer=owner, upload=link["upload"])
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "upload")
    assert reason in refused["message"]
    assert files(home) == []


@pytest.mark.parametrize("media_type", ["image/gif", "image/svg+xml", "text/html", "", "IMAGE/PNG"])
async def test_only_pictures_may_be_sent(refuse, owner, media_type):
    refused = await refuse("requestAvatarUpload", viewer=owner, mediaType=media_type, bytes=10)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "mediaType")


@pytest.mark.parametrize("count", [0, -1, 5 * 1024 * 1024 + 1])
async def test_a_picture_has_a_bounded_size(refuse, owner, count):
    refused = await refuse("requestAvatarUpload", viewer=owner, mediaType="image/png", bytes=count)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "bytes")


async def test_nobody_sends_pictures_too_often(change, owner, other, monkeypatch):
    monkeypatch.setattr(settings, "uploads_per_hour_max", 1)
    given = {"mediaType": "image/png", "bytes": 10}
    assert "code" not in await change("requestAvatarUpload", viewer=owner, **given)
    assert (await change("requestAvatarUpload", viewer=owner, **given))["code"] == "RATE_LIMITED"
    assert "code" not in await change("requestAvatarUpload", viewer=other, **given)


async def test_an_upload_is_worn_by_its_sender_alone_and_once(change, refuse, owner, other, send):
    upload = await send(owner, picture())
    assert (await refuse("setAvatar", viewer=other, upload=upload))["field"] == "upload"
    assert "code" not in await change("setAvatar", viewer=owner, upload=upload)
    assert (await refuse("setAvatar", viewer=owner, upload=upload))["field"] == "upload"


async def test_an_upload_is_worn_once_even_if_its_file_is_still_there(change, refuse, owner, send, late_removal):
    upload = await send(owner, picture())
    assert "code" not in await change("setAvatar", viewer=owner, upload=upload)
    assert (await refuse("setAvatar", viewer=owner, upload=upload))["field"] == "upload"


async def test_another_picture_has_another_address_and_the_old_is_gone(api, change, database, owner, send, home):
    before = (await change("setAvatar", PROFILE, viewer=owner, upload=await send(owner, picture())))["avatarUrl"]
    after = (await change("setAvatar", PROFILE, viewer=owner, upload=await send(owner, picture())))["avatarUrl"]
    assert before != after
    await left(home, drawn(after))
    assert ((await api.get(before)).status_code, (await api.get(after)).status_code) == (404, 200)
    async with database.reading() as session:
        assert set(await session.scalars(select(AuditEntry.action))) == {"setAvatar"}


async def test_a_picture_that_is_removed_is_gone(api, ask, change, owner, other, send, home):
    mine = (await change("setAvatar", PROFILE, viewer=owner, upload=await send(owner, picture())))["avatarUrl"]
    theirs = (await change("setAvatar", PROFILE, viewer=other, upload=await send(other, picture())))["avatarUrl"]
    for _ in range(2):
        assert (await ask(REMOVE, viewer=owner))["removeAvatar"] == {"avatarUrl": None}
    await left(home, drawn(theirs))
    assert ((await api.get(mine)).status_code, (await api.get(theirs)).status_code) == (404, 200)


async def test_of_pictures_set_at_once_one_is_worn_and_no_file_is_left_of_the_others(
    ask, change, database, owner, send, home
):
    uploads = [await send(owner, picture()) for _ in range(4)]
    await asyncio.gather(
        *(change("setAvatar", viewer=owner, upload=upload) for upload in uploads), ask(REMOVE, viewer=owner)
    )
    worn = (await kept(database, owner)).avatar_key
    expected = [] if worn is None else sorted(f"avatars/{worn}/{side}.webp" for side in (64, 256, 512))
    await left(home, expected)


async def test_pictures_that_nobody_wears_are_found_later(change, database, owner, send, home):
    await change("setAvatar", viewer=owner, upload=await send(owner, picture()))
    worn = files(home)
    for name in ("0" * 32, "1" * 32):
        await storage.put(f"avatars/{name}/64.webp", b"left")
    long_ago = time.time() - settings.uploads_kept_hours * 3_600 - 60
    for file in (home / "files").rglob("*.webp"):
        if "1" * 32 not in str(file):
            os.utime(file, (long_ago, long_ago))
    await profiles.prune_avatars(database)
    assert files(home) == sorted([*worn, f"avatars/{'1' * 32}/64.webp"])


@pytest.mark.parametrize(
    "path",
    [
        f"/avatars/{'0' * 32}/64.webp",
        f"/avatars/{'0' * 32}/65.webp",
        "/avatars/%2e%2e/64.webp",
        f"/avatars/{'A' * 32}/64.webp",
        "/avatars/x/64.webp",
    ],
)
async def test_there_is_no_other_picture(api, path):
    assert (await api.get(path)).status_code == 404


async def test_a_store_that_fails_to_delete_keeps_nobody_from_taking_off_a_picture(
    ask, change, owner, send, monkeypatch
):
    await change("setAvatar", viewer=owner, upload=await send(owner, picture()))

    async def broken(_):
        raise Unavailable("The file storage is not available now. Try again later.")

    monkeypatch.setattr(storage, "delete", broken)
    assert (await ask(REMOVE, viewer=owner))["removeAvatar"] == {"avatarUrl": None}


async def test_a_picture_is_shown_as_long_as_everybody_sees_who_wears_it(api, ask, change, database, owner, send):
    await change("setAvatar", viewer=owner, upload=await send(owner, picture()))
    address = (await ask(URLS, viewer=owner))["me"]["profile"]["small"]
    assert (await api.get(address)).status_code == 200
    for is_active, status in ((False, 404), (True, 200)):
        async with database.writing() as session:
            (await session.get_one(User, owner.id)).is_active = is_active
        assert (await api.get(address)).status_code == status
