"""What each command says when it cannot do its work, and what `doctor` finds."""

import os
import socket
import subprocess
import sys

import pytest
from pydantic import SecretStr

from app import cli
from app.operations import doctor
from app.operations.processes.process import CannotStart
from app.security import signing
from app.settings import settings


def fieldgraph(*arguments, **environment):
    """Run a command where only these variables are set; None takes one away."""
    told = {name: value for name, value in (os.environ | environment).items() if value is not None}
    command = [sys.executable, "-m", "app.cli", *arguments]
    return subprocess.run(command, env=told, capture_output=True, text=True, check=False)


@pytest.fixture
def nothing(tmp_path):
    return {"FIELDGRAPH_HOME": str(tmp_path), "DATABASE_URL": None, "REDIS_URL": None}


@pytest.mark.parametrize("command", ["migrate", "serve", "work", "demo"])
def test_a_command_without_servers_says_how_to_get_them(command, nothing):
    refused = fieldgraph(command, **nothing)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr.startswith(f"Fieldgraph is not running in {nothing['FIELDGRAPH_HOME']}. Start it in another")
    assert len(refused.stderr.splitlines()) == 1


LONG = "x" * 32


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"FIELDGRAPH_SECRET": None}, "FIELDGRAPH_SECRET must be set"),
        ({"FIELDGRAPH_SECRET": "x" * 31}, "FIELDGRAPH_SECRET must be 32 bytes or longer"),
        ({"FIELDGRAPH_SECRET": " " * 40}, "FIELDGRAPH_SECRET must be set"),
        (
            {"FIELDGRAPH_SECRET": LONG, "FIELDGRAPH_SECRET_PREVIOUS": f"{LONG}y,short"},
            "a secret of FIELDGRAPH_SECRET_PREVIOUS must be 32 bytes or longer",
        ),
        ({"FIELDGRAPH_SECRET": LONG, "FIELDGRAPH_DEMO": "1"}, "FIELDGRAPH_DEMO must not be set"),
    ],
)
@pytest.mark.parametrize("command", ["serve", "work"])
def test_production_takes_a_long_secret_of_its_own_and_no_demo(tmp_path, command, told, said):
    refused = fieldgraph(command, FIELDGRAPH_PRODUCTION="1", FIELDGRAPH_HOME=str(tmp_path), **told)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"In production, {said}")
    assert len(refused.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("told", [{"FIELDGRAPH_SECRET": "x" * 31}, {"FIELDGRAPH_DEMO": "1"}])
def test_up_refuses_the_same_in_production(nothing, tmp_path, told):
    refused = fieldgraph("up", FIELDGRAPH_PRODUCTION="1", **nothing | told)
    assert refused.returncode == 1
    assert refused.stderr.startswith("In production, FIELDGRAPH_")
    assert not (tmp_path / "postgres").exists()


def test_doctor_names_the_keys_and_what_production_refuses(monkeypatch):
    look = doctor.LOOKS["secret"]
    monkeypatch.setattr(settings, "secret", SecretStr("x" * 31))
    monkeypatch.setattr(settings, "secret_previous", SecretStr(LONG))
    now, before = signing.keys()
    assert look() == f"signing with key {now.id}, {before.id} still valid; it is too short for production"
    monkeypatch.setattr(settings, "production", True)
    with pytest.raises(doctor.Ill, match="FIELDGRAPH_SECRET must be 32 bytes"):
        look()
    monkeypatch.setattr(settings, "secret", SecretStr(f"{LONG}y"))
    assert look() == f"signing with key {signing.keys()[0].id}, {before.id} still valid"


def test_a_taken_port_is_refused_before_anything_is_started(nothing, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = fieldgraph("up", PORT=str(port), **nothing)
    assert refused.returncode == 1
    assert refused.stderr == (
        f"Cannot listen on port {port} of 127.0.0.1: Address already in use. "
        f"Choose another port, for example: PORT={port + 1} make run\n"
    )
    assert not (tmp_path / "postgres").exists()


def test_a_database_that_does_not_answer_is_named(nothing, unused_tcp_port):
    refused = fieldgraph(
        "up", PORT=str(unused_tcp_port), **nothing | {"DATABASE_URL": "postgresql:///none?host=/nowhere"}
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("The database in DATABASE_URL does not answer:")


def test_a_schema_file_that_is_not_current_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "SCHEMA", tmp_path / "schema.graphql")
    with pytest.raises(CannotStart, match="Run: make schema"):
        cli.schema(write=False, check=True)
    cli.schema(write=True, check=False)
    cli.schema(write=False, check=True)
    with cli.SCHEMA.open("a") as file:
        file.write("type Stale { id: ID! }\n")
    with pytest.raises(CannotStart, match="Run: make schema"):
        cli.schema(write=False, check=True)


def test_a_setting_that_cannot_be_is_named(nothing):
    refused = fieldgraph("up", PORT="http", FIELDGRAPH_PAGE_SIZE="many", **nothing)
    assert refused.returncode == 1
    assert {line.partition(":")[0] for line in refused.stderr.splitlines()} == {"PORT", "FIELDGRAPH_PAGE_SIZE"}


def test_doctor_tells_well_from_ill(servers, clone_database, tmp_path):
    # A database of its own: other tests delete audit entries, which breaks the chain that doctor verifies.
    url = clone_database("examined")
    examined = fieldgraph("doctor", FIELDGRAPH_HOME=str(tmp_path), DATABASE_URL=url)
    lines = examined.stdout.splitlines()
    assert [line.split()[:2] for line in lines if not line.startswith(" ")] == [
        ["ok", "database"],
        ["ok", "PostGIS"],
        ["ok", "migrations"],
        ["ok", "replica"],
        ["ok", "sequences"],
        ["ok", "role"],
        ["ok", "audit"],
        ["ok", "usage"],
        ["ok", "events"],
        ["ok", "Redis"],
        ["ok", "secret"],
        ["✗", "worker"],
        ["ok", "storage"],
        ["ok", "mail"],
        ["ok", "weights"],
    ]
    assert lines[12].strip() == "→ Run: fieldgraph work"
    assert examined.returncode == 1
    assert url not in examined.stdout


def test_doctor_says_how_to_mend_what_is_missing(nothing):
    examined = fieldgraph("doctor", **nothing)
    assert examined.returncode == 1
    assert examined.stdout.count("✗") == 10
    assert examined.stdout.count("→ Start Fieldgraph (make run), or set") == 10


def test_doctor_says_when_nobody_is_written_to(nothing):
    examined = fieldgraph("doctor", **nothing, FIELDGRAPH_PRODUCTION="1")
    assert "✗  mail" in examined.stdout
    assert "→ Set FIELDGRAPH_SMTP_URL" in examined.stdout
    away = fieldgraph("doctor", **nothing, FIELDGRAPH_SMTP_URL="smtp://127.0.0.1:1")
    assert "The mail server does not answer" in away.stdout


def test_migrations_that_are_missing_are_named_and_applied(servers, clone_database):
    url = clone_database("behind")
    with servers.connect("behind") as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
        connection.execute("CREATE EXTENSION postgis")
    first, second = (fieldgraph("migrate", DATABASE_URL=url) for _ in range(2))
    assert first.stdout.startswith("Applying: ")
    assert first.stdout.endswith("The database schema is up to date.\n")
    assert second.stdout == "The database schema is up to date.\n"
