"""Wrong passwords are counted, right ones are not; who guesses keeps nobody out of a device that is theirs."""

import asyncio

import httpx
import pytest

from app.security import credentials
from app.security.signing import Seal
from app.settings import settings
from tests import factories

HERE, ELSEWHERE = "192.0.2.1", "198.51.100.1"
RIGHT, WRONG = factories.PASSWORD, "wrong horse battery"
SIGN_IN = """mutation ($input: SignInInput!) {
  signIn(input: $input) { __typename ... on SignedIn { deviceToken } ... on Problem { code } }
}"""


@pytest.fixture(autouse=True)
def _few(monkeypatch):
    """Little is needed to be refused, and no time for hashes."""
    monkeypatch.setattr(settings, "sign_ins_per_minute_max", 3)
    monkeypatch.setattr(settings, "sign_ins_elsewhere_per_hour_max", 7)

    async def matches(password, password_hash):
        await asyncio.sleep(0)
        return password == RIGHT and password_hash is not None

    monkeypatch.setattr(credentials, "password_matches", matches)


@pytest.fixture
def sign_in(api):
    """Signs in from a network address; gives the device's token, or the code of what went wrong."""

    async def sign_in(password, address, name="ann", device=None):
        transport = httpx.ASGITransport(api._transport.app, client=(address, 1))
        given = {"email": f"{name}@fieldgraph.test", "password": password, "deviceToken": device}
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            body = {"query": SIGN_IN, "variables": {"input": given}}
            answer = (await http.post("/graphql", json=body)).json()
        if not (answer.get("data") or {}).get("signIn"):
            return answer["errors"][0]["extensions"]["code"]
        return answer["data"]["signIn"].get("deviceToken") or answer["data"]["signIn"]["code"]

    return sign_in


@pytest.fixture
async def ann(database):
    return await factories.user(database, "ann")


def is_token(answer):
    return answer not in {"INVALID_INPUT", "RATE_LIMITED"}


async def test_a_class_behind_one_address_signs_in_at_once(sign_in, database):
    names = [f"pupil{number}" for number in range(30)]
    for name in names:
        await factories.user(database, name)
    answers = await asyncio.gather(*(sign_in(RIGHT, HERE, name) for name in names))
    assert all(map(is_token, answers))
    assert all([is_token(await sign_in(RIGHT, HERE, "pupil0")) for _ in range(9)])


async def test_wrong_passwords_are_counted_for_an_account_at_an_address(sign_in, ann, database):
    await factories.user(database, "bob")
    assert [await sign_in(WRONG, ELSEWHERE) for _ in range(5)] == ["INVALID_INPUT"] * 3 + ["RATE_LIMITED"] * 2
    assert await sign_in(RIGHT, ELSEWHERE) == "RATE_LIMITED"
    assert is_token(await sign_in(RIGHT, ELSEWHERE, "bob"))
    assert is_token(await sign_in(RIGHT, HERE))


async def test_whoever_tries_everybody_from_one_address_is_stopped_too(sign_in, monkeypatch, ann):
    monkeypatch.setattr(settings, "sign_ins_per_address_and_minute_max", 5)
    codes = [await sign_in(WRONG, ELSEWHERE, f"nobody{number}") for number in range(7)]
    assert codes == ["INVALID_INPUT"] * 5 + ["RATE_LIMITED"] * 2


async def test_an_address_at_which_they_signed_in_is_never_closed_from_elsewhere(sign_in, ann):
    assert is_token(await sign_in(RIGHT, HERE))
    codes = [await sign_in(WRONG, f"198.51.100.{number}") for number in range(12)]
    assert codes == ["INVALID_INPUT"] * 7 + ["RATE_LIMITED"] * 5
    assert await sign_in(RIGHT, "203.0.113.1") == "RATE_LIMITED"  # where nobody knows them
    assert is_token(await sign_in(RIGHT, HERE))


async def test_a_device_they_used_is_never_closed_though_the_guesser_sits_beside_it(sign_in, ann, database):
    device = await sign_in(RIGHT, HERE)
    assert [await sign_in(WRONG, HERE) for _ in range(4)][-1] == "RATE_LIMITED"
    assert await sign_in(RIGHT, HERE) == "RATE_LIMITED"
    assert is_token(await sign_in(RIGHT, HERE, device=device))


async def test_a_device_has_a_share_of_its_own_and_is_for_one_account(sign_in, ann, database):
    await factories.user(database, "bob")
    device = await sign_in(RIGHT, HERE)
    codes = [await sign_in(WRONG, ELSEWHERE, device=device) for _ in range(4)]
    assert codes == ["INVALID_INPUT"] * 3 + ["RATE_LIMITED"]
    for forged in (device, f"{device}x", "x", Seal("uploaded").dumps(["x", "y"])):
        for _ in range(4):
            code = await sign_in(WRONG, "198.51.100.7", "bob", device=forged)
        assert code == "RATE_LIMITED"


async def test_an_address_without_an_account_is_counted_alike(sign_in):
    assert [await sign_in(WRONG, HERE, "nobody") for _ in range(4)] == ["INVALID_INPUT"] * 3 + ["RATE_LIMITED"]


async def test_many_at_once_get_no_more_guesses_than_one_by_one(sign_in, ann):
    codes = await asyncio.gather(*(sign_in(WRONG, HERE) for _ in range(9)))
    assert sorted(codes) == ["INVALID_INPUT"] * 3 + ["RATE_LIMITED"] * 6
