"""Open a market"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None

PUBLIC = "machine_api_solving_is_public OR machine_machine_is_duplicatable"
CHECKS = {
    ("reservations", "payee"): "(currency = 'USD') = (payee_id IS NOT NULL)",
    ("reservations", "commission"): "commission BETWEEN 0 AND amount",
    ("spending_rules", "month_usd_notice"): "month_usd_notice >= 0",
    ("spending_rules", "month_usd_max"): "month_usd_max >= 0",
}
# What is public already is offered, at prices that the ledger can post.
LISTED = """
INSERT INTO listings (machine_id, seller_id, kind, price_usd, update_price_usd)
SELECT id, machine_owner_user_id, '{kind}', least(round(coalesce({price}, 0), 8), 999999999), {update}
FROM machines WHERE {flag} AND deleted_at IS NULL
"""
KINDS = (
    ("API_SOLVING", "machine_api_solving_price_usd", "0", "machine_api_solving_is_public"),
    ("DATA_SOURCE", "machine_data_source_price_usd", "0", "machine_data_source_is_public"),
    (
        "MACHINE_COPY",
        "machine_machine_copy_cost_usd",
        "least(round(coalesce(machine_machine_copy_update_cost_usd, 0), 8), 999999999)",
        "machine_machine_is_duplicatable",
    ),
)


def upgrade() -> None:
    op.create_table(
        "listings",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("seller_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "API_SOLVING",
                "DATA_SOURCE",
                "MACHINE_COPY",
                name="listingkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_open", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("price_usd", sa.Numeric(precision=20, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("update_price_usd", sa.Numeric(precision=20, scale=8), server_default=sa.text("0"), nullable=False),
        sa.Column("summary", sa.String(length=1000), server_default="", nullable=False),
        sa.Column("licence", sa.String(length=100), server_default="All rights reserved", nullable=False),
        sa.Column("licence_terms", sa.String(length=5000), server_default="", nullable=False),
        sa.Column("sample_line_count", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("caller_lines_per_day_notice", sa.Integer(), nullable=True),
        sa.Column("caller_lines_per_day_max", sa.Integer(), nullable=True),
        sa.Column("buyers_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("reviews_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("rating", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price_usd >= 0 AND price_usd <> 'NaN'", name=op.f("ck_listings_price")),
        sa.CheckConstraint(
            "update_price_usd >= 0 AND update_price_usd <> 'NaN'", name=op.f("ck_listings_update_price")
        ),
        sa.CheckConstraint("buyers_count >= 0 AND reviews_count >= 0", name=op.f("ck_listings_counts")),
        sa.CheckConstraint("caller_lines_per_day_max > 0", name=op.f("ck_listings_limit")),
        sa.CheckConstraint("caller_lines_per_day_notice > 0", name=op.f("ck_listings_notice")),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_listings_machine_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["seller_id"], ["users.id"], name=op.f("fk_listings_seller_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listings")),
    )
    op.create_index(
        "ix_listings_buyers", "listings", ["buyers_count", "id"], unique=False, postgresql_where=sa.text("is_open")
    )
    op.create_index("ix_listings_open", "listings", ["id"], unique=False, postgresql_where=sa.text("is_open"))
    op.create_index(
        "ix_listings_price", "listings", ["price_usd", "id"], unique=False, postgresql_where=sa.text("is_open")
    )
    op.create_index(
        "ix_listings_rating", "listings", ["rating", "id"], unique=False, postgresql_where=sa.text("is_open")
    )
    op.create_index(op.f("ix_listings_machine_id_id"), "listings", ["machine_id", "id"], unique=False)
    op.create_index(op.f("ix_listings_seller_id_id"), "listings", ["seller_id", "id"], unique=False)
    op.create_index("uq_listings_machine_id_kind", "listings", ["machine_id", "kind"], unique=True)
    op.create_table(
        "listing_reviews",
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("stars", sa.SmallInteger(), nullable=False),
        sa.Column("comment", sa.String(length=2000), server_default="", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_listing_reviews_stars")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_reviews_listing_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_listing_reviews_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_reviews")),
    )
    op.create_index(op.f("ix_listing_reviews_listing_id_id"), "listing_reviews", ["listing_id", "id"], unique=False)
    op.create_index(op.f("ix_listing_reviews_user_id_id"), "listing_reviews", ["user_id", "id"], unique=False)
    op.create_index("uq_listing_reviews_listing_id_user_id", "listing_reviews", ["listing_id", "user_id"], unique=True)
    op.create_table(
        "listing_usages",
        sa.Column("listing_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("calls_count", sa.Integer(), nullable=False),
        sa.Column("lines_count", sa.BigInteger(), nullable=False),
        sa.Column("price_usd", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("licence", sa.String(length=100), nullable=False),
        sa.Column("licence_terms", sa.String(length=5000), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price_usd >= 0 AND price_usd <> 'NaN'", name=op.f("ck_listing_usages_price")),
        sa.CheckConstraint("calls_count > 0 AND lines_count > 0", name=op.f("ck_listing_usages_counts")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_usages_listing_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_listing_usages_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_usages")),
    )
    op.create_index(op.f("ix_listing_usages_user_id_id"), "listing_usages", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_listing_usages_listing_id_user_id_day", "listing_usages", ["listing_id", "user_id", "day"], unique=True
    )
    op.create_table(
        "purchases",
        sa.Column("buyer_id", sa.BigInteger(), nullable=False),
        sa.Column("listing_id", sa.BigInteger(), nullable=True),
        sa.Column("machine_id", sa.BigInteger(), nullable=True),
        sa.Column("copy_id", sa.BigInteger(), nullable=True),
        sa.Column("operation_id", sa.BigInteger(), nullable=True),
        sa.Column("job_key", sa.BigInteger(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "DATA_SOURCE",
                "MACHINE_COPY",
                "MACHINE_COPY_UPDATE",
                name="purchasekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum(
                "PENDING",
                "COMPLETED",
                "FAILED",
                name="purchasestate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("machine_name", sa.String(length=500), nullable=False),
        sa.Column("price_usd", sa.Numeric(precision=20, scale=8), nullable=False),
        sa.Column("licence", sa.String(length=100), nullable=False),
        sa.Column("licence_terms", sa.String(length=5000), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("price_usd >= 0 AND price_usd <> 'NaN'", name=op.f("ck_purchases_price")),
        sa.CheckConstraint("operation_id IS NULL OR price_usd > 0", name=op.f("ck_purchases_operation")),
        sa.ForeignKeyConstraint(["buyer_id"], ["users.id"], name=op.f("fk_purchases_buyer_id")),
        sa.ForeignKeyConstraint(["copy_id"], ["machines.id"], name=op.f("fk_purchases_copy_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_purchases_listing_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_purchases_machine_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["operation_id"], ["operations.id"], name=op.f("fk_purchases_operation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchases")),
    )
    op.create_index(op.f("ix_purchases_buyer_id_id"), "purchases", ["buyer_id", "id"], unique=False)
    op.create_index(op.f("ix_purchases_copy_id"), "purchases", ["copy_id"], unique=False)
    op.create_index(op.f("ix_purchases_listing_id"), "purchases", ["listing_id"], unique=False)
    op.create_index(op.f("ix_purchases_machine_id"), "purchases", ["machine_id"], unique=False)
    op.create_index(op.f("ix_purchases_operation_id"), "purchases", ["operation_id"], unique=False)
    op.create_index(
        "ix_purchases_pending", "purchases", ["job_key"], unique=False, postgresql_where=sa.text("state = 'PENDING'")
    )
    op.create_index(
        "uq_purchases_bought",
        "purchases",
        ["buyer_id", "machine_id", "kind"],
        unique=True,
        postgresql_where=sa.text(
            "state <> 'FAILED' AND (kind = 'DATA_SOURCE' OR (kind = 'MACHINE_COPY' AND copy_id IS NOT NULL))"
        ),
    )
    op.add_column(
        "machine_lines", sa.Column("is_copied", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("reservations", sa.Column("payee_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "reservations",
        sa.Column("commission", sa.Numeric(precision=20, scale=8), server_default=sa.text("0"), nullable=False),
    )
    op.create_index(op.f("ix_reservations_payee_id"), "reservations", ["payee_id"], unique=False)
    op.create_foreign_key(op.f("fk_reservations_payee_id"), "reservations", "users", ["payee_id"], ["id"])
    op.add_column("spending_rules", sa.Column("month_usd_notice", sa.Numeric(precision=20, scale=8), nullable=True))
    op.add_column("spending_rules", sa.Column("month_usd_max", sa.Numeric(precision=20, scale=8), nullable=True))
    for (table, name), condition in CHECKS.items():
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({condition}) NOT VALID")
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT ck_{table}_{name}")
    op.drop_index("ix_machines_public", table_name="machines")
    where = sa.text(f"{PUBLIC} OR machine_data_source_is_public")
    op.create_index("ix_machines_public", "machines", ["id"], postgresql_where=where)
    for kind, price, update, flag in KINDS:
        op.execute(LISTED.format(kind=kind, price=price, update=update, flag=flag))


def downgrade() -> None:
    op.drop_index("ix_machines_public", table_name="machines")
    op.create_index("ix_machines_public", "machines", ["id"], postgresql_where=sa.text(PUBLIC))
    op.drop_column("spending_rules", "month_usd_max")
    op.drop_column("spending_rules", "month_usd_notice")
    op.drop_column("reservations", "commission")
    op.drop_column("reservations", "payee_id")
    op.drop_column("machine_lines", "is_copied")
    op.drop_table("purchases")
    op.drop_table("listing_usages")
    op.drop_table("listing_reviews")
    op.drop_table("listings")
