"""Media that are known by their addresses are fetched when a member asks, within bounds, and never from inside."""

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from app.models.wildlife.media import Resource, ResourceStatus
from app.models.wildlife.projects import ResearchProjectRole
from app.settings import settings
from resolvers import ids
from tests.servers import serving
from tests.wildlife import factories
from tests.wildlife.media import dated, sha256

PICTURE = dated("2026:04:11 20:43:09", Make="RECONYX", BodySerialNumber="H1")
READING = "status total read unreadable duplicated failure"
UNREACHED = "The server of this medium could not be reached at a public address."


async def _answer(request):
    name = request.path_params["name"]
    if name == "away":
        return Response(status_code=302, headers={"Location": "http://127.0.0.1:1/inside.jpg"})
    contents = {"fox.jpg": PICTURE, "empty.jpg": b"", "text.jpg": b"This is no picture.", "large.jpg": PICTURE * 20}
    return Response(contents[name]) if name in contents else Response(status_code=404)


@pytest.fixture
def archive(monkeypatch):
    """A server of media that may be asked."""
    with serving(Starlette(routes=[Route("/{name}", _answer)])) as server:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        yield server


@pytest.fixture
def of(project):
    return {"researchProjectId": ids.encode(project)}


@pytest.fixture
def add(change, owner, of):
    """Adds media by their addresses; their ids."""

    async def add(*urls, deployment=None, **more):
        place = {} if deployment is None else {"deploymentId": ids.encode(deployment)}
        media = [{"url": url, **more} for url in urls]
        made = await change("addMediaAddresses", "resources { id }", viewer=owner, **of, **place, media=media)
        return [each["id"] for each in made["resources"]]

    return add


@pytest.fixture
def fetch(change, ask, owner, work, of):
    """Has media fetched; what came of the reading."""

    async def fetch(**which):
        begun = await change("fetchMedia", f"id {READING}", viewer=owner, **of, **which)
        assert begun["__typename"] == "MediaReading", begun
        await work()
        document = f"query ($id: ID!) {{ mediaReading(id: $id) {{ {READING} }} }}"
        return (await ask(document, viewer=owner, id=begun["id"]))["mediaReading"]

    return fetch


async def test_a_medium_is_fetched_when_somebody_asks(api, archive, add, fetch, take_in, deployment):
    url = f"{archive.url}/fox.jpg"
    [id] = await add(url, deployment=deployment)
    assert not archive.asked
    told = await fetch(resourceIds=[id])
    assert told == {"status": "FINISHED", "total": 1, "read": 1, "unreadable": 0, "duplicated": 0, "failure": None}
    assert archive.asked == {"/fox.jpg": 1}
    medium = (await take_in.listed())[url]
    assert (medium["id"], medium["status"], medium["sha256"]) == (id, "READ", sha256(PICTURE))
    assert (medium["name"], medium["cameraTime"], medium["timeSource"]) == ("fox.jpg", "2026-04-11T20:43:09", "FILE")
    assert medium["sequence"]["resourceCount"] == 1
    assert (await api.get(medium["originalLink"])).content == PICTURE
    assert (await api.get(medium["pictureLink"])).status_code == 200


async def test_the_time_that_a_table_told_stays(archive, add, fetch, take_in, deployment):
    [id] = await add(f"{archive.url}/fox.jpg", deployment=deployment, recordedAt="2026-04-12T08:00:00Z")
    await fetch(resourceIds=[id])
    [medium] = (await take_in.listed()).values()
    assert (medium["recordedAt"], medium["timeSource"]) == ("2026-04-12T08:00:00+00:00", "TABLE")
    assert medium["cameraMake"] == "RECONYX"


