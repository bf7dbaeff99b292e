"""Names: nobody can be taken for another, and no name carries more than a name into a mail."""

import asyncio

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select

from app import identifiers
from app.models.accounts import User
from app.operations.database.migrate import MIGRATIONS
from app.services.accounts.email.tokens import Purpose, token_of
from app.settings import settings
from tests import factories

WHEN = "2026-01-01T00:00:00Z"
PASSWORD = "correct horse battery"


async def sign_up(change, username, email="new@example.org"):
    return await change("signUp", token=token_of(Purpose.SIGN_UP, email), username=username, password=PASSWORD)


MISLEADING = {
    "zero width space": "ann\u200b",
    "zero width joiner": "an\u200dn",
    "soft hyphen": "an\u00adn",
    "byte order mark": "\ufeffann",
    "right-to-left override": "ann\u202etor",
    "isolate": "\u2067ann\u2069",
    "Hangul filler": "\u3164",
    "half-width filler": "ann\uffa0",
    "braille blank": "ann\u2800",
    "variation selector": "ann\ufe0f",
    "tag letter": "ann\U000e0061",
    "no-break space": "ann\u00a0lee",
    "Cyrillic o": "mоderatrix",
    "Greek omicron": "annοlee",
    "Cyrillic and Latin words": "кот cat",
    "URL": "you won! http://evil.example/",
    "bare host": "evil.example",
    "full-width host": "evil．example",
    "ideographic stop": "evil。example",
    "path": "evil/example",
    "mail address": "ann@example.org",
    "emoji": "ann🏠",
    "private use": "ann\ue000",
    "math letters": "𝐚nn",
    "mark alone": "\u0301",
}
RESERVED = ["moderator", "Moderator", "m0derator", "rnoderator", "ADMlN", "adm1n", "support", "Fieldgraph", "staff"]
RESERVED += ["ａdmin", "root", "no-reply", "deleted-1", "Deleted-2", "de1eted-3"]


async def refused_to(ask, viewer, field, values, unchanged):
    """What comes of each of these values for a field of one's account, where nothing may change."""
    document = f"""mutation ($value: String!) {{ updateAccount(input: {{{field}: $value}}) {{
        ... on InvalidInput {{ field }} ... on User {{ {field} }} }} }}"""
    async with unchanged():
        return {value: (await ask(document, viewer=viewer, value=value))["updateAccount"] for value in values}


async def test_a_misleading_username_is_refused(ask, unchanged, owner):
    refused = await refused_to(ask, owner, "username", MISLEADING.values(), unchanged)
    assert {value: answer for value, answer in refused.items() if answer != {"field": "username"}} == {}


async def test_nobody_speaks_for_the_installation(ask, unchanged, owner):
    refused = await refused_to(ask, owner, "username", RESERVED, unchanged)
    assert {value: answer for value, answer in refused.items() if answer != {"field": "username"}} == {}


@pytest.mark.parametrize("username", ["moderatrix\u200b", "Moderator"])
async def test_whoever_signs_up_is_held_to_the_same(refuse, username):
    assert (await sign_up(refuse, username))["field"] == "username"


WORLDLY = ["Äcker", "東京 太郎", "日本taro", "иван", "مريم", "O'Neil", "ann_lee-2", "J. Smith"]


async def test_names_of_the_world_are_taken_as_they_are(change, owner, monkeypatch):
    monkeypatch.setattr(settings, "username_changes_max", len(WORLDLY))
    for username in WORLDLY:
        assert (await change("updateAccount", "username", viewer=owner, username=username))["username"] == username


async def test_space_between_words_is_one(change, database):
    await sign_up(change, "  ann   lee ")
    async with database.reading() as session:
        assert (await session.scalars(select(User.username))).one() == "ann lee"


ALIKE = [("ace", "асе"), ("bill", "bi1l"), ("bill", "biIl"), ("mary", "rnary"), ("zoe", "zOe"), ("zoe", "z0e")]
ALIKE += [("ann lee", "ann  LEE"), ("bob", "ВОВ")]


