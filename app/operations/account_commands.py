"""What operators do to accounts at the command line."""

import getpass
import sys
from typing import Annotated

import typer

from app.operations.processes.process import CannotStart

# Every command imports what it needs itself: `--help` answers at once.
# ruff: noqa: PLC0415

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
    from app.operations import accounts

    password_hash = accounts.hash_of(_chosen_password(), [email, username])
    print(accounts.create(email, username, password_hash, is_staff=staff_too, is_super_admin=super_admin))


@program.command()
def promote(whose: Whose, *, super_admin: SuperAdmin = False) -> None:
    """Make somebody staff."""
    from app.operations import accounts

    print(accounts.promote(whose, is_super_admin=super_admin))


@program.command()
def demote(whose: Whose) -> None:
    """Take from somebody that they are staff."""
    from app.operations import accounts

    print(accounts.demote(whose))


@program.command()
def password(whose: Whose) -> None:
    """Give somebody a new password, asked for or read from the standard input; their sessions end."""
    from app.operations import accounts

    names = accounts.names_of(whose)
    print(accounts.change_password(whose, accounts.hash_of(_chosen_password(), names)))


@program.command()
def suspend(
    whose: Whose,
    *,
    reason: Annotated[str, typer.Option(help="The reason. The user can read it after the account is restored.")],
) -> None:
    """Close an account: its sessions, API keys and jobs end."""
    from app.operations import accounts

    print(accounts.suspend(whose, reason))


@program.command()
def restore(whose: Whose) -> None:
    """Open a suspended account again."""
    from app.operations import accounts

    print(accounts.restore(whose))


@program.command(name="list")
def list_staff() -> None:
    """List staff and super admins."""
    from app.operations import accounts

    print(accounts.staff_lines())


def _chosen_password() -> str:
    """One that nobody reads over a shoulder, in a history or in a list of processes."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    chosen = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != chosen:
        raise CannotStart("The two passwords differ.")
    return chosen
