"""What people report, what staff see of it and do about it, and who learns of that."""

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select

from app.models.accounts import Profile, Session, User
from app.models.reports import Report
from app.models.social import Block, Post
from app.models.social import Message as MessageRow
from app.models.system import AuditEntry, UserNotification
from app.services.accounts.users import deletion
from app.settings import settings
from jobs import accounts as jobs  # noqa: F401 -- registers what goes with an account
from resolvers import ids
from tests import factories
from tests.fixtures import Person

SHOWN = """reason comment evidence state action resolution resolvedAt
  user { username } accused { username } resolvedBy { username } subject { id }"""
REPORTS = f"""query ($state: ReportState, $subject: ID) {{
  reports(state: $state, subject: $subject, orderBy: OLDEST) {{ nodes {{ id {SHOWN} }} }}
}}"""
ACTIONS = ["DISMISS", "WARN", "REMOVE_CONTENT", "SUSPEND"]


@pytest.fixture
async def third(database):
    made = await factories.user(database, "third")
    return Person(made.user, made.token)


@pytest.fixture
async def post(database, other):
    return await factories.post(database, other.id, content="Buy now!")


@pytest.fixture
async def message_id(change, owner, other):
    sent = await change("sendMessage", viewer=other, receiverId=ids.encode(owner.user), content="Go away.")
    return sent["id"]


@pytest.fixture
def report(change):
    async def report(viewer, id, reason="SPAM", **input):
        return await change("report", SHOWN, viewer=viewer, id=id, reason=reason, **input)

    return report


@pytest.fixture
def resolve(change):
    async def resolve(viewer, report, action, resolution="Keep to the rules."):
        return await change(
            "resolveReport", SHOWN, viewer=viewer, id=report["id"], action=action, resolution=resolution
        )

    return resolve


async def seen(ask, viewer, **variables):
    return (await ask(REPORTS, viewer=viewer, **variables))["reports"]["nodes"]


async def told(database, person):
    messages = select(UserNotification.message).where(UserNotification.user_id == person.id)
    async with database.reading() as session:
        return list(await session.scalars(messages.order_by(UserNotification.id)))


async def rows(database, table):
    async with database.reading() as session:
        return (await session.scalars(select(table).order_by(table.id))).all()


async def test_a_post_is_reported_with_what_it_said(ask, change, database, report, owner, other, post):
    made = await report(owner, ids.encode(post), "SPAM", comment=" Every day. ")
    assert (made["reason"], made["comment"], made["state"]) == ("SPAM", "Every day.", "OPEN")
    assert (made["evidence"], made["subject"]) == ("Buy now!", {"id": ids.encode(post)})
    assert (made["user"], made["accused"]) == ({"username": "owner"}, {"username": "other"})
    assert (made["action"], made["resolution"], made["resolvedBy"], made["resolvedAt"]) == (None,) * 4


async def test_what_was_reported_stays_known_when_it_is_changed_or_deleted(
    ask, change, report, owner, other, staff, post, message_id
):
    await report(owner, ids.encode(post))
    await report(owner, message_id)
    await change("deletePost", viewer=other, id=ids.encode(post))
    await change("takeMessageBack", viewer=other, id=message_id)
    found = await seen(ask, staff)
    assert [(each["evidence"], each["subject"]) for each in found] == [("Buy now!", None), ("Go away.", None)]


async def test_staff_read_of_messages_only_what_was_reported(ask, report, owner, staff, message_id):
    await report(owner, message_id)
    [found] = await seen(ask, staff)
    assert (found["evidence"], found["subject"]) == ("Go away.", None)
    [own] = await seen(ask, owner)
    assert own["subject"] == {"id": message_id}


async def test_people_datasets_and_models_are_reported_too(database, report, owner, other):
    async with database.writing() as session:
        (await session.get_one(Profile, other.id)).bio = "I hate you all."
    dataset = await factories.dataset(database, other.id, name="Rude")
    model = await factories.model(database, dataset, name="Ruder", description="Rudest")
    evidence = [(await report(owner, ids.encode(row)))["evidence"] for row in (other.user, dataset, model)]
    assert evidence == ["other\nI hate you all.", "Rude", "Ruder\nRudest"]


async def test_staff_see_all_reports_and_others_their_own(ask, report, owner, other, third, staff, post):
    for person in (owner, third):
        await report(person, ids.encode(post))
    assert [each["user"]["username"] for each in await seen(ask, staff)] == ["owner", "third"]
    assert [each["user"]["username"] for each in await seen(ask, third)] == ["third"]
    assert await seen(ask, other) == []
    assert (await ask(REPORTS)).codes == ["UNAUTHENTICATED"]