@pytest.mark.parametrize(("first", "second"), ALIKE)
async def test_a_name_that_looks_like_anothers_is_taken(change, refuse, owner, first, second):
    await sign_up(change, first)
    assert (await sign_up(refuse, second, "second@example.org"))["code"] == "CONFLICT"
    assert (await refuse("updateAccount", viewer=owner, username=second))["code"] == "CONFLICT"


async def test_of_two_alike_at_once_one_is_made(change, database):
    made = await asyncio.gather(sign_up(change, "will", "a@example.org"), sign_up(change, "wi1l", "b@example.org"))
    assert sorted(each["__typename"] for each in made) == ["Conflict", "SignedIn"]


async def test_a_name_that_is_given_up_may_be_chosen_again(change, database):
    made = await factories.user(database, "bill")
    async with database.writing() as session:
        (await session.get_one(User, made.user.id)).username = "william"
    assert (await sign_up(change, "bi1l"))["__typename"] == "SignedIn"


NAMES = {name: value for name, value in MISLEADING.items() if name not in {"emoji", "math letters", "mark alone"}}
NAMES = {name: value for name, value in NAMES.items() if name not in {"Hangul filler", "Cyrillic and Latin words"}}


async def test_no_other_name_that_stands_in_mails_misleads(ask, change, unchanged, owner):
    for field in ("firstName", "lastName"):
        refused = await refused_to(ask, owner, field, NAMES.values(), unchanged)
        assert {value: answer for value, answer in refused.items() if answer != {"field": field}} == {}
    async with unchanged():
        teams = [await change("createTeam", viewer=owner, name=name) for name in NAMES.values()]
    assert {team["code"] for team in teams} == {"INVALID_INPUT"}


async def test_an_operator_may_give_a_reserved_name(database):
    from app.services.accounts.sign_in import sign_ups  # noqa: PLC0415

    async with database.writing() as session:
        made = await sign_ups.create_account(session, email="a@example.org", username="admin", password_hash="x")
    assert made.username_key == identifiers.skeleton("admin")


def test_a_skeleton_is_that_of_its_skeleton():
    for name in ["mary", "Äcker", "東京", "ВОВ", "иван", "bi1l", "مريم", "I0m"]:
        assert identifiers.skeleton(identifiers.skeleton(name)) == identifiers.skeleton(name)


def test_old_names_stay_and_are_told(clone_database):
    url = clone_database("names")
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["url"] = url
    names = ["ann", "аnn", "moderator", "bill", "bi1l", "you won! http://evil.example/", "deleted-7"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "database_url", url)
        command.downgrade(config, "0021")
        with psycopg.connect(url.replace("+psycopg", "")) as connection:
            for name in names:
                connection.execute(
                    "INSERT INTO users (username, email, email_verified, first_name, last_name, is_active, is_staff, "
                    "is_super_admin, notifications_delivery_methods, notifications_declined, newsletter_subscription, "
                    "account_deletion_requested, security_stamp, anonymised_at) "
                    "VALUES (%s, %s, true, '', '', true, %s, false, '{WEB}', '{}', false, false, 0, %s)",
                    (name, f"ｍ{name}@example.org", name == "moderator", WHEN if name == "deleted-7" else None),
                )
        command.upgrade(config, "head")
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        kept = connection.execute("SELECT username, username_key IS NULL, email FROM users ORDER BY id").fetchall()
        told = connection.execute(
            "SELECT username FROM user_notifications JOIN users ON users.id = user_id ORDER BY users.id"
        ).fetchall()
    assert [name for name, _, _ in kept] == names
    assert [name for name, has_no_key, _ in kept if has_no_key] == ["аnn", "bi1l"]
    assert {email[:1] for _, _, email in kept} == {"m"}
    assert [name for (name,) in told] == ["аnn", "bi1l", names[5]]
