"""Users, their credentials and sessions, and their teams."""

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

from app import checks
from app.identifiers import skeleton
from app.limits import accounts as limits
from app.limits import columns
from app.limits.texts import NAME_LENGTH_MAX, NOTE_LENGTH_MAX, URL_LENGTH_MAX
from app.models.base import CHANGES_ARE_RETURNED, WITHHELD, BigInt, Record, names_file, not_exported
from app.models.choices import (
    DateFormat,
    DateSeparator,
    DatetimeSeparator,
    DecimalSeparator,
    DeliveryMethod,
    Scope,
    TimeFormat,
)
from app.models.kinds import KindColumn, NotificationKind
from app.models.kinds.accounts import AccountsNotification
from app.models.names import Name

if TYPE_CHECKING:
    from app.models.system import Job


# Where staff look for a part of a name.
SOUGHT = ("username", "first_name", "last_name", "email")


def _key_of_new(context: DefaultExecutionContext) -> str:
    username: str = context.get_current_parameters()["username"]  # type: ignore[no-untyped-call]
    return skeleton(username)


class User(Record):
    """A user with an account. A profile and preferences are created with it."""

    __tablename__ = "users"
    __owned_by__ = ("id",)
    __table_args__ = (
        Index(
            "uq_users_email",
            text("lower(email)"),
            unique=True,
            info={"conflict": "This email address already has an account."},
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
            info={"conflict": "This username is taken, or looks too much like one that is. Choose another one."},
        ),
        CheckConstraint("is_staff OR NOT is_super_admin", name="super_admin"),
        Index(None, "username", "id"),
        Index("ix_users_search", *SOUGHT, postgresql_using="gin", postgresql_ops=dict.fromkeys(SOUGHT, "gin_trgm_ops")),
    )

    username: Mapped[str] = mapped_column(String(limits.USERNAME_LENGTH_MAX), doc="The public username; unique.")
    # What the username looks like. Null for an old one that looks like an older one: its owner was notified.
    username_key: Mapped[str | None] = mapped_column(Text, default=_key_of_new, info=WITHHELD)
    email: Mapped[str | None] = mapped_column(
        String(checks.EMAIL_LENGTH_MAX), doc="The email address. Visible only to the owner and staff."
    )
    email_verified: Mapped[bool] = mapped_column(default=False, doc="Whether the email address is verified.")
    password_hash: Mapped[str | None] = mapped_column(String(columns.PASSWORD_HASH_LENGTH_MAX), info=WITHHELD)
    first_name: Mapped[str] = mapped_column(String(limits.PERSON_NAME_LENGTH_MAX), default="", doc="Given name.")
    last_name: Mapped[str] = mapped_column(String(limits.PERSON_NAME_LENGTH_MAX), default="", doc="Family name.")
    is_active: Mapped[bool] = mapped_column(default=True, doc="False for suspended accounts, which cannot sign in.")
    is_staff: Mapped[bool] = mapped_column(default=False, doc="Whether the user is staff of this installation.")
    is_super_admin: Mapped[bool] = mapped_column(
        default=False, doc="Whether the user is a super admin, who may also grant staff rights."
    )
    last_login: Mapped[datetime | None] = mapped_column(doc="The last sign-in.")
    notifications_delivery_methods: Mapped[list[DeliveryMethod]] = mapped_column(
        ARRAY(EnumColumn(DeliveryMethod, native_enum=False, length=columns.KIND_LENGTH_MAX)),
        default=lambda: [DeliveryMethod.WEB],
        doc="How notifications are delivered.",
    )
    notifications_declined: Mapped[list[NotificationKind]] = mapped_column(
        ARRAY(KindColumn(NotificationKind)), default=list, doc="Notification categories that are turned off."
    )
    newsletter_subscription: Mapped[bool] = mapped_column(
        default=False, doc="Whether the user receives the newsletter."
    )
    user_profile: Mapped[str | None] = mapped_column(
        String(limits.USER_PROFILE_LENGTH_MAX), doc="Public text about the user's work and interests."
    )
    account_deletion_requested: Mapped[bool] = mapped_column(default=False, doc="Whether the user requested deletion.")
    account_deletion_due_at: Mapped[datetime | None] = mapped_column(
        doc="When the account will be deleted, unless the owner cancels it."
    )
    # Set once what was theirs alone is gone and the rest names nobody.
    anonymised_at: Mapped[datetime | None]
    # Rises with every change of password or address: links made before hold no longer.
    security_stamp: Mapped[int] = mapped_column(default=0, info=WITHHELD)

    teams: Mapped[list["TeamMembership"]] = relationship(
        back_populates="user",
        lazy="raise",
        doc="The user's teams. Other users see only teams they share.",
    )
    profile: Mapped["Profile"] = relationship(back_populates="user", lazy="raise", doc="The public profile.")
    preferences: Mapped["UserPreferences"] = relationship(
        back_populates="user",
        lazy="raise",
        doc="Date and number formats. Null unless the viewer is the owner or staff.",
    )
    osm_account: Mapped["OsmAccount | None"] = relationship(
        back_populates="user", lazy="raise", doc="The linked OpenStreetMap account."
    )
    api_keys: Mapped[list["ApiKey"]] = relationship(
        back_populates="user", lazy="raise", doc="The user's API keys. Empty unless the viewer is the owner."
    )
    sessions: Mapped[list["Session"]] = relationship(
        back_populates="user", lazy="raise", doc="The user's sessions. Empty unless the viewer is the owner."
    )

    def __init__(self, **columns: Any) -> None:
        super().__init__(profile=Profile(), preferences=UserPreferences(), **columns)

    @validates("username")
    def _known_by_its_looks(self, _: str, username: str) -> str:
        self.username_key = skeleton(username)
        return username

    @property
    def full_name(self) -> str:
        """Given and family name; empty if the user gave neither."""
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def date_joined(self) -> datetime:
        """When the account was created."""
        return self.created_at


