"""Train classifiers here, and rank what to look at"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# The flags are refreshed first: the rank rests on them.
RANK = """
ALTER FUNCTION refresh_finals(bigint[]) RENAME TO refresh_final_flags;
CREATE FUNCTION rank_finals(finals bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    UPDATE classifications AS final SET informativeness = ranked.value
    FROM (
        SELECT final.id, CASE WHEN final.is_approved THEN 0 ELSE
            (CASE WHEN final.disagrees THEN 2 ELSE 0 END)
            + CASE WHEN final.is_classified_ai THEN round(1 - coalesce(said.least, 1)::numeric, 1) ELSE 0.3 END
            + 0.09 / (1 + before.media)
        END::double precision AS value
        FROM classifications AS final
        JOIN resources AS own ON own.id = final.resource_id
        CROSS JOIN LATERAL (
            SELECT min(attr.classification_confidence) AS least
            FROM classifications AS one JOIN classification_attrs AS attr ON attr.classification_id = one.id
            WHERE one.final_id = final.id AND one.classification_type = 'AI' AND one.superseded_at IS NULL
        ) AS said
        CROSS JOIN LATERAL (
            SELECT count(*) AS media FROM (
                SELECT FROM resources AS earlier
                WHERE earlier.sequence_id = own.sequence_id AND earlier.id < own.id LIMIT 10
            ) AS few
        ) AS before
        WHERE final.id = ANY (finals) AND final.classification_type = 'FINAL'
    ) AS ranked
    WHERE final.id = ranked.id AND final.informativeness IS DISTINCT FROM ranked.value;
END $$;
CREATE FUNCTION refresh_finals(finals bigint[]) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    IF coalesce(cardinality(finals), 0) = 0 THEN RETURN; END IF;
    PERFORM refresh_final_flags(finals);
    PERFORM rank_finals(finals);
END $$;
"""
UNRANK = """
DROP FUNCTION refresh_finals(bigint[]);
DROP FUNCTION rank_finals(bigint[]);
ALTER FUNCTION refresh_final_flags(bigint[]) RENAME TO refresh_finals;
"""
ENGINES = ("MEGADETECTOR_LITE", "SPECIES_HEAD", "ONNX")
# The detector whose weights the set-up takes: a row of the installation, whether they are here or not.
BUILT_IN = """
INSERT INTO ai_providers (kind, name, version, description, provider_type, video_support, object_based, engine,
    model_file_hash, licence, categories)
VALUES ('LOCAL', 'MegadetectorLite', 'zamba 2.7.2',
    'Finds animals in pictures and videos, on this installation. It knows animals alone and also fires on people and '
    'vehicles: it is no filter for privacy.', 'DETECTION', true, true, 'MEGADETECTOR_LITE',
    '31f8690fc62f9d0756f1e8c09b0b02e5ade106173ed0a30743d47c004f88f4e0', 'MIT',
    '{"attributeMappings": [{"attributeType": "observation_type",
      "labels": [{"aiLabel": "animal", "value": "animal"}]}]}')
