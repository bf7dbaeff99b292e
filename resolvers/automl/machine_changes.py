"""Mutations of machines and their lines."""

from decimal import Decimal

import strawberry
from strawberry.scalars import JSON

from app.errors import Invalid
from app.models.accounts import Team, User
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine
from app.models.automl.readings import TableReading
from app.services.automl import readings
from app.services.automl.machines import changing, correcting, making
from app.services.automl.machines import lines as line_changes
from app.services.automl.machines.columns import ColumnOverride
from app.services.automl.machines.lines import LineChange
from app.services.automl.machines.making import Draft, SplitChoice
from app.services.system.files import uploads
from app.tabular.choices import LinePurpose, MachineSplit, NNLoss, NNOptimizer
from app.tabular.datatypes import Datatype, DateOrder, DecimalSign, Role
from resolvers import ids
from resolvers.automl.machines import FormerMachine
from resolvers.automl.readings import TableOptionsInput, table_options
from resolvers.context import Info
from resolvers.enums import show_enum
from resolvers.optional_arguments import provided

# Before the inputs that have them.
for enum in (LinePurpose, MachineSplit, NNLoss, NNOptimizer):
    show_enum(enum)


@strawberry.input(description="What somebody knows better of a column; what is left out stays as it was read.")
class ColumnOverrideInput:
    name: str = strawberry.field(description="The name of the column, as its reading has it.")
    datatype: Datatype | None = strawberry.field(default=None, description="The datatype.")
    role: Role | None = strawberry.field(
        default=None, description="What it is for. If any column is made an output here, no other column is guessed."
    )
    decimal_sign: DecimalSign | None = strawberry.field(default=None, description="The decimal sign of its numbers.")
    date_order: DateOrder | None = strawberry.field(
        default=None, description="The order of year, month and day in its dates."
    )


@strawberry.input(description="How lines to evaluate on are set apart. They are never learned from.")
class MachineSplitInput:
    kind: MachineSplit = strawberry.field(
        default=MachineSplit.RANDOM,
        description="By chance, by time (the latest), by group (whole groups), or as a column marks them.",
    )
    column: str | None = strawberry.field(
        default=None, description="The column with the times, the groups or the marks; none for RANDOM."
    )
    evaluation_percentage: int = strawberry.field(
        default=20, description="How many lines of a hundred are set apart, 5 to 50; marks decide for themselves."
    )
    seed: int = strawberry.field(default=0, description="What chance begins with: equal seeds set equal lines apart.")


@strawberry.input(description="New values of a line.")
class LineChangeInput:
    line_id: strawberry.ID = strawberry.field(description="The line.")
    values: JSON = strawberry.field(
        description="An object with the values that change, by the names of the columns; null makes one missing."
    )
    purpose: LinePurpose | None = strawberry.field(default=None, description="What it is for from now on.")


async def create_machine(
    info: Info,
    name: str,
    table: strawberry.ID | None = None,
    upload: str | None = None,
    options: TableOptionsInput | None = None,
    level: int = 1,
    description: str | None = None,
    columns: list[ColumnOverrideInput] | None = None,
    team: strawberry.ID | None = None,
    split: MachineSplitInput | None = None,
) -> Machine:
    """Makes a machine of a table. Its lines are read in the background: its `status` says when.

    table: The reading of the table, from `readTable`.
    upload: The `upload` value of a link from `requestTableUpload`, instead of a reading. The table is read first; the
        machine has no columns before.
    options: What is known about the table; for an upload only.
    name: The name, at most {automl.MACHINE_NAME_LENGTH_MAX} characters. Names between `__` are for the system.
    level: The effort spent on training, {automl.MACHINE_LEVEL_MIN} to {automl.MACHINE_LEVEL_MAX}. It never changes.
    description: What it is about, at most {automl.MACHINE_DESCRIPTION_LENGTH_MAX} characters.
    columns: Corrections of how columns were read.
    team: A team of the viewer's whose members use the machine, too.
    split: How lines to evaluate on are set apart; by chance if left out.
    """
    viewer = info.context.viewer
    overrides = [ColumnOverride(**vars(each)) for each in columns or []]
    team_id = None if team is None else ids.key(team, Team)
    split_choice = SplitChoice() if split is None else SplitChoice(**vars(split))
    draft = making.checked(viewer, Draft(name, description, level, overrides, team_id, split_choice))
    if (table is None) == (upload is None):
        raise Invalid("table", "Give either a table or an upload.")
    if options is not None and upload is None:
        raise Invalid("options", "Options are for an upload. Read the table again with `readTable` and these options.")
    if table is not None:
        async with info.context.writing() as session:
            return await making.create_machine(session, viewer, draft, reading_id=ids.key(table, TableReading))
    file = await uploads.uploaded(viewer, upload or "", use=readings.USE)
    async with info.context.writing() as session:
        return await making.create_machine_of_upload(session, viewer, draft, file=file, options=table_options(options))


