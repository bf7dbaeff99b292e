"""Connect AI Managers and keep their models"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

KINDS = ("TRAPPER", "EXTERNAL", "LOCAL")
TYPES = ("DETECTION", "CLASSIFICATION", "DEPTH", "POSE")


def _id() -> list[sa.Column]:
    return [
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    ]


def _flag(name: str, default: str) -> sa.Column:
    return sa.Column(name, sa.Boolean(), server_default=sa.text(default), nullable=False)


def upgrade() -> None:
    op.create_table(
        "ai_provider_connections",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("api_url", sa.String(length=200), nullable=False),
        sa.Column("api_auth_login", sa.String(length=200), nullable=False),
        sa.Column("api_auth_passw", sa.Text(), nullable=False),
        sa.Column("trapper_instance_url", sa.String(length=200), nullable=False),
        _flag("is_active", "true"),
        _flag("is_shared", "false"),
        sa.Column("last_synced", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sync_error", sa.String(length=500), nullable=True),
        *_id(),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_ai_provider_connections_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_provider_connections")),
        sa.UniqueConstraint("user_id", "api_url", name=op.f("uq_ai_provider_connections_user_id_api_url")),
    )
    op.create_index(op.f("ix_ai_provider_connections_user_id_id"), "ai_provider_connections", ["user_id", "id"])
    op.create_table(
        "ai_providers",
        sa.Column(
            "kind",
            sa.Enum(
                *KINDS,
                name=op.f("ck_ai_providers_aiproviderkind"),
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("connection_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.String(length=100), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "provider_type",
            sa.Enum(
                *TYPES,
                name=op.f("ck_ai_providers_aiprovidertype"),
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        _flag("video_support", "false"),
        _flag("object_based", "true"),
        _flag("crop_image", "false"),
        sa.Column("remote_id", sa.Uuid(), nullable=True),
        sa.Column(
            "categories",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("keypoint_topology", postgresql.JSONB(astext_type=sa.Text(), none_as_null=True), nullable=True),
        _flag("is_active", "true"),
        sa.Column("model_file_hash", sa.String(length=64), nullable=True),
        _flag("keep_synced", "true"),
        sa.Column("last_synced", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_salt", sa.LargeBinary(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        *_id(),
        sa.CheckConstraint("connection_id IS NULL OR kind = 'TRAPPER'", name=op.f("ck_ai_providers_connection")),
        sa.CheckConstraint("remote_id IS NULL OR kind = 'TRAPPER'", name=op.f("ck_ai_providers_remote_id")),
        sa.CheckConstraint(
            "keypoint_topology IS NULL OR provider_type = 'POSE'", name=op.f("ck_ai_providers_keypoint_topology")
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_ai_providers_user_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["connection_id"],
            ["ai_provider_connections.id"],
            name=op.f("fk_ai_providers_connection_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ai_providers")),
        sa.UniqueConstraint("connection_id", "remote_id", name=op.f("uq_ai_providers_connection_id_remote_id")),
    )
    for column in ("user_id", "connection_id", "name"):
        op.create_index(op.f(f"ix_ai_providers_{column}_id"), "ai_providers", [column, "id"])


def downgrade() -> None:
    op.drop_table("ai_providers")
    op.drop_table("ai_provider_connections")
