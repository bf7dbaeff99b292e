"""What every table shares: naming, column types, identity."""

from datetime import datetime
from enum import Enum
from typing import Any, ClassVar, NewType

from sqlalchemy import BigInteger, DateTime, Identity, MetaData, func
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.models.kinds import JobKind, KindColumn, MailKind, NotificationKind

BigInt = NewType("BigInt", int)
"""An integer beyond GraphQL's 32 bits, such as an OpenStreetMap id."""

Json = dict[str, Any]


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
        Enum: EnumColumn(Enum, native_enum=False, create_constraint=True, length=40),
        JobKind: KindColumn(JobKind),
        NotificationKind: KindColumn(NotificationKind),
        MailKind: KindColumn(MailKind),
        BigInt: BigInteger(),
        Json: JSONB(),
    }


class Record(Base):
    """A row with an id and a creation time; newer rows have higher ids."""

    __abstract__ = True
    # What a notification about such a row is counted among; None for somebody's own work.
    __notified_as__: ClassVar[NotificationKind | None] = None

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it was created.")


APPEND_ONLY = {"info": {"is_append_only": True}}
"""For a table's arguments: rows are added to it, and never changed nor removed. A trigger and the rights see to it."""


def append_only() -> list[str]:
    """The tables that can only be added to."""
    return sorted(name for name, table in Base.metadata.tables.items() if table.info.get("is_append_only"))
