"""Messages and files of a request, what is told live, and what becomes of all of it when an account is deleted."""

from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from app.formats import attachments
from app.gateways import storage
from app.models.consulting.history import ConsultingFile
from app.models.consulting.requests import ConsultingRequest, ConsultingState
from app.services.accounts.users import deletion
from app.services.consulting import correspondence, deadlines
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.billing.books import broken
from tests.consulting.people import Contract, asked, contract_between, escrowed, person, proposed
from tests.system.clients import connected

PDF = b"%PDF-1.7\n1 0 obj\nendobj\n"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
XLSX = b"PK\x03\x04" + bytes(30) + b"xl/workbook.xml" + bytes(30)
DOCX = XLSX.replace(b"xl/workbook.xml", b"word/document.xml")
SOUND = {
    "application/pdf": PDF,
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(20),
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
    "application/zip": b"PK\x05\x06" + bytes(18),
    attachments.XLSX: XLSX,
    attachments.DOCX: DOCX,
    "text/plain": "Grüße\n".encode(),
    "text/csv": b"\xef\xbb\xbfa,b\r\n1,2\r\n",
    "text/markdown": b"# Notes\n",
    "application/json": b"{}",
}
WRONG = {
    "application/pdf": PNG,
    "image/png": b"<html><script>alert(1)</script>",
    "image/jpeg": PNG,
    "image/webp": b"RIFF\x00\x00\x00\x00WAVEfmt ",
    "application/zip": PDF,
    attachments.XLSX: DOCX,
    attachments.DOCX: XLSX,
    "text/plain": b"MZ\x90\x00\x03",
    "text/csv": "Grüße".encode("latin-1"),
}


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "home", tmp_path)


@pytest.fixture
async def contract(database, owner, other) -> Contract:
    return await contract_between(database, owner, other)


@pytest.fixture
def send(api, change):
    """Uploads a file; the `upload` value."""

    async def send(viewer, content: bytes, media_type: str = "text/plain") -> str:
        link = await change(
            "requestConsultingUpload", "url upload", viewer=viewer, mediaType=media_type, bytes=len(content)
        )
        headers = {"Content-Type": media_type}
        sent = await api.put(urlsplit(link["url"]).path, content=content, headers=headers)
        assert sent.status_code == 201
        return link["upload"]

    return send


async def test_a_message_is_read_by_all_who_take_part_and_nobody_else(ask, change, refuse, contract, database, owner):
    said = await change(
        "sendConsultingMessage", "content user { username }", viewer=owner, requestId=contract.id, content=" Hello. "
    )
    assert (said["content"], said["user"]) == ("Hello.", {"username": "owner"})
    told = "{ notifications(first: 1) { nodes { kind subject { id } } } }"
    newest = (await ask(told, viewer=contract.consultant))["notifications"]["nodes"]
    assert newest == [{"kind": "CONSULTING", "subject": {"id": contract.id}}]
    messages = "query ($id: ID!) { consultingRequest(id: $id) { messages { nodes { content } } } }"
    received = await ask(messages, viewer=contract.consultant, id=contract.id)
    assert received["consultingRequest"]["messages"]["nodes"] == [{"content": "Hello."}]
    stranger = await person(database, "stranger")
    assert (await ask(messages, viewer=stranger, id=contract.id))["consultingRequest"] is None
    refused = await refuse("sendConsultingMessage", viewer=stranger, requestId=contract.id, content="Hello.")
    assert refused["code"] == "NOT_FOUND"
    # Whoever sees an open request may propose, and nothing more.
    open_ = ids.encode_key(ConsultingRequest, await asked(database, owner))
    assert (await refuse("sendConsultingMessage", viewer=stranger, requestId=open_, content="Hello."))[
        "code"
    ] == "FORBIDDEN"


