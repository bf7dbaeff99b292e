"""The locks name every package with its hashes, and no host to take it from."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pinned(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9.-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))


def named(requirements: list[str]) -> set[str]:
    return {re.match(r"[A-Za-z0-9-]+", requirement)[0].lower() for requirement in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_host(lock):
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_a_version_and_a_hash(lock):
    entries = re.split(r"\n(?=\S)", (ROOT / lock).read_text().strip())
    whole = re.compile(r"[a-z0-9.-]+==\S+ .*?--hash=sha256:", re.DOTALL)
    assert [entry for entry in entries if not whole.match(entry)] == []


def test_the_locks_hold_what_the_project_asks_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert named(project["dependencies"]) <= set(pinned("requirements.lock"))
    assert named(project["optional-dependencies"]["dev"]) <= set(pinned("requirements-dev.lock"))


def test_developing_adds_packages_and_changes_none():
    assert pinned("requirements.lock").items() <= pinned("requirements-dev.lock").items()
