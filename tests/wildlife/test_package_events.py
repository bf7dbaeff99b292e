"""Packages say what sequences show together, and tell nobody where a sensitive species is."""

import csv
import gzip
import io
import json
import zipfile
from datetime import timedelta

import pytest
from shapely import Point
from sqlalchemy import text, update

from app.models.wildlife.deployments import Deployment, Location
from app.models.wildlife.media import Resource
from app.models.wildlife.observations import ObservationLevel, Sex
from app.models.wildlife.species import Species
from app.services.wildlife.media import sequences
from app.settings import settings
from resolvers import ids
from tests.formats.wildlife.packages import Read
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import BLANK, Season, season, seen
from tests.wildlife.exchanging import Desk

GROUP = ObservationLevel.GROUP
SECRET = "Oak valley den"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")


@pytest.fixture
async def at(database, owner) -> Season:
    """Six media: four within ten minutes, two an hour later."""
    at = await season(database, owner.id, media=6)
    start = at.deployment.starts_at + timedelta(days=1)
    async with database.writing() as session:
        for number, minutes in enumerate((0, 2, 4, 6, 60, 61)):
            when = start + timedelta(minutes=minutes)
            of_one = update(Resource).where(Resource.id == at.resources[number].id)
            await session.execute(of_one.values(recorded_at=when))
        await sequences.rebuild(session, at.deployment.id)
    return at


@pytest.fixture
async def found(database, at, owner):
    """Two foxes, then five, as a group and one by one; one deer in the last of them. An hour later nothing."""
    fox, deer = at.fox, at.deer
    await classifying.by_ai(database, at, 0, seen(fox, sex=Sex.FEMALE), seen(fox, sex=Sex.FEMALE))
    group = seen(fox, sex=Sex.FEMALE, observation_level=GROUP, bboxes=None, count=5, count_new=3)
    await classifying.by_person(database, at, 1, owner.id, seen(fox, sex=Sex.FEMALE, count_new=1), group)
    await classifying.by_ai(database, at, 2, seen(deer, sex=Sex.MALE, individual_id="D1"))
    await classifying.by_ai(database, at, 3, seen(deer, individual_id="D1"))
    for number in (4, 5):
        await classifying.by_ai(database, at, number, seen(kind=BLANK))


@pytest.fixture
def export(api, change, ask, database, owner, at, tmp_path):
    async def export(**options):
        desk = Desk(api, change, ask, database, owner)
        told, content = await desk.fetch(
            "exportCamtrapDp",
            classificationProjectId=ids.encode(at.project),
            options={"approvedOnly": False, **options},
        )
        assert told["status"] == "FINISHED", told
        (tmp_path / "package.zip").write_bytes(content)
        return content

    return export


def rows(content, name):
    packed = zipfile.ZipFile(io.BytesIO(content)).read(f"{name}.csv.gz")
    return list(csv.DictReader(io.StringIO(gzip.decompress(packed).decode())))


def events(content):
    return [row for row in rows(content, "observations") if row["observationLevel"] == "event"]


async def test_events_sum_up_what_their_media_show(export, found, at, tmp_path):
    content = await export(includeEvents=True)
    deer, fox, blank = sorted(events(content), key=lambda row: row["scientificName"] or "~")
    assert (fox["scientificName"], fox["count"], fox["sex"]) == (at.fox.scientific_name, "5", "female")
    assert fox["classificationMethod"] == "", "AI and a person saw them"
    assert (deer["scientificName"], deer["count"], deer["individualID"]) == (at.deer.scientific_name, "1", "D1")
    assert deer["sex"] == "", "they do not agree on it"
    assert (deer["classificationMethod"], deer["classifiedBy"]) == ("machine", "Forest eyes")
    assert (blank["observationType"], blank["scientificName"], blank["count"]) == ("blank", "", "")
    assert all(row["mediaID"] == row["bboxX"] == "" for row in (fox, deer, blank))
    said = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("datapackage.json"))
    assert said["project"]["observationLevel"] == ["media", "event"]


async def test_events_last_from_their_first_medium_to_their_last(export, found):
    content = await export(includeEvents=True)
    media = {row["mediaID"]: row["timestamp"] for row in rows(content, "media")}
    first = rows(content, "observations")[0]
    [*_, last] = sorted(media.values())
    by_event = {row["eventID"]: (row["eventStart"], row["eventEnd"]) for row in events(content)}
    assert len(by_event) == 2
    times = sorted(media.values())
    assert sorted(by_event.values()) == [(times[0], times[3]), (times[4], last)]
    assert first["eventID"] in by_event
    of_media = [row for row in rows(content, "observations") if row["observationLevel"] == "media"]
    assert {row["eventID"] for row in of_media} == set(by_event)
    keys = [row["observationID"] for row in rows(content, "observations")]
    assert len(set(keys)) == len(keys)


