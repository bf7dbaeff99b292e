"""`setup.sh` says what to install where it cannot install anything itself."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("bash", "cat", "cmp", "dirname", "env", "grep", "mktemp", "sort", "tail")


@pytest.fixture
def machine(tmp_path):
    """A copy of the script, and a PATH that holds nothing but the plainest tools."""
    shutil.copy(ROOT / "setup.sh", tmp_path)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        (tmp_path / "bin" / tool).symlink_to(str(shutil.which(tool)))
    return tmp_path


def add(machine: Path, name: str, script: str) -> None:
    program = machine / "bin" / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def set_up(machine: Path) -> subprocess.CompletedProcess[str]:
    # The database is another machine's; what else is missing shows in the PATH alone.
    told = {
        "PATH": str(machine / "bin"),
        "DATABASE_URL": "postgresql://elsewhere/app",
        "XDG_CACHE_HOME": str(machine / "cache"),
    }
    script = machine / "setup.sh"
    return subprocess.run([script], env=told, capture_output=True, text=True, check=False)


def test_a_system_without_apt_is_told_what_to_install(machine):
    refused = set_up(machine)
    assert refused.returncode == 1
    assert refused.stderr == (
        "Fieldgraph needs Python 3.11 or newer, PostgreSQL with PostGIS, and Redis; missing here: python redis. "
        "On macOS: brew install python@3.13 postgresql@17 postgis redis. "
        "Elsewhere: with the system's package manager.\n"
    )


def test_a_user_who_may_not_install_is_told_what_to_ask_for(machine):
    add(machine, "apt-get", "exit 1")
    add(machine, "id", "echo 1000")
    refused = set_up(machine)
    assert refused.returncode == 1
    assert refused.stderr.startswith("Installing system packages takes root or sudo. Ask an administrator for: apt-get")


def test_a_python_that_is_too_old_does_not_count(machine):
    add(machine, "python3", "exit 1")
    add(machine, "redis-server", "exit 0")
    assert "missing here: python." in set_up(machine).stderr


def test_what_stands_ready_is_left_alone(machine):
    """Marks as a finished set-up leaves them, and no tool at hand that could install anything."""
    add(machine, "redis-server", "exit 0")
    environment = machine / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").write_text("#!/bin/sh\necho 3.11\n")
    (environment / "bin" / "python").chmod(0o755)
    for name in ("pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, machine)
    shutil.copy(ROOT / "requirements.lock", environment)
    for folder in (machine / "app" / "weights", machine / "cache" / "fieldgraph" / "weights"):
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "app" / "weights" / "requirements.lock", folder)
    (environment / "version").write_text("3.11\n")
    (environment / "project").write_text(f"{machine}\n{(ROOT / 'pyproject.toml').read_text()}")
    done = set_up(machine)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
