"""What people were told goes out by e-mail to those who want it, together, once, and can be ended by one click."""

import asyncio
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from sqlalchemy import func, select, update

from app.database import Database
from app.models.accounts import User
from app.models.choices import DeliveryMethod
from app.models.kinds.social import SocialNotification
from app.models.system import AuditEntry, Job, Mail, UserNotification
from app.security.signing import Seal
from app.services.system import digests, notification_groups
from app.settings import settings
from resolvers.ids import encode
from tests import factories
from tests.fixtures import Person

BOTH = [DeliveryMethod.WEB, DeliveryMethod.EMAIL]
MARK_ALL = "mutation { markAllNotificationsRead }"


@pytest.fixture(autouse=True)
async def wants_mail(database, owner, monkeypatch):
    """The owner asked for mails, and nothing takes time to settle."""
    monkeypatch.setattr(settings, "notification_settle_s", 0)
    await change_user(database, owner, email_verified=True, notifications_delivery_methods=BOTH)


async def change_user(database, person, **values):
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == person.id).values(**values))


async def post(database):
    async with database.writing() as session:
        return await digests.post_digests(session)


async def waiting(database):
    async with database.reading() as session:
        return await session.scalar(select(func.count()).where(UserNotification.mail_due))


def text_of(mail):
    return mail.get_content().replace("\r\n", "\n")


async def an_hour_passes(database):
    async with database.writing() as session:
        await session.execute(update(Mail).values(created_at=Mail.created_at - timedelta(hours=1, seconds=1)))


async def test_one_notification_is_one_mail_with_a_link_to_what_it_is_about(
    database, owner, mailbox, deliver, monkeypatch
):
    monkeypatch.setattr(settings, "thing_url", "https://app.example.org/{type}/{id}")
    team = await factories.team(database, owner.id)
    await factories.notify(database, owner, "Ann joined\nyour team.", about=team)
    assert await post(database) == 1
    await deliver()
    [mail] = mailbox.mails
    assert (mail["To"], mail["Subject"]) == ("owner@fieldgraph.test", "Fieldgraph: Ann joined your team.")
    assert text_of(mail).startswith(
        f"Hello owner,\n\nAnn joined\nyour team.\nhttps://app.example.org/team/{encode(team)}\n\n"
    )


async def test_many_are_one_mail_newest_first_and_the_rest_is_counted(database, owner, mailbox, deliver, monkeypatch):
    monkeypatch.setattr(settings, "notifications_per_mail_max", 3)
    await factories.notify(database, owner, *(f"Message {number}." for number in range(5)))
    assert await post(database) == 1
    assert await post(database) == 0
    await deliver()
    [mail] = mailbox.mails
    assert mail["Subject"] == "Fieldgraph: You have 5 new notifications"
    text = text_of(mail)
    assert text.split("\n\n")[1:5] == ["Message 4.", "Message 3.", "Message 2.", "And 2 more."]
    assert "http" not in text.split("To unsubscribe")[0]


async def test_what_comes_together_goes_out_together(database, owner, mailbox, deliver, monkeypatch):
    monkeypatch.setattr(settings, "notification_settle_s", 60)
    [first, _] = await factories.notify(database, owner, "One.", "Two.")
    assert await post(database) == 0
    async with database.writing() as session:
        settled = datetime.now(UTC) - timedelta(seconds=61)
        await session.execute(
            update(UserNotification).where(UserNotification.id == first.id).values(created_at=settled)
        )
    assert await post(database) == 1
    await deliver()
    assert mailbox.to("owner@fieldgraph.test") == ["Fieldgraph: You have 2 new notifications"]


async def test_nobody_is_mailed_twice_in_an_hour(database, owner, mailbox, deliver):
    await factories.notify(database, owner, "One.")
    assert await post(database) == 1
    await factories.notify(database, owner, "Two.", "Three.")
    assert await post(database) == 0
    await an_hour_passes(database)
    assert await post(database) == 1
    assert await post(database) == 0
    await deliver()
    subjects = ["Fieldgraph: One.", "Fieldgraph: You have 2 new notifications"]
    assert mailbox.to("owner@fieldgraph.test") == subjects


@pytest.mark.parametrize(
    "values",
    [
        {"email_verified": False},
        {"is_active": False},
        {"email": None},
        {"notifications_delivery_methods": [DeliveryMethod.WEB]},
    ],
    ids=lambda values: next(iter(values)),
)
async def test_who_does_not_want_mails_gets_none_at_either_step(database, owner, mailbox, deliver, values):
    await factories.notify(database, owner, "One.")
    assert await post(database) == 1
    await change_user(database, owner, **values)
    await deliver()
    await an_hour_passes(database)
    await factories.notify(database, owner, "Two.")
    assert await post(database) == 0
    assert await waiting(database) == 0
    assert mailbox.mails == []


