"""Deleting an account: after some days, so that what others rely on stays and names nobody."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.models.accounts import ApiKey, OsmAccount, Profile, Session, Team, TeamMembership, User, UserPreferences
from app.models.base import Base
from app.models.choices import Scope
from app.models.kinds.accounts import AccountsMail
from app.models.kinds.mapping import MappingJob
from app.models.mapping.datasets import Dataset
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training, TrainingStatus
from app.models.social import Conversation, Friendship, Like, Message, Mute, Post, PostMention, Share
from app.models.system import AuditEntry, Job, JobState, Mail, UserNotification
from app.services.accounts.users import deletion
from app.services.social.people import account_deletion  # noqa: F401 -- registers what goes with an account
from app.services.system import mail
from app.settings import settings
from resolvers import ids
from tests import factories
from tests.fixtures import Person

DUE = "accountDeletionRequested accountDeletionDueAt"
ME = f"{{ me {{ username {DUE} }} }}"
SECRETS = ("owner", "Ann", "Roofs are my thing", "Where I live", "a" * 64)


@pytest.fixture
def time_comes(database):
    """Lets the days pass that somebody has to think better of it."""

    async def time_comes(*people: Person) -> None:
        due = update(User).where(User.id.in_([person.id for person in people]))
        async with database.writing() as session:
            await session.execute(due.values(account_deletion_due_at=func.now(), account_deletion_requested=True))

    return time_comes


@pytest.fixture
def gone(database, time_comes):
    """Deletes accounts as the clock does."""

    async def gone(*people: Person) -> None:
        await time_comes(*people)
        await deletion.delete_due_accounts(database)

    return gone


async def rows(database, table, *where) -> list:
    async with database.reading() as session:
        return list(await session.scalars(select(table).where(*where).order_by(table.id)))


async def test_it_is_asked_for_and_taken_back(ask, change, refuse, mailbox, deliver, owner):
    asked = await change("requestAccountDeletion", DUE, viewer=owner)
    left = datetime.fromisoformat(asked["accountDeletionDueAt"]) - datetime.now(UTC)
    assert timedelta(days=13.9) < left < timedelta(days=settings.account_deletion_days)
    assert asked["accountDeletionRequested"] is True
    assert (await refuse("requestAccountDeletion", viewer=owner))["code"] == "CONFLICT"
    await deliver()
    assert mailbox.to("owner@fieldgraph.test") == ["Fieldgraph: Your account will be deleted"]
    assert "cancelAccountDeletion" in mailbox.last().get_content()
    kept = await change("cancelAccountDeletion", DUE, viewer=owner)
    assert (kept["accountDeletionRequested"], kept["accountDeletionDueAt"]) == (False, None)
    assert (await refuse("cancelAccountDeletion", viewer=owner))["code"] == "CONFLICT"
    assert (await ask(ME, viewer=owner))["me"]["username"] == "owner"


async def test_who_thought_better_of_it_gets_no_mail(change, mailbox, deliver, owner):
    await change("requestAccountDeletion", viewer=owner)
    await change("cancelAccountDeletion", viewer=owner)
    assert await deliver() == [JobState.DONE]
    assert mailbox.mails == []


async def test_a_stranger_and_a_super_admin_cannot_ask(refuse, database):
    assert (await refuse("requestAccountDeletion"))["code"] == "UNAUTHENTICATED"
    assert (await refuse("cancelAccountDeletion"))["code"] == "UNAUTHENTICATED"
    made = await factories.user(database, "admin", is_staff=True, is_super_admin=True)
    assert (await refuse("requestAccountDeletion", viewer=Person(made.user, made.token)))["code"] == "CONFLICT"


async def test_nothing_happens_before_the_time_has_come(database, change, unchanged, owner):
    await change("requestAccountDeletion", viewer=owner)
    async with unchanged():
        await deletion.delete_due_accounts(database)


async def test_afterwards_it_is_too_late(refuse, time_comes, owner):
    await time_comes(owner)
    assert (await refuse("cancelAccountDeletion", viewer=owner))["message"].startswith("It is too late")


@pytest.fixture
async def full(database, owner, other):
    """An account with everything an account may have."""
    async with database.writing() as session:
        named = {"first_name": "Ann", "user_profile": "Roofs are my thing", "is_staff": True}
        await session.execute(update(User).where(User.id == owner.id).values(**named))
        worn = {"bio": "Roofs are my thing", "location": "Where I live", "avatar_key": "a" * 64}
        await session.execute(update(Profile).where(Profile.id == owner.id).values(**worn))
        await mail.post(session, AccountsMail.PASSWORD_RESET, address="Owner@fieldgraph.test")
    await factories.add(database, OsmAccount(id=owner.id, osm_id=7, username="owner of roofs"))
    await factories.add(
        database, ApiKey(user_id=owner.id, name="owner's", token_hash=b"x" * 32, hint="x", scopes=[Scope.READ])
    )
    await factories.notification(database, owner.id, message="To the owner")
    for pair in ((owner.id, other.id), (other.id, owner.id)):
        await factories.add(database, Friendship(user_id=pair[0], friend_id=pair[1]))
    await factories.add(database, Mute(user_id=other.id, muted_id=owner.id))
    await factories.team(database, other.id, owner.id)
    return owner


async def test_what_was_theirs_alone_is_gone_and_nothing_names_them(database, ask, gone, full):
    await gone(full)
    for table in (Session, ApiKey, OsmAccount, UserNotification, Friendship, Mute, Mail):
        assert await rows(database, table, *([table.user_id == full.id] if table is Session else [])) == []
    assert await rows(database, TeamMembership, TeamMembership.user_id == full.id) == []
    [user] = await rows(database, User, User.id == full.id)
    assert (user.username, user.email, user.password_hash, user.is_active) == (f"deleted-{full.id}", None, None, False)
    assert (user.is_staff, user.account_deletion_due_at) == (False, None)
    assert user.anonymised_at is not None
    for table in (Profile, UserPreferences):
        assert len(await rows(database, table, table.id == full.id)) == 1
    async with database.reading() as session:
        for table in Base.metadata.tables:
            said = (await session.execute(text(f"SELECT row::text FROM {table} AS row"))).scalars().all()
            assert not [row for row in said if any(secret in row for secret in SECRETS)], table
    assert (await ask(ME, viewer=full)).codes == ["UNAUTHENTICATED"]


async def test_the_audit_says_that_it_was_done(database, gone, owner):
    await gone(owner)
    [entry] = await rows(database, AuditEntry)
    assert (entry.action, entry.user_id, entry.details) == ("deleteAccount", owner.id, {})


async def test_the_address_and_the_name_are_free_again(change, database, gone, owner):
    await gone(owner)
    again = await factories.user(database, "owner")
    assert again.user.id != owner.id


async def test_what_others_rely_on_stays_without_a_name(ask, change, database, gone, owner, other):
    dataset = await factories.dataset(database, owner.id)
    await factories.label(database, await factories.aoi(database, dataset))
    model = await factories.model(database, dataset)
    training = await factories.training(database, model, status=TrainingStatus.FINISHED)
    published = await factories.prediction(database, training, published=True)
    await factories.prediction(database, training)
    theirs = await factories.prediction(database, training, user_id=other.id)
    of_other = await factories.training(database, model, user_id=other.id)
    await gone(owner)
    assert [each.id for each in await rows(database, Prediction)] == [published.id, theirs.id]
    assert [each.id for each in await rows(database, Training)] == [training.id, of_other.id]
    document = """query ($id: ID!) { dataset(id: $id) { name user { username }
        models { nodes { name user { username } trainings { nodes { user { username } } } } } } }"""
    shown = (await ask(document, viewer=other, id=ids.encode(dataset)))["dataset"]
    trainings = [{"user": {"username": "other"}}, {"user": None}]
    assert shown == {
        "name": "Village",
        "user": None,
        "models": {"nodes": [{"name": "Roofs", "user": None, "trainings": {"nodes": trainings}}]},
    }
    [removal] = await rows(database, Job)
    assert (removal.kind, removal.state) == (MappingJob.REMOVE_PREDICTION, JobState.QUEUED)
    [kept] = await rows(database, Dataset)
    assert kept.user_id == owner.id


async def test_a_team_goes_to_its_oldest_member_who_can_lead_it(database, gone, owner, other, staff):
    suspended = (await factories.user(database, "suspended", is_active=False)).user
    leaving = (await factories.user(database, "leaving", account_deletion_due_at=datetime(2100, 1, 1, tzinfo=UTC))).user
    led = await factories.team(database, owner.id, suspended.id, leaving.id, other.id, staff.id)
    mine = await factories.team(database, other.id, name="surveyors")
    alone = await factories.team(database, owner.id, suspended.id, name="Alone")
    await gone(owner)
    teams = {team.id: team for team in await rows(database, Team)}
    assert set(teams) == {led.id, mine.id}
    assert (teams[led.id].admin_user_id, teams[led.id].name) == (other.id, f"Surveyors ({led.id})")
    members = await rows(database, TeamMembership, TeamMembership.team_id == led.id)
    assert [member.user_id for member in members] == [suspended.id, leaving.id, other.id, staff.id]
    [told] = await rows(database, UserNotification)
    assert (told.user_id, told.message) == (other.id, f"You are now the admin of the team Surveyors ({led.id}).")
    assert alone.id not in teams


async def test_nobody_becomes_the_admin_of_a_team_before_they_leave(refuse, database, time_comes, owner, other):
    team = await factories.team(database, owner.id, other.id)
    await time_comes(other)
    refused = await refuse("transferTeam", viewer=owner, id=ids.encode(team), userId=ids.encode(other.user))
    assert refused["message"] == "This account is going to be deleted."


async def test_it_waits_until_their_jobs_have_stopped(ask, database, gone, owner):
    working = await factories.job(database, user_id=owner.id, state=JobState.RUNNING, kind=MappingJob.PREDICT)
    await gone(owner)
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]
    [user] = await rows(database, User)
    assert (user.username, user.is_active, user.anonymised_at) == ("owner", False, None)
    [job] = await rows(database, Job)
    assert job.cancel_requested
    async with database.writing() as session:
        await session.execute(update(Job).where(Job.id == working.id).values(state=JobState.CANCELLED))
    await deletion.delete_due_accounts(database)
    [user] = await rows(database, User)
    assert user.username == f"deleted-{owner.id}"


async def test_two_clocks_delete_an_account_once(database, time_comes, owner, other, staff):
    await factories.team(database, owner.id, other.id)
    await time_comes(owner, staff)
    await asyncio.gather(*(deletion.delete_due_accounts(database) for _ in range(4)))
    await deletion.delete_due_accounts(database)
    entries = await rows(database, AuditEntry)
    assert sorted((entry.action, entry.user_id) for entry in entries) == [
        ("deleteAccount", owner.id),
        ("deleteAccount", staff.id),
    ]
    assert len(await rows(database, UserNotification)) == 1


async def test_what_was_said_to_others_stays_theirs_to_read(database, gone, owner, other):
    await factories.add(database, Message(sender_id=owner.id, receiver_id=other.id, content="See you there."))
    await gone(owner)
    assert [message.content for message in await rows(database, Message)] == ["See you there."]
    assert await rows(database, Conversation, Conversation.user_id == other.id)


async def test_posts_go_and_what_they_thought_of_others_is_not_counted(database, gone, owner, other):
    answered, alone, theirs = [await factories.post(database, each.id) for each in (owner, owner, other)]
    reply = await factories.post(database, other.id, parent=answered)
    await factories.post(database, owner.id, parent=theirs)
    for table in (Like, Share, PostMention):
        await factories.add(database, table(user_id=owner.id, post_id=theirs.id))
    await gone(owner)
    left = {row.id: row for row in await rows(database, Post)}
    assert set(left) == {answered.id, theirs.id, reply.id}
    assert (left[answered.id].content, left[answered.id].comment_count) == ("", 1)
    assert alone.id not in left
    assert (left[theirs.id].likes_count, left[theirs.id].shares_count, left[theirs.id].comment_count) == (0, 0, 0)
    assert not await rows(database, PostMention)
