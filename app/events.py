"""What happened, in order: written with the change, read by subscriptions, resumable by cursor.

The table is the truth; Redis only wakes its readers. A position is (xid, id): events are read in that order up to the
oldest transaction still open in this database (see `app.watermark`), so that one which commits late is never overtaken
(an id alone lost 1 186 of 2 000 events under 20 concurrent writers).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from math import inf
from time import monotonic
from typing import Generic, Protocol, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import ColumnElement, Interval, and_, exists, func, literal, select, text, tuple_
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession

from app import epochs, watermark
from app.audience import Audience, FellBehind, Happening
from app.errors import Busy, LimitReached
from app.models.base import Json
from app.models.system import Event
from app.positions import CursorOutdated, NotACursor, Position, order
from app.redis_client import heard
from app.settings import settings
from app.supervision import Background, Outage
from app.watermark import NOT_BEGUN, OLDEST_OPEN

E = TypeVar("E")

log = structlog.get_logger()
CHANNEL = "fieldgraph:events"
POLL_S = 1.0
BATCH = 1_000
SETTLE_S = 0.05
EPOCH_LOOK_S = 10.0


def record(session: AsyncSession, topic: str, payload: Json | None = None) -> None:
    """Notes what happens in this transaction; its readers are woken after the commit."""
    session.add(Event(topic=topic, payload=payload or {}))
    session.info["events"] = True


def taken_from(session: AsyncSession) -> bool:
    """Whether a transaction noted anything, once."""
    return bool(session.info.pop("events", False))


async def wake(redis: Redis) -> None:
    """Wakes the readers of every process. Lost wake-ups cost `POLL_S`."""
    try:
        await redis.publish(CHANNEL, b"")
    except (RedisError, OSError) as error:
        log.warning("wake-up lost", error=str(error))


async def forgotten(session: AsyncSession) -> ColumnElement[bool]:
    """Which events may go: the old ones, except for the last of them, which bears witness that there were some."""
    last = select(Event.id).where(_is_old()).order_by(Event.xid.desc(), Event.id.desc()).limit(1)
    return and_(_is_old(), Event.id != (await session.scalar(last) or 0))


def _is_old() -> ColumnElement[bool]:
    return Event.created_at < func.now() - literal(timedelta(days=settings.events_kept_days), Interval)


_place = tuple_(Event.xid, Event.id)
_oldest_open = text(OLDEST_OPEN)
_not_begun = text(NOT_BEGUN)


class Feed:
    """The events of one process: read once from the table, handed to every subscription they concern."""

    def __init__(self, engine: AsyncEngine, redis_url: str) -> None:
        self._engine = engine
        self._redis_url = redis_url
        self._position = Position(0, 0)
        self._lag_seen = monotonic()
        self._audience = Audience()
        self._woken = asyncio.Event()
        self.background = [Background("event wake-ups", self._listen), Background("event feed", self._distribute)]

    async def start(self) -> None:
        """Begins with what happens from now on."""
        order.epoch = await self._established()
        self._position = await self.now()
        for task in self.background:
            task.start()

    async def stop(self) -> None:
        """Ends every subscription where it stands."""
        await asyncio.gather(*(task.stop() for task in self.background))
        self._audience.end()

    async def now(self) -> Position:
        """The place before which nothing can happen any more."""
        oldest_open, _ = await self._horizon()
        # What was read is over, also when the horizon cannot be seen as far for a moment.
        return max(Position(oldest_open - 1, 2**63 - 1), self._position)

    async def beginning(self, after: str | None) -> Position:
        """Where a subscription begins: after its cursor, or now."""
        return await self.now() if after is None else Position.parse(after)

    async def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Callable[[Position], bool] = lambda _: False
    ) -> AsyncGenerator[Happening, None]:
        """Everything on a topic after a place, first from the table, then live; each event once, in order.

        Whoever falls behind what happens live reads on in the table. Without `live` it ends with what has happened by
        now. With it, `until` is asked each time that all which is known has been told, and ends it, too.
        """
        with self._audience.reader(topic) as reader:  # before replaying, so that nothing falls between the two
            if not live:
                await self._settle()
            is_behind = True
            while is_behind:
                is_behind = False
                reader.begin_anew()
                for missed in await self._replay(topic, after):
                    after = missed.position
                    yield missed
                try:
                    while live and not until(after) and (news := await reader.get()) is not None:
                        if news.position > after:
                            after = news.position
                            yield news
                except FellBehind:
                    is_behind = True

    def cursor(self, position: Position) -> str | None:
        """The cursor as clients see it."""
        return position.cursor

    async def _settle(self) -> None:
        """Waits until every transaction that is open now has ended, and so until all that happened can be read."""
        oldest_open, end = await self._horizon()
        while oldest_open < end:
            await asyncio.sleep(SETTLE_S)
            oldest_open, _ = await self._horizon()

    async def _horizon(self) -> tuple[int, int]:
        """The oldest transaction still open, and the first that has not begun."""
        async with self._connected() as connection:
            oldest_open, end = (await connection.execute(select(_oldest_open, _not_begun))).one()
        return int(oldest_open), int(end)

    async def _replay(self, topic: str, after: Position) -> list[Happening]:
        """What was missed on a topic; refuses a place that is none, or from which not everything can be told."""
        most, days = settings.replay_events_max, settings.events_kept_days
        missed = await self._read(after, most + 1, topic)
        if len(missed) > most:
            raise LimitReached("Too many events happened since this cursor. Subscribe without `after`.", limit=most)
        # Asked after reading: what is forgotten in between would be missing.
        forgotten = exists().where(_is_old(), _place > tuple_(*after))
        async with self._connected() as connection:
            not_begun, is_too_old = (await connection.execute(select(_not_begun, forgotten))).one()
        if after.xid >= not_begun:
            raise NotACursor
        if is_too_old:
            raise LimitReached(
                f"This cursor is too old: events are kept for {days} days. Subscribe without `after`.", limit=days
            )
        return missed

    async def _read(self, after: Position, limit: int, topic: str | None = None) -> list[Happening]:
        statement = (
            select(Event.xid, Event.id, Event.topic, Event.payload)
            .where(_place > tuple_(*after), Event.xid < _oldest_open)
            .order_by(Event.xid, Event.id)
            .limit(limit)
        )
        if topic is not None:
            statement = statement.where(Event.topic == topic)
        async with self._connected() as connection:
            rows = (await connection.execute(statement)).all()
        return [Happening(Position(xid, id), topic, payload) for xid, id, topic, payload in rows]

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection for one question."""
        try:
            async with self._engine.connect() as connection:
                yield connection
        except (OperationalError, PoolTimeout) as error:
            raise Busy from error

    async def _distribute(self, task: Background) -> None:
        """Reads on from where it stood, also after it failed, and asks now and then whether that is still a place."""
        seen = -inf
        while True:
            if monotonic() - seen > EPOCH_LOOK_S:
                await self._follow_epoch()
                seen = monotonic()
            await self._hand_out()
            await self._tell_of_holder()
            task.well()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), POLL_S)
            self._woken.clear()

    async def _hand_out(self) -> None:
        while happenings := await self._read(self._position, BATCH):
            for happening in happenings:
                self._audience.tell(happening)
            self._position = happenings[-1].position

    async def _follow_epoch(self) -> None:
        """Begins anew where events have another order than before; whoever listens has to, too."""
        number = await self._established()
        if number != order.epoch:
            order.epoch, self._position = number, Position(0, 0)
            self._position = await self.now()
            self._audience.end(CursorOutdated())

    async def _established(self) -> int:
        try:
            return await epochs.establish(self._engine)
        except (OperationalError, PoolTimeout) as error:
            raise Busy from error

    async def _tell_of_holder(self) -> None:
        """Says in the log which transaction all readers wait for, if they have waited for long."""
        if monotonic() - self._lag_seen < settings.event_lag_s_max:
            return
        self._lag_seen = monotonic()
        async with self._connected() as connection:
            lag_s = await watermark.lag_s(connection)
        if lag_s > settings.event_lag_s_max:
            async with self._connected() as connection:
                holder = await watermark.holder(connection)
            log.warning("events wait for an open transaction", lag_s=round(lag_s, 1), holder=str(holder or "unknown"))

    async def _listen(self, task: Background) -> None:
        """Turns Redis's messages into wake-ups; while it is away, `_distribute` polls."""
        async with aclosing(heard(self._redis_url, CHANNEL, task.well)) as messages:
            async for _ in messages:
                self._woken.set()


