"""Who asks, and something of everything that they may ask about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import select, update

from app.database import Database
from app.models.accounts import ApiKey, DataExport, OsmAccount, Profile, Session, TeamMembership, UserPreferences
from app.models.automl.market import (
    Listing,
    ListingKind,
    ListingReview,
    ListingUsage,
    Purchase,
    PurchaseKind,
)
from app.models.base import Record
from app.models.billing.adjustments import Adjustment, AdjustmentState, Reversal
from app.models.billing.automatic_top_ups import AutomaticTopUp
from app.models.billing.coupon_codes import CouponCode
from app.models.billing.grants import Grant
from app.models.billing.ledger import AccountKind, Currency, LedgerEntry, OperationCause
from app.models.billing.legacy import Billing
from app.models.billing.reservations import Reservation, ReservationState
from app.models.billing.spending import SpendingRules
from app.models.billing.top_ups import TopUp
from app.models.choices import Scope
from app.models.integrations import BulkQuery, Webhook, WebhookDelivery, WebhookDeliveryStatus
from app.models.kinds.accounts import AccountsJob
from app.models.kinds.system import SystemTopic
from app.models.social import FriendRequest, Friendship, Like
from app.models.system import AuditEntry, Banner, LogEntry, LogLevel, NotificationActor, UserNotification
from app.security import credentials
from app.services.billing import ledger
from app.services.billing.ledger import About, Leg
from app.services.billing.top_ups import topping_up
from app.tabular.choices import MachineStatus
from resolvers import ids
from tests import factories
from tests.fixtures import Person

WHO = ("anonymous", "owner", "other", "member", "admin", "staff", "super", "suspended", "expired", "key")
"""Strangers; whose things these are; somebody else; a member of a team and its admin; staff and a super admin;
somebody suspended; the owner by a session that has expired, and by an API key without the scope that is needed."""
PLATFORM = AccountKind.CONVERSION
NOW, A_DAY = datetime.now(UTC), timedelta(days=1)
LEAVING = {"user_profile": "Roofs.", "account_deletion_requested": True, "account_deletion_due_at": NOW + 9 * A_DAY}
ACCOUNTS = {
    "owner": LEAVING,
    "other": {},
    "member": {},
    "admin": {},
    "staff": {"is_staff": True},
    "super": {"is_staff": True, "is_super_admin": True},
    "suspended": {"is_active": False},
}
INVITATION = "an invitation"
BULK = "{ datasets { nodes { id } } }"
RUNNING = {"stage": "writing", "message": "Writing.", "eta_s": 1.0, "error": "It broke."}
RUNNING |= {"started_at": NOW, "finished_at": NOW}


@dataclass(frozen=True)
class World:
    """People by their names, and rows by what they are."""

    people: dict[str, Person]
    rows: dict[str, Record]

    def id(self, name: str) -> str:
        """The global id of a row."""
        return ids.encode(self.rows[name])

    def person(self, who: str, needed: Scope) -> Person | None:
        """Who asks; of the owner's two keys the one that lacks what is needed."""
        return self.people.get(f"key without {needed.value}" if who == "key" else who)


async def world(database: Database) -> World:
    """Makes the people, a team, and something of everything that is the owner's."""
    known = {"password_hash": await credentials.hash_password(factories.PASSWORD)}
    people = {}
    for name, fields in ACCOUNTS.items():
        made = await factories.user(database, name, **known, **fields)
        people[name] = Person(made.user, made.token)
    owner = people["owner"]
    people["expired"] = await _expired(database, owner)
    for lacking, has in (("READ", Scope.WRITE), ("WRITE", Scope.READ)):
        people[f"key without {lacking}"] = await _key(database, owner, has)
    team = await factories.team(database, people["admin"].id, people["member"].id)
    invitation = await factories.team_invitation(database, team, INVITATION, uses_max=9)
    rows: dict[str, Record] = {"User": owner.user, "UserStatistics": owner.user, "Team": team}
    rows |= {name: people[name].user for name in ("other", "member", "suspended")}
    rows |= {"TeamInvitation": invitation, "UserNotification": await _made(database, people)}
    rows["NotificationActor"] = await factories.add(
        database,
        NotificationActor(
            notification_id=rows["UserNotification"].id, user_id=people["other"].id, subject_keys=[team.id]
        ),
    )
    rows["Job"] = job = await factories.job(database, kind=AccountsJob.EXPORT_DATA, user_id=owner.id, **RUNNING)
    rows |= await _money(database, owner.id, people["super"].id)
    rows |= await _market(database, owner.id, people["member"].id)
    rows |= await _webhook(database, owner.id)
    for row in _things(owner.id, job.id):
        rows[type(row).__name__] = await factories.add(database, row)
    async with database.writing() as session:
        await session.execute(
            update(Profile).where(Profile.id == owner.id).values(avatar_key="0" * 64, website="https://example.org")
        )
        for table, theirs in {
            Session: Session.token_hash == credentials.token_hash(owner.token),
            ApiKey: ApiKey.name == "READ",
            Profile: Profile.id == owner.id,
            UserPreferences: UserPreferences.id == owner.id,
            TeamMembership: TeamMembership.user_id == people["member"].id,
        }.items():
            rows[table.__name__] = (await session.scalars(select(table).where(theirs))).one()
    return World(people, rows)


