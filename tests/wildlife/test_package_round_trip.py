"""A project goes out as a package and comes into an empty project: row by row it is the same."""

import io
import json
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from shapely import Point
from sqlalchemy import select, text, update

from app.formats.frames import FrameSample, FramesHeader, ObjectHeader
from app.formats.wildlife.camtrap_dp import details
from app.models.wildlife.classifications import Classification, ClassificationType
from app.models.wildlife.deployments import FeatureType
from app.models.wildlife.media import Resource, ResourceType, TimeSource
from app.models.wildlife.observations import (
    Age,
    Behaviour,
    ClassificationDynamicAttrs,
    ObservationLevel,
    ObservationType,
    Sex,
)
from app.services.wildlife.frames import storing
from app.services.wildlife.media import sequences
from app.settings import settings
from resolvers import ids
from tests.fuzz import examples
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.exchanging import Desk

WORDS = st.text(st.sampled_from("abcXYZ09 |:\\,;\"'äßł€-_.\n"), min_size=1, max_size=12).filter(
    lambda word: word == word.strip() and word not in {"NA", "nan"}
)
LINES = WORDS.filter(lambda word: "\n" not in word)
MAYBE = st.none() | LINES
ZONES = st.sampled_from(["Europe/Warsaw", "America/Edmonton", "Asia/Kathmandu", "UTC"])
PLACES = st.fixed_dictionaries(
    {
        "timezone": ZONES,
        "ignore_dst": st.booleans(),
        "point": st.builds(Point, st.floats(-179, 179), st.floats(-80, 80)),
        "coordinate_uncertainty": st.none() | st.floats(0.5, 1_000),
        "name": MAYBE,
        "habitat": MAYBE,
        "description": st.none() | WORDS,
        "is_public": st.booleans(),
        "country": MAYBE,
        "state": MAYBE,
        "county": MAYBE,
        "city": MAYBE,
    }
)
DEPLOYMENTS = st.fixed_dictionaries(
    {
        "camera_id": st.none(),
        "camera_delay": st.none() | st.integers(0, 100),
        "camera_height": st.none() | st.floats(0, 10),
        "camera_tilt": st.none() | st.integers(-90, 90),
        "camera_heading": st.none() | st.integers(0, 360),
        "bait_use": st.none() | st.booleans(),
        "bait_type": MAYBE,
        "timestamp_issues": st.none() | st.booleans(),
        "correct_setup": st.none() | st.booleans(),
        "view_quality": MAYBE,
        "feature_type": st.none() | st.sampled_from(FeatureType),
        "habitat": MAYBE,
        "session": MAYBE,
        "array": MAYBE,
        "deployment_groups": st.lists(LINES, max_size=2),
        "deployment_tags": st.lists(LINES, max_size=2),
        "comments": st.none() | WORDS,
        "clock_correction_s": st.integers(-5_000, 5_000),
        "clock_correction_note": MAYBE,
        "sequence_gap_s": st.none() | st.integers(0, 600),
        "setup_by": MAYBE,
        "camera_model": MAYBE,
    }
)
MEDIA = st.fixed_dictionaries(
    {
        "after_s": st.floats(0, 5_000),
        "camera_utc_offset_minutes": st.none() | st.sampled_from([-420, 0, 60, 345]),
        "time_source": st.sampled_from(TimeSource),
        "fps": st.none() | st.sampled_from([1.0, 15.0, 29.97]),
        "description": st.none() | WORDS,
        "tags": st.lists(LINES, max_size=2),
        "camera_make": MAYBE,
        "serial_number": MAYBE,
        "brightness": st.none() | st.floats(0, 1),
    }
)
ATTRS = st.fixed_dictionaries({}, optional={"site": WORDS, "legs": st.integers(0, 9), "tame": st.booleans()})
ANIMALS = st.fixed_dictionaries(
    {
        "sex": st.sampled_from(Sex),
        "age": st.sampled_from(Age),
        "behaviour": st.sampled_from(Behaviour),
        "count": st.integers(1, 9),
        "count_new": st.none() | st.integers(0, 9),
        "classification_confidence": st.none() | st.floats(0, 1),
        "distance": st.none() | st.floats(0, 100),
        "attrs": ATTRS,
        "raw_label": MAYBE,
        "is_group": st.booleans(),
        "individual_id": MAYBE,
        "has_species": st.booleans(),
        "frame": st.integers(0, 100),
        "kind": st.sampled_from([ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.UNKNOWN]),
    }
)
SEEN = st.fixed_dictionaries(
    {
        "by": st.sampled_from(["AI", "USER"]),
        "animals": st.lists(ANIMALS, min_size=1, max_size=3),
        "is_setup": st.booleans(),
        "comments": st.none() | WORDS,
        "season": st.none() | LINES,
    }
)
PROJECTS = st.fixed_dictionaries(
    {
        "place": PLACES,
        "deployment": DEPLOYMENTS,
        "failures": st.integers(0, 2),
        "media": st.lists(st.tuples(MEDIA, st.lists(SEEN, min_size=1, max_size=2)), min_size=1, max_size=4),
        "options": st.fixed_dictionaries({"gzip": st.booleans(), "includeEvents": st.booleans()}),
    }
)
CUSTOM = {
    "site": classifying.attribute("STRING"),
    "legs": classifying.attribute("INTEGER"),
    "tame": classifying.attribute("BOOLEAN"),
    "season": classifying.attribute("STRING", "STATIC"),
}
OF_LOCATIONS = """
SELECT location_id, name, description, round(ST_X(point)::numeric, 9), round(ST_Y(point)::numeric, 9), timezone,
    ignore_dst, coordinate_uncertainty, habitat, is_public, country, state, county, city FROM locations
WHERE research_project_id = :id ORDER BY location_id
"""
OF_DEPLOYMENTS = """
SELECT to_jsonb(deployments) - '{id,created_at,last_modified,research_project_id,location_id,owner_id}'::text[],
    (SELECT location_id FROM locations WHERE id = deployments.location_id),
    (SELECT jsonb_agg(jsonb_build_array(starts_at, ends_at, reason) ORDER BY starts_at) FROM deployment_failures
        WHERE deployment_id = deployments.id)
FROM deployments WHERE research_project_id = :id ORDER BY deployment_id
"""
ELSEWHERE = (
    "id,created_at,last_modified,research_project_id,deployment_id,owner_id,sequence_id,media_id,storage_key,status"
)
OF_MEDIA = f"""
SELECT to_jsonb(resources) - '{{{ELSEWHERE}}}'::text[],
    (SELECT deployment_id FROM deployments WHERE id = resources.deployment_id),
    (SELECT min(other.file_path) FROM resources AS other WHERE other.sequence_id = resources.sequence_id),
    (SELECT jsonb_build_array(starts_at, ends_at, resource_count) FROM sequences WHERE id = resources.sequence_id)
FROM resources WHERE research_project_id = :id ORDER BY file_path
"""
OURS = "id,created_at,last_modified,project_id,resource_id,classification_id,shown_by_id"
OF_ROWS = f"""
SELECT resources.file_path, row.classification_type, row.model_id, row.user_id, row.is_blank, row.is_setup,
    row.comments, row.static_attrs, (SELECT jsonb_agg(to_jsonb(attrs) - '{{{OURS}}}'::text[] ORDER BY attrs.id)
        FROM classification_attrs AS attrs WHERE attrs.classification_id = row.id)
FROM classifications AS row JOIN resources ON resources.id = row.resource_id
WHERE row.research_project_id = :id AND row.classification_type IN ('AI', 'USER') AND row.superseded_at IS NULL
ORDER BY 1, 2, 3, 4
"""


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")


