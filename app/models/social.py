"""What people say to each other: posts, likes, friends and messages; and how they keep away from each other."""

from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.models.accounts import User
from app.models.base import Record


class PostType(Enum):
    """What a post is: words, a picture or a film, or something achieved."""

    THOUGHTS = "THOUGHTS"
    MEDIA = "MEDIA"
    MILESTONES = "MILESTONES"


class ReportReason(Enum):
    """What is wrong with something that was reported."""

    SPAM = "SPAM"
    HARASSMENT = "HARASSMENT"
    HATE = "HATE"
    VIOLENCE = "VIOLENCE"
    SEXUAL = "SEXUAL"
    ILLEGAL = "ILLEGAL"
    OTHER = "OTHER"


class ReportState(Enum):
    """Whether staff have looked at a report, and what came of it."""

    OPEN = "OPEN"
    ACTED_UPON = "ACTED_UPON"
    DISMISSED = "DISMISSED"


class ReportAction(Enum):
    """What staff do about something that was reported: nothing, take it away, or warn or suspend whose it is."""

    DISMISS = "DISMISS"
    REMOVE_CONTENT = "REMOVE_CONTENT"
    WARN = "WARN"
    SUSPEND = "SUSPEND"


class Post(Record):
    """Something somebody says to everybody, or in reply to a post."""

    __tablename__ = "posts"
    __table_args__ = (
        CheckConstraint("likes_count >= 0 AND comment_count >= 0 AND shares_count >= 0", name="counts"),
        CheckConstraint("(parent_id IS NULL) = (depth = 0) AND (parent_id IS NULL) = (root_id IS NULL)", name="depth"),
        Index(None, "author_id", "id"),
        Index(None, "parent_id", "id"),
        Index(None, "root_id", "id"),
        Index("ix_posts_said", "author_id", "id", postgresql_where=text("parent_id IS NULL AND deleted_at IS NULL")),
        Index("ix_posts_feed", "id", postgresql_where=text("parent_id IS NULL AND deleted_at IS NULL")),
        Index(
            "ix_posts_subject", "subject_type", "subject_key", "id", postgresql_where=text("subject_key IS NOT NULL")
        ),
        Index("ix_posts_media_key", "media_key", postgresql_where=text("media_key IS NOT NULL")),
        Index("ix_posts_words", "words", postgresql_using="gin"),
    )

    author_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    content: Mapped[str] = mapped_column(String(500), default="", doc="What it says; empty once it was deleted.")
    # Kept beside the text: what a search does not find by the index it would else take apart, post by post.
    words: Mapped[str] = mapped_column(
        TSVECTOR, Computed("to_tsvector('simple', content)", persisted=True), deferred=True, deferred_raiseload=True
    )
    type: Mapped[PostType] = mapped_column(default=PostType.THOUGHTS, doc="What kind of post it is.")
    media_url: Mapped[str | None] = mapped_column(String(500), doc="A picture or film elsewhere on the web.")
    media_key: Mapped[str | None] = mapped_column(String(200))
    media_type: Mapped[str | None] = mapped_column(String(100), doc="What kind of file its own picture is.")
    media_width: Mapped[int | None] = mapped_column(doc="How many pixels wide its own picture is.")
    media_height: Mapped[int | None] = mapped_column(doc="How many pixels high its own picture is.")
    alt_text: Mapped[str | None] = mapped_column(String(1_000), doc="What is seen on its picture, for who cannot see.")
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    root_id: Mapped[int | None] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    depth: Mapped[int] = mapped_column(default=0, doc="How many posts stand between it and nothing: 0 for no reply.")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it was last changed.")
    edited_at: Mapped[datetime | None] = mapped_column(doc="When its author last edited it; null if never.")
    deleted_at: Mapped[datetime | None] = mapped_column(doc="When it was deleted; it stays while it has replies.")
    # Triggers count them; see the migration.
    likes_count: Mapped[int] = mapped_column(default=0, doc="How many like it.")
    comment_count: Mapped[int] = mapped_column(default=0, doc="How many replies it has, without replies to these.")
    shares_count: Mapped[int] = mapped_column(default=0, doc="How many have shared it.")
    subject_type: Mapped[str | None] = mapped_column(String(40))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)

    author: Mapped[User] = relationship(back_populates="posts", lazy="raise", doc="Who wrote it.")
    parent: Mapped["Post | None"] = relationship(
        back_populates="replies", foreign_keys=parent_id, remote_side="Post.id", lazy="raise", doc="What it replies to."
    )
    replies: Mapped[list["Post"]] = relationship(
        back_populates="parent", foreign_keys=parent_id, lazy="raise", doc="The replies to it, not those to replies."
    )
    likes: Mapped[list["Like"]] = relationship(back_populates="post", lazy="raise", doc="Who likes it, since when.")
    mentions: Mapped[list["PostMention"]] = relationship(
        back_populates="post", lazy="raise", doc="Whom it names by their usernames."
    )
    revisions: Mapped[list["PostRevision"]] = relationship(
        back_populates="post", lazy="raise", doc="What it said before, each time it was edited."
    )


