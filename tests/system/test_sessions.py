"""What one transaction changes, tells and reads again."""

from sqlalchemy import select

from app.models.kinds.social import SocialNotification
from app.models.mapping.datasets import Dataset
from app.models.system import UserNotification
from app.postgres import last_statement
from app.services.system import notification_groups
from tests import factories


async def test_what_was_changed_is_written_before_it_is_read_again(database, owner):
    made = await factories.dataset(database, owner.id, name="Village")
    async with database.writing() as session:
        dataset = await session.get_one(Dataset, made.id)
        dataset.name = "Town"
        await session.refresh(dataset)
        assert dataset.name == "Town"
    async with database.reading() as session:
        assert (await session.get_one(Dataset, made.id)).name == "Town"


async def test_what_is_told_and_taken_back_in_one_transaction_is_told_no_longer(database, owner, other):
    post = await factories.post(database, owner.id)
    async with database.writing() as session:
        for kind in (SocialNotification.LIKE, SocialNotification.SHARE):
            notification_groups.notify_grouped(session, owner.id, other.id, kind, about=post, within=post.id)
        await last_statement.of(session).write(session)
        await notification_groups.withdraw_action(session, other.id, type(post), post.id, kind=SocialNotification.LIKE)
        assert last_statement.of(session).tells
    async with database.reading() as session:
        told = (await session.scalars(select(UserNotification.kind))).all()
    assert told == [SocialNotification.SHARE]
