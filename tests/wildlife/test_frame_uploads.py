"""People upload the frames of what they said: checked, kept under their content, and never of what is approved."""

import io
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from app.formats import frames
from app.formats.frames import FrameSample, FramesHeader, ObjectHeader
from app.formats.frames.samples import COMPRESSED_BYTES_MAX
from app.models.choices import Scope
from app.models.wildlife.classifications import Classification
from app.models.wildlife.observations import ClassificationDynamicAttrs
from resolvers import ids
from tests.accounts.keys import key_of
from tests.wildlife import classifying
from tests.wildlife.classifying import BOX, by_ai, by_person, final, joined, seen

PATH = "/api/media-classifications/classifications/{}/frames/"
BROKEN = {
    "NOT_ZSTD": lambda content: b"frames" * 9,
    "TRUNCATED": lambda content: content[:-9],
    "TRAILING_BYTES": lambda content: content + b"more",
}


@pytest.fixture
async def at(database, owner, other):
    made = await classifying.season(database, owner.id)
    await joined(database, made, other.id)
    return made


@pytest.fixture
async def row(database, other, at):
    """What the other said of a medium: a fox in a box."""
    return await by_person(database, at, 0, other.id, seen(at.fox, bboxes=BOX))


@pytest.fixture
def send(api):
    async def send(row, content, viewer, media_type=frames.MEDIA_TYPE):
        headers = {"Content-Type": media_type}
        if viewer is not None:
            headers["Authorization"] = f"Bearer {viewer.token}"
        return await api.put(PATH.format(row.id), content=content, headers=headers)

    return send


async def payload(database, row, **changes) -> bytes:
    """Frames of what a row says, with what is to be wrong with them."""
    async with database.reading() as session:
        of_row = select(ClassificationDynamicAttrs.id).where(ClassificationDynamicAttrs.classification_id == row.id)
        objects = (await session.scalars(of_row)).all()
    header = {"classification_type": row.classification_type.value, "classification_id": row.id, "fps": 30.0} | changes
    target = io.BytesIO()
    samples = [FrameSample(number, (0.1, 0.2, 0.3, 0.4), 0.9) for number in range(50)]
    frames.write(FramesHeader(**header), [(ObjectHeader(id, "animal"), samples) for id in objects], target)
    return target.getvalue()


def refused(answer) -> tuple[int, str]:
    [error] = answer.json()["errors"]
    return answer.status_code, error["extensions"]["code"]


async def digest_of(database, row) -> str | None:
    async with database.reading() as session:
        return (await session.get_one(Classification, row.id)).frames_sha256


async def test_an_author_uploads_frames_which_are_read_by_members(api, ask, database, owner, other, at, row, send):
    before = (await final(database, at)).version
    answer = await send(row, await payload(database, row), other)
    assert answer.status_code == 201
    digest = answer.json()["sha256"]
    assert (answer.headers["etag"], await digest_of(database, row)) == (f'"{digest}"', digest)
    assert (await final(database, at)).version == before + 1
    sent = await api.get(PATH.format(row.id), headers={"Authorization": f"Bearer {owner.token}"})
    assert (sent.status_code, sent.headers["etag"]) == (200, f'"{digest}"')
    document = "query ($id: ID!) { classificationFrames(classificationId: $id, toFrame: 9) { objects { frameIndex } } }"
    [fox] = (await ask(document, viewer=owner, id=ids.encode(row)))["classificationFrames"]["objects"]
    assert fox["frameIndex"] == list(range(10))
    again = await send(row, await payload(database, row), other)
    assert (again.status_code, again.json()["sha256"]) == (201, digest)
    assert (await final(database, at)).version == before + 1


async def test_who_may_not_changes_nothing(database, owner, other, staff, at, row, send, unchanged):
    content = await payload(database, row)
    key = await key_of(database, other, Scope.READ)
    machine = SimpleNamespace(id=await by_ai(database, at, 1, seen(at.fox)))
    async with unchanged():
        assert refused(await send(row, content, None)) == (401, "UNAUTHENTICATED")
        assert refused(await send(row, content, owner)) == (403, "FORBIDDEN")
        assert refused(await send(machine, content, other)) == (400, "INVALID_INPUT")
        assert refused(await send(row, content, other, "application/zip")) == (415, "BAD_REQUEST")
    assert refused(await send(row, content, key)) == (403, "SCOPE_MISSING")
    assert await digest_of(database, row) is None


@pytest.mark.parametrize("rule", BROKEN)
async def test_a_file_that_breaks_a_rule_is_refused_with_its_code(database, other, row, send, unchanged, rule):
    content = BROKEN[rule](await payload(database, row))
    async with unchanged():
        answer = await send(row, content, other)
    assert refused(answer) == (400, "INVALID_INPUT")
    assert answer.json()["errors"][0]["extensions"]["rule"] == rule


async def test_frames_of_something_else_are_refused(database, other, at, row, send, unchanged):
    mine = await by_person(database, at, 1, other.id, seen(at.deer, bboxes=BOX))
    async with unchanged():
        answer = await send(row, await payload(database, mine), other)
        assert answer.json()["errors"][0]["extensions"]["rule"] == "OBJECTS_MISMATCH"
        for changes in ({"classification_id": mine.id}, {"classification_type": "AI"}):
            assert refused(await send(row, await payload(database, row, **changes), other)) == (400, "INVALID_INPUT")


async def test_a_file_that_is_too_large_is_refused(other, row, send, unchanged):
    async with unchanged():
        assert refused(await send(row, bytes(COMPRESSED_BYTES_MAX + 1), other)) == (413, "LIMIT_REACHED")


async def test_frames_of_what_is_approved_stay(change, database, owner, other, at, row, send, unchanged):
    content = await payload(database, row)
    version = (await final(database, at)).version
    await change("approveClassification", viewer=owner, id=ids.encode(row), expectedVersion=version)
    async with unchanged():
        assert refused(await send(row, content, other)) == (409, "CONFLICT")


async def test_what_is_said_anew_has_no_frames(database, other, at, row, send):
    assert (await send(row, await payload(database, row), other)).status_code == 201
    anew = await by_person(database, at, 0, other.id, seen(at.deer))
    assert anew.id == row.id
    assert await digest_of(database, row) is None
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(ClassificationDynamicAttrs)) == 1
