"""Looking through accounts, suspending and restoring them, and who is staff."""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text, update

from app.models.accounts import ApiKey, Profile, Session, User
from app.models.choices import Scope
from app.models.system import AuditEntry, Job, JobState
from app.security import credentials
from app.services.accounts.sign_in import sessions
from resolvers import ids
from tests import factories
from tests.fixtures import Person

USERS = """query ($search: String, $isActive: Boolean, $isStaff: Boolean, $since: DateTime, $until: DateTime,
    $orderBy: UserOrder! = NEWEST) {
    users(search: $search, isActive: $isActive, isStaff: $isStaff, joinedSince: $since, joinedUntil: $until,
        orderBy: $orderBy) { nodes { username } }
}"""
ME = "{ me { username } }"


@pytest.fixture
async def admin(database):
    """A super admin."""
    made = await factories.user(database, "admin", is_staff=True, is_super_admin=True)
    return Person(made.user, made.token)


async def found(ask, viewer, **variables):
    answer = await ask(USERS, viewer=viewer, **variables)
    assert answer.errors == []
    return [node["username"] for node in answer["users"]["nodes"]]


async def test_a_part_of_a_name_is_found_by_an_index(ask, database, staff, statements):
    await found(ask, staff, search="ann")
    [sql] = [statement for statement in statements if "LIKE" in statement]
    conditions = re.sub(r"\$\d+::VARCHAR", "'ann'", sql.partition("WHERE ")[2].partition(" ORDER BY")[0])
    async with database.reading() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await session.execute(text(f"EXPLAIN SELECT id FROM users WHERE {conditions}"))
        assert " ".join(plan.scalars()).count("ix_users_search") == 4


async def the(database, person):
    async with database.reading() as session:
        return await session.get_one(User, person.id)


async def entries(database):
    asked = select(AuditEntry.action, AuditEntry.actor_id, AuditEntry.user_id, AuditEntry.details)
    async with database.reading() as session:
        return [tuple(row) for row in await session.execute(asked.order_by(AuditEntry.id))]


async def test_staff_look_through_accounts_and_nobody_else(ask, owner, other, staff):
    assert await found(ask, staff) == ["staff", "other", "owner"]
    assert (await ask(USERS, viewer=other)).codes == ["FORBIDDEN"]
    assert (await ask(USERS)).codes == ["UNAUTHENTICATED"]


async def test_accounts_are_found_by_what_they_are(ask, database, owner, other, staff):
    await factories.user(database, "gone", is_active=False, first_name="Ayşe", last_name="100 %")
    assert await found(ask, staff, search="OWN") == ["owner"]
    assert await found(ask, staff, search="OTHER@fieldgraph") == ["other"]
    assert await found(ask, staff, search="ayş") == ["gone"]
    assert await found(ask, staff, search="%") == ["gone"]
    assert await found(ask, staff, isActive=False) == ["gone"]
    assert await found(ask, staff, isStaff=True) == ["staff"]
    joined = (await the(database, other)).created_at.isoformat()
    assert await found(ask, staff, since=joined) == ["gone", "staff", "other"]
    assert await found(ask, staff, until=joined) == ["owner"]


async def test_accounts_are_sorted_by_name_and_by_last_login(ask, database, owner, other, staff):
    async with database.writing() as session:
        await session.execute(update(User).where(User.id == other.id).values(last_login=None))
    assert await found(ask, staff, orderBy="USERNAME") == ["other", "owner", "staff"]
    assert await found(ask, staff, orderBy="LAST_LOGIN") == ["staff", "owner", "other"]


async def test_staff_suspend_an_account_and_all_that_is_open_of_it_ends(ask, change, database, owner, staff):
    key = credentials.new_token()
    made = {"name": "laptop", "hint": "fg_", "scopes": [Scope.READ], "token_hash": credentials.token_hash(key)}
    await factories.add(database, ApiKey(user_id=owner.id, **made))
    waiting = await factories.job(database, user_id=owner.id)
    ended = await factories.job(database, user_id=owner.id, state=JobState.DONE)
    others = await factories.job(database, user_id=staff.id)
    assert (await ask(ME, viewer=owner))["me"] == {"username": "owner"}
    before = (await the(database, owner)).security_stamp
    shut = await change("suspendUser", "isActive", viewer=staff, id=ids.encode(owner.user), reason=" Spam. ")
    assert shut["isActive"] is False
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]
    async with database.reading() as session:
        for table in (Session, ApiKey):
            assert await session.scalar(select(func.count()).where(table.user_id == owner.id)) == 0
        asked = dict((await session.execute(select(Job.id, Job.cancel_requested))).all())
    assert asked == {waiting.id: True, ended.id: False, others.id: False}
    assert (await the(database, owner)).security_stamp == before + 1
    assert await entries(database) == [("suspendUser", staff.id, owner.id, {"reason": "Spam."})]


