"""Answers for those who do not use a machine: what they cost, their limits by the day, and what was asked so far."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, Date, cast, func, select
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from app.database import ReadSession, WriteSession
from app.errors import Conflict
from app.models.automl.market import Listing, ListingUsage
from app.models.billing.ledger import Currency, OperationCause
from app.services.automl.market import buying
from app.services.automl.market import listing as listings
from app.services.billing import amounts, charges, holds, ledger, sales
from app.services.billing.reservations import Purpose
from app.services.billing.sales import Sale
from app.services.system import notifications

CHANGED = "This machine was taken from the market, or its price was changed, meanwhile. Nothing was charged. Try again."


@dataclass(frozen=True)
class Call:
    """Lines that somebody wants answered by a machine that they do not use, at the price of one answer."""

    machine_id: int
    listing_id: int
    seller_id: int
    caller_id: int
    unit_price: Decimal
    fee: Purpose

    @property
    def lines(self) -> int:
        """How many lines."""
        assert self.fee.count_of_lines is not None, "answers are for lines"
        return self.fee.count_of_lines

    @property
    def price(self) -> Decimal:
        """The price of all of them, without the platform's fee."""
        return amounts.rounded(self.unit_price * self.lines)

    @property
    def sale(self) -> Sale:
        """What is sold."""
        subject = "Machine", self.machine_id
        cause = OperationCause.MARKET_SOLVING
        return Sale(cause, self.caller_id, self.seller_id, self.price, subject, self.lines)


@dataclass(frozen=True)
class CallEstimate:
    """What answers would cost, and whether who asks could pay it now."""

    price_usd: Decimal
    fee_tokens: Decimal
    available_usd: Decimal
    available_tokens: Decimal

    @property
    def is_affordable(self) -> bool:
        """Whether as much is available."""
        return self.price_usd <= self.available_usd and self.fee_tokens <= self.available_tokens


def today() -> ColumnElement[object]:
    """The day, as the database has it."""
    return cast(func.timezone("UTC", func.now()), Date)


async def require(session: ReadSession, call: Call, expected_price: Decimal | None) -> None:
    """Refuses, before anything is calculated, what could not be paid or is more than the seller answers in a day."""
    if expected_price is not None:
        buying.check_price(expected_price, call.unit_price)
    listing = await session.get_one(Listing, call.listing_id)
    _check_day(listing, await _lines_today(session, call), call.lines)
    if call.price:
        await sales.require_funds(session, call.sale)
    fee = await charges.estimate(session, call.caller_id, call.fee)
    if not fee.is_affordable:
        raise charges.too_few(fee)


async def pay(session: WriteSession, call: Call) -> None:
    """Pays for answers that are there, and counts them; nothing of it if the price or the offer has changed."""
    await ledger.lock_wallets(session, call.caller_id)
    is_first = await buying.is_first(session, call.caller_id, call.listing_id)
    listing = await listings.locked(session, call.listing_id, is_shared=not is_first)
    if listing is None or not listing.is_open or listing.price_usd != call.unit_price:
        raise Conflict(CHANGED)
    if not await buying.sells(session, call.seller_id):
        raise Conflict(CHANGED)
    before = await _lines_today(session, call)
    _check_day(listing, before, call.lines)
    await sales.pay(session, call.sale)
    # An operation of its own: grants may pay it, and nothing of them goes to the seller.
    await charges.pay_now(session, call.fee, payer_id=call.caller_id)
    await _count(session, call, listing)
    if is_first:
        await buying.count_buyer(session, listing.id)
    await _tell(session, call, listing, before)


async def _lines_today(session: ReadSession, call: Call) -> int:
    own = ListingUsage.listing_id == call.listing_id, ListingUsage.user_id == call.caller_id
    return await session.scalar(select(ListingUsage.lines_count).where(*own, ListingUsage.day == today())) or 0


def _check_day(listing: Listing, before: int, lines: int) -> None:
    most = listing.caller_lines_per_day_max
    if most is not None and before + lines > most:
        left = max(0, most - before)
        raise Conflict(
            f"This machine answers at most {most:,} lines of an account in a day (UTC); you have {left:,} left today. "
            "Nothing was charged."
        )


async def _count(session: WriteSession, call: Call, listing: Listing) -> None:
    terms = {"licence": listing.licence, "licence_terms": listing.licence_terms}
    added = insert_or_update(ListingUsage).values(
        listing_id=call.listing_id,
        user_id=call.caller_id,
        day=today(),
        calls_count=1,
        lines_count=call.lines,
        price_usd=call.price,
        **terms,
    )
    again = added.on_conflict_do_update(
        index_elements=["listing_id", "user_id", "day"],
        set_={
            "calls_count": ListingUsage.calls_count + 1,
            "lines_count": ListingUsage.lines_count + call.lines,
            "price_usd": ListingUsage.price_usd + call.price,
            **terms,
        },
    )
    await session.execute(again)


async def _tell(session: WriteSession, call: Call, listing: Listing, before: int) -> None:
    """Tells a caller whose lines of the day have come to the seller's notice, once a day."""
    notice = listing.caller_lines_per_day_notice
    if notice is None or not before < notice <= before + call.lines:
        return
    most = listing.caller_lines_per_day_max
    rest = "" if most is None else f" It answers at most {most:,}."
    message = f"A machine of the market has answered {before + call.lines:,} of your lines today.{rest}"
    event = f"usage:{call.caller_id}:{datetime.now(UTC):%Y-%m-%d}"
    notifications.notify(session, call.caller_id, message, about=listing, event=event)


async def estimate(session: ReadSession, call: Call) -> CallEstimate:
    """What a call would cost."""
    fee = await charges.estimate(session, call.caller_id, call.fee)
    usd = await holds.available(session, call.caller_id, Currency.USD)
    return CallEstimate(call.price, fee.price, usd, fee.available)
