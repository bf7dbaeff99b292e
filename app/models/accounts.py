"""People, the sessions by which we know them again, and the teams they form."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy import Enum as EnumColumn
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.identifiers import skeleton
from app.models.base import BigInt, Record
from app.models.choices import (
    DateFormat,
    DateSeparator,
    DatetimeSeparator,
    DecimalSeparator,
    DeliveryMethod,
    NotificationKind,
    Scope,
    TimeFormat,
)

if TYPE_CHECKING:
    from app.models.mapping.datasets import Dataset
    from app.models.mapping.feedback import ApprovedPrediction, Feedback
    from app.models.mapping.predictions import Prediction
    from app.models.mapping.trainings import Model, Training
    from app.models.social import Friendship, Like, Post
    from app.models.system import Job


# Where staff look for a part of a name.
SOUGHT = ("username", "first_name", "last_name", "email")


def _key_of_new(context: DefaultExecutionContext) -> str:
    username: str = context.get_current_parameters()["username"]  # type: ignore[no-untyped-call]
    return skeleton(username)


class User(Record):
    """Somebody with an account; a profile and preferences are made with it."""

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
        Index(
            "uq_users_username_key",
            "username_key",
            unique=True,
            info={"conflict": "This username is taken, or is easily mistaken for one that is."},
        ),
        CheckConstraint("is_staff OR NOT is_super_admin", name="super_admin"),
        Index(None, "username", "id"),
        Index("ix_users_search", *SOUGHT, postgresql_using="gin", postgresql_ops=dict.fromkeys(SOUGHT, "gin_trgm_ops")),
    )

    username: Mapped[str] = mapped_column(String(150), doc="The name others see; unique.")
    # What the username looks like. Null for an old one that looks like an older one: its owner was told.
    username_key: Mapped[str | None] = mapped_column(Text, default=_key_of_new)
    email: Mapped[str | None] = mapped_column(String(254), doc="Shown only to its owner and to staff.")
    email_verified: Mapped[bool] = mapped_column(default=False, doc="Whether the address was proven to be theirs.")
    password_hash: Mapped[str | None] = mapped_column(String(255))
    first_name: Mapped[str] = mapped_column(String(150), default="", doc="Given name.")
    last_name: Mapped[str] = mapped_column(String(150), default="", doc="Family name.")
    is_active: Mapped[bool] = mapped_column(default=True, doc="False once suspended: the account cannot sign in.")
    is_staff: Mapped[bool] = mapped_column(default=False, doc="Whether they look after this installation.")
    is_super_admin: Mapped[bool] = mapped_column(default=False, doc="Whether they may make others staff, as staff.")
    last_login: Mapped[datetime | None] = mapped_column(doc="When they last signed in.")
    notifications_delivery_methods: Mapped[list[DeliveryMethod]] = mapped_column(
        ARRAY(EnumColumn(DeliveryMethod, native_enum=False, length=40)),
        default=lambda: [DeliveryMethod.WEB],
        doc="How they want to be notified.",
    )
    notifications_declined: Mapped[list[NotificationKind]] = mapped_column(
        ARRAY(EnumColumn(NotificationKind, native_enum=False, length=40)),
        default=list,
        doc="What they do not want to be told of.",
    )
    newsletter_subscription: Mapped[bool] = mapped_column(default=False, doc="Whether they want the newsletter.")
    user_profile: Mapped[str | None] = mapped_column(String(4_000), doc="What they do and are interested in.")
    account_deletion_requested: Mapped[bool] = mapped_column(default=False, doc="Whether they asked to be deleted.")
    account_deletion_due_at: Mapped[datetime | None] = mapped_column(
        doc="When the account will be deleted, unless they cancel that before."
    )
    # Set once what was theirs alone is gone and the rest names nobody.
    anonymised_at: Mapped[datetime | None]
    # Rises with every change of password or address: links made before hold no longer.
    security_stamp: Mapped[int] = mapped_column(default=0)

    datasets: Mapped[list["Dataset"]] = relationship(back_populates="user", lazy="raise", doc="Datasets they made.")
    models: Mapped[list["Model"]] = relationship(back_populates="user", lazy="raise", doc="Models they made.")
    trainings: Mapped[list["Training"]] = relationship(
        back_populates="user", lazy="raise", doc="Trainings they started."
    )
    predictions: Mapped[list["Prediction"]] = relationship(
        back_populates="user", lazy="raise", doc="Predictions they started: those that the viewer may see."
    )
    feedbacks: Mapped[list["Feedback"]] = relationship(
        back_populates="user", lazy="raise", doc="What they say of trainings' predictions."
    )
    approved_predictions: Mapped[list["ApprovedPrediction"]] = relationship(
        back_populates="user", lazy="raise", doc="Predicted features they hold to be right."
    )
    teams: Mapped[list["TeamMembership"]] = relationship(
        back_populates="user",
        lazy="raise",
        doc="Their teams; others see those that they share with them.",
    )
    profile: Mapped["Profile"] = relationship(back_populates="user", lazy="raise", doc="What they show of themselves.")
    preferences: Mapped["UserPreferences"] = relationship(
        back_populates="user", lazy="raise", doc="How they like dates and numbers; null to others but staff."
    )
    osm_account: Mapped["OsmAccount | None"] = relationship(
        back_populates="user", lazy="raise", doc="Their account at OpenStreetMap, if they linked it."
    )
    api_keys: Mapped[list["ApiKey"]] = relationship(
        back_populates="user", lazy="raise", doc="Their API keys; none of others'."
    )
    sessions: Mapped[list["Session"]] = relationship(
        back_populates="user", lazy="raise", doc="Where they are signed in; none of others'."
    )

    posts: Mapped[list["Post"]] = relationship(
        back_populates="author",
        primaryjoin="and_(Post.author_id == User.id, Post.deleted_at.is_(None))",
        lazy="raise",
        doc="What they have posted, replies too.",
    )
    likes: Mapped[list["Like"]] = relationship(back_populates="user", lazy="raise", doc="The posts they like.")
    friendships: Mapped[list["Friendship"]] = relationship(
        back_populates="user", foreign_keys="Friendship.user_id", lazy="raise", doc="Their friends."
    )

    def __init__(self, **columns: Any) -> None:
        super().__init__(profile=Profile(), preferences=UserPreferences(), **columns)

    @validates("username")
    def _known_by_its_looks(self, _: str, username: str) -> str:
        self.username_key = skeleton(username)
        return username

    @property
    def date_joined(self) -> datetime:
        """When the account was made."""
        return self.created_at


# As a page is sorted, in which those who never signed in come last.
Index("ix_users_last_login_id", User.last_login.desc().nulls_last(), User.id.desc())


class OfUser(Record):
    """A row that every account has once; its key is the account's."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)