async def test_who_is_restored_signs_in_anew_and_may_read_why(ask, change, database, owner, staff):
    about = {"id": ids.encode(owner.user)}
    await change("suspendUser", viewer=staff, reason="By mistake.", **about)
    restored = await change("restoreUser", "isActive", viewer=staff, **about)
    assert restored["isActive"] is True
    assert (await ask(ME, viewer=owner)).codes == ["UNAUTHENTICATED"]
    async with database.writing() as session:
        signed_in = await sessions.sign_in(session, await the(database, owner))
    answer = await ask("{ auditEntries { nodes { action details } } }", viewer=Person(signed_in.user, signed_in.token))
    assert answer["auditEntries"]["nodes"] == [
        {"action": "restoreUser", "details": {}},
        {"action": "suspendUser", "details": {"reason": "By mistake."}},
    ]


async def test_who_may_suspend_whom(change, refuse, database, owner, other, staff, admin):
    second = (await factories.user(database, "second", is_staff=True)).user
    reason = {"reason": "Spam."}
    for viewer, user, code in [
        (None, owner.user, "UNAUTHENTICATED"),
        (other, owner.user, "FORBIDDEN"),
        (owner, owner.user, "FORBIDDEN"),
        (staff, staff.user, "FORBIDDEN"),
        (staff, second, "FORBIDDEN"),
        (staff, admin.user, "FORBIDDEN"),
        (admin, admin.user, "FORBIDDEN"),
    ]:
        assert (await refuse("suspendUser", viewer=viewer, id=ids.encode(user), **reason))["code"] == code
    assert (await change("suspendUser", viewer=admin, id=ids.encode(second), **reason))["__typename"] == "User"
    assert (await refuse("restoreUser", viewer=staff, id=ids.encode(second)))["code"] == "FORBIDDEN"
    assert (await refuse("restoreUser", viewer=other, id=ids.encode(second)))["code"] == "NOT_FOUND"
    assert (await change("restoreUser", viewer=admin, id=ids.encode(second)))["__typename"] == "User"


async def test_what_is_so_already_is_said(change, refuse, database, owner, staff, admin):
    here = {"id": ids.encode(owner.user)}
    assert (await refuse("restoreUser", viewer=staff, **here))["code"] == "CONFLICT"
    assert (await refuse("changeStaff", viewer=admin, isStaff=False, **here))["code"] == "CONFLICT"
    assert (await refuse("suspendUser", viewer=staff, reason=" ", **here))["field"] == "reason"
    await change("suspendUser", viewer=staff, reason="Spam.", **here)
    assert (await refuse("suspendUser", viewer=staff, reason="Spam.", **here))["code"] == "CONFLICT"
    assert (await refuse("changeStaff", viewer=admin, isStaff=True, **here))["code"] == "CONFLICT"


async def test_an_account_that_was_deleted_stays_closed(refuse, database, staff):
    gone = await factories.user(database, "gone", is_active=False, anonymised_at=datetime.now(UTC))
    refused = await refuse("restoreUser", viewer=staff, id=ids.encode(gone.user))
    assert (refused["code"], refused["message"]) == ("CONFLICT", "This account was deleted.")


async def test_super_admins_say_who_is_staff(ask, change, refuse, database, owner, staff, admin):
    here = {"id": ids.encode(owner.user)}
    for viewer, code in [(None, "UNAUTHENTICATED"), (owner, "FORBIDDEN"), (staff, "FORBIDDEN")]:
        assert (await refuse("changeStaff", viewer=viewer, isStaff=True, **here))["code"] == code
    assert (await ask(USERS, viewer=owner)).codes == ["FORBIDDEN"]
    assert (await change("changeStaff", "isStaff", viewer=admin, isStaff=True, **here))["isStaff"] is True
    assert (await ask(USERS, viewer=owner)).codes == []
    assert (await change("changeStaff", "isStaff", viewer=admin, isStaff=False, **here))["isStaff"] is False
    assert (await ask(USERS, viewer=owner)).codes == ["FORBIDDEN"]
    may = {"is_super_admin": False}
    assert await entries(database) == [
        ("changeStaff", admin.id, owner.id, {"is_staff": True, **may}),
        ("changeStaff", admin.id, owner.id, {"is_staff": False, **may}),
    ]


async def test_the_last_super_admin_stays_one(change, refuse, database, admin):
    refused = await refuse("changeStaff", viewer=admin, id=ids.encode(admin.user), isStaff=False)
    assert refused["message"] == "This is the last super admin. Make another user a super admin first."
    # One that is suspended does not count.
    await factories.user(database, "second", is_staff=True, is_super_admin=True, is_active=False)
    assert (await refuse("changeStaff", viewer=admin, id=ids.encode(admin.user), isStaff=False))["code"] == "CONFLICT"
    await factories.user(database, "third", is_staff=True, is_super_admin=True)
    left = await change("changeStaff", "isSuperAdmin", viewer=admin, id=ids.encode(admin.user), isStaff=False)
    assert left["isSuperAdmin"] is False


