"""Where our server's time goes under load, drawn by py-spy."""

import json
import shutil
import subprocess
from pathlib import Path

from app.operations.processes.process import CannotStart
from tests.bench.peers import load
from tests.bench.peers.queries import Question
from tests.bench.peers.servers import Server


def record(server: Server, questions: list[Question], folder: Path, *, seconds: int, connections: int) -> None:
    """One flame graph for each question."""
    py_spy = shutil.which("py-spy")
    if py_spy is None:
        raise CannotStart("py-spy draws the profiles and is not here: pip install py-spy, then try again.")
    folder.mkdir(parents=True, exist_ok=True)
    for question in questions:
        body = folder / f"{question.name}.json"
        body.write_text(json.dumps(server.body(question)))
        drawn = folder / f"{question.name}.svg"
        # A thread that waits holds no lock, and is not drawn.
        options = ("--gil", f"--pid={server.process.pid}", f"--duration={seconds}", f"--output={drawn}")
        with subprocess.Popen([py_spy, "record", *options], stdout=subprocess.DEVNULL) as spy:
            load.wrk(server, body, seconds + 1, connections)
            spy.wait()
