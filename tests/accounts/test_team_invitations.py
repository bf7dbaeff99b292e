"""Links by which people join a team."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.models.accounts import TeamInvitation, TeamMembership
from app.models.system import UserNotification
from app.security import credentials
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person

LINK = "token invitation { id uses usesMax expiresAt team { name } user { username } }"
JOINED = "team { name } user { username }"
REVOKE = "mutation ($id: ID!) { revokeTeamInvitation(input: {id: $id}) { name invitations { totalCount } } }"


@pytest.fixture
async def team(database, owner):
    return await factories.team(database, owner.id)


@pytest.fixture
async def crowd(database):
    """Eight who belong to no team."""
    people = [await factories.user(database, f"person{number}") for number in range(8)]
    return [Person(person.user, person.token) for person in people]


async def count(database, table) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table))


async def kept(database, invitation_id) -> TeamInvitation:
    async with database.reading() as session:
        return await session.get_one(TeamInvitation, invitation_id)


async def test_who_has_the_link_joins_and_the_admin_is_told_once(ask, change, database, owner, other, team):
    made = await change("createTeamInvitation", LINK, viewer=owner, teamId=ids.encode(team))
    assert made["invitation"] | {"id": "", "expiresAt": ""} == {
        "id": "",
        "expiresAt": "",
        "uses": 0,
        "usesMax": 1,
        "team": {"name": "Surveyors"},
        "user": {"username": "owner"},
    }
    ends = datetime.fromisoformat(made["invitation"]["expiresAt"]) - datetime.now(UTC)
    assert timedelta(days=6, hours=23) < ends <= timedelta(days=7)
    joined = await change("acceptTeamInvitation", JOINED, viewer=other, token=made["token"])
    assert (joined["team"], joined["user"]) == ({"name": "Surveyors"}, {"username": "other"})
    answer = await ask("{ notifications { nodes { message subject { ... on Team { name } } } } }", viewer=owner)
    message = {"message": "Somebody joined the team Surveyors.", "subject": {"name": "Surveyors"}}
    assert answer["notifications"]["nodes"] == [message]
    assert await count(database, UserNotification) == 1


@pytest.mark.parametrize(
    ("app_url", "page"),
    [(None, f"{settings.address}/account/join-team"), ("https://app.example.org", "https://app.example.org/join-team")],
)
async def test_an_invitation_is_an_address_with_a_page(change, api, owner, team, monkeypatch, app_url, page):
    monkeypatch.setattr(settings, "app_url", app_url)
    made = await change("createTeamInvitation", "token url invitation { id }", viewer=owner, teamId=ids.encode(team))
    assert made["url"] == f"{page}#token={made['token']}"
    made = await change("regenerateTeamInvitation", "token url", viewer=owner, id=made["invitation"]["id"])
    assert made["url"] == f"{page}#token={made['token']}"
    assert (await api.get("/account/join-team")).status_code == 200


async def test_a_token_is_long_kept_as_a_hash_and_shown_once(ask, change, database, owner, team):
    made = await change("createTeamInvitation", LINK, viewer=owner, teamId=ids.encode(team))
    assert len(made["token"]) == 43
    invitation = await kept(database, ids.key(made["invitation"]["id"], TeamInvitation))
    assert invitation.token_hash == credentials.token_hash(made["token"])
    assert made["token"] not in str(vars(invitation))
    answer = await ask('{ __type(name: "TeamInvitation") { fields { name } } }')
    assert "token" not in {field["name"].lower() for field in answer["__type"]["fields"]}


@pytest.mark.parametrize(
    ("field", "value"),
    [("expiresInDays", 0), ("expiresInDays", 31), ("expiresInDays", -1), ("usesMax", 0), ("usesMax", 101)],
)
async def test_a_link_has_bounds(refuse, owner, team, field, value):
    refused = await refuse("createTeamInvitation", viewer=owner, teamId=ids.encode(team), **{field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_a_new_link_of_an_invitation_has_bounds_and_a_wrong_one_leaves_the_old(
    change, refuse, database, owner, other, team
):
    invitation = await factories.team_invitation(database, team)
    wrong = {"id": ids.encode(invitation), "expiresInDays": 31}
    refused = await refuse("regenerateTeamInvitation", viewer=owner, **wrong)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "expiresInDays")
    assert (await change("acceptTeamInvitation", viewer=other, token="come in"))["__typename"] == "TeamMembership"


async def test_a_team_has_so_many_invitations(refuse, database, owner, team, monkeypatch):
    monkeypatch.setattr(settings, "team_invitations_max", 1)
    await factories.team_invitation(database, team)
    refused = await refuse("createTeamInvitation", viewer=owner, teamId=ids.encode(team))
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 1)


async def test_a_link_admits_as_many_as_it_says(change, refuse, database, crowd, team):
    invitation = await factories.team_invitation(database, team, uses_max=2)
    for person in crowd[:2]:
        await change("acceptTeamInvitation", viewer=person, token="come in")
    refused = await refuse("acceptTeamInvitation", viewer=crowd[2], token="come in")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "token")
    assert refused["message"].startswith("This invitation has reached")
    assert (await kept(database, invitation.id)).uses == 2


async def test_a_link_that_has_expired_admits_nobody(refuse, database, other, team):
    await factories.team_invitation(database, team, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    refused = await refuse("acceptTeamInvitation", viewer=other, token="come in")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "token")
    assert refused["message"].startswith("This invitation has expired")


@pytest.mark.parametrize("token", ["", "x", "COME IN", "come in ", "ü" * 1_000])
async def test_a_wrong_token_admits_nobody(refuse, database, other, team, token):
    await factories.team_invitation(database, team)
    refused = await refuse("acceptTeamInvitation", viewer=other, token=token)
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "token")


async def test_a_new_link_ends_the_old_one_and_its_uses(change, refuse, database, owner, other, crowd, team):
    invitation = await factories.team_invitation(database, team, uses=1)
    made = await change("regenerateTeamInvitation", LINK, viewer=owner, id=ids.encode(invitation))
    assert made["invitation"]["id"] == ids.encode(invitation)
    assert (made["invitation"]["uses"], made["invitation"]["usesMax"]) == (0, 1)
    assert (await refuse("acceptTeamInvitation", viewer=other, token="come in"))["field"] == "token"
    joined = await change("acceptTeamInvitation", JOINED, viewer=other, token=made["token"])
    assert joined["team"] == {"name": "Surveyors"}


async def test_an_invitation_taken_back_admits_nobody(ask, refuse, database, owner, other, team):
    invitation = await factories.team_invitation(database, team)
    answer = await ask(REVOKE, viewer=owner, id=ids.encode(invitation))
    assert answer == {"revokeTeamInvitation": {"name": "Surveyors", "invitations": {"totalCount": 0}}}
    assert (await refuse("acceptTeamInvitation", viewer=other, token="come in"))["field"] == "token"
    assert (await ask(REVOKE, viewer=owner, id=ids.encode(invitation))).codes == ["NOT_FOUND"]


async def test_who_is_invited_twice_is_a_member_once_and_spends_one_use(change, refuse, database, owner, other, team):
    first = await factories.team_invitation(database, team, uses_max=9)
    second = await factories.team_invitation(database, team, "come in too", uses_max=9)
    await change("acceptTeamInvitation", viewer=other, token="come in")
    for viewer, token in ((other, "come in"), (other, "come in too"), (owner, "come in")):
        refused = await refuse("acceptTeamInvitation", viewer=viewer, token=token)
        assert (refused["code"], refused["message"]) == ("CONFLICT", "This user is already a member of the team.")
    assert [(await kept(database, each.id)).uses for each in (first, second)] == [1, 0]
    assert await count(database, TeamMembership) == 2


async def test_a_team_has_so_many_members(refuse, database, other, team, monkeypatch):
    monkeypatch.setattr(settings, "team_members_max", 1)
    await factories.team_invitation(database, team)
    refused = await refuse("acceptTeamInvitation", viewer=other, token="come in")
    assert (refused["code"], refused["limit"]) == ("LIMIT_REACHED", 1)


async def test_strangers_sign_in_before_they_join(refuse, database, team):
    await factories.team_invitation(database, team)
    assert (await refuse("acceptTeamInvitation", token="come in"))["code"] == "UNAUTHENTICATED"


async def test_of_two_who_accept_a_one_use_invitation_at_once_exactly_one_joins(change, database, crowd, team):
    invitation = await factories.team_invitation(database, team)
    answers = await asyncio.gather(
        *(change("acceptTeamInvitation", viewer=person, token="come in") for person in crowd)
    )
    assert sorted(answer["__typename"] for answer in answers) == ["InvalidInput"] * 7 + ["TeamMembership"]
    assert await count(database, TeamMembership) == 2
    assert await count(database, UserNotification) == 1
    assert (await kept(database, invitation.id)).uses == 1


async def test_who_accepts_two_invitations_at_once_is_a_member_once(change, database, other, team):
    tokens = ["come in", "come in too"]
    for token in tokens:
        await factories.team_invitation(database, team, token)
    answers = await asyncio.gather(*(change("acceptTeamInvitation", viewer=other, token=token) for token in tokens))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict", "TeamMembership"]
    assert await count(database, TeamMembership) == 2


async def test_of_many_who_join_at_once_no_more_do_than_there_is_room_for(change, database, crowd, team, monkeypatch):
    monkeypatch.setattr(settings, "team_members_max", 3)
    await factories.team_invitation(database, team, uses_max=100)
    answers = await asyncio.gather(
        *(change("acceptTeamInvitation", viewer=person, token="come in") for person in crowd)
    )
    assert sorted(answer["__typename"] for answer in answers) == ["LimitReached"] * 6 + ["TeamMembership"] * 2


async def test_a_link_made_anew_while_it_is_accepted_admits_before_or_not_at_all(change, database, owner, other, team):
    invitation = await factories.team_invitation(database, team)
    made, joined = await asyncio.gather(
        change("regenerateTeamInvitation", LINK, viewer=owner, id=ids.encode(invitation)),
        change("acceptTeamInvitation", viewer=other, token="come in"),
    )
    assert made["invitation"]["uses"] == 0
    assert await count(database, TeamMembership) == 1 + (joined["__typename"] == "TeamMembership")
    assert joined["__typename"] in {"TeamMembership", "InvalidInput"}
    assert (await kept(database, invitation.id)).uses == 0


async def test_one_person_makes_so_many_links_an_hour(change, refuse, database, owner, team, monkeypatch):
    monkeypatch.setattr(settings, "team_invitations_per_hour_max", 2)
    made = await change("createTeamInvitation", LINK, viewer=owner, teamId=ids.encode(team))
    again = {"id": made["invitation"]["id"]}
    await change("regenerateTeamInvitation", LINK, viewer=owner, **again)
    assert (await refuse("regenerateTeamInvitation", viewer=owner, **again))["code"] == "RATE_LIMITED"
    refused = await refuse("createTeamInvitation", viewer=owner, teamId=ids.encode(team))
    assert refused["code"] == "RATE_LIMITED"


async def test_so_many_tokens_are_tried_an_hour_by_one_person_or_from_one_address(
    refuse, database, other, crowd, team, monkeypatch
):
    monkeypatch.setattr(settings, "team_acceptances_per_hour_max", 2)
    await factories.team_invitation(database, team)
    for token in ("one", "two"):
        assert (await refuse("acceptTeamInvitation", viewer=other, token=token))["code"] == "INVALID_INPUT"
    for viewer in (other, crowd[0]):  # both come from the same address
        refused = await refuse("acceptTeamInvitation", viewer=viewer, token="come in")
        assert refused["code"] == "RATE_LIMITED"
