"""What two of the staff agree on: adjustments and reversals."""

from sqlalchemy import Select

from app.models.billing.adjustments import Adjustment, AdjustmentState, Reversal
from app.policies import signed_in, visible
from resolvers.context import Info


def adjustments(info: Info, state: AdjustmentState | None = None) -> Select[Adjustment]:
    """Corrections of balances, newest first. For staff.

    state: Only adjustments in this state.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Adjustment, viewer)
    return query if state is None else query.where(Adjustment.state == state)


def reversals(info: Info, state: AdjustmentState | None = None) -> Select[Reversal]:
    """Reversals that staff have proposed, newest first. For staff.

    state: Only reversals in this state.
    """
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(Reversal, viewer)
    return query if state is None else query.where(Reversal.state == state)
