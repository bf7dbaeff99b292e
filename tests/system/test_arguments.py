"""What can be known of arguments is refused before anything runs, and an error stays in its field."""

import pytest
from graphql import is_non_null_type

from app.models import Team
from resolvers import ids
from resolvers.plan.declared import METADATA, Paged
from schema import schema
from tests import factories

CORE = schema._schema
ROOTS = [CORE.query_type, CORE.mutation_type, CORE.subscription_type]
PAGES = [
    (kind.name, name)
    for kind in CORE.type_map.values()
    for name, field in getattr(kind, "fields", {}).items()
    if "orderBy" in getattr(field, "args", {})
]
UNWRITABLE = ["nope", "", "RGF0YXNldDox!!", "RGF0YXNldDox=", "RGF0YXNldDow", "ünïcode", "A" * 5_000]


def test_every_field_at_the_root_may_be_null():
    for root in ROOTS:
        assert [name for name, field in root.fields.items() if is_non_null_type(field.type)] == []


def test_every_page_has_cursors_of_its_own():
    names = {}
    for kind, name in PAGES:
        declared = CORE.type_map[kind].fields[name].extensions["strawberry-definition"].metadata[METADATA]
        assert isinstance(declared, Paged)
        names.setdefault(declared.list_name, []).append((kind, name))
    assert all(len(fields) == 1 for fields in names.values()), names


async def test_one_failure_leaves_the_fields_beside_it(ask, database, owner):
    await factories.dataset(database, owner.id)
    answer = await ask("{ notifications { totalCount } datasets { totalCount } me { id } }")
    assert answer == {"notifications": None, "datasets": {"totalCount": 1}, "me": None}
    assert [(error["path"], error["extensions"]["code"]) for error in answer.errors] == [
        (["notifications"], "UNAUTHENTICATED")
    ]


async def test_a_change_is_told_whatever_comes_of_the_next(ask, owner):
    document = """mutation ($id: ID!) {
        a: createTeam(input: {name: "Mappers"}) { ... on Team { name } }
        b: deleteTeam(input: {id: $id}) { __typename } }"""
    answer = await ask(document, viewer=owner, id=ids.encode_key(Team, 999_999))
    assert answer == {"a": {"name": "Mappers"}, "b": None}
    assert [error["path"] for error in answer.errors] == [["b"]]


TEAM = 'createTeam(input: {name: "Mappers"}) { ... on Team { members(%s) { nodes { id } } } }'
FRAGMENT = "fragment Members on Team { members(first: %s) { nodes { id } } }"
BEFORE = {
    "a page that is too small": ("mutation { %s }" % (TEAM % "first: -1"), {}),
    "a page that is too large": ("mutation { %s }" % (TEAM % "first: 101"), {}),
    "no cursor": ("mutation { %s }" % (TEAM % 'after: "nope"'), {}),
    "by a variable": ("mutation ($n: Int!) { %s }" % (TEAM % "first: $n"), {"n": -1}),
    "by a default": ("mutation ($n: Int! = -1) { %s }" % (TEAM % "first: $n"), {}),
    "by a null": ("mutation ($n: Int = 5) { %s }" % (TEAM % "first: $n"), {"n": None}),
    "a null for an argument of something else": (
        """mutation ($size: AvatarSize = SMALL) { updateProfile(input: {bio: "Hello"}) {
            ... on Profile { avatarUrl(size: $size) } } }""",
        {"size": None},
    ),
    "a cursor by a variable": ("mutation ($after: String) { %s }" % (TEAM % "after: $after"), {"after": "nope"}),
    "in a fragment": (
        'mutation { createTeam(input: {name: "Mappers"}) { ...Members } } ' + FRAGMENT % "-1",
        {},
    ),
    "in a fragment by a variable": (
        'mutation ($n: Int!) { createTeam(input: {name: "Mappers"}) { ...Members } } ' + FRAGMENT % "$n",
        {"n": -1},
    ),
    "where it is included": (
        'mutation ($n: Int!, $yes: Boolean!) { createTeam(input: {name: "Mappers"}) { ...Members @include(if: $yes) } }'
        + FRAGMENT % "$n",
        {"n": -1, "yes": True},
    ),
    "deeper down": (
        f"mutation {{ {(TEAM % 'first: 1').replace('{ id }', '{ user { datasets(first: -1) { totalCount } } }')} }}",
        {},
    ),
    "in the second of two": (
        f"mutation {{ a: {TEAM % 'first: 1'} b: {TEAM % 'first: -1'} }}",
        {},
    ),
}


