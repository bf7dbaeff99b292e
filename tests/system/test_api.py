"""What clients ask of jobs and notifications, and of anything by its id."""

import base64

import pytest

from app.models.kinds.mapping import MappingJob
from app.models.system import JobState
from app.settings import settings
from resolvers.ids import encode
from tests import factories

NOTIFICATIONS = """
query ($first: Int, $after: String, $isRead: Boolean) {
  notifications(first: $first, after: $after, isRead: $isRead) {
    nodes { id message isRead readAt training { id } subject { __typename id } user { username } }
    pageInfo { hasNextPage endCursor } totalCount
  }
}
"""
MARK = "mutation ($ids: [ID!]!) { markNotificationsRead(input: {ids: $ids}) { id isRead readAt } }"
NODE = "query ($id: ID!) { node(id: $id) { __typename id } }"
NODES = "query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
TRAINING = "query ($id: ID!) { node(id: $id) { ... on Training { job { %s } } } }"


@pytest.fixture
async def dataset(database, owner):
    return await factories.dataset(database, owner.id)


@pytest.fixture
async def training(database, dataset):
    return await factories.training(database, await factories.model(database, dataset))


@pytest.fixture
def notify(database, training):
    """Tells somebody something about the training."""

    async def notify(person, *messages, about=training):
        return await factories.notify(database, person, *messages, about=about)

    return notify


def asked(statements):
    """Those sent for requests, and not to follow the events."""
    return [statement for statement in statements if "FROM events" not in statement]


def messages(answer):
    return [node["message"] for node in answer["notifications"]["nodes"]]


async def test_notifications_are_ones_own_and_the_newest_come_first(ask, owner, other, notify, training):
    await notify(owner, "One.", "Two.")
    await notify(other, "Not yours.")
    await notify(owner, "Three.")
    answer = await ask(NOTIFICATIONS, viewer=owner)
    assert messages(answer) == ["Three.", "Two.", "One."]
    assert answer["notifications"]["totalCount"] == 3
    first = answer["notifications"]["nodes"][0]
    assert (first["isRead"], first["readAt"], first["user"]) == (False, None, {"username": "owner"})
    assert first["training"] == {"id": encode(training)}
    assert first["subject"] == {"__typename": "Training", "id": encode(training)}


async def test_staff_see_their_own_notifications_alone(ask, owner, staff, notify):
    await notify(owner, "One.")
    assert messages(await ask(NOTIFICATIONS, viewer=staff)) == []


async def test_strangers_have_no_notifications(ask):
    answer = await ask(NOTIFICATIONS)
    assert answer.codes == ["UNAUTHENTICATED"]


async def test_notifications_come_in_pages(ask, owner, notify):
    await notify(owner, *(f"{number}." for number in range(5)))
    seen, after = [], None
    for more in (True, True, False):
        page = await ask(NOTIFICATIONS, viewer=owner, first=2, after=after)
        seen += messages(page)
        assert page["notifications"]["pageInfo"]["hasNextPage"] is more
        after = page["notifications"]["pageInfo"]["endCursor"]
    assert seen == ["4.", "3.", "2.", "1.", "0."]


async def test_a_notification_shows_nothing_that_one_may_not_see(ask, database, other, training, notify):
    prediction = await factories.prediction(database, training)
    await notify(other, "Somebody predicts.", about=prediction)
    [node] = (await ask(NOTIFICATIONS, viewer=other))["notifications"]["nodes"]
    assert (node["message"], node["subject"], node["training"]) == ("Somebody predicts.", None, None)


async def test_notifications_are_marked_as_read_once(ask, owner, notify):
    one, two, three = await notify(owner, "One.", "Two.", "Three.")
    marked = (await ask(MARK, viewer=owner, ids=[encode(two), encode(one)]))["markNotificationsRead"]
    assert [node["id"] for node in marked] == [encode(two), encode(one)]
    assert all(node["isRead"] and node["readAt"] for node in marked)
    again = (await ask(MARK, viewer=owner, ids=[encode(three), encode(one)]))["markNotificationsRead"]
    assert again[1] == marked[1]
    assert messages(await ask(NOTIFICATIONS, viewer=owner, isRead=False)) == []
    assert messages(await ask(NOTIFICATIONS, viewer=owner, isRead=True)) == ["Three.", "Two.", "One."]


async def test_what_is_read_and_what_is_not_can_be_listed_apart(ask, owner, notify):
    one, _ = await notify(owner, "One.", "Two.")
    await ask(MARK, viewer=owner, ids=[encode(one)])
    assert messages(await ask(NOTIFICATIONS, viewer=owner, isRead=True)) == ["One."]
    assert messages(await ask(NOTIFICATIONS, viewer=owner, isRead=False)) == ["Two."]


async def test_who_marks_a_foreign_notification_changes_nothing(ask, owner, other, notify, unchanged):
    [mine] = await notify(owner, "One.")
    [foreign] = await notify(other, "Not yours.")
    async with unchanged():
        answer = await ask(MARK, viewer=owner, ids=[encode(mine), encode(foreign)])
        assert answer.codes == ["NOT_FOUND"]


async def test_a_stranger_marks_nothing(ask, owner, notify, unchanged):
    [foreign] = await notify(owner, "One.")
    async with unchanged():
        assert (await ask(MARK, ids=[encode(foreign)])).codes == ["UNAUTHENTICATED"]


