"""Who may do what to a request, and who sees what of it: every mutation and every type, for everybody there is."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.models.accounts import TeamMembership
from app.models.base import Record
from app.models.consulting.history import ConsultingFile, ConsultingMessage, ConsultingStep
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingRequest
from app.policies import Viewer
from app.services.consulting import correspondence, settlements
from resolvers import ids
from schema import schema
from tests import factories
from tests.billing.books import give
from tests.consulting.people import Contract, asked, contract_between, person, proposed
from tests.fixtures import Person

WHO = ("anonymous", "client", "member", "consultant", "stranger", "staff")
"""A stranger to the API; who pays; a member of the team that it is for; who works; somebody else; staff."""
NOBODY = {"anonymous": "UNAUTHENTICATED"}
PARTIES = {"client": "done", "consultant": "done", "member": "FORBIDDEN", "stranger": "NOT_FOUND", "staff": "FORBIDDEN"}
CLIENT = PARTIES | {"consultant": "FORBIDDEN"}
CONSULTANT = PARTIES | {"client": "FORBIDDEN"}
WRITERS = dict.fromkeys(("client", "consultant", "member", "staff"), "done") | {"stranger": "NOT_FOUND"}
EVERYBODY = dict.fromkeys(("client", "member", "consultant", "stranger", "staff"), "done")
# Of an open request, the consultant is who has proposed.
OPEN_TO_CLIENT = CLIENT | {"consultant": "FORBIDDEN", "staff": "FORBIDDEN"}
MATRIX = {
    "requestConsulting": EVERYBODY,
    "proposeConsulting": EVERYBODY | {"client": "CONFLICT", "consultant": "CONFLICT"},
    "withdrawConsultingProposal": OPEN_TO_CLIENT | {"client": "FORBIDDEN", "consultant": "done"},
    "declineConsultingProposal": OPEN_TO_CLIENT,
    "acceptConsultingProposal": OPEN_TO_CLIENT,
    "submitConsultingWork": CONSULTANT,
    "requestConsultingChanges": CLIENT,
    "releaseConsultingPayment": CLIENT,
    "approveConsultingWork": CLIENT,
    "cancelConsultingRequest": PARTIES | {"client": "CONFLICT"},
    "offerConsultingSettlement": PARTIES,
    "acceptConsultingSettlement": PARTIES | {"client": "CONFLICT"},
    "disputeConsultingRequest": PARTIES,
    "decideConsultingDispute": dict.fromkeys(("client", "member", "consultant"), "FORBIDDEN")
    | {"stranger": "NOT_FOUND", "staff": "done"},
    "settleConsultingDeadline": WRITERS,
    "sendConsultingMessage": WRITERS,
    "requestConsultingUpload": EVERYBODY,
    "addConsultingFile": dict.fromkeys(("client", "consultant", "member", "staff"), "INVALID_INPUT")
    | {"stranger": "NOT_FOUND"},
}
"""What comes of each mutation; an upload that is none is looked at once the request may be written to."""


@dataclass
class Here:
    """Everybody, and the contract that they have to do with."""

    people: dict[str, Person | None]
    contract: Contract
    proposal: str


@pytest.fixture
async def here(database, owner, other, staff) -> Callable[[str], Awaitable[Here]]:
    """Makes what a mutation is about."""
    member, stranger = [await person(database, name) for name in ("member", "stranger")]
    team = await factories.team(database, owner.id)
    await factories.add(database, TeamMembership(team_id=team.id, user_id=member.id))
    people = dict(zip(WHO, (None, owner, member, other, stranger, staff), strict=True))

    async def here(name: str) -> Here:
        await give(database, owner.id, 100)
        open_ = await asked(database, owner, team_id=team.id)
        proposal = ids.encode_key(ConsultingProposal, await proposed(database, other, open_))
        contract = Contract(database, open_, owner, other)
        if name not in BEFORE:
            contract = await contract_between(database, owner, other)
            async with database.writing() as session:
                (await session.get_one(ConsultingRequest, contract.request_id)).team_id = team.id
            await bring(contract, name)
        return Here(people, contract, proposal)

    return here


BEFORE = {
    "requestConsulting",
    "proposeConsulting",
    "withdrawConsultingProposal",
    "declineConsultingProposal",
    "acceptConsultingProposal",
}


async def bring(contract: Contract, name: str) -> None:
    """As far as it must be."""
    if name == "requestConsultingChanges":
        await contract.submit()
    if name == "decideConsultingDispute":
        await contract.dispute()
    if name == "settleConsultingDeadline":
        await contract.pass_deadline()
    if name == "acceptConsultingSettlement":
        async with contract.database.writing() as session:
            by = Viewer(contract.client.id)
            await settlements.offer(session, by, contract.request_id, consultant_usd=FIVE, note="Let us part.")


FIVE = Decimal(5)
WORDS = {"note": "So it is.", "reason": "So it is.", "content": "Hello.", "message": "I can.", "description": "Help."}
MORE = WORDS | {"usd": "1", "amountUsd": "1", "consultantUsd": "5", "delayDays": 3, "category": "OTHER"}
MORE |= {"mediaType": "text/plain", "bytes": 5, "upload": "none", "name": "a.txt"}


def given(name: str, here: Here) -> dict[str, Any]:
    """What the mutation must be given."""
    fields = schema._schema.type_map[f"{name[0].upper()}{name[1:]}Input"].fields
    about = {"requestId": here.contract.id, "id": here.proposal if "Proposal" in name else here.contract.id}
    return {each: (about | MORE)[each] for each in fields if each in about | MORE}


def test_every_mutation_of_consulting_is_here():
    ours = {
        name
        for name, field in schema._schema.mutation_type.fields.items()
        if field.extensions["strawberry-definition"].base_resolver.wrapped_func.__module__.startswith(
            "resolvers.consulting"
        )
    }
    assert ours == set(MATRIX)


@pytest.mark.parametrize("name", MATRIX)
async def test_who_may_do_what(name, here, change, unchanged):
    expected, found, now = NOBODY | MATRIX[name], {}, await here(name)
    for who in WHO:
        if expected[who] == "done":
            answer = await change(name, viewer=now.people[who], **given(name, now))
            found[who] = answer.get("code", "done")
            now = await here(name)
        else:
            async with unchanged():
                answer = await change(name, viewer=now.people[who], **given(name, now))
            found[who] = answer.get("code", "done")
    assert found == expected


SEEN_BY_PARTIES = {"client", "member", "consultant", "staff"}
SEEN = {
    # Under a contract, and before one.
    ConsultingRequest: (SEEN_BY_PARTIES, {*SEEN_BY_PARTIES, "stranger"}),
    ConsultingFile: (SEEN_BY_PARTIES, {*SEEN_BY_PARTIES, "stranger"}),
    ConsultingMessage: (SEEN_BY_PARTIES, {"client", "member", "staff"}),
    ConsultingStep: (SEEN_BY_PARTIES, {"client", "member", "staff"}),
    ConsultingProposal: (SEEN_BY_PARTIES, SEEN_BY_PARTIES),
}


NODE = "query ($id: ID!) { node(id: $id) { id } }"


@pytest.mark.parametrize("is_open", [False, True])
async def test_who_sees_what(is_open, here, ask, database):
    now = await here("requestConsulting" if is_open else "approveConsultingWork")
    request_id = now.contract.request_id
    async with database.writing() as session:
        await correspondence.send_message(session, Viewer(now.contract.client.id), request_id, content="Hello.")
        row = {"name": "a.txt", "media_type": "text/plain", "size_bytes": 1, "storage_key": f"consulting/{is_open}"}
        session.add(ConsultingFile(request_id=request_id, user_id=now.contract.client.id, **row))
    found: dict[type[Record], set[str]] = {}
    for kind in SEEN:
        id = ids.encode_key(kind, await key(database, kind, request_id))
        answers = {who: await ask(NODE, viewer=viewer, id=id) for who, viewer in now.people.items()}
        found[kind] = {who for who, answer in answers.items() if answer["node"]}
    assert found == {kind: seen[is_open] for kind, seen in SEEN.items()}


async def key(database, kind: type[Record], request_id: int) -> int:
    """The key of a row of the request."""
    table = kind.__table__
    of = table.c.id if kind is ConsultingRequest else table.c.request_id
    async with database.reading() as session:
        return (await session.scalars(select(table.c.id).where(of == request_id).limit(1))).one()
