"""Who sees a team, its members and its invitations, and who may change them."""

import pytest
from sqlalchemy import select

from app.models.accounts import TeamMembership
from app.policies import Viewer
from app.policies.accounts import may_administer_this_team
from resolvers import ids
from tests import factories
from tests.accounts.sight import seers
from tests.fixtures import Person

ADMIN, MEMBER, OTHER, STAFF, STRANGER = "admin", "member", "other", "staff", "stranger"
TEAM = "query ($id: ID!) { team(id: $id) { name invitations { totalCount nodes { usesMax } } } }"
TEAMS_OF = "query ($id: ID!) { user(id: $id) { teams(orderBy: OLDEST) { totalCount nodes { team { name } } } } }"


@pytest.fixture
async def member(database):
    made = await factories.user(database, "member")
    return Person(made.user, made.token)


@pytest.fixture
async def team(database, owner, member):
    return await factories.team(database, owner.id, member.id)


@pytest.fixture
async def invitation(database, team):
    return await factories.team_invitation(database, team)


@pytest.fixture
def viewers(owner, member, other, staff):
    return {
        ADMIN: Viewer(owner.id),
        MEMBER: Viewer(member.id),
        OTHER: Viewer(other.id),
        STAFF: Viewer(staff.id, is_staff=True),
        STRANGER: Viewer(),
    }


async def test_a_team_and_its_members_are_seen_by_its_members_and_staff(database, viewers, team):
    await factories.team(database, viewers[OTHER].user_id, name="Walkers")  # to belong to another gives nothing
    assert await seers(database, viewers, team) == {ADMIN, MEMBER, STAFF}
    async with database.reading() as session:
        memberships = (await session.scalars(select(TeamMembership).where(TeamMembership.team_id == team.id))).all()
    for membership in memberships:
        assert await seers(database, viewers, membership) == {ADMIN, MEMBER, STAFF}


async def test_invitations_are_seen_by_the_admin_and_staff(database, viewers, invitation):
    assert await seers(database, viewers, invitation) == {ADMIN, STAFF}


def test_a_team_is_looked_after_by_its_admin_and_staff(viewers, team):
    verdicts = {who for who, viewer in viewers.items() if may_administer_this_team(viewer, team)}
    assert verdicts == {ADMIN, STAFF}


async def test_whoever_asks_is_shown_what_is_theirs_to_see(ask, owner, member, other, staff, team, invitation):
    found, none = {"totalCount": 1, "nodes": [{"usesMax": 1}]}, {"totalCount": 0, "nodes": []}
    for viewer, invitations in ((owner, found), (staff, found), (member, none)):
        answer = await ask(TEAM, viewer=viewer, id=ids.encode(team))
        assert answer == {"team": {"name": "Surveyors", "invitations": invitations}}
    for viewer in (other, None):
        for row in (team, invitation):
            answer = await ask("query ($id: ID!) { node(id: $id) { id } }", viewer=viewer, id=ids.encode(row))
            assert answer.codes == ["NOT_FOUND"]
        assert (await ask(TEAM, viewer=viewer, id=ids.encode(team))).codes == ["NOT_FOUND"]


async def test_of_anothers_teams_one_sees_those_that_one_shares(ask, database, owner, member, other, staff, team):
    await factories.team(database, owner.id, name="Walkers")

    async def teams(viewer) -> list[str]:
        shown = (await ask(TEAMS_OF, viewer=viewer, id=ids.encode(owner.user)))["user"]["teams"]
        assert shown["totalCount"] == len(shown["nodes"])
        return [node["team"]["name"] for node in shown["nodes"]]

    assert await teams(owner) == ["Surveyors", "Walkers"]
    assert await teams(member) == ["Surveyors"]
    assert await teams(other) == []
    assert await teams(None) == []
    assert await teams(staff) == ["Surveyors", "Walkers"]


async def test_the_list_of_teams_is_the_viewers_own_and_staff_may_ask_for_all(ask, database, member, staff, team):
    await factories.team(database, staff.id, name="Walkers")
    document = "query ($mine: Boolean) { teams(mineOnly: $mine, orderBy: NAME) { totalCount nodes { name } } }"

    async def teams(viewer, **variables) -> list[str]:
        shown = await ask(document.replace("$mine: Boolean", "$mine: Boolean = true"), viewer=viewer, **variables)
        assert shown["teams"]["totalCount"] == len(shown["teams"]["nodes"])
        return [node["name"] for node in shown["teams"]["nodes"]]

    assert await teams(staff) == ["Walkers"]
    assert await teams(staff, mine=False) == ["Surveyors", "Walkers"]
    assert await teams(member) == await teams(member, mine=False) == ["Surveyors"]
    assert (await ask("{ teams { totalCount } }")).codes == ["UNAUTHENTICATED"]
    found = await ask('{ teams(search: "SURVEY") { nodes { name } } }', viewer=member)
    assert found["teams"]["nodes"] == [{"name": "Surveyors"}]
    assert (await ask('{ teams(search: "%") { nodes { name } } }', viewer=member))["teams"]["nodes"] == []


async def test_a_suspended_member_stays_without_a_name(ask, database, owner, team):
    suspended = (await factories.user(database, "suspended", is_active=False)).user
    await factories.add(database, TeamMembership(team_id=team.id, user_id=suspended.id))
    document = "query ($id: ID!) { team(id: $id) { members { nodes { user { username } } } } }"
    answer = await ask(document, viewer=owner, id=ids.encode(team))
    assert answer["team"]["members"]["nodes"][0] == {"user": None}
    assert not answer.errors


CHANGES = {
    "renameTeam": ("Team", {"name": "Mine"}),
    "removeTeamMember": ("Team", {"userId": "member"}),
    "transferTeam": ("Team", {"userId": "member"}),
    "deleteTeam": ("Team", {}),
    "createTeamInvitation": ("Team", {}),
    "regenerateTeamInvitation": ("TeamInvitation", {}),
    "revokeTeamInvitation": ("TeamInvitation", {}),
}


@pytest.mark.parametrize("name", CHANGES)
async def test_a_change_is_refused_to_all_but_the_admin_and_staff(
    ask, unchanged, member, other, team, invitation, name
):
    of, input = CHANGES[name]
    input = {key: ids.encode(member.user) if value == "member" else value for key, value in input.items()}
    row = {"Team": team, "TeamInvitation": invitation}[of]
    input["teamId" if name == "createTeamInvitation" else "id"] = ids.encode(row)
    kind = f"{name[0].upper()}{name[1:]}Input"
    document = f"mutation ($input: {kind}!) {{ {name}(input: $input) {{ __typename }} }}"
    unseen = ["NOT_FOUND"]
    refusals = {member: ["FORBIDDEN"] if of == "Team" else unseen, other: unseen, None: unseen}
    for viewer, codes in refusals.items():
        async with unchanged():
            answer = await ask(document, viewer=viewer, input=input)
        if viewer is None and name.endswith("Invitation") and not name.startswith("revoke"):
            codes = ["UNAUTHENTICATED"]  # noqa: PLW2901 - links are counted by account
        assert answer.codes == codes, viewer
