"""Add teams"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "teams",
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("admin_user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["admin_user_id"], ["users.id"], name=op.f("fk_teams_admin_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_teams")),
    )
    op.create_index(op.f("ix_teams_name_id"), "teams", ["name", "id"], unique=False)
    op.create_index(
        "uq_teams_admin_user_id_name", "teams", ["admin_user_id", sa.literal_column("lower(name)")], unique=True
    )
    op.create_table(
        "team_invitations",
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("uses_max", sa.Integer(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("uses BETWEEN 0 AND uses_max", name=op.f("ck_team_invitations_uses")),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_invitations_team_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_team_invitations_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_invitations")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_team_invitations_token_hash")),
    )
    op.create_index(op.f("ix_team_invitations_team_id_id"), "team_invitations", ["team_id", "id"], unique=False)
    op.create_index(op.f("ix_team_invitations_user_id"), "team_invitations", ["user_id"], unique=False)
    op.create_table(
        "team_memberships",
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_team_memberships_team_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_team_memberships_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team_memberships")),
        sa.UniqueConstraint("team_id", "user_id", name=op.f("uq_team_memberships_team_id_user_id")),
    )
    op.create_index(op.f("ix_team_memberships_team_id_id"), "team_memberships", ["team_id", "id"], unique=False)
    op.create_index(op.f("ix_team_memberships_user_id_id"), "team_memberships", ["user_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_team_memberships_user_id_id"), table_name="team_memberships")
    op.drop_index(op.f("ix_team_memberships_team_id_id"), table_name="team_memberships")
    op.drop_table("team_memberships")
    op.drop_index(op.f("ix_team_invitations_user_id"), table_name="team_invitations")
    op.drop_index(op.f("ix_team_invitations_team_id_id"), table_name="team_invitations")
    op.drop_table("team_invitations")
    op.drop_index("uq_teams_admin_user_id_name", table_name="teams")
    op.drop_index(op.f("ix_teams_name_id"), table_name="teams")
    op.drop_table("teams")