@pytest.mark.parametrize(("document", "variables"), BEFORE.values(), ids=BEFORE)
async def test_a_page_below_a_change_is_refused_before_it(ask, unchanged, owner, document, variables):
    async with unchanged():
        answer = await ask(document, viewer=owner, **variables)
    assert (dict(answer), answer.codes) == ({}, ["BAD_REQUEST"])
    assert "path" not in answer.errors[0]


async def test_what_is_left_out_is_not_checked(ask, owner):
    document = """mutation ($n: Int!, $no: Boolean!) { createTeam(input: {name: "Mappers"}) {
        ... on Team { name members(first: $n) @include(if: $no) { nodes { id } } }
        ... on Team @skip(if: true) { invitations(first: -1) { nodes { id } } } } }"""
    assert await ask(document, viewer=owner, n=-1, no=False) == {"createTeam": {"name": "Mappers"}}


async def test_an_id_that_cannot_be_one_is_refused_before_any_change(ask, unchanged, owner):
    document = """mutation ($id: ID!) { createTeam(input: {name: "Mappers"}) { __typename }
        deleteTeam(input: {id: $id}) { __typename } }"""
    for id in UNWRITABLE:
        async with unchanged():
            answer = await ask(document, viewer=owner, id=id)
        assert (dict(answer), answer.codes) == ({}, ["NOT_FOUND"]), id


async def test_an_id_in_a_list_and_in_a_literal_is_refused_before_any_change(ask, unchanged, owner):
    document = """mutation ($more: [ID!]!) { createTeam(input: {name: "Mappers"}) { __typename }
        a: markNotificationsRead(input: {ids: ["nope"]}) { id } b: deleteNotifications(input: {ids: $more}) }"""
    async with unchanged():
        answer = await ask(document, viewer=owner, more=["RGF0YXNldDox!!"])
    assert (dict(answer), answer.codes) == ({}, ["NOT_FOUND", "NOT_FOUND"])


async def test_a_query_answers_its_other_fields(ask, database, owner):
    found = ids.encode(await factories.dataset(database, owner.id))
    for id in UNWRITABLE:
        answer = await ask("query ($id: ID!) { node(id: $id) { id } datasets { nodes { id } } }", id=id)
        assert answer == {"node": None, "datasets": {"nodes": [{"id": found}]}}, id
        assert answer.codes == ["NOT_FOUND"]


@pytest.mark.parametrize("id", ["12345678901234567890123", "1e3", "5.0", "true"])
async def test_a_number_is_no_other_id(api, id):
    """Sent as a JSON number, which only some programs can read exactly."""
    body = b'{"query": "query ($id: ID!) { node(id: $id) { id } }", "variables": {"id": %b}}' % id.encode()
    answer = (await api.post("/graphql", content=body, headers={"Content-Type": "application/json"})).json()
    assert "data" not in answer
    assert answer["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_cursor_is_taken_by_its_list_alone(ask, database, owner):
    for _ in range(2):
        await factories.dataset(database, owner.id)
    await ask('mutation { createPost(input: {content: "One"}) { __typename } }', viewer=owner)
    answer = await ask("{ feed { pageInfo { endCursor } } posts { pageInfo { endCursor } } }", viewer=owner)
    feed, posts = (answer[name]["pageInfo"]["endCursor"] for name in ("feed", "posts"))
    assert feed != posts
    for name, cursor, codes in (("feed", feed, []), ("posts", posts, []), ("feed", posts, 1), ("posts", feed, 1)):
        answer = await ask(f"query ($after: String) {{ {name}(after: $after) {{ nodes {{ id }} }} }}", after=cursor)
        assert answer.codes == (["BAD_REQUEST"] if codes else [])
