"""What operators do to accounts, each in one transaction; the audit keeps it as nobody's deed."""

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy import Select, func, or_, select

from app.database import WriteSession
from app.models.accounts import User
from app.operations.database import transactions
from app.operations.processes.process import CannotStart
from app.services.accounts.sign_in import passwords, sign_ups
from app.services.accounts.users import staff
from app.services.system import audit


def create(email: str, username: str, password_hash: str, *, is_staff: bool, is_super_admin: bool) -> str:
    """Make an account; what was done."""

    async def make(session: WriteSession) -> str:
        user = await sign_ups.create_account(session, email=email, username=username, password_hash=password_hash)
        audit.record(session, None, "createUser", about=user, user_id=user.id)
        if is_staff or is_super_admin:
            await staff.promote(session, user.id, actor_id=None, is_staff=True, is_super_admin=is_super_admin)
        return f"Created {user.username} <{user.email}>."

    return transactions.change(make)


def promote(whose: str, *, is_super_admin: bool) -> str:
    """Make somebody staff; what was done."""

    async def make(session: WriteSession, user: User) -> str:
        await staff.promote(session, user.id, actor_id=None, is_staff=True, is_super_admin=is_super_admin)
        return f"{user.username} is now {'a super admin' if user.is_super_admin else 'staff'}."

    return _done_to(whose, make)


def demote(whose: str) -> str:
    """Take from somebody that they are staff; what was done."""

    async def take(session: WriteSession, user: User) -> str:
        await staff.promote(session, user.id, actor_id=None, is_staff=False)
        return f"{user.username} is no longer staff."

    return _done_to(whose, take)


def change_password(whose: str, password_hash: str) -> str:
    """Give somebody another password; their sessions end. What was done."""

    async def change(session: WriteSession, user: User) -> str:
        await passwords.replace_password(session, user, password_hash, keeping=None)
        audit.record(session, None, "changePassword", about=user, user_id=user.id)
        return f"{user.username} has a new password."

    return _done_to(whose, change)


def suspend(whose: str, reason: str) -> str:
    """Close an account: its sessions, API keys and jobs end. What was done."""

    async def close(session: WriteSession, user: User) -> str:
        await staff.suspend(session, user.id, actor_id=None, reason=reason)
        return f"{user.username} is suspended."

    return _done_to(whose, close)


def restore(whose: str) -> str:
    """Open a suspended account again; what was done."""

    async def open_again(session: WriteSession, user: User) -> str:
        await staff.restore(session, user.id, actor_id=None)
        return f"{user.username} is restored."

    return _done_to(whose, open_again)


def staff_lines() -> str:
    """Staff and super admins, one a line."""

    async def list_lines(session: WriteSession) -> str:
        users = await session.scalars(select(User).where(User.is_staff).order_by(User.username, User.id))
        return "\n".join(map(_line, users)) or "There are no staff. Run: fieldgraph user promote"

    return transactions.change(list_lines)


def names_of(whose: str) -> Sequence[str | None]:
    """What somebody is called, which no password may be made of."""

    async def names(session: WriteSession) -> list[str | None]:
        users = (await session.scalars(_meant(whose))).all()
        return [name for user in users for name in (user.username, user.first_name, user.last_name, user.email)]

    return transactions.change(names)


def hash_of(password: str, names: Sequence[str | None]) -> str:
    """The hash of a password that is hard to guess."""
    return transactions.result_of(passwords.new_password_hash(password, names=names))


def _line(user: User) -> str:
    rank = "super admin" if user.is_super_admin else "staff"
    return f"{user.username:<20} {user.email or '-':<40} {rank}{'' if user.is_active else ', suspended'}"


def _done_to(whose: str, deed: Callable[[WriteSession, User], Awaitable[str]]) -> str:
    async def do(session: WriteSession) -> str:
        users = (await session.scalars(_meant(whose).with_for_update(key_share=True))).all()
        if len(users) != 1:
            many = "There are several accounts" if users else "There is no account"
            raise CannotStart(f"{many} with the e-mail address or username {whose}.")
        return await deed(session, users[0])

    return transactions.change(do)


def _meant(whose: str) -> Select[User]:
    name = whose.strip().lower()
    return select(User).where(or_(func.lower(User.email) == name, func.lower(User.username) == name))
