"""Tell together what several people did"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

KINDS = ("WORK", "TEAM", "ACCOUNT", "REPLY", "MENTION", "FRIEND_REQUEST", "FRIENDSHIP", "MESSAGE", "MODERATION")
SUBJECTS = """
UPDATE user_notifications SET told_at = created_at, kind = CASE subject_type
    WHEN 'Team' THEN 'TEAM'
    WHEN 'DataExport' THEN 'ACCOUNT'
    WHEN 'FriendRequest' THEN 'FRIEND_REQUEST'
    WHEN 'Friendship' THEN 'FRIENDSHIP'
    WHEN 'Message' THEN 'MESSAGE'
    ELSE 'WORK' END
"""
# A mail that waits to be sent says from when to when what it is to tell was told, no longer from which id to which.
MAILS = """
UPDATE mails SET facts = (
    SELECT jsonb_build_object('first', coalesce(min(told_at), now()), 'last', coalesce(max(told_at), now()))
    FROM user_notifications AS told
    WHERE told.user_id = mails.user_id AND id BETWEEN (facts->>'first')::bigint AND (facts->>'last')::bigint
) WHERE kind = 'NOTIFICATIONS' AND sent_at IS NULL
"""
MAILS_BEFORE = """
UPDATE mails SET facts = (
    SELECT jsonb_build_object('first', coalesce(min(id), 0), 'last', coalesce(max(id), 0))
    FROM user_notifications AS told WHERE told.user_id = mails.user_id
    AND told_at BETWEEN (facts->>'first')::timestamptz AND (facts->>'last')::timestamptz
) WHERE kind = 'NOTIFICATIONS' AND sent_at IS NULL
"""


def upgrade() -> None:
    op.create_table(
        "notification_actors",
        sa.Column("notification_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("subject_keys", sa.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["notification_id"],
            ["user_notifications.id"],
            name=op.f("fk_notification_actors_notification_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_notification_actors_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification_actors")),
        sa.UniqueConstraint("notification_id", "user_id", name=op.f("uq_notification_actors_notification_id_user_id")),
    )
    op.create_index(op.f("ix_notification_actors_notification_id_id"), "notification_actors", ["notification_id", "id"])
    op.create_index(op.f("ix_notification_actors_user_id"), "notification_actors", ["user_id"])
    kinds = sa.Enum(*KINDS, name="notificationkind", native_enum=False, create_constraint=True, length=40)
    told = sa.Column("told_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False)
    for column in (
        sa.Column("kind", kinds, server_default="WORK", nullable=False),
        told,
        sa.Column("group_key", sa.String(length=120), nullable=True),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("actors_count", sa.Integer(), server_default="0", nullable=False),
    ):
        op.add_column("user_notifications", column)
    op.execute(SUBJECTS)
    op.execute(MAILS)
    op.alter_column("user_notifications", "kind", server_default=None)
    op.alter_column("user_notifications", "actors_count", server_default=None)
    op.drop_index(op.f("ix_user_notifications_user_id_id"), table_name="user_notifications")
    for columns in (["actor_id"], ["told_at", "id"], ["user_id", "told_at", "id"]):
        op.create_index(op.f(f"ix_user_notifications_{'_'.join(columns)}"), "user_notifications", columns)
    op.create_index(
        "uq_user_notifications_group",
        "user_notifications",
        ["user_id", "group_key"],
        unique=True,
        postgresql_where=sa.text("NOT is_read"),
    )
    op.create_foreign_key(
        op.f("fk_user_notifications_actor_id"), "user_notifications", "users", ["actor_id"], ["id"], ondelete="SET NULL"
    )
    declined = sa.ARRAY(sa.Enum(*KINDS, name="notificationkind", native_enum=False, length=40))
    op.add_column("users", sa.Column("notifications_declined", declined, server_default="{}", nullable=False))
    op.alter_column("users", "notifications_declined", server_default=None)


def downgrade() -> None:
    op.drop_column("users", "notifications_declined")
    op.execute(MAILS_BEFORE)
    op.drop_constraint(op.f("fk_user_notifications_actor_id"), "user_notifications", type_="foreignkey")
    op.drop_index("uq_user_notifications_group", table_name="user_notifications")
    for columns in ("user_id_told_at_id", "told_at_id", "actor_id"):
        op.drop_index(op.f(f"ix_user_notifications_{columns}"), table_name="user_notifications")
    op.create_index(op.f("ix_user_notifications_user_id_id"), "user_notifications", ["user_id", "id"])
    for column in ("actors_count", "actor_id", "group_key", "told_at", "kind"):
        op.drop_column("user_notifications", column)
    op.drop_table("notification_actors")
