"""What posts may be about: a table that takes this base, and a member of the union in `schema/social/subjects.py`."""

from typing import TYPE_CHECKING

from sqlalchemy.orm import Mapped, declared_attr, relationship

from app.models.base import Record

if TYPE_CHECKING:
    from app.models.social import Post


class Subject:
    """Base of what people talk about."""

    @declared_attr
    @classmethod
    def posts(cls) -> Mapped[list["Post"]]:
        """The posts about a row of this table, found by its name and the row's key."""
        about = f"foreign(Post.subject_key) == {cls.__name__}.id, Post.subject_type == '{cls.__name__}'"
        return relationship(
            "Post",
            primaryjoin=f"and_({about}, Post.deleted_at.is_(None))",
            viewonly=True,
            lazy="raise",
            doc="What people post about it.",
        )


def subjects() -> list[type[Record]]:
    """The tables of what people talk about."""
    return [table for table in Subject.__subclasses__() if issubclass(table, Record)]
