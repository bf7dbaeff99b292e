"""The ways in which people come to be hidden from somebody, or are not received by them."""

from collections.abc import Collection

from sqlalchemy import func, update

from app.database import Database
from app.models.accounts import User
from app.policies import Viewer
from app.services.accounts.users import deletion, staff
from app.services.social.people import blocks
from tests.fixtures import Person


async def blocked(database: Database, viewer: Person, hidden: Collection[Person]) -> None:
    async with database.writing() as session:
        for person in hidden:
            block = await blocks.block_user(session, Viewer(viewer.id), person.id)
            block.username = "somebody"  # whom one has blocked one knows, to take it back


async def blocking(database: Database, viewer: Person, hidden: Collection[Person]) -> None:
    async with database.writing() as session:
        for person in hidden:
            await blocks.block_user(session, Viewer(person.id), viewer.id)


async def suspended(database: Database, viewer: Person, hidden: Collection[Person]) -> None:
    del viewer  # nobody sees them
    async with database.writing() as session:
        for person in hidden:
            await staff.suspend(session, person.id, actor_id=None, reason="Spam.")


async def deleted(database: Database, viewer: Person, hidden: Collection[Person]) -> None:
    del viewer  # nobody sees them
    async with database.writing() as session:
        gone = update(User).where(User.id.in_([person.id for person in hidden]))
        await session.execute(gone.values(account_deletion_due_at=func.now(), account_deletion_requested=True))
    await deletion.delete_due_accounts(database)


async def muted(database: Database, viewer: Person, hidden: Collection[Person]) -> None:
    async with database.writing() as session:
        for person in hidden:
            await blocks.mute_user(session, Viewer(viewer.id), person.id, hours=None)
