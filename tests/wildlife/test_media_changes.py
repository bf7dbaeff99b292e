"""Media once they are there: addresses, links, shared media, repeated readings, deletion, collections."""

import asyncio
from io import BytesIO

from PIL import Image
from sqlalchemy import func, select

from app.gateways import storage
from app.models.system import Job, JobState
from app.models.wildlife.projects import ResearchProjectRole
from jobs.wildlife import media as jobs
from resolvers import ids
from tests.wildlife import factories
from tests.wildlife.media import BURST, dated, picture


async def test_media_by_address_are_never_fetched(change, owner, project, deployment, take_in, unchanged):
    media = [{"url": "https://nowhere.invalid/a%20b/IMG_1.JPG", "recordedAt": "2026-04-11T20:43:09+02:00"}]
    media += [{"url": "https://nowhere.invalid/b.mp4"}]
    of = {"researchProjectId": ids.encode(project), "deploymentId": ids.encode(deployment)}
    made = await change("addMediaAddresses", "resources { status name recordedAt }", viewer=owner, **of, media=media)
    assert made["resources"] == [
        {"status": "ADDRESS", "name": "IMG_1.JPG", "recordedAt": "2026-04-11T18:43:09+00:00"},
        {"status": "ADDRESS", "name": "b.mp4", "recordedAt": None},
    ]
    found = await take_in.listed()
    one = found["https://nowhere.invalid/a%20b/IMG_1.JPG"]
    assert (one["originalLink"], one["pictureLink"]) == (one["filePath"], None)
    assert one["sequence"]["resourceCount"] == 1
    async with unchanged():
        for url in ("ftp://a/b.jpg", "https://user:pw@a/b.jpg", "/local.jpg", "javascript:alert(1)", "http://[", "x"):
            refused = await change("addMediaAddresses", viewer=owner, **of, media=[{"url": url}])
            assert (refused["__typename"], refused["field"]) == ("InvalidInput", "url")
    again = await change("addMediaAddresses", "resources { id }", viewer=owner, **of, media=media)
    assert [each["id"] for each in again["resources"]] == [found[each["url"]]["id"] for each in media]


async def test_links_ask_again_whether_the_right_still_stands(
    api, ask, change, database, owner, other, project, take_in
):
    await factories.member(database, project, other.id, role=ResearchProjectRole.VIEWER)
    content = picture((800, 600))
    await take_in({"a.jpg": content})
    document = """{ resources { nodes { pictureLink(size: THUMBNAIL) originalLink } } }"""
    [links] = (await ask(document, viewer=other))["resources"]["nodes"]
    small = await api.get(links["pictureLink"])
    assert (small.status_code, small.headers["content-type"]) == (200, "image/webp")
    assert max(Image.open(BytesIO(small.content)).size) == 400
    whole = await api.get(links["originalLink"])
    assert whole.content == content
    await change(
        "removeResearchProjectMember", viewer=owner, projectId=ids.encode(project), userId=ids.encode(other.user)
    )
    for link in links.values():
        assert (await api.get(link)).status_code == 410


async def test_shared_media_are_listed_for_all_and_shown_to_members_until_they_are_approved(
    api, ask, database, owner, take_in, change, project
):
    at = await factories.location(database, project, is_public=True)
    await take_in({"a.jpg": dated("2026:04:11 20:43:09", Make="X")}, await factories.deployment(database, at))
    await take_in({"hidden.jpg": picture(colour="red")})
    document = "{ resources { nodes { name exif originalLink pictureLink } } }"
    assert (await ask(document))["resources"]["nodes"] == []
    async with database.writing() as session:
        row = await session.get_one(type(project), project.id)
        row.is_public, row.shares_media = True, True
        row.status = type(row.status).APPROVED
    [shown] = (await ask(document))["resources"]["nodes"]
    # Nobody has said yet that it shows no person.
    assert shown == {"name": "a.jpg", "exif": None, "originalLink": None, "pictureLink": None}
    for own in (await ask(document, viewer=owner))["resources"]["nodes"]:
        assert (await api.get(own["pictureLink"])).status_code == 200


