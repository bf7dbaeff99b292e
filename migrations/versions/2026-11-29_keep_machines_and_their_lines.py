"""Keep machines, their lines, and what they learn"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

PARTITIONS = 8
TO_LATER_TABLES = {"training_nn_model_id": "nn_models", "enc_dec_configuration_id": "enc_dec_configurations"}


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _market() -> list[sa.Column[Any]]:
    return [
        sa.Column("machine_data_source_is_public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "machine_data_source_sample_only_public", sa.Boolean(), server_default=sa.text("false"), nullable=False
        ),
        sa.Column("machine_data_source_price_usd", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("machine_api_solving_is_public", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("machine_api_solving_price_usd", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("machine_machine_is_duplicatable", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("machine_machine_copy_cost_usd", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("machine_machine_copy_update_cost_usd", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("machine_billing_cost_solving_usd", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("machine_billing_cost_training_usd", sa.Numeric(precision=32, scale=10), nullable=True),
    ]


def _learned() -> list[sa.Column[Any]]:
    return [
        sa.Column("machine_original_id", sa.BigInteger(), nullable=True),
        sa.Column("machine_columns_errors", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("machine_columns_warnings", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("mdc_columns_json_structure", postgresql.JSONB(), nullable=True),
        sa.Column(
            "machine_is_data_lines_training_count_limit_enabled",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
        ),
        sa.Column("machine_data_lines_training_count_limit", sa.Integer(), nullable=True),
        sa.Column("machine_is_re_run_mdc", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("machine_is_re_run_ici", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("machine_is_re_run_fe", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("machine_is_re_run_enc_dec", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("machine_is_re_run_nn_config", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("machine_is_re_run_model", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("fe_budget_total", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("fe_columns_fet", postgresql.JSONB(), nullable=True),
        sa.Column("fe_count_of_fet", postgresql.JSONB(), nullable=True),
        sa.Column("fe_find_delay_sec", sa.Integer(), nullable=True),
        sa.Column("fe_columns_inputs_importance_evaluation", postgresql.JSONB(), nullable=True),
        sa.Column("fe_columns_inputs_importance_find_delay_sec", sa.Integer(), nullable=True),
        sa.Column("enc_dec_columns_info_input_encode_count", sa.Integer(), nullable=True),
        sa.Column("enc_dec_columns_info_output_encode_count", sa.Integer(), nullable=True),
        sa.Column("parameter_nn_loss", _enum("nnloss", "MSE", "MAE", "BINARY_CROSSENTROPY"), nullable=True),
        sa.Column("parameter_nn_loss_scaler", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("parameter_nn_optimizer", _enum("nnoptimizer", "ADAM", "SGD", "RMSPROP", "ADADELTA"), nullable=True),
        sa.Column("parameter_nn_shape", postgresql.JSONB(), nullable=True),
        sa.Column("parameter_nn_find_delay_sec", sa.Integer(), nullable=True),
    ]


def _evaluated() -> list[sa.Column[Any]]:
    return [
        sa.Column("training_training_total_delay_sec", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_training_cell_delay_sec", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_date_time_machine_model", sa.DateTime(timezone=True), nullable=True),
        sa.Column("training_training_epoch_count", sa.Integer(), nullable=True),
        sa.Column("training_training_batch_size", sa.Integer(), nullable=True),
        sa.Column("training_type_machine_hardware", sa.String(length=500), nullable=True),
        sa.Column("log_work_message", postgresql.JSONB(), nullable=True),
        sa.Column("log_work_status", postgresql.JSONB(), nullable=True),
        sa.Column("training_eval_loss_sample_training", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_loss_sample_evaluation", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_loss_sample_training_noise", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_loss_sample_evaluation_noise", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_accuracy_sample_training", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_accuracy_sample_evaluation", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_accuracy_sample_training_noise", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_accuracy_sample_evaluation_noise", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("training_eval_outputs_cols_loss_sample_evaluation", postgresql.JSONB(), nullable=True),
        sa.Column("training_eval_outputs_cols_accuracy_sample_evaluation", postgresql.JSONB(), nullable=True),
    ]


def _machines() -> None:
    op.create_table(
        "machines",
        sa.Column("machine_owner_user_id", sa.BigInteger(), nullable=False),
        sa.Column("machine_owner_team_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("training_nn_model_id", sa.BigInteger(), nullable=True),
        sa.Column("enc_dec_configuration_id", sa.BigInteger(), nullable=True),
        sa.Column("machine_name", sa.String(length=500), nullable=False),
        sa.Column("machine_description", sa.String(length=4000), server_default="", nullable=False),
        sa.Column("machine_level", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column(
            "status", _enum("machinestatus", "LOADING", "READY", "FAILED"), server_default="LOADING", nullable=False
        ),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("table_options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("pending", postgresql.JSONB(), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "split", _enum("machinesplit", "RANDOM", "TIME", "GROUP", "MARKED"), server_default="RANDOM", nullable=False
        ),
        sa.Column("split_column", sa.String(length=500), nullable=True),
        sa.Column("split_seed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("evaluation_percentage", sa.Integer(), server_default=sa.text("20"), nullable=False),
        sa.Column("learning_line_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("evaluation_line_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("solving_line_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("training_total_training_line_count", sa.Integer(), nullable=True),
        *_market(),
        *_learned(),
        *_evaluated(),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status <> 'FAILED' OR failure IS NOT NULL", name=op.f("ck_machines_failure")),
        sa.CheckConstraint("machine_level BETWEEN 1 AND 5", name=op.f("ck_machines_level")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_machines_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(
            ["machine_original_id"], ["machines.id"], name=op.f("fk_machines_machine_original_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["machine_owner_team_id"], ["teams.id"], name=op.f("fk_machines_machine_owner_team_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["machine_owner_user_id"], ["users.id"], name=op.f("fk_machines_machine_owner_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machines")),
    )


def _indexes_of_machines() -> None:
    op.create_index(op.f("ix_machines_machine_name_id"), "machines", ["machine_name", "id"])
    op.create_index(
        op.f("ix_machines_enc_dec_configuration_id"), "machines", ["enc_dec_configuration_id"], unique=False
    )
    op.create_index(op.f("ix_machines_job_id"), "machines", ["job_id"], unique=False)
    op.create_index(op.f("ix_machines_machine_original_id"), "machines", ["machine_original_id"], unique=False)
    op.create_index(
        op.f("ix_machines_machine_owner_team_id_id"), "machines", ["machine_owner_team_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_machines_machine_owner_user_id_id"), "machines", ["machine_owner_user_id", "id"], unique=False
    )
    op.create_index(
        "ix_machines_public",
        "machines",
        ["id"],
        unique=False,
        postgresql_where=sa.text("machine_api_solving_is_public OR machine_machine_is_duplicatable"),
    )
    op.create_index(op.f("ix_machines_training_nn_model_id"), "machines", ["training_nn_model_id"], unique=False)


def _columns() -> None:
    op.create_table(
        "machine_columns",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column(
            "datatype",
            _enum("datatype", "FLOAT", "LABEL", "DATE", "TIME", "DATETIME", "LANGUAGE", "JSON", "IGNORE"),
            nullable=False,
        ),
        sa.Column("role", _enum("role", "INPUT", "OUTPUT", "IGNORE"), nullable=False),
        sa.Column("decimal", sa.String(length=1), nullable=True),
        sa.Column("date_order", sa.String(length=3), nullable=True),
        sa.Column("reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("description", sa.String(length=1000), nullable=True),
        sa.Column("notes", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("profile", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_machine_columns_machine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_columns")),
    )
    op.create_index(
        "uq_machine_columns_machine_id_position", "machine_columns", ["machine_id", "position"], unique=True
    )


def _lines() -> None:
    op.execute("CREATE SEQUENCE machine_lines_id_seq")
    op.create_table(
        "machine_lines",
        sa.Column("id", sa.BigInteger(), server_default=sa.text("nextval('machine_lines_id_seq')"), nullable=False),
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("is_for_learning", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_for_evaluation", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_for_solving", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_learned", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_solved", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("has_outputs", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("values", postgresql.JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "is_for_learning::int + is_for_evaluation::int + is_for_solving::int = 1",
            name=op.f("ck_machine_lines_purpose"),
        ),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_machine_lines_machine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", "machine_id", name=op.f("pk_machine_lines")),
        postgresql_partition_by="HASH (machine_id)",
    )
    op.create_index(op.f("ix_machine_lines_machine_id_id"), "machine_lines", ["machine_id", "id"], unique=False)
    op.execute("ALTER SEQUENCE machine_lines_id_seq OWNED BY machine_lines.id")
    # Out of sight: nobody asks a partition itself.
    op.execute("CREATE SCHEMA IF NOT EXISTS machine_line_partitions")
    for remainder in range(PARTITIONS):
        op.execute(
            f"CREATE TABLE machine_line_partitions.machine_lines_{remainder} PARTITION OF machine_lines "
            f"FOR VALUES WITH (MODULUS {PARTITIONS}, REMAINDER {remainder})"
        )


def _operations() -> None:
    op.create_table(
        "data_lines_operations",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("is_added_for_learning", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("is_added_for_solving", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("line_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "is_added_for_learning <> is_added_for_solving", name=op.f("ck_data_lines_operations_purpose")
        ),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_data_lines_operations_machine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_data_lines_operations")),
    )
    op.create_index(
        "uq_data_lines_operations_machine_id",
        "data_lines_operations",
        ["machine_id", "is_added_for_learning", "is_added_for_solving"],
        unique=True,
    )
    op.create_table(
        "machine_table_locks",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.String(length=200), nullable=False),
        sa.Column("locked_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name=op.f("fk_machine_table_locks_job_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_machine_table_locks_machine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_machine_table_locks")),
    )
    op.create_index(op.f("ix_machine_table_locks_job_id"), "machine_table_locks", ["job_id"], unique=False)
    op.create_index(op.f("ix_machine_table_locks_machine_id_id"), "machine_table_locks", ["machine_id", "id"])
    op.create_index(op.f("ix_data_lines_operations_machine_id_id"), "data_lines_operations", ["machine_id", "id"])
    op.create_index("uq_machine_table_locks_table_name", "machine_table_locks", ["table_name"], unique=True)


def _models() -> None:
    op.create_table(
        "enc_dec_configurations",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("enc_dec_config", postgresql.JSONB(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_enc_dec_configurations_machine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enc_dec_configurations")),
    )
    op.create_index(
        op.f("ix_enc_dec_configurations_machine_id"), "enc_dec_configurations", ["machine_id"], unique=False
    )
    op.create_table(
        "nn_models",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("enc_dec_configuration_id", sa.BigInteger(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Integer(), nullable=False),
        sa.Column("storage_key", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("shape", postgresql.JSONB(), nullable=True),
        sa.Column("figures", postgresql.JSONB(), nullable=True),
        sa.Column("hardware", sa.String(length=500), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("version > 0", name=op.f("ck_nn_models_version")),
        sa.ForeignKeyConstraint(
            ["enc_dec_configuration_id"],
            ["enc_dec_configurations.id"],
            name=op.f("fk_nn_models_enc_dec_configuration_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["machine_id"], ["machines.id"], name=op.f("fk_nn_models_machine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nn_models")),
    )
    op.create_index(
        op.f("ix_nn_models_enc_dec_configuration_id"), "nn_models", ["enc_dec_configuration_id"], unique=False
    )
    op.create_index(op.f("ix_nn_models_machine_id_id"), "nn_models", ["machine_id", "id"])
    op.create_index("uq_nn_models_machine_id_version", "nn_models", ["machine_id", "version"], unique=True)
    for column, table in TO_LATER_TABLES.items():
        op.create_foreign_key(f"fk_machines_{column}", "machines", table, [column], ["id"], ondelete="SET NULL")


def _servers() -> None:
    op.create_table(
        "servers",
        sa.Column("server_name", sa.String(length=100), nullable=False),
        sa.Column("server_date_time", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("server_info_ready", sa.Boolean(), nullable=True),
        sa.Column("server_gpu_ram", sa.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cores", sa.Integer(), nullable=True),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_servers")),
    )
    op.create_index("uq_servers_server_name", "servers", ["server_name"], unique=True)


def _works() -> None:
    op.create_table(
        "works",
        sa.Column("machine_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("server_id", sa.BigInteger(), nullable=True),
        sa.Column("job_id", sa.BigInteger(), nullable=True),
        sa.Column("nn_model_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", _enum("workkind", "TRAINING", "SOLVING"), nullable=False),
        sa.Column(
            "status",
            _enum("workstatus", "WAITING_FOR_SERVER", "PROCESSING", "FINISHED", "ERROR", "CANCELLED"),
            server_default="WAITING_FOR_SERVER",
            nullable=False,
        ),
        sa.Column("options", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("stage", sa.String(length=100), nullable=True),
        sa.Column("progress", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("best_score", sa.Float(), nullable=True),
        sa.Column("eta_s", sa.Float(), nullable=True),
        sa.Column("figures", postgresql.JSONB(), nullable=True),
        sa.Column("failure", sa.String(length=500), nullable=True),
        sa.Column("work_duration_estimation_seconds", sa.Numeric(precision=32, scale=10), nullable=True),
        sa.Column("work_started_at_date_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("work_finished_at_date_time", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("(status = 'ERROR') = (failure IS NOT NULL)", name=op.f("ck_works_failure")),
        sa.CheckConstraint("progress BETWEEN 0 AND 1", name=op.f("ck_works_progress")),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_works_job_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["machine_id"], ["machines.id"], name=op.f("fk_works_machine_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["nn_model_id"], ["nn_models.id"], name=op.f("fk_works_nn_model_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["server_id"], ["servers.id"], name=op.f("fk_works_server_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_works_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_works")),
    )


def _indexes_of_works() -> None:
    op.create_index(op.f("ix_works_job_id"), "works", ["job_id"], unique=False)
    op.create_index(op.f("ix_works_machine_id_id"), "works", ["machine_id", "id"], unique=False)
    op.create_index(op.f("ix_works_nn_model_id"), "works", ["nn_model_id"], unique=False)
    op.create_index(op.f("ix_works_server_id"), "works", ["server_id"], unique=False)
    op.create_index(op.f("ix_works_user_id_id"), "works", ["user_id", "id"], unique=False)
    op.create_index(
        "uq_works_unfinished",
        "works",
        ["machine_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status IN ('WAITING_FOR_SERVER', 'PROCESSING')"),
    )


def upgrade() -> None:
    _machines()
    _indexes_of_machines()
    _columns()
    _lines()
    _operations()
    _models()
    _servers()
    _works()
    _indexes_of_works()


def downgrade() -> None:
    for table in ("works", "servers"):
        op.drop_table(table)
    for column in TO_LATER_TABLES:
        op.drop_constraint(f"fk_machines_{column}", "machines")
    for table in ("nn_models", "enc_dec_configurations", "machine_table_locks", "data_lines_operations"):
        op.drop_table(table)
    op.drop_table("machine_lines")
    op.execute("DROP SCHEMA machine_line_partitions")
    op.drop_table("machine_columns")
    op.drop_table("machines")
