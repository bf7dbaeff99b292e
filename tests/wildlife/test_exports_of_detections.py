"""Detections go out as MegaDetector and COCO say them, and deployments as GeoJSON: each file is read back."""

import json
from datetime import timedelta

import pytest
from shapely import Point
from sqlalchemy import update

from app.formats.wildlife.detections import megadetector
from app.formats.wildlife.detections.entries import COCO_TYPES, OF_TYPE, TYPES
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Summary
from app.models.wildlife.deployments import Location
from app.models.wildlife.media import Resource, ResourceType
from app.models.wildlife.observations import ObservationLevel, ObservationType
from app.models.wildlife.species import Species
from app.settings import settings
from resolvers import ids
from tests.wildlife import classifying
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import BLANK, BOX, HUMAN, Season, season, seen
from tests.wildlife.exchanging import Desk

GROUP = ObservationLevel.GROUP
ALL = {"approvedOnly": False}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")


@pytest.fixture
async def at(database, owner) -> Season:
    return await season(database, owner.id, media=6)


@pytest.fixture
def desk(api, change, ask, database, owner) -> Desk:
    return Desk(api, change, ask, database, owner)


@pytest.fixture
def fetch(desk, at):
    async def fetch(mutation, **arguments):
        return await desk.fetch(mutation, classificationProjectId=ids.encode(at.project), options=arguments)

    return fetch


@pytest.fixture
async def found(database, at, owner):
    """A fox and a person by AI, a video of two deer, a blank, a herd that is counted, and one that nobody looked at."""
    await alter(database, at.resources[1], resource_type=ResourceType.VIDEO, fps=15.0, duration_s=4.0)
    for number in (0, 2, 3, 4, 5):
        await alter(database, at.resources[number], width=1_000, height=500)
    await classifying.by_ai(
        database, at, 0, seen(at.fox, classification_confidence=0.75), seen(kind=HUMAN, classification_confidence=1)
    )
    await classifying.by_ai(database, at, 1, seen(at.deer, first_frame_index=7), seen(at.deer, first_frame_index=30))
    await classifying.by_ai(database, at, 2, seen(kind=BLANK))
    await classifying.by_person(
        database, at, 3, owner.id, seen(at.deer, observation_level=GROUP, bboxes=None, count=5), comments="A herd."
    )


async def alter(database, resource, **values):
    async with database.writing() as session:
        await session.execute(update(Resource).where(Resource.id == resource.id).values(**values))


def read(tmp_path, content):
    path = tmp_path / "results.json"
    path.write_bytes(content)
    problems, summary = Problems(), Summary()
    return [record.values for record in megadetector.read(path, problems, summary)], problems, summary


async def test_what_is_detected_goes_out_as_megadetector_results(fetch, found, at, tmp_path):
    told, content = await fetch("exportMegaDetector", **ALL)
    assert (told["status"], told["format"], told["formatVersion"]) == ("FINISHED", "MEGADETECTOR", "1.6")
    assert (told["counts"]["media"], told["counts"]["observations"]) == (4, 5)
    images, problems, _ = read(tmp_path, content)
    assert problems.listed == []
    assert [image["file"] for image in images] == ["IMG_0.JPG", "IMG_1.JPG", "IMG_2.JPG", "IMG_3.JPG"]
    fox, person = images[0]["detections"]
    assert (fox["type"], fox["bbox"], fox["confidence"]) == ("animal", BOX, 0.75)
    assert fox["classes"][0]["names"][0] == at.fox.scientific_name
    assert (person["type"], person["classes"], person["confidence"]) == ("human", [], 1)
    assert [each["frame"] for each in images[1]["detections"]] == [7, 30]
    assert images[1]["frame_rate"] == 15
    assert images[2]["detections"] == []
    [herd] = images[3]["detections"]
    assert (herd["bbox"], herd["classes"][0]["names"][0]) == ([0, 0, 1, 1], at.deer.scientific_name)


