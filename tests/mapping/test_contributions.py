"""Who may add to a dataset is its owner's choice; who may change what was added hangs on whose it is."""

import asyncio

import pytest
from shapely.geometry import shape

from app.geometry.shapes import to_geojson
from app.models.mapping.datasets import AOI, Contributions, Dataset, DownloadStatus, Label
from app.policies import Viewer
from app.services.accounts.teams import memberships
from resolvers import ids
from tests import factories
from tests.factories import SQUARE
from tests.mapping.shapes import square

HOUSE = square(0.0001, 12.0002, 46.0002)
HOUSES = {"type": "FeatureCollection", "features": [{"type": "Feature", "geometry": HOUSE, "properties": {}}]}


@pytest.fixture
async def member(database):
    """Somebody of the owner's team."""
    return await _person(database, "member")


async def _person(database, name):
    from tests.fixtures import Person  # noqa: PLC0415

    signed_in = await factories.user(database, name)
    return Person(signed_in.user, signed_in.token)


@pytest.fixture
async def team(database, owner, member):
    return await factories.team(database, owner.id, member.id)


def brief(value: object) -> str:
    """A name for a case that is the same in every process, whatever order a set has there."""
    return str(sorted(value) if isinstance(value, set) else value)[:20]


WHO_MAY_ADD = [
    (Contributions.OWNER, {"owner", "staff"}),
    (Contributions.TEAM, {"owner", "member", "staff"}),
    (Contributions.OPEN, {"owner", "member", "other", "staff"}),
]


@pytest.mark.parametrize(("contributions", "allowed"), WHO_MAY_ADD, ids=brief)
async def test_the_owner_chooses_who_may_add(
    change, refuse, database, owner, member, other, staff, team, contributions, allowed
):
    team_id = team.id if contributions is Contributions.TEAM else None
    dataset = await factories.dataset(database, owner.id, contributions=contributions, team_id=team_id)
    people = {"owner": owner, "member": member, "other": other, "staff": staff}
    for name, viewer in people.items():
        aoi = ids.encode(await factories.aoi(database, dataset))
        deeds = [
            ("createAoi", {"datasetId": ids.encode(dataset), "geom": to_geojson(SQUARE)}),
            ("uploadLabels", {"aoiId": aoi, "geojson": HOUSES}),
            ("createLabel", {"aoiId": aoi, "geom": square(0.0001, 12.0005, 46.0005)}),
            ("fetchOsmLabels", {"aoiId": aoi}),
        ]
        for deed, input in deeds:
            if name in allowed:
                assert "code" not in await change(deed, viewer=viewer, **input), (name, deed)
            else:
                refused = await refuse(deed, viewer=viewer, **input)
                assert (refused["code"], refused["message"]) == (
                    "FORBIDDEN",
                    "You may not add to this dataset. Ask its owner, or clone it.",
                )


async def test_a_stranger_adds_nothing_to_an_open_dataset(refuse, database, owner):
    dataset = await factories.dataset(database, owner.id, contributions=Contributions.OPEN)
    refused = await refuse("createAoi", datasetId=ids.encode(dataset), geom=to_geojson(SQUARE))
    assert refused["code"] == "UNAUTHENTICATED"


async def test_a_dataset_says_who_may_add(change, owner, team):
    fields = "contributions team { name }"
    made = await change("createDataset", fields, viewer=owner, name="Village")
    assert (made["contributions"], made["team"]) == ("OWNER", None)
    team_id = ids.encode(team)
    made = await change("createDataset", fields, viewer=owner, name="Village", contributions="TEAM", teamId=team_id)
    assert (made["contributions"], made["team"]) == ("TEAM", {"name": "Surveyors"})
    opened = await change("updateDataset", fields, viewer=owner, id=made["id"], contributions="OPEN")
    assert (opened["contributions"], opened["team"]) == ("OPEN", None)
    closed = await change("updateDataset", fields, viewer=owner, id=made["id"], contributions="TEAM", teamId=team_id)
    assert closed["team"] == {"name": "Surveyors"}
    renamed = await change("updateDataset", fields, viewer=owner, id=made["id"], name="Town", contributions="TEAM")
    assert renamed["team"] == {"name": "Surveyors"}


