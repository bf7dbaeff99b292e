"""Datasets: made, changed, refused."""

import asyncio

import pytest

from app.models.mapping.datasets import Dataset, DatasetStatus
from app.policies import Viewer
from app.services.mapping.datasets.editing import dataset_to_change
from app.settings import settings
from resolvers import ids
from tests import factories

TEMPLATE = "https://tiles.example.org/{z}/{x}/{y}.png"
FIELDS = "name sourceImagery status offset createdAt lastModified user { username }"
TOO_LONG = f"https://tiles.example.org/{'x' * 2_000}/{{z}}/{{x}}/{{y}}.png"


async def test_a_dataset_is_made_and_found_again(ask, change, owner):
    made = await change("createDataset", FIELDS, viewer=owner, name="  Village ", sourceImagery=f" {TEMPLATE} ")
    assert made["createdAt"] == made["lastModified"]
    shown = {"name": "Village", "sourceImagery": TEMPLATE, "status": "DRAFT", "offset": [0.0, 0.0]}
    assert shown.items() <= made.items()
    assert made["user"] == {"username": "owner"}
    found = await ask(f"query ($id: ID!) {{ dataset(id: $id) {{ __typename id {FIELDS} }} }}", id=made["id"])
    assert found == {"dataset": made}


async def test_a_dataset_takes_every_field(change, owner):
    made = await change(
        "createDataset", FIELDS, viewer=owner, name="Dorf ✿", status="ACTIVE", offset=[1.5, -1_000], sourceImagery=" "
    )
    assert (made["name"], made["status"], made["offset"]) == ("Dorf ✿", "ACTIVE", [1.5, -1_000.0])
    assert made["sourceImagery"] is None


WRONG_NAMES = ["", "   ", "x" * 51, "two\nlines", "bell\u0007", "end\u2028of line", "delete\u007f"]
WRONG_IMAGERY = [
    "tiles",
    "https://tiles.example.org/",
    "https://tiles.example.org/{z}/{x}.png",
    "https://tiles.example.org/{z}/{x}/{y}/{secret}.png",
    "ftp://tiles.example.org/{z}/{x}/{y}.png",
    "https://user:password@tiles.example.org/{z}/{x}/{y}.png",
    "http://127.0.0.1/{z}/{x}/{y}.png",
    "http://localhost:8000/{z}/{x}/{y}.png",
    "http://10.0.0.1/{z}/{x}/{y}.png",
    "http://169.254.169.254/{z}/{x}/{y}.png",
    "http://[::1]/{z}/{x}/{y}.png",
    "http://2130706433/{z}/{x}/{y}.png",
    "http://{x}/{y}/{z}.png",
    "file:///etc/passwd?{z}{x}{y}",
    TOO_LONG,
]
WRONG_OFFSETS = [[], [1.0], [1.0, 2.0, 3.0], [1_000.1, 0.0], [0.0, -1e300]]
WRONG = [
    *(("name", value) for value in WRONG_NAMES),
    *(("sourceImagery", value) for value in WRONG_IMAGERY),
    *(("offset", value) for value in WRONG_OFFSETS),
]


async def test_a_wrong_value_is_named_and_makes_no_dataset(refuse, owner):
    for field, value in WRONG:
        refused = await refuse("createDataset", viewer=owner, **{"name": "Village", field: value})
        assert (refused["__typename"], refused["code"], refused["field"]) == ("InvalidInput", "INVALID_INPUT", field)


async def test_a_wrong_value_is_named_and_changes_no_dataset(refuse, database, owner):
    dataset = await factories.dataset(database, owner.id)
    for field, value in WRONG:
        if value != "   " or field == "name":
            good = {"status": "ACTIVE"}  # is not changed alone
            refused = await refuse("updateDataset", viewer=owner, id=ids.encode(dataset), **good, **{field: value})
            assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


