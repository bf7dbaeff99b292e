"""Contracts in the run of acts with money: what the model thinks of them, beside what the services do."""

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

from sqlalchemy import func, update

from app.database import Database
from app.models.consulting.requests import ConsultingCategory, ConsultingRequest
from app.policies import Viewer
from app.services.consulting import contracts, deadlines, proposals, requests, settlements
from app.services.consulting.proposals import Offer
from app.services.consulting.requests import Brief

SMALLEST = Decimal("0.00000001")
BRIEF = Brief(ConsultingCategory.OTHER, "Help me.")


@dataclass
class Agreed:
    """A contract in the model."""

    client: int
    consultant: int
    left: Decimal
    released: Decimal = Decimal(0)
    commission: Decimal = Decimal(0)
    is_submitted: bool = False
    is_late: bool = False
    is_open: bool = True

    @property
    def can_go_on(self) -> bool:
        """Whether anything but its deadline can still change it."""
        return self.is_open and not self.is_late


class ConsultingActs:
    """What clients, consultants and deadlines do. Every act is a method of the run, which chooses among them."""

    database: Database
    people: list[int]
    random: Random
    model: Any
    amount: Any
    outcome: Any

    def _pay(self, agreed: Agreed, usd: Decimal) -> None:
        agreed.left -= usd
        agreed.released += usd
        commission = (agreed.released / 10).quantize(SMALLEST, rounding=ROUND_HALF_EVEN)
        self.model.usd[agreed.consultant] += usd - (commission - agreed.commission)
        agreed.commission = commission

    def _end(self, agreed: Agreed, usd: Decimal) -> None:
        self._pay(agreed, usd)
        self.model.usd[agreed.client] += agreed.left
        agreed.left, agreed.is_open = Decimal(0), False

    def _any_contract(self) -> tuple[int, Agreed] | None:
        return self.random.choice(list(self.model.contracts.items())) if self.model.contracts else None

    async def do_contract(self) -> None:
        client, consultant = self.random.sample(self.people, 2)
        price = self.amount(self.model.free(client))

        async def offered(session: Any) -> int:
            request = await requests.ask(session, Viewer(client), BRIEF)
            return (await proposals.propose(session, Viewer(consultant), request.id, Offer(price, 5, "Yes."))).id

        proposal_id = await self.outcome(offered, refused=False)

        async def accepted(session: Any) -> int:
            return (await proposals.accept(session, Viewer(client), proposal_id)).id

        made = await self.outcome(accepted, refused=price > self.model.free(client))
        if made:
            self.model.usd[client] -= price
            self.model.contracts[made] = Agreed(client, consultant, price)

    async def do_submit(self) -> None:
        if chosen := self._any_contract():
            id, agreed = chosen

            async def deed(session: Any) -> None:
                await contracts.submit(session, Viewer(agreed.consultant), id, note="Done.")

            if await self.outcome(deed, refused=not agreed.can_go_on or agreed.is_submitted):
                agreed.is_submitted = True

    async def do_release(self) -> None:
        if chosen := self._any_contract():
            id, agreed = chosen
            usd = self.amount(agreed.left)

            async def deed(session: Any) -> None:
                await contracts.release(session, Viewer(agreed.client), id, usd=usd)

            if await self.outcome(deed, refused=not agreed.can_go_on or usd >= agreed.left):
                self._pay(agreed, usd)

    async def do_approve(self) -> None:
        if chosen := self._any_contract():
            id, agreed = chosen

            async def deed(session: Any) -> None:
                await contracts.approve(session, Viewer(agreed.client), id)

            if await self.outcome(deed, refused=not agreed.can_go_on):
                self._end(agreed, agreed.left)

    async def do_give_back(self) -> None:
        if chosen := self._any_contract():
            id, agreed = chosen

            async def deed(session: Any) -> None:
                await contracts.cancel(session, Viewer(agreed.consultant), id, note="I am ill.")

            if await self.outcome(deed, refused=not agreed.can_go_on):
                self._end(agreed, Decimal(0))

    async def do_settle(self) -> None:
        if chosen := self._any_contract():
            id, agreed = chosen
            usd = self.random.choice([Decimal(0), (agreed.left / 3).quantize(SMALLEST), agreed.left])

            async def deed(session: Any) -> None:
                await settlements.offer(session, Viewer(agreed.client), id, consultant_usd=usd, note="Let us part.")
                await settlements.accept(session, Viewer(agreed.consultant), id, consultant_usd=usd)

            if await self.outcome(deed, refused=not agreed.can_go_on):
                self._end(agreed, usd)

    async def do_pass_deadline(self) -> None:
        if (chosen := self._any_contract()) and chosen[1].is_open:
            id, agreed = chosen

            async def deed(session: Any) -> None:
                row = update(ConsultingRequest).where(ConsultingRequest.id == id)
                await session.execute(row.values(due_at=func.clock_timestamp()))

            await self.outcome(deed, refused=False)
            agreed.is_late = True

    async def do_carry_out_deadlines(self) -> None:
        await deadlines.carry_out_due(self.database)
        for agreed in self.model.contracts.values():
            if agreed.is_open and agreed.is_late:
                self._end(agreed, agreed.left if agreed.is_submitted else Decimal(0))