class Source(Protocol):
    """Where a stream's events come from."""

    def follow(
        self, topic: str, after: Position, *, live: bool = True, until: Callable[[Position], bool] = ...
    ) -> AsyncGenerator[Happening, None]:
        """As `Feed.follow`."""

    def cursor(self, position: Position) -> str | None:
        """What clients resume with after this place; None where nothing is kept to resume with."""


@dataclass(frozen=True)
class SourceStream(AsyncIterable[tuple[Position, E]], Generic[E]):
    """What a subscription tells, in a form that those who ask the same can share; GraphQL's source stream.

    `event` reads what there is to say of a happening; None leaves it out. Its topic and its events may depend on every
    argument of the subscription but `after`, which names the place to begin. `first` is told at that place; after the
    event of which `is_last` holds it ends, and, if it is not `is_live`, after what has happened by now.
    """

    source: Source
    topic: str
    start: Position
    event: Callable[[Happening], Awaitable[E | None]]
    first: E | None = None
    is_resumed: bool = False
    is_live: bool = True
    is_last: Callable[[E], bool] = lambda _: False

    @classmethod
    async def since(
        cls, after: str | None, feed: Feed, topic: str, event: Callable[[Happening], Awaitable[E | None]]
    ) -> "SourceStream[E]":
        """What happened after a cursor, and then what happens; without one, what happens from now on."""
        return cls(feed, topic, await feed.beginning(after), event, is_resumed=after is not None)

    def __aiter__(self) -> AsyncIterator[tuple[Position, E]]:
        return self.values(lambda _: False)

    async def values(self, until: Callable[[Position], bool]) -> AsyncGenerator[tuple[Position, E], None]:
        """Every event with its place, once, in order. `until` is asked as in `Feed.follow`."""
        if self.first is not None:
            yield self.start, self.first
        if self.is_live and not self.is_resumed and until(self.start):
            return
        place, outage = self.start, Outage(settings.subscription_outage_s_max)
        while True:
            try:
                following = self.source.follow(self.topic, place, live=self.is_live, until=until)
                async with aclosing(following) as happenings:
                    async for happening in happenings:
                        value = await self._read(happening)
                        place, outage = happening.position, Outage(settings.subscription_outage_s_max)
                        if value is None:
                            continue
                        yield place, value
                        if self.is_last(value):
                            return
            except Busy:
                # The database is away: it goes on from the last place when that is back, and whoever listens stays.
                if not await outage.is_worth_waiting():
                    raise
            else:
                return

    async def _read(self, happening: Happening) -> E | None:
        outage = Outage(settings.subscription_outage_s_max)
        while True:
            try:
                return await self.event(happening)
            except Busy:
                if not await outage.is_worth_waiting():
                    raise