class PostRevision(Record):
    """What a post said until it was edited, which is when this was made."""

    __tablename__ = "post_revisions"
    __table_args__ = (Index(None, "post_id", "id"),)

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    content: Mapped[str] = mapped_column(String(500), doc="What it said.")

    post: Mapped[Post] = relationship(back_populates="revisions", lazy="raise", doc="The post as it is now.")


class Like(Record):
    """That somebody likes a post."""

    __tablename__ = "likes"
    __table_args__ = (
        UniqueConstraint("user_id", "post_id"),
        Index(None, "post_id", "id"),
        Index(None, "user_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))

    user: Mapped[User] = relationship(back_populates="likes", lazy="raise", doc="Who likes it.")
    post: Mapped[Post] = relationship(back_populates="likes", lazy="raise", doc="What they like.")


class Share(Record):
    """That somebody shared a post with others."""

    __tablename__ = "shares"
    __table_args__ = (UniqueConstraint("user_id", "post_id"), Index(None, "post_id", "id"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))


class PostMention(Record):
    """That a post names somebody by their username."""

    __tablename__ = "post_mentions"
    __table_args__ = (
        UniqueConstraint("post_id", "user_id"),
        Index(None, "user_id", "id"),
        Index(None, "post_id", "id"),
    )

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    post: Mapped[Post] = relationship(back_populates="mentions", lazy="raise", doc="What names them.")
    user: Mapped[User] = relationship(lazy="raise", doc="Whom it names.")


class PostHashtag(Record):
    """That a post has a hashtag, kept in small letters."""

    __tablename__ = "post_hashtags"
    __table_args__ = (UniqueConstraint("post_id", "name"), Index(None, "name", "post_id"))

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(100), doc="It, without the `#`, in small letters.")


class Friendship(Record):
    """That somebody is a friend of another; each friendship has two rows, one for either side."""

    __tablename__ = "friendships"
    __table_args__ = (
        UniqueConstraint("user_id", "friend_id"),
        CheckConstraint("user_id <> friend_id", name="others"),
        Index(None, "user_id", "id"),
        Index(None, "friend_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    friend_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    user: Mapped[User] = relationship(
        back_populates="friendships", foreign_keys=user_id, lazy="raise", doc="Whose friend it is."
    )
    friend: Mapped[User] = relationship(foreign_keys=friend_id, lazy="raise", doc="The friend.")


class FriendRequest(Record):
    """That somebody would like another as a friend; gone once it is answered."""

    __tablename__ = "friend_requests"
    __table_args__ = (
        CheckConstraint("from_user_id <> to_user_id", name="others"),
        # One for each pair, whoever asked: a request the other way round is an acceptance.
        Index(
            "uq_friend_requests_pair",
            text("least(from_user_id, to_user_id)"),
            text("greatest(from_user_id, to_user_id)"),
            unique=True,
        ),
        Index(None, "from_user_id", "id"),
        Index(None, "to_user_id", "id"),
    )

    from_user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    to_user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))

    from_user: Mapped[User] = relationship(foreign_keys=from_user_id, lazy="raise", doc="Who asks.")
    to_user: Mapped[User] = relationship(foreign_keys=to_user_id, lazy="raise", doc="Who is asked.")


