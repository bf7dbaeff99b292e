"""A package that is exported is read again without an error, and says row by row what was written."""

import pytest
from sqlalchemy import text

from app.settings import settings
from resolvers import ids
from tests.formats.wildlife.packages import Read
from tests.wildlife.classifying import season
from tests.wildlife.exchanging import Desk, work

TOLD = "status failure formatVersion sizeBytes downloadLink counts { deployments media observations frames }"
TABLE = (
    "filePath,observationType,scientificName,count,sex,age,behaviour,individualID,bboxes,classificationMethod,distance\n"
    'IMG_0.JPG,animal,{fox},1,female,offspring,grazing,F1,"[0.1,0.2,0.3,0.4]",human,6.25\n'
    "IMG_0.JPG,animal,{fox},3,,,,,,human,\n"
    'IMG_1.JPG,human,,1,,,,,"[0,0,1,1]",machine,\n'
    "IMG_2.JPG,blank,,,,,,,,human,\n"
)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path / "home")


@pytest.fixture
async def at(database, owner):
    return await season(database, owner.id, media=4)


@pytest.fixture
async def seen(api, change, ask, database, owner, at):
    """Approved classifications of three media; a fourth has none."""
    desk = Desk(api, change, ask, database, owner)
    content = TABLE.replace("{fox}", at.fox.scientific_name).encode()
    told = await desk.bring(
        "importClassifications", content, classificationProjectId=ids.encode(at.project), approve=True
    )
    assert told["status"] == "FINISHED", told


@pytest.fixture
def export(api, change, ask, database, owner, at, tmp_path):
    async def export(**options):
        begun = await change(
            "exportCamtrapDp", viewer=owner, classificationProjectId=ids.encode(at.project), options=options
        )
        assert begun["__typename"] == "WildlifeExport", begun
        await work(database)
        document = f"query ($id: ID!) {{ wildlifeExport(id: $id) {{ {TOLD} }} }}"
        told = (await ask(document, viewer=owner, id=begun["id"]))["wildlifeExport"]
        if told["downloadLink"] is None:
            return told, None
        sent = await api.get(told["downloadLink"])
        assert sent.status_code == 200
        path = tmp_path / "package.zip"
        path.write_bytes(sent.content)
        return told, Read(path)

    return export


@pytest.mark.parametrize("gzip", [True, False])
async def test_a_package_is_read_again_without_a_complaint(export, seen, gzip):
    told, read = await export(gzip=gzip)
    assert (told["status"], told["formatVersion"]) == ("FINISHED", "1.0.2")
    assert told["counts"] == {"deployments": 1, "media": 3, "observations": 4, "frames": 4}
    assert [each for each in read.problems if each.severity != "INFO"] == []
    assert read.summary["version"] == "1.0.2"
    assert read.summary["counts"]["observations"] == 4


async def test_observations_come_back_as_they_were(export, seen, at):
    _, read = await export()
    first, group, person, blank = read.of("observation")
    told = ("type", "level", "names", "sex", "age", "behaviour", "count", "individual_id", "bbox", "distance", "method")
    assert [first[name] for name in told] == [
        "animal",
        "object",
        [at.fox.scientific_name],
        "female",
        "offspring",
        "grazing",
        1,
        "F1",
        [0.1, 0.2, 0.3, 0.4],
        6.25,
        "human",
    ]
    assert (group["level"], group["count"], group["bbox"]) == ("group", 3, None)
    assert (person["type"], person["method"], person["bbox"]) == ("human", "machine", [0, 0, 1, 1])
    assert (blank["type"], blank["names"]) == ("blank", [])


async def test_media_with_people_go_out_without_their_paths(export, seen):
    _, read = await export()
    assert [medium["filePath"].startswith("private/") for medium in read.of("media")] == [False, True, False]
    assert ["fileName" in medium for medium in read.of("media")] == [True, False, True]
    _, read = await export(privateHumans=False)
    assert [medium["filePath"] for medium in read.of("media")] == ["IMG_0.JPG", "IMG_1.JPG", "IMG_2.JPG"]


async def test_options_choose_what_goes_out(export, seen, at):
    told, read = await export(excludeBlank=True)
    assert told["counts"]["media"] == 2
    told, read = await export(approvedOnly=False)
    assert told["counts"]["media"] == 4
    _, read = await export(coordinateDecimals=1)
    [deployment] = read.of("deployment")
    assert (deployment["latitude"], deployment["longitude"]) == (52.7, 23.9)
    assert deployment["coordinateUncertainty"] == 7872


async def test_an_export_of_nothing_says_so(export, at):
    told, _ = await export()
    assert told["status"] == "FAILED"
    assert told["failure"].startswith("There is nothing to export.")


async def test_the_link_asks_again_whether_its_holder_may(api, export, seen, database, at, owner):
    told, _ = await export()
    async with database.writing() as session:
        await session.execute(text("DELETE FROM research_project_members"))
    assert (await api.get(told["downloadLink"])).status_code == 410


async def test_others_may_not_export(refuse, other, at):
    refused = await refuse("exportCamtrapDp", viewer=other, classificationProjectId=ids.encode(at.project))
    assert refused["code"] == "NOT_FOUND"


async def test_observations_go_out_as_a_table_that_is_imported_again(api, change, ask, seen, database, owner, at):
    begun = await change("exportObservations", viewer=owner, classificationProjectId=ids.encode(at.project))
    await work(database)
    document = "query ($id: ID!) { wildlifeExport(id: $id) { status downloadLink counts { observations } } }"
    told = (await ask(document, viewer=owner, id=begun["id"]))["wildlifeExport"]
    assert (told["status"], told["counts"]) == ("FINISHED", {"observations": 4})
    content = (await api.get(told["downloadLink"])).content
    assert content.count(b"\n") == 5
    again = await Desk(api, change, ask, database, owner).bring(
        "importClassifications", content, classificationProjectId=ids.encode(at.project)
    )
    assert (again["status"], again["errorCount"], again["counts"]["observations"]) == ("FINISHED", 0, 4)
