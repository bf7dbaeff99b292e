"""GraphQL types for machines, their columns and their lines."""

import strawberry
from strawberry import auto
from strawberry.scalars import JSON

from app.models.automl import graphs as graph_tables
from app.models.automl import lines as line_tables
from app.models.automl import machines as tables
from app.models.automl import models as model_tables
from app.models.automl import works as work_tables
from app.tabular import choices, datatypes
from resolvers.automl import answers, columns, figures, graphs
from resolvers.automl import machines as resolve
from resolvers.enums import show_enum
from schema.accounts.teams import Team
from schema.accounts.users import User
from schema.automl.columns import RolesOfColumns, SeenInside, TextsOfColumns, ValuesOfColumns
from schema.automl.drifts import ColumnDrift
from schema.automl.figures import InputImportance, LeaderboardEntry, OutputMetrics, SplitSuggestion, StageState
from schema.automl.readings import ColumnWarning
from schema.fields import Connection, computed, connection, field, many, one
from schema.row import Row, shows
from schema.system.jobs import Job

for enum in (
    choices.MachineStatus,
    choices.MachineSplit,
    choices.LinePurpose,
    choices.NNLoss,
    choices.NNOptimizer,
    choices.WorkKind,
    choices.WorkStatus,
):
    show_enum(enum)


@shows(resolve.ValueCount)
class ValueCount:
    value: str = strawberry.field(description="The value.")
    count: int = strawberry.field(description="In how many lines it is.")


@shows(resolve.NamedShare)
class NamedShare:
    name: str = strawberry.field(description="What it is the share of.")
    share: float = strawberry.field(description="The share, 0 to 1.")


@shows(resolve.ColumnHistogram)
class ColumnHistogram:
    edges: list[float] = strawberry.field(description="The edges, one more than there are counts.")
    counts: list[int] = strawberry.field(description="How many values lie between an edge and the next.")


@shows(resolve.ColumnProfile)
class ColumnProfile:
    missing_percentage: float = strawberry.field(description="How many values of a hundred are missing.")
    unique_values_count: int = strawberry.field(description="How many different values there are.")
    most_frequent_values_count: int | None = strawberry.field(
        description="How many values are in at least 5 % of the lines."
    )
    min: float | None = strawberry.field(description="The smallest value.")
    max: float | None = strawberry.field(description="The largest value.")
    mean: float | None = strawberry.field(description="The mean.")
    median: float | None = strawberry.field(description="The median.")
    mode: float | None = strawberry.field(description="The most frequent value.")
    std_dev: float | None = strawberry.field(description="The standard deviation.")
    sem: float | None = strawberry.field(description="The standard error of the mean.")
    skewness: float | None = strawberry.field(description="The skewness.")
    kurtosis: float | None = strawberry.field(description="The excess kurtosis: 0 for a normal distribution.")
    quantile02: float | None = strawberry.field(description="The 20 % quantile.")
    quantile03: float | None = strawberry.field(description="The 30 % quantile.")
    quantile07: float | None = strawberry.field(description="The 70 % quantile.")
    quantile08: float | None = strawberry.field(description="The 80 % quantile.")
    histogram: ColumnHistogram | None = strawberry.field(
        description="How often values lie where; null if there are none."
    )
    top_values: list[ValueCount] = strawberry.field(description="The most frequent values.")
    text_shares: list[NamedShare] = strawberry.field(description="The kinds of characters in its texts.")
    language_shares: list[NamedShare] = strawberry.field(description="The languages of its texts.")


@shows(resolve.MachineColumn)
class MachineColumn:
    name: str = strawberry.field(description="The name, as in the table.")
    position: int = strawberry.field(description="The place in the table, from 0.")
    datatype: datatypes.Datatype = strawberry.field(description="The datatype.")
    role: datatypes.Role = strawberry.field(description="What the column is for.")
    reason: str = strawberry.field(description="Why it has this datatype.")
    decimal_sign: datatypes.DecimalSign | None = strawberry.field(
        description="The decimal sign of its numbers in texts, in later files, too; null if it has none."
    )
    date_order: datatypes.DateOrder | None = strawberry.field(
        description="The order of year, month and day in its dates, in later files, too; null if it has none."
    )
    description: str | None = strawberry.field(description="What the row of descriptions says.")
    examples: list[str] = strawberry.field(description="Some of its values, as they were in the file.")
    warnings: list[ColumnWarning] = strawberry.field(description="What a person should know of it.")
    profile: ColumnProfile | None = strawberry.field(
        description="What its values look like; null until they are read, and for those who do not see the lines."
    )