class Message(Record):
    """Something somebody says to one other person."""

    __tablename__ = "messages"
    __table_args__ = (
        Index(
            "ix_messages_pair", text("least(sender_id, receiver_id)"), text("greatest(sender_id, receiver_id)"), "id"
        ),
        Index(None, "sender_id", "id"),
        Index("ix_messages_unread", "receiver_id", "sender_id", postgresql_where=text("NOT is_read")),
    )

    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    content: Mapped[str] = mapped_column(String(5_000), doc="What it says; empty once its sender took it back.")
    is_read: Mapped[bool] = mapped_column(default=False, doc="Whether its receiver has read it.")
    read_at: Mapped[datetime | None] = mapped_column(doc="When its receiver read it.")
    deleted_at: Mapped[datetime | None] = mapped_column(doc="When its sender took it back.")

    sender: Mapped[User] = relationship(foreign_keys=sender_id, lazy="raise", doc="Who says it.")
    receiver: Mapped[User] = relationship(foreign_keys=receiver_id, lazy="raise", doc="To whom.")


class Conversation(Record):
    """All that was said between somebody and one other person, as that somebody sees it."""

    __tablename__ = "conversations"
    __table_args__ = (
        UniqueConstraint("user_id", "other_id"),
        CheckConstraint("unread_count >= 0", name="count"),
        Index(None, "user_id", "last_message_id", "id"),
        Index(None, "last_message_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    # Triggers keep both; see the migration.
    last_message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    unread_count: Mapped[int] = mapped_column(default=0, doc="How many of the other's messages are not read yet.")

    other: Mapped[User] = relationship(foreign_keys=other_id, lazy="raise", doc="The other person.")
    last_message: Mapped[Message] = relationship(lazy="raise", doc="What was said last.")


class Block(Record):
    """That somebody wants nothing to do with another: neither sees the other any more."""

    __tablename__ = "blocks"
    __table_args__ = (
        UniqueConstraint("user_id", "blocked_id"),
        CheckConstraint("user_id <> blocked_id", name="others"),
        Index(None, "user_id", "id"),
        Index(None, "blocked_id", "user_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    blocked_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    username: Mapped[str] = mapped_column(String(150), doc="The other's username when it was made.")


class Mute(Record):
    """That somebody does not want to hear of another for a while, who does not learn of it."""

    __tablename__ = "mutes"
    __table_args__ = (
        UniqueConstraint("user_id", "muted_id"),
        CheckConstraint("user_id <> muted_id", name="others"),
        Index(None, "user_id", "id"),
        Index(None, "muted_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    muted_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    expires_at: Mapped[datetime | None] = mapped_column(doc="Until when; null if for good.")

    muted: Mapped[User] = relationship(foreign_keys=muted_id, lazy="raise", doc="Who is not to be heard.")


class Report(Record):
    """That somebody asks staff to look at something."""

    __tablename__ = "reports"
    __table_args__ = (
        Index(None, "state", "id"),
        Index(None, "user_id", "id"),
        Index(None, "accused_id"),
        Index(None, "subject_type", "subject_key", "id"),
        Index(
            "uq_reports_open",
            "user_id",
            "subject_type",
            "subject_key",
            unique=True,
            postgresql_where=text("state = 'OPEN'"),
            info={"conflict": "You have reported this already."},
        ),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    subject_type: Mapped[str] = mapped_column(String(40))
    subject_key: Mapped[int] = mapped_column(BigInteger)
    accused_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    # Kept, since whose it is may change it or take it back, and staff read nobody's messages.
    evidence: Mapped[str | None] = mapped_column(
        String(6_000), doc="What it said when it was reported; null once the account of whoever said it was deleted."
    )
    # Its picture, whose files stay for as long as the report is open.
    evidence_key: Mapped[str | None] = mapped_column(String(200))
    reason: Mapped[ReportReason] = mapped_column(doc="What is wrong with it.")
    comment: Mapped[str | None] = mapped_column(String(500), doc="What whoever reported it says.")
    state: Mapped[ReportState] = mapped_column(default=ReportState.OPEN, doc="What came of it.")
    action: Mapped[ReportAction | None] = mapped_column(doc="What staff did; null until they decide.")
    resolution: Mapped[str | None] = mapped_column(String(500), doc="Why, in the words of staff.")
    resolved_by_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"), index=True)
    resolved_at: Mapped[datetime | None] = mapped_column(doc="When staff decided.")

    user: Mapped[User] = relationship(foreign_keys=user_id, lazy="raise", doc="Who reported it.")
    accused: Mapped[User] = relationship(foreign_keys=accused_id, lazy="raise", doc="Whose it is.")
    resolved_by: Mapped[User | None] = relationship(foreign_keys=resolved_by_id, lazy="raise", doc="Who decided.")