"""


def upgrade() -> None:
    # Rows of the kind that older code could only have made by hand have no engine: they ran nowhere.
    op.execute("UPDATE ai_providers SET kind = 'EXTERNAL' WHERE kind = 'LOCAL'")
    op.add_column(
        "ai_providers",
        sa.Column(
            "engine",
            sa.Enum(*ENGINES, name="localengine", native_enum=False, length=40),
            nullable=True,
        ),
    )
    op.create_check_constraint(op.f("ck_ai_providers_localengine"), "ai_providers", sa.text(f"engine IN {ENGINES}"))
    op.add_column("ai_providers", sa.Column("weights_key", sa.String(length=200), nullable=True))
    op.add_column("ai_providers", sa.Column("licence", sa.String(length=60), nullable=True))
    op.add_column("ai_providers", sa.Column("research_project_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_ai_providers_research_project_id"),
        "ai_providers",
        "research_projects",
        ["research_project_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_check_constraint(op.f("ck_ai_providers_engine"), "ai_providers", "(engine IS NULL) = (kind <> 'LOCAL')")
    op.create_check_constraint(
        op.f("ck_ai_providers_research_project"), "ai_providers", "research_project_id IS NULL OR kind = 'LOCAL'"
    )
    op.create_index(
        "uq_ai_providers_built_in",
        "ai_providers",
        ["engine", "model_file_hash"],
        unique=True,
        postgresql_where=sa.text("engine = 'MEGADETECTOR_LITE'"),
    )
    op.create_index(
        op.f("ix_ai_providers_research_project_id"),
        "ai_providers",
        ["research_project_id"],
        postgresql_where=sa.text("research_project_id IS NOT NULL"),
    )
    op.execute(BUILT_IN)
    _create_trainings()
    op.add_column(
        "classifications", sa.Column("informativeness", sa.Float(), server_default=sa.text("0.3"), nullable=False)
    )
    op.create_index(op.f("ix_classifications_informativeness_id"), "classifications", ["informativeness", "id"])
    op.create_index(
        "ix_classifications_informativeness",
        "classifications",
        ["project_id", "informativeness", "id"],
        postgresql_where=sa.text("classification_type = 'FINAL'"),
    )
    op.execute(RANK)


def _create_trainings() -> None:
    op.create_table(
        "species_classifier_trainings",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("provider_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "SUBMITTED",
                "RUNNING",
                "FINISHED",
                "FAILED",
                name="speciestrainingstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="SUBMITTED",
            nullable=False,
        ),
        sa.Column("gold_standard_only", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("species_ids", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.Column("crop_counts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("crops", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("training_crops", sa.Integer(), nullable=True),
        sa.Column("test_crops", sa.Integer(), nullable=True),
        sa.Column(
            "split_by",
            sa.Enum(
                "LOCATION", "SEQUENCE", name="evaluationsplit", native_enum=False, create_constraint=True, length=40
            ),
            nullable=True,
        ),
        sa.Column("accuracy", sa.Float(), nullable=True),
        sa.Column("balanced_accuracy", sa.Float(), nullable=True),
        sa.Column("baseline_accuracy", sa.Float(), nullable=True),
        sa.Column("expected_calibration_error", sa.Float(), nullable=True),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("seed BETWEEN 0 AND 2147483647", name=op.f("ck_species_classifier_trainings_seed")),
        sa.CheckConstraint(
            "(status = 'FAILED') = (failure IS NOT NULL)", name=op.f("ck_species_classifier_trainings_failure")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["classification_projects.id"],
            name=op.f("fk_species_classifier_trainings_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_species_classifier_trainings_user_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["provider_id"],
            ["ai_providers.id"],
            name=op.f("fk_species_classifier_trainings_provider_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_species_classifier_trainings_job_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_species_classifier_trainings")),
    )
    for columns in (["project_id", "id"], ["user_id", "id"], ["provider_id"], ["job_id"]):
        name = op.f(f"ix_species_classifier_trainings_{'_'.join(columns)}")
        op.create_index(name, "species_classifier_trainings", columns)
    op.create_index(
        "uq_species_classifier_trainings_unfinished",
        "species_classifier_trainings",
        ["project_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('SUBMITTED', 'RUNNING')"),
    )


def downgrade() -> None:
    op.execute(UNRANK)
    op.drop_index("ix_classifications_informativeness", table_name="classifications")
    op.drop_index(op.f("ix_classifications_informativeness_id"), table_name="classifications")
    op.drop_column("classifications", "informativeness")
    op.drop_table("species_classifier_trainings")
    op.execute(
        "DELETE FROM ai_providers WHERE engine = 'MEGADETECTOR_LITE' AND NOT EXISTS "
        "(SELECT FROM classifications WHERE model_id = ai_providers.id)"
    )
    op.drop_index(op.f("ix_ai_providers_research_project_id"), table_name="ai_providers")
    op.drop_index("uq_ai_providers_built_in", table_name="ai_providers")
    for name in ("ck_ai_providers_research_project", "ck_ai_providers_engine"):
        op.drop_constraint(op.f(name), "ai_providers", type_="check")
    for name in ("research_project_id", "licence", "weights_key", "engine"):
        op.drop_column("ai_providers", name)
