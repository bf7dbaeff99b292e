"""Social tables: posts, likes, friends, messages, blocks and mutes."""

from datetime import datetime
from enum import Enum

from sqlalchemy import BigInteger, CheckConstraint, Computed, ForeignKey, Index, String, UniqueConstraint, func, text
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import columns
from app.limits import social as limits
from app.limits.accounts import USERNAME_LENGTH_MAX
from app.models.accounts import User
from app.models.base import WITHHELD, Record, add_relationship, names_file, not_exported

# The counters are kept, so that a feed reads no likes; one number for each viewer would have to be counted each time.
COUNTED_FOR_ALL = "The same for all viewers: users whom a block hides are counted, though lists leave them out."
PARENT = "The post it replies to."
FIRST_OF_THREAD = "The first post of the thread; null if this is the first."


class PostType(Enum):
    """The type of a post: text, media (a picture or video), or an achievement.

    THOUGHTS: Text.
    MEDIA: A picture or a video.
    MILESTONES: An achievement.
    """

    THOUGHTS = "THOUGHTS"
    MEDIA = "MEDIA"
    MILESTONES = "MILESTONES"


class Post(Record):
    """A public post, or a reply to a post."""

    __tablename__ = "posts"
    __owned_by__ = ("author_id",)
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
    content: Mapped[str] = mapped_column(
        String(limits.POST_LENGTH_MAX), default="", doc="The text; empty once the post was deleted."
    )
    # Kept beside the text: what a search does not find by the index it would else take apart, post by post. Words as
    # they are written and their stems, without accents; of scripts without spaces, pairs of letters.
    words: Mapped[str] = mapped_column(
        TSVECTOR, Computed("words_of_post(content)", persisted=True), deferred=True, deferred_raiseload=True
    )
    type: Mapped[PostType] = mapped_column(default=PostType.THOUGHTS, doc="The type of the post.")
    media_url: Mapped[str | None] = mapped_column(
        String(limits.MEDIA_URL_LENGTH_MAX), doc="The URL of a picture or video elsewhere on the web."
    )
    media_key: Mapped[str | None] = mapped_column(
        String(columns.STORAGE_KEY_LENGTH_MAX), info=names_file("pictures/{}/1600.webp")
    )
    media_type: Mapped[str | None] = mapped_column(
        String(columns.MEDIA_TYPE_LENGTH_MAX), doc="The media type of the uploaded picture."
    )
    media_width: Mapped[int | None] = mapped_column(doc="The width of the uploaded picture in pixels.")
    media_height: Mapped[int | None] = mapped_column(doc="The height of the uploaded picture in pixels.")
    media_bytes: Mapped[int] = mapped_column(default=0, server_default=text("0"), info=WITHHELD)
    alt_text: Mapped[str | None] = mapped_column(
        String(limits.ALT_TEXT_LENGTH_MAX), doc="Alt text for people who cannot see the picture."
    )
    parent_id: Mapped[int | None] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), info=not_exported("a reply belongs to its author")
    )
    root_id: Mapped[int | None] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), info=not_exported("a reply belongs to its author")
    )
    depth: Mapped[int] = mapped_column(default=0, doc="How many posts it is below the first of its thread; 0 for that.")
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now(), doc="When it was last changed.")
    edited_at: Mapped[datetime | None] = mapped_column(doc="When its author last edited it; null if never.")
    deleted_at: Mapped[datetime | None] = mapped_column(
        doc="When it was deleted. A deleted post stays while it has replies."
    )
    # Triggers count them; see the migration.
    likes_count: Mapped[int] = mapped_column(default=0, doc=f"The number of likes. {COUNTED_FOR_ALL}")
    comment_count: Mapped[int] = mapped_column(default=0, doc=f"The number of direct replies. {COUNTED_FOR_ALL}")
    shares_count: Mapped[int] = mapped_column(default=0, doc=f"The number of shares. {COUNTED_FOR_ALL}")
    subject_type: Mapped[str | None] = mapped_column(String(columns.KIND_LENGTH_MAX))
    subject_key: Mapped[int | None] = mapped_column(BigInteger)

    author: Mapped[User] = relationship(back_populates="posts", lazy="raise", doc="The author.")
    parent: Mapped["Post | None"] = relationship(
        back_populates="replies", foreign_keys=parent_id, remote_side="Post.id", lazy="raise", doc=PARENT
    )
    root: Mapped["Post | None"] = relationship(
        back_populates="thread", foreign_keys=root_id, remote_side="Post.id", lazy="raise", doc=FIRST_OF_THREAD
    )
    replies: Mapped[list["Post"]] = relationship(
        back_populates="parent", foreign_keys=parent_id, lazy="raise", doc="Direct replies."
    )
    thread: Mapped[list["Post"]] = relationship(
        back_populates="root",
        foreign_keys=root_id,
        lazy="raise",
        doc="All posts of the thread below its first, replies to replies included, in one list; `depth` and `parent` "
        "say where each stands. Empty for a reply: ask its `root`.",
    )
    likes: Mapped[list["Like"]] = relationship(back_populates="post", lazy="raise", doc="The likes.")
    mentions: Mapped[list["PostMention"]] = relationship(
        back_populates="post", lazy="raise", doc="The users it mentions by username."
    )
    revisions: Mapped[list["PostRevision"]] = relationship(
        back_populates="post", lazy="raise", doc="Earlier versions, one per edit."
    )