async def update_machine(
    info: Info,
    id: strawberry.ID,
    machine_name: strawberry.Maybe[str] = None,
    machine_description: strawberry.Maybe[str | None] = None,
    machine_is_data_lines_training_count_limit_enabled: strawberry.Maybe[bool] = None,
    machine_data_lines_training_count_limit: strawberry.Maybe[int | None] = None,
    parameter_nn_loss: strawberry.Maybe[NNLoss | None] = None,
    parameter_nn_optimizer: strawberry.Maybe[NNOptimizer | None] = None,
    parameter_nn_shape: strawberry.Maybe[JSON | None] = None,
    machine_data_source_is_public: strawberry.Maybe[bool] = None,
    machine_data_source_sample_only_public: strawberry.Maybe[bool] = None,
    machine_data_source_price_usd: strawberry.Maybe[Decimal | None] = None,
    machine_api_solving_is_public: strawberry.Maybe[bool] = None,
    machine_api_solving_price_usd: strawberry.Maybe[Decimal | None] = None,
    machine_machine_is_duplicatable: strawberry.Maybe[bool] = None,
    machine_machine_copy_cost_usd: strawberry.Maybe[Decimal | None] = None,
    machine_machine_copy_update_cost_usd: strawberry.Maybe[Decimal | None] = None,
) -> Machine:
    """Updates the given fields of a machine. For its users; prices and what is public are for its owner.

    id: The machine.
    machine_name: The new name.
    machine_description: What it is about; null clears it.
    machine_is_data_lines_training_count_limit_enabled: Whether the number of lines to learn from is limited.
    machine_data_lines_training_count_limit: How many lines it learns from at most; null clears it.
    parameter_nn_loss: What the network minimizes; null lets the datatypes of the outputs decide.
    parameter_nn_optimizer: How weights are changed; null lets the level decide.
    parameter_nn_shape: The shape of the network, such as `{HiddenLayerCount: 2, NeuronPercentage1: 200}`; null lets the
        level decide.
    machine_data_source_is_public: Whether the lines are offered to everybody.
    machine_data_source_sample_only_public: Whether only a sample is shown before a purchase.
    machine_data_source_price_usd: The price of the lines; null clears it.
    machine_api_solving_is_public: Whether everybody may find it and ask it.
    machine_api_solving_price_usd: The price of one answer; null clears it.
    machine_machine_is_duplicatable: Whether everybody may find and copy it, with its lines.
    machine_machine_copy_cost_usd: The price of a copy; null clears it.
    machine_machine_copy_update_cost_usd: The price of bringing a copy up to date; null clears it.
    """
    changes = provided(
        machine_name=machine_name,
        machine_description=machine_description,
        machine_is_data_lines_training_count_limit_enabled=machine_is_data_lines_training_count_limit_enabled,
        machine_data_lines_training_count_limit=machine_data_lines_training_count_limit,
        parameter_nn_loss=parameter_nn_loss,
        parameter_nn_optimizer=parameter_nn_optimizer,
        parameter_nn_shape=parameter_nn_shape,
        machine_data_source_is_public=machine_data_source_is_public,
        machine_data_source_sample_only_public=machine_data_source_sample_only_public,
        machine_data_source_price_usd=machine_data_source_price_usd,
        machine_api_solving_is_public=machine_api_solving_is_public,
        machine_api_solving_price_usd=machine_api_solving_price_usd,
        machine_machine_is_duplicatable=machine_machine_is_duplicatable,
        machine_machine_copy_cost_usd=machine_machine_copy_cost_usd,
        machine_machine_copy_update_cost_usd=machine_machine_copy_update_cost_usd,
    )
    async with info.context.writing() as session:
        return await changing.update_machine(session, info.context.viewer, ids.key(id, Machine), changes)


