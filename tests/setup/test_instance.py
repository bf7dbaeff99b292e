"""One Fieldgraph at a time in a home, found by others while it runs."""

import fcntl
import threading

import pytest

from app.operations.processes.instance import Running, announce, only_one, running, secret
from app.operations.processes.process import CannotStart

HERE = Running(address="http://127.0.0.1:1", database_url="postgresql://…", redis_url="unix://…")


def test_a_second_one_in_the_same_home_is_told_how_to_go_on(tmp_path):
    with (
        only_one(tmp_path),
        pytest.raises(CannotStart, match=r"already running in .*FIELDGRAPH_HOME=… PORT=…"),
        only_one(tmp_path),
    ):
        pass
    with only_one(tmp_path):
        pass


def test_what_runs_is_found_while_it_runs(tmp_path):
    assert running(tmp_path) is None
    with only_one(tmp_path):
        assert running(tmp_path) is None
        announce(tmp_path, HERE)
        assert running(tmp_path) == HERE
    assert running(tmp_path) is None


def test_what_a_killed_launcher_announced_is_not_believed(tmp_path):
    with only_one(tmp_path):
        pass
    announce(tmp_path, HERE)
    assert running(tmp_path) is None


def test_the_next_one_waits_for_what_a_killed_launcher_left_running(tmp_path):
    with only_one(tmp_path):
        pass
    left = (tmp_path / "children.lock").open()
    fcntl.flock(left, fcntl.LOCK_EX)
    ended = threading.Event()

    def end() -> None:
        ended.set()
        left.close()

    threading.Timer(0.3, end).start()
    with only_one(tmp_path):
        assert ended.is_set()


def test_the_secret_is_made_once_and_for_this_user_alone(tmp_path):
    made = secret(tmp_path / "home")
    assert len(made) >= 64
    assert secret(tmp_path / "home") == made
    assert (tmp_path / "home" / "secret").stat().st_mode & 0o777 == 0o600
    assert secret(tmp_path / "other") != made
