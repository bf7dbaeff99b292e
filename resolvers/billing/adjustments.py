"""What two of the staff agree on: adjustments and reversals."""

from typing import TypeVar

from sqlalchemy import Select

from app.models.billing.adjustments import Adjustment, AdjustmentState, Proposal, Reversal
from app.policies import signed_in, visible
from resolvers.context import Info

P = TypeVar("P", bound=Proposal)


def adjustments(info: Info, state: AdjustmentState | None = None) -> Select[Adjustment]:
    """Corrections of balances, newest first. For staff.

    state: Only adjustments in this state.
    """
    return _in_state(info, Adjustment, state)


def reversals(info: Info, state: AdjustmentState | None = None) -> Select[Reversal]:
    """Reversals that staff have proposed, newest first. For staff.

    state: Only reversals in this state.
    """
    return _in_state(info, Reversal, state)


def _in_state(info: Info, kind: type[P], state: AdjustmentState | None) -> Select[P]:
    viewer = info.context.viewer
    signed_in(viewer)
    query = visible(kind, viewer)
    return query if state is None else query.where(kind.state == state)
