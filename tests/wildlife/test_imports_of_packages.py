"""Packages of Camtrap DP and exports of Wildlife Insights become places, media and classifications."""

import json

import pytest
from shapely import Point
from sqlalchemy import text

from app.settings import settings
from resolvers import ids
from tests.formats.wildlife.packages import DEPLOYMENT, MEDIUM, OBSERVATION, archived, descriptor, files
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import classification_project
from tests.wildlife.exchanging import Desk

EVENT = {
    **OBSERVATION,
    "observationID": "o9",
    "mediaID": "",
    "eventID": "e1",
    "eventEnd": "2021-04-11T20:44:00+02:00",
    "observationLevel": "event",
    "count": "3",
    "classificationMethod": "human",
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def research(database, owner):
    return await wildlife.project(database, owner.id)


@pytest.fixture
async def project(database, research):
    return await classification_project(database, research)


@pytest.fixture
def desk(api, change, ask, database, owner):
    return Desk(api, change, ask, database, owner)


@pytest.fixture
def bring(desk, project):
    async def bring(content=None, mutation="importCamtrapDp", **arguments):
        given = {"classificationProjectId": ids.encode(project), **arguments}
        return await desk.bring(mutation, archived(files()) if content is None else content, **given)

    return bring


@pytest.fixture
def sql(database):
    async def sql(statement, **values):
        async with database.reading() as session:
            return [tuple(row) for row in await session.execute(text(statement), values)]

    return sql


PLACES = "SELECT location_id, timezone, ST_X(point), ST_Y(point) FROM locations ORDER BY id"
DEPLOYED = (
    "SELECT deployment_id, starts_at::text, utc_offset_minutes, camera_id, deployment_tags FROM deployments ORDER BY id"
)
MEDIA = (
    "SELECT media_id, name, file_path, status, recorded_at::text, camera_time, camera_utc_offset_minutes, "
    "date_recorded_correct FROM resources ORDER BY id"
)
SEEN = (
    "SELECT resource.media_id, row.classification_type, attrs.observation_level, attrs.count, attrs.species_id, "
    "attrs.raw_label, final.is_approved FROM classification_attrs AS attrs "
    "JOIN classifications AS row ON row.id = attrs.classification_id "
    "JOIN classifications AS final ON final.id = row.final_id "
    "JOIN resources AS resource ON resource.id = attrs.resource_id ORDER BY resource.media_id, attrs.id"
)


async def test_a_package_becomes_places_media_and_classifications(bring, sql, database):
    fox = await wildlife.species(database, "Vulpes vulpes")
    machine = {**OBSERVATION, "observationID": "o2", "classificationMethod": "machine", "classifiedBy": "MDV5A"}
    content = files(
        deployments=[
            {**DEPLOYMENT, "cameraID": "c1", "deploymentTags": "wet | near water", "featureType": "trailGame"}
        ],
        media=[MEDIUM, {**MEDIUM, "mediaID": "m2", "filePath": "https://example.org/b", "fileName": "b.jpg"}],
        observations=[OBSERVATION, machine, EVENT],
    )
    told = await bring(archived(content), timezone="Europe/Berlin")
    assert (told["status"], told["formatVersion"], told["errorCount"]) == ("FINISHED", "1.0.2", 0)
    assert told["counts"] == {
        "deployments": 1,
        "media": 2,
        "observations": 3,
        "species": 1,
        "classifications": 2,
        "approved": 0,
    }
    assert (told["matched"], told["unmatched"]) == (0, 2)
    assert await sql(PLACES) == [("l1", "Europe/Berlin", 13.25, 52.5)]
    assert await sql(DEPLOYED) == [("d1", "2021-04-01 06:00:00+00", 120, "c1", ["wet", "near water"])]
    assert await sql(MEDIA) == [
        ("m1", "a.jpg", "media/a.jpg", "ADDRESS", "2021-04-11 18:43:09+00", "2021-04-11T20:43:09", 120, True),
        ("m2", "b.jpg", "https://example.org/b", "ADDRESS", "2021-04-11 18:43:09+00", "2021-04-11T20:43:09", 120, True),
    ]
    assert await sql(SEEN) == [
        ("m1", "AI", "OBJECT", 1, fox.id, None, False),
        ("m1", "USER", "OBJECT", 1, fox.id, None, False),
        ("m1", "USER", "GROUP", 3, fox.id, None, False),
    ]
    assert await sql("SELECT feature_type FROM deployments") == [("TRAIL_GAME",)]


async def test_files_of_a_package_may_be_sent_one_by_one(bring, sql):
    told = await bring(files())
    assert (told["status"], told["counts"]["media"]) == ("FINISHED", 1)


async def test_imported_again_with_another_option_a_package_finds_what_is_there(bring, sql):
    await bring()
    told = await bring(approve=True)
    assert (told["status"], told["matched"], told["unmatched"]) == ("FINISHED", 1, 0)
    assert told["counts"]["approved"] == 1
    assert await sql("SELECT count(*) FROM locations") == [(1,)]
    assert await sql("SELECT count(*) FROM resources") == [(1,)]
    assert await sql("SELECT count(*), count(*) FILTER (WHERE is_approved) FROM classifications") == [(2, 1)]
    again = await bring(approve=True)
    assert again["status"] == "UNCHANGED"


async def test_media_that_were_uploaded_before_are_found_by_their_name(bring, sql, database, research):
    place = await wildlife.location(database, research, "l1", point=Point(13.25, 52.5))
    deployment = await wildlife.deployment(database, place, "d1", deployment_id="d1")
    own = await wildlife.resource(database, research, "a.jpg", deployment_id=deployment.id, file_path="100/a.jpg")
    told = await bring()
    assert (told["matched"], told["unmatched"]) == (1, 0)
    assert await sql("SELECT id, media_id, status FROM resources") == [(own.id, "m1", "READ")]


async def test_without_a_classification_project_observations_are_left_out_and_told(bring, sql, research):
    told = await bring(classificationProjectId=None, researchProjectId=ids.encode(research))
    assert (told["status"], told["counts"]["media"], told["counts"]["observations"]) == ("FINISHED", 1, 0)
    assert told["problems"][0]["message"].startswith("1 observations are left out")
    assert await sql("SELECT count(*) FROM collections") == [(0,)]


FAULTS = {
    "a camera in two places": (
        {
            "deployments": [
                {**DEPLOYMENT, "cameraID": "c1"},
                {**DEPLOYMENT, "deploymentID": "d2", "cameraID": "c1"},
            ]
        },
        ("deployments.csv", 3, "cameraID"),
    ),
    "a long id": (
        {"deployments": [DEPLOYMENT, {**DEPLOYMENT, "deploymentID": "d" * 202}]},
        ("deployments.csv", 3, "deploymentID"),
    ),
    "no time at all": (
        {
            "deployments": [
                DEPLOYMENT,
                {**DEPLOYMENT, "deploymentID": "d2", "deploymentEnd": DEPLOYMENT["deploymentStart"]},
            ]
        },
        ("deployments.csv", 3, "deploymentEnd"),
    ),
    "one path twice": ({"media": [MEDIUM, {**MEDIUM, "mediaID": "m2"}]}, ("media.csv", 3, "filePath")),
    "a broken key": (
        {"observations": [OBSERVATION, {**OBSERVATION, "observationID": "x", "mediaID": "m9"}]},
        ("observations.csv", 3, "mediaID"),
    ),
    "a box too wide": (
        {
            "observations": [
                OBSERVATION,
                {
                    **OBSERVATION,
                    "observationID": "x",
                    "bboxX": "0.9",
                    "bboxY": "0",
                    "bboxWidth": "0.2",
                    "bboxHeight": "1",
                },
            ]
        },
        ("observations.csv", 3, "bboxWidth"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_wrong_row_stops_a_package_unless_good_ones_are_kept(bring, sql, fault):
    tables, place = FAULTS[fault]
    content = archived(files(**tables))
    told = await bring(content)
    assert told["status"] == "FAILED"
    assert place in {(each["file"], each["line"], each["field"]) for each in told["problems"]}
    for table in ("locations", "deployments", "resources", "collections", "classifications"):
        assert await sql(f"SELECT count(*) FROM {table}") == [(0,)]
    told = await bring(content, keepGood=True)
    assert told["status"] == "FINISHED"
    assert told["errorCount"] > 0
    assert await sql("SELECT count(*) FROM resources") == [(1,)]
    assert len(await sql(SEEN)) == 1


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archived(files(descriptor("0.1.6"))), "only 1.0, 1.0.1 and 1.0.2 are read"),
        (archived({"media.csv": b""}), "has no datapackage.json"),
        (b"PK\x03\x04nothing", "cut off"),
        (json.dumps(descriptor()).encode(), "is not in this package"),
    ],
)
async def test_what_is_no_package_is_refused_with_what_to_do(bring, sql, content, said):
    told = await bring(content)
    assert (told["status"], told["errorCount"]) == ("FAILED", 1)
    assert said in told["failure"]
    assert await sql("SELECT count(*) FROM deployments") == [(0,)]


async def test_an_export_of_wildlife_insights_is_imported(bring, sql, database):
    await wildlife.species(database, "Vulpes vulpes")
    head = "deployment_id,image_id,filename,location,is_blank,identified_by,genus,species,timestamp,number_of_objects\n"
    content = {
        "deployments.csv": b"deployment_id,placename,longitude,latitude,start_date,end_date\n"
        b"d1,P1,-112.5,56.25,2018-11-15,2019-04-03\n",
        "images.csv": (
            head
            + "d1,i1,i1.JPG,gs://b/i1.JPG,0,ERT,Vulpes,vulpes,2018-11-16 05:01:45,2\n"
            + "d1,i2,i2.JPG,NA,1,Computer vision,NA,NA,2018-11-16 05:01:46,0\n"
        ).encode(),
    }
    told = await bring(archived(content), "importWildlifeInsights", timezone="America/Edmonton")
    assert (told["status"], told["format"], told["errorCount"]) == ("FINISHED", "WILDLIFE_INSIGHTS", 0)
    assert await sql(PLACES) == [("P1", "America/Edmonton", -112.5, 56.25)]
    assert [row[:5] for row in await sql(MEDIA)] == [
        ("i1", "i1.JPG", "gs://b/i1.JPG", "ADDRESS", "2018-11-16 12:01:45+00"),
        ("i2", "i2.JPG", "i2.JPG", "ADDRESS", "2018-11-16 12:01:46+00"),
    ]
    assert [row[:4] for row in await sql(SEEN)] == [("i1", "USER", "GROUP", 2), ("i2", "AI", "OBJECT", 1)]
    assert await sql("SELECT is_blank FROM classifications WHERE classification_type = 'AI'") == [(True,)]


async def test_a_dry_run_of_a_package_changes_nothing(bring, sql):
    told = await bring(dryRun=True)
    assert (told["status"], told["counts"]["observations"], told["counts"]["media"]) == ("FINISHED", 1, 1)
    for table in ("locations", "deployments", "resources", "collections", "classifications"):
        assert await sql(f"SELECT count(*) FROM {table}") == [(0,)]


async def test_a_zone_that_is_not_there_is_refused(desk, refuse, owner, project):
    refused = await refuse(
        "importCamtrapDp",
        viewer=owner,
        classificationProjectId=ids.encode(project),
        files=await desk.files(archived(files())),
        timezone="Europe/Atlantis",
    )
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "timezone")
