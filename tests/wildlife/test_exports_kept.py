"""Exports and imports are followed live, and the files of exports are deleted after a while."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import func, update

from app.gateways import storage
from app.models.wildlife.exchange import WildlifeExport
from app.services.wildlife.exchange.exports.pruning import prune_export_files
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.wildlife.classifying import by_ai, season, seen
from tests.wildlife.exchanging import Desk, work

EXPORTED = """subscription ($id: ID!, $after: String) { wildlifeExportUpdated(exportId: $id, after: $after) {
    cursor status stage progress wildlifeExport { status counts { observations } } } }"""
IMPORTED = """subscription ($id: ID!, $after: String) { wildlifeImportUpdated(importId: $id, after: $after) {
    cursor status stage progress wildlifeImport { status } } }"""
TABLE = b"filePath,observationType\nIMG_0.JPG,vehicle\n"
LINK = "query ($id: ID!) { wildlifeExport(id: $id) { status sizeBytes downloadLink } }"


@pytest.fixture
async def at(database, owner):
    made = await season(database, owner.id, media=2)
    await by_ai(database, made, 0, seen(made.fox))
    return made


@pytest.fixture
async def exported(change, database, owner, at):
    """An export that has ended; its id, and the place in the order of events before it."""
    here = await factories.cursor_of_now(database)
    given = {"classificationProjectId": ids.encode(at.project), "approvedOnly": False}
    begun = await change("exportObservations", viewer=owner, **given)
    await work(database)
    return begun["id"], here


@pytest.fixture
async def imported(api, change, ask, database, owner, at):
    here = await factories.cursor_of_now(database)
    desk = Desk(api, change, ask, database, owner)
    begun = await desk.begin("importClassifications", TABLE, classificationProjectId=ids.encode(at.project))
    await work(database)
    return begun["id"], here


@pytest.fixture
def told(api):
    """What a stream tells until it ends: the values, or the error."""

    async def told(document, viewer, **variables):
        headers = {"Accept": "text/event-stream", "Authorization": f"Bearer {viewer.token}"}
        answer = await api.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
        lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
        return [
            next(iter(event["data"].values())) if "errors" not in event else event["errors"][0]["extensions"]["code"]
            for event in map(json.loads, lines)
        ]

    return told


async def test_an_export_is_followed_and_resumed(told, owner, exported):
    id, here = exported
    everything = await told(EXPORTED, owner, id=id, after=here)
    # Of progress that follows quickly only the last is told.
    assert (everything[0]["status"], everything[-1]["status"]) == ("RUNNING", "FINISHED")
    assert {each["stage"] for each in everything[1:-1]} <= {"writing", "storing"}
    for number, event in enumerate(everything[:-1], 1):
        assert await told(EXPORTED, owner, id=id, after=event["cursor"]) == everything[number:]
    [last] = await told(EXPORTED, owner, id=id)
    assert (last["status"], last["wildlifeExport"]["counts"]) == ("FINISHED", {"observations": 1})


async def test_an_import_is_followed_and_resumed(told, owner, imported):
    id, here = imported
    everything = await told(IMPORTED, owner, id=id, after=here)
    assert (everything[0]["status"], everything[-1]["status"]) == ("RUNNING", "FINISHED")
    for number, event in enumerate(everything[:-1], 1):
        assert await told(IMPORTED, owner, id=id, after=event["cursor"]) == everything[number:]
    [last] = await told(IMPORTED, owner, id=id)
    assert last["wildlifeImport"] == {"status": "FINISHED"}


async def test_nobody_else_learns_of_them(told, other, exported, imported):
    for document, (id, here) in ((EXPORTED, exported), (IMPORTED, imported)):
        for after in (None, here):
            assert await told(document, other, id=id, after=after) == ["NOT_FOUND"]


async def test_old_files_are_deleted_and_their_links_are_gone(api, ask, database, owner, exported):
    id, _ = exported
    before = (await ask(LINK, viewer=owner, id=id))["wildlifeExport"]
    assert await prune_export_files(database) == 0
    assert (await api.get(before["downloadLink"])).status_code == 200
    key = await _age(database, timedelta(days=settings.wildlife_exports_kept_days, minutes=1))
    assert await prune_export_files(database) == 1
    assert await prune_export_files(database) == 0
    assert (await api.get(before["downloadLink"])).status_code == 410
    assert not await storage.exists(key)
    assert (await ask(LINK, viewer=owner, id=id))["wildlifeExport"] == before | {"downloadLink": None}


async def _age(database, age):
    """Lets an export have ended so long ago; the key of its file."""
    async with database.writing() as session:
        ended = update(WildlifeExport).values(finished_at=func.now() - age).returning(WildlifeExport.storage_key)
        return await session.scalar(ended)
