"""Classificators: which attributes people and models give to what they see."""

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import wildlife as limits
from app.models.accounts import User
from app.models.base import Json, Record
from app.models.names import Name


class Classificator(Record):
    """The attributes that classifications of a project may have. A change makes a new version."""

    __tablename__ = "classificators"
    __owned_by__ = ("owner_id",)
    __table_args__ = (
        Index(
            "uq_classificators_name",
            text("lower(name)"),
            unique=True,
            info={"conflict": "Another classificator has this name. Choose another name."},
        ),
        Index(None, "owner_id", "id"),
        Index(None, "name", "id"),
    )

    name: Mapped[str] = mapped_column(
        Name(limits.PROJECT_NAME_LENGTH_MAX), doc="The name, unique among all classificators, ignoring case."
    )
    description: Mapped[str | None] = mapped_column(String(limits.ABSTRACT_LENGTH_MAX), doc="A description.")
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"))
    copy_of_id: Mapped[int | None] = mapped_column(ForeignKey("classificators.id", ondelete="SET NULL"), index=True)
    disabled_at: Mapped[datetime | None] = mapped_column(
        doc="When it was taken out of use; null while projects may choose it."
    )
    last_modified: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    owner: Mapped[User] = relationship(lazy="raise", doc="The owner.")
    copy_of: Mapped["Classificator | None"] = relationship(
        lazy="raise", remote_side="Classificator.id", doc="The classificator it was copied from."
    )
    versions: Mapped[list["ClassificatorVersion"]] = relationship(
        back_populates="classificator", lazy="raise", doc="Its versions. New classifications follow the newest."
    )


class ClassificatorVersion(Record):
    """A version of a classificator. It is never changed, because classifications were checked against it."""

    __tablename__ = "classificator_versions"
    __owned_by__ = ("classificator_id",)
    __table_args__ = (
        UniqueConstraint(
            "classificator_id",
            "number",
            info={"conflict": "Somebody else changed this classificator meanwhile. Reload it and try again."},
        ),
        Index(None, "classificator_id", "id"),
    )

    classificator_id: Mapped[int] = mapped_column(ForeignKey("classificators.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(doc="1 for the first version.")
    predefined_attrs: Mapped[Json] = mapped_column(
        doc="The attributes of every classification that are in use, by name: `required`, and the allowed `values`."
    )
    custom_attrs: Mapped[Json] = mapped_column(
        doc="The project's own attributes, by name: `fieldType`, `target`, `required`, `initial` and `values`."
    )
    static_attrs_order: Mapped[list[str]] = mapped_column(
        ARRAY(String(limits.ATTRIBUTE_NAME_LENGTH_MAX)),
        default=list,
        server_default=text("'{}'"),
        doc="The order in which a form shows the attributes of a whole medium.",
    )
    dynamic_attrs_order: Mapped[list[str]] = mapped_column(
        ARRAY(String(limits.ATTRIBUTE_NAME_LENGTH_MAX)),
        default=list,
        server_default=text("'{}'"),
        doc="The order in which a form shows the attributes of an observation.",
    )

    classificator: Mapped[Classificator] = relationship(
        back_populates="versions", lazy="raise", doc="The classificator."
    )