async def test_a_team_is_named_where_it_decides_and_nowhere_else(refuse, database, owner, other, team):
    dataset = ids.encode(await factories.dataset(database, owner.id))
    without = await refuse("updateDataset", viewer=owner, id=dataset, contributions="TEAM")
    assert (without["code"], without["field"]) == ("INVALID_INPUT", "teamId")
    beside = await refuse("updateDataset", viewer=owner, id=dataset, contributions="OPEN", teamId=ids.encode(team))
    assert (beside["code"], beside["field"]) == ("INVALID_INPUT", "teamId")
    hidden = await factories.team(database, other.id)
    unseen = await refuse("updateDataset", viewer=owner, id=dataset, contributions="TEAM", teamId=ids.encode(hidden))
    assert (unseen["code"], unseen["message"]) == ("NOT_FOUND", "There is no such team.")


async def test_a_dataset_whose_team_is_gone_is_its_owners_alone(change, refuse, database, owner, member, team):
    dataset = await factories.dataset(database, owner.id, contributions=Contributions.TEAM, team_id=team.id)
    async with database.writing() as session:
        await memberships.delete_team(session, Viewer(owner.id), team.id)
    input = {"datasetId": ids.encode(dataset), "geom": to_geojson(SQUARE)}
    assert (await refuse("createAoi", viewer=member, **input))["code"] == "FORBIDDEN"
    assert (await change("createAoi", viewer=owner, **input))["__typename"] == "AOI"


@pytest.fixture
async def added(database, owner, other):
    """An area and a label of another's in an open dataset of the owner's, and a label that was fetched."""
    dataset = await factories.dataset(database, owner.id, contributions=Contributions.OPEN)
    aoi = await factories.aoi(database, dataset, user_id=other.id)
    drawn = await factories.label(database, aoi, user_id=other.id)
    fetched = await factories.label(database, aoi, osm_id=5, osm_type="way")
    return {"dataset": dataset, "aoi": aoi, "drawn": drawn, "fetched": fetched}


MAY_CHANGE = [
    ("updateAoi", "aoi", {"geom": square(0.001)}, {"owner", "other", "staff"}),
    ("updateLabel", "drawn", {"tags": {"building": "yes"}}, {"owner", "other", "staff"}),
    ("updateLabel", "fetched", {"tags": {"building": "yes"}}, {"owner", "staff"}),
    ("updateDataset", "dataset", {"offset": [1, 2]}, {"owner", "staff"}),
    ("deleteLabel", "drawn", {}, {"owner", "other", "staff"}),
    ("deleteLabel", "fetched", {}, {"owner", "staff"}),
    ("deleteAoi", "aoi", {}, {"owner", "other", "staff"}),
    ("deleteDataset", "dataset", {}, {"owner", "staff"}),
]


@pytest.mark.parametrize("who", ["owner", "other", "staff", "member"])
@pytest.mark.parametrize(("deed", "row", "input", "allowed"), MAY_CHANGE, ids=brief)
async def test_what_was_added_is_changed_by_whom_it_belongs_to(
    change, refuse, owner, other, staff, member, added, who, deed, row, input, allowed
):
    viewer = {"owner": owner, "other": other, "staff": staff, "member": member}[who]
    id = ids.encode(added[row])
    if who in allowed:
        assert (await change(deed, viewer=viewer, id=id, **input))["id"] == id
    else:
        assert (await refuse(deed, viewer=viewer, id=id, **input))["code"] == "FORBIDDEN"