async def test_reports_are_found_by_their_state_and_by_what_they_are_about(
    ask, database, report, resolve, owner, other, staff, post
):
    made = await report(owner, ids.encode(post))
    await resolve(staff, made, "DISMISS")
    again = await report(owner, ids.encode(post))
    person = await report(owner, ids.encode(other.user))
    assert [each["id"] for each in await seen(ask, staff, state="OPEN")] == [again["id"], person["id"]]
    assert [each["id"] for each in await seen(ask, staff, state="DISMISSED")] == [made["id"]]
    assert [each["id"] for each in await seen(ask, staff, subject=ids.encode(post))] == [made["id"], again["id"]]


async def test_who_was_reported_never_learns_by_whom_not_even_staff(
    ask, change, refuse, database, report, resolve, owner, staff
):
    boss = await factories.user(database, "boss", is_staff=True, is_super_admin=True)
    theirs = await factories.post(database, staff.id)
    made = await report(owner, ids.encode(theirs))
    assert await seen(ask, staff) == []
    answer = await ask("query ($id: ID!) { node(id: $id) { id } }", viewer=staff, id=made["id"])
    assert answer.codes == ["NOT_FOUND"]
    refused = await refuse("resolveReport", viewer=staff, id=made["id"], action="DISMISS")
    assert refused["code"] == "NOT_FOUND"
    await resolve(Person(boss.user, boss.token), made, "WARN", "Be kind.")
    entries = await ask("{ auditEntries { nodes { action details actor { username } subject { id } } } }", viewer=staff)
    [entry] = [each for each in entries["auditEntries"]["nodes"] if each["action"] == "resolveReport"]
    assert (entry["actor"], entry["subject"]) == ({"username": "boss"}, None)
    assert entry["details"] == {"decision": "WARN", "of": f"Post:{theirs.id}", "reports": 1}


@pytest.mark.parametrize("what", ["profile", "post", "sent"])
async def test_nobody_reports_themselves_or_their_own(refuse, database, owner, other, message_id, what):
    mine = {
        "profile": ids.encode(owner.user),
        "post": ids.encode(await factories.post(database, owner.id)),
        "sent": message_id,
    }
    answer = await refuse("report", viewer=other if what == "sent" else owner, id=mine[what], reason="OTHER")
    assert (answer["field"], answer["message"]) == ("id", "This is your own. Report something of another user.")


async def test_only_what_one_sees_is_reported(refuse, database, owner, other, third, staff, post, message_id):
    await factories.add(database, Block(user_id=other.id, blocked_id=third.id, username="third"))
    gone = await factories.post(database, (await factories.user(database, "gone", is_active=False)).user.id)
    unknown = ids.encode(Post(id=gone.id + 1))
    for viewer, id in ((third, ids.encode(post)), (third, message_id), (staff, message_id), (owner, ids.encode(gone))):
        assert (await refuse("report", viewer=viewer, id=id, reason="SPAM"))["code"] == "NOT_FOUND"
    assert (await refuse("report", viewer=owner, id=unknown, reason="SPAM"))["code"] == "NOT_FOUND"
    assert (await refuse("report", viewer=None, id=ids.encode(post), reason="SPAM"))["code"] == "UNAUTHENTICATED"


async def test_what_is_gone_or_says_nothing_is_not_reported(refuse, change, database, owner, other, post, message_id):
    await factories.post(database, owner.id, parent=post)
    await change("deletePost", viewer=other, id=ids.encode(post))
    await change("takeMessageBack", viewer=other, id=message_id)
    for id in (ids.encode(post), message_id):
        answer = await refuse("report", viewer=owner, id=id, reason="SPAM")
        assert (answer["code"], answer["message"]) == ("CONFLICT", "This was already deleted.")
    team = await factories.team(database, other.id, owner.id)
    assert (await refuse("report", viewer=owner, id=ids.encode(team), reason="SPAM"))["field"] == "id"
    answer = await refuse("report", viewer=owner, id=ids.encode(other.user), reason="SPAM", comment="x" * 501)
    assert answer["field"] == "comment"


