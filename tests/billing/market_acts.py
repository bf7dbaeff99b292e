"""The market in the run of acts with money: sales at once, prices held until delivery, and paid calls."""

from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from random import Random
from typing import Any

from sqlalchemy import func, update

from app.database import Database
from app.models.billing.ledger import OperationCause
from app.models.billing.reservations import Reservation, ReservationPart
from app.services.billing import reservations, sales
from app.services.billing.reservations import Purpose
from app.services.billing.sales import Sale
from app.settings import settings
from tests import factories
from tests.billing.money_model import SMALLEST, Held, Model, Ordered

HOUR = timedelta(hours=1)


class MarketActs:
    """What buyers, sellers and callers do. Every act is a method of the run, which chooses among them."""

    database: Database
    people: list[int]
    random: Random
    model: Model
    amount: Any
    outcome: Any

    def _sale(self) -> Sale:
        buyer, seller = self.random.sample(self.people, 2)
        price = self.amount(self.model.free(buyer))
        return Sale(self.random.choice(sales.CAUSES), buyer, seller, price, ("Machine", 1), count_of_lines=1)

    def _sold(self, buyer: int, seller: int, price: Decimal) -> None:
        kept = price * settings.market_commission_percentage / 100
        self.model.usd[buyer] -= price
        self.model.usd[seller] += price - kept.quantize(SMALLEST, rounding=ROUND_HALF_EVEN)

    def _any_order(self) -> tuple[int, Ordered] | None:
        return self.random.choice(list(self.model.orders.items())) if self.model.orders else None

    async def do_sell(self) -> None:
        sale = self._sale()

        async def deed(session: Any) -> Any:
            return await sales.pay(session, sale)

        if await self.outcome(deed, refused=sale.price > self.model.free(sale.buyer_id)):
            self._sold(sale.buyer_id, sale.seller_id, sale.price)

    async def do_call(self) -> None:
        """The caller pays the price to the seller and the fee to the platform, or nothing at all."""
        sale = self._sale()
        has = sum((amount for _, amount in self.model.sources(sale.buyer_id)), Decimal(0))
        fee = self.amount(has)

        async def deed(session: Any) -> Any:
            await sales.pay(session, sale)
            purpose = Purpose(OperationCause.MARKET_SOLVING, count_of_lines=1)
            held = await reservations.hold(session, sale.buyer_id, fee, purpose, for_=HOUR)
            return await reservations.post(session, held.id)

        if await self.outcome(deed, refused=sale.price > self.model.free(sale.buyer_id) or fee > has):
            self._sold(sale.buyer_id, sale.seller_id, sale.price)
            self.model.release(Held(sale.buyer_id, self.model.take(sale.buyer_id, fee)), posted=fee)

    async def do_order(self) -> None:
        sale = self._sale()
        job = await factories.job(self.database, user_id=sale.buyer_id)

        async def deed(session: Any) -> int:
            return (await sales.hold(session, sale, job)).id

        if made := await self.outcome(deed, refused=sale.price > self.model.free(sale.buyer_id)):
            self.model.orders[made] = Ordered(sale.buyer_id, sale.seller_id, sale.price)

    async def do_deliver(self) -> None:
        if chosen := self._any_order():
            id, ordered = chosen

            async def deed(session: Any) -> Any:
                return await reservations.post(session, id)

            if await self.outcome(deed, refused=not ordered.is_held):
                ordered.is_held = False
                self._sold(ordered.buyer, ordered.seller, ordered.price)

    async def do_fail_to_deliver(self) -> None:
        if chosen := self._any_order():
            id, ordered = chosen

            async def deed(session: Any) -> Any:
                return await reservations.void(session, id)

            if await self.outcome(deed, refused=not ordered.is_held):
                ordered.is_held = False

    async def do_let_an_order_expire(self) -> None:
        if not (open_ := [id for id, ordered in self.model.orders.items() if ordered.is_held]):
            return
        chosen = self.random.choice(open_)

        async def deed(session: Any) -> None:
            for table, column in ((ReservationPart, ReservationPart.reservation_id), (Reservation, Reservation.id)):
                await session.execute(update(table).where(column == chosen).values(expires_at=func.now()))

        await self.outcome(deed, refused=False)
        self.model.orders[chosen].is_held = False
