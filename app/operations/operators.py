"""What operators do to accounts at the command line; the audit keeps it as nobody's deed."""

import asyncio
import getpass
import sys
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy import Select, func, or_, select

from app.database import Database, WriteSession
from app.errors import DomainError, Invalid
from app.models.accounts import User
from app.operations.processes.process import CannotStart
from app.services.accounts.sign_in import passwords, sign_ups
from app.services.accounts.sign_in import passwords as passwords_service
from app.services.accounts.users import staff
from app.services.system import audit
from app.settings import settings

T = TypeVar("T")

program = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Manage accounts."
)

Whose = Annotated[str, typer.Argument(help="The account's email address or username.")]
SuperAdmin = Annotated[bool, typer.Option("--super-admin", help="Also let the user grant staff rights (super admin).")]


@program.command()
def create(
    email: Annotated[str, typer.Argument(help="The email address, treated as verified.")],
    username: Annotated[str, typer.Argument(help="The public username.")],
    *,
    staff_too: Annotated[bool, typer.Option("--staff", help="Make the user staff.")] = False,
    super_admin: SuperAdmin = False,
) -> None:
    """Make an account; its password is asked for, or read from the standard input."""
    password_hash = _password_hash(email, username)

    async def make(session: WriteSession) -> str:
        user = await sign_ups.create_account(session, email=email, username=username, password_hash=password_hash)
        audit.record(session, None, "createUser", about=user, user_id=user.id)
        if staff_too or super_admin:
            await staff.promote(session, user.id, actor_id=None, is_staff=True, is_super_admin=super_admin)
        return f"Created {user.username} <{user.email}>."

    _do(make)


@program.command()
def promote(whose: Whose, *, super_admin: SuperAdmin = False) -> None:
    """Make somebody staff."""

    async def make(session: WriteSession, user: User) -> str:
        await staff.promote(session, user.id, actor_id=None, is_staff=True, is_super_admin=super_admin)
        return f"{user.username} is now {'a super admin' if user.is_super_admin else 'staff'}."

    _do_to(whose, make)


@program.command()
def demote(whose: Whose) -> None:
    """Take from somebody that they are staff."""

    async def take(session: WriteSession, user: User) -> str:
        await staff.promote(session, user.id, actor_id=None, is_staff=False)
        return f"{user.username} is no longer staff."

    _do_to(whose, take)


@program.command()
def password(whose: Whose) -> None:
    """Give somebody a new password, asked for or read from the standard input; their sessions end."""
    password_hash = _password_hash(*_run(_done(lambda session: _names_of(session, whose))))

    async def change(session: WriteSession, user: User) -> str:
        await passwords.replace_password(session, user, password_hash, keeping=None)
        audit.record(session, None, "changePassword", about=user, user_id=user.id)
        return f"{user.username} has a new password."

    _do_to(whose, change)


@program.command()
def suspend(
    whose: Whose,
    *,
    reason: Annotated[str, typer.Option(help="The reason. The user can read it after the account is restored.")],
) -> None:
    """Close an account: its sessions, API keys and jobs end."""

    async def close(session: WriteSession, user: User) -> str:
        await staff.suspend(session, user.id, actor_id=None, reason=reason)
        return f"{user.username} is suspended."

    _do_to(whose, close)


@program.command()
def restore(whose: Whose) -> None:
    """Open a suspended account again."""

    async def open_again(session: WriteSession, user: User) -> str:
        await staff.restore(session, user.id, actor_id=None)
        return f"{user.username} is restored."

    _do_to(whose, open_again)


@program.command(name="list")
def list_staff() -> None:
    """List staff and super admins."""

    async def list_lines(session: WriteSession) -> str:
        users = await session.scalars(select(User).where(User.is_staff).order_by(User.username, User.id))
        return "\n".join(map(_line, users)) or "There are no staff. Run: fieldgraph user promote"

    _do(list_lines)


def _line(user: User) -> str:
    rank = "super admin" if user.is_super_admin else "staff"
    return f"{user.username:<20} {user.email or '-':<40} {rank}{'' if user.is_active else ', suspended'}"


async def _names_of(session: WriteSession, whose: str) -> list[str | None]:
    users = (await session.scalars(_meant(whose))).all()
    return [name for user in users for name in (user.username, user.first_name, user.last_name, user.email)]


def _password_hash(*names: str | None) -> str:
    """That of a password which nobody reads over a shoulder, in a history or in a list of processes."""
    if sys.stdin.isatty():
        chosen = getpass.getpass("Password: ")
        if getpass.getpass("Again: ") != chosen:
            raise CannotStart("The two passwords differ.")
    else:
        chosen = sys.stdin.readline().rstrip("\n")
    return _run(passwords_service.new_password_hash(chosen, names=names))


def _do_to(whose: str, deed: Callable[[WriteSession, User], Awaitable[str]]) -> None:
    async def do(session: WriteSession) -> str:
        users = (await session.scalars(_meant(whose).with_for_update(key_share=True))).all()
        if len(users) != 1:
            many = "There are several accounts" if users else "There is no account"
            raise CannotStart(f"{many} with the e-mail address or username {whose}.")
        return await deed(session, users[0])

    _do(do)


def _meant(whose: str) -> Select[User]:
    name = whose.strip().lower()
    return select(User).where(or_(func.lower(User.email) == name, func.lower(User.username) == name))


def _do(deed: Callable[[WriteSession], Awaitable[str]]) -> None:
    """Does it in one transaction, and says what was done."""
    print(_run(_done(deed)))


def _run(doing: Coroutine[Any, Any, T]) -> T:
    """What comes of it, or in one sentence why nothing does."""
    try:
        return asyncio.run(doing)
    except Invalid as error:
        raise CannotStart(f"{error.field}: {error.message}") from None
    except DomainError as error:
        raise CannotStart(error.message) from None


async def _done(deed: Callable[[WriteSession], Awaitable[T]]) -> T:
    database = Database(str(settings.database_url), str(settings.redis_url))
    try:
        async with database.writing() as session:
            return await deed(session)
    finally:
        await database.close()
