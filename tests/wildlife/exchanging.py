"""Sends files of an import, has a worker read them, and asks what came of it."""

import asyncio

from sqlalchemy import select

from app.models.system import Job
from jobs import wildlife  # noqa: F401 -- registers its jobs
from jobs.broker import WORKS
from jobs.run import attempt

TOLD = """status format formatVersion dryRun keepGood matched unmatched failure errorCount warningCount
    counts { deployments media observations species classifications approved }
    problems { file line field message severity }"""

EXPORTED = """status failure format formatVersion sizeBytes downloadLink
    counts { deployments media observations frames }"""


async def work(database) -> Job:
    """Works on the newest job once, and answers with the job as it is then."""
    newest = select(Job).order_by(Job.id.desc()).limit(1)
    async with database.reading() as session:
        job = (await session.scalars(newest)).one()
    await attempt(database, WORKS[job.kind], job.id, asyncio.Event())
    async with database.reading() as session:
        return (await session.scalars(newest)).one()


class Desk:
    """Where somebody hands in files."""

    def __init__(self, api, change, ask, database, viewer):
        self.api, self.change, self.ask, self.database, self.viewer = api, change, ask, database, viewer

    async def upload(self, name, content):
        link = await self.change(
            "requestImportUpload", "upload url mediaType", viewer=self.viewer, fileName=name, bytes=len(content)
        )
        assert "url" in link, link
        sent = await self.api.put(link["url"], content=content, headers={"Content-Type": link["mediaType"]})
        assert sent.status_code == 201
        return link["upload"]

    async def files(self, content):
        """The files as an argument: bytes are one ZIP archive or a file of JSON or CSV."""
        if isinstance(content, bytes):
            name = "file.zip" if content[:2] == b"PK" else "file.json" if content[:1] == b"{" else "file.csv"
            return [{"upload": await self.upload(name, content)}]
        return [{"upload": await self.upload(name, each), "path": name} for name, each in content.items()]

    async def begin(self, mutation, content, **arguments):
        return await self.change(
            mutation, "id status", viewer=self.viewer, files=await self.files(content), **arguments
        )

    async def bring(self, mutation, content, **arguments):
        """Hands in files, has them imported, and answers with what came of it."""
        begun = await self.begin(mutation, content, **arguments)
        assert begun["__typename"] == "WildlifeImport", begun
        await work(self.database)
        return await self.told(begun["id"])

    async def told(self, id):
        document = f"query ($id: ID!) {{ wildlifeImport(id: $id) {{ {TOLD} }} }}"
        return (await self.ask(document, viewer=self.viewer, id=id))["wildlifeImport"]

    async def fetch(self, mutation, **arguments):
        """Asks for an export, has it written, and answers with what came of it and with its bytes."""
        begun = await self.change(mutation, viewer=self.viewer, **arguments)
        assert begun["__typename"] == "WildlifeExport", begun
        await work(self.database)
        document = f"query ($id: ID!) {{ wildlifeExport(id: $id) {{ {EXPORTED} }} }}"
        told = (await self.ask(document, viewer=self.viewer, id=begun["id"]))["wildlifeExport"]
        if told["downloadLink"] is None:
            return told, b""
        sent = await self.api.get(told["downloadLink"])
        assert sent.status_code == 200
        return told, sent.content
