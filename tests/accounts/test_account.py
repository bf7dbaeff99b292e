"""What people change about their own account, and what others see of it."""

import pytest
from sqlalchemy import select

from app.models.accounts import User
from app.models.system import AuditEntry
from resolvers import ids
from tests import factories

PRIVATE = """email emailVerified lastLogin newsletterSubscription notificationsDeliveryMethods
    accountDeletionRequested accountDeletionDueAt preferences { timeFormat }"""
PREFERENCES = "timeFormat dateFormat dateSeparator datetimeSeparator decimalSeparator"


async def test_what_is_given_changes_and_the_rest_stays(change, database, owner):
    fields = "username firstName lastName userProfile newsletterSubscription notificationsDeliveryMethods"
    first = {
        "username": "mapper",
        "firstName": " Ann ",
        "lastName": "Smith",
        "userProfile": "Roofs,\nmostly.",
        "newsletterSubscription": True,
        "notificationsDeliveryMethods": ["EMAIL", "WEB", "EMAIL"],
    }
    changed = await change("updateAccount", fields, viewer=owner, **first)
    made = {"firstName": "Ann", "notificationsDeliveryMethods": ["EMAIL", "WEB"]}
    assert (first | made).items() <= changed.items()
    again = await change("updateAccount", fields, viewer=owner, userProfile=None, firstName=None)
    assert again == changed | {"userProfile": None, "firstName": ""}
    assert await change("updateAccount", fields, viewer=owner) == again
    async with database.reading() as session:
        entries = (await session.scalars(select(AuditEntry.details).order_by(AuditEntry.id))).all()
    assert entries[1:] == [{"changed": ["first_name", "user_profile"]}, {"changed": []}]
    assert "Roofs" not in str(entries)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", ""),
        ("username", "x" * 151),
        ("username", "two\nlines"),
        ("username", "Deleted-7"),
        ("firstName", "x" * 151),
        ("lastName", "\u0007"),
        ("userProfile", "x" * 4_001),
    ],
)
async def test_a_wrong_value_is_named(refuse, owner, field, value):
    refused = await refuse("updateAccount", viewer=owner, **{"newsletterSubscription": True, field: value})
    assert (refused["code"], refused["field"]) == ("INVALID_INPUT", field)


async def test_another_username_is_taken_in_capitals_or_not(refuse, owner, other):
    refused = await refuse("updateAccount", viewer=owner, username="OTHER")
    assert (refused["code"], refused["message"]) == ("CONFLICT", "This username is taken.")


async def test_the_address_is_not_changed_without_a_mail(ask, owner):
    document = 'mutation { updateAccount(input: {email: "new@example.org"}) { __typename } }'
    assert (await ask(document, viewer=owner)).codes == ["BAD_REQUEST"]


async def test_preferences_are_those_of_the_house_until_they_are_changed(ask, owner):
    document = f"{{ me {{ preferences {{ {PREFERENCES} }} }} }}"
    usual = {
        "timeFormat": "H24",
        "dateFormat": "DMY",
        "dateSeparator": "SLASH",
        "datetimeSeparator": "SPACE",
        "decimalSeparator": "COMMA",
    }
    assert (await ask(document, viewer=owner))["me"]["preferences"] == usual
    update = f"mutation ($input: UpdatePreferencesInput!) {{ updatePreferences(input: $input) {{ {PREFERENCES} }} }}"
    own = {"dateFormat": "YMD", "dateSeparator": "HYPHEN"}
    assert (await ask(update, viewer=owner, input=own))["updatePreferences"] == usual | own
    more = {"timeFormat": "H12", "datetimeSeparator": "T", "decimalSeparator": "POINT"}
    assert (await ask(update, viewer=owner, input=more))["updatePreferences"] == usual | own | more
    assert (await ask(document, viewer=owner))["me"]["preferences"] == usual | own | more


async def test_a_stranger_changes_nothing(ask, refuse, unchanged, owner):
    assert (await refuse("updateAccount", username="x"))["code"] == "UNAUTHENTICATED"
    async with unchanged():
        answer = await ask("mutation { updatePreferences(input: {timeFormat: H12}) { timeFormat } }")
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_others_read_what_somebody_writes_of_themselves_and_nothing_private(ask, change, owner, other, staff):
    await change("updateAccount", viewer=owner, userProfile="Roofs.")
    document = f"query ($id: ID!) {{ user(id: $id) {{ userProfile {PRIVATE} }} }}"
    for viewer in (None, other):
        shown = (await ask(document, viewer=viewer, id=ids.encode(owner.user)))["user"]
        assert shown.pop("userProfile") == "Roofs."
        assert set(shown.values()) == {None}
    shown = (await ask(document, viewer=staff, id=ids.encode(owner.user)))["user"]
    assert (shown["email"], shown["preferences"]) == ("owner@fieldgraph.test", {"timeFormat": "H24"})


async def test_an_account_made_without_an_address_has_preferences_too(ask, database):
    made = await factories.add(database, User(username="osm"))
    document = "query ($id: ID!) { user(id: $id) { username preferences { timeFormat } } }"
    assert (await ask(document, id=ids.encode(made)))["user"] == {"username": "osm", "preferences": None}
