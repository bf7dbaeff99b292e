"""Making, renaming, leaving, transferring and deleting teams."""

import asyncio

import pytest
from sqlalchemy import func, select

from app.models.accounts import Team, TeamInvitation, TeamMembership
from app.models.system import UserNotification
from app.settings import settings
from resolvers import ids
from tests import factories

TEAM = "name adminUser { username } members(orderBy: OLDEST) { totalCount nodes { user { username } } }"
DELETE = "mutation ($id: ID!) { deleteTeam(input: {id: $id}) { teamId name } }"


@pytest.fixture
async def third(database):
    return (await factories.user(database, "third")).user


@pytest.fixture
async def team(database, owner, other):
    """The owner's team, to which the other belongs."""
    return await factories.team(database, owner.id, other.id)


async def told(database, user_id) -> list[str]:
    messages = select(UserNotification.message).where(UserNotification.user_id == user_id)
    async with database.reading() as session:
        return list(await session.scalars(messages.order_by(UserNotification.id)))


async def members(database, team) -> set[int]:
    async with database.reading() as session:
        return set(await session.scalars(select(TeamMembership.user_id).where(TeamMembership.team_id == team.id)))


async def admin(database, team) -> int:
    async with database.reading() as session:
        return await session.scalar(select(Team.admin_user_id).where(Team.id == team.id))


def shown(admin, *usernames) -> dict:
    nodes = [{"user": {"username": username}} for username in usernames]
    return {"adminUser": {"username": admin}, "members": {"totalCount": len(nodes), "nodes": nodes}}


async def test_who_makes_a_team_is_its_admin_and_first_member(ask, change, owner):
    made = await change("createTeam", TEAM, viewer=owner, name=" Surveyors ")
    assert (shown("owner", "owner") | {"name": "Surveyors"}).items() <= made.items()
    answer = await ask("{ teams { nodes { id name } } me { teams { nodes { team { id } } } } }", viewer=owner)
    assert answer["teams"]["nodes"] == [{"id": made["id"], "name": "Surveyors"}]
    assert answer["me"]["teams"]["nodes"] == [{"team": {"id": made["id"]}}]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "two\nlines"])
async def test_a_name_is_one_line_of_1_to_200_characters(refuse, owner, team, name):
    for refused in (
        await refuse("createTeam", viewer=owner, name=name),
        await refuse("renameTeam", viewer=owner, id=ids.encode(team), name=name),
    ):
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "name")


async def test_an_admin_has_one_team_of_a_name_and_others_may_have_it_too(change, refuse, owner, other, team):
    for name in ("Surveyors", "SURVEYORS"):
        refused = await refuse("createTeam", viewer=owner, name=name)
        assert (refused["code"], refused["message"]) == ("CONFLICT", "The admin already has a team with this name.")
    second = await change("createTeam", viewer=owner, name="Walkers")
    assert (await refuse("renameTeam", viewer=owner, id=second["id"], name="surveyors"))["code"] == "CONFLICT"
    theirs = await change("createTeam", viewer=other, name="Surveyors")
    assert theirs["__typename"] == "Team"
    # Nor can the name be doubled by giving the team away.
    refused = await refuse("transferTeam", viewer=owner, id=ids.encode(team), userId=ids.encode(other.user))
    assert refused["code"] == "CONFLICT"


async def test_one_person_is_the_admin_of_so_many_teams(change, refuse, database, owner, other, team, monkeypatch):
    monkeypatch.setattr(settings, "teams_per_admin_max", 1)
    refused = await refuse("createTeam", viewer=owner, name="Walkers")
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 1)
    await change("createTeam", viewer=other, name="Walkers")
    refused = await refuse("transferTeam", viewer=owner, id=ids.encode(team), userId=ids.encode(other.user))
    assert refused["code"] == "LIMIT_REACHED"


async def test_of_many_teams_made_at_once_no_more_are_made_than_may_be(change, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "teams_per_admin_max", 2)
    answers = await asyncio.gather(*(change("createTeam", viewer=owner, name=f"Team {n}") for n in range(6)))
    assert sorted(answer["__typename"] for answer in answers) == ["LimitReached"] * 4 + ["Team"] * 2


async def test_the_admin_renames_a_team(change, owner, team):
    renamed = await change("renameTeam", "name", viewer=owner, id=ids.encode(team), name="surveyors")
    assert renamed["name"] == "surveyors"


async def test_a_member_leaves_and_the_admin_is_told_once(ask, change, database, owner, other, team):
    left = await change("leaveTeam", "teamId name", viewer=other, id=ids.encode(team))
    assert (left["teamId"], left["name"]) == (ids.encode(team), "Surveyors")
    assert await members(database, team) == {owner.id}
    assert await told(database, owner.id) == ["A member left the team Surveyors."]
    assert await told(database, other.id) == []
    assert (await ask("{ teams { totalCount } }", viewer=other)) == {"teams": {"totalCount": 0}}
    about = await ask(
        "{ notifications { nodes { actor { username } subject { ... on Team { name } } } } }", viewer=owner
    )
    assert about["notifications"]["nodes"] == [{"actor": {"username": "other"}, "subject": {"name": "Surveyors"}}]


