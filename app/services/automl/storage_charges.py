"""What keeping lines of machines costs: once a day (UTC), from each owner. Lines stay, also if it cannot be paid."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from app.database import Database, WriteSession
from app.models.accounts import User
from app.models.automl.machines import Machine
from app.models.billing.ledger import OperationCause
from app.models.billing.reservations import Reservation
from app.services.billing import charges, ledger
from app.services.billing.errors import InsufficientFunds
from app.services.billing.reservations import Purpose
from app.services.system import notifications
from app.settings import settings


async def charge_owners(database: Database) -> int:
    """Charges everybody who was not charged today; how many were."""
    if not settings.line_storage_price_tokens:
        return 0
    lines = func.sum(Machine.learning_line_count + Machine.evaluation_line_count + Machine.solving_line_count)
    kept = (
        select(Machine.machine_owner_user_id, lines)
        .join(User, User.id == Machine.machine_owner_user_id)
        .where(User.anonymised_at.is_(None), Machine.deleted_at.is_(None))
        .group_by(Machine.machine_owner_user_id)
        .having(lines > 0)
    )
    async with database.reading() as session:
        owners = (await session.execute(kept)).all()
    count = 0
    for owner_id, lines_count in owners:
        count += await _charge(database, owner_id, lines_count)
    return count


async def _charge(database: Database, owner_id: int, lines_count: int) -> bool:
    try:
        async with database.writing() as session:
            # Of two workers the second finds that it was paid.
            await ledger.lock_wallets(session, owner_id)
            if await _was_charged_today(session, owner_id):
                return False
            purpose = Purpose(OperationCause.LINES_STORAGE, count_of_lines=lines_count)
            return await charges.pay_now(session, purpose, payer_id=owner_id) is not None
    except InsufficientFunds as error:
        async with database.writing() as session:
            owner = await session.get_one(User, owner_id)
            message = f"Keeping the lines of your machines for today could not be paid. {error.message}"
            notifications.notify(session, owner_id, message, about=owner, event=f"storage:{_today():%Y-%m-%d}")
        return False


async def _was_charged_today(session: WriteSession, owner_id: int) -> bool:
    paid = select(Reservation.id).where(
        Reservation.user_id == owner_id,
        Reservation.cause == OperationCause.LINES_STORAGE,
        Reservation.created_at >= _today(),
    )
    return (await session.scalar(paid.limit(1))) is not None


def _today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