@pytest.mark.parametrize(
    "input",
    [
        {"name": None},
        {"name": 5},
        {"name": "A", "offset": ["a", "b"]},
        {"name": "A", "offset": [None, 1]},
        {"name": "A", "status": "FINISHED"},
        {"name": "A", "owner": "me"},
        {},
    ],
    ids=str,
)
async def test_a_value_of_another_kind_makes_no_dataset(refuse, owner, input):
    assert (await refuse("createDataset", viewer=owner, **input))["code"] == "BAD_REQUEST"


async def test_what_is_absent_stays_and_what_is_null_is_cleared(change, database, owner):
    dataset = await factories.dataset(database, owner.id, status=DatasetStatus.ACTIVE, offset=[1.0, 2.0])
    id = ids.encode(dataset)
    renamed = await change("updateDataset", FIELDS, viewer=owner, id=id, name="Town")
    assert (renamed["name"], renamed["sourceImagery"], renamed["status"]) == ("Town", TEMPLATE, "ACTIVE")
    assert renamed["offset"] == [1.0, 2.0]
    assert renamed["lastModified"] > renamed["createdAt"]
    cleared = await change("updateDataset", FIELDS, viewer=owner, id=id, sourceImagery=None)
    assert (cleared["name"], cleared["sourceImagery"]) == ("Town", None)
    moved = await change("updateDataset", FIELDS, viewer=owner, id=id, offset=[0, 3], status="ARCHIVED")
    assert (moved["offset"], moved["status"], moved["sourceImagery"]) == ([0.0, 3.0], "ARCHIVED", None)


async def test_an_update_of_nothing_changes_nothing(change, unchanged, database, owner):
    dataset = await factories.dataset(database, owner.id)
    async with unchanged():
        answer = await change("updateDataset", "name", viewer=owner, id=ids.encode(dataset))
    assert answer["name"] == "Village"


@pytest.mark.parametrize("field", ["name", "status", "offset"])
async def test_what_every_dataset_has_cannot_be_cleared(refuse, database, owner, field):
    dataset = await factories.dataset(database, owner.id)
    refused = await refuse("updateDataset", viewer=owner, id=ids.encode(dataset), **{field: None})
    assert refused["code"] == "INVALID_INPUT"


async def test_staff_may_change_anybodys_dataset_and_it_stays_theirs(change, database, owner, staff):
    dataset = await factories.dataset(database, owner.id)
    changed = await change("updateDataset", FIELDS, viewer=staff, id=ids.encode(dataset), name="Moderated")
    assert (changed["name"], changed["user"]) == ("Moderated", {"username": "owner"})


async def test_two_changes_at_once_are_both_kept(change, database, owner):
    dataset = await factories.dataset(database, owner.id)
    id = ids.encode(dataset)
    await asyncio.gather(
        change("updateDataset", viewer=owner, id=id, name="Town"),
        change("updateDataset", viewer=owner, id=id, status="ACTIVE"),
        change("updateDataset", viewer=owner, id=id, offset=[4.0, 5.0]),
    )
    async with database.reading() as session:
        kept = await session.get_one(Dataset, dataset.id)
    assert (kept.name, kept.status, kept.offset) == ("Town", DatasetStatus.ACTIVE, [4.0, 5.0])


async def test_a_dataset_that_is_being_changed_can_be_trained_on(change, database, owner, other):
    dataset = await factories.dataset(database, owner.id)
    async with database.writing() as session:
        await dataset_to_change(session, Viewer(owner.id), dataset.id)
        made = await change("createModel", viewer=other, datasetId=ids.encode(dataset), name="Roofs")
    assert made["__typename"] == "Model"


async def test_imagery_of_a_private_host_is_taken_where_the_settings_allow_it(change, owner, monkeypatch):
    monkeypatch.setattr(settings, "outside_hosts_allowed", ["127.0.0.1:8000"])
    template = "http://127.0.0.1:8000/demo/tiles/{z}/{x}/{-y}.png"
    made = await change("createDataset", FIELDS, viewer=owner, name="Demo", sourceImagery=template)
    assert made["sourceImagery"] == template
