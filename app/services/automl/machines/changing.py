"""Changing machines, moving them to a team, and removing them with all that they have."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import delete, func, select

from app import checks
from app.database import WriteSession
from app.errors import Conflict, NotFound
from app.models.accounts import TeamMembership, User
from app.models.automl.machines import Machine
from app.models.kinds.automl import AutomlJob
from app.policies import Viewer, require, signed_in
from app.policies.automl.machines import may_dispose_of_this_machine
from app.queue import enqueue
from app.services.accounts.users.deletion import on_parting
from app.services.automl import works
from app.services.automl.machines.access import machine_to_change, machine_to_dispose_of, require_rest
from app.services.automl.machines.making import description_of_machine, name_of_machine, team_of_machine
from app.services.automl.machines.shapes import shape_of_network
from app.services.automl.machines.stages import redo_from
from app.services.automl.market import buying, listing
from app.services.system import audit
from app.services.system.notifications import notify_unless_viewer
from app.tabular.choices import MachineStage

OF_OWNERS = frozenset(
    {
        "machine_data_source_is_public",
        "machine_data_source_sample_only_public",
        "machine_data_source_price_usd",
        "machine_api_solving_is_public",
        "machine_api_solving_price_usd",
        "machine_machine_is_duplicatable",
        "machine_machine_copy_cost_usd",
        "machine_machine_copy_update_cost_usd",
    }
)
LINES_MAX = 2**31 - 1


async def update_machine(session: WriteSession, viewer: Viewer, machine_id: int, changes: Mapping[str, Any]) -> Machine:
    """Updates the given fields."""
    machine = await machine_to_change(session, viewer, machine_id)
    if changes.keys() & OF_OWNERS:
        require(may_dispose_of_this_machine, viewer, machine)
    for name, value in changes.items():
        setattr(machine, name, _checked(viewer, name, value))
    if "parameter_nn_shape" in changes:
        redo_from(machine, MachineStage.NN_CONFIG)
    elif changes.keys() & {"parameter_nn_loss", "parameter_nn_optimizer"}:
        redo_from(machine, MachineStage.MODEL)
    if changes.keys() & OF_OWNERS:
        await listing.follow(session, machine)
    await session.flush()
    if changes:
        audit.record(session, signed_in(viewer), "updateMachine", about=machine, fields=sorted(changes))
    await session.refresh(machine)
    return machine


def _checked(viewer: Viewer, name: str, value: Any) -> Any:
    own: dict[str, Callable[[Any], Any]] = {
        "machine_name": lambda text: name_of_machine(viewer, "machineName", text),
        "machine_description": lambda text: description_of_machine("machineDescription", text),
        "machine_data_lines_training_count_limit": _line_limit,
        "parameter_nn_shape": shape_of_network,
    }
    if name.endswith("_usd"):
        return _price(checks.camel_case(name), value)
    return own[name](value) if name in own else value


def _price(field: str, value: Decimal | None) -> Decimal | None:
    return None if value is None else listing.price(field, value)


def _line_limit(value: int | None) -> int | None:
    if value is not None:
        checks.within("machineDataLinesTrainingCountLimit", value, 1, LINES_MAX)
    return value


async def move_machine(session: WriteSession, viewer: Viewer, machine_id: int, *, team_id: int | None) -> Machine:
    """Gives a machine to a team of the viewer's, or takes it back."""
    machine = await machine_to_dispose_of(session, viewer, machine_id)
    machine.machine_owner_team_id = None if team_id is None else await team_of_machine(session, viewer, team_id)
    audit.record(session, signed_in(viewer), "moveMachine", about=machine)
    await session.flush()
    return machine


async def transfer_machine(session: WriteSession, viewer: Viewer, machine_id: int, *, user_id: int) -> Machine:
    """Makes another member of its team the owner of a machine, who pays for it from then on."""
    machine = await machine_to_dispose_of(session, viewer, machine_id)
    member = select(User).join(TeamMembership, TeamMembership.user_id == User.id)
    of_team = TeamMembership.team_id == machine.machine_owner_team_id
    heir = await session.scalar(member.where(of_team, User.id == user_id))
    if heir is None:
        raise NotFound("This user is not a member of the machine's team. Move the machine to a team of both first.")
    if not heir.is_active:
        raise Conflict("This account is suspended.")
    if heir.account_deletion_due_at is not None:
        raise Conflict("This account is going to be deleted.")
    if machine.machine_owner_user_id == heir.id:
        raise Conflict("This user already owns the machine.")
    before, machine.machine_owner_user_id = machine.machine_owner_user_id, heir.id
    await session.flush()
    await listing.hand_over(session, machine.id, heir.id)
    audit.record(session, signed_in(viewer), "transferMachine", about=machine, user_id=heir.id)
    name = machine.machine_name[:60]
    notify_unless_viewer(session, viewer, heir.id, f"You now own the machine {name}.", about=machine)
    notify_unless_viewer(session, viewer, before, f"The machine {name} has a new owner.", about=machine)
    return machine


async def delete_machine(session: WriteSession, viewer: Viewer, machine_id: int) -> None:
    """Makes a machine disappear at once; a job deletes its lines and files, unless the lines were sold."""
    machine = await machine_to_dispose_of(session, viewer, machine_id)
    require_rest(machine)
    audit.record(session, signed_in(viewer), "deleteMachine", about=machine)
    await _remove(session, machine)


async def _remove(session: WriteSession, machine: Machine) -> None:
    """Removes a machine that is locked. A job that ends locks itself first: those are not waited for."""
    await works.cancel_all(session, machine.id)
    machine.deleted_at = (await session.scalars(select(func.now()))).one()
    await listing.close_all(session, machine.id)
    # Those who bought the right to read the lines keep it.
    if not await buying.sold_lines_of(session, machine.id):
        await enqueue(session, AutomlJob.REMOVE_MACHINE, subject_id=machine.id, user_id=None)
    await session.flush()


@on_parting
async def remove_machines(session: WriteSession, user_id: int) -> None:
    """A user's machines go with the account, except those that a team works with."""
    own = Machine.machine_owner_user_id == user_id, Machine.machine_owner_team_id.is_(None)
    theirs = select(Machine).where(*own, Machine.deleted_at.is_(None)).order_by(Machine.id)
    for machine in await session.scalars(theirs.with_for_update(key_share=True)):
        await _remove(session, machine)


async def forget(session: WriteSession, machine_id: int) -> None:
    """Deletes what is left of a machine whose lines and files are gone."""
    await session.execute(delete(Machine).where(Machine.id == machine_id))
