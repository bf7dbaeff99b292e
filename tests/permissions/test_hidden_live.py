"""Whom one must not see is received nowhere: in no event that comes, and in none that is told again.

Every subscription that the schema declares is listened to, asked for all it can say. The hidden do what makes people
received before they are hidden, and all of it once more thereafter, with the rights of those whom nobody refuses. Then
others do the same, and once these are received there is nothing more to come of the hidden.
"""

import json
from functools import partial

import pytest

from app.events.signals import Signals
from tests import factories
from tests.fixtures import Person
from tests.permissions.everything import lift_limits
from tests.permissions.hidden import MARK, marks_of, seen
from tests.permissions.hiding import blocked, blocking, deleted, muted, suspended
from tests.permissions.listening import DEEDS, SAID_OF_THEM, Couple, Listener, begin_typing, do, stage, take_back
from tests.permissions.matrix import CORE
from tests.system.clients import connected

LAST = "quillon"
"""What is in the names of those who are received last, and in all that they say."""
OF_WORK = {
    "trainingUpdated",
    "predictionUpdated",
    "inspectionUpdated",
    "aiClassificationJobUpdated",
    "mediaReadingUpdated",
    "workUpdated",
}
NAMELESS = {"bannerChanged", "tableReadingUpdated", "wildlifeImportUpdated", "wildlifeExportUpdated"}
"""What names nobody."""
OF_POSTS = {"feedUpdated(scope: EVERYONE)", "feedUpdated(scope: FRIENDS)"}
FROM_THE_MUTED = OF_POSTS | {"notificationReceived", "typing"}
"""Where they are not received; what was notified before stays, and they may write and ask as before."""


async def nobody(database, viewer, hidden):
    """All are seen, and so received by these means."""


@pytest.fixture
def couple(database, other):
    """A friend of the viewer's and somebody else, by the names of whom they may be known."""

    async def couple(word, said_of_them) -> Couple:
        made = [await factories.user(database, f"{word}_{name}") for name in ("friend", "asking")]
        friend, asking = (Person(each.user, each.token) for each in made)
        await factories.befriend(database, other.id, friend.id)
        return Couple(word, friend, asking, said_of_them)

    return couple


@pytest.fixture
async def on(database, redis_url, other, couple):
    """The stage, on which one watches the work of whom one is not to see."""
    signals = Signals(redis_url)
    yield await stage(database, signals, other, await couple(MARK, SAID_OF_THEM))
    await signals.stop()


@pytest.fixture(autouse=True)
def unlimited(monkeypatch):
    lift_limits(monkeypatch)


def test_there_is_something_to_do_for_every_subscription():
    assert DEEDS.keys() == CORE.subscription_type.fields.keys()


@pytest.mark.parametrize("hide", [nobody, muted, blocked, blocking, suspended, deleted])
async def test_whom_one_must_not_see_is_received_in_no_event(live, database, redis_url, couple, owner, other, on, hide):
    last, hidden = await couple(LAST, LAST), (on.hidden.friend, on.hidden.asking)
    here = await factories.cursor_of_now(database)
    await do(on, on.hidden, *(["feedUpdated"] if hide is muted else DEEDS))
    marks = await marks_of(database, hidden)
    await hide(database, other, hidden)
    async with connected(live, other) as client, connected(live, other) as coming_back:
        present, later = Listener(client, on), Listener(coming_back, on)
        await present.begin(here)
        await present.until({"typing"}, "owner", partial(begin_typing, on, owner))
        await do(on, on.hidden)
        await do(on, last)
        await present.until(set(present.received), LAST, partial(begin_typing, on, last.friend))
        await later.begin(here)
        await later.until(set(later.received), LAST, partial(begin_typing, on, last.friend))
        marks |= await marks_of(database, hidden)
        await take_back(on)
        await present.until(OF_POSTS, "DELETED", partial(begin_typing, on, last.friend))
    named = present.received.keys() - NAMELESS
    expected = {nobody: named, muted: named - FROM_THE_MUTED}.get(hide, set())
    assert {name for name, told in present.received.items() if seen(told, marks)} == expected
    assert {name for name, told in later.received.items() if seen(told, marks)} == expected - {"typing"}
    for name in OF_WORK | NAMELESS:
        assert SAID_OF_THEM in json.dumps(present.received[name])
