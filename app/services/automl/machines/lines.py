"""Lines of machines, added, changed and deleted one request at a time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select

from app.database import WriteSession
from app.errors import Invalid, NotFound, quoted
from app.formats.tables.columns.values import Unfitting, ValueReader
from app.formats.tables.lines import without_nul
from app.formats.tables.sources.records import flattened
from app.formats.tables.splits import Divider, Split
from app.models.automl.lines import MachineLine
from app.models.automl.machines import Machine, MachineColumn
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, signed_in
from app.queue import enqueue
from app.services.automl.machines.access import machine_with_lines_to_change
from app.services.automl.machines.columns import written
from app.services.automl.machines.loading import (
    ask_for_profile,
    change_counts,
    columns_in_order,
    lines_changed,
    note_added,
    split_of,
)
from app.services.system import audit
from app.services.system.files.uploads import Uploaded
from app.settings import settings
from app.tabular.choices import LinePurpose
from app.tabular.datatypes import Role

Row = dict[str, Any]
FLAGS = {
    LinePurpose.LEARNING: "is_for_learning",
    LinePurpose.EVALUATION: "is_for_evaluation",
    LinePurpose.SOLVING: "is_for_solving",
}
TAUGHT = frozenset({LinePurpose.LEARNING, LinePurpose.EVALUATION})


@dataclass(frozen=True)
class LineChange:
    """New values of a line; columns that are not named keep theirs."""

    line_id: int
    values: Any
    purpose: LinePurpose | None = None


def purpose_of(line: MachineLine) -> LinePurpose:
    """What a line is for."""
    return next(purpose for purpose, flag in FLAGS.items() if getattr(line, flag))


async def append_lines(
    session: WriteSession, viewer: Viewer, machine_id: int, *, rows: Sequence[Any], purpose: LinePurpose | None
) -> Machine:
    """Adds lines to a machine: all, or none."""
    machine = await machine_with_lines_to_change(session, viewer, machine_id)
    _check_count("rows", rows)
    columns = await columns_in_order(session, machine_id)
    lines = [_line(f"rows.{number}", row, columns) for number, row in enumerate(rows)]
    outputs = _places(columns, Role.OUTPUT)
    purposes = _purposes(machine, columns, lines, purpose)
    made = []
    for number, (line, chosen) in enumerate(zip(lines, purposes, strict=True)):
        has_outputs = any(line[at] is not None for at in outputs)
        _require_outputs(f"rows.{number}", chosen, has_outputs=has_outputs)
        flags = {flag: each is chosen for each, flag in FLAGS.items()}
        made.append({"machine_id": machine_id, "values": line, "has_outputs": has_outputs, **flags})
    await session.execute(insert(MachineLine), made)
    await note_added(session, machine, dict(Counter(purposes)))
    await ask_for_profile(session, machine)
    audit.record(session, signed_in(viewer), "appendLines", about=machine)
    await session.flush()
    return machine


async def append_file(
    session: WriteSession, viewer: Viewer, machine_id: int, *, file: Uploaded, purpose: LinePurpose | None
) -> Machine:
    """Queues a job that adds the lines of a file: all, or none."""
    machine = await machine_with_lines_to_change(session, viewer, machine_id)
    machine.pending = {"storage_key": file.key, "purpose": purpose and purpose.value}
    job = await enqueue(session, AutomlJob.APPEND_LINES, subject_id=machine.id, user_id=signed_in(viewer))
    machine.job_id = job.id
    audit.record(session, signed_in(viewer), "appendLines", about=machine)
    await session.flush()
    return machine


def _check_count(field: str, values: Sequence[Any]) -> None:
    most = settings.machine_lines_at_once_max
    if not 1 <= len(values) <= most:
        raise Invalid(field, f"Give 1 to {most:,} lines; these are {len(values):,}. Upload a file for more.")


def _places(columns: Sequence[MachineColumn], role: Role) -> list[int]:
    return [each.position for each in columns if each.role is role]


def _line(field: str, row: Any, columns: Sequence[MachineColumn]) -> list[Any]:
    """The values of a row by the positions of the columns: all inputs, and all outputs or none."""
    cells = _named(field, row, columns)
    for each in columns:
        if each.role is Role.INPUT and each.name not in cells:
            raise Invalid(field, f"The input {quoted(each.name)} is not there. Give all inputs; null is missing.")
    outputs = [each.name for each in columns if each.role is Role.OUTPUT]
    lacking = [name for name in outputs if name not in cells]
    if lacking and len(lacking) < len(outputs):
        raise Invalid(field, f"The output {quoted(lacking[0])} is not there. Give all outputs, or none.")
    return [cells.get(each.name) for each in columns]


def _named(field: str, row: Any, columns: Sequence[MachineColumn]) -> Row:
    """The values of a row as lines keep them."""
    if not isinstance(row, dict):
        raise Invalid(field, "Give an object with a value for each column.")
    by_name = {each.name: each for each in columns}
    values = {}
    for name, value in flattened(row, by_name).items():
        if name not in by_name:
            raise Invalid(field, f"This machine has no column {quoted(name)}. Name columns as the machine does.")
        reader = ValueReader.of(written(by_name[name]))
        try:
            values[name] = without_nul(reader.value(value))
        except Unfitting as unfitting:
            raise Invalid(field, f"The value of {quoted(name)} is not {unfitting}.") from None
    return values


def _purposes(
    machine: Machine, columns: Sequence[MachineColumn], lines: Sequence[list[Any]], purpose: LinePurpose | None
) -> list[LinePurpose]:
    if purpose is not None:
        return [purpose] * len(lines)
    divider = Divider(Split.of(split_of(machine, columns)))
    outputs = _places(columns, Role.OUTPUT)
    have = [any(line[at] is not None for at in outputs) for line in lines]
    for line, has_outputs in zip(lines, have, strict=True):
        if has_outputs:
            divider.take(line)
    flags = iter(divider.evaluated())
    return [_divided(next(flags)) if has_outputs else LinePurpose.SOLVING for has_outputs in have]


def _divided(is_evaluated: bool) -> LinePurpose:
    return LinePurpose.EVALUATION if is_evaluated else LinePurpose.LEARNING


def _require_outputs(field: str, purpose: LinePurpose, *, has_outputs: bool) -> None:
    if purpose in TAUGHT and not has_outputs:
        raise Invalid(field, f"A line for {purpose.value} needs outputs. Give them, or the purpose SOLVING.")


async def update_lines(
    session: WriteSession, viewer: Viewer, machine_id: int, *, changes: Sequence[LineChange]
) -> Machine:
    """Changes values and purposes of lines: all, or none."""
    machine = await machine_with_lines_to_change(session, viewer, machine_id)
    _check_count("lines", changes)
    columns = await columns_in_order(session, machine_id)
    rows = await _rows(session, machine_id, [each.line_id for each in changes])
    counts: Counter[LinePurpose] = Counter()
    for number, change in enumerate(changes):
        line = rows[change.line_id]
        counts[purpose_of(line)] -= 1
        _change(f"lines.{number}", line, change, columns)
        counts[purpose_of(line)] += 1
    change_counts(machine, dict(counts))
    lines_changed(machine)
    await ask_for_profile(session, machine)
    audit.record(session, signed_in(viewer), "updateLines", about=machine)
    await session.flush()
    return machine


def _change(field: str, line: MachineLine, change: LineChange, columns: Sequence[MachineColumn]) -> None:
    cells = _named(field, change.values, columns)
    outputs = _places(columns, Role.OUTPUT)
    before = [line.values[at] for at in outputs]
    line.values = [cells.get(each.name, line.values[each.position]) for each in columns]
    line.has_outputs = any(line.values[at] is not None for at in outputs)
    purpose = change.purpose or purpose_of(line)
    _require_outputs(field, purpose, has_outputs=line.has_outputs)
    for each, flag in FLAGS.items():
        setattr(line, flag, each is purpose)
    line.is_learned = False
    if before != [line.values[at] for at in outputs]:
        # These outputs are no longer the machine's answer.
        line.is_solved = False


async def _rows(session: WriteSession, machine_id: int, ids: Sequence[int]) -> dict[int, MachineLine]:
    """The lines with these ids; NotFound if one of them is not there."""
    if len(set(ids)) < len(ids):
        raise Invalid("lines", "A line is named twice. Name each once.")
    query = select(MachineLine).where(MachineLine.machine_id == machine_id, MachineLine.id.in_(ids))
    rows = {each.id: each for each in await session.scalars(query)}
    if len(rows) < len(ids):
        raise NotFound("One of these lines is not in this machine.")
    return rows


async def delete_lines(session: WriteSession, viewer: Viewer, machine_id: int, *, ids: Sequence[int]) -> Machine:
    """Deletes lines of a machine: all, or none."""
    machine = await machine_with_lines_to_change(session, viewer, machine_id)
    _check_count("lineIds", ids)
    rows = await _rows(session, machine_id, ids)
    gone = Counter(purpose_of(line) for line in rows.values())
    await session.execute(
        delete(MachineLine).where(MachineLine.machine_id == machine_id, MachineLine.id.in_(list(rows)))
    )
    change_counts(machine, {purpose: -count for purpose, count in gone.items()})
    lines_changed(machine)
    await ask_for_profile(session, machine)
    audit.record(session, signed_in(viewer), "deleteLines", about=machine)
    await session.flush()
    return machine
