"""Uploading media to links, and a worker in this process that reads them."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.database import Database
from app.models.wildlife.projects import ResearchProject
from app.settings import settings
from jobs import wildlife  # noqa: F401 -- registers its jobs
from resolvers import ids
from tests.fixtures import Person
from tests.wildlife import factories
from tests.wildlife.media import sha256


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def project(database: Database, owner: Person) -> ResearchProject:
    """A private project of the owner's."""
    return await factories.project(database, owner.id)


@pytest.fixture
def request_uploads(change, owner, project) -> Callable[..., Awaitable[Any]]:
    """Asks for links for files by their paths."""

    async def request(files: dict[str, bytes], viewer: Person | None = None, **more: Any) -> Any:
        asked = [{"path": path, "bytes": len(each), "sha256": sha256(each)} for path, each in files.items()]
        fields = "missing files { path state url mediaType bytesMax resource { id } sameContent { name } }"
        return await change(
            "requestMediaUploads",
            fields,
            viewer=viewer or owner,
            researchProjectId=ids.encode(project),
            files=asked,
            **more,
        )

    return request


@pytest.fixture
def send(api, request_uploads) -> Callable[..., Awaitable[Any]]:
    """Asks for links and sends what is missing."""

    async def send(files: dict[str, bytes], **more: Any) -> Any:
        told = await request_uploads(files, **more)
        for file in told["files"]:
            if file["url"]:
                headers = {"Content-Type": file["mediaType"]}
                sent = await api.put(file["url"], content=files[file["path"]], headers=headers)
                assert sent.status_code == 201
        return told

    return send


@pytest.fixture
def take_in(change, ask, send, work, owner, project) -> Callable[..., Awaitable[Any]]:
    """Sends files and reads them; answers with all media of the project by their paths."""

    async def take_in(files: dict[str, bytes], deployment: Any = None, **more: Any) -> dict[str, Any]:
        of = {} if deployment is None else {"deploymentId": ids.encode(deployment)}
        await send(files, **of)
        begun = await change("readMedia", "status", viewer=owner, researchProjectId=ids.encode(project), **of, **more)
        assert begun["__typename"] == "MediaReading", begun
        await work()
        return await listed()

    async def listed() -> dict[str, Any]:
        document = """query ($id: ID!) { resources(researchProjectId: $id, first: 100) { nodes {
            id name filePath status readError resourceType mimeType sizeBytes sha256 width height brightness frameCount
            cameraMake cameraModel serialNumber cameraTime cameraUtcOffsetMinutes timeSource recordedAt
            dateRecordedCorrect exif pictureLink originalLink
            deployment { deploymentCode } duplicateOf { filePath } sequence { sequenceId resourceCount }
        } } }"""
        answer = await ask(document, viewer=owner, id=ids.encode(project))
        assert not answer.errors
        return {each["filePath"]: each for each in answer["resources"]["nodes"]}

    take_in.listed = listed
    return take_in


@pytest.fixture
async def place(database, project):
    return await factories.location(database, project)


@pytest.fixture
async def deployment(database, place):
    return await factories.deployment(database, place)
