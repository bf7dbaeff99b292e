"""A training on a table in a process of its own: what it says, and what it leaves."""

import json
import subprocess
import sys

import pytest

from app.tabular.predictor import Predictor
from tests.learning.tables.trained import INPUTS, PRICE


@pytest.fixture
def asked(tmp_path):
    """Starts the child on a table of three columns."""
    columns = [*INPUTS, PRICE]
    rows = zip(*(cells for _, cells in columns), strict=True)
    (tmp_path / "rows.ndjson").write_text("\n".join(json.dumps([*row, None]) for row in rows))

    def start(**options):
        described = [column for column, _ in columns]
        request = {"task": "learn_table", "columns": described, "budget_s": 600, "epochs_max": 0, **options}
        (tmp_path / "request.json").write_text(json.dumps(request))
        pipe = subprocess.PIPE
        command = [sys.executable, "-m", "app.learning", str(tmp_path)]
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)

    return start


def test_the_child_says_how_far_it_is_and_leaves_a_machine(asked, tmp_path):
    with asked(trees_max=10) as child:
        *progress, last = [json.loads(line) for line in child.stdout]
        errors = child.stderr.read()
        assert child.wait() == 0, errors

    assert last == {"result": {"artefacts": ["machine.safetensors", "outcome.json"], "stopped": None}}
    assert progress[0]["stage"] == "preparing"
    assert all(0 <= line["progress"] <= 1 for line in progress)
    machine = Predictor.load((tmp_path / "machine.safetensors").read_bytes())
    assert len(machine.answer([{"size": 1}])[0][0].values) == 1


def test_a_child_that_is_asked_to_end_keeps_the_best_so_far(asked, tmp_path):
    with asked(level=2, epochs_max=100_000, trees_max=10) as child:
        for line in child.stdout:
            if json.loads(line).get("best") is not None:
                break
        child.stdin.write("k")
        child.stdin.flush()
        *_, last = [json.loads(line) for line in child.stdout]
        assert child.wait() == 0, child.stderr.read()

    assert last["result"]["stopped"] == "CANCELLED"
    outcome = json.loads((tmp_path / "outcome.json").read_text())
    assert "linear" in {each["name"] for each in outcome["outputs"][0]["leaderboard"]}
    assert Predictor.load((tmp_path / "machine.safetensors").read_bytes()).answer([{"size": 1}])


def test_a_child_that_is_asked_before_anything_was_learned_keeps_nothing(asked, tmp_path):
    with asked() as child:
        child.stdin.write("k")
        child.stdin.flush()
        said = child.stdout.read()
        assert child.wait() == 3, said

    assert not (tmp_path / "machine.safetensors").exists()
