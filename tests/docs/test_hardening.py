"""The recipes of the hardening page: units that systemd can read, and commands and settings that exist."""

import re
import shutil
import subprocess

import pytest
from typer.main import get_command

from app.cli import program
from app.settings import Settings
from tests.docs.examples import PAGES, examples

UNITS = [example for example in examples("hardening") if example.text.startswith("# /etc/systemd/")]
NAMES = [unit.text.splitlines()[0].rpartition("/")[2] for unit in UNITS]
SERVES = {"fieldgraph-api@.service", "fieldgraph-worker.service"}
CONFINED = {"ProtectSystem=strict", "NoNewPrivileges=true", "PrivateTmp=true", "CapabilityBoundingSet=", "LimitCORE=0"}
LINE = re.compile(r"\[(Unit|Service|Install|Timer)\]|[A-Z][A-Za-z]+=\S?.*|#.*|")


def test_there_are_units_for_all_that_runs():
    assert set(NAMES) == SERVES | {"fieldgraph-backup.service", "fieldgraph-backup.timer"}


@pytest.mark.parametrize("unit", UNITS, ids=NAMES)
def test_a_unit_is_one(unit):
    assert [line for line in unit.text.splitlines() if not LINE.fullmatch(line)] == []
    for command in re.findall(r"/fieldgraph (\w+)", unit.text):
        assert command in get_command(program).commands


@pytest.mark.parametrize("unit", [unit for unit, name in zip(UNITS, NAMES, strict=True) if name in SERVES], ids=str)
def test_what_serves_is_confined_and_limited(unit):
    lines = set(unit.text.splitlines())
    assert lines >= CONFINED
    assert {line.partition("=")[0] for line in lines} >= {"MemoryMax", "TasksMax", "LimitNOFILE", "TimeoutStopSec"}


def test_a_compose_file_starts_what_exists():
    [compose] = [example for example in examples("hardening") if example.language == "yaml"]
    started = re.findall(r"command: \[fieldgraph, (\w+)\]", compose.text)
    assert started == ["migrate", "serve", "work"]
    assert set(started) <= set(get_command(program).commands)
    # What is named once is used, and what is used is named.
    assert sorted(re.findall(r"&(\w+)", compose.text)) == sorted(set(re.findall(r"\*(\w+)", compose.text)))


def test_every_setting_of_the_page_exists():
    text = PAGES["hardening"].read_text()
    known = {f"FIELDGRAPH_{name.upper()}" for name in Settings.model_fields}
    known |= {str(field.validation_alias) for field in Settings.model_fields.values() if field.validation_alias}
    assert set(re.findall(r"FIELDGRAPH_[A-Z_]+", text)) <= known


@pytest.mark.parametrize(("name", "unit"), list(zip(NAMES, UNITS, strict=True)), ids=NAMES)
def test_systemd_itself_finds_no_fault_where_it_is_installed(tmp_path, name, unit):
    # What it starts and as whom is made by the page's commands; a template is one of a port.
    text = re.sub(r"^Exec\w+=.*$", "ExecStart=/bin/true", unit.text, flags=re.MULTILINE)
    text = text.replace("User=fieldgraph\n", "").replace("EnvironmentFile=", "EnvironmentFile=-")
    file = tmp_path / name.replace("@", "@8000")
    file.write_text(text)
    for started in {"fieldgraph-backup.service"} - {name}:
        (tmp_path / started).write_text("[Service]\nExecStart=/bin/true\n")
    if analyze := shutil.which("systemd-analyze"):
        checked = subprocess.run([analyze, "verify", file], capture_output=True, text=True, check=False)
        assert (file.name in checked.stderr, checked.returncode) == (False, 0), checked.stderr