async def correct_columns(info: Info, machine_id: strawberry.ID, columns: list[ColumnOverrideInput]) -> Machine:
    """Corrects how columns were read, with the values of all lines; a job does it, for all or for none.

    Only before the machine has learned. A value is read from what is kept of it: zeros before a number that was read as
    one do not come back.

    machine_id: The machine.
    columns: What is to be corrected; what is not named stays.
    """
    overrides = [ColumnOverride(**vars(each)) for each in columns]
    async with info.context.writing() as session:
        key = ids.key(machine_id, Machine)
        return await correcting.correct_columns(session, info.context.viewer, key, overrides=overrides)


async def transfer_machine(info: Info, id: strawberry.ID, user_id: strawberry.ID) -> Machine:
    """Gives a machine to another member of the team that works with it. For its owner.

    The new owner pays for it from then on. A machine without a team is moved to one first, with `moveMachine`.

    id: The machine.
    user_id: The member who owns it from then on.
    """
    async with info.context.writing() as session:
        return await changing.transfer_machine(
            session, info.context.viewer, ids.key(id, Machine), user_id=ids.key(user_id, User)
        )


async def move_machine(info: Info, id: strawberry.ID, team_id: strawberry.ID | None = None) -> Machine:
    """Gives a machine to a team, whose members use it, too. For its owner.

    id: The machine.
    team_id: A team of the viewer's; null takes the machine back from its team.
    """
    async with info.context.writing() as session:
        return await changing.move_machine(
            session,
            info.context.viewer,
            ids.key(id, Machine),
            team_id=None if team_id is None else ids.key(team_id, Team),
        )


async def copy_machine(info: Info, id: strawberry.ID, name: str | None = None) -> Machine:
    """Copies a machine: its columns and lines with a fresh split, without what it has learned.

    id: The machine: the viewer's own, their team's, or one that is public and may be copied.
    name: The name of the copy; `Copy of` and the name of the machine if left out.
    """
    async with info.context.writing() as session:
        return await making.copy_machine(session, info.context.viewer, ids.key(id, Machine), name=name)


async def delete_machine(info: Info, id: strawberry.ID) -> FormerMachine:
    """Deletes a machine with its lines and all that it has learned. For its owner.

    id: The machine.
    """
    async with info.context.writing() as session:
        await changing.delete_machine(session, info.context.viewer, ids.key(id, Machine))
    return FormerMachine(id)


async def append_lines(
    info: Info,
    machine_id: strawberry.ID,
    rows: list[JSON] | None = None,
    upload: str | None = None,
    purpose: LinePurpose | None = None,
) -> Machine:
    """Adds lines to a machine: all of them, or none. A file is read in the background by the machine's columns.

    machine_id: The machine.
    rows: Objects with a value for each column, at most {settings.machine_lines_at_once_max}: all inputs, and all
        outputs or none.
    upload: The `upload` value of a link from `requestTableUpload`, instead of rows.
    purpose: What the lines are for. Without it, lines with outputs are split as the machine splits them, and lines
        without are to be solved.
    """
    viewer, key = info.context.viewer, ids.key(machine_id, Machine)
    if (rows is None) == (upload is None):
        raise Invalid("rows", "Give either rows or an upload.")
    if upload is not None:
        file = await uploads.uploaded(viewer, upload, use=readings.USE)
        async with info.context.writing() as session:
            return await line_changes.append_file(session, viewer, key, file=file, purpose=purpose)
    async with info.context.writing() as session:
        return await line_changes.append_lines(session, viewer, key, rows=rows or [], purpose=purpose)


async def update_lines(info: Info, machine_id: strawberry.ID, lines: list[LineChangeInput]) -> Machine:
    """Changes values and purposes of lines: all of them, or none.

    machine_id: The machine.
    lines: The changes, at most {settings.machine_lines_at_once_max}.
    """
    changes = [LineChange(ids.key(each.line_id, MachineLine), each.values, each.purpose) for each in lines]
    async with info.context.writing() as session:
        return await line_changes.update_lines(
            session, info.context.viewer, ids.key(machine_id, Machine), changes=changes
        )


async def delete_lines(info: Info, machine_id: strawberry.ID, line_ids: list[strawberry.ID]) -> Machine:
    """Deletes lines of a machine: all of them, or none.

    machine_id: The machine.
    line_ids: The lines, at most {settings.machine_lines_at_once_max}.
    """
    keys = [ids.key(each, MachineLine) for each in line_ids]
    async with info.context.writing() as session:
        return await line_changes.delete_lines(session, info.context.viewer, ids.key(machine_id, Machine), ids=keys)