class EncDecConfiguration(Row, of=model_tables.EncDecConfiguration):
    created_at: auto
    sha256: auto
    enc_dec_config: auto


class NNModel(Row, of=model_tables.NNModel):
    created_at: auto
    version: auto
    level: auto
    seed: auto
    sha256: auto
    size_bytes: auto
    shape: auto
    figures: auto
    hardware: auto
    machine: "Machine" = one(model_tables.NNModel.machine, needs_read=True)
    enc_dec_configuration: EncDecConfiguration | None = one(model_tables.NNModel.enc_dec_configuration)
    leaderboard: list[LeaderboardEntry] = field(figures.leaderboard)
    metrics: list[OutputMetrics] = field(figures.metrics)
    importance: list[InputImportance] = field(figures.importance)
    suggestions: list[SplitSuggestion] = field(figures.suggestions)
    bundle_link: str = field(answers.bundle_link)
    report_link: str = field(answers.report_link)


class Server(Row, of=work_tables.Server):
    server_name: auto
    server_date_time: auto
    server_info_ready: auto
    server_gpu_ram: list[float] = field(resolve.server_gpu_ram)
    heartbeat_at: auto
    cores: auto
    memory_bytes: auto


class Work(Row, of=work_tables.Work):
    created_at: auto
    kind: auto
    status: auto
    options: auto
    is_stop_requested: auto
    stage: auto
    progress: auto
    best_score: auto
    eta_s: auto
    figures: auto
    metrics: list[OutputMetrics] = field(figures.work_metrics)
    failure: auto
    work_duration_estimation_seconds: auto
    work_started_at_date_time: auto
    work_finished_at_date_time: auto
    is_work_training: auto
    is_work_solving: auto
    is_work_status_wait_for_server_start: auto
    is_work_status_server_processing: auto
    is_work_status_server_finished: auto
    is_work_status_server_error: auto
    machine: "Machine" = one(work_tables.Work.machine, needs_read=True)
    user: User | None = one(work_tables.Work.user)
    server: Server | None = one(work_tables.Work.server)
    job: Job | None = one(work_tables.Work.job)
    nn_model: NNModel | None = one(work_tables.Work.nn_model)
    result_link: str | None = field(answers.result_link)


class Graph(Row, of=graph_tables.Graph):
    created_at: auto
    graph_type: auto
    graph_type_number: auto
    title: auto
    hue: auto
    x: auto
    y: auto
    z: auto
    size: auto
    style: auto
    color: auto
    col: auto
    row: auto
    animation_frame: auto
    machine: "Machine" = one(graph_tables.Graph.machine, needs_read=True)
    figure: JSON | None = field(graphs.figure)
    image: str = field(graphs.image)


@shows(graphs.GraphSuggestion)
class GraphSuggestion:
    graph_type: choices.GraphType = strawberry.field(description="What it draws.")
    title: str = strawberry.field(description="What its type is called.")
    reason: str = strawberry.field(description="What it shows.")
    x: str | None = strawberry.field(description="The column along the horizontal axis.")
    y: str | None = strawberry.field(description="The column along the vertical axis.")
    z: str | None = strawberry.field(description="The column whose mean colours the cells.")
    color: str | None = strawberry.field(description="The column that chooses the colours.")


class DataLinesOperation(Row, of=line_tables.DataLinesOperation):
    is_added_for_learning: auto
    is_added_for_solving: auto
    line_count: auto
    updated_at: auto


class MachineTableLock(Row, of=line_tables.MachineTableLock):
    table_name: auto
    locked_at: auto
    job: Job | None = one(line_tables.MachineTableLock.job)


class MachineLine(Row, of=line_tables.MachineLine):
    created_at: auto
    is_for_learning: auto
    is_for_evaluation: auto
    is_for_solving: auto
    is_learned: auto
    is_solved: auto
    has_outputs: auto
    inputs: JSON = computed(columns.inputs, needs_read=True)
    outputs: JSON | None = computed(columns.outputs)