async def test_a_file_is_added_and_downloaded_as_an_attachment(api, ask, change, send, contract, owner, other):
    upload = await send(owner, PDF, "application/pdf")
    made = await change(
        "addConsultingFile",
        "name mediaType sizeBytes",
        viewer=owner,
        requestId=contract.id,
        upload=upload,
        name="plan.pdf",
    )
    assert (made["name"], made["mediaType"], made["sizeBytes"]) == ("plan.pdf", "application/pdf", len(PDF))
    link = "query ($id: ID!) { node(id: $id) { ... on ConsultingFile { link } } }"
    address = (await ask(link, viewer=other, id=made["id"]))["node"]["link"]
    answer = await api.get(urlsplit(address).path)
    assert (answer.content, answer.headers["content-type"]) == (PDF, "application/pdf")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in answer.headers["content-security-policy"]


async def test_an_upload_is_used_once(change, refuse, send, contract, owner, late_removal):
    upload = await send(owner, b"Hello.")
    await change("addConsultingFile", viewer=owner, requestId=contract.id, upload=upload, name="a.txt")
    again = await refuse("addConsultingFile", viewer=owner, requestId=contract.id, upload=upload, name="b.txt")
    assert (again["code"], again["field"]) == ("INVALID_INPUT", "upload")


@pytest.mark.parametrize("media_type", SOUND)
def test_content_of_its_type_passes(media_type):
    attachments.check(SOUND[media_type], media_type)


@pytest.mark.parametrize("media_type", WRONG)
def test_content_of_another_type_does_not(media_type):
    with pytest.raises(attachments.Unreadable):
        attachments.check(WRONG[media_type], media_type)


def test_all_types_are_tried():
    assert set(SOUND) == set(attachments.MEDIA_TYPES)
    assert "text/html" not in SOUND
    assert "image/svg+xml" not in SOUND


async def test_a_file_that_is_not_what_it_says_is_refused_and_can_be_sent_again(refuse, send, contract, owner):
    upload = await send(owner, b"<html><script>alert(1)</script>", "application/pdf")
    refused = await refuse("addConsultingFile", viewer=owner, requestId=contract.id, upload=upload, name="plan.pdf")
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", "upload")
    assert "not application/pdf" in refused["message"]
    assert [key async for key in storage.every() if key.startswith("consulting/")] == []


@pytest.mark.parametrize(("media_type", "bytes"), [("text/html", 10), ("text/plain", 16 * 1024 * 1024 + 1)])
async def test_no_link_is_given_for_other_types_or_larger_files(refuse, owner, media_type, bytes):
    refused = await refuse("requestConsultingUpload", viewer=owner, mediaType=media_type, bytes=bytes)
    assert refused["code"] == "INVALID_INPUT"


async def test_strangers_add_no_files_and_a_request_has_so_many(
    refuse, change, send, contract, database, owner, monkeypatch
):
    stranger = await person(database, "stranger")
    upload = await send(stranger, b"Hello.")
    refused = await refuse("addConsultingFile", viewer=stranger, requestId=contract.id, upload=upload, name="a.txt")
    assert refused["code"] == "NOT_FOUND"
    monkeypatch.setattr(settings, "consulting_files_max", 1)
    await change(
        "addConsultingFile", viewer=owner, requestId=contract.id, upload=await send(owner, b"One."), name="a.txt"
    )
    upload = await send(owner, b"Two.")
    more = await refuse("addConsultingFile", viewer=owner, requestId=contract.id, upload=upload, name="b.txt")
    assert (more["code"], more["limit"]) == ("LIMIT_REACHED", 1)


async def test_files_that_no_request_has_are_deleted(database, contract, owner, monkeypatch):
    await storage.put("consulting/kept", b"Hello.")
    await storage.put("consulting/left", b"Hello.")
    given = {"name": "a.txt", "media_type": "text/plain", "size_bytes": 6, "storage_key": "consulting/kept"}
    await factories.add(database, ConsultingFile(request_id=contract.request_id, user_id=owner.id, **given))
    monkeypatch.setattr(settings, "uploads_kept_hours", -1)
    await correspondence.prune_files(database)
    assert [key async for key in storage.every()] == ["consulting/kept"]


