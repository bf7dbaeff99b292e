"""Uploading tables to links, and making machines of them."""

import pytest

from app.settings import settings
from jobs import automl  # noqa: F401 -- registers its jobs


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
