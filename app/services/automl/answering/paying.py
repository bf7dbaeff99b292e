"""What answers cost where this installation has a price for them, and who pays.

The owner of a machine pays for who uses it; everybody else pays for what they ask of a public one.
"""

from app.database import WriteSession
from app.errors import Conflict
from app.models.billing.ledger import OperationCause
from app.policies import Viewer, is_viewer, signed_in
from app.services.automl.answering.memory import Version
from app.services.billing import charges
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import Purpose


def purpose_of(viewer: Viewer, version: Version, *, lines: int, columns: int) -> Purpose:
    """What is paid for."""
    cause = OperationCause.MACHINE_SOLVING if viewer.key_id is None else OperationCause.MACHINE_SOLVING_API
    return Purpose(
        cause if version.is_used else OperationCause.MARKET_SOLVING,
        ("Machine", version.machine_id),
        count_of_lines=lines,
        count_of_columns=columns,
        level=version.level,
        actor_id=viewer.user_id,
    )


def payer_of(viewer: Viewer, version: Version) -> int:
    """Who pays."""
    return version.owner_id if version.is_used else signed_in(viewer)


async def pay(session: WriteSession, viewer: Viewer, version: Version, purpose: Purpose) -> None:
    """Pays for answers that are there; InsufficientFunds if the viewer has too few tokens."""
    payer_id = payer_of(viewer, version)
    try:
        await charges.pay_now(session, purpose, payer_id=payer_id)
    except InsufficientFunds:
        refuse_poor_owner(viewer, payer_id)
        raise


def refuse_poor_owner(viewer: Viewer, payer_id: int) -> None:
    """Conflict if somebody else lacks tokens: what they have is nobody's business."""
    if not is_viewer(viewer, payer_id):
        raise Conflict("The owner of this machine has too few tokens for these answers.") from None