async def test_nobody_reports_a_thing_twice_while_it_waits(refuse, report, resolve, owner, staff, post):
    made = await report(owner, ids.encode(post))
    answer = await refuse("report", viewer=owner, id=ids.encode(post), reason="HATE")
    assert (answer["code"], answer["message"]) == ("CONFLICT", "You have already reported this.")
    await resolve(staff, made, "DISMISS")
    assert (await report(owner, ids.encode(post)))["state"] == "OPEN"


async def test_of_reports_of_the_same_at_once_one_is_kept(database, report, owner, post):
    answers = await asyncio.gather(*(report(owner, ids.encode(post)) for _ in range(4)))
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict"] * 3 + ["Report"]
    assert len(await rows(database, Report)) == 1


async def test_only_so_much_is_reported_in_an_hour(refuse, report, owner, other, post, monkeypatch):
    monkeypatch.setattr(settings, "reports_per_hour_max", 1)
    await report(owner, ids.encode(post))
    answer = await refuse("report", viewer=owner, id=ids.encode(other.user), reason="SPAM")
    assert answer["code"] == "RATE_LIMITED"


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_decision_settles_all_open_reports_of_the_thing(
    ask, database, report, resolve, owner, other, third, staff, post, action
):
    first, second = [await report(person, ids.encode(post)) for person in (owner, third)]
    elsewhere = await report(third, ids.encode(other.user))
    made = await resolve(staff, second, action)
    state, outcome = {"DISMISS": ("DISMISSED", "found no violation")}.get(action, ("ACTED_UPON", "took action"))
    assert (made["state"], made["action"], made["resolvedBy"]) == (state, action, {"username": "staff"})
    settled = await seen(ask, staff, state=state)
    assert [each["id"] for each in settled] == [first["id"], second["id"]]
    assert {(each["resolution"], each["resolvedAt"]) for each in settled} == {
        ("Keep to the rules.", made["resolvedAt"])
    }
    assert [each["id"] for each in await seen(ask, staff, state="OPEN")] == [elsewhere["id"]]
    for person in (owner, third):
        assert await told(database, person) == [f"Staff reviewed the post that you reported and {outcome}."]
    [entry] = [each for each in await rows(database, AuditEntry) if each.action == "resolveReport"]
    assert (entry.actor_id, entry.user_id) == (staff.id, staff.id if action == "DISMISS" else other.id)
    assert entry.details == {"decision": action, "of": f"Post:{post.id}", "reports": 2}


async def test_dismissing_needs_no_words_and_tells_whose_it_is_nothing(
    database, report, resolve, refuse, owner, other, staff, post
):
    made = await report(owner, ids.encode(post))
    for action in ACTIONS[1:]:
        answer = await refuse("resolveReport", viewer=staff, id=made["id"], action=action)
        assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "resolution")
    assert (await resolve(staff, made, "DISMISS", None))["resolution"] is None
    assert await told(database, other) == []
    assert (await rows(database, Post))[0].content == "Buy now!"


async def test_whose_it_is_is_warned(ask, database, report, resolve, owner, other, staff, post):
    await resolve(staff, await report(owner, ids.encode(post)), "WARN", "No adverts here.")
    shown = await ask("{ notifications { nodes { kind message subject { id } } } }", viewer=other)
    assert shown["notifications"]["nodes"] == [
        {
            "kind": "MODERATION",
            "message": "Staff warned you about your post: No adverts here.",
            "subject": {"id": ids.encode(post)},
        }
    ]


async def test_a_removed_post_is_gone_and_its_author_is_told(
    ask, database, report, resolve, refuse, owner, other, staff, post
):
    reply = await factories.post(database, owner.id, parent=post)
    made = await report(owner, ids.encode(post))
    await resolve(staff, made, "REMOVE_CONTENT", "No adverts here.")
    left, kept = await rows(database, Post)
    assert (left.content, left.deleted_at is None, kept.id) == ("", False, reply.id)
    assert await told(database, other) == ["Staff removed your post: No adverts here."]
    assert (await rows(database, Report))[0].evidence == "Buy now!"


async def test_what_is_gone_already_is_not_removed_again(change, report, refuse, owner, other, staff, post, message_id):
    made = [await report(owner, id) for id in (ids.encode(post), message_id)]
    await change("deletePost", viewer=other, id=ids.encode(post))
    await change("takeMessageBack", viewer=other, id=message_id)
    for each in made:
        answer = await refuse(
            "resolveReport", viewer=staff, id=each["id"], action="REMOVE_CONTENT", resolution="No adverts here."
        )
        assert answer["code"] == "CONFLICT"


