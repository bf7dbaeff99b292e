"""Subscriptions of the whole API, over real sockets: what a client misses comes first when it comes again."""

import asyncio

import pytest
from sqlalchemy import delete, update

from app import events
from app.events.dispatcher import EventDispatcher
from app.main import build
from app.models.accounts import Session
from app.models.mapping.predictions import Prediction
from app.models.mapping.trainings import Training, TrainingStatus
from app.policies import Viewer
from app.services import viewers
from app.services.mapping.trainings import lifecycle
from app.services.mapping.trainings import progress as progress_service
from app.services.system import jobs, notifications
from app.services.system.jobs import Progress
from app.settings import settings
from jobs.run import JobRun
from resolvers.ids import encode
from tests import factories
from tests.servers import serving
from tests.system.clients import connected

TRAINING = """
subscription ($id: ID!, $after: String) {
  trainingUpdated(trainingId: $id, after: $after) {
    cursor status progress epoch { number } training { status accuracy }
  }
}
"""
NOTIFICATION = """
subscription ($after: String) { notificationReceived(after: $after) { cursor notification { message } } }
"""
PREDICTION = """
subscription ($id: ID!) { predictionUpdated(predictionId: $id) { status progress prediction { published } } }
"""


@pytest.fixture
async def here(database, redis_url, training):
    """The cursor of what has happened so far."""
    return await factories.cursor_of_now(database)


@pytest.fixture
async def run(database, training):
    """The training in a worker's hands."""
    async with database.writing() as session:
        claim = await jobs.begin(session, training.job_id)
    return JobRun(database, claim, asyncio.Event())


async def begin(run):
    async with run.writing() as session:
        await lifecycle.begin_training(session, run.claim.subject_id)


async def epoch(run, number):
    losses = {"loss": 0.5, "validation_loss": None, "validation_iou": 0.5, "seconds": 1.0}
    progress = Progress(number / 10, "training", f"Epoch {number}.")
    topic = progress_service.topic_of(Training, run.claim.subject_id)
    await run.report(progress, topic=topic, epoch={"number": number, **losses})


async def finish(run):
    async with run.ending() as session:
        await lifecycle.finish_training(session, run.claim.subject_id, factories.FIGURES, [])


def epochs(said):
    return [event["epoch"]["number"] for event in said if event["epoch"]]


async def test_a_training_is_told_from_how_it_stands_to_its_end(live, training, run):
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        first = await client.next()
        assert (first["status"], first["training"]["status"]) == ("SUBMITTED", "SUBMITTED")
        await begin(run)
        assert (await client.next())["status"] == "RUNNING"
        await epoch(run, 1)
        told = await client.next()
        assert (told["status"], told["progress"], told["epoch"]["number"]) == (None, 0.1, 1)
        await finish(run)
        last = await client.next()
        assert (last["status"], last["training"]) == ("FINISHED", {"status": "FINISHED", "accuracy": 62.5})
        assert await client.is_complete()


async def test_what_a_client_misses_comes_first_when_it_comes_again(live, training, run):
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        await client.next()
        await begin(run)
        await client.next()
        await epoch(run, 1)
        cursor = (await client.next())["cursor"]
    await epoch(run, 2)
    await epoch(run, 3)
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training), after=cursor)
        said = [await client.next(), await client.next()]
        await epoch(run, 4)
        said.append(await client.next())
        assert epochs(said) == [2, 3, 4]
        await finish(run)
        assert (await client.next())["status"] == "FINISHED"
        assert await client.is_complete()


async def test_a_cursor_outlives_the_api(database_url, redis_url, training, run):
    with serving(build().app) as old:
        async with connected(old) as client:
            await client.subscribe(TRAINING, id=encode(training))
            await client.next()
            await begin(run)
            cursor = (await client.next())["cursor"]
    await epoch(run, 1)
    with serving(build().app) as new:
        await epoch(run, 2)
        async with connected(new) as client:
            await client.subscribe(TRAINING, id=encode(training), after=cursor)
            assert epochs([await client.next(), await client.next()]) == [1, 2]


async def test_a_training_that_has_ended_is_told_from_the_cursor_to_its_end(live, training, run):
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        cursor = (await client.next())["cursor"]
    await begin(run)
    await epoch(run, 1)
    await finish(run)
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training), after=cursor)
        assert [(await client.next())["status"] for _ in range(3)] == ["RUNNING", None, "FINISHED"]
        assert await client.is_complete()
        await client.subscribe(TRAINING, id=encode(training))
        last = await client.next()
        assert last["status"] == "FINISHED"
        assert await client.is_complete()
        await client.subscribe(TRAINING, id=encode(training), after=last["cursor"])
        assert await client.is_complete()


async def test_a_training_that_ends_while_it_is_subscribed_to_completes(live, training, run, monkeypatch):
    await begin(run)
    loop, now = asyncio.get_running_loop(), EventDispatcher.now

    async def now_and_then_the_end(feed):
        place = await now(feed)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(finish(run), loop))
        return place

    monkeypatch.setattr(EventDispatcher, "now", now_and_then_the_end)
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        assert (await client.next())["status"] == "FINISHED"
        assert (await client.next())["status"] == "FINISHED"
        assert await client.is_complete()


