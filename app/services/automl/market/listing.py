"""Offering machines in the market, and ending offers."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as insert_or_update

from app import checks
from app.database import WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.limits import automl as limits
from app.models.accounts import User
from app.models.automl.machines import Machine
from app.models.automl.market import Listing, ListingKind
from app.policies import Viewer, signed_in, visible
from app.services.automl.machines.access import machine_to_dispose_of
from app.services.billing import amounts
from app.services.billing.amounts import ZERO
from app.services.system import audit
from app.settings import settings
from app.tabular.choices import MachineStatus

LINES_PER_DAY_MAX = 2**31 - 1


class Offered(NamedTuple):
    """The columns of a machine that say whether something of it is offered, and for how much."""

    flag: str
    price: str


OFFERED: Mapping[ListingKind, Offered] = {
    ListingKind.API_SOLVING: Offered("machine_api_solving_is_public", "machine_api_solving_price_usd"),
    ListingKind.DATA_SOURCE: Offered("machine_data_source_is_public", "machine_data_source_price_usd"),
    ListingKind.MACHINE_COPY: Offered("machine_machine_is_duplicatable", "machine_machine_copy_cost_usd"),
}


@dataclass(frozen=True)
class Terms:
    """What a seller says of an offer."""

    price_usd: Decimal
    update_price_usd: Decimal = ZERO
    summary: str | None = None
    licence: str = limits.LICENCE_DEFAULT
    licence_terms: str | None = None
    sample_line_count: int = 0
    caller_lines_per_day_notice: int | None = None
    caller_lines_per_day_max: int | None = None


def price(field: str, value: Decimal) -> Decimal:
    """A price in the market: 0 for free, or at least the minimum, with no more decimals than the ledger keeps."""
    if value.is_finite() and value == ZERO:
        return ZERO
    least = settings.market_price_usd_min
    chosen = amounts.positive(field, value)
    if chosen < least:
        raise Invalid(field, f"Use 0 for free, or a price of at least {amounts.written(least)} US dollars.")
    return chosen


async def list_machine(
    session: WriteSession, viewer: Viewer, machine_id: int, *, kind: ListingKind, terms: Terms
) -> Listing:
    """Offers something of a machine, or changes the offer. What was bought before keeps its price and terms."""
    machine = await machine_to_dispose_of(session, viewer, machine_id)
    values = _checked(kind, terms)
    _require_something_to_sell(machine, kind)
    seller = await session.get_one(User, machine.machine_owner_user_id)
    if not seller.is_active:
        raise Conflict("The account that owns this machine is suspended, and sells nothing.")
    offered = OFFERED[kind]
    setattr(machine, offered.flag, True)
    setattr(machine, offered.price, values["price_usd"])
    if kind is ListingKind.MACHINE_COPY:
        machine.machine_machine_copy_update_cost_usd = values["update_price_usd"]
    if kind is ListingKind.DATA_SOURCE:
        machine.machine_data_source_sample_only_public = terms.sample_line_count > 0
    listing = await _write(session, machine, kind, values)
    audit.record(session, signed_in(viewer), "listMachine", about=listing)
    return listing


def _checked(kind: ListingKind, terms: Terms) -> dict[str, Any]:
    is_api, is_copy = kind is ListingKind.API_SOLVING, kind is ListingKind.MACHINE_COPY
    checks.within("sampleLineCount", terms.sample_line_count, 0, settings.listing_sample_lines_max)
    if terms.sample_line_count and is_api:
        raise Invalid("sampleLineCount", "Answers are sold here, and not lines: a listing of answers shows none.")
    if terms.update_price_usd and not is_copy:
        raise Invalid("updatePriceUsd", "Only copies have updates. Leave it out.")
    notice, most = terms.caller_lines_per_day_notice, terms.caller_lines_per_day_max
    for field, value in (("callerLinesPerDayNotice", notice), ("callerLinesPerDayMax", most)):
        if value is not None:
            if not is_api:
                raise Invalid(field, "Only answers have limits by the day. Leave it out.")
            checks.within(field, value, 1, LINES_PER_DAY_MAX)
    licence = checks.name("licence", terms.licence, length_max=limits.LICENCE_LENGTH_MAX)
    licence_terms = checks.optional_text(
        "licenceTerms", terms.licence_terms, length_max=limits.LICENCE_TERMS_LENGTH_MAX
    )
    return {
        "price_usd": price("priceUsd", terms.price_usd),
        "update_price_usd": price("updatePriceUsd", terms.update_price_usd),
        "summary": checks.optional_text("summary", terms.summary, length_max=limits.LISTING_SUMMARY_LENGTH_MAX) or "",
        "licence": licence,
        "licence_terms": licence_terms or "",
        "sample_line_count": terms.sample_line_count,
        "caller_lines_per_day_notice": notice,
        "caller_lines_per_day_max": most,
    }


def _require_something_to_sell(machine: Machine, kind: ListingKind) -> None:
    if machine.status is not MachineStatus.READY:
        raise Conflict("The lines of this machine are not read yet. Wait until it is READY.")
    if kind is ListingKind.API_SOLVING and machine.training_nn_model_id is None:
        raise Conflict("This machine has not been trained, and cannot answer. Train it first with `trainMachine`.")


async def _write(session: WriteSession, machine: Machine, kind: ListingKind, values: Mapping[str, Any]) -> Listing:
    """The offer with these values, open; a new one if there is none."""
    kept = dict(values) | {"is_open": True, "seller_id": machine.machine_owner_user_id}
    written = insert_or_update(Listing).values(machine_id=machine.id, kind=kind, **kept)
    again = written.on_conflict_do_update(index_elements=["machine_id", "kind"], set_=kept)
    id = (await session.scalars(again.returning(Listing.id))).one()
    return await session.get_one(Listing, id, populate_existing=True)


async def follow(session: WriteSession, machine: Machine) -> None:
    """Makes the offers of a machine as its columns say: those of what is not public are closed."""
    await session.flush()
    for kind, offered in OFFERED.items():
        if not getattr(machine, offered.flag):
            await _close(session, machine.id, kind)
            continue
        values: dict[str, Any] = {"price_usd": getattr(machine, offered.price) or ZERO}
        if kind is ListingKind.MACHINE_COPY:
            values["update_price_usd"] = machine.machine_machine_copy_update_cost_usd or ZERO
        if kind is ListingKind.DATA_SOURCE and machine.machine_data_source_sample_only_public:
            values["sample_line_count"] = settings.listing_sample_lines_max
        await _write(session, machine, kind, values)


async def unlist_machine(session: WriteSession, viewer: Viewer, listing_id: int) -> Listing:
    """Ends an offer. Buyers keep what they bought."""
    sought = visible(Listing, viewer).where(Listing.id == listing_id)
    listing = await session.scalar(sought)
    if listing is None:
        raise NotFound("There is no such listing.")
    machine = await machine_to_dispose_of(session, viewer, listing.machine_id)
    setattr(machine, OFFERED[listing.kind].flag, False)
    await _close(session, machine.id, listing.kind)
    audit.record(session, signed_in(viewer), "unlistMachine", about=listing)
    await session.flush()
    return await session.get_one(Listing, listing_id, populate_existing=True)


async def _close(session: WriteSession, machine_id: int, kind: ListingKind) -> None:
    own = Listing.machine_id == machine_id, Listing.kind == kind, Listing.is_open
    await session.execute(update(Listing).where(*own).values(is_open=False))


async def close_all(session: WriteSession, machine_id: int) -> None:
    """Ends all offers of a machine that is deleted."""
    open_ = Listing.machine_id == machine_id, Listing.is_open
    await session.execute(update(Listing).where(*open_).values(is_open=False))


async def hand_over(session: WriteSession, machine_id: int, seller_id: int) -> None:
    """Gives the offers of a machine to its new owner."""
    await session.execute(update(Listing).where(Listing.machine_id == machine_id).values(seller_id=seller_id))


async def locked(session: WriteSession, listing_id: int, *, is_shared: bool = False) -> Listing | None:
    """An offer as it is now: its price and whether it is open do not change until this transaction ends."""
    sought = select(Listing).where(Listing.id == listing_id)
    lock = sought.with_for_update(read=True) if is_shared else sought.with_for_update(key_share=True)
    return await session.scalar(lock.execution_options(populate_existing=True))
