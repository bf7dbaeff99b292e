"""Uploading tables to links, and making machines of them."""

import json

import pytest

from app.settings import settings
from jobs import automl  # noqa: F401 -- registers its jobs
from jobs.engine import EngineFailure
from tests.automl.learning import LEARNED, SHOWN
from tests.automl.tables import table


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
def send(api, change, owner):
    """Sends a table to a link; answers with what names it."""

    async def send(content, name="table.csv", viewer=None):
        link = await change(
            "requestTableUpload", "upload url mediaType", viewer=viewer or owner, fileName=name, bytes=len(content)
        )
        sent = await api.put(link["url"], content=content, headers={"Content-Type": link["mediaType"]})
        assert sent.status_code == 201
        return link["upload"]

    return send


@pytest.fixture
def make(change, send, work, owner):
    """Makes a machine of a table and reads its lines; answers with its id."""

    async def make(content, *, options=None, viewer=None, **given):
        viewer = viewer or owner
        upload = await send(content, viewer=viewer)
        reading = await change("readTable", "id", viewer=viewer, upload=upload, options=options)
        await work()
        made = await change(
            "createMachine", "id status", viewer=viewer, table=reading["id"], **{"name": "Cells"} | given
        )
        assert made["status"] == "LOADING"
        await work()
        return made["id"]

    return make


@pytest.fixture
def machine(make):
    """A machine that can be trained."""

    async def machine(**given):
        return await make(table(), **{"columns": [{"name": "fits", "role": "OUTPUT"}]} | given)

    return machine


@pytest.fixture
def look(ask, owner):
    async def look(id, fields=LEARNED, viewer=owner):
        return (await ask(f"query($id: ID!) {{ machine(id: $id) {{ {fields} }} }}", viewer=viewer, id=id))["machine"]

    return look


@pytest.fixture
def seen(ask, owner):
    async def seen(id, viewer=owner):
        return (await ask(f"query($id: ID!) {{ work(id: $id) {{ {SHOWN} }} }}", viewer=viewer, id=id))["work"]

    return seen


@pytest.fixture
def train(change, owner):
    async def train(id, fields=SHOWN, **given):
        return await change("trainMachine", fields, viewer=owner, machineId=id, **{"budgetS": 2} | given)

    return train


@pytest.fixture
def engine(monkeypatch):
    """The learner in this process: no time is lost with its start."""
    from app.learning.engine import Failure  # noqa: PLC0415
    from app.learning.tables import rescoring, training  # noqa: PLC0415

    async def run_engine(run, folder, on_message, *, s_max, stopping=None):
        del run, s_max, stopping
        request = json.loads((folder / "request.json").read_bytes())
        await on_message({"stage": "training", "progress": 0.5, "message": "Half", "eta_s": 1.0, "best": 0.25})
        try:
            if request["task"] == "judge_table":
                return rescoring.judge(folder, rescoring.JudgeRequest.read(request), lambda *_, **__: None)
            return training.learn(folder, training.TableRequest.read(request), lambda *_, **__: None)
        except Failure as failure:
            raise EngineFailure(str(failure)) from None

    monkeypatch.setattr("jobs.automl.trainings.run_engine", run_engine)
