"""What posts are about: things that their author sees, shown to whoever sees both."""

from typing import get_args

import pytest
from sqlalchemy import false

from app import policies
from app.models.accounts import Team
from app.models.mapping.datasets import Dataset
from app.models.subjects import subjects
from resolvers import ids
from schema.social.subjects import Subject
from tests import factories

ABOUT = """query ($id: ID!) { node(id: $id) { ... on Post { about {
  __typename ... on Model { name } ... on Dataset { name } ... on Training { epochs } } } } }"""
POSTS = """query ($ids: [ID!]!) { nodes(ids: $ids) {
  ... on Model { posts(first: 1) { totalCount nodes { content } pageInfo { hasNextPage } } }
  ... on Dataset { posts(first: 1) { totalCount nodes { content } pageInfo { hasNextPage } } }
  ... on Training { posts(first: 1) { totalCount nodes { content } pageInfo { hasNextPage } } } } }"""


@pytest.fixture
async def dataset(database, owner):
    return await factories.dataset(database, owner.id)


@pytest.fixture
async def model(database, dataset):
    return await factories.model(database, dataset)


@pytest.fixture
async def training(database, model):
    return await factories.training(database, model)


def test_the_union_has_the_types_of_all_tables_that_posts_may_be_about():
    union, _ = get_args(Subject)
    assert {each.__name__ for each in get_args(union)} == {each.__name__ for each in subjects()}


async def test_people_talk_about_the_work(ask, change, dataset, model, training, owner, other):
    made = {
        kind.__class__.__name__: (await change("createPost", viewer=owner, content="Look!", about=ids.encode(kind)))[
            "id"
        ]
        for kind in (dataset, model, training)
    }
    shown = {"Dataset": {"name": "Village"}, "Model": {"name": "Roofs"}, "Training": {"epochs": 2}}
    for name, id in made.items():
        answer = await ask(ABOUT, viewer=other, id=id)
        assert answer["node"]["about"] == {"__typename": name, **shown[name]}
    reply = await change("createPost", viewer=other, content="Where?", parentId=made["Model"])
    assert (await ask(ABOUT, viewer=other, id=reply["id"]))["node"]["about"] is None


async def test_each_thing_lists_the_posts_about_it_and_no_others(ask, change, dataset, model, training, owner):
    things = [dataset, model, training]
    for number in range(2):
        for thing in things:
            content = f"{number} {type(thing).__name__}"
            await change("createPost", viewer=owner, content=content, about=ids.encode(thing))
    gone = await change("createPost", viewer=owner, content="Gone", about=ids.encode(model))
    await change("createPost", viewer=owner, content="Reply", parentId=gone["id"])
    await change("deletePost", viewer=owner, id=gone["id"])
    answer = await ask(POSTS, ids=[ids.encode(thing) for thing in things])
    assert [each["posts"] for each in answer["nodes"]] == [
        {"totalCount": 2, "nodes": [{"content": f"1 {name}"}], "pageInfo": {"hasNextPage": True}}
        for name in ("Dataset", "Model", "Training")
    ]


@pytest.fixture
def hidden(monkeypatch):
    """Has datasets be seen by their owners alone."""

    def is_own(viewer):
        return false() if viewer.user_id is None else Dataset.user_id == viewer.user_id

    monkeypatch.setitem(policies._visibility, Dataset, is_own)


async def test_a_post_is_about_nothing_that_its_author_does_not_see(refuse, hidden, dataset, other):
    for about in (dataset, Dataset(id=dataset.id + 1), Team(id=1), other.user):
        answer = await refuse("createPost", viewer=other, content="Look!", about=ids.encode(about))
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "about")
    assert (await refuse("createPost", viewer=other, content="Look!", about="nothing"))["code"] == "NOT_FOUND"


async def test_who_does_not_see_a_thing_is_not_told_that_a_post_is_about_it(ask, change, hidden, dataset, owner, other):
    made = await change("createPost", viewer=owner, content="Look!", about=ids.encode(dataset))
    document = "query ($id: ID!) { node(id: $id) { ... on Post { about { ... on Dataset { id } } } } }"
    for viewer, about in ((owner, {"id": ids.encode(dataset)}), (other, None), (None, None)):
        assert (await ask(document, viewer=viewer, id=made["id"]))["node"]["about"] == about


async def test_a_post_stays_when_what_it_was_about_is_deleted(ask, change, database, dataset, owner):
    made = await change("createPost", viewer=owner, content="Look!", about=ids.encode(dataset))
    assert "code" not in await change("deleteDataset", viewer=owner, id=ids.encode(dataset))
    assert (await ask(ABOUT, viewer=owner, id=made["id"]))["node"]["about"] is None
