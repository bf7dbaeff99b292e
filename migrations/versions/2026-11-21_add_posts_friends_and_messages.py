"""Add posts, friends and messages"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


COUNTERS = """
CREATE FUNCTION count_likes() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE posts SET likes_count = likes_count + 1 WHERE TG_OP = 'INSERT' AND id = NEW.post_id;
    UPDATE posts SET likes_count = likes_count - 1 WHERE TG_OP = 'DELETE' AND id = OLD.post_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_likes AFTER INSERT OR DELETE ON likes FOR EACH ROW EXECUTE FUNCTION count_likes();

CREATE FUNCTION count_shares() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE posts SET shares_count = shares_count + 1 WHERE TG_OP = 'INSERT' AND id = NEW.post_id;
    UPDATE posts SET shares_count = shares_count - 1 WHERE TG_OP = 'DELETE' AND id = OLD.post_id;
    RETURN NULL;
END $$;
CREATE TRIGGER count_shares AFTER INSERT OR DELETE ON shares FOR EACH ROW EXECUTE FUNCTION count_shares();

CREATE FUNCTION count_replies() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    -- What is left of a deleted reply does not count.
    UPDATE posts SET comment_count = comment_count - 1
    WHERE TG_OP IN ('DELETE', 'UPDATE') AND id = OLD.parent_id AND OLD.deleted_at IS NULL;
    UPDATE posts SET comment_count = comment_count + 1
    WHERE TG_OP IN ('INSERT', 'UPDATE') AND id = NEW.parent_id AND NEW.deleted_at IS NULL;
    RETURN NULL;
END $$;
CREATE TRIGGER count_replies AFTER INSERT OR DELETE OR UPDATE OF deleted_at ON posts
    FOR EACH ROW EXECUTE FUNCTION count_replies();
"""
CONVERSATIONS = """
CREATE FUNCTION message_sent() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    -- In the order of their keys, so that two who write to each other at once do not wait for each other for ever.
    INSERT INTO conversations (user_id, other_id, last_message_id, unread_count)
    SELECT user_id, other_id, NEW.id, sum(unread) FROM (VALUES
        (NEW.sender_id, NEW.receiver_id, 0),
        (NEW.receiver_id, NEW.sender_id, CASE WHEN NEW.is_read THEN 0 ELSE 1 END)
    ) AS sides (user_id, other_id, unread)
    GROUP BY user_id, other_id ORDER BY user_id
    ON CONFLICT (user_id, other_id) DO UPDATE SET
        last_message_id = greatest(conversations.last_message_id, excluded.last_message_id),
        unread_count = conversations.unread_count + excluded.unread_count;
    RETURN NULL;
END $$;
CREATE TRIGGER message_sent AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION message_sent();

CREATE FUNCTION messages_read() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    UPDATE conversations SET unread_count = unread_count + changed.unread FROM (
        SELECT receiver_id, sender_id, sum(before.is_read::int - after.is_read::int) AS unread
        FROM before JOIN after USING (id, receiver_id, sender_id) GROUP BY receiver_id, sender_id
    ) AS changed
    WHERE user_id = changed.receiver_id AND other_id = changed.sender_id AND changed.unread <> 0;
    RETURN NULL;
