"""What answers cost where this installation has a price for them, and who pays.

The owner of a machine pays for who uses it; everybody else pays for what they ask of a public one: its price to the
owner, and the platform's fee.
"""

from decimal import Decimal

from sqlalchemy import func, update

from app.database import Database, ReadSession, WriteSession
from app.errors import Conflict
from app.models.automl.machines import Machine
from app.models.billing.ledger import Currency, OperationCause
from app.policies import Viewer, is_viewer, signed_in
from app.services.automl.answering.memory import Version
from app.services.automl.market import calling
from app.services.automl.market.calling import Call, CallEstimate
from app.services.billing import charges, holds
from app.services.billing.amounts import ZERO
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import Purpose
from app.settings import settings


def purpose_of(viewer: Viewer, version: Version, *, lines: int, columns: int) -> Purpose:
    """What is paid for."""
    cause = OperationCause.MACHINE_SOLVING if viewer.key_id is None else OperationCause.MACHINE_SOLVING_API
    return Purpose(
        cause if version.is_used else OperationCause.MARKET_SOLVING,
        ("Machine", version.machine_id),
        count_of_lines=lines,
        count_of_columns=columns,
        level=version.level,
        actor_id=viewer.user_id,
    )


def payer_of(viewer: Viewer, version: Version) -> int:
    """Who pays."""
    return version.owner_id if version.is_used else signed_in(viewer)


def call_of(viewer: Viewer, version: Version, purpose: Purpose) -> Call | None:
    """What is asked of a machine in the market; None if the viewer uses it, and pays no price."""
    if version.listing_id is None:
        return None
    caller_id = signed_in(viewer)
    return Call(version.machine_id, version.listing_id, version.owner_id, caller_id, version.price_usd, purpose)


async def require(
    database: Database, viewer: Viewer, asked: Version, purpose: Purpose, expected: Decimal | None
) -> None:
    """Refuses what could not be paid, before it is calculated."""
    call = call_of(viewer, asked, purpose)
    if call is not None:
        async with database.reading() as session:
            await calling.require(session, call, expected)


async def estimate(session: ReadSession, viewer: Viewer, version: Version, purpose: Purpose) -> CallEstimate:
    """What answers would cost the viewer, who pays nothing for a machine that they use and do not own."""
    call = call_of(viewer, version, purpose)
    if call is not None:
        return await calling.estimate(session, call)
    caller_id = signed_in(viewer)
    fee = await charges.estimate(session, caller_id, purpose)
    usd = await holds.available(session, caller_id, Currency.USD)
    price = fee.price if is_viewer(viewer, payer_of(viewer, version)) else ZERO
    return CallEstimate(ZERO, price, usd, fee.available)


def is_recorded(version: Version, purpose: Purpose) -> bool:
    """Whether answers are written down: they cost something, or are somebody else's in the market."""
    return version.listing_id is not None or bool(charges.price_for(purpose))


async def pay(session: WriteSession, viewer: Viewer, version: Version, purpose: Purpose) -> None:
    """Pays for answers that are there; InsufficientFunds if the viewer has too few tokens or US dollars."""
    call = call_of(viewer, version, purpose)
    if call is not None:
        await calling.pay(session, call)
        return
    payer_id = payer_of(viewer, version)
    if version.is_used:
        # The machine is locked before the wallet, as everywhere: a training that starts does so, too.
        await _add_to_cost(session, version.machine_id, charges.price_for(purpose) * settings.token_price_usd)
    try:
        await charges.pay_now(session, purpose, payer_id=payer_id)
    except InsufficientFunds:
        refuse_poor_owner(viewer, payer_id)
        raise


async def _add_to_cost(session: WriteSession, machine_id: int, usd: Decimal) -> None:
    """Counts what answers have cost the owner of a machine, beside what all before have cost."""
    if usd:
        cost = func.coalesce(Machine.machine_billing_cost_solving_usd, ZERO) + usd
        own = update(Machine).where(Machine.id == machine_id)
        await session.execute(own.values(machine_billing_cost_solving_usd=cost))


def refuse_poor_owner(viewer: Viewer, payer_id: int) -> None:
    """Conflict if somebody else lacks tokens: what they have is nobody's business."""
    if not is_viewer(viewer, payer_id):
        raise Conflict("The owner of this machine has too few tokens for these answers.") from None
