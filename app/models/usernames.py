"""Usernames: those that were given up, and the order in which people are found by the beginning of theirs."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, func
from sqlalchemy.orm import InstrumentedAttribute, Mapped, add_mapped_attribute, column_property, mapped_column

from app.limits.accounts import USERNAME_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Record

# Usernames that differ in case alone are the same. By code points, so that an index has a prefix in one piece.
LOWER_USERNAME = func.lower(User.__table__.c.username, type_=String).collate("C")
Index("ix_users_lower_username_id", LOWER_USERNAME, User.__table__.c.id)
NAME = "lower_username"
add_mapped_attribute(User, NAME, column_property(LOWER_USERNAME, deferred=True))
USER_LOWER_USERNAME: InstrumentedAttribute[str] = getattr(User, NAME)


class FormerUsername(Record):
    """A username that a user gave up. It stays reserved for them for a while, so that nobody is taken for them."""

    __tablename__ = "former_usernames"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "user_id", "id"), Index(None, "username_key"), Index(None, "reserved_until"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    username: Mapped[str] = mapped_column(String(USERNAME_LENGTH_MAX), doc="The username.")
    username_key: Mapped[str] = mapped_column(Text, info=WITHHELD)
    reserved_until: Mapped[datetime] = mapped_column(doc="Until when nobody else may choose it.")