async def test_a_collection_is_fetched_and_what_fails_says_why(
    database, archive, add, fetch, take_in, project, monkeypatch
):
    monkeypatch.setattr(settings, "medium_bytes_max", 2 * len(PICTURE))
    names = ("fox.jpg", "gone.jpg", "text.jpg", "large.jpg", "away")
    inside = "http://127.0.0.1:1/inside.jpg"
    resources = [
        await factories.resource(database, project, url, file_path=url, status=ResourceStatus.ADDRESS, storage_key=None)
        for url in (*(f"{archive.url}/{name}" for name in names), inside)
    ]
    collection = await factories.collection(database, project)
    await factories.put_into(database, collection, *resources)
    told = await fetch(collectionId=ids.encode(collection))
    assert (told["status"], told["total"], told["read"], told["unreadable"]) == ("FINISHED", 6, 1, 5)
    found = await take_in.listed()
    status = {url.rpartition("/")[2]: (medium["status"], medium["readError"]) for url, medium in found.items()}
    assert status["fox.jpg"] == ("READ", None)
    assert status["text.jpg"][0] == "UNREADABLE"
    assert status["gone.jpg"][0] == status["large.jpg"][0] == "ADDRESS"
    assert "404" in status["gone.jpg"][1]
    assert status["away"] == ("ADDRESS", UNREACHED)
    assert status["inside.jpg"][0] == "ADDRESS"
    assert "is not a public host" in status["inside.jpg"][1]
    again = await fetch(collectionId=ids.encode(collection))
    assert (again["total"], again["read"]) == (4, 0)


async def test_what_is_here_is_not_fetched_again(archive, add, fetch, refuse, owner, of):
    [id] = await add(f"{archive.url}/fox.jpg")
    await fetch(resourceIds=[id])
    told = await refuse("fetchMedia", viewer=owner, **of, resourceIds=[id])
    assert (told["__typename"], told["message"]) == (
        "Conflict",
        "There is nothing to fetch: these media are here, or they are being fetched.",
    )
    assert archive.asked == {"/fox.jpg": 1}


async def test_two_who_ask_at_once_fetch_each_medium_once(change, work, archive, add, refuse, owner, of):
    [id] = await add(f"{archive.url}/fox.jpg")
    begun = await change("fetchMedia", viewer=owner, **of, resourceIds=[id])
    assert begun["__typename"] == "MediaReading"
    assert (await refuse("fetchMedia", viewer=owner, **of, resourceIds=[id]))["__typename"] == "Conflict"
    await work()
    assert archive.asked == {"/fox.jpg": 1}


async def test_uploads_are_read_without_fetching_anything(archive, add, take_in):
    await add(f"{archive.url}/fox.jpg")
    found = await take_in({"IMG_1.JPG": dated("2026:04:11 20:43:10")})
    assert {medium["status"] for medium in found.values()} == {"READ", "ADDRESS"}
    assert not archive.asked


async def test_only_workers_of_the_project_have_media_fetched(database, refuse, owner, other, add, project, of):
    [id] = await add("https://pictures.example.org/fox.jpg")
    assert (await refuse("fetchMedia", viewer=other, **of, resourceIds=[id]))["code"] == "NOT_FOUND"
    await factories.member(database, project, other.id, role=ResearchProjectRole.VIEWER)
    assert (await refuse("fetchMedia", viewer=other, **of, resourceIds=[id]))["code"] == "FORBIDDEN"
    elsewhere = await factories.project(database, owner.id, name="Elsewhere", acronym="ELSE")
    foreign = await factories.resource(database, elsewhere)
    collection = ids.encode(await factories.collection(database, project))
    for which in ({}, {"resourceIds": []}, {"resourceIds": [id], "collectionId": collection}):
        told = await refuse("fetchMedia", viewer=owner, **of, **which)
        assert (told.get("__typename"), told.get("field")) == ("InvalidInput", "resourceIds"), told
    assert (await refuse("fetchMedia", viewer=owner, **of, resourceIds=[ids.encode(foreign)]))["code"] == "NOT_FOUND"
    async with database.reading() as session:
        assert (await session.get_one(Resource, ids.key(id, Resource))).status is ResourceStatus.ADDRESS
