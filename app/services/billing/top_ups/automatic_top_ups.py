"""Automatic top-ups: once too little is available, a job charges the saved card, once for each crossing.

Whoever spends holds the lock of the wallet and looks at the rule in the same transaction. At most one automatic top-up
of a user is under way, by a unique index, and each brings the balance to the threshold at least. A try whose outcome is
unknown is repeated with the same top-up, which the provider charges once; only a card that was refused gets a new one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Select, func, select

from app.database import ReadSession, WriteSession
from app.errors import Conflict, Invalid, NotFound
from app.gateways import card_payments
from app.models.accounts import User
from app.models.billing.automatic_top_ups import AutomaticTopUp
from app.models.billing.ledger import Currency
from app.models.billing.top_ups import TopUp, TopUpState
from app.models.kinds.billing import BillingJob
from app.models.system import Job
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.accounts.users.deletion import on_parting
from app.services.billing import amounts, holds, ledger
from app.services.billing.amounts import ZERO, written
from app.services.billing.top_ups import forgotten_cards
from app.services.system import audit, notifications
from app.settings import settings

TRIED_AT_ONCE = 100


@dataclass(frozen=True)
class Order:
    """What to charge, and to which card."""

    usd: Decimal
    customer_key: str


async def set_rule(
    session: WriteSession, viewer: Viewer, *, below_usd: Decimal, usd: Decimal, month_usd_max: Decimal
) -> AutomaticTopUp:
    """Switches the viewer's rule on, and starts a top-up if it is due already."""
    user_id = signed_in(viewer)
    card_payments.require_set_up()
    below, most = amounts.positive("belowUsd", below_usd), amounts.positive("monthUsdMax", month_usd_max)
    usd = amounts.for_cards("usd", usd)
    if usd < below:
        raise Invalid("usd", "Use at least `belowUsd`: each top-up has to bring the balance there.")
    if most < usd:
        raise Invalid("monthUsdMax", "Use at least `usd`: otherwise nothing is ever charged.")
    await ledger.lock_wallets(session, user_id)
    rule = await _rule(session, user_id)
    if rule is None:
        raise Conflict("Save a card first: start a top-up with `saveCard`, and pay it.")
    rule.below_usd, rule.usd, rule.month_usd_max = below, usd, most
    rule.is_on, rule.failures_count, rule.next_try_at = True, 0, None
    await session.flush()
    audit.record(session, user_id, "setAutomaticTopUp", about=rule)
    await start_if_due(session, user_id)
    return rule


async def forget(session: WriteSession, viewer: Viewer) -> AutomaticTopUp:
    """Removes the viewer's rule. The provider forgets the card soon after."""
    user_id = signed_in(viewer)
    await ledger.lock_wallets(session, user_id)
    rule = await _rule(session, user_id)
    if rule is None:
        raise NotFound("You have no saved card, and no automatic top-up.")
    audit.record(session, user_id, "deleteAutomaticTopUp", about=rule)
    await _remove(session, rule)
    return rule


@on_parting
async def forget_with_account(session: WriteSession, user_id: int) -> None:
    """The card of an account that is deleted is charged no more, and forgotten."""
    # Without the wallet, which is locked after machines: those of the account go in the same transaction.
    if (rule := await _rule(session, user_id)) is not None:
        await _remove(session, rule)


async def _remove(session: WriteSession, rule: AutomaticTopUp) -> None:
    await forgotten_cards.forget(session, rule.customer_key)
    await session.delete(rule)
    await session.flush()


async def keep_card(session: WriteSession, user_id: int, customer_key: str) -> None:
    """Remembers the card of a payment, in place of another; the rule stays as it is, or is off.

    Not that of an account that was deleted meanwhile, nor one that was forgotten: events about its payments still come.
    """
    await ledger.lock_wallets(session, user_id)
    if await forgotten_cards.was_forgotten(session, customer_key):
        return
    rule = await _rule(session, user_id)
    if (await session.get_one(User, user_id)).anonymised_at is not None:
        await forgotten_cards.forget(session, customer_key)
    elif rule is None:
        session.add(AutomaticTopUp(id=user_id, customer_key=customer_key))
    elif rule.customer_key != customer_key:
        await forgotten_cards.forget(session, rule.customer_key)
        rule.customer_key = customer_key
    await session.flush()


async def start_if_due(session: WriteSession, user_id: int) -> None:
    """Starts a top-up if too little is available. The lock of the wallet is held."""
    if not card_payments.is_set_up():
        return
    rule = await _rule(session, user_id)
    if rule is None or rule.below_usd is None or not await _may_try(session, rule):
        return
    if await holds.available(session, user_id, Currency.USD) >= rule.below_usd:
        rule.next_try_at = None
    elif (under_way := await session.scalar(_under_way(user_id))) is not None:
        await _try_again(session, rule, under_way)
    else:
        await _start(session, rule)
    await session.flush()


async def start_due(session: WriteSession) -> int:
    """Tries again what has failed a while ago, and what had to wait for the next month."""
    due = select(AutomaticTopUp.id).where(AutomaticTopUp.is_on, AutomaticTopUp.next_try_at <= func.now())
    user_ids = (await session.scalars(due.order_by(AutomaticTopUp.id).limit(TRIED_AT_ONCE))).all()
    await ledger.lock_wallets(session, *user_ids)
    for user_id in user_ids:
        await start_if_due(session, user_id)
    return len(user_ids)


