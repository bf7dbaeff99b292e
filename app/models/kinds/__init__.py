"""Kinds of jobs, notifications and mails: each domain declares its own in a file here, and no shared list names them.

`class MappingJob(JobKind)` adds its members to those that `JobKind` lists and finds. The database keeps a kind as text
without a check, so that a new one needs no migration.
"""

import pkgutil
from collections.abc import Iterator
from enum import Enum, EnumMeta, StrEnum
from importlib import import_module
from typing import Any, Self

from sqlalchemy import String
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.types import TypeDecorator


class OpenEnum(EnumMeta):
    """An Enum without members of its own has those of its subclasses, in the order of their modules."""

    def __iter__(cls) -> Iterator[Any]:
        """All members."""
        if cls._member_map_:
            yield from super().__iter__()
        subclasses: list[Any] = cls.__subclasses__()
        for domain in sorted(subclasses, key=lambda domain: domain.__module__):
            yield from domain

    def __len__(cls) -> int:
        """How many there are."""
        return sum(1 for _ in cls)

    def __call__(cls, value: Any, *args: Any, **kwargs: Any) -> Any:
        """The member with a value."""
        if cls._member_map_ or args or kwargs:
            return super().__call__(value, *args, **kwargs)
        for member in cls:
            if value is member or value == member.value:
                return member
        raise ValueError(f"{value!r} is no {cls.__name__}")


class Lane(Enum):
    """A queue lane. Jobs of different lanes do not wait for one another."""

    QUICK = "QUICK"  # over within seconds, such as a mail
    SLOW = "SLOW"  # minutes, most of them spent waiting for the network or a disk
    HEAVY = "HEAVY"  # minutes to hours on a core of its own, in a process of its own


class Trait(Enum):
    """What else is to be known of a kind of job."""

    PUBLIC = "PUBLIC"  # its subjects are public, so how far it is, is, too
    PRUNED = "PRUNED"  # no row shows it once it has ended; others go with the rows that they are about
    OUTLIVES_ACCOUNT = "OUTLIVES_ACCOUNT"  # it goes on when the account that asked for it is closed


class JobKind(StrEnum, metaclass=OpenEnum):
    """The kinds of jobs; `jobs/` has one actor for each."""

    lane: Lane
    is_public: bool
    is_pruned: bool
    outlives_account: bool

    def __new__(cls, name: str, lane: Lane, *traits: Trait) -> Self:
        """A kind's value is its name; every kind is declared with its lane."""
        kind = str.__new__(cls, name)
        kind._value_, kind.lane = name, lane
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


class KindColumn(TypeDecorator[Any]):
    """A column of kinds: text for the database, a member of `kind` for Python."""

    impl = String(40)
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


def register_every_domain() -> None:
    """Imports each domain's file here, so that its kinds are known."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        import_module(module.name)
