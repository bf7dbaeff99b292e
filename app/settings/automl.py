"""Tables that machines are made of."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.kinds import Bytes, Count, Duration
from app.settings.units import MIB


class AutomlSettings(BaseModel):
    """Tables that machines are made of."""

    machine_table_bytes_max: Bytes = Field(default=1_000_000_000, description="Bytes of a table for a machine.")
    machine_table_cells_max: Count = Field(default=10_000_000, description="Cells of a table for a machine.")
    machine_table_columns_max: Count = Field(default=2_000, description="Columns of a table for a machine.")
    machine_table_workbook_bytes_max: Bytes = Field(
        default=512 * MIB, description="Bytes that a workbook for a machine may unpack to."
    )
    machine_table_read_cpu_s_max: Duration = Field(
        default=600, description="Processor time to read a table for a machine."
    )
    line_changes_per_hour_max: Count = Field(
        default=3_600, description="Changes of machines' lines that an account may make in an hour."
    )
    machine_trainings_per_hour_max: Count = Field(
        default=60, description="Trainings and evaluations of machines that an account may start in an hour."
    )
    machine_training_s_max: Duration = Field(
        default=4 * 3_600, description="Most seconds that may be asked for as the budget of a machine's training."
    )
    machine_training_poll_s: Duration = Field(
        default=0.1, description="Seconds between two looks whether a machine's training is to stop."
    )
    server_silence_s_max: Duration = Field(
        default=60, description="Seconds without a sign of life after which a worker counts as gone."
    )
    machine_lines_at_once_max: Count = Field(
        default=1_000, description="Lines of a machine that one request may add, change or delete."
    )
    solve_rows_max: Count = Field(default=1_000, description="Rows that one request may ask a machine about.")
    rows_request_bytes_max: Bytes = Field(
        default=8 * MIB, description="Bytes of a request with rows for a machine: to append, to change or to solve."
    )
    find_solution_s_max: Duration = Field(
        default=5, description="Seconds that one request may look for inputs that lead to wanted outputs."
    )
    listing_sample_lines_max: Annotated[int, Field(ge=0, le=100)] = Field(
        default=20, description="Lines of a machine that its listing may show to everybody."
    )
    machines_in_memory_bytes_max: Bytes = Field(
        default=512 * MIB, description="Bytes of trained machines that a process keeps in memory to answer with."
    )
    graphs_per_machine_max: Count = Field(default=200, description="Graphs that a machine may have.")
