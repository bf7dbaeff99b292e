"""Who may see and move money."""

from sqlalchemy import ColumnElement, exists, false, or_, true
from sqlalchemy.orm import aliased

from app.models.accounts import User
from app.models.billing.adjustments import Adjustment, Reversal
from app.models.billing.automatic_top_ups import AutomaticTopUp, ForgottenCard
from app.models.billing.coupon_codes import CouponCode
from app.models.billing.grants import Grant
from app.models.billing.ledger import EntryType, LedgerAccount, LedgerEntry, Operation
from app.models.billing.legacy import Billing
from app.models.billing.reservations import Reservation, ReservationPart
from app.models.billing.spending import SpendingRules
from app.models.billing.top_ups import PaymentEvent, TopUp
from app.policies import AnyViewer, Viewer, is_viewer, names_viewer, reads

_ENTRY = aliased(LedgerEntry.__table__)  # of the table: which of its types an entry is does not matter here


@reads(LedgerAccount, ReservationPart)
def visible_ledger_accounts(viewer: AnyViewer) -> ColumnElement[bool]:
    """Not shown as rows: wallets and statements show what they hold."""
    del viewer
    return false()


@reads(LedgerEntry, *LedgerEntry.__subclasses__())
def visible_entries(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own. Staff see those of the platform, and others' only in statements, which are audited."""
    own = names_viewer(viewer, LedgerEntry.user_id) & (LedgerEntry.entry_type != EntryType.PLATFORM)
    return own | (LedgerEntry.entry_type == EntryType.PLATFORM) if viewer.is_staff else own


@reads(Reservation)
def visible_reservations(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; all for staff."""
    return true() if viewer.is_staff else names_viewer(viewer, Reservation.user_id)


@reads(Grant)
def visible_grants(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; all for staff."""
    return true() if viewer.is_staff else names_viewer(viewer, Grant.user_id)


@reads(AutomaticTopUp)
def visible_automatic_top_ups(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only by the user whose card is charged."""
    return names_viewer(viewer, AutomaticTopUp.id)


@reads(CouponCode)
def visible_coupon_codes(viewer: AnyViewer) -> ColumnElement[bool]:
    """For staff; users see the grants that they got."""
    return true() if viewer.is_staff else false()


@reads(Adjustment, Reversal)
def visible_proposals(viewer: AnyViewer) -> ColumnElement[bool]:
    """For staff; those whose money is moved see the operation."""
    return true() if viewer.is_staff else false()


@reads(TopUp)
def visible_top_ups(viewer: AnyViewer) -> ColumnElement[bool]:
    """The viewer's own; all for staff."""
    return true() if viewer.is_staff else names_viewer(viewer, TopUp.user_id)


@reads(PaymentEvent, ForgottenCard)
def visible_payment_events(viewer: AnyViewer) -> ColumnElement[bool]:
    """Not shown as rows: top-ups show what came of them."""
    del viewer
    return false()


@reads(SpendingRules)
def visible_spending_rules(viewer: AnyViewer) -> ColumnElement[bool]:
    """Only the viewer's own."""
    return names_viewer(viewer, SpendingRules.id)


@reads(Operation)
def visible_operations(viewer: AnyViewer) -> ColumnElement[bool]:
    """What the viewer did, and what moved the viewer's money; all for staff."""
    if viewer.is_staff:
        return true()
    if not viewer.is_signed_in:
        return false()
    moved = exists().where(_ENTRY.c.operation_id == Operation.id, names_viewer(viewer, _ENTRY.c.user_id))
    return or_(names_viewer(viewer, Operation.operation_user_id), moved.correlate_except(_ENTRY))


@reads(Billing)
def visible_billings(viewer: AnyViewer) -> ColumnElement[bool]:
    """What the viewer did, and what was done with the viewer's things; all for staff."""
    if viewer.is_staff:
        return true()
    return or_(names_viewer(viewer, Billing.operation_user_id), names_viewer(viewer, Billing.machine_owner_user_id))


def may_move_money_of_users(viewer: Viewer, _: object) -> bool:
    """For staff."""
    return viewer.is_staff


def may_see_balances_of(viewer: Viewer, user: User) -> bool:
    """For the owner and staff."""
    return viewer.is_staff or is_viewer(viewer, user.id)
