"""Mails on their way: tried again while there is hope, pruned, and written when they go out."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from app.models.kinds.accounts import AccountsMail
from app.models.system import Job, JobState, Mail
from app.services.system import mail as mail_service
from app.services.system import pruning
from app.settings import settings


async def the(database, table):
    async with database.reading() as session:
        return (await session.scalars(select(table))).one()


async def test_what_the_server_puts_off_is_tried_again(change, mailbox, deliver, database):
    mailbox.answers = ["451 Come again"]
    await change("requestSignUp", email="ann@example.org")
    assert await deliver() == [JobState.QUEUED]
    job = await the(database, Job)
    assert (job.attempt, job.attempts_max) == (1, settings.mail_attempts_max)
    assert job.available_at > datetime.now(UTC)
    async with database.writing() as session:
        await session.execute(update(Job).values(available_at=datetime.now(UTC) - timedelta(seconds=1)))
    assert await deliver() == [JobState.DONE]
    assert mailbox.to("ann@example.org") == ["Fieldgraph: Finish your sign-up"]
    assert (await the(database, Mail)).sent_at is not None


async def test_what_the_server_refuses_is_not(change, mailbox, deliver, database):
    mailbox.answers = ["550 Nobody here"]
    await change("requestSignUp", email="ann@example.org")
    assert await deliver() == [JobState.FAILED]
    assert (await the(database, Job)).error == "The mail server rejects this email (550)."
    assert await deliver() == []
    assert mailbox.mails == []


async def test_a_mail_that_went_out_does_not_go_out_again(change, mailbox, deliver, database):
    await change("requestSignUp", email="ann@example.org")
    await deliver()
    async with database.writing() as session:
        await session.execute(update(Job).values(state=JobState.QUEUED))
    assert await deliver() == [JobState.DONE]
    assert len(mailbox.mails) == 1


async def test_a_mail_says_who_writes_and_keeps_its_links_whole(change, mailbox, deliver):
    await change("requestSignUp", email=f"{'a' * 60}@example.org")
    await deliver()
    mail = mailbox.last()
    assert mail["From"] == settings.mail_from
    assert mail["Message-ID"].endswith("@127.0.0.1>")
    assert mail["Content-Transfer-Encoding"] == "8bit"
    assert f"/account/sign-up#token={mailbox.token()}" in mail.get_content().splitlines()[3]
    assert f"/account/sign-up#token={mailbox.token()}\r\n".encode() in mailbox.contents[-1]


async def test_nothing_kept_of_a_mail_lets_anybody_in(change, mailbox, deliver, database):
    await change("requestSignUp", email="ann@example.org")
    await deliver()
    mail = await the(database, Mail)
    assert (mail.address, mail.facts) == ("ann@example.org", {})


async def test_old_mails_are_forgotten(database):
    async with database.writing() as session:
        await mail_service.post(session, AccountsMail.SIGN_UP, address="ann@example.org")
        await mail_service.post(session, AccountsMail.SIGN_UP, address="bob@example.org")
        old = datetime.now(UTC) - timedelta(days=settings.mails_kept_days, minutes=1)
        await session.execute(update(Mail).where(Mail.address == "ann@example.org").values(created_at=old))
    await pruning.prune(database, "mails")
    assert (await the(database, Mail)).address == "bob@example.org"