async def test_ids_of_other_things_mark_nothing(ask, owner, notify, training, unchanged):
    [mine] = await notify(owner, "One.")
    async with unchanged():
        answer = await ask(MARK, viewer=owner, ids=[encode(mine), encode(training)])
        assert answer.codes == ["NOT_FOUND"]


async def test_no_more_are_marked_than_fit_a_page(ask, owner, notify, unchanged, monkeypatch):
    monkeypatch.setattr(settings, "nodes_max", 1)
    told = await notify(owner, "One.", "Two.")
    async with unchanged():
        answer = await ask(MARK, viewer=owner, ids=[encode(each) for each in told])
        assert answer.codes == ["BAD_REQUEST"]


async def test_marking_many_takes_no_more_statements_than_marking_one(ask, owner, notify, statements):
    async def count(*told):
        statements.clear()
        answer = await ask(MARK, viewer=owner, ids=[encode(each) for each in told])
        assert len(answer["markNotificationsRead"]) == len(told)
        return len(asked(statements))

    first, one, *many = await notify(owner, *(f"{number}." for number in range(20)))
    await count(first)  # and who asks is known from now on
    assert await count(one) == await count(*many)


def id_of(text):
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def test_anything_shown_can_be_found_by_its_id(ask, owner, dataset, training, notify):
    [told] = await notify(owner, "One.")
    for row in (dataset, training, told, owner.user):
        answer = await ask(NODE, viewer=owner, id=encode(row))
        assert answer == {"node": {"__typename": type(row).__name__, "id": encode(row)}}


MALFORMED = {
    "nothing": "",
    "garbage": "%%%",
    "another script": "набор",
    "no key": id_of("Dataset"),
    "an empty key": id_of("Dataset:"),
    "a name for a key": id_of("Dataset:one"),
    "zero": id_of("Dataset:0"),
    "a negative key": id_of("Dataset:-1"),
    "a padded key": id_of("Dataset:01"),
    "a key in another script": id_of("Dataset:\u0661"),
    "a key beyond all keys": id_of(f"Dataset:{2**63}"),
    "an endless key": id_of("Dataset:" + "9" * 5_000),
    "a type not set of": id_of("Unicorn:1"),
    "a table that is not shown": id_of("Session:1"),
    "a dataset that is not there": id_of(f"Dataset:{2**63 - 1}"),
}


@pytest.mark.parametrize("id", MALFORMED.values(), ids=MALFORMED)
async def test_an_id_of_nothing_finds_nothing_and_spoils_nothing(ask, owner, dataset, id):
    answer = await ask(NODE, viewer=owner, id=id)
    assert (answer, answer.codes) == ({"node": None}, ["NOT_FOUND"])
    answer = await ask(NODES, viewer=owner, ids=[encode(dataset), id])
    assert answer == {"nodes": [{"__typename": "Dataset", "id": encode(dataset)}, None]}
    assert answer.codes == ["NOT_FOUND"]
    assert answer.errors[0]["path"] == ["nodes", 1]


async def test_what_one_may_not_see_is_not_found(ask, owner, other, notify):
    [told] = await notify(owner, "One.")
    for viewer in (other, None):
        answer = await ask(NODE, viewer=viewer, id=encode(told))
        assert (answer, answer.codes) == ({"node": None}, ["NOT_FOUND"])


async def test_an_id_of_another_type_is_not_found_where_a_type_is_asked_for(ask, owner, training):
    answer = await ask("query ($id: ID!) { dataset(id: $id) { id } }", viewer=owner, id=encode(training))
    assert answer.codes == ["NOT_FOUND"]


async def test_many_are_found_in_the_order_they_were_asked_for(ask, owner, dataset, training, notify, statements):
    told = await notify(owner, "One.", "Two.")
    wanted = [encode(row) for row in (told[1], training, dataset, told[0], training)]
    statements.clear()
    answer = await ask(NODES, viewer=owner, ids=wanted)
    assert [node["id"] for node in answer["nodes"]] == wanted
    # One read for each kind of thing, besides the one that finds out who asks.
    assert len(asked(statements)) == 4
    assert (await ask(NODES, viewer=owner, ids=[])) == {"nodes": []}


async def test_no_more_are_found_at_once_than_the_limit(ask, owner, dataset):
    answer = await ask(NODES, viewer=owner, ids=[encode(dataset)] * (settings.nodes_max + 1))
    assert answer.codes == ["BAD_REQUEST"]


async def test_a_job_shows_how_far_it_is_and_why_it_failed(ask, owner, database, dataset):
    job = await factories.job(
        database,
        kind=MappingJob.TRAIN,
        user_id=owner.id,
        state=JobState.FAILED,
        attempt=3,
        progress=0.5,
        error="The worker stopped in the middle of attempt 3.",
    )
    training = await factories.training(database, await factories.model(database, dataset), job_id=job.id)
    answer = await ask(TRAINING % "state attempt attemptsMax progress error", viewer=owner, id=encode(training))
    assert answer["node"]["job"] == {
        "state": "FAILED",
        "attempt": 3,
        "attemptsMax": 3,
        "progress": 0.5,
        "error": "The worker stopped in the middle of attempt 3.",
    }