async def canonical(database, research_id) -> dict[str, Any]:
    """All rows of a project without their keys."""
    found = {}
    async with database.reading() as session:
        tables = {"places": OF_LOCATIONS, "deployments": OF_DEPLOYMENTS, "media": OF_MEDIA, "rows": OF_ROWS}
        for name, statement in tables.items():
            rows = await session.execute(text(statement), {"id": research_id})
            found[name] = [list(row) for row in rows]
    return found


async def build(database, owner_id, provider, plan):
    """A project as planned."""
    research = await wildlife.project(database, owner_id)
    place = await wildlife.location(database, research, **plan["place"])
    deployment = await wildlife.deployment(database, place, **plan["deployment"])
    start = deployment.starts_at + timedelta(days=2, microseconds=1)
    for number in range(plan["failures"]):
        begins = start + timedelta(days=10 * number, microseconds=7)
        await wildlife.failure(database, deployment, begins, begins + timedelta(hours=5))
    classificator = await classifying.classificator(database, owner_id, f"For {research.id}", custom=CUSTOM)
    project = await classifying.classification_project(database, research, classificator_id=classificator.id)
    collection = await wildlife.collection(database, research)
    at = classifying.Season(research, deployment, collection, project, None, provider, None, None)  # type: ignore[arg-type]
    for number, (medium, _) in enumerate(plan["media"]):
        values = dict(medium)
        recorded = start + timedelta(seconds=values.pop("after_s"))
        is_video = values["fps"] is not None
        values |= {"resource_type": ResourceType.VIDEO, "mime_type": "video/mp4", "duration_s": 9.5} if is_video else {}
        written = f"{recorded:%Y-%m-%dT%H:%M:%S}.25"
        values |= {"recorded_at": recorded, "camera_time": written, "date_recorded_correct": True}
        at.resources.append(
            await wildlife.resource(database, research, f"IMG {number}.JPG", deployment_id=deployment.id, **values)
        )
    await wildlife.put_into(database, collection, *at.resources)
    await classifying.linked(database, project, collection)
    async with database.writing() as session:
        await sequences.rebuild(session, deployment.id)
    return at