async def _made(database: Database, people: Mapping[str, Person]) -> UserNotification:
    """One of everything that the owner can have made; what they were told of it."""
    of, friend = people["owner"], people["other"]
    training = await factories.training(
        database, await factories.model(database, await factories.dataset(database, of.id))
    )
    await factories.prediction(database, training)
    await factories.feedback(database, training)
    await factories.approved_prediction(database, training)
    await factories.team(database, of.id, name="Walkers alone")
    post = await factories.post(database, of.id)
    await factories.add(database, Like(user_id=of.id, post_id=post.id))
    await factories.add(database, Friendship(user_id=of.id, friend_id=friend.id))
    await factories.add(database, FriendRequest(from_user_id=of.id, to_user_id=people["member"].id))
    await factories.add(database, FriendRequest(from_user_id=people["admin"].id, to_user_id=of.id))
    told = {"training_id": training.id, "subject_type": "Training", "subject_key": training.id, "actor_id": friend.id}
    made: UserNotification = await factories.notification(database, of.id, read_at=NOW, **told)
    return made


async def _money(database: Database, owner_id: int, super_id: int) -> dict[str, Record]:
    """An operation with entries of every type."""
    async with database.writing() as session:
        coupons = await ledger.open_account(session, AccountKind.GRANT, owner_id, Currency.COUPON)
        issued = await ledger.platform(session, AccountKind.PROMOTION, Currency.COUPON)
        legs = [Leg(coupons, Decimal(2)), Leg(issued, Decimal(-2))]
        for currency in (Currency.USD, Currency.EAML):
            wallet = await ledger.wallet(session, owner_id, currency)
            legs += [Leg(wallet, Decimal(2)), Leg(await ledger.platform(session, PLATFORM, currency), Decimal(-2))]
        made = await ledger.post(session, About(OperationCause.GRANT, owner_id, owner_id, reason="Welcome."), legs)
        back = await ledger.reverse(session, made.id, actor_id=owner_id, reason="A mistake.")
        theirs = LedgerEntry.operation_id.in_((made.id, back.id))
        entries = (await session.scalars(select(LedgerEntry).where(theirs))).all()
        topped_up = [await topping_up.credit(session, owner_id, Decimal(2), actor_id=super_id) for _ in range(2)]
        bill = await session.get_one(Billing, made.id)
    held = {"cause": OperationCause.TRAINING, "currency": Currency.EAML, "amount": Decimal(1), "posted": Decimal(0)}
    reservation = await factories.add(
        database,
        Reservation(user_id=owner_id, actor_id=owner_id, state=ReservationState.VOID, expires_at=NOW + A_DAY, **held),
    )
    given = {"user_id": owner_id, "currency": Currency.COUPON, "amount": Decimal(2), "priority": 20, "starts_at": NOW}
    given |= {"account_id": coupons, "operation_id": made.id, "name": "Welcome", "granted_by_id": owner_id}
    given |= {"pays_for": [OperationCause.TRAINING], "expires_at": NOW + A_DAY}
    grant = await factories.add(database, Grant(**given))
    code = CouponCode(
        issued_by_id=owner_id, coupon_code="WELCOME", name="Welcome", amount=Decimal(1), priority=20, uses_max=9
    )
    code = await factories.add(database, code)
    proposed = {"user_id": owner_id, "currency": Currency.USD, "change": Decimal(1), "reason": "A mistake."}
    adjustment = await factories.add(database, Adjustment(proposed_by_id=super_id, **proposed))
    by_owner = dict.fromkeys(("proposed_by_id", "decided_by_id"), owner_id) | {"state": AdjustmentState.REJECTED}
    await factories.add(database, Adjustment(**proposed | by_owner | {"user_id": super_id, "decided_at": NOW}))
    to_reverse = {"reverses_id": topped_up[0].id, "reason": "A mistake."}
    reversal = await factories.add(database, Reversal(proposed_by_id=super_id, **to_reverse))
    await factories.add(database, Reversal(**to_reverse | by_owner | {"decided_at": NOW}))
    limit = Decimal(100)
    limits = dict.fromkeys(("month_tokens_notice", "month_tokens_max", "month_usd_notice", "month_usd_max"), limit)
    rules = SpendingRules(id=owner_id, low_balance_tokens=limit, **limits)
    await factories.add(database, rules)
    job = await factories.job(database, user_id=owner_id)
    paid = {"user_id": owner_id, "job_id": job.id, "usd": Decimal(2), "checkout_url": "https://example.org/pay"}
    top_up = await factories.add(database, TopUp(**paid))
    charged = {"below_usd": Decimal(1), "usd": Decimal(2), "month_usd_max": Decimal(3), "next_try_at": NOW + A_DAY}
    automatic = await factories.add(database, AutomaticTopUp(id=owner_id, customer_key="cus_1", is_on=True, **charged))
    paid_for = grant, code, adjustment, reversal, rules, top_up, automatic
    rows = {type(row).__name__: row for row in (*entries, back, bill, reservation, *paid_for)}
    return rows | {"operation to reverse": topped_up[1]}


