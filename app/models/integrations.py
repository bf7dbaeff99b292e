"""Tables of webhooks, which receive events, and of queries over whole lists."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    SmallInteger,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits.integrations import (
    BULK_DOCUMENT_LENGTH_MAX,
    WEBHOOK_ID_LENGTH,
    WEBHOOK_KEY_LENGTH,
    WEBHOOK_URL_LENGTH_MAX,
)
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Base, BigInt, Json, Record
from app.models.kinds import KindColumn, WebhookTopic

if TYPE_CHECKING:
    from app.models.system import Job


class Webhook(Record):
    """An address that receives events by signed POST requests. It sees what its owner sees, without rights of staff.

    Events are sent in order. While the address fails, they wait; after days of failure the webhook is disabled.
    """

    __tablename__ = "webhooks"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index("ix_webhooks_resume_at", "resume_at", postgresql_where=text("resume_at IS NOT NULL")),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    url: Mapped[str] = mapped_column(String(WEBHOOK_URL_LENGTH_MAX), doc="The address that requests are sent to.")
    topics: Mapped[list[WebhookTopic]] = mapped_column(
        ARRAY(KindColumn(WebhookTopic)), doc="The topics whose events it receives."
    )
    is_enabled: Mapped[bool] = mapped_column(default=True, doc="Whether events are recorded and sent.")
    disabled_reason: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why it was disabled, if its owner did not do it."
    )
    key_id: Mapped[str] = mapped_column(
        String(WEBHOOK_KEY_LENGTH), doc="The id of the current secret, as in the header `webhook-key-id`."
    )
    # Encrypted. After a change of the secret the one before signs, too, for a while.
    secret: Mapped[str] = mapped_column(Text, info=WITHHELD)
    previous_key_id: Mapped[str | None] = mapped_column(String(WEBHOOK_KEY_LENGTH), info=WITHHELD)
    previous_secret: Mapped[str | None] = mapped_column(Text, info=WITHHELD)
    previous_until: Mapped[datetime | None] = mapped_column(info=WITHHELD)
    failing_since: Mapped[datetime | None] = mapped_column(
        doc="When the first of the present failures was; null after a success."
    )
    failures_count: Mapped[int] = mapped_column(default=0, doc="The number of failed requests since the last success.")
    resume_at: Mapped[datetime | None] = mapped_column(doc="When the next request is sent; null if none has to wait.")
    # Events of earlier transactions are not for it: those from before it was created, or enabled again.
    begun_xid: Mapped[int] = mapped_column(
        BigInteger, server_default=text("(pg_current_xact_id()::text::bigint)"), info=WITHHELD
    )
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)

    user: Mapped[User] = relationship(lazy="raise", doc="The owner.")
    job: Mapped["Job | None"] = relationship(lazy="raise", doc="The job that sends its requests.")
    deliveries: Mapped[list["WebhookDelivery"]] = relationship(
        back_populates="webhook", lazy="raise", doc="The events that were recorded for it, until they are removed."
    )


class WebhookDeliveryStatus(Enum):
    """What became of an event that was recorded for a webhook.

    PENDING: It is still to be sent.
    DELIVERED: The receiver accepted it.
    FAILED: It was given up.
    """

    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"


class WebhookDelivery(Record):
    """An event that was recorded for a webhook, and what became of it. Its body is made anew for each request."""

    __tablename__ = "webhook_deliveries"
    __owned_by__ = ("webhook_id",)
    __table_args__ = (
        UniqueConstraint("webhook_id", "event_epoch", "event_id"),
        Index(None, "webhook_id", "id"),
        Index(None, "created_at"),
        Index(
            "ix_webhook_deliveries_pending",
            "webhook_id",
            "id",
            postgresql_where=text("status = 'PENDING'"),
        ),
    )

    webhook_id: Mapped[int] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    topic: Mapped[WebhookTopic | None] = mapped_column(doc="The topic; null for a test.")
    # The header `webhook-id`: the same for each request with this event, so that receivers can tell repetitions.
    message_id: Mapped[str] = mapped_column(
        String(WEBHOOK_ID_LENGTH),
        doc="The header `webhook-id` of its requests. It stays the same when the event is sent again.",
    )
    status: Mapped[WebhookDeliveryStatus] = mapped_column(
        default=WebhookDeliveryStatus.PENDING, doc="What became of it."
    )
    attempts_count: Mapped[int] = mapped_column(default=0, doc="The number of requests so far.")
    attempted_at: Mapped[datetime | None] = mapped_column(doc="When the last request was sent.")
    delivered_at: Mapped[datetime | None] = mapped_column(doc="When the receiver accepted it.")
    response_status: Mapped[int | None] = mapped_column(doc="The HTTP status that the receiver last answered with.")
    error: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why the last request failed.")
    due_at: Mapped[datetime] = mapped_column(server_default=func.now(), info=WITHHELD)
    happened_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When the event happened.")
    event_topic: Mapped[str] = mapped_column(String(columns.TOPIC_LENGTH_MAX), info=WITHHELD)
    event_payload: Mapped[Json] = mapped_column(info=WITHHELD)
    event_epoch: Mapped[int | None] = mapped_column(BigInteger, info=WITHHELD)
    event_xid: Mapped[int | None] = mapped_column(BigInteger, info=WITHHELD)
    event_id: Mapped[int | None] = mapped_column(BigInteger, info=WITHHELD)

    webhook: Mapped[Webhook] = relationship(back_populates="deliveries", lazy="raise", doc="The webhook.")


class BulkQuery(Record):
    """A query over a whole list, answered by a job: one file with a JSON object per line."""

    __tablename__ = "bulk_queries"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "uq_bulk_queries_unfinished",
            "user_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL AND failure IS NULL"),
            info={"conflict": "A bulk query of yours is already running. Wait until it ends, or cancel it."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    document: Mapped[str] = mapped_column(String(BULK_DOCUMENT_LENGTH_MAX), doc="The query.")
    variables: Mapped[Json] = mapped_column(default=dict, doc="The variables of the query.")
    # Whether it was started with the rights of staff; they count as long as the account has them.
    as_staff: Mapped[bool] = mapped_column(default=False)
    # Where the next page begins, and the files with the rows so far: a worker that is killed costs one turn.
    after: Mapped[str | None] = mapped_column(Text, info=WITHHELD)
    is_read: Mapped[bool] = mapped_column(default=False, info=WITHHELD)
    parts: Mapped[list[str]] = mapped_column(ARRAY(String(columns.STORAGE_KEY_LENGTH_MAX)), default=list, info=WITHHELD)
    row_count: Mapped[BigInt] = mapped_column(default=BigInt(0), doc="The rows read so far.")
    total: Mapped[BigInt | None] = mapped_column(doc="The rows of the list when it began; null until then.")
    size_bytes: Mapped[BigInt] = mapped_column(default=BigInt(0), doc="The bytes of its files so far.")
    storage_key: Mapped[str | None] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    is_flat: Mapped[bool] = mapped_column(default=False, doc="Whether its rows fit into a table, so that there is CSV.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it became ready.")
    expires_at: Mapped[datetime | None] = mapped_column(doc="When its files will be removed.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")

    user: Mapped[User] = relationship(lazy="raise", doc="Who started it.")
    job: Mapped["Job | None"] = relationship(lazy="raise", doc="The background job, with its progress.")


class WebhookPosition(Base):
    """Up to which event the deliveries of all webhooks have been recorded."""

    __tablename__ = "webhook_position"
    __table_args__ = (CheckConstraint("id = 1", name="id"),)

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(BigInteger)
    xid: Mapped[int] = mapped_column(BigInteger)
    event_id: Mapped[int] = mapped_column(BigInteger)
