"""Programs that we start learn nothing of our secrets by their environment."""

import sys

import pytest

from app.operations.processes import servers
from app.security import child_environment
from app.settings import settings
from jobs import engine

SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "DATABASE_URL",
    "FIELDGRAPH_SECRET",
    "FIELDGRAPH_SECRET_PREVIOUS",
    "FIELDGRAPH_SMTP_URL",
    "GITHUB_TOKEN",
    "PGPASSWORD",
    "REDIS_URL",
    "SOMETHING_NEW",
)
ENGINE = "import json, os; print(json.dumps({'result': dict(os.environ)}))"


@pytest.fixture(autouse=True)
def _hidden(monkeypatch):
    for name in SECRETS:
        monkeypatch.setenv(name, "hidden")


class Going:
    """A job that nobody cancels."""

    def go_on(self):
        pass


async def test_the_engine_knows_limits_and_no_secret(monkeypatch, tmp_path):
    monkeypatch.setattr(engine, "ENGINE", (sys.executable, "-c", ENGINE))
    monkeypatch.setattr(settings, "training_views_per_epoch_max", 7)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")

    async def said(_message):
        pytest.fail("It says one thing.")

    found = await engine.run_engine(Going(), tmp_path, said, s_max=60)
    assert "hidden" not in found.values()
    assert found["FIELDGRAPH_TRAINING_VIEWS_PER_EPOCH_MAX"] == "7"
    assert found["FIELDGRAPH_HOME"] == str(settings.home.resolve())
    assert found["JAX_PLATFORMS"] == "cpu"


def test_what_the_private_servers_are_told_has_no_secret():
    told = servers._run_as(None, [sys.executable, "-c", "import os; print(list(os.environ.values()))"])
    assert told.stdout.startswith("[")
    assert "hidden" not in told.stdout


def test_every_program_knows_its_path_and_language(monkeypatch):
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    known = child_environment.variables("HOME")
    assert known["LC_ALL"] == "C.UTF-8"
    assert {"PATH", "HOME"} <= set(known)
    assert not set(SECRETS) & set(known)
