"""Add profiles, keys, mails, banners and logs"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "log_entries",
        sa.Column(
            "level",
            sa.Enum("ERROR", "CRITICAL", name="loglevel", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("logger", sa.String(length=200), nullable=False),
        sa.Column("main_module", sa.String(length=200), nullable=False),
        sa.Column("main_function", sa.String(length=200), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("traceback", sa.Text(), nullable=True),
        sa.Column("host_name", sa.String(length=200), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_entries")),
    )
    op.create_index(op.f("ix_log_entries_created_at"), "log_entries", ["created_at"], unique=False)
    op.create_index(op.f("ix_log_entries_level_id"), "log_entries", ["level", "id"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(length=50), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hint", sa.String(length=12), nullable=False),
        sa.Column(
            "scopes",
            sa.ARRAY(sa.Enum("READ", "WRITE", "TRAIN", "ADMIN", name="scope", native_enum=False, length=40)),
            nullable=False,
        ),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_keys_token_hash")),
    )
    op.create_index(op.f("ix_api_keys_user_id_id"), "api_keys", ["user_id", "id"], unique=False)
    op.create_index("uq_api_keys_user_id_name", "api_keys", ["user_id", sa.literal_column("lower(name)")], unique=True)
    op.create_table(
        "audit_entries",
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_type", sa.String(length=40), nullable=True),
        sa.Column("subject_key", sa.BigInteger(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("fk_audit_entries_actor_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_audit_entries_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    op.create_index(op.f("ix_audit_entries_action_id"), "audit_entries", ["action", "id"], unique=False)
    op.create_index(op.f("ix_audit_entries_actor_id_id"), "audit_entries", ["actor_id", "id"], unique=False)
    op.create_index(op.f("ix_audit_entries_user_id_id"), "audit_entries", ["user_id", "id"], unique=False)
    op.create_table(
        "banners",
        sa.Column("message", sa.String(length=500), nullable=False),
        sa.Column("start_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("end_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("is_announced", sa.Boolean(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("end_date > start_date", name=op.f("ck_banners_dates")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_banners_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_banners")),
    )
    op.create_index(op.f("ix_banners_start_date"), "banners", ["start_date"], unique=False)
    op.create_index(op.f("ix_banners_user_id"), "banners", ["user_id"], unique=False)
    op.create_table(
        "mails",
        sa.Column(
            "kind",
            sa.Enum(
                "SIGN_UP",
                "EMAIL_VERIFICATION",
                "EMAIL_CHANGED",
                "PASSWORD_RESET",
                "PASSWORD_CHANGED",
                "ACCOUNT_DELETION",
                "DATA_EXPORT",
                "NOTIFICATIONS",
                name="mailkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_mails_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mails")),
    )
    op.create_index(op.f("ix_mails_created_at"), "mails", ["created_at"], unique=False)
    op.create_index(op.f("ix_mails_user_id"), "mails", ["user_id"], unique=False)
    op.create_table(
        "osm_accounts",
        sa.Column("osm_id", sa.BigInteger(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("img_url", sa.String(length=1000), nullable=True),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_osm_accounts_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_osm_accounts")),
        sa.UniqueConstraint("osm_id", name=op.f("uq_osm_accounts_osm_id")),
    )
    op.create_table(
        "profiles",
        sa.Column("bio", sa.String(length=500), nullable=False),
        sa.Column("avatar_key", sa.String(length=64), nullable=True),
        sa.Column("location", sa.String(length=100), nullable=False),
        sa.Column("website", sa.String(length=200), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_profiles_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profiles")),
    )
    op.create_table(
        "user_preferences",
        sa.Column(
            "time_format",
            sa.Enum("H12", "H24", name="timeformat", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "date_format",
            sa.Enum("DMY", "MDY", "YMD", name="dateformat", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "date_separator",
            sa.Enum(
                "SLASH", "HYPHEN", "DOT", name="dateseparator", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "datetime_separator",
            sa.Enum("SPACE", "T", name="datetimeseparator", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "decimal_separator",
            sa.Enum("COMMA", "POINT", name="decimalseparator", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["users.id"], name=op.f("fk_user_preferences_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_preferences")),
    )
    op.create_table(
        "data_exports",
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("storage_key", sa.String(length=200), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_data_exports_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_data_exports_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_exports")),
    )
    op.create_index(op.f("ix_data_exports_job_id"), "data_exports", ["job_id"], unique=False)
    op.create_index(op.f("ix_data_exports_user_id_id"), "data_exports", ["user_id", "id"], unique=False)
    op.add_column("sessions", sa.Column("client", sa.String(length=200), nullable=False, server_default=sa.text("''")))
    op.alter_column("sessions", "client", server_default=None)
    op.add_column("sessions", sa.Column("address", sa.String(length=45), nullable=False, server_default=sa.text("''")))
    op.alter_column("sessions", "address", server_default=None)
    op.drop_index(op.f("ix_sessions_user_id"), table_name="sessions")
    op.create_index(op.f("ix_sessions_user_id_id"), "sessions", ["user_id", "id"], unique=False)
    op.add_column("user_notifications", sa.Column("event_key", sa.String(length=120), nullable=True))
    op.add_column(
        "user_notifications", sa.Column("mail_due", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.alter_column("user_notifications", "mail_due", server_default=None)
    op.create_index(
        "ix_user_notifications_unmailed",
        "user_notifications",
        ["id"],
        unique=False,
        postgresql_where=sa.text("mail_due"),
    )
    op.create_index(
        "ix_user_notifications_unread",
        "user_notifications",
        ["user_id"],
        unique=False,
        postgresql_where=sa.text("NOT is_read"),
    )
    op.create_unique_constraint(
        op.f("uq_user_notifications_user_id_event_key"), "user_notifications", ["user_id", "event_key"]
    )
    op.add_column("users", sa.Column("user_profile", sa.String(length=4000), nullable=True))
    op.add_column("users", sa.Column("account_deletion_due_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("anonymised_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("users", sa.Column("security_stamp", sa.Integer(), nullable=False, server_default=sa.text("0")))
    op.alter_column("users", "security_stamp", server_default=None)

    op.execute("INSERT INTO profiles (id, bio, location) SELECT id, '', '' FROM users")
    op.execute(
        "INSERT INTO user_preferences (id, time_format, date_format, date_separator, datetime_separator, "
        "decimal_separator) SELECT id, 'H24', 'DMY', 'SLASH', 'SPACE', 'COMMA' FROM users"
    )
    _allow_jobs("FETCH_LABELS", "TRAIN", "PREDICT", "SEND_MAIL", "EXPORT_DATA")
    op.execute(
        "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION '% can only be added to', TG_TABLE_NAME; END $$"
    )
    op.execute(
        "CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def _allow_jobs(*kinds: str) -> None:
    op.drop_constraint(op.f("ck_jobs_jobkind"), "jobs")
    op.create_check_constraint(op.f("ck_jobs_jobkind"), "jobs", sa.column("kind").in_(kinds))


def downgrade() -> None:
    op.execute("DELETE FROM jobs WHERE kind IN ('SEND_MAIL', 'EXPORT_DATA')")
    _allow_jobs("FETCH_LABELS", "TRAIN", "PREDICT")
    op.drop_column("users", "security_stamp")
    op.drop_column("users", "anonymised_at")
    op.drop_column("users", "account_deletion_due_at")
    op.drop_column("users", "user_profile")
    op.drop_constraint(op.f("uq_user_notifications_user_id_event_key"), "user_notifications", type_="unique")
    op.drop_index(
        "ix_user_notifications_unread", table_name="user_notifications", postgresql_where=sa.text("NOT is_read")
    )
    op.drop_index(
        "ix_user_notifications_unmailed", table_name="user_notifications", postgresql_where=sa.text("mail_due")
    )
    op.drop_column("user_notifications", "mail_due")
    op.drop_column("user_notifications", "event_key")
    op.drop_index(op.f("ix_sessions_user_id_id"), table_name="sessions")
    op.create_index(op.f("ix_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.drop_column("sessions", "address")
    op.drop_column("sessions", "client")
    op.drop_index(op.f("ix_data_exports_user_id_id"), table_name="data_exports")
    op.drop_index(op.f("ix_data_exports_job_id"), table_name="data_exports")
    op.drop_table("data_exports")
    op.drop_table("user_preferences")
    op.drop_table("profiles")
    op.drop_table("osm_accounts")
    op.drop_index(op.f("ix_mails_user_id"), table_name="mails")
    op.drop_index(op.f("ix_mails_created_at"), table_name="mails")
    op.drop_table("mails")
    op.drop_index(op.f("ix_banners_user_id"), table_name="banners")
    op.drop_index(op.f("ix_banners_start_date"), table_name="banners")
    op.drop_table("banners")
    op.drop_index(op.f("ix_audit_entries_user_id_id"), table_name="audit_entries")
    op.drop_index(op.f("ix_audit_entries_actor_id_id"), table_name="audit_entries")
    op.drop_index(op.f("ix_audit_entries_action_id"), table_name="audit_entries")
    op.drop_table("audit_entries")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_index("uq_api_keys_user_id_name", table_name="api_keys")
    op.drop_index(op.f("ix_api_keys_user_id_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index(op.f("ix_log_entries_level_id"), table_name="log_entries")
    op.drop_index(op.f("ix_log_entries_created_at"), table_name="log_entries")
    op.drop_table("log_entries")