END $$;
CREATE TRIGGER messages_read AFTER UPDATE ON messages REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION messages_read();
"""
FUNCTIONS = ("count_likes", "count_shares", "count_replies", "message_sent", "messages_read")


def upgrade() -> None:
    op.create_table(
        "blocks",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("blocked_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=150), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("user_id <> blocked_id", name=op.f("ck_blocks_others")),
        sa.ForeignKeyConstraint(["blocked_id"], ["users.id"], name=op.f("fk_blocks_blocked_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_blocks_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocks")),
        sa.UniqueConstraint("user_id", "blocked_id", name=op.f("uq_blocks_user_id_blocked_id")),
    )
    op.create_index(op.f("ix_blocks_blocked_id_user_id"), "blocks", ["blocked_id", "user_id"], unique=False)
    op.create_index(op.f("ix_blocks_user_id_id"), "blocks", ["user_id", "id"], unique=False)
    op.create_table(
        "friend_requests",
        sa.Column("from_user_id", sa.BigInteger(), nullable=False),
        sa.Column("to_user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("from_user_id <> to_user_id", name=op.f("ck_friend_requests_others")),
        sa.ForeignKeyConstraint(
            ["from_user_id"], ["users.id"], name=op.f("fk_friend_requests_from_user_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["to_user_id"], ["users.id"], name=op.f("fk_friend_requests_to_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_friend_requests")),
    )
    op.create_index(op.f("ix_friend_requests_from_user_id_id"), "friend_requests", ["from_user_id", "id"], unique=False)
    op.create_index(op.f("ix_friend_requests_to_user_id_id"), "friend_requests", ["to_user_id", "id"], unique=False)
    op.create_index(
        "uq_friend_requests_pair",
        "friend_requests",
        [sa.literal_column("least(from_user_id, to_user_id)"), sa.literal_column("greatest(from_user_id, to_user_id)")],
        unique=True,
    )
    op.create_table(
        "friendships",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("friend_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("user_id <> friend_id", name=op.f("ck_friendships_others")),
        sa.ForeignKeyConstraint(["friend_id"], ["users.id"], name=op.f("fk_friendships_friend_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_friendships_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_friendships")),
        sa.UniqueConstraint("user_id", "friend_id", name=op.f("uq_friendships_user_id_friend_id")),
    )
    op.create_index(op.f("ix_friendships_friend_id"), "friendships", ["friend_id"], unique=False)
    op.create_index(op.f("ix_friendships_user_id_id"), "friendships", ["user_id", "id"], unique=False)
    op.create_table(
        "messages",
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("receiver_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(length=5000), nullable=False),
        sa.Column("is_read", sa.Boolean(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["receiver_id"], ["users.id"], name=op.f("fk_messages_receiver_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["sender_id"], ["users.id"], name=op.f("fk_messages_sender_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_messages")),
    )
    op.create_index(
        "ix_messages_pair",
        "messages",
        [
            sa.literal_column("least(sender_id, receiver_id)"),
            sa.literal_column("greatest(sender_id, receiver_id)"),
            "id",
        ],
        unique=False,
    )
    op.create_index(op.f("ix_messages_sender_id_id"), "messages", ["sender_id", "id"], unique=False)
    op.create_index(
        "ix_messages_unread",
        "messages",
        ["receiver_id", "sender_id"],
        unique=False,
        postgresql_where=sa.text("NOT is_read"),
    )
    op.create_table(
        "mutes",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("muted_id", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("user_id <> muted_id", name=op.f("ck_mutes_others")),
        sa.ForeignKeyConstraint(["muted_id"], ["users.id"], name=op.f("fk_mutes_muted_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mutes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mutes")),
        sa.UniqueConstraint("user_id", "muted_id", name=op.f("uq_mutes_user_id_muted_id")),
    )
    op.create_index(op.f("ix_mutes_muted_id"), "mutes", ["muted_id"], unique=False)
    op.create_index(op.f("ix_mutes_user_id_id"), "mutes", ["user_id", "id"], unique=False)
    op.create_table(
        "posts",
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(length=500), nullable=False),
        sa.Column(
            "type",
            sa.Enum(
                "THOUGHTS", "MEDIA", "MILESTONES", name="posttype", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("media_url", sa.String(length=500), nullable=True),
        sa.Column("media_key", sa.String(length=200), nullable=True),
        sa.Column("media_type", sa.String(length=100), nullable=True),
        sa.Column("alt_text", sa.String(length=1000), nullable=True),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("root_id", sa.BigInteger(), nullable=True),
        sa.Column("depth", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("likes_count", sa.Integer(), nullable=False),
        sa.Column("comment_count", sa.Integer(), nullable=False),
        sa.Column("shares_count", sa.Integer(), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_key", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(parent_id IS NULL) = (depth = 0) AND (parent_id IS NULL) = (root_id IS NULL)", name=op.f("ck_posts_depth")
        ),
        sa.CheckConstraint(
            "likes_count >= 0 AND comment_count >= 0 AND shares_count >= 0", name=op.f("ck_posts_counts")
        ),
        sa.ForeignKeyConstraint(["author_id"], ["users.id"], name=op.f("fk_posts_author_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["parent_id"], ["posts.id"], name=op.f("fk_posts_parent_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["root_id"], ["posts.id"], name=op.f("fk_posts_root_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_posts")),
    )
    op.create_index(op.f("ix_posts_author_id_id"), "posts", ["author_id", "id"], unique=False)
    op.create_index(
        "ix_posts_feed",
        "posts",
        ["id"],
        unique=False,
        postgresql_where=sa.text("parent_id IS NULL AND deleted_at IS NULL"),
    )
    op.create_index(op.f("ix_posts_parent_id_id"), "posts", ["parent_id", "id"], unique=False)
    op.create_index(op.f("ix_posts_root_id_id"), "posts", ["root_id", "id"], unique=False)
    op.create_index(
        "ix_posts_search",
        "posts",
        [sa.literal_column("to_tsvector('simple', content)")],
        unique=False,
        postgresql_using="gin",
    )
    op.create_index(
        "ix_posts_subject",
        "posts",
        ["subject_type", "subject_key", "id"],
        unique=False,
        postgresql_where=sa.text("subject_key IS NOT NULL"),
    )
    op.create_table(
        "reports",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_type", sa.String(length=40), nullable=False),
        sa.Column("subject_key", sa.BigInteger(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "SPAM",
                "HARASSMENT",
                "HATE",
                "VIOLENCE",
                "SEXUAL",
                "ILLEGAL",
                "OTHER",
                name="reportreason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("comment", sa.String(length=500), nullable=True),
        sa.Column(
            "state",
            sa.Enum(
                "OPEN",
                "ACTED_UPON",
                "DISMISSED",
                name="reportstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("resolution", sa.String(length=500), nullable=True),
        sa.Column("resolved_by_id", sa.BigInteger(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["resolved_by_id"], ["users.id"], name=op.f("fk_reports_resolved_by_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_reports_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reports")),
    )
    op.create_index(op.f("ix_reports_resolved_by_id"), "reports", ["resolved_by_id"], unique=False)
    op.create_index(op.f("ix_reports_state_id"), "reports", ["state", "id"], unique=False)
    op.create_index(op.f("ix_reports_user_id_id"), "reports", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_reports_open",
        "reports",
        ["user_id", "subject_type", "subject_key"],
        unique=True,
        postgresql_where=sa.text("state = 'OPEN'"),
    )
    op.create_table(
        "conversations",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=False),
        sa.Column("last_message_id", sa.BigInteger(), nullable=False),
        sa.Column("unread_count", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("unread_count >= 0", name=op.f("ck_conversations_count")),
        sa.ForeignKeyConstraint(
            ["last_message_id"], ["messages.id"], name=op.f("fk_conversations_last_message_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["other_id"], ["users.id"], name=op.f("fk_conversations_other_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_conversations_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sa.UniqueConstraint("user_id", "other_id", name=op.f("uq_conversations_user_id_other_id")),
    )
    op.create_index(
        op.f("ix_conversations_last_message_id_id"), "conversations", ["last_message_id", "id"], unique=False
    )
    op.create_index(op.f("ix_conversations_other_id"), "conversations", ["other_id"], unique=False)
    op.create_index(
        op.f("ix_conversations_user_id_last_message_id_id"),
        "conversations",
        ["user_id", "last_message_id", "id"],
        unique=False,
    )
    op.create_table(
        "likes",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_likes_post_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_likes_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_likes")),
        sa.UniqueConstraint("user_id", "post_id", name=op.f("uq_likes_user_id_post_id")),
    )
    op.create_index(op.f("ix_likes_post_id_id"), "likes", ["post_id", "id"], unique=False)
    op.create_index(op.f("ix_likes_user_id_id"), "likes", ["user_id", "id"], unique=False)
    op.create_table(
        "post_hashtags",
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_hashtags_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_hashtags")),
        sa.UniqueConstraint("post_id", "name", name=op.f("uq_post_hashtags_post_id_name")),
    )
    op.create_index(op.f("ix_post_hashtags_name_post_id"), "post_hashtags", ["name", "post_id"], unique=False)
    op.create_table(
        "post_mentions",
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_mentions_post_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_post_mentions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_mentions")),
        sa.UniqueConstraint("post_id", "user_id", name=op.f("uq_post_mentions_post_id_user_id")),
    )
    op.create_index(op.f("ix_post_mentions_user_id_id"), "post_mentions", ["user_id", "id"], unique=False)
    op.create_table(
        "post_revisions",
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.String(length=500), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_post_revisions_post_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_post_revisions")),
    )
    op.create_index(op.f("ix_post_revisions_post_id_id"), "post_revisions", ["post_id", "id"], unique=False)
    op.create_table(
        "shares",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("post_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["post_id"], ["posts.id"], name=op.f("fk_shares_post_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_shares_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shares")),
        sa.UniqueConstraint("user_id", "post_id", name=op.f("uq_shares_user_id_post_id")),
    )
    op.create_index(op.f("ix_shares_post_id_id"), "shares", ["post_id", "id"], unique=False)
    op.execute(COUNTERS)
    op.execute(CONVERSATIONS)


def downgrade() -> None:
    op.drop_index(op.f("ix_shares_post_id_id"), table_name="shares")
    op.drop_table("shares")
    op.drop_index(op.f("ix_post_revisions_post_id_id"), table_name="post_revisions")
    op.drop_table("post_revisions")
    op.drop_index(op.f("ix_post_mentions_user_id_id"), table_name="post_mentions")
    op.drop_table("post_mentions")
    op.drop_index(op.f("ix_post_hashtags_name_post_id"), table_name="post_hashtags")
    op.drop_table("post_hashtags")
    op.drop_index(op.f("ix_likes_user_id_id"), table_name="likes")
    op.drop_index(op.f("ix_likes_post_id_id"), table_name="likes")
    op.drop_table("likes")
    op.drop_index(op.f("ix_conversations_user_id_last_message_id_id"), table_name="conversations")
    op.drop_index(op.f("ix_conversations_other_id"), table_name="conversations")
    op.drop_index(op.f("ix_conversations_last_message_id_id"), table_name="conversations")
    op.drop_table("conversations")
    op.drop_index("uq_reports_open", table_name="reports", postgresql_where=sa.text("state = 'OPEN'"))
    op.drop_index(op.f("ix_reports_user_id_id"), table_name="reports")
    op.drop_index(op.f("ix_reports_state_id"), table_name="reports")
    op.drop_index(op.f("ix_reports_resolved_by_id"), table_name="reports")
    op.drop_table("reports")
    op.drop_index("ix_posts_subject", table_name="posts", postgresql_where=sa.text("subject_key IS NOT NULL"))
    op.drop_index("ix_posts_search", table_name="posts", postgresql_using="gin")
    op.drop_index(op.f("ix_posts_root_id_id"), table_name="posts")
    op.drop_index(op.f("ix_posts_parent_id_id"), table_name="posts")
    op.drop_index(
        "ix_posts_feed", table_name="posts", postgresql_where=sa.text("parent_id IS NULL AND deleted_at IS NULL")
    )
    op.drop_index(op.f("ix_posts_author_id_id"), table_name="posts")
    op.drop_table("posts")
    op.drop_index(op.f("ix_mutes_user_id_id"), table_name="mutes")
    op.drop_index(op.f("ix_mutes_muted_id"), table_name="mutes")
    op.drop_table("mutes")
    op.drop_index("ix_messages_unread", table_name="messages", postgresql_where=sa.text("NOT is_read"))
    op.drop_index(op.f("ix_messages_sender_id_id"), table_name="messages")
    op.drop_index("ix_messages_pair", table_name="messages")
    op.drop_table("messages")
    op.drop_index(op.f("ix_friendships_user_id_id"), table_name="friendships")
    op.drop_index(op.f("ix_friendships_friend_id"), table_name="friendships")
    op.drop_table("friendships")
    op.drop_index("uq_friend_requests_pair", table_name="friend_requests")
    op.drop_index(op.f("ix_friend_requests_to_user_id_id"), table_name="friend_requests")
    op.drop_index(op.f("ix_friend_requests_from_user_id_id"), table_name="friend_requests")
    op.drop_table("friend_requests")
    op.drop_index(op.f("ix_blocks_user_id_id"), table_name="blocks")
    op.drop_index(op.f("ix_blocks_blocked_id_user_id"), table_name="blocks")
    op.drop_table("blocks")
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION {function}()")