async def test_what_is_read_before_is_not_mailed(ask, database, owner, mailbox, deliver):
    await factories.notify(database, owner, "One.", "Two.")
    await ask(MARK_ALL, viewer=owner)
    assert (await post(database), await waiting(database)) == (0, 0)
    await factories.notify(database, owner, "Three.", "Four.")
    assert await post(database) == 1
    async with database.writing() as session:
        read = update(UserNotification).where(UserNotification.message == "Three.")
        await session.execute(read.values(is_read=True, read_at=func.now()))
    await deliver()
    assert mailbox.to("owner@fieldgraph.test") == ["Fieldgraph: Four."]
    await factories.notify(database, owner, "Five.")
    await an_hour_passes(database)
    await post(database)
    await ask(MARK_ALL, viewer=owner)
    await deliver()
    assert len(mailbox.mails) == 1


async def test_what_came_after_is_left_to_the_next_mail(database, owner, mailbox, deliver):
    await factories.notify(database, owner, "One.")
    await post(database)
    await factories.notify(database, owner, "Two.")
    await deliver()
    assert mailbox.to("owner@fieldgraph.test") == ["Fieldgraph: One."]
    assert await waiting(database) == 1


async def test_a_mail_that_is_refused_for_now_says_the_same_when_tried_again(database, owner, mailbox, deliver):
    await factories.notify(database, owner, "One.")
    await post(database)
    mailbox.answers.append("451 Later")
    await deliver()
    assert mailbox.mails == []
    await deliver_again(database, deliver)
    assert mailbox.to("owner@fieldgraph.test") == ["Fieldgraph: One."]


async def deliver_again(database, deliver):
    async with database.writing() as session:
        await session.execute(update(Job).values(available_at=func.now()))
    await deliver()


async def test_of_many_who_post_at_once_one_does_for_each_person(database, database_url, redis_url, mailbox, deliver):
    people = []
    for number in range(6):
        fields = {"email_verified": True, "notifications_delivery_methods": BOTH}
        signed_in = await factories.user(database, f"person{number}", **fields)
        people.append(Person(signed_in.user, signed_in.token))
    for person in people:
        await factories.notify(database, person, "One.", "Two.")
    workers = [Database(database_url, redis_url) for _ in range(4)]
    posted = await asyncio.gather(*(post(worker) for worker in workers * 2))
    for worker in workers:
        await worker.close()
    assert sum(posted) == len(people)
    await deliver()
    assert sorted(mail["To"] for mail in mailbox.mails) == [f"person{number}@fieldgraph.test" for number in range(6)]


async def test_a_worker_that_comes_second_to_a_person_asks_again(database, database_url, redis_url, owner, mailbox):
    """It saw them waiting, then waited for nobody, and finds them mailed."""
    await factories.notify(database, owner, "One.")
    second = Database(database_url, redis_url)
    async with database.writing() as session:
        assert await digests.post_digests(session) == 1
        assert await post(second) == 0  # passes by whom another holds
    await factories.notify(database, owner, "Two.")
    assert await post(second) == 0
    await second.close()


async def test_the_mail_can_be_ended_by_its_program_and_that_is_kept(api, ask, database, owner, mailbox, deliver):
    await factories.notify(database, owner, "One.")
    await post(database)
    await deliver()
    [mail] = mailbox.mails
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = mail["List-Unsubscribe"].strip("<>")
    assert url in text_of(mail)
    path = urlsplit(url).path
    for _ in range(2):
        ended = await api.post(path, data={"List-Unsubscribe": "One-Click"})
        assert ended.status_code == 200
    async with database.reading() as session:
        assert (await session.get_one(User, owner.id)).notifications_delivery_methods == [DeliveryMethod.WEB]
        [noted] = await session.scalars(select(AuditEntry))
    assert (noted.action, noted.user_id) == ("unsubscribe", owner.id)


async def test_looking_at_the_link_changes_nothing_and_shows_a_button(api, owner, unchanged):
    path = urlsplit(digests.unsubscribe_url(owner.id, "owner@fieldgraph.test")).path
    async with unchanged():
        page = await api.get(path)
    assert page.status_code == 200
    assert '<form method="post">' in page.text
    assert "<script" not in page.text
    assert page.headers["Content-Security-Policy"].startswith("default-src 'none'; form-action 'self'")
    assert page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("forged", ["x", "MQ.c2lnbmF0dXJl"])
async def test_a_link_that_was_not_signed_ends_nothing(api, owner, unchanged, forged):
    other_use = Seal("uploaded").dumps(owner.id)
    async with unchanged():
        for token in (forged, other_use):
            assert (await api.post(f"/unsubscribe/{token}")).status_code == 404
            assert (await api.get(f"/unsubscribe/{token}")).status_code == 404


async def test_who_joins_in_after_a_mail_is_worth_another(database, owner, other, mailbox, deliver):
    for number, sender in enumerate([other.user, other.user, (await factories.user(database, "third")).user]):
        async with database.writing() as session:
            told = {"about": await factories.post(database, sender.id), "within": None}
            notification_groups.notify_grouped(session, owner.id, sender.id, SocialNotification.MENTION, **told)
        assert await post(database) == (number != 1)
        await deliver()
        await an_hour_passes(database)
    assert [mail["Subject"] for mail in mailbox.mails] == [
        "Fieldgraph: other mentioned you.",
        "Fieldgraph: third and 1 other mentioned you.",
    ]