class PostRevision(Record):
    """An earlier version of a post; `createdAt` is when the edit replaced it."""

    __tablename__ = "post_revisions"
    __owned_by__ = ("post_id",)
    __table_args__ = (Index(None, "post_id", "id"),)

    post_id: Mapped[int] = mapped_column(ForeignKey("posts.id", ondelete="CASCADE"))
    content: Mapped[str] = mapped_column(String(limits.POST_LENGTH_MAX), doc="The text of that version.")

    post: Mapped[Post] = relationship(back_populates="revisions", lazy="raise", doc="The post.")


class Like(Record):
    """A like of a post."""

    __tablename__ = "likes"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("user_id", "post_id"),
        Index(None, "post_id", "id"),
        Index(None, "user_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), info=not_exported("a like belongs to who gave it")
    )

    user: Mapped[User] = relationship(back_populates="likes", lazy="raise", doc="Who likes it.")
    post: Mapped[Post] = relationship(back_populates="likes", lazy="raise", doc="The liked post.")


class Share(Record):
    """A share of a post."""

    __tablename__ = "shares"
    __owned_by__ = ("user_id",)
    __table_args__ = (UniqueConstraint("user_id", "post_id"), Index(None, "post_id", "id"))

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), info=not_exported("a share belongs to who shared")
    )


class PostMention(Record):
    """A mention of a user by username in a post."""

    __tablename__ = "post_mentions"
    __table_args__ = (
        UniqueConstraint("post_id", "user_id"),
        Index(None, "user_id", "id"),
        Index(None, "post_id", "id"),
    )

    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), info=not_exported("the mentions are in the post")
    )
    user_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("a mention belongs to the author")
    )

    post: Mapped[Post] = relationship(back_populates="mentions", lazy="raise", doc="The post.")
    user: Mapped[User] = relationship(lazy="raise", doc="The mentioned user.")


class PostHashtag(Record):
    """A hashtag of a post, in lower case."""

    __tablename__ = "post_hashtags"
    __table_args__ = (UniqueConstraint("post_id", "name"), Index(None, "name", "post_id"))

    post_id: Mapped[int] = mapped_column(
        ForeignKey("posts.id", ondelete="CASCADE"), info=not_exported("the hashtags are in the post")
    )
    name: Mapped[str] = mapped_column(String(limits.HASHTAG_LENGTH_MAX), doc="The hashtag, lower case, without `#`.")


class Friendship(Record):
    """A friendship, from one side; each friendship has two rows."""

    __tablename__ = "friendships"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("user_id", "friend_id"),
        CheckConstraint("user_id <> friend_id", name="others"),
        Index(None, "user_id", "id"),
        Index(None, "friend_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    friend_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("each side has a row of its own")
    )

    user: Mapped[User] = relationship(
        back_populates="friendships", foreign_keys=user_id, lazy="raise", doc="The user on this side."
    )
    friend: Mapped[User] = relationship(foreign_keys=friend_id, lazy="raise", doc="The friend.")


class FriendRequest(Record):
    """An open friend request; removed once it is answered."""

    __tablename__ = "friend_requests"
    __owned_by__ = ("from_user_id", "to_user_id")
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

    from_user: Mapped[User] = relationship(
        back_populates="sent_requests", foreign_keys=from_user_id, lazy="raise", doc="The sender."
    )
    to_user: Mapped[User] = relationship(
        back_populates="received_requests", foreign_keys=to_user_id, lazy="raise", doc="The receiver."
    )