async def test_a_cancelled_training_completes_its_subscriptions(live, database, training, owner):
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        await client.next()
        async with database.writing() as session:
            await lifecycle.cancel_training(session, Viewer(owner.id), training_id=training.id)
        assert (await client.next())["status"] == "FAILED"
        assert await client.is_complete()


@pytest.mark.parametrize("after", ["", "x", "курсор", "LTEuMQ", "OTk5OTk5OTk5OTk5OTk5LjE", "9" * 5_000])
async def test_a_malformed_cursor_ends_the_subscription_and_not_the_socket(live, training, after):
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training), after=after)
        assert await client.refused() == "BAD_REQUEST"
        await client.settled()
        await client.subscribe(TRAINING, id=encode(training))
        assert (await client.next())["status"] == "SUBMITTED"


async def test_too_much_to_replay_is_refused(live, training, run, monkeypatch):
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training))
        cursor = (await client.next())["cursor"]
    for number in range(1, 4):
        await epoch(run, number)
    monkeypatch.setattr(settings, "replay_events_max", 2)
    async with connected(live) as client:
        await client.subscribe(TRAINING, id=encode(training), after=cursor)
        assert await client.refused() == "LIMIT_REACHED"


async def test_nothing_is_told_of_a_training_that_is_not_there(live, owner, training):
    async with connected(live, owner) as client:
        await client.subscribe(TRAINING, id=encode(owner.user))
        assert await client.refused() == "NOT_FOUND"


async def tell(database, person, message, about):
    [told] = await factories.notify(database, person, message, about=about)
    return told


async def test_without_a_cursor_notifications_begin_with_what_comes_from_now_on(live, database, owner, training):
    await tell(database, owner, "Before.", training)
    async with connected(live, owner) as client:
        await client.subscribe(NOTIFICATION)
        received = asyncio.create_task(client.next())
        while not received.done():
            await tell(database, owner, "After.", training)
            await asyncio.wait({received}, timeout=0.1)
        assert (await received)["notification"] == {"message": "After."}


async def test_everybody_receives_only_their_own_notifications(live, database, owner, other, training, here):
    async with connected(live, owner) as client:
        await client.subscribe(NOTIFICATION, after=here)
        await tell(database, other, "For the other.", training)
        await tell(database, owner, "For the owner.", training)
        assert (await client.next())["notification"] == {"message": "For the owner."}


async def test_missed_notifications_come_first_and_never_another_persons(live, database, owner, other, training, here):
    async with connected(live, owner) as client:
        await client.subscribe(NOTIFICATION, after=here)
        await tell(database, owner, "One.", training)
        cursor = (await client.next())["cursor"]
    for person, message in ((owner, "Two."), (other, "Not yours."), (owner, "Three.")):
        await tell(database, person, message, training)
    async with connected(live, owner) as client:
        await client.subscribe(NOTIFICATION, after=cursor)
        messages = [(await client.next())["notification"]["message"] for _ in range(2)]
        await tell(database, owner, "Four.", training)
        messages.append((await client.next())["notification"]["message"])
    assert messages == ["Two.", "Three.", "Four."]


async def test_a_strangers_notifications_are_refused(live, owner):
    async with connected(live) as client:
        await client.subscribe(NOTIFICATION)
        assert await client.refused() == "UNAUTHENTICATED"


async def test_an_event_about_what_one_may_not_see_shows_nothing_of_it(live, database, owner, other, training, here):
    async with connected(live, owner) as client:
        await client.subscribe(NOTIFICATION, after=here)
        foreign = await tell(database, other, "Not yours.", training)
        async with database.writing() as session:
            events.record(session, notifications.topic(owner.id), {"notification": foreign.id})
        assert (await client.next())["notification"] is None


async def test_permission_is_asked_at_every_event(live, database, owner, other, training):
    prediction = await factories.prediction(database, training, published=True)
    topic = progress_service.topic_of(Prediction, prediction.id)

    async def change(**values):
        async with database.writing() as session:
            await session.execute(update(Prediction).values(**values))
            events.record(session, topic, {"status": "RUNNING"})

    async with connected(live, other) as client, connected(live, owner) as owners:
        for each in (client, owners):
            await each.subscribe(PREDICTION, id=encode(prediction))
            assert (await each.next())["prediction"] == {"published": True}
        await change(status=TrainingStatus.RUNNING)
        assert (await client.next())["status"] == (await owners.next())["status"] == "RUNNING"
        await change(published=False)
        assert await client.refused() == "NOT_FOUND"
        assert (await owners.next())["prediction"] == {"published": False}


async def test_a_session_that_is_revoked_closes_its_sockets(database_url, redis_url, database, owner, monkeypatch):
    monkeypatch.setattr(settings, "socket_token_check_s", 600)
    with serving(build().app) as live:
        async with connected(live, owner) as client:
            await client.subscribe(NOTIFICATION)
            async with database.writing() as session:
                await session.execute(delete(Session).where(Session.user_id == owner.id))
                viewers.invalidate(session, owner.id)
            assert await client.closed() == 4403
