"""Locations and deployments: what they hold, what is refused, and what the database itself keeps out."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app.models.wildlife.deployments import Location
from app.models.wildlife.projects import ResearchProjectStatus
from resolvers import ids
from tests.wildlife import classifying, factories
from tests.wildlife.factories import SPRING, SUMMER

POINT = {"type": "Point", "coordinates": [23.85, 52.7]}
DETAILS = {
    "setupBy": "Ann",
    "cameraId": "HC500-1",
    "cameraModel": "Reconyx HC500",
    "cameraDelay": 5,
    "cameraHeight": 1.2,
    "cameraDepth": None,
    "cameraTilt": -10,
    "cameraHeading": 225,
    "detectionDistance": 9.5,
    "timestampIssues": False,
    "correctSetup": True,
    "correctTstamp": True,
    "viewQuality": "good",
    "baitUse": False,
    "baitType": None,
    "featureType": "TRAIL_GAME",
    "habitat": "Oak",
    "session": "2026",
    "array": "A",
    "deploymentGroups": ["season:spring"],
    "deploymentTags": ["forest edge"],
    "comments": "Quiet.",
    "sequenceGapS": 120,
    "fileNamePattern": "{any}-{MM}{DD}{YYYY}{hh}{mm}{ss}-{camera}",
}


@pytest.fixture
async def project(database, owner):
    return await factories.project(database, owner.id)


@pytest.fixture
async def place(database, project):
    return await factories.location(database, project)


async def test_a_location_has_all_its_fields(change, owner, project):
    given = {
        "locationId": "loc7",
        "name": "Clearing",
        "description": "By the brook.",
        "point": POINT,
        "timezone": "Europe/Warsaw",
        "ignoreDst": True,
        "coordinateUncertainty": 187.0,
        "habitat": "Meadow",
        "isPublic": True,
        "country": "Poland",
        "state": "Podlaskie",
        "county": "Hajnówka",
        "city": "Białowieża",
    }
    made = await change("createLocation", " ".join(given), viewer=owner, researchProjectId=ids.encode(project), **given)
    assert {name: made[name] for name in given} == given


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"timezone": "Europe/Nowhere"}, "timezone"),
        ({"timezone": ""}, "timezone"),
        ({"timezone": "+02:00"}, "timezone"),
        ({"coordinateUncertainty": -1}, "coordinateUncertainty"),
        ({"point": {"type": "Point", "coordinates": [200, 0]}}, "point"),
    ],
)
async def test_a_location_that_cannot_be_is_refused(change, owner, project, unchanged, given, field):
    fields = {"locationId": "a", "point": POINT, "timezone": "UTC"} | given
    async with unchanged():
        refused = await change("createLocation", viewer=owner, researchProjectId=ids.encode(project), **fields)
    assert refused["__typename"] in {"InvalidInput", "errors"}
    if refused["__typename"] == "InvalidInput":
        assert refused["field"] == field


async def test_a_location_id_is_given_once(change, owner, project, place, unchanged):
    fields = {"locationId": place.location_id, "point": POINT, "timezone": "UTC"}
    async with unchanged():
        refused = await change("createLocation", viewer=owner, researchProjectId=ids.encode(project), **fields)
    assert refused["message"] == "Another location of the research project has this location id."


async def test_a_deployment_has_all_its_fields(change, owner, place):
    fields = f"deploymentId startsAt endsAt {' '.join(DETAILS)} location {{ locationId }}"
    made = await change(
        "createDeployment",
        fields,
        viewer=owner,
        locationId=ids.encode(place),
        deploymentCode="r1",
        startsAt="2026-04-01T10:00:00+02:00",
        endsAt="2026-05-01T10:00:00Z",
        details=DETAILS,
    )
    assert {name: made[name] for name in DETAILS} == DETAILS
    assert (made["deploymentId"], made["location"]) == ("r1-loc1", {"locationId": "loc1"})
    assert (made["startsAt"], made["endsAt"]) == ("2026-04-01T08:00:00+00:00", "2026-05-01T10:00:00+00:00")
    changed = await change(
        "updateDeployment", fields, viewer=owner, id=made["id"], deploymentCode="r2", details={"habitat": None}
    )
    assert (changed["deploymentId"], changed["habitat"], changed["cameraId"]) == ("r2-loc1", None, "HC500-1")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"endsAt": "2026-04-01T00:00:00Z"}, "endsAt"),
        ({"endsAt": "2026-03-01T00:00:00Z"}, "endsAt"),
        ({"startsAt": "0001-01-01T00:00:00Z"}, "startsAt"),
        ({"details": {"cameraTilt": 91}}, "cameraTilt"),
        ({"details": {"cameraHeading": 361}}, "cameraHeading"),
        ({"details": {"cameraDelay": -1}}, "cameraDelay"),
        ({"details": {"sequenceGapS": 86401}}, "sequenceGapS"),
        ({"details": {"fileNamePattern": "{year}"}}, "fileNamePattern"),
        ({"details": {"fileNamePattern": "{MM}{DD}"}}, "fileNamePattern"),
        ({"details": {"fileNamePattern": "{any}{any}{any}{YYYY}{MM}{DD}{hh}{mm}"}}, "fileNamePattern"),
    ],
)
async def test_a_deployment_that_cannot_be_is_refused(change, owner, place, unchanged, given, field):
    fields = {"deploymentCode": "r1", "startsAt": "2026-04-01T00:00:00Z"} | given
    async with unchanged():
        refused = await change("createDeployment", viewer=owner, locationId=ids.encode(place), **fields)
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", field)


async def test_impossible_dates_are_refused(change, owner, place, unchanged):
    async with unchanged():
        refused = await change(
            "createDeployment",
            viewer=owner,
            locationId=ids.encode(place),
            deploymentCode="r1",
            startsAt="2026-02-30T00:00:00Z",
        )
    assert refused["__typename"] == "errors"


async def test_a_camera_is_in_one_deployment_at_a_time(change, database, owner, place, unchanged):
    await factories.deployment(database, place, camera_id="C1")
    fields = {"locationId": ids.encode(place), "deploymentCode": "r2", "details": {"cameraId": "C1"}}
    async with unchanged():
        refused = await change("createDeployment", viewer=owner, **fields, startsAt="2026-06-01T00:00:00Z")
    assert refused["message"] == "The same camera is in another deployment of the project at that time."
    made = await change("createDeployment", "deploymentId", viewer=owner, **fields, startsAt="2026-07-01T00:00:00Z")
    assert made["deploymentId"] == "r2-loc1"


async def test_of_two_deployments_of_a_camera_at_once_one_is_made(change, owner, place):
    fields = {"locationId": ids.encode(place), "startsAt": "2026-06-01T00:00:00Z", "details": {"cameraId": "C1"}}
    answers = await asyncio.gather(
        *(change("createDeployment", viewer=owner, deploymentCode=f"r{each}", **fields) for each in range(2))
    )
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict", "Deployment"]


HOSTILE = {
    "end before start": "UPDATE deployments SET ends_at = starts_at - interval '1 day'",
    "no time at all": "UPDATE deployments SET ends_at = starts_at",
    "same camera": """INSERT INTO deployments (research_project_id, location_id, deployment_code, deployment_id,
        starts_at, camera_id)
        SELECT research_project_id, location_id, 'x', 'x', starts_at, camera_id FROM deployments""",
    "failure backwards": """INSERT INTO deployment_failures (deployment_id, starts_at, ends_at, reason)
        SELECT id, ends_at, starts_at, 'x' FROM deployments""",
    "failures at once": """INSERT INTO deployment_failures (deployment_id, starts_at, ends_at, reason)
        SELECT id, starts_at, ends_at, 'x' FROM deployments, generate_series(1, 2)""",
    "tilt": "UPDATE deployments SET camera_tilt = 91",
    "medium of another project": """INSERT INTO resources (research_project_id, deployment_id, name, file_path, status)
        SELECT max(p.id), max(d.id), 'x', 'x', 'ADDRESS' FROM research_projects p, deployments d""",
}


@pytest.mark.parametrize("statement", HOSTILE.values(), ids=HOSTILE)
async def test_a_script_with_psql_cannot_break_them(database, owner, place, statement):
    await factories.deployment(database, place, camera_id="C1")
    await factories.project(database, owner.id)
    with pytest.raises(IntegrityError):
        async with database.engine.begin() as connection:
            await connection.execute(text(statement))


async def test_failures_are_periods_of_their_deployment(change, ask, database, owner, place, unchanged):
    made = await factories.deployment(database, place)
    of = {"deploymentId": ids.encode(made)}

    def at(days: int) -> str:
        return (SPRING + timedelta(days=days)).isoformat()

    failure = await change(
        "createDeploymentFailure",
        "startsAt endsAt reason",
        viewer=owner,
        **of,
        startsAt=at(5),
        endsAt=at(9),
        reason="Bear took it.",
    )
    assert (failure["startsAt"], failure["reason"]) == (at(5), "Bear took it.")
    async with unchanged():
        for begin, end, field in [(9, 5, "endsAt"), (-1, 2, "startsAt"), (80, 200, "endsAt")]:
            refused = await change(
                "createDeploymentFailure", viewer=owner, **of, startsAt=at(begin), endsAt=at(end), reason="x"
            )
            assert refused["field"] == field
        refused = await change("createDeploymentFailure", viewer=owner, **of, startsAt=at(8), endsAt=at(10), reason="x")
        assert refused["message"].startswith("It overlaps another failure")
        refused = await change("updateDeployment", viewer=owner, id=of["deploymentId"], endsAt=at(7))
        assert refused["code"] == "CONFLICT"
    await change("updateDeploymentFailure", viewer=owner, id=failure["id"], endsAt=at(6))
    await change("updateDeployment", viewer=owner, id=of["deploymentId"], endsAt=at(7))
    await change("deleteDeploymentFailure", viewer=owner, id=failure["id"])
    listed = await ask(
        "query ($id: ID!) { deployment(id: $id) { failures { totalCount } } }", viewer=owner, id=of["deploymentId"]
    )
    assert listed["deployment"]["failures"]["totalCount"] == 0


async def test_what_has_parts_is_not_deleted(change, database, owner, place, project, unchanged):
    made = await factories.deployment(database, place)
    await factories.resource(database, project, deployment_id=made.id)
    async with unchanged():
        assert (await change("deleteLocation", viewer=owner, id=ids.encode(place)))["code"] == "CONFLICT"
        assert (await change("deleteDeployment", viewer=owner, id=ids.encode(made)))["code"] == "CONFLICT"


async def test_strangers_see_public_places_of_open_projects(ask, database, owner):
    project = await factories.open_project(database, owner.id)
    shown = await factories.location(database, project, "shown", is_public=True)
    hidden = await factories.location(database, project, "hidden")
    await factories.deployment(database, shown)
    await factories.deployment(database, hidden)
    document = "{ locations { nodes { locationId } } deployments { nodes { deploymentId } } }"
    seen = await ask(document)
    assert seen["locations"]["nodes"] == [{"locationId": "shown"}]
    assert seen["deployments"]["nodes"] == [{"deploymentId": "r1-shown"}]
    seen = await ask(document, viewer=owner)
    assert len(seen["locations"]["nodes"]) == len(seen["deployments"]["nodes"]) == 2


@pytest.mark.parametrize("is_sensitive", [True, False])
async def test_places_of_sensitive_species_are_coarse_to_all_but_members(ask, database, owner, is_sensitive):
    at = await classifying.season(database, owner.id, media=1)
    genus = await factories.species(database, "Lynx", is_sensitive=is_sensitive)
    lynx = await factories.species(database, "Lynx lynx", parent_id=genus.id)
    await classifying.by_ai(database, at, 0, classifying.seen(lynx))
    async with database.writing() as session:
        project = await session.get_one(type(at.research), at.research.id)
        project.is_public, project.status = True, ResearchProjectStatus.APPROVED
        (await session.get_one(Location, at.deployment.location_id)).is_public = True
    document = """query ($box: [Float!]) { locations(bbox: $box) { nodes { point coordinateUncertainty } } }"""
    exact = {"point": {"type": "Point", "coordinates": [23.85, 52.7]}, "coordinateUncertainty": None}
    coarse = {"point": {"type": "Point", "coordinates": [23.8, 52.7]}, "coordinateUncertainty": 11_132.0}
    near = [23.84, 52.69, 23.86, 52.71]
    for viewer, seen in ((owner, exact), (None, coarse if is_sensitive else exact)):
        assert (await ask(document, viewer=viewer))["locations"]["nodes"] == [seen]
        # The filter knows no more than what is shown.
        found = (await ask(document, viewer=viewer, box=near))["locations"]["nodes"]
        assert found == ([] if seen is coarse else [exact])


async def test_deployments_are_found(ask, database, owner, place):
    first = await factories.deployment(database, place, camera_id="C1")
    await factories.deployment(database, place, "r2", starts_at=SUMMER, ends_at=None, clock_correction_s=60)
    document = "query ($from: DateTime, $to: DateTime, $corrected: Boolean, $camera: String) { deployments("
    document += "duringFrom: $from, duringTo: $to, isClockCorrected: $corrected, cameraId: $camera, "
    document += "orderBy: FIRST_START) { nodes { deploymentCode } } }"

    async def codes(**given):
        answer = await ask(document, viewer=owner, **given)
        return [each["deploymentCode"] for each in answer["deployments"]["nodes"]]

    assert await codes() == ["r1", "r2"]
    assert await codes(to="2026-05-01T00:00:00Z") == ["r1"]
    assert await codes(**{"from": "2026-08-01T00:00:00Z"}) == ["r2"]
    assert await codes(corrected=True) == ["r2"]
    assert await codes(camera=first.camera_id) == ["r1"]
