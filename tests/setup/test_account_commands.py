"""What operators do to accounts at the command line."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass

import psycopg
import pytest
from psycopg.rows import namedtuple_row
from typer.testing import CliRunner

from app.operations import account_commands
from app.operations.processes.process import CannotStart
from app.security import credentials
from app.settings import settings

PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Said:
    """What a command answered with, and why it refused."""

    text: str
    refusal: str | None


@pytest.fixture
def user(database_url, redis_url, monkeypatch):
    """`fieldgraph user`, with what is typed."""
    monkeypatch.setattr(settings, "redis_url", redis_url)

    def user(*arguments, typed=f"{PASSWORD}\n"):
        result = CliRunner().invoke(account_commands.program, arguments, input=typed)
        if result.exception is None:
            return Said(result.stdout.strip(), None)
        assert isinstance(result.exception, CannotStart | SystemExit), result.exception
        return Said(result.stdout, str(result.exception))

    return user


@pytest.fixture
def rows(database_url):
    def rows(statement):
        with psycopg.connect(settings.database_url.replace("+psycopg", ""), row_factory=namedtuple_row) as connection:
            return connection.execute(statement).fetchall()

    return rows


@pytest.fixture
def ada(user):
    return user("create", "ada@example.org", "ada")


def matches(password, hashed):
    return asyncio.run(credentials.password_matches(password, hashed))


def entries(rows):
    return [(row.action, row.actor_id) for row in rows("SELECT action, actor_id FROM audit_entries ORDER BY id")]


def test_an_account_is_made_with_a_password_that_is_typed(ada, rows):
    assert ada.text == "Created ada <ada@example.org>."
    [made] = rows("SELECT * FROM users")
    assert (made.username, made.email, made.email_verified) == ("ada", "ada@example.org", True)
    assert (made.is_staff, made.is_super_admin) == (False, False)
    assert matches(PASSWORD, made.password_hash)
    assert entries(rows) == [("createUser", None)]


def test_the_first_super_admin_is_made_here(user, rows):
    user("create", "ada@example.org", "ada", "--super-admin")
    assert rows("SELECT is_staff, is_super_admin FROM users") == [(True, True)]
    assert user("list").text.split() == ["ada", "ada@example.org", "super", "admin"]


@pytest.mark.parametrize(
    ("arguments", "typed", "reason"),
    [
        (("create", "ada@example.org", "ada"), "short\n", "password: Choose a password of 10 to 200 characters."),
        (("create", "nobody", "ada"), f"{PASSWORD}\n", "email: An email address must have an @-sign."),
        (("create", "ada@example.org", " "), f"{PASSWORD}\n", "username: Use 1 to 150 characters; this has 0."),
        (("promote", "eve"), "", "There is no account with the e-mail address or username eve."),
        (("suspend", "eve", "--reason", "Spam."), "", "There is no account with the e-mail address or username eve."),
        (("demote", "ada@example.org"), "", "There is no account with the e-mail address or username ada@example.org."),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence_and_nothing_is_done(user, rows, arguments, typed, reason):
    assert user(*arguments, typed=typed).refusal == reason
    assert rows("SELECT id FROM users") == []
    assert entries(rows) == []


def test_an_address_and_a_name_are_taken_once(user, ada, rows):
    assert user("create", "ADA@example.org", "eve").refusal == "This email address already has an account."
    assert user("create", "eve@example.org", "Ada").refusal == "This username is taken."
    assert len(rows("SELECT id FROM users")) == 1


def test_somebody_becomes_staff_and_is_no_longer(user, ada, rows):
    assert user("promote", "ADA").text == "ada is now staff."
    assert user("promote", "ada").refusal == "This user is already staff."
    assert user("promote", "ada@example.org", "--super-admin").text == "ada is now a super admin."
    assert user("demote", "ada").refusal == "This is the last super admin. Make another user a super admin first."
    user("create", "bob@example.org", "bob", "--super-admin")
    assert user("demote", "ada").text == "ada is no longer staff."
    assert user("list").text.split()[0] == "bob"
    assert {actor for _, actor in entries(rows)} == {None}


@pytest.mark.parametrize("typed", ["password123", "ada@example"])
def test_a_password_that_is_easy_to_guess_is_refused(user, ada, rows, typed):
    before = rows("SELECT password_hash, security_stamp FROM users")
    assert user("password", "ada", typed=f"{typed}\n").refusal.startswith(
        "password: This password is too easy to guess."
    )
    made = user("create", "eve@example.org", "eve", typed=f"{typed.replace('ada', 'eve')}\n")
    assert made.refusal.startswith("password: This password is too easy to guess.")
    assert rows("SELECT password_hash, security_stamp FROM users") == before


def test_a_new_password_is_set_and_sessions_end(user, ada, rows):
    rows(
        "INSERT INTO sessions (user_id, token_hash, expires_at, last_used_at, client, address) "
        "SELECT id, 'x', now(), now(), '', '' FROM users RETURNING id"
    )
    assert user("password", "ada", typed="another good one\n").text == "ada has a new password."
    [(hashed, stamp)] = rows("SELECT password_hash, security_stamp FROM users")
    assert matches("another good one", hashed)
    assert stamp == 1
    assert rows("SELECT id FROM sessions") == []
    assert entries(rows)[-1] == ("changePassword", None)


def test_an_account_is_suspended_and_restored(user, ada, rows):
    assert user("suspend", "ada", "--reason", "Spam.").text == "ada is suspended."
    assert user("suspend", "ada", "--reason", "Spam.").refusal == "This account is already suspended."
    assert rows("SELECT is_active FROM users") == [(False,)]
    assert user("restore", "ada").text == "ada is restored."
    assert entries(rows) == [("createUser", None), ("suspendUser", None), ("restoreUser", None)]


def test_without_staff_the_list_says_what_to_do(user, ada):
    assert user("list").text == "There are no staff. Run: fieldgraph user promote"


def test_the_command_takes_its_password_from_the_standard_input(database_url, redis_url, rows):
    command = [sys.executable, "-m", "app.cli", "user", "create", "ada@example.org", "ada"]
    made = subprocess.run(command, env=os.environ, input=f"{PASSWORD}\n", capture_output=True, text=True, check=False)
    assert (made.returncode, made.stdout) == (0, "Created ada <ada@example.org>.\n")
    again = subprocess.run(command, env=os.environ, input=f"{PASSWORD}\n", capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (1, "This email address already has an account.\n")


def test_its_help_needs_no_servers(tmp_path):
    nowhere = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    command = [sys.executable, "-m", "app.cli", "user"]
    for arguments, code in [(["--help"], 0), (["promote", "ada"], 1)]:
        told = subprocess.run(
            [*command, *arguments],
            env=nowhere | {"FIELDGRAPH_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert told.returncode == code
        assert ("promote" in told.stdout) == (code == 0)
        assert told.stderr.startswith("Fieldgraph is not running in") == (code == 1)
