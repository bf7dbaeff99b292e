"""Who may see machines and what belongs to them, and who may change them.

The owner and the members of the team that owns a machine use it; staff may do what its owner may. A machine that is
public is found by everybody, without what its lines say. Those who bought the right to read its lines keep it.
"""

from typing import NamedTuple, cast

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, false, or_, select, true

from app.models.automl.graphs import Graph
from app.models.automl.lines import DataLinesOperation, MachineLine, MachineTableLock
from app.models.automl.machines import Machine, MachineColumn
from app.models.automl.market import Purchase, PurchaseKind, PurchaseState
from app.models.automl.models import EncDecConfiguration, NNModel
from app.models.automl.works import Server, Work
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads
from app.policies.accounts import belongs_to_team


def is_used_by(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether a machine is the viewer's own, or their team's."""
    if not viewer.is_signed_in:
        return false()
    owner, team = Machine.machine_owner_user_id, Machine.machine_owner_team_id
    return Machine.deleted_at.is_(None) & or_(names_viewer(viewer, owner), belongs_to_team(viewer, team))


def sees_inside(viewer: AnyViewer) -> ColumnElement[bool]:
    """Whether the viewer sees what a machine's lines say: those who use it, and staff."""
    return true() if viewer.is_staff else is_used_by(viewer)


@reads(Machine)
def visible_machines(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who use it and staff; public ones for everybody."""
    is_kept = Machine.deleted_at.is_(None)
    if viewer.is_staff:
        return is_kept
    is_public = or_(
        Machine.machine_api_solving_is_public,
        Machine.machine_machine_is_duplicatable,
        Machine.machine_data_source_is_public,
    )
    seen = is_kept & or_(is_public, is_used_by(viewer))
    return or_(seen, Machine.id.in_(_with_lines_bought_by(viewer))) if viewer.is_signed_in else seen


def _with_lines_bought_by(viewer: AnyViewer) -> Select[int]:
    """The machines whose lines the viewer bought the right to read, whatever became of the offer."""
    own = names_viewer(viewer, Purchase.buyer_id), Purchase.kind == PurchaseKind.DATA_SOURCE
    completed = Purchase.state == PurchaseState.COMPLETED
    bought = select(Purchase.machine_id).where(*own, completed, Purchase.machine_id.is_not(None))
    return cast(Select[int], bought.correlate(None))


def of_used(viewer: AnyViewer, machine_id: SQLColumnExpression[int]) -> ColumnElement[bool]:
    """Whether a row belongs to a machine that the viewer sees inside of."""
    if viewer.is_staff:
        return true()
    return machine_id.in_(select(Machine.id).where(is_used_by(viewer)).correlate(None))


@reads(MachineColumn)
def visible_machine_columns(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, MachineColumn.machine_id)


@reads(MachineLine)
def visible_machine_lines(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine; and those with outputs for who bought the right to read them."""
    if viewer.is_staff or not viewer.is_signed_in:
        return of_used(viewer, MachineLine.machine_id)
    # What is to be solved was not for sale.
    sold = or_(MachineLine.is_for_learning, MachineLine.is_for_evaluation)
    bought = sold & MachineLine.machine_id.in_(_with_lines_bought_by(viewer))
    return or_(of_used(viewer, MachineLine.machine_id), bought)


@reads(DataLinesOperation)
def visible_data_lines_operations(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, DataLinesOperation.machine_id)


@reads(MachineTableLock)
def visible_machine_table_locks(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, MachineTableLock.machine_id)


@reads(NNModel)
def visible_nn_models(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, NNModel.machine_id)


@reads(EncDecConfiguration)
def visible_enc_dec_configurations(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, EncDecConfiguration.machine_id)


@reads(Graph)
def visible_graphs(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, Graph.machine_id)


@reads(Work)
def visible_works(viewer: AnyViewer) -> ColumnElement[bool]:
    """For those who see inside the machine."""
    return of_used(viewer, Work.machine_id)


@reads(Server)
def visible_servers(viewer: AnyViewer) -> ColumnElement[bool]:
    """For staff."""
    return true() if viewer.is_staff else false()


class Standing(NamedTuple):
    """A machine, and whether the viewer is a member of the team that owns it."""

    machine: Machine
    is_member: bool


def may_change_this_machine(viewer: Viewer, standing: Standing) -> bool:
    """For the owner, members of its team and staff: lines, columns, name, and training."""
    return standing.is_member or may_dispose_of_this_machine(viewer, standing.machine)


def may_dispose_of_this_machine(viewer: Viewer, machine: Machine) -> bool:
    """For the owner and staff: prices, what is public, moving to a team, deletion."""
    return viewer.is_staff or is_viewer(viewer, machine.machine_owner_user_id)