class Machine(RolesOfColumns, ValuesOfColumns, TextsOfColumns, SeenInside, Row, of=tables.Machine):
    created_at: auto
    machine_name: auto
    machine_description: auto
    machine_level: auto
    status: auto
    split: auto
    split_column: auto
    split_seed: auto
    evaluation_percentage: auto
    learning_line_count: auto
    evaluation_line_count: auto
    solving_line_count: auto
    machine_data_source_is_public: auto
    machine_data_source_sample_only_public: auto
    machine_data_source_price_usd: auto
    machine_api_solving_is_public: auto
    machine_api_solving_price_usd: auto
    machine_machine_is_duplicatable: auto
    machine_machine_copy_cost_usd: auto
    machine_machine_copy_update_cost_usd: auto
    mdc_columns_json_structure: auto
    machine_is_data_lines_training_count_limit_enabled: auto
    machine_data_lines_training_count_limit: auto
    machine_is_re_run_mdc: auto
    machine_is_re_run_ici: auto
    machine_is_re_run_fe: auto
    machine_is_re_run_enc_dec: auto
    machine_is_re_run_nn_config: auto
    machine_is_re_run_model: auto
    fe_budget_total: auto
    fe_columns_fet: auto
    fe_count_of_fet: auto
    fe_find_delay_sec: auto
    fe_columns_inputs_importance_evaluation: auto
    fe_columns_inputs_importance_find_delay_sec: auto
    enc_dec_columns_info_input_encode_count: auto
    enc_dec_columns_info_output_encode_count: auto
    parameter_nn_loss: auto
    parameter_nn_loss_scaler: auto
    parameter_nn_optimizer: auto
    parameter_nn_shape: auto
    parameter_nn_find_delay_sec: auto
    training_training_total_delay_sec: auto
    training_training_cell_delay_sec: auto
    training_date_time_machine_model: auto
    training_training_epoch_count: auto
    training_training_batch_size: auto
    training_total_training_line_count: auto
    training_type_machine_hardware: auto
    training_eval_loss_sample_training: auto
    training_eval_loss_sample_evaluation: auto
    training_eval_loss_sample_training_noise: auto
    training_eval_loss_sample_evaluation_noise: auto
    training_eval_accuracy_sample_training: auto
    training_eval_accuracy_sample_evaluation: auto
    training_eval_accuracy_sample_training_noise: auto
    training_eval_accuracy_sample_evaluation_noise: auto
    training_eval_outputs_cols_loss_sample_evaluation: auto
    training_eval_outputs_cols_accuracy_sample_evaluation: auto
    suggested_graphs: list[GraphSuggestion] = field(graphs.suggested_graphs, prefetch=columns.listed, needs_read=True)
    columns: list[MachineColumn] = field(resolve.columns, prefetch=columns.listed, needs_read=True)
    stages: list[StageState] = field(figures.stages)
    is_ready_to_solve: bool = field(figures.is_ready_to_solve)
    leaderboard: list[LeaderboardEntry] = field(
        figures.machine_leaderboard, prefetch=figures.figures_of_current, needs_read=True
    )
    metrics: list[OutputMetrics] = field(figures.machine_metrics, prefetch=figures.figures_of_current, needs_read=True)
    importance: list[InputImportance] = field(
        figures.machine_importance, prefetch=figures.figures_of_current, needs_read=True
    )
    suggestions: list[SplitSuggestion] = field(
        figures.machine_suggestions, prefetch=figures.figures_of_current, needs_read=True
    )
    machine_owner_user: User | None = one(tables.Machine.machine_owner_user)
    machine_owner_team: Team | None = one(tables.Machine.machine_owner_team)
    machine_original: "Machine | None" = one(tables.Machine.machine_original)
    job: Job | None = one(tables.Machine.job)
    training_nn_model: NNModel | None = one(tables.Machine.training_nn_model)
    enc_dec_configuration: EncDecConfiguration | None = one(tables.Machine.enc_dec_configuration)
    drift: list[ColumnDrift] | None = field(answers.drift)
    graphs: Connection[Graph] = many(tables.Machine.graphs)
    nn_models: Connection[NNModel] = many(tables.Machine.nn_models)
    works: Connection[Work] = many(tables.Machine.works)
    data_lines_operations: Connection[DataLinesOperation] = many(tables.Machine.data_lines_operations)
    table_locks: Connection[MachineTableLock] = many(tables.Machine.table_locks)


@shows(resolve.FormerMachine)
class FormerMachine:
    machine_id: strawberry.ID = strawberry.field(description="The id of the machine.")


@strawberry.type
class MachinesQuery:
    machine: Machine | None = field(resolve.machine)
    machines: Connection[Machine] = connection(resolve.machines, order=resolve.MachineOrder)
    data_input_lines: Connection[MachineLine] = connection(resolve.data_input_lines)
    data_output_lines: Connection[MachineLine] = connection(resolve.data_output_lines)
    work: Work | None = field(resolve.work)
    nn_model: NNModel | None = field(resolve.nn_model)
    servers: Connection[Server] = connection(resolve.servers)
