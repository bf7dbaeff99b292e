"""Posts about machines: of who sees the machine, shown to whoever sees both, and to nobody else."""

import pytest
from sqlalchemy import update

from app.models.automl.machines import Machine
from resolvers import ids
from tests import factories

ABOUT = "query ($id: ID!) { node(id: $id) { ... on Post { content about { ... on Machine { machineName } } } } }"
POSTS = "query ($id: ID!) { node(id: $id) { ... on Machine { posts { totalCount nodes { content } } } } }"


@pytest.fixture
async def machine(database, owner):
    return await factories.machine(database, owner.id, machine_api_solving_is_public=True)


async def hide(database):
    async with database.writing() as session:
        await session.execute(update(Machine).values(machine_api_solving_is_public=False))


async def test_people_post_about_a_public_machine_and_it_lists_their_posts(ask, change, machine, owner, other):
    made = await change("createPost", viewer=other, content="It knows my cells.", about=ids.encode(machine))
    for viewer in (owner, other, None):
        answer = await ask(ABOUT, viewer=viewer, id=made["id"])
        assert answer["node"] == {"content": "It knows my cells.", "about": {"machineName": "Cells"}}
        answer = await ask(POSTS, viewer=viewer, id=ids.encode(machine))
        assert answer["node"]["posts"] == {"totalCount": 1, "nodes": [{"content": "It knows my cells."}]}


async def test_nobody_posts_about_a_machine_they_do_not_see(refuse, database, machine, other):
    await hide(database)
    answer = await refuse("createPost", viewer=other, content="What is this?", about=ids.encode(machine))
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "about")


async def test_a_machine_that_is_public_no_longer_is_named_to_nobody_by_its_posts(
    ask, change, database, machine, owner, other
):
    made = await change("createPost", viewer=other, content="It knows my cells.", about=ids.encode(machine))
    await hide(database)
    for viewer, about in ((owner, {"machineName": "Cells"}), (other, None), (None, None)):
        answer = await ask(ABOUT, viewer=viewer, id=made["id"])
        assert answer["node"] == {"content": "It knows my cells.", "about": about}


async def test_a_post_stays_when_its_machine_is_deleted(ask, change, machine, owner):
    made = await change("createPost", viewer=owner, content="It knows my cells.", about=ids.encode(machine))
    assert "code" not in await change("deleteMachine", viewer=owner, id=ids.encode(machine))
    answer = await ask(ABOUT, viewer=owner, id=made["id"])
    assert answer["node"] == {"content": "It knows my cells.", "about": None}