def observation(animal, species, *, is_video):
    said = dict(animal)
    is_group, has_species, kind = said.pop("is_group"), said.pop("has_species"), said.pop("kind")
    frame = said.pop("frame")
    said["first_frame_index"] = frame if is_video else 0
    if is_group:
        said |= {"observation_level": ObservationLevel.GROUP, "bboxes": None, "individual_id": None}
    is_animal = kind is ObservationType.ANIMAL
    return classifying.seen(species if has_species and is_animal else None, kind, **said)


async def look(database, at, owner_id, species, plan):
    """Lets AI and people say what is planned."""
    for number, (medium, said) in enumerate(plan["media"]):
        for one in {each["by"]: each for each in said}.values():
            seen = [observation(animal, species, is_video=medium["fps"] is not None) for animal in one["animals"]]
            static = {} if one["season"] is None else {"season": one["season"]}
            if one["by"] == "AI":
                await classifying.by_ai(database, at, number, *seen)
            else:
                await classifying.by_person(
                    database, at, number, owner_id, *seen, comments=one["comments"], static_attrs=static
                )


# Without shrinking: each example writes a project, sends it out and takes it in.
@pytest.mark.fuzz
@hypothesis_settings(**examples(4), suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(plan=PROJECTS)
async def test_a_project_comes_back_as_it_was(api, change, ask, database, owner, plan):
    provider = await classifying.ai_provider(database, owner.id, f"Eyes {await _turn(database)}")
    species = await wildlife.species(database, f"Vulpes vulpes {provider.id}")
    at = await build(database, owner.id, provider, plan)
    await look(database, at, owner.id, species, plan)
    before = await canonical(database, at.research.id)
    assert len(before["media"]) == len(plan["media"])

    desk = Desk(api, change, ask, database, owner)
    options = {"approvedOnly": False, "privateHumans": False, **plan["options"]}
    told, content = await desk.fetch("exportCamtrapDp", classificationProjectId=ids.encode(at.project), options=options)
    assert told["status"] == "FINISHED", told
    empty = await wildlife.project(database, owner.id)
    again = await classifying.classification_project(database, empty, classificator_id=at.project.classificator_id)
    told = await desk.bring("importCamtrapDp", content, classificationProjectId=ids.encode(again))
    assert (told["status"], told["errorCount"]) == ("FINISHED", 0), told
    after = await canonical(database, empty.id)
    for name, rows in before.items():
        assert after[name] == rows, name


@pytest.fixture
async def video(database, owner):
    """A video in which AI followed two foxes through some frames."""
    at = await classifying.season(database, owner.id, media=1)
    async with database.writing() as session:
        own = update(Resource).where(Resource.id == at.resources[0].id)
        await session.execute(own.values(resource_type=ResourceType.VIDEO, fps=10.0, duration_s=2.0))
    row_id = await classifying.by_ai(database, at, 0, classifying.seen(at.fox), classifying.seen(at.fox))
    await keep_frames(database, row_id)
    return at


def samples(first):
    return [FrameSample(frame, (0.1, 0.1 + frame / 100, 0.2, 0.2), 0.5, 3.5) for frame in range(first, first + 5)]


async def keep_frames(database, row_id):
    async with database.writing() as session:
        listed = select(ClassificationDynamicAttrs.id).where(ClassificationDynamicAttrs.classification_id == row_id)
        attr_ids = list(await session.scalars(listed.order_by(ClassificationDynamicAttrs.id)))
        header = FramesHeader("AI", row_id, fps=10.0, duration=2.0)
        tracks = [(ObjectHeader(id, "animal"), samples(place)) for place, id in enumerate(attr_ids)]
        digest = await storing.store_frames(header, tracks)
        own = update(Classification).where(Classification.id == row_id)
        await session.execute(own.values(frames_sha256=digest))


async def brought(api, change, ask, database, owner, at, alter=lambda content: content):
    """What came of exporting a project and importing it into an empty one; the row of AI there."""
    desk = Desk(api, change, ask, database, owner)
    given = {"classificationProjectId": ids.encode(at.project), "options": {"approvedOnly": False}}
    _, content = await desk.fetch("exportCamtrapDp", **given)
    empty = await wildlife.project(database, owner.id)
    again = await classifying.classification_project(database, empty)
    told = await desk.bring("importCamtrapDp", alter(content), classificationProjectId=ids.encode(again))
    assert told["status"] == "FINISHED", told
    is_ai = Classification.classification_type == ClassificationType.AI
    async with database.reading() as session:
        row = (await session.scalars(select(Classification).where(Classification.project_id == again.id, is_ai))).one()
        listed = select(ClassificationDynamicAttrs.id).where(ClassificationDynamicAttrs.classification_id == row.id)
        return told, row, list(await session.scalars(listed.order_by(ClassificationDynamicAttrs.id)))


async def test_frames_of_videos_come_back_under_their_new_ids(api, change, ask, database, owner, video):
    told, row, attr_ids = await brought(api, change, ask, database, owner, video)
    assert told["warningCount"] == 0, told
    found = await storing.read_frames(row.frames_sha256, samples_max=1_000)
    assert found.header.classification_id == row.id
    assert [said.id for said, _ in found.objects] == attr_ids
    for place, (_, kept) in enumerate(found.objects):
        assert [each.frame_index for each in kept] == [each.frame_index for each in samples(place)]
        assert [each.bbox for each in kept] == [pytest.approx(each.bbox, abs=1e-6) for each in samples(place)]


async def test_a_broken_file_of_frames_is_told_and_left_out(api, change, ask, database, owner, video):
    def broken(content):
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as given, zipfile.ZipFile(target, "w") as made:
            for name in given.namelist():
                made.writestr(name, b"no frames" if name.startswith("frames/") else given.read(name))
        return target.getvalue()

    told, row, attr_ids = await brought(api, change, ask, database, owner, video, broken)
    assert (row.frames_sha256, len(attr_ids)) == (None, 2)
    assert [problem["field"] for problem in told["problems"] if problem["severity"] == "WARNING"] == ["frames"]


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("deployment", {"clock_correction_s": "many", "deployment_groups": "x", "location": []}),
        ("deployment", {"location": {"timezone": "Mars/Base", "latitude": 91, "is_public": 1}}),
        (
            "deployment",
            {"failures": [{"starts_at": "2026-05-02T00:00:00Z", "ends_at": "2026-05-01T00:00:00Z", "reason": "x"}]},
        ),
        (
            "deployment",
            {"failures": [{"starts_at": "now", "ends_at": "then", "reason": "x"}], "starts_at": "2026-05-01"},
        ),
        ("media", {"camera_time": "yesterday", "sequence": "1; DROP TABLE", "width": -1, "fps": 1e999}),
        ("media", {"tags": ["x" * 101], "time_source": "MOON", "size_bytes": True, "mime_type": 5}),
    ],
)
def test_details_that_are_wrong_are_left_out(kind, said):
    text = json.dumps(said)
    found, wrong = details.read(kind, text)
    assert {name: value for name, value in found.items() if value} == {}
    assert wrong or found == {"location": {}}


async def _turn(database) -> int:
    async with database.reading() as session:
        return int(await session.scalar(text("SELECT count(*) FROM ai_providers")))
