"""Locations and deployments from tables: all rows or none, an error for each value, and dry runs."""

import pytest
from sqlalchemy import select

from app.models.wildlife.deployments import Deployment, Location
from resolvers import ids
from tests.wildlife import factories

FIELDS = "isDone isDryRun rows created updated problems { row column message isError }"
LOCATIONS = """locationID,Location Name,latitude,longitude,timezone,ignore_dst,coordinateUncertainty,isPublic,colour
loc1,Clearing,52.7,23.85,Europe/Warsaw,true,187,false,green
loc2,"Brook, east",52.8,23.9,Europe/Warsaw,,NA,TRUE,
"""
DEPLOYMENTS = """deploymentCode,locationID,deploymentStart,deploymentEnd,cameraID,cameraTilt,featureType,deploymentTags
r1,loc1,2026-04-01T10:00:00,2026-05-01T10:00:00+02:00,C1,-10,trailGame,forest edge | bait
r1,loc2,2026-04-01T10:00:00,,C2,1.0,,
"""


@pytest.fixture
def take(change, owner, project):
    async def take(kind, csv, **more):
        name = "importLocations" if kind == "locations" else "importDeployments"
        return await change(name, FIELDS, viewer=owner, researchProjectId=ids.encode(project), csv=csv, **more)

    return take


async def rows(database, table):
    async with database.reading() as session:
        return (await session.scalars(select(table).order_by(table.id))).all()


async def test_tables_make_places_and_deployments(database, take):
    done = await take("locations", LOCATIONS)
    assert (done["isDone"], done["rows"], done["created"], done["updated"]) == (True, 2, 2, 0)
    assert done["problems"] == [
        {"row": 1, "column": "colour", "message": "This column is not known; it is left out.", "isError": False}
    ]
    first, second = await rows(database, Location)
    assert (first.name, first.point.x, first.ignore_dst, first.coordinate_uncertainty) == ("Clearing", 23.85, True, 187)
    assert (second.name, second.is_public, second.coordinate_uncertainty) == ("Brook, east", True, None)
    done = await take("deployments", DEPLOYMENTS)
    assert (done["isDone"], done["created"]) == (True, 2)
    one, two = await rows(database, Deployment)
    # Without an offset: on winter time at the first place, on summer time at the second.
    assert (one.starts_at.isoformat(), two.starts_at.isoformat()) == (
        "2026-04-01T09:00:00+00:00",
        "2026-04-01T08:00:00+00:00",
    )
    assert (one.ends_at.isoformat(), two.ends_at) == ("2026-05-01T08:00:00+00:00", None)
    assert (one.deployment_id, one.camera_tilt, one.feature_type.name) == ("r1-loc1", -10, "TRAIL_GAME")
    assert one.deployment_tags == ["forest edge", "bait"]
    again = await take("deployments", DEPLOYMENTS)
    assert (again["isDone"], again["created"], again["updated"]) == (True, 0, 2)


async def test_a_dry_run_changes_nothing(take, unchanged):
    async with unchanged():
        done = await take("locations", LOCATIONS, dryRun=True)
    assert (done["isDone"], done["isDryRun"], done["created"]) == (False, True, 2)


async def test_every_wrong_value_is_told_and_nothing_imported(take, unchanged):
    wrong = """locationID,latitude,longitude,timezone,coordinateUncertainty,isPublic
loc1,52.7,23.85,Europe/Warsaw,10,true
loc1,52.7,23.85,Europe/Warsaw,10,true
,95,abc,Europe/Nowhere,-1,perhaps
loc3,52.7,23.85
"""
    async with unchanged():
        done = await take("locations", wrong)
    assert (done["isDone"], done["created"]) == (False, 0)
    assert {(each["row"], each["column"]) for each in done["problems"] if each["isError"]} == {
        (3, "locationID"),
        (4, "location_id"),
        (4, "latitude"),
        (4, "longitude"),
        (4, "timezone"),
        (4, "coordinateUncertainty"),
        (4, "isPublic"),
        (5, None),
    }


async def test_wrong_deployments_are_told(take, unchanged, database, project):
    place = await factories.location(database, project)
    await factories.deployment(database, place, "old", camera_id="C9")
    wrong = """deploymentCode,locationID,deploymentStart,deploymentEnd,cameraID,featureType,cameraHeading
a,loc1,2026-02-30T00:00:00Z,,,,
b,loc1,2026-05-01T00:00:00Z,2026-04-01T00:00:00Z,,,
c,nowhere,2026-05-01T00:00:00Z,,,,
d,loc1,2026-05-01T00:00:00Z,,C9,,
e,loc1,2025-05-01T00:00:00Z,2025-06-01T00:00:00Z,C1,spaceship,400
f,loc1,2025-05-02T00:00:00Z,2025-05-03T00:00:00Z,C1,,
"""
    async with unchanged():
        done = await take("deployments", wrong)
    assert {(each["row"], each["column"]) for each in done["problems"]} == {
        (2, "deploymentStart"),
        (3, "deploymentEnd"),
        (4, "locationID"),
        (5, "cameraID"),
        (6, "featureType"),
        (6, "cameraHeading"),
        (7, "cameraID"),
    }


@pytest.mark.parametrize(
    ("csv", "said"),
    [
        ("", "locations has no header."),
        ("a,b\n1,2\n", "The table of locations lacks the columns locationid, latitude, longitude, timezone"),
        ("locationID,locationID,latitude,longitude,timezone\n", 'locations has two columns named "locationID".'),
        ('locationID,latitude,longitude,timezone\n"a', "locations is not CSV"),
    ],
)
async def test_what_is_no_table_is_refused(take, unchanged, csv, said):
    async with unchanged():
        refused = await take("locations", csv)
    assert (refused["__typename"], refused["field"]) == ("InvalidInput", "csv")
    assert refused["message"].startswith(said)


async def test_viewers_import_nothing(change, database, other, project, unchanged):
    async with unchanged():
        refused = await change("importLocations", viewer=other, researchProjectId=ids.encode(project), csv=LOCATIONS)
    assert refused["code"] == "NOT_FOUND"
