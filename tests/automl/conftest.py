"""Uploading tables to links, and a worker in this process that reads them."""

import asyncio

import pytest
from sqlalchemy import select

from app.models.system import Job
from app.settings import settings
from jobs import automl  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
def work(database):
    """Works on the newest job once, and answers with the job as it is then."""

    async def work():
        newest = select(Job).order_by(Job.id.desc()).limit(1)
        async with database.reading() as session:
            job = (await session.scalars(newest)).one()
        await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
        async with database.reading() as session:
            return (await session.scalars(newest)).one()

    return work


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
