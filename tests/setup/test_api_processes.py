"""Several API processes on one port: kept running, stopped together, given up if they cannot run."""

import sys

import pytest

from app.operations.processes import api_processes
from app.operations.processes.api_processes import Processes
from app.operations.processes.process import CannotStart, Children
from app.settings import settings
from app.web.server import shared_socket

WAIT_S_MAX = 60
STAYS = (sys.executable, "-c", "import time; time.sleep(600)")
ENDS = (sys.executable, "-c", "raise SystemExit(3)")


@pytest.fixture
def children(monkeypatch):
    monkeypatch.setattr(api_processes, "RESTART_PAUSE_S", 0.01)
    with Children() as children:
        yield children


def running(processes):
    return [child for child in processes._running if child.poll() is None]


def test_one_that_ends_is_begun_again(children, monkeypatch):
    monkeypatch.setattr(api_processes, "COMMAND", STAYS)
    processes = Processes(children, 3, grace_s=5)
    first, *others = running(processes)
    first.kill()
    first.wait()
    processes.tend()
    assert len(running(processes)) == 3
    assert set(others) < set(running(processes))
    assert first not in running(processes)
    processes.stop()
    assert running(processes) == []


def test_those_that_end_at_once_are_given_up(children, monkeypatch):
    monkeypatch.setattr(api_processes, "COMMAND", ENDS)
    processes = Processes(children, 1, grace_s=5)

    def tend():
        for child in list(processes._running):
            child.wait(WAIT_S_MAX)
        processes.tend()

    tend()
    tend()
    with pytest.raises(CannotStart, match="end as soon as they begin, the last with code 3"):
        tend()


def test_a_port_is_shared(monkeypatch):
    monkeypatch.setattr(settings, "host", "127.0.0.1")
    monkeypatch.setattr(settings, "port", 0)
    with shared_socket() as first:
        monkeypatch.setattr(settings, "port", first.getsockname()[1])
        with shared_socket() as second:
            assert second.getsockname() == first.getsockname()