class Message(Record):
    """A direct message."""

    __tablename__ = "messages"
    __owned_by__ = ("sender_id", "receiver_id")
    __table_args__ = (
        Index(
            "ix_messages_pair", text("least(sender_id, receiver_id)"), text("greatest(sender_id, receiver_id)"), "id"
        ),
        Index(None, "sender_id", "id"),
        Index("ix_messages_unread", "receiver_id", "sender_id", postgresql_where=text("NOT is_read")),
    )

    sender_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    receiver_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    content: Mapped[str] = mapped_column(
        String(limits.MESSAGE_LENGTH_MAX), doc="The text; empty once the sender took the message back."
    )
    is_read: Mapped[bool] = mapped_column(default=False, doc="Whether the receiver has read it.")
    read_at: Mapped[datetime | None] = mapped_column(doc="When the receiver read it.")
    deleted_at: Mapped[datetime | None] = mapped_column(doc="When the sender took it back.")

    sender: Mapped[User] = relationship(foreign_keys=sender_id, lazy="raise", doc="The sender.")
    receiver: Mapped[User] = relationship(foreign_keys=receiver_id, lazy="raise", doc="The receiver.")


class Conversation(Record):
    """A conversation between two users, from one side."""

    __tablename__ = "conversations"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("user_id", "other_id"),
        CheckConstraint("unread_count >= 0", name="count"),
        Index(None, "user_id", "last_message_id", "id"),
        Index(None, "last_message_id", "id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    other_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True, info=not_exported("each side has a row of its own")
    )
    # Triggers keep both; see the migration.
    last_message_id: Mapped[int] = mapped_column(
        ForeignKey("messages.id", ondelete="CASCADE"), info=not_exported("the message itself is exported")
    )
    unread_count: Mapped[int] = mapped_column(default=0, doc="The number of unread messages from the other user.")

    other: Mapped[User] = relationship(foreign_keys=other_id, lazy="raise", doc="The other user.")
    last_message: Mapped[Message] = relationship(lazy="raise", doc="The latest message.")


class Block(Record):
    """A block. If you block someone, neither of you sees the other."""

    __tablename__ = "blocks"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("user_id", "blocked_id"),
        CheckConstraint("user_id <> blocked_id", name="others"),
        Index(None, "user_id", "id"),
        Index(None, "blocked_id", "user_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    blocked_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("the blocked user does not learn of it")
    )
    username: Mapped[str] = mapped_column(
        String(USERNAME_LENGTH_MAX), doc="The other user's username when the block was made."
    )


class Mute(Record):
    """A mute. It hides another user's activity; they cannot see it."""

    __tablename__ = "mutes"
    __owned_by__ = ("user_id",)
    __table_args__ = (
        UniqueConstraint("user_id", "muted_id"),
        CheckConstraint("user_id <> muted_id", name="others"),
        Index(None, "user_id", "id"),
        Index(None, "muted_id"),
    )

    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    muted_id: Mapped[int] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), info=not_exported("the muted user does not learn of it")
    )
    expires_at: Mapped[datetime | None] = mapped_column(doc="When it ends; null for never.")

    muted: Mapped[User] = relationship(foreign_keys=muted_id, lazy="raise", doc="The muted user.")


USER_POSTS = add_relationship(
    User,
    "posts",
    relationship(
        Post,
        back_populates="author",
        primaryjoin="and_(Post.author_id == User.id, Post.deleted_at.is_(None))",
        lazy="raise",
        doc="The user's posts, including replies.",
    ),
)
USER_LIKES = add_relationship(
    User, "likes", relationship(Like, back_populates="user", lazy="raise", doc="The user's likes.")
)
USER_SENT_REQUESTS = add_relationship(
    User,
    "sent_requests",
    relationship(
        FriendRequest,
        back_populates="from_user",
        foreign_keys=FriendRequest.from_user_id,
        lazy="raise",
        doc="The open friend requests that the user sent. Viewers see only requests from or to themselves.",
    ),
)
USER_RECEIVED_REQUESTS = add_relationship(
    User,
    "received_requests",
    relationship(
        FriendRequest,
        back_populates="to_user",
        foreign_keys=FriendRequest.to_user_id,
        lazy="raise",
        doc="The open friend requests to the user. Viewers see only requests from or to themselves.",
    ),
)
USER_FRIENDSHIPS = add_relationship(
    User,
    "friendships",
    relationship(
        Friendship, back_populates="user", foreign_keys=Friendship.user_id, lazy="raise", doc="The user's friends."
    ),
)