async def test_what_is_changed_by_another_stays_whose_it_was(change, owner, added):
    shown = "user { username }"
    area = await change("updateAoi", shown, viewer=owner, id=ids.encode(added["aoi"]), geom=square(0.002))
    assert area["user"] == {"username": "other"}
    label = await change("updateLabel", shown, viewer=owner, id=ids.encode(added["drawn"]), tags=None)
    assert label["user"] == {"username": "other"}


async def test_replacing_uploads_takes_away_no_one_elses(change, database, other, owner, member, added):
    aoi = ids.encode(added["aoi"])
    await change("uploadLabels", viewer=member, aoiId=aoi, geojson=HOUSES, replace=True)
    async with database.reading() as session:
        assert await session.get(Label, added["drawn"].id) is not None
    await change("uploadLabels", viewer=owner, aoiId=aoi, geojson=HOUSES, replace=True)
    async with database.reading() as session:
        assert await session.get(Label, added["drawn"].id) is None


async def test_an_area_that_grew_is_to_be_fetched_again(change, database, owner):
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset, label_status=DownloadStatus.DOWNLOADED)
    smaller = await change("updateAoi", "labelStatus", viewer=owner, id=ids.encode(aoi), geom=square(0.0005))
    assert smaller["labelStatus"] == "DOWNLOADED"
    larger = await change("updateAoi", "labelStatus geom", viewer=owner, id=ids.encode(aoi), geom=square(0.002))
    assert larger["labelStatus"] == "NOT_DOWNLOADED"
    assert shape(larger["geom"]).equals(shape(square(0.002)))


@pytest.mark.parametrize("deed", ["updateAoi", "deleteAoi"])
async def test_an_area_that_is_being_fetched_stays_as_it_is(refuse, database, owner, deed):
    dataset = await factories.dataset(database, owner.id)
    aoi = await factories.aoi(database, dataset, label_status=DownloadStatus.RUNNING)
    input = {"geom": square(0.001)} if deed == "updateAoi" else {}
    refused = await refuse(deed, viewer=owner, id=ids.encode(aoi), **input)
    assert (refused["__typename"], refused["code"]) == ("Conflict", "CONFLICT")
    assert (await refuse("deleteDataset", viewer=owner, id=ids.encode(dataset)))["code"] == "CONFLICT"


async def test_a_dataset_takes_its_areas_and_labels_along_but_no_model(change, refuse, database, owner, added):
    model = await factories.model(database, added["dataset"])
    id = ids.encode(added["dataset"])
    refused = await refuse("deleteDataset", viewer=owner, id=id)
    assert refused["message"] == "Models are trained on this dataset (1). Delete them first, or archive the dataset."
    await change("deleteModel", viewer=owner, id=ids.encode(model))
    assert (await change("deleteDataset", viewer=owner, id=id))["id"] == id
    async with database.reading() as session:
        for row in added.values():
            assert await session.get(type(row), row.id) is None


async def test_a_dataset_is_deleted_or_gets_a_model_but_not_both(change, database, owner):
    for _ in range(5):
        dataset = await factories.dataset(database, owner.id)
        id = ids.encode(dataset)
        deleted, made = await asyncio.gather(
            change("deleteDataset", viewer=owner, id=id),
            change("createModel", viewer=owner, datasetId=id, name="Roofs"),
        )
        assert {deleted.get("code"), made.get("code")} in ({None, "CONFLICT"}, {None, "NOT_FOUND"})
        async with database.reading() as session:
            is_there = await session.get(Dataset, dataset.id) is not None
        assert is_there == (made.get("code") is None)


async def test_of_two_who_delete_an_area_one_finds_it_gone(change, database, owner, other, added):
    id = ids.encode(added["aoi"])
    answers = await asyncio.gather(change("deleteAoi", viewer=owner, id=id), change("deleteAoi", viewer=other, id=id))
    assert sorted(answer.get("code", "") for answer in answers) == ["", "NOT_FOUND"]
    async with database.reading() as session:
        assert await session.get(AOI, added["aoi"].id) is None