# As a page is sorted, in which those who never signed in come last.
Index("ix_users_last_login_id", User.last_login.desc().nulls_last(), User.id.desc())


class OfUser(Record):
    """Base of rows that each account has once; the primary key is the account's."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), primary_key=True, autoincrement=False)


class Profile(OfUser):
    """A user's public profile."""

    __tablename__ = "profiles"
    __owned_by__ = ("id",)
    __table_args__ = (Index(None, "avatar_key", postgresql_where=text("avatar_key IS NOT NULL")),)
    __mapper_args__ = CHANGES_ARE_RETURNED

    bio: Mapped[str] = mapped_column(String(limits.BIO_LENGTH_MAX), default="", doc="A short biography.")
    # The name of the picture's content; its sizes are kept under it.
    avatar_key: Mapped[str | None] = mapped_column(
        String(columns.SHA256_LENGTH), info=names_file("avatars/{}/512.webp")
    )
    avatar_bytes: Mapped[int] = mapped_column(default=0, server_default=text("0"), info=WITHHELD)
    location: Mapped[str] = mapped_column(String(limits.LOCATION_LENGTH_MAX), default="", doc="Where the user lives.")
    website: Mapped[str | None] = mapped_column(String(URL_LENGTH_MAX), doc="A web page of the user.")
    updated_at: Mapped[datetime] = mapped_column(
        server_default=func.now(), onupdate=func.now(), doc="When it was last changed."
    )

    user: Mapped[User] = relationship(back_populates="profile", lazy="raise", doc="The user.")


class UserPreferences(OfUser):
    """A user's date and number formats."""

    __tablename__ = "user_preferences"
    __owned_by__ = ("id",)

    time_format: Mapped[TimeFormat] = mapped_column(default=TimeFormat.H24, doc="12-hour or 24-hour clock.")
    date_format: Mapped[DateFormat] = mapped_column(default=DateFormat.DMY, doc="The order of day, month and year.")
    date_separator: Mapped[DateSeparator] = mapped_column(
        default=DateSeparator.SLASH, doc="The separator between day, month and year."
    )
    datetime_separator: Mapped[DatetimeSeparator] = mapped_column(
        default=DatetimeSeparator.SPACE, doc="The separator between date and time."
    )
    decimal_separator: Mapped[DecimalSeparator] = mapped_column(
        default=DecimalSeparator.COMMA, doc="The decimal separator."
    )

    user: Mapped[User] = relationship(back_populates="preferences", lazy="raise", doc="The user.")


class OsmAccount(OfUser):
    """A linked OpenStreetMap account. Its number identifies it; its name can change."""

    __tablename__ = "osm_accounts"
    __owned_by__ = ("id",)
    __table_args__ = (
        UniqueConstraint(
            "osm_id",
            info={"conflict": "This OpenStreetMap account is linked to another account. Unlink it there first."},
        ),
    )

    osm_id: Mapped[BigInt] = mapped_column(doc="The OpenStreetMap user id.")
    username: Mapped[str] = mapped_column(
        String(columns.OSM_USERNAME_LENGTH_MAX), doc="The OpenStreetMap display name at the last sign-in."
    )
    img_url: Mapped[str | None] = mapped_column(
        String(columns.PICTURE_URL_LENGTH_MAX), doc="The URL of the profile picture at OpenStreetMap."
    )

    user: Mapped[User] = relationship(back_populates="osm_account", lazy="raise", doc="The user.")