async def test_megadetector_results_have_the_fields_of_their_format(fetch, found):
    _, content = await fetch("exportMegaDetector", **ALL)
    said = json.loads(content)
    assert said["info"]["format_version"] == "1.6"
    assert said["detection_categories"] == {"1": "animal", "2": "person", "3": "vehicle", "4": "unknown"}
    assert set(said["classification_categories"]) == set(said["classification_category_descriptions"]) == {"0", "1"}
    assert all(text.count(";") == 6 for text in said["classification_category_descriptions"].values())
    assert b'"conf":1.0' in content, "its validator refuses whole numbers"
    for image in said["images"]:
        assert set(image) <= {"file", "detections", "frame_rate", "frames_processed"}
        for detection in image["detections"]:
            assert set(detection) <= {"category", "conf", "bbox", "frame_number", "classifications"}
            assert detection["category"] in said["detection_categories"]
            assert ("frame_number" in detection) == ("frame_rate" in image)
            if "frame_number" in detection:
                assert detection["frame_number"] in image["frames_processed"]


async def test_results_that_went_out_are_imported_again(desk, fetch, found, database, at):
    _, content = await fetch("exportMegaDetector", **ALL)
    told = await desk.bring("importMegaDetector", content, classificationProjectId=ids.encode(at.project))
    assert (told["status"], told["errorCount"], told["matched"], told["unmatched"]) == ("FINISHED", 0, 4, 0)
    assert told["counts"]["observations"] >= 5


async def test_only_what_is_approved_goes_out_by_default(fetch, found):
    for mutation in ("exportMegaDetector", "exportCoco"):
        told, _ = await fetch(mutation)
        assert told["status"] == "FAILED"
        assert told["failure"].startswith("There is nothing to export.")


async def test_media_that_share_a_path_get_a_folder_by_deployment(fetch, found, database, at, tmp_path):
    other = await wildlife.deployment(database, await wildlife.location(database, at.research, "loc2"), "r2")
    twin = await wildlife.resource(database, at.research, "IMG_0.JPG", deployment_id=other.id)
    await wildlife.put_into(database, at.collection, twin)
    at.resources.append(twin)
    await classifying.by_ai(database, at, 6, seen(at.fox))
    images, _, _ = read(tmp_path, (await fetch("exportMegaDetector", **ALL))[1])
    files = [image["file"] for image in images]
    assert [file for file in files if file.endswith("IMG_0.JPG")] == [
        f"{at.deployment.deployment_id}/IMG_0.JPG",
        f"{other.deployment_id}/IMG_0.JPG",
    ]
    assert len(set(files)) == len(files)
    some = await fetch("exportMegaDetector", deploymentIds=[ids.encode(other)], excludeBlank=True, **ALL)
    assert [image["file"] for image in read(tmp_path, some[1])[0]] == ["IMG_0.JPG"]


async def test_a_file_that_cannot_be_read_is_a_failure(fetch, found, database, at, tmp_path):
    await alter(database, at.resources[5], status="UNREADABLE", read_error="It has 0 bytes.", storage_key="x")
    images, _, _ = read(tmp_path, (await fetch("exportMegaDetector", **ALL))[1])
    assert (images[-1]["file"], images[-1]["failure"]) == ("IMG_5.JPG", "It has 0 bytes.")


async def test_boxes_go_out_as_coco(fetch, found, at):
    told, content = await fetch("exportCoco", **ALL)
    assert (told["status"], told["format"], told["formatVersion"]) == ("FINISHED", "COCO", "1.0")
    assert (told["counts"]["media"], told["counts"]["observations"]) == (2, 2)
    said = json.loads(content)
    assert set(said) == {"info", "licenses", "images", "annotations", "categories"}
    assert [image["file_name"] for image in said["images"]] == ["IMG_0.JPG", "IMG_2.JPG"], (
        "neither a video nor a picture whose animals nobody marked"
    )
    names = {category["id"]: category["name"] for category in said["categories"]}
    assert len(names) == len(said["categories"])
    fox, person = said["annotations"]
    assert (names[fox["category_id"]], names[person["category_id"]]) == (at.fox.scientific_name, "human")
    assert fox["bbox"] == [100, 100, 300, 200], "x, y, width and height in pixels"
    assert (fox["area"], fox["iscrowd"]) == (60_000, 0)
    assert {each["image_id"] for each in said["annotations"]} == {said["images"][0]["id"]}
    assert len({each["id"] for each in said["annotations"]}) == 2


