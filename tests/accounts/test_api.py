"""Signing up with a proven address, in and out."""

import asyncio

import pytest
from sqlalchemy import func, select

from app.models.accounts import Session, User
from app.security import credentials
from app.services.accounts.email.tokens import Purpose, token_of
from app.settings import settings
from tests import factories
from tests.fixtures import Person

FIELDS = "token expiresAt user { id username firstName lastName isStaff isSuperAdmin email emailVerified dateJoined }"
PASSWORD = "correct horse battery"
ANN = {"username": "ann", "password": PASSWORD}
ME = "{ me { username email lastLogin } }"


def proven(email: str = "ann@example.org") -> dict[str, str]:
    """What somebody signs up with who read the mail to an address."""
    return ANN | {"token": token_of(Purpose.SIGN_UP, email)}


async def counted(database, table) -> int:
    async with database.reading() as session:
        return await session.scalar(select(func.count()).select_from(table))


@pytest.fixture
async def ann(database):
    """Somebody with a password."""
    made = await factories.user(database, "ann", password_hash=await credentials.hash_password(PASSWORD))
    return Person(made.user, made.token)


async def test_who_signs_up_is_signed_in(ask, change):
    made = await change("signUp", FIELDS, **(proven("Ann@example.org") | {"firstName": " Ann "}))
    shown = {"username": "ann", "firstName": "Ann", "lastName": "", "isStaff": False, "isSuperAdmin": False}
    assert shown.items() <= made["user"].items()
    assert made["user"]["emailVerified"] is None  # the request itself came from a stranger
    found = await ask(ME, viewer=Person(User(), made["token"]))
    assert found["me"]["username"] == "ann"
    assert found["me"]["email"] == "Ann@example.org"
    assert found["me"]["lastLogin"] is not None


async def test_nobody_is_me_to_a_stranger(ask):
    assert await ask(ME) == {"me": None}


WRONG = [
    ("token", ""),
    ("token", "ann@example.org"),
    ("token", token_of(Purpose.PASSWORD_RESET, "ann@example.org")),
    ("token", token_of(Purpose.SIGN_UP, "ann@example.org")[:-1]),
    ("username", "deleted-1"),
    ("username", " Deleted-2 "),
    ("username", ""),
    ("username", "  "),
    ("username", "x" * 151),
    ("username", "ann\nadmin"),
    ("firstName", "x" * 151),
    ("lastName", "\u0007"),
    ("password", ""),
    ("password", "123456789"),
    ("password", "x" * 201),
    ("password", "x" * 10_000),
]


async def test_a_wrong_value_is_named_and_makes_no_account(refuse):
    for field, value in WRONG:
        refused = await refuse("signUp", **(proven() | {field: value}))
        assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field), value[:40]
        assert PASSWORD not in refused["message"]


@pytest.mark.parametrize("email", ["ann@example.org", "ANN@example.org", "aNN@example.org"])
async def test_an_address_has_one_account_in_capitals_or_not(change, refuse, email):
    await change("signUp", **proven())
    refused = await refuse("signUp", **(proven(email) | {"username": "bob"}))
    assert (refused["__typename"], refused["code"]) == ("Conflict", "CONFLICT")
    assert "email" in refused["message"]


async def test_a_username_is_taken_once_in_capitals_or_not(change, refuse):
    await change("signUp", **proven())
    refused = await refuse("signUp", **(proven("bob@example.org") | {"username": "ANN"}))
    assert (refused["code"], refused["message"]) == ("CONFLICT", "This username is taken.")


async def test_of_ten_who_sign_up_at_once_with_one_address_one_wins(change, database):
    addresses = ["ann@example.org", "Ann@example.org"] * 5
    answers = await asyncio.gather(
        *(change("signUp", **(proven(email) | {"username": f"ann{n}"})) for n, email in enumerate(addresses))
    )
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 9 + ["SignedIn"]
    assert await counted(database, User) == 1
    assert await counted(database, Session) == 1


async def test_who_knows_the_password_signs_in(ask, change, ann):
    for email in ("ann@fieldgraph.test", "ANN@FIELDGRAPH.TEST", " ann@FieldGraph.test\n"):
        made = await change("signIn", FIELDS, email=email, password=PASSWORD)
        assert (await ask(ME, viewer=Person(ann.user, made["token"])))["me"]["username"] == "ann"
    assert (await ask(ME, viewer=ann))["me"]["username"] == "ann"  # the first session is open still


