"""What API keys may do: no more than their scopes say, and nothing to the ways into an account."""

from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_composite_type,
)

from app.models.choices import Scope
from app.models.mapping.trainings import Model
from resolvers import ids
from schema import schema
from schema.field_extensions import Scoped
from tests.accounts.keys import key_of
from tests.permissions.everything import lift_limits
from tests.plan.values import SCALARS
from tests.system.clients import connected

ME = "{ me { username isStaff } }"
LISTEN = "subscription { notificationReceived { cursor } }"
CREATE = """mutation ($imagery: String) {
    createDataset(input: {name: "Village", sourceImagery: $imagery}) { ... on Dataset { user { username } } }
}"""
MUTATIONS = schema._schema.mutation_type.fields
NEEDED = {
    name: next(each for each in field.extensions["strawberry-definition"].extensions if isinstance(each, Scoped)).scope
    for name, field in MUTATIONS.items()
}


def value(kind: Any) -> Any:
    """A value of a type that is at least coerced."""
    if isinstance(kind, GraphQLNonNull):
        return value(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [value(kind.of_type)]
    if isinstance(kind, GraphQLEnumType):
        return next(iter(kind.values))
    if isinstance(kind, GraphQLInputObjectType):
        given = {name: field for name, field in kind.fields.items() if isinstance(field.type, GraphQLNonNull)}
        return {name: value(field.type) for name, field in given.items()}
    return SCALARS[kind.name][0] if kind.name in SCALARS else "x"


async def asked(ask, name: str, viewer) -> Any:
    field = MUTATIONS[name]
    shown = "{ __typename }" if is_composite_type(get_named_type(field.type)) else ""
    if "input" not in field.args:
        return await ask(f"mutation {{ {name} {shown} }}", viewer=viewer)
    kind = field.args["input"].type
    document = f"mutation ($input: {kind}) {{ {name}(input: $input) {shown} }}"
    return await ask(document, viewer=viewer, input=value(kind))


@pytest.fixture
def unlimited(monkeypatch):
    """One key may try all mutations."""
    lift_limits(monkeypatch)


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("scope", sorted({scope for scope in NEEDED.values() if scope}, key=lambda scope: scope.name))
async def test_a_mutation_is_refused_to_a_key_without_its_scope(ask, unchanged, database, staff, scope):
    key = await key_of(database, staff, *(set(Scope) - {scope}))
    await ask(ME, viewer=key)
    async with unchanged():
        answers = {name: await asked(ask, name, key) for name, needed in NEEDED.items() if needed is scope}
    told = {name: [error["extensions"] for error in answer.errors] for name, answer in answers.items()}
    assert told == {name: [{"code": "SCOPE_MISSING", "scope": scope.name}] for name in told}


@pytest.mark.usefixtures("unlimited")
async def test_what_concerns_the_ways_into_an_account_is_refused_to_every_key(ask, unchanged, database, staff):
    key = await key_of(database, staff, *Scope)
    await ask(ME, viewer=key)
    async with unchanged():
        answers = {name: await asked(ask, name, key) for name, needed in NEEDED.items() if needed is None}
    told = {name: [(code, answer.errors[0]["message"]) for code in answer.codes] for name, answer in answers.items()}
    assert told == {name: [("FORBIDDEN", "An API key may not do this. Sign in to do it.")] for name in told}


def test_mutations_of_every_kind_are_tried():
    assert len([name for name, scope in NEEDED.items() if scope]) > 200
    assert None in NEEDED.values()


TWO = """mutation ($id: ID!, $yes: Boolean!) {
    createTeam(input: {name: "Mappers"}) { __typename }
    ...Also @include(if: $yes)
} fragment Also on Mutation { startTraining(input: {modelId: $id, zoomLevel: 19}) { __typename } }"""


async def test_a_missing_scope_is_told_alone_and_before_anything_runs(ask, unchanged, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    await ask(ME, viewer=key)
    for id in ("nope", ids.encode_key(Model, 1)):
        async with unchanged():
            answer = await ask(TWO, viewer=key, id=id, yes=True)
        assert (dict(answer), answer.codes) == ({}, ["SCOPE_MISSING"])


async def test_what_is_left_out_needs_no_scope(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    answer = await ask(TWO, viewer=key, id=ids.encode_key(Model, 1), yes=False)
    assert answer == {"createTeam": {"__typename": "Team"}}


def test_the_ways_into_an_account_are_not_for_keys():
    ways = {"signIn", "signUp", "signOut", "revokeSession", "revokeSessions"}
    ways |= {"createApiKey", "renameApiKey", "revokeApiKey", "changePassword", "resetPassword", "requestSignUp"}
    ways |= {"requestPasswordReset", "requestEmailVerification", "verifyEmail"}
    ways |= {"requestAccountDeletion", "cancelAccountDeletion"}
    ways |= {"startOsmAuthorization", "signInWithOsm", "linkOsmAccount", "unlinkOsmAccount"}
    assert ways <= {name for name, scope in NEEDED.items() if scope is None}
    assert {name for name, scope in NEEDED.items() if scope is Scope.TRAIN} >= {
        "startTraining",
        "startPrediction",
        "startFeedbackTraining",
    }


async def test_a_key_that_may_write_writes_and_reads_not(ask, database, owner):
    key = await key_of(database, owner, Scope.WRITE)
    imagery = "https://tiles.example.org/{z}/{x}/{y}.png"
    assert (await ask(CREATE, viewer=key, imagery=imagery))["createDataset"] == {"user": {"username": "owner"}}
    answer = await ask(ME, viewer=key)
    assert (dict(answer), answer.errors[0]["extensions"]) == ({}, {"code": "SCOPE_MISSING", "scope": "READ"})


@pytest.mark.parametrize(
    "document",
    [
        "{ __typename me { username } }",
        "query { ...Shown } fragment Shown on Query { ...More } fragment More on Query { me { id } }",
        "query { ... on Query { datasets { nodes { id } } } }",
        "query ($no: Boolean = false) { __schema { queryType { name } } me @include(if: $no) { id } }",
    ],
)
async def test_a_key_that_may_not_read_is_refused_every_query(ask, database, owner, document, statements):
    key = await key_of(database, owner, Scope.WRITE, Scope.TRAIN, Scope.ADMIN)
    assert (await ask(document, viewer=key)).codes == ["SCOPE_MISSING"]
    statements.clear()
    assert (await ask(document, viewer=key)).codes == ["SCOPE_MISSING"]
    assert statements == []


@pytest.mark.parametrize(
    "document",
    [
        "{ __typename }",
        '{ __schema { queryType { name } } named: __type(name: "User") { name } }',
        "{ ...Shown } fragment Shown on Query { __typename ... { __schema { queryType { name } } } }",
    ],
)
async def test_every_key_is_told_of_the_schema(ask, database, owner, document):
    assert (await ask(document, viewer=await key_of(database, owner, Scope.TRAIN))).errors == []


async def test_a_key_that_may_not_read_is_told_no_events(live, database, owner):
    async with connected(live, await key_of(database, owner, Scope.WRITE)) as client:
        await client.subscribe(LISTEN)
        assert await client.refused() == "SCOPE_MISSING"
        await client.settled()


async def test_a_staff_members_key_is_staff_only_with_admin(ask, database, owner, staff):
    hidden = "query ($id: ID!) { user(id: $id) { email } }"
    id = (await ask("{ me { id } }", viewer=owner))["me"]["id"]
    reading = await key_of(database, staff, Scope.READ, Scope.WRITE, Scope.TRAIN)
    ruling = await key_of(database, staff, Scope.READ, Scope.ADMIN)
    nobodys = await key_of(database, owner, Scope.READ, Scope.ADMIN)
    assert (await ask(hidden, viewer=reading, id=id))["user"] == {"email": None}
    assert (await ask(hidden, viewer=ruling, id=id))["user"] == {"email": "owner@fieldgraph.test"}
    theirs = (await ask("{ me { id } }", viewer=staff))["me"]["id"]
    assert (await ask(hidden, viewer=nobodys, id=theirs))["user"] == {"email": None}
