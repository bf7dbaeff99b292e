"""Who sees accounts, sessions and notifications, and what of them."""

import pytest
from sqlalchemy import select

from app import events
from app.errors import Unauthenticated
from app.models.accounts import Session, User
from app.models.system import Event
from app.policies import Viewer, signed_in
from app.policies.accounts import may_see_private_details_of
from resolvers import ids
from tests import factories
from tests.accounts.sight import seers

OWNER, OTHER, STAFF, STRANGER = "owner", "other", "staff", "stranger"


@pytest.fixture
async def suspended(database):
    return (await factories.user(database, "suspended", is_active=False)).user


@pytest.fixture
def viewers(owner, other, staff):
    return {
        OWNER: Viewer(owner.id),
        OTHER: Viewer(other.id),
        STAFF: Viewer(staff.id, is_staff=True),
        STRANGER: Viewer(),
    }


async def test_accounts_are_seen_by_all_unless_suspended(database, viewers, owner, suspended):
    assert await seers(database, viewers, owner.user) == {OWNER, OTHER, STAFF, STRANGER}
    assert await seers(database, viewers | {"oneself": Viewer(suspended.id)}, suspended) == {STAFF, "oneself"}


async def test_sessions_and_notifications_are_seen_by_their_owner_alone(database, viewers, owner):
    async with database.reading() as session:
        opened = await session.scalar(select(Session).where(Session.user_id == owner.id))
    assert await seers(database, viewers, opened) == {OWNER}
    told = await factories.notification(database, owner.id)
    assert await seers(database, viewers, told) == {OWNER}


async def test_events_are_seen_by_nobody_as_rows(database, viewers, owner):
    async with database.writing() as session:
        events.record(session, f"notifications:{owner.id}")
    async with database.reading() as session:
        event = await session.scalar(select(Event))
    assert await seers(database, viewers, event) == set()


def test_private_details_are_their_owners_and_staffs(viewers, owner):
    verdicts = {who: may_see_private_details_of(viewer, owner.user) for who, viewer in viewers.items()}
    assert verdicts == {OWNER: True, OTHER: False, STAFF: True, STRANGER: False}
    assert not may_see_private_details_of(Viewer(), User(id=None))


def test_a_stranger_is_asked_to_sign_in(owner):
    assert signed_in(Viewer(owner.id)) == owner.id
    with pytest.raises(Unauthenticated):
        signed_in(Viewer())


PRIVATE = "email emailVerified lastLogin notificationsDeliveryMethods newsletterSubscription accountDeletionRequested"


async def test_private_fields_are_null_to_others(ask, owner, other, staff):
    document = f"query ($id: ID!) {{ user(id: $id) {{ username isActive {PRIVATE} }} }}"
    for viewer in (owner, staff):
        shown = (await ask(document, viewer=viewer, id=ids.encode(owner.user)))["user"]
        assert shown["email"] == "owner@fieldgraph.test"
        assert shown["notificationsDeliveryMethods"] == ["WEB"]
        assert shown["lastLogin"] is not None
    for viewer in (other, None):
        shown = (await ask(document, viewer=viewer, id=ids.encode(owner.user)))["user"]
        assert shown == {"username": "owner", "isActive": True} | dict.fromkeys(PRIVATE.split())


async def test_private_fields_are_null_wherever_an_account_is_reached_from(ask, database, owner, other):
    await factories.dataset(database, owner.id)
    answer = await ask(f"{{ datasets {{ nodes {{ user {{ {PRIVATE} }} }} }} }}", viewer=other)
    assert answer["datasets"]["nodes"] == [{"user": dict.fromkeys(PRIVATE.split())}]


async def test_what_a_suspended_account_made_stays_without_its_name(ask, database, suspended, other):
    await factories.dataset(database, suspended.id)
    document = "query ($id: ID!) { user(id: $id) { id } datasets { nodes { name user { username } } } }"
    answer = await ask(document, viewer=other, id=ids.encode(suspended))
    assert answer == {"user": None, "datasets": {"nodes": [{"name": "Village", "user": None}]}}
    assert answer.codes == ["NOT_FOUND"]
