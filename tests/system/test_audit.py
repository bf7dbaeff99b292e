"""Who changed what is kept, told to those it concerns, and never touched again."""

from contextlib import suppress

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from app.database import part
from app.errors import Conflict, NotFound
from app.models.system import AuditEntry, UserNotification
from app.services.system import audit, notifications
from resolvers import ids
from tests import factories

ENTRIES = """query ($action: String, $actor: ID, $user: ID, $subject: ID, $since: DateTime, $until: DateTime) {
    auditEntries(action: $action, actorId: $actor, userId: $user, subject: $subject, since: $since, until: $until) {
        nodes { action details actor { username } user { username } subject { id } }
    }
}"""


@pytest.fixture
async def kept(database, owner, other, staff):
    """What staff did to the owner, what the owner did, and what an operator did to the other; oldest first."""
    dataset = await factories.dataset(database, owner.id)
    async with database.writing() as session:
        audit.record(session, staff.id, "suspendUser", about=owner.user, user_id=owner.id, reason="Spam.")
    async with database.writing() as session:
        audit.record(session, owner.id, "deleteDataset", about=dataset)
    async with database.writing() as session:
        audit.record(session, None, "promote", about=other.user, user_id=other.id)
    async with database.reading() as session:
        return (await session.scalars(select(AuditEntry).order_by(AuditEntry.id))).all()


async def actions(ask, viewer, **variables):
    answer = await ask(ENTRIES, viewer=viewer, **variables)
    assert answer.errors == []
    return [entry["action"] for entry in answer["auditEntries"]["nodes"]]


async def test_staff_see_all_and_others_what_they_did_or_what_concerns_them(ask, kept, owner, other, staff):
    assert await actions(ask, staff) == ["promote", "deleteDataset", "suspendUser"]
    assert await actions(ask, owner) == ["deleteDataset", "suspendUser"]
    assert await actions(ask, other) == ["promote"]
    assert (await ask(ENTRIES)).codes == ["UNAUTHENTICATED"]


async def test_an_entry_says_who_did_what_to_whom(ask, kept, owner, staff):
    entries = (await ask(ENTRIES, viewer=staff))["auditEntries"]["nodes"]
    assert entries[2] == {
        "action": "suspendUser",
        "details": {"reason": "Spam."},
        "actor": {"username": "staff"},
        "user": {"username": "owner"},
        "subject": {"id": ids.encode(owner.user)},
    }
    assert [entry["actor"] for entry in entries[:2]] == [None, {"username": "owner"}]


async def test_entries_are_found_by_what_whom_and_when(ask, kept, owner, other, staff):
    first, second, third = kept
    assert await actions(ask, staff, action="promote") == ["promote"]
    assert await actions(ask, staff, actor=ids.encode(staff.user)) == ["suspendUser"]
    assert await actions(ask, staff, user=ids.encode(owner.user)) == ["deleteDataset", "suspendUser"]
    assert await actions(ask, staff, subject=ids.encode(other.user)) == ["promote"]
    assert await actions(ask, staff, since=second.created_at.isoformat()) == ["promote", "deleteDataset"]
    assert await actions(ask, staff, until=second.created_at.isoformat()) == ["suspendUser"]
    assert await actions(ask, owner, user=ids.encode(other.user)) == []
    assert first.created_at < second.created_at < third.created_at


async def test_an_id_that_names_nobody_finds_nothing(ask, kept, staff):
    assert (await ask(ENTRIES, viewer=staff, actor="nobody")).codes == ["NOT_FOUND"]
    assert (await ask(ENTRIES, viewer=staff, subject="nothing")).codes == ["NOT_FOUND"]


async def test_others_do_not_find_it_by_its_id(ask, kept, other):
    document = "query ($id: ID!) { node(id: $id) { id } }"
    assert (await ask(document, viewer=other, id=ids.encode(kept[0]))).codes == ["NOT_FOUND"]


@pytest.mark.parametrize(
    "change",
    ["UPDATE audit_entries SET action = 'nothing'", "DELETE FROM audit_entries", "TRUNCATE audit_entries"],
)
async def test_the_database_refuses_to_change_what_is_kept(database, kept, unchanged, change):
    async with unchanged():
        with pytest.raises(DBAPIError, match="permission denied for table audit_entries"):
            async with database.writing() as session:
                await session.execute(text(change))


async def test_no_account_that_is_named_can_be_deleted(database, kept, unchanged, staff):
    async with unchanged():
        with pytest.raises(Conflict):
            async with database.writing() as session:
                await session.execute(text(f"DELETE FROM users WHERE id = {staff.id}"))


async def test_a_part_of_a_change_that_failed_leaves_no_entry_and_no_notification(database, owner, training):
    async with database.writing() as session:
        audit.record(session, owner.id, "kept", about=training)
        with suppress(NotFound):
            async with part(session):
                audit.record(session, owner.id, "undone", about=training)
                notifications.notify(session, owner.id, "It is undone.", about=training)
                raise NotFound("There is no such thing.")
    async with database.reading() as session:
        assert (await session.scalars(select(AuditEntry.action))).all() == ["kept"]
        assert await session.scalar(select(func.count()).select_from(UserNotification)) == 0