async def test_the_admin_neither_leaves_nor_is_removed(refuse, owner, staff, team):
    refused = await refuse("leaveTeam", viewer=owner, id=ids.encode(team))
    assert (refused["__typename"], refused["code"]) == ("Conflict", "CONFLICT")
    for viewer in (owner, staff):
        gone = {"id": ids.encode(team), "userId": ids.encode(owner.user)}
        assert (await refuse("removeTeamMember", viewer=viewer, **gone))["code"] == "CONFLICT"


async def test_staff_who_are_no_members_cannot_leave(refuse, staff, team):
    assert (await refuse("leaveTeam", viewer=staff, id=ids.encode(team)))["code"] == "NOT_FOUND"


async def test_who_is_removed_is_told_once_and_sees_the_team_no_more(ask, change, database, owner, other, team):
    removal = {"id": ids.encode(team), "userId": ids.encode(other.user)}
    removed = await change("removeTeamMember", TEAM, viewer=owner, **removal)
    assert shown("owner", "owner").items() <= removed.items()
    assert await told(database, other.id) == ["You were removed from the team Surveyors."]
    assert await told(database, owner.id) == []
    answer = await ask("query ($id: ID!) { team(id: $id) { name } }", viewer=other, id=ids.encode(team))
    assert answer.codes == ["NOT_FOUND"]


async def test_only_a_member_is_removed_or_made_the_admin(refuse, owner, third, team):
    for name in ("removeTeamMember", "transferTeam"):
        refused = await refuse(name, viewer=owner, id=ids.encode(team), userId=ids.encode(third))
        assert refused["code"] == "NOT_FOUND"


async def test_the_admin_gives_the_team_to_another_member_and_may_leave_then(
    change, refuse, database, owner, other, team
):
    heir = {"id": ids.encode(team), "userId": ids.encode(other.user)}
    given = await change("transferTeam", TEAM, viewer=owner, **heir)
    assert shown("other", "owner", "other").items() <= given.items()
    assert await told(database, other.id) == ["You are now the admin of the team Surveyors."]
    assert await told(database, owner.id) == []
    assert (await refuse("renameTeam", viewer=owner, id=ids.encode(team), name="Mine"))["code"] == "FORBIDDEN"
    assert (await refuse("transferTeam", viewer=other, **heir))["code"] == "CONFLICT"  # they are already
    await change("leaveTeam", "name", viewer=owner, id=ids.encode(team))
    assert await members(database, team) == {other.id}


async def test_when_staff_transfer_a_team_both_are_told(change, database, owner, other, staff, team):
    await change("transferTeam", viewer=staff, id=ids.encode(team), userId=ids.encode(other.user))
    assert await told(database, other.id) == ["You are now the admin of the team Surveyors."]
    assert await told(database, owner.id) == ["The team Surveyors has a new admin."]


async def test_a_suspended_member_does_not_become_the_admin(refuse, database, owner, team):
    suspended = (await factories.user(database, "suspended", is_active=False)).user
    await factories.add(database, TeamMembership(team_id=team.id, user_id=suspended.id))
    refused = await refuse("transferTeam", viewer=owner, id=ids.encode(team), userId=ids.encode(suspended))
    assert (refused["code"], refused["message"]) == ("CONFLICT", "This account is suspended.")


async def test_with_a_team_go_its_memberships_and_invitations_and_its_members_are_told(
    ask, database, owner, other, third, team
):
    await factories.add(database, TeamMembership(team_id=team.id, user_id=third.id))
    await factories.team_invitation(database, team)
    kept = await factories.team(database, owner.id, other.id, name="Walkers")
    answer = await ask(DELETE, viewer=owner, id=ids.encode(team))
    assert answer == {"deleteTeam": {"teamId": ids.encode(team), "name": "Surveyors"}}
    assert [await told(database, id) for id in (owner.id, other.id, third.id)] == [
        [],
        ["The team Surveyors was deleted."],
        ["The team Surveyors was deleted."],
    ]
    assert await members(database, team) == set()
    assert await members(database, kept) == {owner.id, other.id}
    async with database.reading() as session:
        assert await session.scalar(select(func.count()).select_from(TeamInvitation)) == 0
    about = await ask("{ notifications { nodes { subject { id } } } }", viewer=other)
    assert about["notifications"]["nodes"] == [{"subject": None}]


async def test_a_team_given_away_while_its_heir_leaves_has_an_admin_who_belongs_to_it(
    change, database, owner, other, team
):
    for _ in range(5):
        here = {"id": ids.encode(team)}
        given, left = await asyncio.gather(
            change("transferTeam", viewer=owner, userId=ids.encode(other.user), **here),
            change("leaveTeam", "name", viewer=other, **here),
        )
        assert (given["__typename"], left["__typename"]) in {("Team", "Conflict"), ("errors", "FormerTeam")}
        assert await admin(database, team) in await members(database, team)
        if left["__typename"] == "FormerTeam":
            await factories.add(database, TeamMembership(team_id=team.id, user_id=other.id))
        else:
            await change("transferTeam", viewer=other, userId=ids.encode(owner.user), **here)


async def test_of_many_who_delete_or_rename_a_team_at_once_each_gets_an_answer(ask, database, owner, other, team):
    answers = await asyncio.gather(*(ask(DELETE, viewer=owner, id=ids.encode(team)) for _ in range(4)))
    assert sorted(len(answer.errors) for answer in answers) == [0, 1, 1, 1]
    assert {code for answer in answers for code in answer.codes} == {"NOT_FOUND"}
    assert await told(database, other.id) == ["The team Surveyors was deleted."]