class ApiKey(Record):
    """An API key for a program. Only a hash of the token is stored."""

    __tablename__ = "api_keys"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "uq_api_keys_user_id_name",
            "user_id",
            text("lower(name)"),
            unique=True,
            info={"conflict": "You already have an API key with this name."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(Name(NAME_LENGTH_MAX), doc="What the key is for; unique among its owner's keys.")
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    hint: Mapped[str] = mapped_column(
        String(columns.TOKEN_HINT_LENGTH_MAX), doc="The first characters of the token, to recognize the key."
    )
    scopes: Mapped[list[Scope]] = mapped_column(
        ARRAY(EnumColumn(Scope, native_enum=False, length=columns.KIND_LENGTH_MAX)), doc="What the key may do."
    )
    expires_at: Mapped[datetime | None] = mapped_column(doc="When the key expires; null for never.")
    last_used_at: Mapped[datetime | None] = mapped_column(doc="When the key was last used, to the hour.")

    user: Mapped[User] = relationship(back_populates="api_keys", lazy="raise", doc="The owner.")


class Session(Record):
    """A session of a signed-in client. Only a hash of its token is stored."""

    __tablename__ = "sessions"
    __owned_by__ = ("user_id",)
    __table_args__ = (Index(None, "user_id", "id"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(index=True, doc="When it expires unless it is used before.")
    last_used_at: Mapped[datetime] = mapped_column(doc="When the key was last used, to the hour.")
    client: Mapped[str] = mapped_column(
        String(limits.CLIENT_LENGTH_MAX), default="", doc="The client program, from its User-Agent."
    )
    address: Mapped[str] = mapped_column(
        String(columns.IP_ADDRESS_LENGTH_MAX), default="", doc="The IP address the session was opened from."
    )

    user: Mapped[User] = relationship(back_populates="sessions", lazy="raise", doc="The signed-in user.")


class DataExport(Record):
    """An archive of all data of a user, made at their request."""

    __tablename__ = "data_exports"
    __owned_by__ = ("user_id",)
    __notified_as__ = AccountsNotification.ACCOUNT
    __table_args__ = (
        Index(None, "user_id", "id"),
        Index(
            "uq_data_exports_unfinished",
            "user_id",
            unique=True,
            postgresql_where=text("finished_at IS NULL AND failure IS NULL"),
            info={"conflict": "A data export is already running. Wait until it is ready."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"), index=True)
    storage_key: Mapped[str | None] = mapped_column(String(columns.STORAGE_KEY_LENGTH_MAX), info=WITHHELD)
    size_bytes: Mapped[BigInt | None] = mapped_column(doc="The size in bytes; null until it is ready.")
    finished_at: Mapped[datetime | None] = mapped_column(doc="When it became ready.")
    expires_at: Mapped[datetime | None] = mapped_column(doc="When it will be removed.")
    failure: Mapped[str | None] = mapped_column(String(NOTE_LENGTH_MAX), doc="Why it failed, as a readable sentence.")

    user: Mapped[User] = relationship(lazy="raise", doc="The user.")
    job: Mapped["Job | None"] = relationship(lazy="raise", doc="The background job, with its progress.")


class Team(Record):
    """A group of people who share their work. Every member has the team's permissions."""

    __tablename__ = "teams"
    __owned_by__ = ("admin_user_id",)
    __notified_as__ = AccountsNotification.TEAM
    __table_args__ = (
        Index(
            "uq_teams_admin_user_id_name",
            "admin_user_id",
            text("lower(name)"),
            unique=True,
            info={"conflict": "The admin already has a team with this name."},
        ),
        Index(None, "name", "id"),
    )

    name: Mapped[str] = mapped_column(
        Name(limits.TEAM_NAME_LENGTH_MAX, checks.public_name), doc="The name; unique among its admin's teams."
    )
    # The admin is a member, too: whoever changes either locks the team first.
    admin_user_id: Mapped[int] = mapped_column(ForeignKey("users.id"))

    admin_user: Mapped[User] = relationship(
        lazy="raise",
        doc="The admin, who invites and removes members, renames and deletes the team. Null if the account is "
        "suspended.",
    )
    members: Mapped[list["TeamMembership"]] = relationship(
        back_populates="team", lazy="raise", doc="The members, including the admin."
    )
    invitations: Mapped[list["TeamInvitation"]] = relationship(
        back_populates="team", lazy="raise", doc="The invitations. Empty unless the viewer is the admin."
    )


class TeamMembership(Record):
    """A membership of a user in a team."""

    __tablename__ = "team_memberships"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("team_id", "user_id", info={"conflict": "This user is already a member of the team."}),
        Index(None, "team_id", "id"),
        Index(None, "user_id", "id"),
    )

    team_id: Mapped[int] = mapped_column(
        ForeignKey("teams.id", ondelete="CASCADE"), info=not_exported("other memberships belong to those members")
    )
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    team: Mapped[Team] = relationship(back_populates="members", lazy="raise", doc="The team.")
    user: Mapped[User] = relationship(
        back_populates="teams", lazy="raise", doc="The member; null if the account is suspended."
    )


class TeamInvitation(Record):
    """A link for joining a team. Only a hash of its token is stored."""

    __tablename__ = "team_invitations"
    __owned_by__ = ("user_id", "team_id")
    __table_args__ = (
        CheckConstraint("uses BETWEEN 0 AND uses_max", name="uses"),
        Index(None, "team_id", "id"),
    )

    team_id: Mapped[int] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    expires_at: Mapped[datetime] = mapped_column(doc="When the link expires.")
    uses: Mapped[int] = mapped_column(default=0, doc="How many people have joined with the current link.")
    uses_max: Mapped[int] = mapped_column(doc="How many people may join with it.")

    team: Mapped[Team] = relationship(back_populates="invitations", lazy="raise", doc="The team.")
    user: Mapped[User | None] = relationship(
        lazy="raise", doc="Who created the current link; null if the account is suspended."
    )