async def test_two_readings_at_once_read_each_file_once(send, change, ask, owner, project, work, take_in):
    await send(BURST)
    begun = await asyncio.gather(
        *(change("readMedia", viewer=owner, researchProjectId=ids.encode(project)) for _ in range(2))
    )
    assert sorted(each["__typename"] for each in begun) == ["Conflict", "MediaReading"]
    await work()
    assert len(await take_in.listed()) == 3


async def test_a_reading_that_is_tried_again_reads_the_rest(
    send, change, owner, project, work, database, monkeypatch, take_in
):
    monkeypatch.setattr(jobs, "BATCH", 1)
    await send(BURST)
    await change("readMedia", viewer=owner, researchProjectId=ids.encode(project))
    kept = jobs.storing.keep
    calls = 0

    async def failing(*arguments):
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError("the disk went away")
        return await kept(*arguments)

    monkeypatch.setattr(jobs.storing, "keep", failing)
    await work()
    async with database.reading() as session:
        job = await session.scalar(select(Job).where(Job.kind == "READ_MEDIA"))
    assert job.state is JobState.QUEUED
    assert len(await take_in.listed()) == 1
    async with database.writing() as session:
        (await session.get_one(Job, job.id)).available_at = func.now()
    await work()
    assert len(await take_in.listed()) == 3


async def until_nothing_is_left() -> None:
    """Files go once the transaction has ended, and nobody waits for them."""
    async with asyncio.timeout(120):
        while [key async for key in storage.every() if key.startswith("media/")]:  # noqa: ASYNC110 - files tell nobody
            await asyncio.sleep(0.05)


async def test_deleted_media_leave_no_file(take_in, change, owner, project):
    found = await take_in({"a.jpg": picture()})
    stored = [key async for key in storage.every()]
    assert len([key for key in stored if key.startswith("media/")]) == 3
    await change("deleteMedia", viewer=owner, researchProjectId=ids.encode(project), resourceIds=[found["a.jpg"]["id"]])
    await until_nothing_is_left()


async def test_members_delete_no_media(take_in, change, database, other, project, unchanged):
    found = await take_in({"a.jpg": picture()})
    await factories.member(database, project, other.id, role=ResearchProjectRole.MEMBER)
    async with unchanged():
        refused = await change(
            "deleteMedia", viewer=other, researchProjectId=ids.encode(project), resourceIds=[found["a.jpg"]["id"]]
        )
    assert refused["code"] == "FORBIDDEN"


async def test_collections_hold_media_of_their_project(change, ask, database, owner, project, deployment, unchanged):
    one = await factories.resource(database, project, "a.jpg", deployment_id=deployment.id)
    two = await factories.resource(database, project, "b.jpg")
    elsewhere = await factories.resource(database, await factories.project(database, owner.id), "c.jpg")
    made = await change("createCollection", "name", viewer=owner, researchProjectId=ids.encode(project), name="Spring")
    async with unchanged():
        twin = await change("createCollection", viewer=owner, researchProjectId=ids.encode(project), name="spring")
        refused = await change(
            "addToCollection", viewer=owner, id=made["id"], resourceIds=[ids.encode(two), ids.encode(elsewhere)]
        )
    assert (twin["code"], refused["code"]) == ("CONFLICT", "NOT_FOUND")
    await change("addToCollection", viewer=owner, id=made["id"], deploymentId=ids.encode(deployment))
    both = [ids.encode(one), ids.encode(two)]
    held = await change(
        "addToCollection", "items { nodes { resource { name } } }", viewer=owner, id=made["id"], resourceIds=both
    )
    assert sorted(each["resource"]["name"] for each in held["items"]["nodes"]) == ["a.jpg", "b.jpg"]
    await change("removeFromCollection", viewer=owner, id=made["id"], resourceIds=[ids.encode(one)])
    document = "query ($id: ID!) { resources(collectionId: $id) { nodes { name } } }"
    assert (await ask(document, viewer=owner, id=made["id"]))["resources"]["nodes"] == [{"name": "b.jpg"}]
    renamed = await change("updateCollection", "name", viewer=owner, id=made["id"], name="Summer")
    assert renamed["name"] == "Summer"
    assert (await change("deleteCollection", viewer=owner, id=made["id"]))["__typename"] == "Deleted"
