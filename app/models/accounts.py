"""People, the sessions by which we know them again, and the teams they form."""

from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

from sqlalchemy import ARRAY, CheckConstraint, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.base import Record

if TYPE_CHECKING:
    from app.models.mapping import Dataset, Model, Training


class DeliveryMethod(Enum):
    """A way by which a person wants to be told of things."""

    WEB = "WEB"
    EMAIL = "EMAIL"


class User(Record):
    """Somebody with an account."""

    __tablename__ = "users"
    __table_args__ = (
        Index(
            "uq_users_email",
            text("lower(email)"),
            unique=True,
            info={"conflict": "There is already an account with this e-mail address."},
        ),
        Index(
            "uq_users_username",
            text("lower(username)"),
            unique=True,
            info={"conflict": "This username is taken."},
        ),
    )

    username: Mapped[str] = mapped_column(String(150), doc="The name others see; unique.")
    email: Mapped[str | None] = mapped_column(String(254), doc="Shown only to its owner and to staff.")
    email_verified: Mapped[bool] = mapped_column(default=False, doc="Whether the address was proven to be theirs.")
    password_hash: Mapped[str | None] = mapped_column(String(255))
    first_name: Mapped[str] = mapped_column(String(150), default="", doc="Given name.")
    last_name: Mapped[str] = mapped_column(String(150), default="", doc="Family name.")
    is_active: Mapped[bool] = mapped_column(default=True, doc="False once suspended: the account cannot sign in.")
    is_staff: Mapped[bool] = mapped_column(default=False, doc="Whether they look after this installation.")
    is_super_admin: Mapped[bool] = mapped_column(default=False, doc="Whether they may make others staff.")
    last_login: Mapped[datetime | None] = mapped_column(doc="When they last signed in.")
    notifications_delivery_methods: Mapped[list[DeliveryMethod]] = mapped_column(
        ARRAY(EnumColumn(DeliveryMethod, native_enum=False, length=40)),
        default=lambda: [DeliveryMethod.WEB],
        doc="How they want to be notified.",
    )
    newsletter_subscription: Mapped[bool] = mapped_column(default=False, doc="Whether they want the newsletter.")
    account_deletion_requested: Mapped[bool] = mapped_column(default=False, doc="Whether they asked to be deleted.")

    datasets: Mapped[list["Dataset"]] = relationship(back_populates="user", lazy="raise", doc="Datasets they made.")
    models: Mapped[list["Model"]] = relationship(back_populates="user", lazy="raise", doc="Models they made.")
    trainings: Mapped[list["Training"]] = relationship(
        back_populates="user", lazy="raise", doc="Trainings they started."
    )
    teams: Mapped[list["TeamMembership"]] = relationship(
        back_populates="user",
        lazy="raise",
        doc="Their teams; others see those that they share with them.",
    )

    @property
    def date_joined(self) -> datetime:
        """When the account was made."""
        return self.created_at


class Session(Record):
    """A signed-in client; its token is kept only as a hash, so a stolen table signs nobody in."""

    __tablename__ = "sessions"

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True, doc="When it ends unless it is used before.")
    last_used_at: Mapped[datetime] = mapped_column(doc="When a request last came with it, to the hour.")

    user: Mapped[User] = relationship(lazy="raise")


class Team(Record):
    """People who work together: whoever belongs to it may do what a team may."""

    __tablename__ = "teams"
    __table_args__ = (
        Index(
            "uq_teams_admin_user_id_name",
            "admin_user_id",
            text("lower(name)"),
            unique=True,
            info={"conflict": "Its admin has another team of this name."},
        ),
        Index(None, "name", "id"),
    )

    name: Mapped[str] = mapped_column(String(200), doc="Its name; unique among the teams of its admin.")
    # The admin is a member, too: whoever changes either locks the team first.
    admin_user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

    admin_user: Mapped[User] = relationship(
        lazy="raise", doc="Who looks after it: invites, removes, renames, deletes. Null if the account is suspended."
    )
    members: Mapped[list["TeamMembership"]] = relationship(
        back_populates="team", lazy="raise", doc="Who belongs to it; its admin is one of them."
    )
    invitations: Mapped[list["TeamInvitation"]] = relationship(
        back_populates="team", lazy="raise", doc="Its invitations; none but to its admin."
    )


class TeamMembership(Record):
    """That somebody belongs to a team, since when it was made."""

    __tablename__ = "team_memberships"
    __table_args__ = (
        UniqueConstraint("team_id", "user_id", info={"conflict": "This person belongs to the team already."}),
        Index(None, "team_id", "id"),
        Index(None, "user_id", "id"),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    team: Mapped[Team] = relationship(back_populates="members", lazy="raise", doc="The team.")
    user: Mapped[User] = relationship(
        back_populates="teams", lazy="raise", doc="The member; null if the account is suspended."
    )


class TeamInvitation(Record):
    """A link by which people join a team; its token is kept only as a hash, so a stolen table admits nobody."""

    __tablename__ = "team_invitations"
    __table_args__ = (
        CheckConstraint("uses BETWEEN 0 AND uses_max", name="uses"),
        Index(None, "team_id", "id"),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(doc="When it ends.")
    uses: Mapped[int] = mapped_column(default=0, doc="How many have joined by its present link.")
    uses_max: Mapped[int] = mapped_column(doc="How many may.")

    team: Mapped[Team] = relationship(back_populates="invitations", lazy="raise", doc="The team to join.")
    user: Mapped[User | None] = relationship(
        lazy="raise", doc="Who made its present link; null if the account is suspended."
    )
