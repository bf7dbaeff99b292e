"""Passwords that are easy to guess are refused at every door where one is set, and nothing changes."""

import pytest
import zxcvbn
from graphql import GraphQLInputObjectType
from sqlalchemy import select

from app.demo import people
from app.errors import Invalid
from app.models.accounts import User
from app.security import credentials
from app.services.accounts.email.tokens import Purpose, token_of
from app.services.accounts.sign_in import password_strength
from app.settings import settings
from schema import schema
from tests import factories
from tests.fixtures import Person

PASSWORD = factories.PASSWORD
WEAK = [
    "aaaaaaaaaa",
    "password123",
    "Password1234",
    "P@ssw0rd1234",
    "1234567890",
    "qwertyuiop",
    "abcdefghij",
    "iloveyou12",
    "passwordpassword",
    "abcabcabcabc",
    "2001-01-01",
    "fieldgraph1",
]
CHECKS_A_PASSWORD = {
    ("SignInInput", "password"),
    ("ChangePasswordInput", "currentPassword"),
    ("RequestEmailVerificationInput", "currentPassword"),
    ("DeleteAccountInput", "currentPassword"),
}
OF_ANOTHER_SERVER = {
    ("CreateAiProviderConnectionInput", "apiAuthPassw"),
    ("UpdateAiProviderConnectionInput", "apiAuthPassw"),
}
SETS_A_PASSWORD = {
    ("SignUpInput", "password"),
    ("ResetPasswordInput", "password"),
    ("ChangePasswordInput", "newPassword"),
}


@pytest.fixture
async def ann(database):
    hashed = await credentials.hash_password(PASSWORD)
    made = await factories.user(database, "annabella", email="rosalinde@fieldgraph.test", password_hash=hashed)
    return Person(made.user, made.token)


async def refused_by(door: str, refuse, ann: Person, password: str):
    match door:
        case "signUp":
            token = token_of(Purpose.SIGN_UP, "new@fieldgraph.test")
            return await refuse("signUp", token=token, username="bob", password=password)
        case "resetPassword":
            token = token_of(Purpose.PASSWORD_RESET, ann.user.email, ann.user)
            return await refuse("resetPassword", token=token, password=password)
    return await refuse("changePassword", viewer=ann, currentPassword=PASSWORD, newPassword=password)


def test_every_input_with_a_password_is_known_here():
    """A new mutation that sets a password is a new door: add it to the tests below."""
    named = {
        (name, field)
        for name, kind in schema._schema.type_map.items()
        if isinstance(kind, GraphQLInputObjectType)
        for field, declared in kind.fields.items()
        if "passw" in field.lower() and "String" in str(declared.type)
    }
    assert named <= SETS_A_PASSWORD | CHECKS_A_PASSWORD | OF_ANOTHER_SERVER
    assert named >= SETS_A_PASSWORD


@pytest.mark.parametrize("door", ["signUp", "resetPassword", "changePassword"])
async def test_a_weak_password_is_refused_and_nothing_changes(refuse, database, ann, door):
    refused = await refused_by(door, refuse, ann, "password123")
    assert (refused["code"], refused["field"]) == (
        "INVALID_INPUT",
        "newPassword" if door == "changePassword" else "password",
    )
    assert refused["message"].startswith("This password is too easy to guess. ")
    assert "Use four or more uncommon words" in refused["message"]
    async with database.reading() as session:
        [user] = await session.scalars(select(User))
    assert user.password_hash == ann.user.password_hash
    assert user.security_stamp == ann.user.security_stamp


@pytest.mark.parametrize("door", ["resetPassword", "changePassword"])
@pytest.mark.parametrize("password", ["annabella1", "Rosalinde12", "allebanna!"])
async def test_the_own_name_or_address_is_no_password(refuse, ann, door, password):
    assert "too easy to guess" in (await refused_by(door, refuse, ann, password))["message"]


@pytest.mark.parametrize("password", ["kunigunde1", "Bartholomaeus2"])
async def test_nor_is_it_at_sign_up(refuse, password):
    token = token_of(Purpose.SIGN_UP, "bartholomaeus@fieldgraph.test")
    refused = await refuse("signUp", token=token, username="kunigunde", password=password)
    assert "too easy to guess" in refused["message"]


@pytest.mark.parametrize("password", WEAK)
def test_what_people_choose_is_refused(password):
    with pytest.raises(Invalid, match="too easy to guess"):
        password_strength.check(password, names=(), field="password")


@pytest.mark.parametrize(
    "password", [PASSWORD, people.PASSWORD, "Zq7-mv2e!kP", "мой кот ест рыбу", "x7" + "a" * 10 + "Lq0-9vTz"]
)
def test_what_is_hard_to_guess_is_taken(password):
    password_strength.check(password, names=("annabella", None, ""), field="password")


def test_the_names_of_one_account_do_not_count_for_the_next():
    with pytest.raises(Invalid):
        password_strength.check("wolperdinger", names=("wolperdinger",), field="password")
    password_strength.check("wolperdinger", names=("ann",), field="password")


def test_a_long_password_is_estimated_by_its_beginning(monkeypatch):
    lengths = []
    estimate = zxcvbn.zxcvbn
    monkeypatch.setattr(zxcvbn, "zxcvbn", lambda text, words: lengths.append(len(text)) or estimate(text, words))
    password_strength.check("Zq7-mv2e!kP" + "ä" * 989, names=("x" * 5_000,), field="password")
    assert lengths == [password_strength.ESTIMATED_LENGTH_MAX]


def test_an_operator_may_ask_for_less(monkeypatch):
    monkeypatch.setattr(settings, "password_strength_min", 1)
    password_strength.check("Password1234", names=(), field="password")
