"""What can be known of arguments is refused before anything runs, and an error stays in its field."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

import orjson
import pytest
from graphql import get_named_type, is_non_null_type

from app.errors import BadRequest
from app.models.accounts import Team
from app.models.automl.machines import Machine
from app.models.mapping.predictions import Prediction
from app.models.wildlife.ai_jobs import AIClassificationJob
from app.models.wildlife.classification_projects import ClassificationProject
from app.models.wildlife.deployments import Deployment
from app.pagination import cursors, place
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
    "by a null": ("mutation ($by: AgeOrder = NEWEST) { %s }" % (TEAM % "orderBy: $by"), {"by": None}),
    "from both ends": ("mutation { %s }" % (TEAM % "first: 1, last: 1"), {}),
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


EXTREMES = {
    datetime: [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, tzinfo=UTC)],
    float: [1e308, -1e308, 5e-324, -0.0],
    int: [0, 2**31, 2**63 - 1, -(2**63)],
    str: ["", "x" * 500, "\U0001f600", "\\", "\u200b"],
}


def _values(order, model):
    if order.column == "id":
        return [None]
    column = getattr(model, order.column)
    found = EXTREMES.get(column.type.python_type, [])
    return [*found, None] if getattr(column, "nullable", False) else found


def _places():
    """Every list with each of its orders, its table, and the cursors that it might have given."""
    for kind, name in PAGES:
        field = CORE.type_map[kind].fields[name]
        declared = field.extensions["strawberry-definition"].metadata[METADATA]
        rows = get_named_type(get_named_type(field.type).fields["nodes"].type)
        model = rows.extensions["strawberry-definition"].origin.__shows__
        for order in declared.order:
            written = [
                cursors(order, declared.list_name)(key, value) for value in _values(order, model) for key in KEYS
            ]
            yield kind, name, declared, model, order, written


KEYS = [1, 2**63 - 1]
PLACES = list(_places())


def _misspelt(cursor):
    yield from (f"{cursor}=", f"{cursor}!!", f" {cursor}", f"{cursor}\n", cursor[:-1], cursor.swapcase(), cursor * 2)
    text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for other in (text.replace(b",", b", ", 1), text[:-1] + b",1]", text[:-1], b"[]", b"null", text + b" "):
        yield urlsafe_b64encode(other).decode().rstrip("=")


def test_every_list_takes_its_own_cursors_in_one_spelling():
    for _, _, declared, model, order, written in PLACES:
        for cursor in written:
            found = place(cursor, model, order, declared.list_name)
            assert cursors(order, declared.list_name)(*found) == cursor
            for wrong in _misspelt(cursor):
                with pytest.raises(BadRequest):
                    place(wrong, model, order, declared.list_name)


def test_no_list_takes_a_cursor_of_another_list_or_order():
    everything = {(declared.list_name, order, model): written for _, _, declared, model, order, written in PLACES}
    for (name, order, model), own in everything.items():
        for other in everything.values():
            for cursor in other:
                if other is not own:
                    with pytest.raises(BadRequest):
                        place(cursor, model, order, name)


async def test_a_forged_cursor_finds_something_or_nothing_and_breaks_nothing(ask, database, owner, staff):
    """Whatever a place may say, for all the database knows a row stood there once."""
    await factories.dataset(database, owner.id)
    needs = {
        "predictedFeatures": ("predictionId", Prediction),
        "aiJobOutcomes": ("jobId", AIClassificationJob),
        "calibrationSamples": ("deploymentId", Deployment),
        "calibrationResults": ("deploymentId", Deployment),
        "labelAudit": ("classificationProjectId", ClassificationProject),
        "dataInputLines": ("machineId", Machine),
        "dataOutputLines": ("machineId", Machine),
    }
    needed = {name: f'{argument}: "{ids.encode_key(model, 1)}", ' for name, (argument, model) in needs.items()}
    needed["findUsers"] = 'prefix: "a", '
    for kind, name, _, _, order, written in PLACES:
        if kind == "Query":
            given = f"{needed.get(name, '')}after: $after, orderBy: {order.name}"
            document = f"query ($after: String) {{ {name}({given}) {{ totalCount }} }}"
            rows = document.replace("totalCount", "nodes { id } pageInfo { endCursor }")
            for cursor in written:
                answer = await ask(rows, viewer=staff, after=cursor)
                assert set(answer.codes) <= {"NOT_FOUND"}, (name, cursor, answer.errors)


@pytest.mark.parametrize("rank", [1e300, -1e300, 1e-300, 0.1, 1, None, "1", True])
async def test_a_forged_place_among_matches_is_refused(ask, rank):
    forged = urlsafe_b64encode(orjson.dumps(["search_posts", rank, 1, 1])).decode().rstrip("=")
    answer = await ask(
        'query ($after: String) { searchPosts(query: "roof", after: $after) { totalCount } }', after=forged
    )
    assert answer.codes == ["BAD_REQUEST"]
