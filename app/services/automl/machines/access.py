"""The machine that a viewer wants to change, and the lock on its lines."""

from sqlalchemy import select

from app.database import WriteSession, lock
from app.errors import Conflict, NotFound
from app.models.automl.lines import MachineTableLock
from app.models.automl.machines import Machine
from app.policies import Viewer, require, visible
from app.policies.automl.machines import Standing, is_used_by, may_change_this_machine, may_dispose_of_this_machine


async def machine_to_change(session: WriteSession, viewer: Viewer, machine_id: int) -> Machine:
    """The machine, locked, if the viewer may change it."""
    machine, is_used = await machine_seen(session, viewer, machine_id)
    require(may_change_this_machine, viewer, Standing(machine, is_member=is_used))
    return machine


async def machine_to_dispose_of(session: WriteSession, viewer: Viewer, machine_id: int) -> Machine:
    """The machine, locked, if the viewer is its owner or staff."""
    machine, _ = await machine_seen(session, viewer, machine_id)
    require(may_dispose_of_this_machine, viewer, machine)
    return machine


async def machine_with_lines_to_change(session: WriteSession, viewer: Viewer, machine_id: int) -> Machine:
    """The machine, locked, with its lines held until this transaction ends; Conflict while a job changes them."""
    machine = await machine_to_change(session, viewer, machine_id)
    require_rest(machine)
    await _hold_lines(session, machine_id)
    return machine


async def machine_seen(
    session: WriteSession, viewer: Viewer, machine_id: int, *, is_shared: bool = False
) -> tuple[Machine, bool]:
    """The machine, locked, shared with other readers if asked; and whether the viewer is one of those who use it."""
    query = visible(Machine, viewer).add_columns(is_used_by(viewer)).where(Machine.id == machine_id)
    row = (await session.execute(query.with_for_update(read=is_shared, of=Machine, key_share=True))).one_or_none()
    if row is None:
        raise NotFound("There is no such machine.")
    machine, is_used = row
    return machine, is_used


def table_name(machine_id: int) -> str:
    """What a lock on a machine's lines is called."""
    return f"machine_lines_{machine_id}"


async def _hold_lines(session: WriteSession, machine_id: int) -> None:
    """Holds the lines of a machine until this transaction ends; Conflict if a job holds them for longer."""
    await lock(session, table_name(machine_id))
    held = select(MachineTableLock.id).where(MachineTableLock.table_name == table_name(machine_id))
    if await session.scalar(held) is not None:
        raise Conflict("A job is changing the lines of this machine. Wait until it has ended.")


def require_rest(machine: Machine) -> None:
    """Passes unless a file is being read into the machine."""
    if machine.pending is not None:
        raise Conflict("Lines are being read into this machine. Wait until that has ended.")