async def test_pictures_of_coco_camera_traps_say_when_and_where(fetch, found, at):
    said = json.loads((await fetch("exportCoco", **ALL))[1])
    image = said["images"][0]
    assert (image["width"], image["height"]) == (1_000, 500)
    assert image["location"] == f"l{at.deployment.location_id}"
    assert len(image["date_captured"]) == len("2026-04-11 20:43:09")


async def test_coco_without_a_box_or_a_blank_is_refused(fetch, found, at, database):
    other = await wildlife.deployment(database, await wildlife.location(database, at.research, "loc2"), "r2")
    await alter(database, at.resources[3], deployment_id=other.id)
    told, _ = await fetch("exportCoco", deploymentIds=[ids.encode(other)], **ALL)
    assert (told["status"], told["counts"]["media"]) == ("FAILED", 0)
    assert "whose observations have boxes" in told["failure"]


async def test_deployments_go_out_as_geojson(fetch, found, database, at):
    start = at.deployment.starts_at
    await wildlife.failure(database, at.deployment, start + timedelta(days=1), start + timedelta(days=3))
    told, content = await fetch("exportDeployments", **ALL)
    assert (told["status"], told["format"], told["counts"]["deployments"]) == ("FINISHED", "DEPLOYMENTS_GEOJSON", 1)
    said = json.loads(content)
    assert said["type"] == "FeatureCollection"
    [feature] = said["features"]
    assert feature["geometry"]["type"] == "Point"
    properties = feature["properties"]
    assert properties["deploymentID"] == at.deployment.deployment_id
    assert properties["deploymentStart"].startswith(f"{start:%Y-%m-%d}")
    whole = (at.deployment.ends_at - start).total_seconds() / 86_400
    assert properties["effortDays"] == pytest.approx(whole - 2, abs=1e-5)
    assert (properties["media"], properties["approvedMedia"], properties["observations"]) == (6, 0, 5)
    assert properties["species"] == sorted([at.fox.scientific_name, at.deer.scientific_name])
    approved = json.loads((await fetch("exportDeployments"))[1])["features"][0]["properties"]
    assert (approved["observations"], approved["species"]) == (0, [])


async def test_deployments_of_sensitive_species_go_out_coarsely(fetch, found, database, at):
    async with database.writing() as session:
        await session.execute(update(Species).where(Species.id == at.fox.id).values(is_sensitive=True))
        await session.execute(update(Location).values(point=Point(23.8512, 52.7034), name="Fox den", location_id="den"))
    _, content = await fetch("exportDeployments")
    [feature] = json.loads(content)["features"]
    assert feature["geometry"]["coordinates"] == [23.9, 52.7]
    assert feature["properties"]["coordinateUncertainty"] >= 11_132
    assert "0.1 degrees" in feature["properties"]["dataGeneralizations"]
    assert b"den" not in content.replace(b"sensitive", b"")
    assert b"23.85" not in content
    _, content = await fetch("exportDeployments", coarsenSensitive=False)
    [feature] = json.loads(content)["features"]
    assert feature["geometry"]["coordinates"] == [23.8512, 52.7034]
    assert feature["properties"]["locationName"] == "Fox den"
    assert "dataGeneralizations" not in feature["properties"]


@pytest.mark.parametrize("mutation", ["exportMegaDetector", "exportCoco", "exportDeployments"])
async def test_others_may_not_export(refuse, other, at, mutation):
    refused = await refuse(mutation, viewer=other, classificationProjectId=ids.encode(at.project))
    assert refused["code"] == "NOT_FOUND"


async def test_decimals_out_of_range_are_refused(change, owner, at):
    told = await change(
        "exportDeployments",
        viewer=owner,
        classificationProjectId=ids.encode(at.project),
        options={"coordinateDecimals": 8},
    )
    assert told["__typename"] == "InvalidInput"


def test_types_of_ours_are_types_of_the_formats():
    assert set(OF_TYPE) == {kind.value for kind in ObservationType} - {"BLANK"}
    assert set(OF_TYPE.values()) == set(TYPES) == {str(number) for number in COCO_TYPES}
