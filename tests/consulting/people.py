"""A client, a consultant, and the contract between them, made through the services."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text, update

from app.database import Database
from app.models.consulting.proposals import ConsultingProposal
from app.models.consulting.requests import ConsultingCategory, ConsultingRequest, ConsultingState
from app.policies import Viewer
from app.services.billing.balances import balances_of
from app.services.consulting import contracts, proposals, requests, settlements
from app.services.consulting.proposals import Offer
from app.services.consulting.requests import Brief
from resolvers import ids
from tests import factories
from tests.billing.books import give
from tests.fixtures import Person

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Contract:
    """A request with its parties."""

    database: Database
    request_id: int
    client: Person
    consultant: Person

    @property
    def id(self) -> str:
        """The id of the request, as clients know it."""
        return ids.encode_key(ConsultingRequest, self.request_id)

    async def row(self) -> ConsultingRequest:
        """The request as it is."""
        async with self.database.reading() as session:
            return await session.get_one(ConsultingRequest, self.request_id)

    async def state(self) -> ConsultingState:
        return (await self.row()).state

    async def usd(self, person: Person) -> Decimal:
        """What somebody has."""
        async with self.database.reading() as session:
            return (await balances_of(session, [person.id]))[person.id].usd

    async def both(self) -> tuple[Decimal, Decimal]:
        """What the client and the consultant have."""
        return await self.usd(self.client), await self.usd(self.consultant)

    async def pass_deadline(self, *, by: timedelta = timedelta(0)) -> None:
        """Brings the deadline to this very instant, or before it."""
        async with self.database.writing() as session:
            row = update(ConsultingRequest).where(ConsultingRequest.id == self.request_id)
            await session.execute(row.values(due_at=func.clock_timestamp() - by))

    async def submit(self) -> None:
        async with self.database.writing() as session:
            await contracts.submit(session, Viewer(self.consultant.id), self.request_id, note="Done.")

    async def dispute(self) -> None:
        async with self.database.writing() as session:
            await settlements.dispute(session, Viewer(self.client.id), self.request_id, reason="It does not run.")


async def person(database: Database, name: str, **fields: Any) -> Person:
    signed_in = await factories.user(database, name, **fields)
    return Person(signed_in.user, signed_in.token)


async def asked(database: Database, client: Person, **fields: Any) -> int:
    """A request that waits for proposals."""
    brief = Brief(**{"category": ConsultingCategory.OTHER, "description": "Help me with my data.", **fields})
    async with database.writing() as session:
        return (await requests.ask(session, Viewer(client.id), brief)).id


async def proposed(database: Database, consultant: Person, request_id: int, usd: Any = 100) -> int:
    """A proposal for it."""
    offer = Offer(Decimal(usd), 10, "I can do this.")
    async with database.writing() as session:
        return (await proposals.propose(session, Viewer(consultant.id), request_id, offer)).id


async def contract_between(database: Database, client: Person, consultant: Person, usd: Any = 100) -> Contract:
    """A contract for so much, which the client had."""
    await give(database, client.id, usd)
    request_id = await asked(database, client)
    proposal_id = await proposed(database, consultant, request_id, usd)
    async with database.writing() as session:
        await proposals.accept(session, Viewer(client.id), proposal_id)
    return Contract(database, request_id, client, consultant)


async def expire_proposals(database: Database) -> None:
    """Brings the end of every proposal to this very instant."""
    async with database.writing() as session:
        await session.execute(update(ConsultingProposal).values(expires_at=func.clock_timestamp()))


async def escrowed(database: Database) -> Decimal:
    """What is in escrow, all together."""
    async with database.reading() as session:
        total = text("SELECT coalesce(sum(balance), 0) FROM ledger_accounts WHERE kind = 'ESCROW'")
        return (await session.scalars(total)).one()


async def last_request(database: Database) -> ConsultingRequest:
    async with database.reading() as session:
        return (await session.scalars(select(ConsultingRequest).order_by(ConsultingRequest.id.desc()).limit(1))).one()
