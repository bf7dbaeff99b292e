"""Tables of classifications: what people and models said of media that a project has."""

import pytest
from sqlalchemy import text

from app.settings import settings
from resolvers import ids
from tests.wildlife import factories as wildlife
from tests.wildlife.classifying import attribute, classificator, season
from tests.wildlife.exchanging import Desk


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def at(database, owner):
    return await season(database, owner.id, media=4)


@pytest.fixture
def desk(api, change, ask, database, owner):
    return Desk(api, change, ask, database, owner)


@pytest.fixture
def bring(desk, at):
    async def bring(content, mutation, **arguments):
        return await desk.bring(mutation, content, classificationProjectId=ids.encode(at.project), **arguments)

    return bring


TABLE = "mediaID,filePath,observationType,scientificName,count,classificationMethod,classifiedBy,bboxes\n"


async def test_a_table_of_classifications_is_written_for_people_and_models_and_approved(bring, database, owner):
    fox = await wildlife.species(database, "Vulpes vulpes")
    content = TABLE + (
        'm,IMG_0.JPG,animal,Vulpes vulpes,1,human,Somebody,"[[0.1,0.2,0.3,0.4]]"\n'
        ",IMG_0.JPG,animal,Vulpes vulpes,2,human,Somebody,\n"
        ",IMG_1.JPG,human,,1,machine,MDV6,\n"
    )
    told = await bring(content.encode(), "importClassifications", approve=True)
    assert (told["status"], told["matched"], told["counts"]["approved"]) == ("FINISHED", 2, 2)
    said = text(
        "SELECT row.classification_type, row.user_id, attrs.observation_level, attrs.count, attrs.species_id, "
        "final.is_approved, final.source_id = row.id FROM classification_attrs AS attrs "
        "JOIN classifications AS row ON row.id = attrs.classification_id "
        "JOIN classifications AS final ON final.id = row.final_id ORDER BY attrs.resource_id, attrs.id"
    )
    async with database.reading() as session:
        assert [tuple(row) for row in await session.execute(said)] == [
            ("USER", owner.id, "OBJECT", 1, fox.id, True, True),
            ("USER", owner.id, "GROUP", 2, fox.id, True, True),
            ("AI", None, "OBJECT", 1, None, True, True),
        ]
        assert await session.scalar(text("SELECT count(*) FROM classification_approvals")) == 2
    again = await bring(content.replace("Vulpes vulpes,2", "Vulpes vulpes,3").encode(), "importClassifications")
    assert (again["status"], again["counts"]["classifications"]) == ("FINISHED", 2)
    async with database.reading() as session:
        live = text(
            "SELECT superseded_at IS NULL, (SELECT max(count) FROM classification_attrs WHERE classification_id = "
            "row.id) FROM classifications AS row WHERE classification_type = 'USER' ORDER BY id"
        )
        assert [tuple(row) for row in await session.execute(live)] == [(False, 2), (True, 3)]


async def test_rows_are_found_by_the_ids_of_the_api(bring, at, database):
    resource = ids.encode(at.resources[2])
    content = f"resourceID,observationType\n{resource},vehicle\n{at.resources[3].id},blank\n"
    told = await bring(content.encode(), "importClassifications")
    assert (told["status"], told["matched"], told["counts"]["observations"]) == ("FINISHED", 2, 2)
    content = "resourceID,observationType\n99999999,vehicle\n"
    told = await bring(content.encode(), "importClassifications")
    assert (told["status"], told["problems"][0]["message"]) == (
        "FAILED",
        "The classification project has no such medium.",
    )


async def test_attributes_that_the_classificator_does_not_know_are_left_out_and_told(desk, database, owner):
    form = await classificator(database, owner.id, custom={"tail": attribute(), "legs": attribute("INTEGER")})
    at = await season(database, owner.id, classificator_id=form.id)
    content = (
        'filePath,observationType,attrs\nIMG_0.JPG,animal,"{""tail"": ""long"", ""legs"": ""four"", ""fur"": true}"\n'
    )
    told = await desk.bring("importClassifications", content.encode(), classificationProjectId=ids.encode(at.project))
    assert told["status"] == "FINISHED"
    assert {problem["field"] for problem in told["problems"]} == {"attrs", "attrs.legs"}
    async with database.reading() as session:
        assert await session.scalar(text("SELECT attrs FROM classification_attrs")) == {"tail": "long"}