async def order(session: ReadSession, top_up_id: int) -> Order | None:
    """What to charge; None if it has ended, or if the rule is off by now."""
    query = (
        select(TopUp.usd, AutomaticTopUp.customer_key)
        .join(AutomaticTopUp, AutomaticTopUp.id == TopUp.user_id)
        .join(User, User.id == TopUp.user_id)
        .where(TopUp.id == top_up_id, TopUp.state == TopUpState.CREATED, AutomaticTopUp.is_on, User.is_active)
    )
    row = (await session.execute(query)).one_or_none()
    return None if row is None else Order(row.usd, row.customer_key)


async def failed(session: WriteSession, top_up_id: int, reason: str) -> None:
    """Notes that the provider could not be asked. Whether it charged the card is unknown: the top-up is tried again."""
    await refused(session, await session.get_one(TopUp, top_up_id, with_for_update=True), reason, is_final=False)


async def refused(session: WriteSession, top_up: TopUp, reason: str, *, is_final: bool) -> None:
    """Counts a failed try; after some the rule is off. The user is notified each time."""
    if top_up.state is not TopUpState.CREATED:
        return
    await ledger.lock_wallets(session, top_up.user_id)
    rule = await _rule(session, top_up.user_id)
    is_last = rule is None or rule.failures_count + 1 >= settings.automatic_top_up_tries_max
    if is_final or is_last:
        top_up.state = TopUpState.FAILED
    if rule is None:
        return
    rule.failures_count += 1
    rule.is_on = rule.is_on and not is_last
    rule.next_try_at = None if is_last else await _in_a_while(session)
    what = "It is switched off. Set it again once the card works." if is_last else "It will be tried again."
    message = f"Your automatic top-up by {written(top_up.usd)} USD failed. {reason} {what}"
    notifications.notify(session, top_up.user_id, message, about=rule, event=f"{top_up.id}:{rule.failures_count}")
    await session.flush()


async def paid(session: WriteSession, user_id: int) -> None:
    """Forgets failures: the card works."""
    rule = await _rule(session, user_id)
    if rule is not None:
        rule.failures_count, rule.next_try_at = 0, None


async def _rule(session: WriteSession, user_id: int) -> AutomaticTopUp | None:
    return await session.get(AutomaticTopUp, user_id, with_for_update=True, populate_existing=True)


async def _may_try(session: ReadSession, rule: AutomaticTopUp) -> bool:
    if not rule.is_on:
        return False
    now = (await session.scalars(select(func.clock_timestamp()))).one()
    return rule.next_try_at is None or rule.next_try_at <= now


def _under_way(user_id: int) -> Select[TopUp]:
    return select(TopUp).where(TopUp.user_id == user_id, TopUp.is_automatic, TopUp.state == TopUpState.CREATED)


async def _try_again(session: WriteSession, rule: AutomaticTopUp, top_up: TopUp) -> None:
    """Asks for the same payment again if a try has failed. Otherwise a job is at it, or the bank takes its time."""
    if rule.next_try_at is None:
        return
    rule.next_try_at = None
    # Its row stays as it is: an event about it locks the row first, and then the wallet that is locked here.
    await _enqueue(session, top_up)


async def _start(session: WriteSession, rule: AutomaticTopUp) -> None:
    assert rule.usd is not None, "the rule is on"
    assert rule.month_usd_max is not None, "the rule is on"
    begins = datetime.now(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    if await charged_since(session, rule.id, begins) + rule.usd > rule.month_usd_max:
        rule.next_try_at = (begins + timedelta(days=32)).replace(day=1)
        limit = written(rule.month_usd_max)
        message = f"Your automatic top-up has reached its limit of {limit} USD for this month."
        notifications.notify(session, rule.id, message, about=rule, event=f"month:{begins:%Y-%m}:{limit}")
        return
    rule.next_try_at = None
    top_up = TopUp(user_id=rule.id, usd=rule.usd, is_automatic=True)
    session.add(top_up)
    await session.flush()
    top_up.job_id = (await _enqueue(session, top_up)).id
    await session.flush()


async def _enqueue(session: WriteSession, top_up: TopUp) -> Job:
    return await enqueue(session, BillingJob.CHARGE_CARD, subject_id=top_up.id, user_id=top_up.user_id)


async def charged_since(session: ReadSession, user_id: int, since: datetime) -> Decimal:
    """What the rule has charged since then, and what it is charging."""
    counted = TopUp.state.in_((TopUpState.CREATED, TopUpState.PAID))
    total = select(func.sum(TopUp.usd)).where(TopUp.user_id == user_id, TopUp.is_automatic, counted)
    return amounts.rounded(await session.scalar(total.where(TopUp.created_at >= since)) or ZERO)


async def _in_a_while(session: ReadSession) -> datetime:
    now: datetime = (await session.scalars(select(func.clock_timestamp()))).one()
    return now + timedelta(seconds=settings.automatic_top_up_pause_s)
