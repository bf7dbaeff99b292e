"""What a scope hides it hides in results, too: a key without READ sees of what it changed no more than strangers do."""

import json

import pytest
from graphql import (
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_composite_type,
    is_required_argument,
)
from sqlalchemy import func, select, update

from app.models.accounts import ApiKey, DataExport, Session, Team, User
from app.models.choices import Scope
from app.models.system import UserNotification
from app.settings import settings
from schema import schema
from schema.fields import Scoped
from tests.accounts.keys import key_of
from tests.permissions.deeds import inputs
from tests.permissions.world import world

MUTATIONS = schema._schema.mutation_type.fields
DEPTH = 3
PRIVATE = "xyzzy"
"""Stands in everything that strangers do not read."""
MARKED = [ApiKey.name, Session.client, UserNotification.message, DataExport.failure, Team.name]
SCOPES = {
    name: scoped.scope
    for name, field in MUTATIONS.items()
    for scoped in field.extensions["strawberry-definition"].extensions
    if isinstance(scoped, Scoped)
}


def shown(kind: GraphQLNamedType, depth: int = DEPTH) -> str:
    """Every field that can be asked without an argument, so many levels down."""
    if isinstance(kind, GraphQLUnionType):
        return f"{{ __typename {' '.join(f'... on {each} {shown(each, depth)}' for each in kind.types)} }}"
    if not isinstance(kind, GraphQLObjectType):
        return ""
    parts = []
    for name, field in kind.fields.items():
        below = get_named_type(field.type)
        if name in {"edges", "pageInfo"} or any(map(is_required_argument, field.args.values())):
            continue
        if not is_composite_type(below):
            parts.append(f"{kind}_{name}: {name}")
        elif depth and (kind.name == "User" or below.name in {"User", "UserConnection"} or depth == DEPTH):
            parts.append(f"{kind}_{name}: {name} {shown(below, depth - 1)}")
        elif name == "nodes":
            parts.append(f"nodes {shown(below, depth)}")
    return f"{{ {' '.join(parts) or '__typename'} }}"


@pytest.fixture
async def here(database, monkeypatch):
    for limit in ("document_tokens_max", "document_cost_max", "document_aliases_max", "viewer_cost_per_minute_max"):
        monkeypatch.setattr(settings, limit, 10**9)
    made = await world(database)
    async with database.writing() as session:
        for column in MARKED:
            await session.execute(update(column.class_).values({column: func.concat(PRIVATE, column.class_.id)}))
        await session.execute(update(User).values(email=func.concat(PRIVATE, User.id, "@fieldgraph.test")))
    return made


async def test_every_mutation_is_scoped():
    assert set(SCOPES) == set(MUTATIONS)


async def test_no_mutation_reads_for_a_key_that_may_not(ask, database, here, unmarked_inputs):
    leaks, done = [], 0
    for name, input in unmarked_inputs.items():
        scope = SCOPES[name]
        if scope is None:
            continue
        key = await key_of(database, here.people["super" if scope is Scope.ADMIN else "owner"], scope)
        field = MUTATIONS[name]
        takes, gives = (f"($input: {field.args['input'].type})", "(input: $input)") if field.args else ("", "")
        document = f"mutation {takes} {{ {name}{gives} {shown(get_named_type(field.type))} }}"
        answer = await ask(document, viewer=key, **({"input": input} if field.args else {}))
        done += bool(answer.get(name))
        if PRIVATE in json.dumps(answer) or "INTERNAL" in answer.codes:
            leaks.append((name, answer.codes))
    assert leaks == []
    assert done >= 10


@pytest.fixture
def unmarked_inputs(here):
    return {name: input for name, input in inputs(here).items() if name != "exportMyData"}


READ_BACK = """mutation {{ updateAccount(input: {{ firstName: "{name}" }}) {{ ... on User {{
    firstName email emailVerified lastLogin notificationsDeliveryMethods unreadNotificationsCount
    sessions {{ totalCount nodes {{ address client }} }} apiKeys {{ totalCount nodes {{ name hint scopes }} }}
    preferences {{ timeFormat }} teams {{ totalCount }} profile {{ id }}
}} }} }}"""


async def test_writing_shows_what_was_written_and_what_everybody_sees(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    made = (await ask(READ_BACK.format(name="Ann"), viewer=key))["updateAccount"]
    assert made.pop("firstName") == "Ann"
    assert made.pop("profile")
    nobody = {"totalCount": 0, "nodes": []}
    assert (made.pop("sessions"), made.pop("apiKeys"), made.pop("teams")) == (nobody, nobody, {"totalCount": 0})
    assert set(made.values()) == {None}


async def test_with_read_it_is_shown(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE, Scope.READ)
    made = (await ask(READ_BACK.format(name="Ann"), viewer=key))["updateAccount"]
    assert made["email"] == "owner@fieldgraph.test"
    assert made["apiKeys"]["totalCount"] == made["sessions"]["totalCount"] == 1


async def test_a_second_mutation_acts_with_all_the_rights_again(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    both = """mutation {
        a: updateAccount(input: {firstName: "Ann"}) { ... on User { email } }
        no: requestAccountDeletion { ... on User { email } }
    }"""
    answer = await ask(both, viewer=key)
    assert answer.codes == ["FORBIDDEN"]
    twice = """mutation {
        a: updateAccount(input: {firstName: "Ann"}) { ... on User { email } }
        b: updateAccount(input: {lastName: "Lee"}) { ... on User { firstName lastName email } }
    }"""
    assert (await ask(twice, viewer=key))["b"] == {"firstName": "Ann", "lastName": "Lee", "email": None}
    async with database.reading() as session:
        user = (await session.scalars(select(User).where(User.id == owner.id))).one()
    assert (user.first_name, user.last_name) == ("Ann", "Lee")
