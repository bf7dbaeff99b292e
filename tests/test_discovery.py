"""What a process of the API and a worker import: all that every service registers, and nothing that others need.

What one process signs, writes or queues, another may have to read.
"""

import pkgutil
import subprocess
import sys

import pytest

import app.services

SERVICES = {module.name for module in pkgutil.walk_packages(app.services.__path__, "app.services.")}
# What it loads would stay for good, whether it is ever used or not.
UNNEEDED = {"app.main": {"zxcvbn", "confusable_homoglyphs", "app.gateways.fakes"}, "jobs.worker": set()}
# Redis's client loads the SDK wherever it is installed.
SENDS = ("opentelemetry.exporter", "opentelemetry.instrumentation")


@pytest.fixture(scope="module", params=["app.main", "jobs.worker"])
def process(request):
    """What a process imports."""
    return request.param


@pytest.fixture(scope="module")
def imported(process):
    """The modules of one that has imported it, begun anew and without a setting for traces."""
    program = f"import gc, sys; gc.disable(); import {process}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


def test_a_process_imports_all_services_and_not_what_others_need(process, imported):
    assert imported >= SERVICES
    assert imported & UNNEEDED[process] == set()


def test_without_a_collector_nothing_is_loaded_that_sends(imported):
    assert [name for name in imported if name.startswith(SENDS)] == []


@pytest.mark.parametrize(
    "loaded",
    [
        "[*map(import_tree, ('app.formats', 'app.pictures', 'app.gateways.osm'))]",  # what a child reads files with
        # What has to be there for `--help`.
        "import app.cli, app.operations.account_commands, app.operations.ai_provider_commands",
    ],
    ids=["parsers", "help"],
)
def test_tables_are_loaded_only_where_there_are_rows(loaded):
    """They take half of the memory of a child that reads files, and most of the time to start one."""
    program = f"import sys; from app.discovery import import_tree; {loaded}; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert [name for name in ended.stdout.split() if name.startswith(("app.models", "geoalchemy2"))] == []