LIVE = """subscription ($id: ID!, $after: String) { consultingRequestUpdated(id: $id, after: $after) {
    cursor request { state } step { kind } message { content } proposal { amountUsd } } }"""


async def test_what_happens_is_told_live_to_who_may_see_it(change, live, contract, database, owner, other):
    async with connected(live, other) as client:
        await client.subscribe(LIVE, id=contract.id)
        await client.begun()
        await change("sendConsultingMessage", viewer=owner, requestId=contract.id, content="Hello.")
        first = await client.next()
        assert (first["message"], first["request"]) == ({"content": "Hello."}, {"state": "CONTRACT"})
        await change("submitConsultingWork", viewer=other, id=contract.id, note="Done.")
        assert (await client.next())["step"] == {"kind": "SUBMITTED"}
    async with connected(live, other) as again:
        await again.subscribe(LIVE, id=contract.id, after=first["cursor"])
        assert (await again.next())["request"] == {"state": "SUBMITTED"}


async def test_a_proposal_is_told_to_the_client_alone(live, database, owner, other):
    request_id = await asked(database, owner)
    request = ids.encode_key(ConsultingRequest, request_id)
    rival = await person(database, "rival")
    async with connected(live, owner) as client, connected(live, other) as competitor:
        for each in (client, competitor):
            await each.subscribe(LIVE, id=request)
            await each.begun()
        await proposed(database, rival, request_id, 70)
        assert (await client.next())["proposal"] == {"amountUsd": "70.00000000"}
        await proposed(database, other, request_id, 80)
        # The first that the competitor learns of is their own.
        assert (await competitor.next())["proposal"] == {"amountUsd": "80.00000000"}


async def delete_account(database, who) -> None:
    async with database.writing() as session:
        user = await session.get_one(type(who.user), who.id)
        user.account_deletion_due_at = datetime(2020, 1, 1, tzinfo=UTC)
    await deletion.delete_due_accounts(database)


async def test_a_consultant_who_leaves_gives_back_what_is_held(ask, contract, database, owner, other):
    open_ = await asked(database, owner)
    await proposed(database, other, open_)
    await delete_account(database, other)
    assert (await contract.state(), *await contract.both()) == (ConsultingState.CANCELLED, 100, 0)
    shown = "{ consultingRequests { nodes { state user { username } consultantUser { username } } } }"
    seen = (await ask(shown, viewer=owner))["consultingRequests"]["nodes"]
    assert seen == [
        {"state": "OPEN", "user": {"username": "owner"}, "consultantUser": None},
        {"state": "CANCELLED", "user": {"username": "owner"}, "consultantUser": None},
    ]
    assert await broken(database) == {}


async def test_a_contract_outlives_its_client_until_a_deadline(contract, database, owner, other):
    open_ = await asked(database, owner)
    await delete_account(database, owner)
    assert await contract.state() is ConsultingState.CONTRACT
    async with database.reading() as session:
        assert (await session.get_one(ConsultingRequest, open_)).state is ConsultingState.CANCELLED
    await contract.submit()
    await contract.pass_deadline()
    await deadlines.carry_out_due(database)
    assert (await contract.state(), await contract.usd(other)) == (ConsultingState.FINISHED, 90)
    assert (await escrowed(database), await broken(database)) == (0, {})


async def test_a_contract_outlives_its_team_and_its_machine(change, contract, database, owner):
    team = await factories.team(database, owner.id)
    machine = await factories.machine(database, owner.id)
    async with database.writing() as session:
        request = await session.get_one(ConsultingRequest, contract.request_id)
        request.team_id, request.machine_id = team.id, machine.id
    await change("deleteTeam", viewer=owner, id=ids.encode(team))
    async with database.writing() as session:
        await session.delete(await session.get_one(type(machine), machine.id))
    assert (await contract.row()).team_id is None
    finished = await change("approveConsultingWork", "state machine { id }", viewer=owner, id=contract.id)
    assert (finished["state"], finished["machine"]) == ("FINISHED", None)