async def test_whatever_is_wrong_the_answer_is_the_same(refuse, database, ann):
    await factories.user(database, "bob", password_hash=None)
    suspended = await credentials.hash_password(PASSWORD)
    await factories.user(database, "eve", password_hash=suspended, is_active=False)
    tried = [
        ("ann@fieldgraph.test", "wrong horse battery"),
        ("ann@fieldgraph.test", ""),
        ("ann@fieldgraph.test", PASSWORD.upper()),
        ("nobody@fieldgraph.test", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        ("bob@fieldgraph.test", PASSWORD),
        ("eve@fieldgraph.test", PASSWORD),
    ]
    refused = [await refuse("signIn", email=email, password=password) for email, password in tried]
    assert [answer["code"] for answer in refused] == ["INVALID_INPUT"] * len(tried)
    assert {(answer["field"], answer["message"]) for answer in refused} == {
        ("password", "Wrong email address or password.")
    }


async def test_an_unknown_address_costs_a_hash_like_a_wrong_password(refuse, ann, monkeypatch):
    verified = []
    verify = credentials._hashes.verify
    monkeypatch.setattr(credentials._hashes, "verify", lambda *given: verified.append(given) or verify(*given))
    for email in ("ann@fieldgraph.test", "nobody@fieldgraph.test", "no address"):
        await refuse("signIn", email=email, password="wrong horse battery")
    assert len(verified) == 3
    assert all(kept.startswith("$argon2id$") for _, kept in verified)


async def test_a_huge_password_is_refused_like_any_other(refuse, ann):
    for length, code in ((10_000, "INVALID_INPUT"), (50_000, "BAD_REQUEST"), (5_000_000, "BAD_REQUEST")):
        refused = await refuse("signIn", email="ann@fieldgraph.test", password="x" * length)
        assert refused["code"] == code


async def test_one_request_holds_one_guess(ask, unchanged, ann):
    input = '{email: "ann@fieldgraph.test", password: "guess number one"}'
    guesses = " ".join(f"{alias}: signIn(input: {input}) {{ __typename }}" for alias in "ab")
    async with unchanged():
        answer = await ask(f"mutation {{ {guesses} }}")
    assert answer.codes == ["BAD_REQUEST"]
    assert not answer


async def test_an_account_is_guessed_at_so_often_a_minute(change, refuse, ann, monkeypatch):
    monkeypatch.setattr(settings, "sign_ins_per_minute_max", 3)
    guess = {"email": "ann@fieldgraph.test", "password": "wrong horse battery"}
    for _ in range(3):
        assert (await refuse("signIn", **guess))["code"] == "INVALID_INPUT"
    assert (await refuse("signIn", **guess))["code"] == "RATE_LIMITED"
    assert (await refuse("signIn", **(guess | {"password": PASSWORD})))["code"] == "RATE_LIMITED"


async def test_an_address_makes_so_many_accounts_an_hour(change, refuse, monkeypatch):
    monkeypatch.setattr(settings, "sign_ups_per_hour_max", 1)
    assert (await change("signUp", **proven()))["__typename"] == "SignedIn"
    refused = await refuse("signUp", **(proven("bob@example.org") | {"username": "bob"}))
    assert refused["code"] == "RATE_LIMITED"


async def test_who_signs_out_ends_this_session_alone(ask, change, database, ann):
    other = Person(ann.user, (await change("signIn", "token", email="ann@fieldgraph.test", password=PASSWORD))["token"])
    assert await ask("mutation { signOut }", viewer=ann) == {"signOut": True}
    assert (await ask(ME, viewer=ann)).codes == ["UNAUTHENTICATED"]
    assert (await ask("mutation { signOut }", viewer=ann)).codes == ["UNAUTHENTICATED"]
    assert (await ask(ME, viewer=other))["me"]["username"] == "ann"
    assert await counted(database, Session) == 1


async def test_a_stranger_cannot_sign_out(ask, unchanged, ann):
    async with unchanged():
        answer = await ask("mutation { signOut }")
    assert answer.codes == ["UNAUTHENTICATED"]
