"""Exchange camera-trap data"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

STATUS = sa.Enum(
    "SUBMITTED",
    "RUNNING",
    "FINISHED",
    "UNCHANGED",
    "FAILED",
    name="exchangestatus",
    native_enum=False,
    create_constraint=True,
    length=40,
)
IMPORTED = sa.Enum(
    "CAMTRAP_DP",
    "MEGADETECTOR",
    "SPECIESNET",
    "WILDLIFE_INSIGHTS",
    "CLASSIFICATIONS",
    name="wildlifeimportformat",
    native_enum=False,
    create_constraint=True,
    length=40,
)
EXPORTED = sa.Enum(
    "CAMTRAP_DP",
    "OBSERVATIONS_CSV",
    name="wildlifeexportformat",
    native_enum=False,
    create_constraint=True,
    length=40,
)
NOTHING = sa.text("'{}'")


def upgrade() -> None:
    op.create_table(
        "wildlife_imports",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("classification_project_id", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("format", IMPORTED, nullable=False),
        sa.Column("format_version", sa.String(length=40), nullable=True),
        sa.Column("status", STATUS, nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("keep_good", sa.Boolean(), nullable=False),
        sa.Column("files", postgresql.JSONB(), nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=NOTHING, nullable=False),
        sa.Column("content_sha256", sa.String(length=64), nullable=True),
        sa.Column("counts", postgresql.JSONB(), server_default=NOTHING, nullable=False),
        sa.Column("problems", postgresql.JSONB(), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("error_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("warning_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=True),
        sa.Column("unmatched", sa.Integer(), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        *_keys("wildlife_imports"),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_wildlife_imports_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"], ["ai_providers.id"], name=op.f("fk_wildlife_imports_provider_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wildlife_imports")),
    )
    op.create_table(
        "wildlife_exports",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("classification_project_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("format", EXPORTED, nullable=False),
        sa.Column("format_version", sa.String(length=40), nullable=True),
        sa.Column("status", STATUS, nullable=False),
        sa.Column("options", postgresql.JSONB(), server_default=NOTHING, nullable=False),
        sa.Column("counts", postgresql.JSONB(), server_default=NOTHING, nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "(status = 'FINISHED') = (storage_key IS NOT NULL)", name=op.f("ck_wildlife_exports_storage_key")
        ),
        *_keys("wildlife_exports"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_wildlife_exports")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_wildlife_exports_storage_key")),
    )
    for table, names in INDEXES.items():
        for columns in names:
            op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    op.create_index(
        "ix_wildlife_imports_content",
        "wildlife_imports",
        ["research_project_id", "content_sha256"],
        postgresql_where=sa.text("status = 'FINISHED' AND NOT dry_run"),
    )


INDEXES = {
    "wildlife_imports": [
        ["user_id", "id"],
        ["research_project_id", "id"],
        ["classification_project_id", "id"],
        ["provider_id"],
        ["job_id"],
    ],
    "wildlife_exports": [["user_id", "id"], ["classification_project_id", "id"], ["job_id"]],
}


def _keys(table: str) -> list[sa.ForeignKeyConstraint]:
    ends = {
        "user_id": ("users.id", "CASCADE"),
        "classification_project_id": ("classification_projects.id", "CASCADE"),
        "job_id": ("jobs.id", "SET NULL"),
    }
    return [
        sa.ForeignKeyConstraint([column], [end], name=op.f(f"fk_{table}_{column}"), ondelete=rule)
        for column, (end, rule) in ends.items()
    ]


def downgrade() -> None:
    op.drop_table("wildlife_exports")
    op.drop_table("wildlife_imports")
