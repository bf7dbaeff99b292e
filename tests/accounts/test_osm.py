"""Signing in with OpenStreetMap, against a stand-in for it behind a real socket."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from itsdangerous import URLSafeTimedSerializer
from pydantic import SecretStr
from sqlalchemy import func, select, update

from app.gateways import fakes, oauth
from app.gateways.fakes import osm_accounts
from app.models.accounts import OsmAccount, Session, User
from app.models.system import AuditEntry
from app.services import viewers
from app.services.accounts.sign_in import osm as osm_service
from app.settings import settings
from tests import factories
from tests.fixtures import Person
from tests.servers import serving

START = "url secret expiresAt"
SIGNED_IN = "token user { id username email osmAccount { osmId username imgUrl } }"
ME = "{ me { username osmAccount { osmId username imgUrl } } }"
UNLINK = """mutation { unlinkOsmAccount {
    __typename ... on User { osmAccount { osmId } } ... on Problem { code message }
} }"""
OURS = "https://fieldgraph.test/osm/"


@pytest.fixture(scope="module")
def stand_in():
    with serving(fakes.app) as server:
        yield server


@pytest.fixture(autouse=True)
def osm(stand_in, monkeypatch):
    """The stand-in is OpenStreetMap, and knows us."""
    for name, value in {
        "osm_url": f"{stand_in.url}/openstreetmap",
        "osm_client_id": "ours",
        "osm_client_secret": SecretStr("our secret"),
        "outside_hosts_allowed": [stand_in.host],
        "public_url": "https://fieldgraph.test",
        "osm_sign_ins_per_minute_max": 1_000,
    }.items():
        monkeypatch.setattr(settings, name, value)
    osm_accounts.codes.clear()
    osm_accounts.tokens.clear()
    stand_in.asked.clear()
    return stand_in


@dataclass
class Visit:
    """One way to OpenStreetMap and back, in one browser."""

    url: str
    secret: str
    code: str = ""
    state: str = ""

    async def say_yes(self, osm_id=7, name="Maria", **more) -> "Visit":
        async with httpx.AsyncClient(trust_env=False, timeout=60) as browser:
            asked = httpx.URL(self.url).copy_merge_params({"id": osm_id, "display_name": name, **more})
            reply = await browser.get(asked)
        assert reply.status_code == 302
        self.address, _, came_back_with = reply.headers["location"].partition("?")
        said = parse_qs(came_back_with)
        self.code, self.state = said["code"][0], said["state"][0]
        return self

    @property
    def input(self) -> dict[str, str]:
        return {"code": self.code, "state": self.state, "secret": self.secret}


@pytest.fixture
def visit(change):
    async def visit(viewer=None, **input) -> Visit:
        started = await change("startOsmAuthorization", START, viewer=viewer, **input)
        return Visit(started["url"], started["secret"])

    return visit


@pytest.fixture
def come(visit, change):
    """Signs somebody of OpenStreetMap in."""

    async def come(osm_id=7, name="Maria", **more):
        arrived = await (await visit()).say_yes(osm_id, name, **more)
        return await change("signInWithOsm", SIGNED_IN, **arrived.input)

    return come


async def count(database, table) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table))


async def audited(database) -> list[str]:
    async with database.reading() as session:
        return [entry.action for entry in await session.scalars(select(AuditEntry).order_by(AuditEntry.id))]


async def test_a_browser_is_sent_with_all_that_oauth_asks_for(change):
    started = await change("startOsmAuthorization", START)
    asked = {name: values[0] for name, values in parse_qs(urlsplit(started["url"]).query).items()}
    assert len(asked.pop("code_challenge")) == 43
    assert asked.pop("state")
    assert asked == {
        "response_type": "code",
        "client_id": "ours",
        "redirect_uri": OURS,
        "scope": "read_prefs",
        "code_challenge_method": "S256",
    }
    assert started["secret"] not in started["url"]
    rest = datetime.fromisoformat(started["expiresAt"]) - datetime.now(UTC)
    assert timedelta(seconds=590) < rest <= timedelta(seconds=600)


async def test_who_comes_first_gets_an_account_and_who_comes_again_the_same(ask, come, database):
    first = await come(img="https://osm.test/maria.png")
    assert first["user"] | {"id": ""} == {
        "id": "",
        "username": "Maria",
        "email": None,
        "osmAccount": {"osmId": 7, "username": "Maria", "imgUrl": "https://osm.test/maria.png"},
    }
    async with database.reading() as session:
        user = await session.scalar(select(User))
        assert (user.password_hash, user.is_active, user.email) == (None, True, None)
    again = await come()
    assert again["user"]["id"] == first["user"]["id"]
    assert await count(database, User) == 1
    assert await count(database, Session) == 2
    assert (await ask(ME, viewer=Person(user, again["token"])))["me"]["username"] == "Maria"
    assert await audited(database) == ["signInWithOsm"]


async def test_nothing_of_openstreetmaps_is_kept(come, osm):
    await come()
    assert (osm_accounts.tokens, osm_accounts.codes) == ({}, {})
    assert osm.asked["/openstreetmap/oauth2/revoke"] == 1


async def test_a_token_that_cannot_be_given_back_costs_nobody_their_sign_in(come, monkeypatch):
    monkeypatch.setattr(oauth, "_give_back", _as_if_down(oauth._give_back, monkeypatch))
    assert (await come())["__typename"] == "SignedIn"


def _as_if_down(give_back, monkeypatch):
    async def give_back_to_nobody(client, token):
        monkeypatch.setattr(settings, "osm_url", f"{settings.osm_url}/nowhere")
        await give_back(client, token)

    return give_back_to_nobody


async def test_a_name_that_changes_there_is_shown_and_the_username_stays(come, ask, database):
    await come(name="Maria", img="https://osm.test/maria.png")
    again = await come(name="Мария 🗺")
    assert again["user"]["username"] == "Maria"
    assert again["user"]["osmAccount"] == {"osmId": 7, "username": "Мария 🗺", "imgUrl": None}
    assert await count(database, OsmAccount) == 1


async def test_people_of_one_name_are_two_people(come, database, owner):
    names = [
        (await come(osm_id=number, name=name))["user"]["username"]
        for number, name in [(1, "Owner"), (2, "maria"), (3, "MARIA")]
    ]
    assert names == ["Owner 1", "maria", "MARIA 3"]
    async with database.writing() as session:
        await session.execute(update(User).where(User.username == "maria").values(username="Sam 5"))
    await factories.user(database, "Sam")
    assert (await come(osm_id=5, name="Sam"))["user"]["username"].startswith("osm ")


@pytest.mark.parametrize(
    ("name", "username"),
    [("", "osm 7"), ("\u0007bell", "osm 7"), ("Deleted-5", "osm 7"), ("x" * 255, "x" * 150), (" 東京", "東京")],
)
async def test_any_name_becomes_a_username(come, name, username):
    assert (await come(name=name))["user"]["username"] == username


@pytest.mark.parametrize("img", ["javascript:alert(1)", "http://osm.test/a.png", f"https://osm.test/{'x' * 1_000}"])
async def test_only_a_short_secure_address_is_a_picture(come, img):
    assert (await come(img=img))["user"]["osmAccount"]["imgUrl"] is None


async def test_of_many_first_sign_ins_of_one_account_at_once_one_makes_it(visit, change, database):
    visits = [await (await visit()).say_yes() for _ in range(6)]
    came = await asyncio.gather(*(change("signInWithOsm", SIGNED_IN, **each.input) for each in visits))
    assert len({each["user"]["id"] for each in came}) == 1
    assert (await count(database, User), await count(database, OsmAccount)) == (1, 1)
    assert await count(database, Session) == 6


async def test_many_of_one_name_come_at_once(visit, change, database):
    visits = [await (await visit()).say_yes(osm_id) for osm_id in range(1, 7)]
    came = await asyncio.gather(*(change("signInWithOsm", SIGNED_IN, **each.input) for each in visits))
    assert len({each["user"]["username"] for each in came}) == 6


async def test_the_suspended_stay_out(come, visit, refuse, database):
    await come()
    async with database.writing() as session:
        await session.execute(update(User).values(is_active=False))
    problem = await refuse("signInWithOsm", **(await (await visit()).say_yes()).input)
    assert (problem["code"], problem["message"]) == ("FORBIDDEN", "This account is suspended.")


async def test_what_was_begun_in_another_browser_is_refused(visit, refuse, osm):
    mine, theirs = await (await visit()).say_yes(), await (await visit()).say_yes(osm_id=666)
    # Somebody is led to our page with the code and the state of another.
    problem = await refuse("signInWithOsm", code=theirs.code, state=theirs.state, secret=mine.secret)
    assert (problem["code"], problem["field"]) == ("INVALID_INPUT", "secret")
    assert osm.asked["/openstreetmap/oauth2/token"] == 0


async def test_anothers_code_is_worth_nothing_with_ones_own_state(visit, refuse):
    mine, theirs = await (await visit()).say_yes(), await (await visit()).say_yes(osm_id=666)
    problem = await refuse("signInWithOsm", code=theirs.code, state=mine.state, secret=mine.secret)
    assert (problem["code"], problem["field"]) == ("INVALID_INPUT", "code")


async def test_a_code_is_used_once(visit, change, refuse):
    arrived = await (await visit()).say_yes()
    assert (await change("signInWithOsm", **arrived.input))["__typename"] == "SignedIn"
    problem = await refuse("signInWithOsm", **arrived.input)
    assert (problem["code"], problem["field"]) == ("INVALID_INPUT", "code")


async def test_a_code_is_worth_nothing_without_the_verifier(visit, refuse, monkeypatch):
    arrived = await (await visit()).say_yes()
    monkeypatch.setattr(osm_service, "_verifier", lambda secret, state: "guessed")
    assert (await refuse("signInWithOsm", **arrived.input))["field"] == "code"


async def test_who_takes_too_long_begins_again(visit, refuse, monkeypatch):
    arrived = await (await visit()).say_yes()
    monkeypatch.setattr(settings, "osm_authorization_s", -1)
    problem = await refuse("signInWithOsm", **arrived.input)
    assert (problem["field"], problem["message"]) == ("state", "This took too long. Start again.")


@pytest.mark.parametrize("salt", ["storage.files", "accounts.other", "itsdangerous"])
async def test_what_was_signed_for_something_else_is_no_state(visit, refuse, salt):
    arrived = await (await visit()).say_yes()
    seal = URLSafeTimedSerializer(settings.secret.get_secret_value(), salt=salt)
    arrived.state = str(seal.dumps([osm_service._hash(arrived.secret), OURS, None]))
    assert (await refuse("signInWithOsm", **arrived.input))["field"] == "state"


@pytest.mark.parametrize(
    "wrong", [{"state": ""}, {"state": "x.y.z"}, {"code": ""}, {"code": "x" * 2_001}, {"secret": ""}]
)
async def test_what_cannot_be_is_refused_without_asking(visit, refuse, osm, wrong):
    arrived = await (await visit()).say_yes()
    problem = await refuse("signInWithOsm", **(arrived.input | wrong))
    assert {problem["field"]} == set(wrong)
    assert osm.asked["/openstreetmap/oauth2/token"] == 0


@pytest.mark.parametrize(
    "uri", ["https://evil.test/", OURS + "x", OURS[:-1], "https://FIELDGRAPH.test/osm/", OURS + "?x", "javascript:x"]
)
async def test_nobody_is_sent_where_the_settings_do_not_say(refuse, uri):
    problem = await refuse("startOsmAuthorization", redirectUri=uri)
    assert (problem["code"], problem["field"]) == ("INVALID_INPUT", "redirectUri")


async def test_a_listed_application_may_be_come_back_to(visit, change, monkeypatch):
    app = "https://App.fieldgraph.test/Back"
    monkeypatch.setattr(settings, "osm_redirect_uris", [OURS, app])
    arrived = await (await visit(redirectUri=app)).say_yes()
    assert arrived.address == app
    assert (await change("signInWithOsm", **arrived.input))["__typename"] == "SignedIn"


async def test_without_an_application_there_it_is_unavailable(visit, refuse, monkeypatch):
    arrived = await (await visit()).say_yes()
    monkeypatch.setattr(settings, "osm_client_id", None)
    assert (await refuse("startOsmAuthorization"))["code"] == "UNAVAILABLE"
    assert (await refuse("signInWithOsm", **arrived.input))["code"] == "UNAVAILABLE"


async def test_a_wrong_secret_of_ours_is_no_fault_of_theirs(visit, refuse, monkeypatch):
    arrived = await (await visit()).say_yes()
    monkeypatch.setattr(osm_accounts, "_is_client", lambda form: False)
    problem = await refuse("signInWithOsm", **arrived.input)
    assert (problem["code"], problem["message"]) == ("UNAVAILABLE", "OpenStreetMap answered 401.")


async def test_an_account_is_linked_and_lets_its_owner_in(ask, visit, change, come, database, owner):
    arrived = await (await visit(owner)).say_yes(name="Owner at OSM")
    linked = await change("linkOsmAccount", "osmAccount { osmId username }", viewer=owner, **arrived.input)
    assert linked["osmAccount"] == {"osmId": 7, "username": "Owner at OSM"}
    assert (await come())["user"]["username"] == "owner"
    again = await (await visit(owner)).say_yes(name="Renamed")
    linked = await change("linkOsmAccount", "osmAccount { username }", viewer=owner, **again.input)
    assert linked["osmAccount"] == {"username": "Renamed"}
    assert await audited(database) == ["linkOsmAccount"]


async def test_an_account_that_is_linked_elsewhere_is_not_taken_away(visit, come, refuse, owner, database):
    await come()
    problem = await refuse("linkOsmAccount", viewer=owner, **(await (await visit(owner)).say_yes()).input)
    assert problem["code"] == "CONFLICT"
    assert problem["message"] == "This OpenStreetMap account is linked to another account. Unlink it there first."


async def test_a_second_account_is_not_linked_over_the_first(visit, change, refuse, owner):
    await change("linkOsmAccount", viewer=owner, **(await (await visit(owner)).say_yes(7)).input)
    problem = await refuse("linkOsmAccount", viewer=owner, **(await (await visit(owner)).say_yes(8)).input)
    assert (problem["code"], problem["message"]) == (
        "CONFLICT",
        "Another OpenStreetMap account is already linked. Unlink it first.",
    )


async def test_of_two_who_link_one_account_at_once_one_does(visit, change, database, owner, other):
    visits = [(each, await (await visit(each)).say_yes()) for each in (owner, other)]
    answers = await asyncio.gather(
        *(change("linkOsmAccount", viewer=each, **arrived.input) for each, arrived in visits)
    )
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict", "User"]
    assert await count(database, OsmAccount) == 1


async def test_what_was_begun_for_one_purpose_serves_no_other(visit, refuse, owner, other, osm):
    linking, signing_in = await (await visit(owner)).say_yes(), await (await visit()).say_yes()
    for mutation, viewer, arrived in [
        ("signInWithOsm", None, linking),
        ("signInWithOsm", owner, linking),
        ("linkOsmAccount", owner, signing_in),
        ("linkOsmAccount", other, linking),
    ]:
        problem = await refuse(mutation, viewer=viewer, **arrived.input)
        assert (problem["code"], problem["field"]) == ("INVALID_INPUT", "state")
    assert (await refuse("linkOsmAccount", **signing_in.input))["code"] == "UNAUTHENTICATED"
    assert osm.asked["/openstreetmap/oauth2/token"] == 0


async def test_an_account_is_unlinked_where_a_password_is_left(ask, visit, change, come, database, owner):
    await change("linkOsmAccount", viewer=owner, **(await (await visit(owner)).say_yes()).input)
    answer = await ask(UNLINK, viewer=owner)
    assert answer["unlinkOsmAccount"] == {"__typename": "User", "osmAccount": None}
    assert (await ask(UNLINK, viewer=owner))["unlinkOsmAccount"]["code"] == "CONFLICT"
    assert (await come())["user"]["username"] == "Maria"
    assert await audited(database) == ["linkOsmAccount", "unlinkOsmAccount", "signInWithOsm"]


@pytest.mark.parametrize(
    ("fields", "is_unlinked"),
    [
        ({}, False),
        ({"email": "maria@fieldgraph.test"}, False),
        ({"email_verified": True}, False),
        ({"email": "maria@fieldgraph.test", "email_verified": True}, True),
        ({"password_hash": factories.PASSWORD_HASH}, True),
    ],
)
async def test_nobody_loses_their_only_way_in(ask, come, unchanged, database, fields, is_unlinked):
    came = await come()
    async with database.writing() as session:
        user = await session.scalar(select(User))
        for name, value in fields.items():
            setattr(user, name, value)
        viewers.invalidate(session, user.id)
    viewer = Person(user, came["token"])
    await ask(ME, viewer=viewer)
    if is_unlinked:
        assert (await ask(UNLINK, viewer=viewer))["unlinkOsmAccount"]["__typename"] == "User"
    else:
        async with unchanged():
            assert (await ask(UNLINK, viewer=viewer))["unlinkOsmAccount"]["__typename"] == "Conflict"


async def test_coming_back_is_paced_and_not_aliased(ask, visit, refuse, monkeypatch):
    fields = 'input: {code: "x", state: "x", secret: "x"}'
    for name in ("signInWithOsm", "linkOsmAccount"):
        answer = await ask(f"mutation {{ a: {name}({fields}) {{ __typename }} b: {name}({fields}) {{ __typename }} }}")
        assert answer.codes == ["BAD_REQUEST"]
    monkeypatch.setattr(settings, "osm_sign_ins_per_minute_max", 1)
    arrived = await (await visit()).say_yes()
    await refuse("signInWithOsm", **(arrived.input | {"code": ""}))
    assert (await refuse("signInWithOsm", **arrived.input))["code"] == "RATE_LIMITED"