class Profile(OfUser):
    """What somebody shows of themselves."""

    __tablename__ = "profiles"

    bio: Mapped[str] = mapped_column(String(500), default="", doc="Who they are, in their own words.")
    # The name of the picture's content; its sizes are kept under it.
    avatar_key: Mapped[str | None] = mapped_column(String(64))
    location: Mapped[str] = mapped_column(String(100), default="", doc="Where they are at home.")
    website: Mapped[str | None] = mapped_column(String(200), doc="Their page on the web.")
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    user: Mapped[User] = relationship(back_populates="profile", lazy="raise", doc="Whose it is.")


class UserPreferences(OfUser):
    """How somebody likes dates and numbers to be written."""

    __tablename__ = "user_preferences"

    time_format: Mapped[TimeFormat] = mapped_column(default=TimeFormat.H24, doc="Hours to 12 or to 24.")
    date_format: Mapped[DateFormat] = mapped_column(default=DateFormat.DMY, doc="The order of day, month and year.")
    date_separator: Mapped[DateSeparator] = mapped_column(
        default=DateSeparator.SLASH, doc="What stands between day, month and year."
    )
    datetime_separator: Mapped[DatetimeSeparator] = mapped_column(
        default=DatetimeSeparator.SPACE, doc="What stands between a date and a time."
    )
    decimal_separator: Mapped[DecimalSeparator] = mapped_column(
        default=DecimalSeparator.COMMA, doc="What stands before a number's fraction."
    )

    user: Mapped[User] = relationship(back_populates="preferences", lazy="raise", doc="Whose they are.")


class OsmAccount(OfUser):
    """Somebody's account at OpenStreetMap; its number is who it is, its name may change and repeat."""

    __tablename__ = "osm_accounts"
    __table_args__ = (
        UniqueConstraint("osm_id", info={"conflict": "This OpenStreetMap account is linked to another account."}),
    )

    osm_id: Mapped[BigInt] = mapped_column(doc="Its number.")
    username: Mapped[str] = mapped_column(String(255), doc="Its display name, as it was when last used to sign in.")
    img_url: Mapped[str | None] = mapped_column(String(1_000), doc="Its picture at OpenStreetMap.")

    user: Mapped[User] = relationship(back_populates="osm_account", lazy="raise", doc="Whose it is.")


class ApiKey(Record):
    """A program's way in; kept only as a hash, so a stolen table opens nothing."""

    __tablename__ = "api_keys"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "uq_api_keys_user_id_name",
            "user_id",
            text("lower(name)"),
            unique=True,
            info={"conflict": "You have another key of this name."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(50), doc="What it is for; unique among its owner's.")
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    hint: Mapped[str] = mapped_column(String(12), doc="How it begins, to tell it from others.")
    scopes: Mapped[list[Scope]] = mapped_column(
        ARRAY(EnumColumn(Scope, native_enum=False, length=40)), doc="What it may do."
    )
    expires_at: Mapped[datetime | None] = mapped_column(doc="When it ends; null if it does not.")
    last_used_at: Mapped[datetime | None] = mapped_column(doc="When a request last came with it, to the hour.")

    user: Mapped[User] = relationship(back_populates="api_keys", lazy="raise", doc="Whose it is.")


class Session(Record):
    """A signed-in client; its token is kept only as a hash, so a stolen table signs nobody in."""

    __tablename__ = "sessions"
    __table_args__ = (Index(None, "user_id", "id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True, doc="When it ends unless it is used before.")
    last_used_at: Mapped[datetime] = mapped_column(doc="When a request last came with it, to the hour.")
    client: Mapped[str] = mapped_column(String(200), default="", doc="The program it was opened with, as it said.")
    address: Mapped[str] = mapped_column(String(45), default="", doc="The network address it was opened from.")

    user: Mapped[User] = relationship(back_populates="sessions", lazy="raise", doc="Who is signed in.")


class DataExport(Record):
    """An archive of everything that is somebody's, made at their wish."""

    __tablename__ = "data_exports"
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "uq_data_exports_unfinished",
            "user_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL AND failure IS NULL"),
            info={"conflict": "Your data are being exported already."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    storage_key: Mapped[str | None] = mapped_column(String(200))
    size_bytes: Mapped[BigInt | None] = mapped_column(doc="Its length in bytes; null until it is ready.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it was ready.")
    expires_at: Mapped[datetime | None] = mapped_column(doc="When it will be removed.")
    failure: Mapped[str | None] = mapped_column(String(500), doc="Why it failed, in words for a person.")

    user: Mapped[User] = relationship(lazy="raise", doc="Whose it is.")
    job: Mapped["Job | None"] = relationship(lazy="raise", doc="The work behind it: progress, stage, expected end.")


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
