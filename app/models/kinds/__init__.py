"""Kinds of jobs, notifications, mails, rate limits and error codes: each domain declares its own in a file here.

`class MappingJob(JobKind)` adds its members to those that `JobKind` lists and finds. The database keeps a kind as text
without a check, so that a new one needs no migration.
"""

from enum import Enum, StrEnum
from typing import Any, Self

from sqlalchemy import String
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator

from app.limits import columns
from app.open_enum import OpenEnum


class Lane(Enum):
    """A queue lane. Jobs of different lanes do not wait for one another."""

    QUICK = "QUICK"  # over within seconds, such as a mail
    SLOW = "SLOW"  # minutes, most of them spent waiting for the network or a disk
    HEAVY = "HEAVY"  # minutes to hours on a core of its own, in a process of its own


class Trait(Enum):
    """What else is known about a kind of job."""

    PUBLIC = "PUBLIC"  # its subjects are public, and so is its progress
    PRUNED = "PRUNED"  # no row shows it once it has ended; other jobs are deleted with their subjects
    OUTLIVES_ACCOUNT = "OUTLIVES_ACCOUNT"  # it continues when the account that asked for it is closed
    NOT_LIMITED = "NOT_LIMITED"  # no rate limit counts it: it follows from something that is limited


class RateLimit(StrEnum, metaclass=OpenEnum):
    """What an hourly limit counts together. The setting `<value>_per_hour_max` holds the limit."""


class JobKind(StrEnum, metaclass=OpenEnum):
    """The kinds of jobs; `jobs/` has one actor for each."""

    lane: Lane
    rate_limit: RateLimit | None
    is_public: bool
    is_pruned: bool
    outlives_account: bool

    def __new__(cls, name: str, lane: Lane, *traits: Trait | RateLimit) -> Self:
        """A kind's value is its name; every kind is declared with its lane, and with a rate limit or NOT_LIMITED."""
        kind = str.__new__(cls, name)
        kind._value_, kind.lane = name, lane
        kind.rate_limit = next((each for each in traits if isinstance(each, RateLimit)), None)
        assert (kind.rate_limit is None) == (Trait.NOT_LIMITED in traits), f"{name} needs a rate limit or NOT_LIMITED"
        kind.is_public = Trait.PUBLIC in traits
        kind.is_pruned = Trait.PRUNED in traits
        kind.outlives_account = Trait.OUTLIVES_ACCOUNT in traits
        return kind


class NotificationKind(StrEnum, metaclass=OpenEnum):
    """The category of a notification: the user's work, teams and account, what other users do, staff decisions."""

    deed: str
    deeds: str
    may_be_declined: bool

    def __new__(cls, name: str, deed: str = "", deeds: str = "", may_be_declined: bool = True) -> Self:
        """A kind is its name; `deed` and `deeds` say what one person did and what several did, after their names."""
        kind = str.__new__(cls, name)
        kind._value_, kind.deed, kind.deeds, kind.may_be_declined = name, deed, deeds, may_be_declined
        return kind


class MailKind(StrEnum, metaclass=OpenEnum):
    """The subject of an email."""


class Audience(Enum):
    """Who receives the events of a topic."""

    EVERYONE = "EVERYONE"  # whoever may see what they are about
    ACCOUNT = "ACCOUNT"  # the account that the topic names
    OWNERS = "OWNERS"  # the accounts that the row names, which the topic names


class WebhookTopic(StrEnum, metaclass=OpenEnum):
    """What webhooks tell of: a subscription, whose events are sent to an address instead of a socket.

    Topics about work tell of the work that the webhook's owner started.
    """

    prefix: str
    audience: Audience
    table: str
    owners: tuple[str, ...]

    def __new__(cls, name: str, prefix: str, audience: Audience, table: str = "", *owners: str) -> Self:
        """A topic has the name of its subscription, and the prefix that the topics of its events have.

        Of OWNERS, `table` has the row that an event is about, and `owners` are its columns with the accounts.
        """
        topic = str.__new__(cls, name)
        topic._value_, topic.prefix, topic.audience = name, prefix, audience
        topic.table, topic.owners = table, owners or ("user_id",)
        assert (audience is Audience.OWNERS) == bool(table), f"{name}: which row has the owners?"
        return topic


class KindColumn(TypeDecorator[Any]):
    """A column of kinds: text for the database, a member of `kind` for Python."""

    impl = String(columns.KIND_LENGTH_MAX)
    cache_ok = True

    def __init__(self, kind: OpenEnum) -> None:
        super().__init__()
        self.kind = kind

    @property
    def names(self) -> set[str]:
        """All that it may hold."""
        return {member.name for member in self.kind}

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """A kind as the database keeps it."""
        del dialect
        return None if value is None else str(self.kind(value).value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """A kind as Python knows it."""
        del dialect
        return None if value is None else self.kind(value)