@pytest.mark.parametrize("deed", ["changeStaff", "suspendUser"])
async def test_of_two_super_admins_who_end_each_other_at_once_one_stays(change, database, admin, deed):
    made = await factories.user(database, "second", is_staff=True, is_super_admin=True)
    how = {"isStaff": False} if deed == "changeStaff" else {"reason": "Each the other."}
    answers = await asyncio.gather(
        change(deed, viewer=admin, id=ids.encode(made.user), **how),
        change(deed, viewer=Person(made.user, made.token), id=ids.encode(admin.user), **how),
    )
    assert sorted(answer["__typename"] for answer in answers) in (["Conflict", "User"], ["User", "errors"])
    async with database.reading() as session:
        left = select(func.count()).where(User.is_super_admin, User.is_active)
        assert await session.scalar(left) == 1


STATISTICS = """datasetsCount modelsCount trainingsCount predictionsCount feedbacksCount approvedPredictionsCount
    unreadNotificationsCount profileCompletionPercentage"""


@pytest.fixture
async def busy(database, owner):
    """The owner, with two datasets, two trainings and one of everything else, and a notification that was read."""
    await factories.dataset(database, owner.id, name="Other")
    dataset = await factories.dataset(database, owner.id)
    training = await factories.training(database, await factories.model(database, dataset))
    second = await factories.training(database, await factories.model(database, dataset))
    await factories.prediction(database, training)
    await factories.feedback(database, second)
    await factories.approved_prediction(database, second)
    await factories.notification(database, owner.id)
    await factories.notification(database, owner.id, is_read=True, read_at=datetime.now(UTC))
    return owner


async def test_somebodys_figures_are_theirs_and_staffs(ask, busy, other, staff):
    document = f"query ($id: ID!) {{ user(id: $id) {{ statistics {{ {STATISTICS} }} }} }}"
    here = {"id": ids.encode(busy.user)}
    shown = dict.fromkeys(STATISTICS.split(), 1) | {"datasetsCount": 2, "modelsCount": 2, "trainingsCount": 2}
    for viewer in (busy, staff):
        assert (await ask(document, viewer=viewer, **here))["user"]["statistics"] == shown | {
            "profileCompletionPercentage": 75
        }
    for viewer in (other, None):
        assert await ask(document, viewer=viewer, **here) == {"user": {"statistics": None}}


async def test_a_profile_is_complete_with_a_picture_and_a_verified_address(ask, database, owner):
    async def percentage():
        answer = await ask("{ me { statistics { profileCompletionPercentage } } }", viewer=owner)
        return answer["me"]["statistics"]["profileCompletionPercentage"]

    for values, expected in [
        ({"email": None, "email_verified": False}, 25),
        ({"email": "owner@fieldgraph.test"}, 50),
        ({"email_verified": True}, 75),
    ]:
        async with database.writing() as session:
            await session.execute(update(User).where(User.id == owner.id).values(**values))
        assert await percentage() == expected
    async with database.writing() as session:
        await session.execute(update(Profile).where(Profile.id == owner.id).values(avatar_key="a" * 64))
    assert await percentage() == 100


async def test_the_figures_of_a_page_of_accounts_cost_one_statement(ask, database, staff, busy, other, statements):
    await ask(ME, viewer=staff)
    statements.clear()
    answer = await ask(f"{{ users {{ nodes {{ username statistics {{ {STATISTICS} }} }} }} }}", viewer=staff)
    assert [node["statistics"]["datasetsCount"] for node in answer["users"]["nodes"]] == [0, 2, 0]
    assert len([statement for statement in statements if "count(*)" in statement]) == 1
    assert len([statement for statement in statements if statement.lstrip().startswith("SELECT")]) == 2


async def test_a_page_of_accounts_by_last_login_goes_on_past_those_who_never_signed_in(ask, database, staff):
    for number in range(3):
        await factories.user(database, f"new{number}", last_login=None)
    document = """query ($after: String) { users(first: 2, after: $after, orderBy: LAST_LOGIN) {
        nodes { username } pageInfo { endCursor } } }"""
    first = await ask(document, viewer=staff)
    second = await ask(document, viewer=staff, after=first["users"]["pageInfo"]["endCursor"])
    names = [node["username"] for page in (first, second) for node in page["users"]["nodes"]]
    assert names == ["staff", "new2", "new1", "new0"]


async def test_naive_times_are_utc(ask, database, owner, staff):
    now = datetime.now(UTC).replace(tzinfo=None)
    assert await found(ask, staff, since=(now + timedelta(hours=1)).isoformat()) == []
    assert await found(ask, staff, until=(now + timedelta(hours=1)).isoformat()) == ["staff", "owner"]
