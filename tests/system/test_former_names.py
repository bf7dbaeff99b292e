"""An id is taken under its new and, for one release, its former name; never under both, and never under none."""

import pytest
from graphql import GraphQLInputObjectType

from app.models.accounts import User
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training
from app.models.social import Block, Mute
from resolvers import ids
from schema import schema
from tests import factories

NEW = {"predictionId": "id", "trainingId": "id", "receiverId": "userId", "withUserId": "userId", "id": "userId"}
TYPES = {"predictionId": Prediction, "trainingId": Training, "receiverId": User, "withUserId": User}
BY_ROW = {"unblockUser": Block, "unmuteUser": Mute}
OTHERS = {"sendMessage": {"content": "Hello."}}
MISSING = 999_999


def former_names():
    for kind in schema._schema.type_map.values():
        if isinstance(kind, GraphQLInputObjectType):
            for name, each in kind.fields.items():
                if each.deprecation_reason:
                    yield kind.name.removesuffix("Input")[0].lower() + kind.name.removesuffix("Input")[1:], name


FORMER = list(former_names())


def test_these_names_are_former_ones():
    assert sorted(FORMER) == [
        ("cancelPrediction", "predictionId"),
        ("cancelTraining", "trainingId"),
        ("conflatePrediction", "predictionId"),
        ("deletePrediction", "predictionId"),
        ("publishPrediction", "predictionId"),
        ("publishTraining", "trainingId"),
        ("readConversation", "withUserId"),
        ("retryPrediction", "predictionId"),
        ("sendMessage", "receiverId"),
        ("sendTyping", "receiverId"),
        ("sharePrediction", "predictionId"),
        ("unblockUser", "id"),
        ("unmuteUser", "id"),
        ("unpublishPrediction", "predictionId"),
        ("updatePrediction", "predictionId"),
    ]


def the_ids(mutation, former):
    """An id of no row under either name."""
    new_type = TYPES.get(former, User)
    former_type = BY_ROW.get(mutation, new_type)
    return {NEW[former]: ids.encode_key(new_type, MISSING)}, {former: ids.encode_key(former_type, MISSING)}


@pytest.fixture
def problem_with(ask, refuse, owner):
    """What is wrong with a mutation under these ids; `unmuteUser` answers with a plain value."""

    async def problem(mutation, **given):
        if mutation == "unmuteUser":
            answer = await ask(
                "mutation ($input: UnmuteUserInput!) { unmuteUser(input: $input) }", viewer=owner, input=given
            )
            return {"code": answer.codes[0], "message": answer.errors[0]["message"]}
        return await refuse(mutation, viewer=owner, **given, **OTHERS.get(mutation, {}))

    return problem


@pytest.mark.parametrize(("mutation", "former"), FORMER)
async def test_one_name_must_be_given(problem_with, mutation, former):
    problem = await problem_with(mutation)
    assert (problem["code"], problem["message"]) == ("INVALID_INPUT", f"Give `{NEW[former]}`.")


@pytest.mark.parametrize(("mutation", "former"), FORMER)
async def test_both_names_are_refused(problem_with, mutation, former):
    by_new, by_former = the_ids(mutation, former)
    problem = await problem_with(mutation, **by_new, **by_former)
    assert problem["code"] == "INVALID_INPUT"
    assert problem["message"] == f"Give `{NEW[former]}` without `{former}`, which is deprecated."


@pytest.mark.parametrize(("mutation", "former"), FORMER)
async def test_either_name_finds_the_row(problem_with, mutation, former):
    for given in the_ids(mutation, former):
        problem = await problem_with(mutation, **given)
        assert problem["code"] == "NOT_FOUND" or problem["message"] == "There is no user with this id."


async def test_a_block_is_removed_by_its_user(ask, change, owner, other):
    await change("blockUser", viewer=owner, userId=ids.encode(other.user))
    [block] = (await ask("{ blocks { nodes { userId } } }", viewer=owner))["blocks"]["nodes"]
    assert block["userId"] == ids.encode(other.user)
    await change("unblockUser", viewer=owner, userId=block["userId"])
    assert (await ask("{ blocks { totalCount } }", viewer=owner))["blocks"]["totalCount"] == 0


async def test_nobody_removes_the_block_of_another(refuse, change, ask, owner, other, staff):
    await change("blockUser", viewer=owner, userId=ids.encode(other.user))
    assert (await refuse("unblockUser", viewer=staff, userId=ids.encode(other.user)))["code"] == "NOT_FOUND"
    assert (await ask("{ blocks { totalCount } }", viewer=owner))["blocks"]["totalCount"] == 1


async def test_a_mute_is_removed_by_its_user(ask, change, owner, other):
    await change("muteUser", viewer=owner, userId=ids.encode(other.user))
    unmute = "mutation ($id: ID!) { unmuteUser(input: {userId: $id}) }"
    assert (await ask(unmute, viewer=owner, id=ids.encode(other.user)))["unmuteUser"] is True
    assert (await ask("{ mutes { totalCount } }", viewer=owner))["mutes"]["totalCount"] == 0


async def test_messages_are_narrowed_by_either_name(ask, database, change, owner, other):
    await change("sendMessage", viewer=owner, userId=ids.encode(other.user), content="Hello.")
    third = (await factories.user(database, "third")).user
    for name in ("userId", "withUserId"):
        for user, count in ((other.user, 1), (third, 0)):
            query = f"query ($id: ID) {{ messages({name}: $id) {{ totalCount }} }}"
            assert (await ask(query, viewer=owner, id=ids.encode(user)))["messages"]["totalCount"] == count
    both = await ask(
        "query ($id: ID) { messages(userId: $id, withUserId: $id) { totalCount } }",
        viewer=owner,
        id=ids.encode(other.user),
    )
    assert both.codes == ["INVALID_INPUT"]


@pytest.mark.parametrize(("mutation", "former"), FORMER)
async def test_it_is_checked_before_anything_runs(ask, owner, unchanged, mutation, former):
    given = OTHERS.get(mutation, {})
    document = f"""mutation ($input: {mutation[0].upper()}{mutation[1:]}Input!) {{
        before: createTeam(input: {{ name: "Walkers" }}) {{ __typename }}
        {mutation}(input: $input) {"" if mutation == "unmuteUser" else "{ __typename }"}
    }}"""
    new, old = the_ids(mutation, former)
    for input in (given, {**given, **new, **old}):
        async with unchanged():
            answer = await ask(document, viewer=owner, input=input)
        assert answer.codes == ["INVALID_INPUT"]
        assert answer.errors[0]["extensions"]["field"] == NEW[former]
