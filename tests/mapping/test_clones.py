"""Datasets and models on other imagery: all areas and labels, one's own offset, and the original as it was."""

import pytest
from shapely import box
from sqlalchemy import func, insert, select

from app.models.mapping.datasets import AOI, Contributions, Dataset, DownloadStatus, Label, LabelOrigin
from app.services.mapping.datasets import clones
from resolvers import ids
from tests import factories

FIELDS = """name sourceImagery offset status contributions user { username }
    aois(orderBy: OLDEST) { nodes { geom labelStatus user { username }
        labels(orderBy: OLDEST) { nodes { geom origin osmId osmType tags user { username } } } } }"""
IMAGERY = "https://other.example.org/{z}/{x}/{y}.png"


@pytest.fixture
async def dataset(database, owner, other):
    """Two areas, one of which is being fetched, with labels of each origin."""
    dataset = await factories.dataset(
        database, owner.id, offset=[1.0, 2.0], contributions=Contributions.OPEN, name="Village"
    )
    first = await factories.aoi(database, dataset, user_id=other.id, label_status=DownloadStatus.DOWNLOADED)
    await factories.label(database, first, origin=LabelOrigin.OSM, osm_id=3, osm_type="way", tags={"building": "yes"})
    await factories.label(database, first, origin=LabelOrigin.DRAWN, user_id=other.id)
    await factories.aoi(database, dataset, label_status=DownloadStatus.RUNNING, geom=box(13, 46, 13.001, 46.001))
    return dataset


async def test_a_dataset_is_cloned_onto_other_imagery(ask, change, unchanged, database, owner, other, dataset):
    id = ids.encode(dataset)
    clone = await change("cloneDataset", FIELDS, viewer=other, id=id, sourceImagery=IMAGERY, offset=[-3, 4.5])
    assert (clone["name"], clone["sourceImagery"], clone["offset"]) == ("Village", IMAGERY, [-3.0, 4.5])
    assert (clone["status"], clone["contributions"], clone["user"]) == ("DRAFT", "OWNER", {"username": "other"})
    original = (await ask(f"query ($id: ID!) {{ dataset(id: $id) {{ {FIELDS} }} }}", id=id))["dataset"]
    first, second = clone["aois"]["nodes"]
    assert [area["labelStatus"] for area in (first, second)] == ["DOWNLOADED", "NOT_DOWNLOADED"]
    assert {area["user"]["username"] for area in (first, second)} == {"other"}
    assert [area["geom"] for area in (first, second)] == [area["geom"] for area in original["aois"]["nodes"]]
    # The labels stay where the map has them: the offset alone says how far they lie from the imagery.
    assert first["labels"] == original["aois"]["nodes"][0]["labels"]
    assert second["labels"] == {"nodes": []}
    assert original["offset"] == [1.0, 2.0]
    assert original["contributions"] == "OPEN"


async def test_what_is_not_said_is_as_it_was(change, other, dataset):
    clone = await change("cloneDataset", FIELDS, viewer=other, id=ids.encode(dataset), name="Mine")
    assert (clone["name"], clone["sourceImagery"], clone["offset"]) == ("Mine", dataset.source_imagery, [1.0, 2.0])


WRONG = [("name", ""), ("offset", [1]), ("offset", [0, 1001]), ("sourceImagery", "http://127.0.0.1/{z}/{x}/{y}.png")]


@pytest.mark.parametrize("deed", ["cloneDataset", "cloneModel"])
@pytest.mark.parametrize(("field", "value"), WRONG, ids=str)
async def test_a_wrong_value_is_named_and_clones_nothing(refuse, database, other, dataset, deed, field, value):
    row = dataset if deed == "cloneDataset" else await factories.model(database, dataset)
    refused = await refuse(deed, viewer=other, id=ids.encode(row), **{field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


@pytest.mark.parametrize("deed", ["cloneDataset", "cloneModel"])
async def test_strangers_clone_nothing_and_nobody_what_is_not_there(refuse, database, other, dataset, deed):
    row = dataset if deed == "cloneDataset" else await factories.model(database, dataset)
    assert (await refuse(deed, id=ids.encode(row)))["code"] == "UNAUTHENTICATED"
    gone = type(row)(id=row.id + 1_000_000)
    assert (await refuse(deed, viewer=other, id=ids.encode(gone)))["code"] == "NOT_FOUND"


async def test_a_model_is_cloned_with_its_dataset(change, database, other, dataset):
    model = await factories.model(database, dataset, description="Reed")
    shown = "name description status baseModel user { username } dataset { id sourceImagery offset user { username } }"
    clone = await change("cloneModel", shown, viewer=other, id=ids.encode(model), sourceImagery=IMAGERY, offset=[5, 6])
    assert (clone["name"], clone["description"], clone["status"], clone["baseModel"]) == (
        "Roofs",
        "Reed",
        "DRAFT",
        "RAMP",
    )
    assert clone["dataset"].pop("id") != ids.encode(dataset)
    assert clone["dataset"] == {"sourceImagery": IMAGERY, "offset": [5.0, 6.0], "user": {"username": "other"}}
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(Label)) == 4


async def test_many_labels_are_cloned_a_portion_at_a_time(change, statements, database, other, dataset, monkeypatch):
    monkeypatch.setattr(clones, "LABELS_AT_ONCE", 2)
    third = await factories.aoi(database, dataset)
    async with database.writing() as session:
        rows = [{"aoi_id": third.id, "geom": factories.HOUSE, "origin": LabelOrigin.UPLOAD} for _ in range(5)]
        await session.execute(insert(Label), rows)
    statements.clear()
    clone = await change("cloneDataset", viewer=other, id=ids.encode(dataset))
    assert sum("INSERT INTO labels" in statement for statement in statements) == 2
    async with database.reading() as session:
        counts = select(AOI.dataset_id, func.count(Label.id)).outerjoin(Label).group_by(AOI.dataset_id)
        found = dict((await session.execute(counts)).all())
    assert found == {dataset.id: 7, ids.key(clone["id"], Dataset): 7}


def test_no_portion_has_many_more_labels_than_are_copied_at_once(monkeypatch):
    monkeypatch.setattr(clones, "LABELS_AT_ONCE", 10)
    assert clones._in_portions([(1, 4), (2, 7), (3, 50), (4, 0), (5, 1)]) == [[1, 2], [3], [4, 5]]
    assert clones._in_portions([]) == []