async def test_a_removed_message_is_empty_for_both(database, report, resolve, owner, other, staff, message_id):
    await resolve(staff, await report(owner, message_id, "HARASSMENT"), "REMOVE_CONTENT", "Be kind.")
    [message] = await rows(database, MessageRow)
    assert (message.content, message.deleted_at is None) == ("", False)
    assert (await told(database, other)) == ["Staff removed your message: Be kind."]


async def test_a_removed_profile_says_nothing_any_more(database, report, resolve, owner, other, staff):
    async with database.writing() as session:
        profile, user = await session.get_one(Profile, other.id), await session.get_one(User, other.id)
        profile.bio, profile.website, user.first_name = "I hate you all.", "https://example.org", "Rude"
    await resolve(staff, await report(owner, ids.encode(other.user), "HATE"), "REMOVE_CONTENT", "Be kind.")
    async with database.reading() as session:
        profile, user = await session.get_one(Profile, other.id), await session.get_one(User, other.id)
    assert (profile.bio, profile.website, user.first_name, user.username) == ("", None, "", "other")


async def test_a_dataset_stays_and_whose_it_is_may_be_warned(database, report, resolve, refuse, owner, other, staff):
    made = await report(owner, ids.encode(await factories.dataset(database, other.id)))
    answer = await refuse("resolveReport", viewer=staff, id=made["id"], action="REMOVE_CONTENT", resolution="No.")
    assert (answer["code"], answer["field"]) == ("INVALID_INPUT", "action")
    assert (await resolve(staff, made, "WARN"))["state"] == "ACTED_UPON"


async def test_who_is_suspended_is_signed_out(ask, database, report, resolve, owner, other, staff, post):
    await resolve(staff, await report(owner, ids.encode(post)), "SUSPEND", "Again and again.")
    async with database.reading() as session:
        assert (await session.get_one(User, other.id)).is_active is False
        theirs = select(func.count()).select_from(Session).where(Session.user_id == other.id)
        assert await session.scalar(theirs) == 0
    assert (await ask("{ me { id } }", viewer=other)).codes == ["UNAUTHENTICATED"]


async def test_only_super_admins_suspend_staff(database, report, refuse, owner, staff):
    colleague = await factories.user(database, "colleague", is_staff=True)
    made = await report(owner, ids.encode(await factories.post(database, colleague.user.id)))
    answer = await refuse("resolveReport", viewer=staff, id=made["id"], action="SUSPEND", resolution="No.")
    assert answer["code"] == "FORBIDDEN"


async def test_staff_alone_decide(report, refuse, owner, third, post):
    made = await report(owner, ids.encode(post))
    for viewer, code in ((owner, "FORBIDDEN"), (third, "NOT_FOUND"), (None, "NOT_FOUND")):
        answer = await refuse("resolveReport", viewer=viewer, id=made["id"], action="DISMISS")
        assert answer["code"] == code


async def test_of_two_staff_who_decide_at_once_one_does(database, report, resolve, owner, other, third, staff, post):
    made = await factories.user(database, "colleague", is_staff=True)
    first, second = [await report(person, ids.encode(post)) for person in (owner, third)]
    answers = await asyncio.gather(
        resolve(staff, first, "WARN"), resolve(Person(made.user, made.token), second, "REMOVE_CONTENT")
    )
    assert sorted(answer["__typename"] for answer in answers) == ["Conflict", "Report"]
    [done] = [answer for answer in answers if answer["__typename"] == "Report"]
    assert {each.action.value for each in await rows(database, Report)} == {done["action"]}
    assert len(await told(database, other)) == len(await told(database, owner)) == 1


async def test_reporting_and_deciding_at_once_loses_no_report(database, report, resolve, owner, third, staff, post):
    first = await report(owner, ids.encode(post))
    await asyncio.gather(resolve(staff, first, "WARN"), report(third, ids.encode(post)))
    states = {each.user_id: each.state.value for each in await rows(database, Report)}
    assert states[owner.id] == "ACTED_UPON"
    assert len(await told(database, third)) == (states[third.id] == "ACTED_UPON")


async def test_with_the_account_of_whoever_said_it_the_evidence_goes(database, report, owner, other, post):
    await report(owner, ids.encode(post))
    async with database.writing() as session:
        user = await session.get_one(User, other.id)
        user.account_deletion_requested, user.account_deletion_due_at = True, datetime.now(UTC)
    await deletion.delete_due_accounts(database)
    [kept] = await rows(database, Report)
    assert (kept.evidence, kept.accused_id) == (None, other.id)
