"""Add camera trap projects places and media"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.geometry.columns import Shape

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # A key that is a number next to a period: the same camera cannot be in two deployments at once.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "species",
        sa.Column("checklist", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("scientific_name", sa.String(length=200), nullable=False),
        sa.Column("vernacular_name", sa.String(length=200), nullable=True),
        sa.Column(
            "rank",
            sa.Enum(
                "KINGDOM",
                "PHYLUM",
                "CLASS",
                "ORDER",
                "FAMILY",
                "SUBFAMILY",
                "TRIBE",
                "GENUS",
                "SUBGENUS",
                "SPECIES",
                "SUBSPECIES",
                "VARIETY",
                "FORM",
                "UNRANKED",
                name="taxonrank",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("parent_id", sa.BigInteger(), nullable=True),
        sa.Column("accepted_id", sa.BigInteger(), nullable=True),
        sa.Column("kingdom", sa.String(length=200), nullable=True),
        sa.Column("phylum", sa.String(length=200), nullable=True),
        sa.Column("class_name", sa.String(length=200), nullable=True),
        sa.Column("order_name", sa.String(length=200), nullable=True),
        sa.Column("family", sa.String(length=200), nullable=True),
        sa.Column("genus", sa.String(length=200), nullable=True),
        sa.Column("is_sensitive", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("accepted_id <> id", name=op.f("ck_species_accepted")),
        sa.CheckConstraint("parent_id <> id", name=op.f("ck_species_parent")),
        sa.ForeignKeyConstraint(
            ["accepted_id"], ["species.id"], name=op.f("fk_species_accepted_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["species.id"], name=op.f("fk_species_parent_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_species")),
        sa.UniqueConstraint("checklist", "key", name=op.f("uq_species_checklist_key")),
    )
    op.create_index(
        "ix_species_lower_scientific_name", "species", [sa.literal_column("lower(scientific_name)")], unique=False
    )
    op.create_index(
        "ix_species_lower_vernacular_name", "species", [sa.literal_column("lower(vernacular_name)")], unique=False
    )
    op.create_index(op.f("ix_species_accepted_id_id"), "species", ["accepted_id", "id"], unique=False)
    op.create_index(op.f("ix_species_parent_id_id"), "species", ["parent_id", "id"], unique=False)
    op.create_index(op.f("ix_species_scientific_name_id"), "species", ["scientific_name", "id"], unique=False)
    op.create_table(
        "research_projects",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("acronym", sa.String(length=10), nullable=False),
        sa.Column("abstract", sa.String(length=4000), nullable=True),
        sa.Column("methods", sa.String(length=4000), nullable=True),
        sa.Column("keywords", sa.ARRAY(sa.String(length=50)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "APPROVED",
                "REJECTED",
                name="researchprojectstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="PENDING",
            nullable=False,
        ),
        sa.Column("status_note", sa.String(length=4000), nullable=True),
        sa.Column("is_public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("shares_media", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "sampling_design",
            sa.Enum(
                "SIMPLE_RANDOM",
                "SYSTEMATIC_RANDOM",
                "CLUSTERED_RANDOM",
                "EXPERIMENTAL",
                "TARGETED",
                "OPPORTUNISTIC",
                name="samplingdesign",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column(
            "sensor_method",
            sa.ARRAY(sa.Enum("ACTIVITY_DETECTION", "TIME_LAPSE", name="sensormethod", native_enum=False, length=40)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("individual_animals", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_research_projects_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_research_projects")),
    )
    op.create_index(op.f("ix_research_projects_name_id"), "research_projects", ["name", "id"], unique=False)
    op.create_index(op.f("ix_research_projects_owner_id_id"), "research_projects", ["owner_id", "id"], unique=False)
    op.create_index(
        "uq_research_projects_acronym", "research_projects", [sa.literal_column("lower(acronym)")], unique=True
    )
    op.create_index("uq_research_projects_name", "research_projects", [sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "species_aliases",
        sa.Column("species_id", sa.BigInteger(), nullable=False),
        sa.Column("checklist", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["species_id"], ["species.id"], name=op.f("fk_species_aliases_species_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_species_aliases")),
        sa.UniqueConstraint("checklist", "key", name=op.f("uq_species_aliases_checklist_key")),
    )
    op.create_index(op.f("ix_species_aliases_species_id_id"), "species_aliases", ["species_id", "id"], unique=False)
    op.create_table(
        "collections",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("description", sa.String(length=4000), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_collections_owner_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_collections_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("id", "research_project_id", name=op.f("uq_collections_id_research_project_id")),
    )
    op.create_index(op.f("ix_collections_name_id"), "collections", ["name", "id"], unique=False)
    op.create_index(op.f("ix_collections_owner_id"), "collections", ["owner_id"], unique=False)
    op.create_index(
        op.f("ix_collections_research_project_id_id"), "collections", ["research_project_id", "id"], unique=False
    )
    op.create_index(
        "uq_collections_name", "collections", ["research_project_id", sa.literal_column("lower(name)")], unique=True
    )
    op.create_geospatial_table(
        "locations",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("location_id", sa.String(length=100), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=True),
        sa.Column("description", sa.String(length=4000), nullable=True),
        sa.Column("point", Shape("POINT"), nullable=False),
        sa.Column("timezone", sa.String(length=64), nullable=False),
        sa.Column("ignore_dst", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("coordinate_uncertainty", sa.Double(), nullable=True),
        sa.Column("habitat", sa.String(length=500), nullable=True),
        sa.Column("is_public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("country", sa.String(length=100), nullable=True),
        sa.Column("state", sa.String(length=100), nullable=True),
        sa.Column("county", sa.String(length=100), nullable=True),
        sa.Column("city", sa.String(length=100), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("coordinate_uncertainty >= 0", name=op.f("ck_locations_coordinate_uncertainty")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_locations_owner_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_locations_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_locations")),
        sa.UniqueConstraint("id", "research_project_id", name=op.f("uq_locations_id_research_project_id")),
        sa.UniqueConstraint(
            "research_project_id", "location_id", name=op.f("uq_locations_research_project_id_location_id")
        ),
    )
    op.create_index(op.f("ix_locations_owner_id"), "locations", ["owner_id"], unique=False)
    op.create_geospatial_index(
        op.f("ix_locations_point"), "locations", ["point"], unique=False, postgresql_using="gist", postgresql_ops={}
    )
    op.create_index(
        op.f("ix_locations_research_project_id_id"), "locations", ["research_project_id", "id"], unique=False
    )
    op.create_table(
        "research_project_members",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "OWNER",
                "MANAGER",
                "MEMBER",
                "VIEWER",
                name="researchprojectrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["research_projects.id"],
            name=op.f("fk_research_project_members_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_research_project_members_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_research_project_members")),
        sa.UniqueConstraint("project_id", "user_id", name=op.f("uq_research_project_members_project_id_user_id")),
    )
    op.create_index(
        op.f("ix_research_project_members_project_id_id"),
        "research_project_members",
        ["project_id", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_research_project_members_user_id_project_id"),
        "research_project_members",
        ["user_id", "project_id"],
        unique=False,
    )
    op.create_table(
        "research_project_teams",
        sa.Column("project_id", sa.BigInteger(), nullable=False),
        sa.Column("team_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "OWNER",
                "MANAGER",
                "MEMBER",
                "VIEWER",
                name="researchprojectrole",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["research_projects.id"],
            name=op.f("fk_research_project_teams_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["team_id"], ["teams.id"], name=op.f("fk_research_project_teams_team_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_research_project_teams")),
        sa.UniqueConstraint("project_id", "team_id", name=op.f("uq_research_project_teams_project_id_team_id")),
    )
    op.create_index(
        op.f("ix_research_project_teams_project_id_id"), "research_project_teams", ["project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_research_project_teams_team_id_project_id"),
        "research_project_teams",
        ["team_id", "project_id"],
        unique=False,
    )
    op.create_table(
        "deployments",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("location_id", sa.BigInteger(), nullable=False),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("deployment_code", sa.String(length=100), nullable=False),
        sa.Column("deployment_id", sa.String(length=201), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("utc_offset_minutes", sa.Integer(), nullable=True),
        sa.Column("setup_by", sa.String(length=100), nullable=True),
        sa.Column("camera_id", sa.String(length=100), nullable=True),
        sa.Column("camera_model", sa.String(length=100), nullable=True),
        sa.Column("camera_delay", sa.Integer(), nullable=True),
        sa.Column("camera_height", sa.Double(), nullable=True),
        sa.Column("camera_depth", sa.Double(), nullable=True),
        sa.Column("camera_tilt", sa.Integer(), nullable=True),
        sa.Column("camera_heading", sa.Integer(), nullable=True),
        sa.Column("detection_distance", sa.Double(), nullable=True),
        sa.Column("timestamp_issues", sa.Boolean(), nullable=True),
        sa.Column("correct_setup", sa.Boolean(), nullable=True),
        sa.Column("correct_tstamp", sa.Boolean(), nullable=True),
        sa.Column("view_quality", sa.String(length=100), nullable=True),
        sa.Column("bait_use", sa.Boolean(), nullable=True),
        sa.Column("bait_type", sa.String(length=100), nullable=True),
        sa.Column(
            "feature_type",
            sa.Enum(
                "ROAD_PAVED",
                "ROAD_DIRT",
                "TRAIL_HIKING",
                "TRAIL_GAME",
                "ROAD_UNDERPASS",
                "ROAD_OVERPASS",
                "ROAD_BRIDGE",
                "CULVERT",
                "BURROW",
                "NEST_SITE",
                "CARCASS",
                "WATER_SOURCE",
                "FRUITING_TREE",
                name="featuretype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("habitat", sa.String(length=500), nullable=True),
        sa.Column("session", sa.String(length=100), nullable=True),
        sa.Column("array", sa.String(length=100), nullable=True),
        sa.Column("deployment_groups", sa.ARRAY(sa.String(length=100)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("deployment_tags", sa.ARRAY(sa.String(length=100)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("comments", sa.String(length=4000), nullable=True),
        sa.Column("clock_correction_s", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("clock_correction_note", sa.String(length=500), nullable=True),
        sa.Column("clock_corrected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("clock_corrected_by_id", sa.BigInteger(), nullable=True),
        sa.Column("sequence_gap_s", sa.Integer(), nullable=True),
        sa.Column("file_name_pattern", sa.String(length=200), nullable=True),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("research_project_id"), "="),
            (sa.column("camera_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("camera_id IS NOT NULL"),
            using="gist",
            name="ex_deployments_camera",
        ),
        sa.CheckConstraint("camera_delay >= 0", name=op.f("ck_deployments_camera_delay")),
        sa.CheckConstraint("camera_depth >= 0", name=op.f("ck_deployments_camera_depth")),
        sa.CheckConstraint("camera_heading BETWEEN 0 AND 360", name=op.f("ck_deployments_camera_heading")),
        sa.CheckConstraint("camera_height >= 0", name=op.f("ck_deployments_camera_height")),
        sa.CheckConstraint("camera_tilt BETWEEN -90 AND 90", name=op.f("ck_deployments_camera_tilt")),
        sa.CheckConstraint("detection_distance >= 0", name=op.f("ck_deployments_detection_distance")),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_deployments_period")),
        sa.CheckConstraint("sequence_gap_s BETWEEN 0 AND 86400", name=op.f("ck_deployments_sequence_gap")),
        sa.ForeignKeyConstraint(
            ["clock_corrected_by_id"],
            ["users.id"],
            name=op.f("fk_deployments_clock_corrected_by_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["location_id"], ["locations.id"], name=op.f("fk_deployments_location_id")),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_deployments_owner_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_deployments_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        sa.UniqueConstraint("id", "research_project_id", name=op.f("uq_deployments_id_research_project_id")),
        sa.UniqueConstraint(
            "research_project_id", "deployment_id", name=op.f("uq_deployments_research_project_id_deployment_id")
        ),
    )
    op.create_index(
        op.f("ix_deployments_clock_corrected_by_id"), "deployments", ["clock_corrected_by_id"], unique=False
    )
    op.create_index(op.f("ix_deployments_location_id_id"), "deployments", ["location_id", "id"], unique=False)
    op.create_index(op.f("ix_deployments_owner_id"), "deployments", ["owner_id"], unique=False)
    op.create_index(
        op.f("ix_deployments_research_project_id_id"), "deployments", ["research_project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_deployments_research_project_id_starts_at_id"),
        "deployments",
        ["research_project_id", "starts_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_deployments_starts_at_id"), "deployments", ["starts_at", "id"], unique=False)
    op.create_table(
        "deployment_failures",
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("deployment_id"), "="),
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"),
            using="gist",
            name="ex_deployment_failures_period",
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_deployment_failures_period")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_deployment_failures_deployment_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment_failures")),
    )
    op.create_index(
        op.f("ix_deployment_failures_deployment_id_id"), "deployment_failures", ["deployment_id", "id"], unique=False
    )
    op.create_table(
        "media_readings",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=True),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "SUBMITTED",
                "RUNNING",
                "FINISHED",
                "FAILED",
                "CANCELLED",
                name="readingstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("read", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("unreadable", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicated", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id"], ["collections.id"], name=op.f("fk_media_readings_collection_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_media_readings_deployment_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_media_readings_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_media_readings_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_media_readings_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_readings")),
    )
    op.create_index(op.f("ix_media_readings_collection_id"), "media_readings", ["collection_id"], unique=False)
    op.create_index(op.f("ix_media_readings_deployment_id"), "media_readings", ["deployment_id"], unique=False)
    op.create_index(op.f("ix_media_readings_job_id"), "media_readings", ["job_id"], unique=False)
    op.create_index(
        op.f("ix_media_readings_research_project_id_id"), "media_readings", ["research_project_id", "id"], unique=False
    )
    op.create_index(op.f("ix_media_readings_user_id_id"), "media_readings", ["user_id", "id"], unique=False)
    op.create_table(
        "sequences",
        sa.Column(
            "sequence_id", sa.String(length=36), server_default=sa.text("gen_random_uuid()::text"), nullable=False
        ),
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resource_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("ends_at >= starts_at", name=op.f("ck_sequences_period")),
        sa.ForeignKeyConstraint(
            ["deployment_id", "research_project_id"],
            ["deployments.id", "deployments.research_project_id"],
            name="fk_sequences_deployment",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_sequences_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequences")),
        sa.UniqueConstraint("sequence_id", name=op.f("uq_sequences_sequence_id")),
    )
    op.create_index(op.f("ix_sequences_deployment_id_id"), "sequences", ["deployment_id", "id"], unique=False)
    op.create_index(
        op.f("ix_sequences_deployment_id_starts_at_id"), "sequences", ["deployment_id", "starts_at", "id"], unique=False
    )
    op.create_index(
        op.f("ix_sequences_research_project_id_id"), "sequences", ["research_project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_sequences_research_project_id_starts_at_id"),
        "sequences",
        ["research_project_id", "starts_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_sequences_starts_at_id"), "sequences", ["starts_at", "id"], unique=False)
    op.create_table(
        "media_uploads",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=True),
        sa.Column("reading_id", sa.BigInteger(), nullable=True),
        sa.Column("file_path", sa.String(length=1000), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("size_bytes >= 0", name=op.f("ck_media_uploads_size_bytes")),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_media_uploads_deployment_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["reading_id"], ["media_readings.id"], name=op.f("fk_media_uploads_reading_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_media_uploads_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_media_uploads_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_uploads")),
        sa.UniqueConstraint("storage_key", name=op.f("uq_media_uploads_storage_key")),
    )
    op.create_index(op.f("ix_media_uploads_deployment_id"), "media_uploads", ["deployment_id"], unique=False)
    op.create_index(op.f("ix_media_uploads_reading_id_id"), "media_uploads", ["reading_id", "id"], unique=False)
    op.create_index(
        op.f("ix_media_uploads_research_project_id_id"), "media_uploads", ["research_project_id", "id"], unique=False
    )
    op.create_index(op.f("ix_media_uploads_user_id"), "media_uploads", ["user_id"], unique=False)
    op.create_index(
        "uq_media_uploads_file_path",
        "media_uploads",
        ["research_project_id", sa.literal_column("coalesce(deployment_id, 0)"), "file_path"],
        unique=True,
    )
    op.create_table(
        "resources",
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("deployment_id", sa.BigInteger(), nullable=True),
        sa.Column("owner_id", sa.BigInteger(), nullable=True),
        sa.Column("sequence_id", sa.BigInteger(), nullable=True),
        sa.Column("duplicate_of_id", sa.BigInteger(), nullable=True),
        sa.Column("media_id", sa.String(length=255), nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("file_path", sa.String(length=1000), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column("thumbnail_key", sa.String(length=200), nullable=True),
        sa.Column("preview_key", sa.String(length=200), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "RECEIVED",
                "READ",
                "UNREADABLE",
                "ADDRESS",
                name="resourcestatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("read_error", sa.String(length=500), nullable=True),
        sa.Column(
            "resource_type",
            sa.Enum(
                "IMAGE", "VIDEO", "AUDIO", name="resourcetype", native_enum=False, create_constraint=True, length=40
            ),
            nullable=True,
        ),
        sa.Column("mime_type", sa.String(length=100), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("fps", sa.Double(), nullable=True),
        sa.Column("duration_s", sa.Double(), nullable=True),
        sa.Column("frame_count", sa.Integer(), nullable=True),
        sa.Column("declared_frame_count", sa.Integer(), nullable=True),
        sa.Column("exif", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("camera_make", sa.String(length=100), nullable=True),
        sa.Column("camera_model", sa.String(length=100), nullable=True),
        sa.Column("serial_number", sa.String(length=100), nullable=True),
        sa.Column("camera_time", sa.String(length=40), nullable=True),
        sa.Column("camera_utc_offset_minutes", sa.Integer(), nullable=True),
        sa.Column(
            "time_source",
            sa.Enum(
                "FILE", "FILE_NAME", "TABLE", name="timesource", native_enum=False, create_constraint=True, length=40
            ),
            nullable=True,
        ),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("date_recorded_correct", sa.Boolean(), nullable=True),
        sa.Column("contains_people", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("contains_vehicles", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("description", sa.String(length=4000), nullable=True),
        sa.Column("tags", sa.ARRAY(sa.String(length=100)), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("last_modified", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'UNREADABLE') = (read_error IS NOT NULL)", name=op.f("ck_resources_read_error")),
        sa.CheckConstraint("status = 'ADDRESS' OR storage_key IS NOT NULL", name=op.f("ck_resources_storage_key")),
        sa.CheckConstraint("deployment_id IS NOT NULL OR sequence_id IS NULL", name=op.f("ck_resources_sequence")),
        sa.ForeignKeyConstraint(
            ["deployment_id", "research_project_id"],
            ["deployments.id", "deployments.research_project_id"],
            name="fk_resources_deployment",
        ),
        sa.ForeignKeyConstraint(
            ["duplicate_of_id"], ["resources.id"], name=op.f("fk_resources_duplicate_of_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["owner_id"], ["users.id"], name=op.f("fk_resources_owner_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["research_project_id"],
            ["research_projects.id"],
            name=op.f("fk_resources_research_project_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["sequence_id"], ["sequences.id"], name=op.f("fk_resources_sequence_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resources")),
        sa.UniqueConstraint("id", "research_project_id", name=op.f("uq_resources_id_research_project_id")),
    )
    op.create_index(op.f("ix_resources_deployment_id_id"), "resources", ["deployment_id", "id"], unique=False)
    op.create_index(
        op.f("ix_resources_deployment_id_recorded_at_id"),
        "resources",
        ["deployment_id", "recorded_at", "id"],
        unique=False,
    )
    op.create_index(op.f("ix_resources_duplicate_of_id_id"), "resources", ["duplicate_of_id", "id"], unique=False)
    op.create_index(op.f("ix_resources_owner_id"), "resources", ["owner_id"], unique=False)
    op.create_index(op.f("ix_resources_recorded_at_id"), "resources", ["recorded_at", "id"], unique=False)
    op.create_index(
        op.f("ix_resources_research_project_id_id"), "resources", ["research_project_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_resources_research_project_id_recorded_at_id"),
        "resources",
        ["research_project_id", "recorded_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_resources_research_project_id_sha256"), "resources", ["research_project_id", "sha256"], unique=False
    )
    op.create_index(op.f("ix_resources_sequence_id_id"), "resources", ["sequence_id", "id"], unique=False)
    op.create_index(op.f("ix_resources_sha256"), "resources", ["sha256"], unique=False)
    op.create_index(
        "uq_resources_file_path",
        "resources",
        ["research_project_id", sa.literal_column("coalesce(deployment_id, 0)"), "file_path"],
        unique=True,
    )
    op.create_index(
        "uq_resources_media_id",
        "resources",
        ["research_project_id", "media_id"],
        unique=True,
        postgresql_where=sa.text("media_id IS NOT NULL"),
    )
    op.create_table(
        "collection_resources",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("resource_id", sa.BigInteger(), nullable=False),
        sa.Column("research_project_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["collection_id", "research_project_id"],
            ["collections.id", "collections.research_project_id"],
            name="fk_collection_resources_collection",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["resource_id", "research_project_id"],
            ["resources.id", "resources.research_project_id"],
            name="fk_collection_resources_resource",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_resources")),
        sa.UniqueConstraint(
            "collection_id", "resource_id", name=op.f("uq_collection_resources_collection_id_resource_id")
        ),
    )
    op.create_index(
        op.f("ix_collection_resources_collection_id_id"), "collection_resources", ["collection_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_collection_resources_resource_id_id"), "collection_resources", ["resource_id", "id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_collection_resources_resource_id_id"), table_name="collection_resources")
    op.drop_index(op.f("ix_collection_resources_collection_id_id"), table_name="collection_resources")
    op.drop_table("collection_resources")
    op.drop_index("uq_resources_media_id", table_name="resources", postgresql_where=sa.text("media_id IS NOT NULL"))
    op.drop_index("uq_resources_file_path", table_name="resources")
    op.drop_index(op.f("ix_resources_sha256"), table_name="resources")
    op.drop_index(op.f("ix_resources_sequence_id_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_research_project_id_sha256"), table_name="resources")
    op.drop_index(op.f("ix_resources_research_project_id_recorded_at_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_research_project_id_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_recorded_at_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_owner_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_duplicate_of_id_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_deployment_id_recorded_at_id"), table_name="resources")
    op.drop_index(op.f("ix_resources_deployment_id_id"), table_name="resources")
    op.drop_table("resources")
    op.drop_index("uq_media_uploads_file_path", table_name="media_uploads")
    op.drop_index(op.f("ix_media_uploads_user_id"), table_name="media_uploads")
    op.drop_index(op.f("ix_media_uploads_research_project_id_id"), table_name="media_uploads")
    op.drop_index(op.f("ix_media_uploads_reading_id_id"), table_name="media_uploads")
    op.drop_index(op.f("ix_media_uploads_deployment_id"), table_name="media_uploads")
    op.drop_table("media_uploads")
    op.drop_index(op.f("ix_sequences_starts_at_id"), table_name="sequences")
    op.drop_index(op.f("ix_sequences_research_project_id_starts_at_id"), table_name="sequences")
    op.drop_index(op.f("ix_sequences_research_project_id_id"), table_name="sequences")
    op.drop_index(op.f("ix_sequences_deployment_id_starts_at_id"), table_name="sequences")
    op.drop_index(op.f("ix_sequences_deployment_id_id"), table_name="sequences")
    op.drop_table("sequences")
    op.drop_index(op.f("ix_media_readings_user_id_id"), table_name="media_readings")
    op.drop_index(op.f("ix_media_readings_research_project_id_id"), table_name="media_readings")
    op.drop_index(op.f("ix_media_readings_job_id"), table_name="media_readings")
    op.drop_index(op.f("ix_media_readings_deployment_id"), table_name="media_readings")
    op.drop_index(op.f("ix_media_readings_collection_id"), table_name="media_readings")
    op.drop_table("media_readings")
    op.drop_index(op.f("ix_deployment_failures_deployment_id_id"), table_name="deployment_failures")
    op.drop_table("deployment_failures")
    op.drop_index(op.f("ix_deployments_starts_at_id"), table_name="deployments")
    op.drop_index(op.f("ix_deployments_research_project_id_starts_at_id"), table_name="deployments")
    op.drop_index(op.f("ix_deployments_research_project_id_id"), table_name="deployments")
    op.drop_index(op.f("ix_deployments_owner_id"), table_name="deployments")
    op.drop_index(op.f("ix_deployments_location_id_id"), table_name="deployments")
    op.drop_index(op.f("ix_deployments_clock_corrected_by_id"), table_name="deployments")
    op.drop_table("deployments")
    op.drop_index(op.f("ix_research_project_teams_team_id_project_id"), table_name="research_project_teams")
    op.drop_index(op.f("ix_research_project_teams_project_id_id"), table_name="research_project_teams")
    op.drop_table("research_project_teams")
    op.drop_index(op.f("ix_research_project_members_user_id_project_id"), table_name="research_project_members")
    op.drop_index(op.f("ix_research_project_members_project_id_id"), table_name="research_project_members")
    op.drop_table("research_project_members")
    op.drop_index(op.f("ix_locations_research_project_id_id"), table_name="locations")
    op.drop_geospatial_index(
        op.f("ix_locations_point"), table_name="locations", postgresql_using="gist", column_name="point"
    )
    op.drop_index(op.f("ix_locations_owner_id"), table_name="locations")
    op.drop_geospatial_table("locations")
    op.drop_index("uq_collections_name", table_name="collections")
    op.drop_index(op.f("ix_collections_research_project_id_id"), table_name="collections")
    op.drop_index(op.f("ix_collections_owner_id"), table_name="collections")
    op.drop_index(op.f("ix_collections_name_id"), table_name="collections")
    op.drop_table("collections")
    op.drop_index(op.f("ix_species_aliases_species_id_id"), table_name="species_aliases")
    op.drop_table("species_aliases")
    op.drop_index("uq_research_projects_name", table_name="research_projects")
    op.drop_index("uq_research_projects_acronym", table_name="research_projects")
    op.drop_index(op.f("ix_research_projects_owner_id_id"), table_name="research_projects")
    op.drop_index(op.f("ix_research_projects_name_id"), table_name="research_projects")
    op.drop_table("research_projects")
    op.drop_index(op.f("ix_species_scientific_name_id"), table_name="species")
    op.drop_index(op.f("ix_species_parent_id_id"), table_name="species")
    op.drop_index(op.f("ix_species_accepted_id_id"), table_name="species")
    op.drop_index("ix_species_lower_vernacular_name", table_name="species")
    op.drop_index("ix_species_lower_scientific_name", table_name="species")
    op.drop_table("species")
    op.execute("DROP EXTENSION btree_gist")