async def test_events_count_what_is_new_if_wanted(export, found, at):
    content = await export(includeEvents=True, eventsCount="COUNT_NEW")
    counts = {row["scientificName"]: row["count"] for row in events(content)}
    assert counts == {at.fox.scientific_name: "4", at.deer.scientific_name: "1", "": ""}


async def test_media_without_a_sequence_are_events_of_their_own(export, found, database, at):
    async with database.writing() as session:
        await session.execute(update(Resource).where(Resource.id == at.resources[0].id).values(sequence_id=None))
    assert len({row["eventID"] for row in events(await export(includeEvents=True))}) == 3


async def test_packages_have_events_only_if_wanted(export, found):
    assert events(await export()) == []
    assert all(row["observationType"] != "blank" for row in events(await export(includeEvents=True, excludeBlank=True)))


async def test_reading_a_package_again_leaves_out_what_follows_from_media(export, found, tmp_path):
    await export(includeEvents=True)
    read = Read(tmp_path / "package.zip")
    assert [each for each in read.problems if each.severity != "INFO"] == []
    assert {said["media_id"] is None for said in read.of("observation")} == {False}
    assert len(read.of("observation")) == 8


@pytest.fixture
async def sensitive(database, at, found):
    """Names of the place stand in every text that people write; another place is nobody's secret."""
    plain = await wildlife.deployment(database, await wildlife.location(database, at.research, "plain"), "p1")
    await wildlife.resource(database, at.research, "PLAIN.JPG", deployment_id=plain.id)
    async with database.writing() as session:
        await session.execute(update(Species).where(Species.id == at.fox.id).values(is_sensitive=True))
        await session.execute(
            update(Location)
            .where(Location.id == at.deployment.location_id)
            .values(point=Point(23.8512, 52.7034), name=SECRET, location_id=SECRET, habitat=SECRET, description=SECRET)
        )
        texts = {"habitat": SECRET, "comments": SECRET, "deployment_groups": [SECRET], "deployment_tags": [SECRET]}
        own = update(Deployment).where(Deployment.id == at.deployment.id)
        await session.execute(own.values(deployment_id=f"r1-{SECRET}", deployment_code=SECRET, **texts))
        await session.execute(
            update(Resource).values(
                file_path=f"{SECRET}/" + Resource.name,
                name=f"{SECRET} " + Resource.name,
                media_id=f"{SECRET} " + Resource.name,
                description=SECRET,
                exif={"GPSLatitude": 52.7034, "GPSLongitude": 23.8512},
            )
        )
        comments = "UPDATE classifications SET comments = :said WHERE classification_type <> 'FINAL'"
        await session.execute(text(comments), {"said": SECRET})
        attrs = "UPDATE classification_attrs SET attrs = jsonb_build_object('site', CAST(:said AS text))"
        await session.execute(text(attrs), {"said": SECRET})


def whole(content):
    """Everything that a package says, unpacked."""
    archive = zipfile.ZipFile(io.BytesIO(content))
    return "".join(
        (gzip.decompress(archive.read(name)) if name.endswith(".gz") else archive.read(name)).decode()
        for name in archive.namelist()
    )


async def test_nothing_in_a_package_tells_where_a_sensitive_species_is(export, sensitive, tmp_path):
    content = await export(includeEvents=True)
    said = whole(content)
    assert "23.85" not in said
    assert "52.703" not in said
    assert SECRET not in said
    [deployment] = rows(content, "deployments")
    assert (float(deployment["latitude"]), float(deployment["longitude"])) == (52.7, 23.9)
    assert int(deployment["coordinateUncertainty"]) >= 11_132
    assert "dataGeneralizations" in deployment["deploymentTags"]
    package = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("datapackage.json"))
    assert package["coordinatePrecision"] == 0.1
    assert package["dataGeneralizations"].startswith("1 deployments")
    assert package["spatial"]["bbox"] == [23.9, 52.7, 23.9, 52.7]
    assert {row["filePublic"] for row in rows(content, "media")} == {"false"}
    assert [each for each in Read(tmp_path / "package.zip").problems if each.severity != "INFO"] == []


async def test_members_get_the_exact_place_if_they_ask_for_it(export, sensitive):
    content = await export(coarsenSensitive=False)
    [deployment] = rows(content, "deployments")
    assert (deployment["latitude"], deployment["longitude"]) == ("52.7034000", "23.8512000")
    assert (deployment["locationName"], deployment["deploymentTags"]) == (SECRET, SECRET)
    package = json.loads(zipfile.ZipFile(io.BytesIO(content)).read("datapackage.json"))
    assert "dataGeneralizations" not in package
