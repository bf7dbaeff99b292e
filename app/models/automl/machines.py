"""Machines: what was uploaded, how its columns are read, and what was learned from them."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.limits import automl as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.models.accounts import Team, User
from app.models.base import WITHHELD, Base, Json, Record
from app.models.names import Name
from app.models.subjects import Subject
from app.models.system import Job
from app.tabular.choices import MachineSplit, MachineStatus, NNLoss, NNOptimizer
from app.tabular.datatypes import Datatype, Role

if TYPE_CHECKING:
    from app.models.automl.graphs import Graph
    from app.models.automl.lines import DataLinesOperation, MachineTableLock
    from app.models.automl.market import Listing
    from app.models.automl.models import EncDecConfiguration, NNModel
    from app.models.automl.works import Work

NUMBER = Numeric(limits.NUMBER_DIGITS, limits.NUMBER_DECIMALS)
NO, NOTHING, NONE = text("false"), text("'{}'"), text("0")


class Market(Base):
    """What others may do with a machine, and for how much. Each offer has a `Listing` with the same price."""

    __abstract__ = True

    machine_data_source_is_public: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether everybody may find it, and buy the right to read its lines."
    )
    machine_data_source_sample_only_public: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether only a sample is shown before a purchase."
    )
    machine_data_source_price_usd: Mapped[Decimal | None] = mapped_column(NUMBER, doc="The price of the lines.")
    machine_api_solving_is_public: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether everybody may find it and ask it."
    )
    machine_api_solving_price_usd: Mapped[Decimal | None] = mapped_column(NUMBER, doc="The price of one answer.")
    machine_machine_is_duplicatable: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether everybody may find and copy it, with its lines."
    )
    machine_machine_copy_cost_usd: Mapped[Decimal | None] = mapped_column(NUMBER, doc="The price of a copy.")
    machine_machine_copy_update_cost_usd: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The price of bringing a copy up to date."
    )
    machine_billing_cost_solving_usd: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="What its answers have cost so far."
    )
    machine_billing_cost_training_usd: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="What its trainings have cost so far."
    )


class Learned(Base):
    """What training finds out about a machine, and which parts of it must be found out again."""

    __abstract__ = True

    machine_columns_errors: Mapped[Json] = mapped_column(
        default=dict, server_default=NOTHING, doc="What went wrong, by column; `*` is the whole machine."
    )
    machine_columns_warnings: Mapped[Json] = mapped_column(
        default=dict, server_default=NOTHING, doc="What to know, by column; `*` is the whole machine."
    )
    mdc_columns_json_structure: Mapped[Json | None] = mapped_column(doc="The structure found in JSON columns.")
    machine_is_data_lines_training_count_limit_enabled: Mapped[bool] = mapped_column(
        default=False, server_default=NO, doc="Whether the number of lines to learn from is limited."
    )
    machine_data_lines_training_count_limit: Mapped[int | None] = mapped_column(
        doc="How many lines it learns from at most, if that is limited."
    )
    machine_is_re_run_mdc: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether the columns must be profiled again."
    )
    machine_is_re_run_ici: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether the importance of inputs must be estimated again."
    )
    machine_is_re_run_fe: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether features must be chosen again."
    )
    machine_is_re_run_enc_dec: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether encoders must be fitted again."
    )
    machine_is_re_run_nn_config: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether the shape of the network must be searched again."
    )
    machine_is_re_run_model: Mapped[bool] = mapped_column(
        default=True, server_default=text("true"), doc="Whether the model must be trained again."
    )
    fe_budget_total: Mapped[Decimal | None] = mapped_column(NUMBER, doc="How many encoded columns it may have.")
    fe_columns_fet: Mapped[Json | None] = mapped_column(doc="The encoders of each column.")
    fe_count_of_fet: Mapped[Json | None] = mapped_column(doc="How many encoders of each kind there are.")
    fe_find_delay_sec: Mapped[int | None] = mapped_column(doc="How many seconds choosing the features took.")
    fe_columns_inputs_importance_evaluation: Mapped[Json | None] = mapped_column(
        doc="The importance of each input: shares that add up to 1."
    )
    fe_columns_inputs_importance_find_delay_sec: Mapped[int | None] = mapped_column(
        doc="How many seconds estimating the importance took."
    )
    enc_dec_columns_info_input_encode_count: Mapped[int | None] = mapped_column(
        doc="How many columns the encoded inputs have."
    )
    enc_dec_columns_info_output_encode_count: Mapped[int | None] = mapped_column(
        doc="How many columns the encoded outputs have."
    )
    parameter_nn_loss: Mapped[NNLoss | None] = mapped_column(
        doc="What the network minimizes; null lets the datatypes of the outputs decide."
    )
    parameter_nn_loss_scaler: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="What a loss is multiplied with to be comparable between machines."
    )
    parameter_nn_optimizer: Mapped[NNOptimizer | None] = mapped_column(
        doc="How weights are changed; null lets the level decide."
    )
    parameter_nn_shape: Mapped[Json | None] = mapped_column(doc="The shape of the network.")
    parameter_nn_find_delay_sec: Mapped[int | None] = mapped_column(doc="How many seconds finding the shape took.")


class Evaluated(Base):
    """How the last training of a machine went."""

    __abstract__ = True

    training_training_total_delay_sec: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="How many seconds the last training took."
    )
    training_training_cell_delay_sec: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The same, divided by the number of encoded cells."
    )
    training_date_time_machine_model: Mapped[datetime | None] = mapped_column(doc="When the model was trained.")
    training_training_epoch_count: Mapped[int | None] = mapped_column(doc="How many epochs it trained.")
    training_training_batch_size: Mapped[int | None] = mapped_column(doc="How many lines one step took.")
    training_total_training_line_count: Mapped[int | None] = mapped_column(doc="How many lines it learned from.")
    training_type_machine_hardware: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="The hardware it trained on."
    )
    log_work_message: Mapped[Json | None] = mapped_column(doc="Messages of past work, by time.")
    log_work_status: Mapped[Json | None] = mapped_column(doc="Whether past work succeeded, by time.")
    training_eval_loss_sample_training: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The scaled loss on lines it learned from, 0.00001 to 1."
    )
    training_eval_loss_sample_evaluation: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The scaled loss on lines it never saw, 0.00001 to 1."
    )
    training_eval_loss_sample_training_noise: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The scaled loss on lines it learned from, with noise in the inputs."
    )
    training_eval_loss_sample_evaluation_noise: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The scaled loss on lines it never saw, with noise in the inputs."
    )
    training_eval_accuracy_sample_training: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The accuracy on lines it learned from, 0 to 1."
    )
    training_eval_accuracy_sample_evaluation: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The accuracy on lines it never saw, 0 to 1."
    )
    training_eval_accuracy_sample_training_noise: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The accuracy on lines it learned from, with noise in the inputs."
    )
    training_eval_accuracy_sample_evaluation_noise: Mapped[Decimal | None] = mapped_column(
        NUMBER, doc="The accuracy on lines it never saw, with noise in the inputs."
    )
    training_eval_outputs_cols_loss_sample_evaluation: Mapped[Json | None] = mapped_column(
        doc="The scaled loss of each output on lines it never saw."
    )
    training_eval_outputs_cols_accuracy_sample_evaluation: Mapped[Json | None] = mapped_column(
        doc="The accuracy of each output on lines it never saw."
    )


class Machine(Subject, Market, Learned, Evaluated, Record):
    """A table of lines with inputs and outputs, and what was learned from it: it answers with outputs for inputs."""

    __tablename__ = "machines"
    __owned_by__ = ("machine_owner_user_id",)
    __table_args__ = (
        Index(None, "machine_owner_user_id", "id"),
        Index(None, "machine_owner_team_id", "id"),
        Index(None, "machine_name", "id"),
        Index(None, "machine_original_id"),
        Index(None, "job_id"),
        Index(None, "training_nn_model_id"),
        Index(None, "enc_dec_configuration_id"),
        Index(
            "ix_machines_public",
            "id",
            postgresql_where=text(
                "machine_api_solving_is_public OR machine_machine_is_duplicatable OR machine_data_source_is_public"
            ),
        ),
        CheckConstraint(
            f"machine_level BETWEEN {limits.MACHINE_LEVEL_MIN} AND {limits.MACHINE_LEVEL_MAX}", name="level"
        ),
        CheckConstraint("status <> 'FAILED' OR failure IS NOT NULL", name="failure"),
    )

    machine_owner_user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"))
    machine_owner_team_id: Mapped[int | None] = mapped_column(ForeignKey("teams.id", ondelete="SET NULL"))
    machine_original_id: Mapped[int | None] = mapped_column(ForeignKey("machines.id", ondelete="SET NULL"))
    job_id: Mapped[int | None] = mapped_column(ForeignKey("jobs.id", ondelete="SET NULL"))
    # Constraints of their own: these tables point at each other.
    training_nn_model_id: Mapped[int | None] = mapped_column(
        ForeignKey("nn_models.id", ondelete="SET NULL", use_alter=True, name="fk_machines_training_nn_model_id")
    )
    enc_dec_configuration_id: Mapped[int | None] = mapped_column(
        ForeignKey(
            "enc_dec_configurations.id",
            ondelete="SET NULL",
            use_alter=True,
            name="fk_machines_enc_dec_configuration_id",
        )
    )
    machine_name: Mapped[str] = mapped_column(Name(limits.MACHINE_NAME_LENGTH_MAX), doc="The name.")
    machine_description: Mapped[str] = mapped_column(
        String(limits.MACHINE_DESCRIPTION_LENGTH_MAX), default="", server_default="", doc="What it is about."
    )
    machine_level: Mapped[int] = mapped_column(
        default=1,
        server_default=text("1"),
        doc="The effort spent on training, from 1, quick, to 5, thorough. It never changes.",
    )
    status: Mapped[MachineStatus] = mapped_column(
        default=MachineStatus.LOADING, server_default="LOADING", doc="Whether its lines have been read."
    )
    failure: Mapped[str | None] = mapped_column(
        String(NOTE_LENGTH_MAX), doc="Why the last file was not read, as a readable sentence."
    )
    # How the file was read: later files are read the same way.
    table_options: Mapped[Json] = mapped_column(default=dict, server_default=NOTHING, info=WITHHELD)
    # What a job reads next: the file, and what its lines are for; null if nothing is read.
    pending: Mapped[Json | None] = mapped_column(info=WITHHELD)
    # It is gone for everybody; a job deletes its lines.
    deleted_at: Mapped[datetime | None] = mapped_column(info=WITHHELD)
    split: Mapped[MachineSplit] = mapped_column(
        default=MachineSplit.RANDOM, server_default="RANDOM", doc="How lines to evaluate on are set apart."
    )
    split_column: Mapped[str | None] = mapped_column(
        String(limits.COLUMN_NAME_LENGTH_MAX), doc="The column that lines are set apart by; null if it is random."
    )
    split_seed: Mapped[int] = mapped_column(
        default=0, server_default=NONE, doc="What chance begins with: the same seed sets the same lines apart."
    )
    evaluation_percentage: Mapped[int] = mapped_column(
        default=20, server_default=text("20"), doc="How many lines of a hundred are set apart to evaluate on."
    )
    learning_line_count: Mapped[int] = mapped_column(
        default=0, server_default=NONE, doc="The number of lines to learn from."
    )
    evaluation_line_count: Mapped[int] = mapped_column(
        default=0, server_default=NONE, doc="The number of lines to evaluate on."
    )
    solving_line_count: Mapped[int] = mapped_column(default=0, server_default=NONE, doc="The number of lines to solve.")

    machine_owner_user: Mapped[User] = relationship(lazy="raise", doc="Who owns it.")
    machine_owner_team: Mapped[Team | None] = relationship(
        lazy="raise", doc="The team whose members use it, too; null unless the viewer sees the team."
    )
    machine_original: Mapped["Machine | None"] = relationship(
        remote_side="Machine.id", lazy="raise", doc="The machine that it was first copied from."
    )
    job: Mapped[Job | None] = relationship(lazy="raise", doc="The last job that read lines into it.")
    training_nn_model: Mapped["NNModel | None"] = relationship(
        foreign_keys=training_nn_model_id, lazy="raise", doc="The version of its model that answers now."
    )
    enc_dec_configuration: Mapped["EncDecConfiguration | None"] = relationship(
        foreign_keys=enc_dec_configuration_id, lazy="raise", doc="The encoders that its model goes with."
    )
    nn_models: Mapped[list["NNModel"]] = relationship(
        foreign_keys="NNModel.machine_id", back_populates="machine", lazy="raise", doc="All versions of its model."
    )
    graphs: Mapped[list["Graph"]] = relationship(back_populates="machine", lazy="raise", doc="The graphs of its lines.")
    works: Mapped[list["Work"]] = relationship(
        back_populates="machine", lazy="raise", doc="Its trainings, and the solving of its lines."
    )
    data_lines_operations: Mapped[list["DataLinesOperation"]] = relationship(
        back_populates="machine", lazy="raise", doc="Lines that were added and that nothing has been done with yet."
    )
    table_locks: Mapped[list["MachineTableLock"]] = relationship(
        back_populates="machine", lazy="raise", doc="The lock on its lines, while a job holds it."
    )
    listings: Mapped[list["Listing"]] = relationship(
        back_populates="machine", lazy="raise", doc="What is offered of it in the market."
    )


class MachineColumn(Record):
    """A column of a machine: how its values are read, what it is for, and what its values look like."""

    __tablename__ = "machine_columns"
    __owned_by__ = ("machine_id",)
    __table_args__ = (
        Index(
            "uq_machine_columns_machine_id_position",
            "machine_id",
            "position",
            unique=True,
            info={"conflict": "This machine has this column already."},
        ),
    )

    machine_id: Mapped[int] = mapped_column(ForeignKey("machines.id", ondelete="CASCADE"))
    position: Mapped[int] = mapped_column(doc="The place in a line's values, from 0.")
    name: Mapped[str] = mapped_column(String(limits.COLUMN_NAME_LENGTH_MAX), doc="The name: any text, as in the table.")
    datatype: Mapped[Datatype] = mapped_column(doc="The datatype.")
    role: Mapped[Role] = mapped_column(doc="What the column is for.")
    decimal: Mapped[str | None] = mapped_column(String(limits.SEPARATOR_LENGTH), doc="The decimal sign of its numbers.")
    date_order: Mapped[str | None] = mapped_column(
        String(limits.DATE_ORDER_LENGTH), doc="The order of year, month and day in its dates."
    )
    reason: Mapped[str] = mapped_column(
        String(limits.REASON_LENGTH_MAX), default="", server_default="", doc="Why it has this datatype."
    )
    description: Mapped[str | None] = mapped_column(
        String(limits.COLUMN_DESCRIPTION_LENGTH_MAX), doc="What the row of descriptions says."
    )
    # {"issues": [[issue, message]], "examples": [...]}: what was noticed when the table was first read.
    notes: Mapped[Json] = mapped_column(default=dict, server_default=NOTHING)
    # What `app.formats.tables.columns.profiles` found in the values; empty until the lines are read.
    profile: Mapped[Json] = mapped_column(default=dict, server_default=NOTHING)

    machine: Mapped[Machine] = relationship(lazy="raise", doc="The machine.")
