"""What every table shares: naming, column types, identity."""

from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, NewType

from sqlalchemy import BigInteger, DateTime, Identity, MetaData, func
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import (
    DeclarativeBase,
    InstrumentedAttribute,
    Mapped,
    RelationshipProperty,
    add_mapped_attribute,
    mapped_column,
)

from app.limits import columns
from app.models.kinds import JobKind, KindColumn, MailKind, NotificationKind, WebhookTopic
from app.models.names import check_on_set

BigInt = NewType("BigInt", int)
"""An integer beyond GraphQL's 32 bits, such as an OpenStreetMap id."""

Json = dict[str, Any]


WITHHELD = {"is_withheld": True}
"""The `info` of a column that only means something here: archives of somebody's data leave it out."""


def names_file(place: str) -> dict[str, Any]:
    """The `info` of a column that names a file of somebody's, kept at `place`: archives hold the file instead."""
    return WITHHELD | {"file": place}


def not_exported(reason: str) -> dict[str, str]:
    """The `info` of a column that names an account or a row of its, but does not make its own row theirs."""
    return {"not_exported": reason}


class Base(DeclarativeBase):
    """The root of all tables."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012
        datetime: DateTime(timezone=True),
        # Text and a check, not a native type: members come and go in ordinary migrations.
        Enum: EnumColumn(Enum, native_enum=False, create_constraint=True, length=columns.KIND_LENGTH_MAX),
        JobKind: KindColumn(JobKind),
        NotificationKind: KindColumn(NotificationKind),
        MailKind: KindColumn(MailKind),
        WebhookTopic: KindColumn(WebhookTopic),
        BigInt: BigInteger(),
        Json: JSONB(),
    }


check_on_set(Base)


class Record(Base):
    """A row with an id and a creation time; newer rows have higher ids."""

    __abstract__ = True
    # The columns that make a row somebody's: it is in the archive of their data. They name the account, or a row of
    # another table that is theirs.
    __owned_by__: ClassVar[tuple[str, ...]] = ()
    # What a notification about such a row is counted among; None for somebody's own work.
    __notified_as__: ClassVar[NotificationKind | None] = None

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it was created.")


APPEND_ONLY = {"info": {"is_append_only": True}}
"""For a table's arguments: rows are added to it, and never changed nor removed. A trigger and the rights see to it."""


VIEW = {"info": {"is_view": True}}
"""For the arguments of a class over a view: it has no rows of its own, and migrations write it by hand."""


CHANGES_ARE_RETURNED = {"eager_defaults": True}
"""For a class's `__mapper_args__`: the time of its last change comes with the UPDATE, and is not read afterwards."""


def append_only() -> list[str]:
    """The tables that can only be added to."""
    return sorted(name for name, table in Base.metadata.tables.items() if table.info.get("is_append_only"))


def views() -> list[str]:
    """The views that classes show."""
    return sorted(name for name, table in Base.metadata.tables.items() if table.info.get("is_view"))


def add_relationship(model: type[Base], name: str, relation: RelationshipProperty[Any]) -> InstrumentedAttribute[Any]:
    """Adds a relationship to a table of a lower domain, which does not know the domain that declares it."""
    add_mapped_attribute(model, name, relation)
    added: InstrumentedAttribute[Any] = getattr(model, name)
    return added