async def _market(database: Database, owner_id: int, seller_id: int) -> dict[str, Record]:
    """What the owner offers, and a copy of somebody else's machine that the owner bought, asked and reviewed."""
    ready = {"status": MachineStatus.READY}
    rows: dict[str, Record] = {}
    for name, of, kind in (
        ("Listing", owner_id, ListingKind.DATA_SOURCE),
        ("bought", seller_id, ListingKind.MACHINE_COPY),
    ):
        flag = f"machine_{'data_source_is_public' if of == owner_id else 'machine_is_duplicatable'}"
        machine = await factories.machine(database, of, machine_name=name, **ready, **{flag: True})
        rows[f"machine of {name}"] = machine
        offered = {"machine_id": machine.id, "seller_id": of, "kind": kind, "summary": "Cells."}
        offered |= {"licence_terms": "None.", "caller_lines_per_day_notice": 1, "caller_lines_per_day_max": 2}
        rows[name] = await factories.add(database, Listing(**offered))
    copy = await factories.machine(database, owner_id, machine_name="Copy", **ready)
    terms = {"licence": "CC0", "licence_terms": "None."}
    bought = {"listing_id": rows["bought"].id, "machine_id": rows["machine of bought"].id, "copy_id": copy.id}
    bought |= {"kind": PurchaseKind.MACHINE_COPY, "machine_name": "bought", "price_usd": Decimal(0)}
    asked = {"day": NOW.date(), "calls_count": 1, "lines_count": 1, "price_usd": Decimal(0)}
    own = {"listing_id": rows["bought"].id, "user_id": owner_id}
    for row in (
        Purchase(buyer_id=owner_id, **bought, **terms),
        ListingUsage(**own, **asked, **terms),
        ListingReview(**own, stars=5, comment="Good."),
    ):
        rows[type(row).__name__] = await factories.add(database, row)
    return rows


async def _webhook(database: Database, owner_id: int) -> dict[str, Record]:
    """A webhook that fails, and what it was told."""
    topics, failing = [SystemTopic.BANNER_CHANGED], {"failing_since": NOW, "failures_count": 1, "resume_at": NOW}
    named = {"url": "https://example.org/hook", "key_id": "key_0", "secret": "sealed", "disabled_reason": "None."}
    webhook = await factories.add(database, Webhook(user_id=owner_id, topics=topics, **named, **failing))
    tried = {"status": WebhookDeliveryStatus.FAILED, "attempts_count": 1, "attempted_at": NOW, "delivered_at": NOW}
    of = {"webhook_id": webhook.id, "topic": topics[0], "message_id": "msg_0", "event_topic": "banners"}
    delivery = WebhookDelivery(**of, **tried, event_payload={}, response_status=500, error="It answered 500.")
    return {"Webhook": webhook, "WebhookDelivery": await factories.add(database, delivery)}


def _things(owner_id: int, job_id: int) -> list[Record]:
    export = {
        "finished_at": NOW,
        "expires_at": NOW + A_DAY,
        "storage_key": "a.zip",
        "size_bytes": 1,
        "failure": "None.",
    }
    return [
        OsmAccount(id=owner_id, osm_id=2**40, username="Owner", img_url="https://example.org/owner.png"),
        AuditEntry(action="signUp", actor_id=owner_id, user_id=owner_id, subject_type="User", subject_key=owner_id),
        Banner(message="Come and see.", start_date=NOW - A_DAY, end_date=NOW + A_DAY, user_id=owner_id),
        LogEntry(level=LogLevel.ERROR, logger="app", message="It broke.", traceback="Here."),
        DataExport(user_id=owner_id, job_id=job_id, **export),
        BulkQuery(user_id=owner_id, job_id=job_id, document=BULK, total=1, is_flat=True, **export),
    ]


async def _expired(database: Database, of: Person) -> Person:
    token, before = credentials.new_token(), NOW - A_DAY
    hashed = credentials.token_hash(token)
    await factories.add(database, Session(user_id=of.id, token_hash=hashed, expires_at=before, last_used_at=before))
    return Person(of.user, token)


async def _key(database: Database, of: Person, has: Scope) -> Person:
    token = credentials.new_key()
    hashed, hint = credentials.token_hash(token), token[: credentials.HINT_LENGTH]
    await factories.add(
        database,
        ApiKey(
            user_id=of.id,
            name=has.value,
            token_hash=hashed,
            hint=hint,
            scopes=[has],
            last_used_at=NOW,
            expires_at=NOW + A_DAY,
        ),
    )
    return Person(of.user, token)
