"""Frames of videos: written with results, served as files and by ranges, indexed by project, to members alone."""

import io

import msgpack
import pytest
import zstandard
from sqlalchemy import func, select

from app.formats import frames
from app.formats.frames import FrameSample, FramesHeader, ObjectHeader
from app.gateways.fakes.ai_manager import FakeManager
from app.models.wildlife.ai_jobs import AIClassificationJob
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.frames import FrameObservation
from app.models.wildlife.media import ResourceType
from app.models.wildlife.observations import ClassificationDynamicAttrs
from app.services.wildlife.frames import storing
from app.settings import settings
from resolvers import ids
from tests.servers import serving
from tests.wildlife import ai

FPS, SECONDS = 30.0, 4.0
PATH = "/api/media-classifications/classifications/{}/frames/"
RANGE = """query ($id: ID!, $objects: [ID!], $from: Int!, $to: Int, $stride: Int!) {
    classificationFrames(classificationId: $id, objectIds: $objects, fromFrame: $from, toFrame: $to, stride: $stride) {
        fps duration objects { attrsId observationType frameIndex bbox distance } } }"""


async def walking(resource):
    """A fox that walks by, without a track id, with distances; and a person who stands still."""
    del resource
    fox = [
        {
            "frame_index": number,
            "label": "animal",
            "confidence": 0.8,
            "bbox": [0.1 + number / 1_000, 0.1, 0.2, 0.2],
            "distance": 5.0 + number,
        }
        for number in range(100)
    ]
    person = [
        {"frame_index": number, "label": "person", "confidence": 0.9, "bbox": [0.6, 0.5, 0.2, 0.4], "track_id": 7}
        for number in range(0, 100, 10)
    ]
    return [*fox, *person]


@pytest.fixture
async def video(change, database, owner, monkeypatch, tmp_path):
    """A classified video: its season, its AI row, and its objects."""
    manager = FakeManager(walking)
    with serving(manager) as server:
        for name, value in {"outside_hosts_allowed": [server.host], "home": tmp_path}.items():
            monkeypatch.setattr(settings, name, value)
        medium = {
            "resource_type": ResourceType.VIDEO,
            "mime_type": "video/mp4",
            "fps": FPS,
            "duration_s": SECONDS,
            "frame_count": 120,
            "width": 1_920,
            "height": 1_080,
        }
        season = await ai.season(database, owner, server.url, count=1, **medium)
        await change(
            "startAiClassification",
            viewer=owner,
            collectionId=ids.encode(season.collection),
            providerId=ids.encode(season.provider),
        )
        await ai.follow(database)
        await manager.work()
        await ai.follow(database)
    async with database.reading() as session:
        job = (await session.scalars(select(AIClassificationJob))).one()
        of_ai = select(Classification).where(Classification.classification_type == ClassificationType.AI)
        row = (await session.scalars(of_ai)).one()
        attrs = select(ClassificationDynamicAttrs).order_by(ClassificationDynamicAttrs.observation_type)
        objects = (await session.scalars(attrs)).all()
    assert job.stage.value == "DONE", job.failure
    return season, row, objects


async def test_detections_are_linked_and_the_first_occurrence_is_kept(video):
    _, row, (fox, person) = video
    assert (fox.observation_type.value, person.observation_type.value) == ("ANIMAL", "HUMAN")
    assert (fox.bboxes, fox.first_frame_index) == ([0.1, 0.1, 0.2, 0.2], 0)
    assert fox.distance == 6.0  # the mean of the first three frames
    assert person.distance is None
    assert len(row.frames_sha256) == 64


