"""What killed workers leave in the temporary folder goes, and nothing else."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from jobs.folders import PREFIX, remove_left_folders, working_folder

KILLED = """
import os, signal
from jobs.folders import working_folder
with working_folder() as folder:
    (folder / "tiles").mkdir()
    (folder / "tiles" / "1.png").write_text("a tile")
    print(folder, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def test_a_folder_goes_with_its_job_whatever_becomes_of_it(temporary):
    def work():
        with working_folder() as folder:
            assert (folder.parent, folder.stat().st_mode & 0o777) == (temporary, 0o700)
            (folder / "file").write_text("content")
            raise KeyError

    with pytest.raises(KeyError):
        work()
    assert list(temporary.iterdir()) == []


def test_what_a_killed_worker_left_is_removed(temporary):
    subprocess.run([sys.executable, "-c", KILLED], check=False, stdout=subprocess.PIPE, cwd=Path.cwd())
    assert [folder.name.startswith(PREFIX) for folder in temporary.iterdir()] == [True]
    assert remove_left_folders() == 1
    assert list(temporary.iterdir()) == []


def test_what_is_in_use_or_not_ours_stays(temporary):
    precious = temporary / "precious"
    precious.mkdir()
    (precious / "file").write_text("content")
    (temporary / f"{PREFIX}link").symlink_to(precious)
    (temporary / f"{PREFIX}file").write_text("no folder")
    (temporary / "fieldgraph-tests-1").mkdir()
    with working_folder() as folder:
        assert remove_left_folders() == 0
        assert folder.exists()
    assert {path.name for path in temporary.iterdir()} == {
        "precious",
        f"{PREFIX}link",
        f"{PREFIX}file",
        "fieldgraph-tests-1",
    }
    assert (precious / "file").read_text() == "content"


def test_a_folder_of_another_user_stays(temporary, monkeypatch):
    left = temporary / f"{PREFIX}other"
    left.mkdir()
    monkeypatch.setattr(os, "getuid", lambda: left.stat().st_uid + 1)
    assert remove_left_folders() == 0
    assert left.exists()
