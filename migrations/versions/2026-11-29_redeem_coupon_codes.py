"""Redeem coupon codes"""

import sqlalchemy as sa
from alembic import op

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coupon_codes",
        sa.Column("issued_by_id", sa.BigInteger(), nullable=False),
        sa.Column("coupon_code", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("amount", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("uses", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("uses_max", sa.Integer(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("coupons_expire_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("amount > 0 AND amount <> 'NaN'", name=op.f("ck_coupon_codes_amount")),
        sa.CheckConstraint("uses BETWEEN 0 AND uses_max", name=op.f("ck_coupon_codes_uses")),
        sa.CheckConstraint("priority BETWEEN 1 AND 50", name=op.f("ck_coupon_codes_priority")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["users.id"], name=op.f("fk_coupon_codes_issued_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_coupon_codes")),
        sa.UniqueConstraint("coupon_code", name=op.f("uq_coupon_codes_coupon_code")),
    )
    op.create_index(op.f("ix_coupon_codes_issued_by_id"), "coupon_codes", ["issued_by_id"])
    op.add_column("grants", sa.Column("coupon_code_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(op.f("fk_grants_coupon_code_id"), "grants", "coupon_codes", ["coupon_code_id"], ["id"])
    op.create_index(
        "uq_grants_coupon_code",
        "grants",
        ["coupon_code_id", "user_id"],
        unique=True,
        postgresql_where=sa.text("coupon_code_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_column("grants", "coupon_code_id")
    op.drop_table("coupon_codes")