async def test_the_file_is_served_as_it_is(api, owner, video):
    _, row, objects = video
    url = PATH.format(row.id)
    answer = await api.get(url, headers={"Authorization": f"Bearer {owner.token}"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/x-msgpack+zstd"
    assert answer.headers["etag"] == f'"{row.frames_sha256}"'
    assert "content-encoding" not in answer.headers
    said = msgpack.unpackb(zstandard.ZstdDecompressor().decompressobj().decompress(answer.content))
    assert (said["classification_type"], said["classification_id"], said["fps"]) == ("AI", row.id, FPS)
    assert sorted(each["id"] for each in said["objects"]) == sorted(each.id for each in objects)
    again = {"Authorization": f"Bearer {owner.token}", "If-None-Match": answer.headers["etag"]}
    assert (await api.get(url, headers=again)).status_code == 304
    by_global_id = await api.get(PATH.format(ids.encode(row)), headers={"Authorization": f"Bearer {owner.token}"})
    assert by_global_id.content == answer.content


@pytest.mark.parametrize("id", ["0", "999999", "9" * 30, "nothing", "-1"])
async def test_what_is_not_there_is_not_found(api, owner, video, id):
    answer = await api.get(PATH.format(id), headers={"Authorization": f"Bearer {owner.token}"})
    assert answer.status_code == 404


async def test_frames_are_for_members(api, ask, other, video):
    _, row, _ = video
    asked = {"id": ids.encode(row), "objects": None, "from": 0, "to": 1, "stride": 1}
    for viewer, headers in ((None, {}), (other, {"Authorization": f"Bearer {other.token}"})):
        assert (await api.get(PATH.format(row.id), headers=headers)).status_code == 404
        assert (await ask(RANGE, viewer=viewer, **asked)).codes == ["NOT_FOUND"]


async def test_a_range_has_the_frames_asked_for(ask, owner, video):
    _, row, (fox, person) = video
    wanted = {"id": ids.encode(row), "objects": None, "from": 10, "to": 30, "stride": 5}
    found = (await ask(RANGE, viewer=owner, **wanted))["classificationFrames"]
    by_id = {each["attrsId"]: each for each in found["objects"]}
    assert by_id[ids.encode(fox)]["frameIndex"] == [10, 15, 20, 25, 30]
    assert by_id[ids.encode(fox)]["distance"] == [15.0, 20.0, 25.0, 30.0, 35.0]
    assert by_id[ids.encode(person)]["frameIndex"] == [10]
    one = await ask(RANGE, viewer=owner, **{**wanted, "objects": [ids.encode(person)], "stride": 1})
    [only] = one["classificationFrames"]["objects"]
    assert (only["attrsId"], only["frameIndex"]) == (ids.encode(person), [10, 20, 30])


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"from": -1}, "INVALID_INPUT"),
        ({"from": 5, "to": 4}, "INVALID_INPUT"),
        ({"stride": 0}, "INVALID_INPUT"),
        ({"objects": ["VXNlcjox"]}, "NOT_FOUND"),
    ],
)
async def test_a_range_that_is_none_is_refused(ask, owner, video, given, code):
    _, row, _ = video
    wanted = {"id": ids.encode(row), "objects": None, "from": 0, "to": None, "stride": 1, **given}
    assert (await ask(RANGE, viewer=owner, **wanted)).codes == [code]


async def test_a_long_range_is_refused(ask, owner, video, monkeypatch):
    _, row, _ = video
    monkeypatch.setattr(settings, "frames_samples_max", 50)
    wanted = {"id": ids.encode(row), "objects": None, "from": 0, "to": None, "stride": 1}
    assert (await ask(RANGE, viewer=owner, **wanted)).codes == ["LIMIT_REACHED"]


async def test_equal_frames_are_kept_once(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)
    header = FramesHeader("AI", 1, fps=FPS, duration=SECONDS)
    objects = [(ObjectHeader(1, "animal"), [FrameSample(n, (0.1, 0.1, 0.2, 0.2), 0.9) for n in range(50)])]
    one, two = await storing.store_frames(header, objects), await storing.store_frames(header, objects)
    assert one == two
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1


async def test_a_payload_from_outside_is_checked_in_a_child(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")
    path = tmp_path / "payload"
    target = io.BytesIO()
    frames.write(FramesHeader("AI", 1, fps=FPS), [(ObjectHeader(1), [FrameSample(0, (0, 0, 1, 1))])], target)
    path.write_bytes(target.getvalue())
    digest, said = await storing.store_payload(path, object_ids=[1])
    assert said["objects"][0]["count"] == 1
    assert (await storing.read_frames(digest, samples_max=9)).header.fps == FPS
    path.write_bytes(target.getvalue() + b"x")
    with pytest.raises(frames.UnreadableFrames) as caught:
        await storing.store_payload(path)
    assert caught.value.code is frames.FramesCode.TRAILING_BYTES


async def test_an_index_is_built_down_sampled_and_says_whether_it_is_current(ask, change, database, owner, video):
    season, row, _ = video
    project = ids.encode(season.classification_project)
    made = await change("buildFrameIndex", "status isCurrent", viewer=owner, classificationProjectId=project)
    assert (made["status"], made["isCurrent"]) == ("PENDING", False)
    await ai.work(database)
    document = """{ frameIndexes { nodes { status isCurrent observationsCount
        observations(first: 100, orderBy: OLDEST) { nodes { frame bbox } } } } }"""
    [index] = (await ask(document, viewer=owner))["frameIndexes"]["nodes"]
    assert (index["status"], index["isCurrent"]) == ("READY", True)
    assert index["observationsCount"] == 8
    assert sorted(each["frame"] for each in index["observations"]["nodes"]) == [0, 0, 30, 30, 60, 60, 90, 90]
    async with database.writing() as session:
        changed = await session.get_one(Classification, row.id)
        changed.frames_sha256 = "0" * 64
    [index] = (await ask(document, viewer=owner))["frameIndexes"]["nodes"]
    assert (index["status"], index["isCurrent"]) == ("READY", False)


async def test_an_index_is_built_by_admins_and_seen_by_members(ask, change, refuse, database, owner, other, video):
    season, _, _ = video
    project = ids.encode(season.classification_project)
    assert (await refuse("buildFrameIndex", viewer=other, classificationProjectId=project))["code"] == "NOT_FOUND"
    await change("buildFrameIndex", viewer=owner, classificationProjectId=project)
    assert (await refuse("buildFrameIndex", viewer=owner, classificationProjectId=project))["code"] == "CONFLICT"
    await ai.work(database)
    seen = await ask("{ frameIndexes { totalCount } }", viewer=other)
    assert seen["frameIndexes"]["totalCount"] == 0
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(FrameObservation)) == 8
