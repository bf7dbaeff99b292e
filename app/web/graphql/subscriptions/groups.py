"""Subscribers who ask the same share it: one run of the resolver, one execution and one encoding for each event.

The same is the same operation of the same document, with the same variables, for the same rights. Whoever comes while
others listen begins apart, with how things stand or with what they missed, and joins the others in the moment when
both have received the same.
"""

import asyncio
from collections.abc import AsyncGenerator, Hashable
from contextlib import aclosing
from typing import Any

from app.errors import LimitReached
from app.events.positions import Position
from app.events.streams import SourceStream
from app.events.subscribers import Backlog
from app.telemetry.metering import Work, current
from app.web.graphql.operations.bill import Bill, event_points
from app.web.graphql.operations.operation import Operation
from app.web.graphql.operations.results import Beginning, OperationResult, accident
from app.web.graphql.subscriptions.answers import NoSource, failed, reply_to, source_of
from app.web.graphql.subscriptions.key import Likeness

BEFORE_ALL = Position(-1, -1)
# So many receive an event before others have their turn on the event loop.
TOLD_AT_ONCE = 200
# A group that begins behind another waits for more who ask: a beginning costs the database three statements. It waits
# so many times as long as the other took, which is longest when thousands come back at once.
GATHERED_TIMES = 2
GATHERED_S_MIN, GATHERED_S_MAX = 0.02, 0.5


class Subscriber:
    """Receives events; how is its transport's business. Receiving may neither wait nor raise."""

    __slots__ = ("bill", "group", "position")

    def __init__(self) -> None:
        self.bill: Bill | None = None
        self.group: Group | None = None
        self.position = BEFORE_ALL

    def tell(self, reply: OperationResult, position: Position) -> None:
        """Take the next answer."""
        raise NotImplementedError

    def begin(self, beginning: Beginning) -> None:
        """Take the place where it begins, before the first answer."""

    def end(self, last: OperationResult | None) -> None:
        """Take the last answer, if there is one, and expect no more."""
        raise NotImplementedError

    def leave(self) -> None:
        """Receive no more; a second call does nothing."""
        if self.group:
            self.group.leave(self)


class Groups:
    """All groups of one process, and who comes next to whom."""

    def __init__(self) -> None:
        self._likeness = Likeness()
        self._beginning: dict[Hashable, Group] = {}
        self._live: dict[Hashable, Group] = {}

    def can_share(self, operation: Operation) -> bool:
        """Whether others may listen, too."""
        return self._likeness.is_shared(operation)

    def join(self, operation: Operation, subscriber: Subscriber) -> None:
        """Tell this subscriber all that the operation brings, together with whoever asks the same."""
        key = self._likeness.key(operation)
        group = self._beginning.get(key)
        if group is None or not group.is_open:
            # Whoever asks while others begin comes along with the next: a thousand at once are a few groups.
            group = self._beginning[key] = Group(self, key, operation, behind=group)
        subscriber.bill = operation.bill
        group.add(subscriber)

    async def replies(self, operation: Operation) -> AsyncGenerator[OperationResult | Beginning, None]:
        """The same as a generator, for transports with a task of their own."""
        listener = _Listener()
        self.join(operation, listener)
        listener.bill = None  # whoever asks for them here charges them when they are sent
        try:
            while (reply := await listener.replies.get()) is not None:
                yield reply
        except LimitReached as late:
            yield failed(late, operation)
        finally:
            listener.leave()

    def going_on(self, group: "Group", topic: str) -> "Group":
        """The group that tells from now on what this one tells: perhaps itself."""
        group.live_key = self._likeness.key(group.operation, resumed=False), topic
        return self._live.setdefault(group.live_key, group)

    def begun(self, group: "Group") -> None:
        """Let nobody wait for this one any more."""
        if self._beginning.get(group.key) is group:
            del self._beginning[group.key]

    def ended(self, group: "Group") -> None:
        """Let nobody join this one any more."""
        self.begun(group)
        if self._live.get(group.live_key) is group:
            del self._live[group.live_key]


class Group:
    """Those who receive the same from now on, and the task that sends it."""

    def __init__(self, groups: Groups, key: Hashable, operation: Operation, *, behind: "Group | None") -> None:
        self.key = key
        self.live_key: Hashable = None
        self.operation = operation
        self.is_open = True
        self._groups = groups
        self._members: dict[Subscriber, None] = {}
        self._reached = BEFORE_ALL
        self._has_begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._work, self._charged_s = Work(), 0.0
        # What is done for all of them is added up apart from what the first of them asked for by itself.
        others = current.set(self._work)
        self._task = asyncio.create_task(self._run(behind))
        current.reset(others)

    def add(self, subscriber: Subscriber) -> None:
        """Tell this one, too."""
        self._members[subscriber] = None
        subscriber.group = self

    def leave(self, subscriber: Subscriber) -> None:
        """Tell this one no more; with the last of them all of it ends."""
        self._members.pop(subscriber, None)
        subscriber.group = None
        if not self._members:
            self._close()
            self._task.cancel()

    async def begins(self) -> float:
        """How many seconds it took until its first message was out, once it is."""
        await self._has_begun.wait()
        return self._loop.time() - self._since

    async def _run(self, behind: "Group | None") -> None:
        if behind:
            await asyncio.sleep(min(max(GATHERED_S_MIN, GATHERED_TIMES * await behind.begins()), GATHERED_S_MAX))
        self.is_open, self._since = False, self._loop.time()
        try:
            last = await self._tell_all()
        except Exception as error:  # noqa: BLE001 - the last net: a bug of ours ends one group, and not silently
            last = accident(error, self.operation.caller, self.operation.bill)
        self._close()
        members, self._members = self._members, {}
        for member in members:
            member.group = None
            member.end(last)

    async def _tell_all(self) -> OperationResult | None:
        """Tell everything until it ends, or until another group goes on with it. Answers with what it failed with."""
        try:
            source = await source_of(self.operation)
            assert isinstance(source, SourceStream), "a generator has one subscriber"
            values = source.values(lambda position: self._goes_on_elsewhere(source, position))
            async with aclosing(values):
                async for position, value in values:
                    reply = await reply_to(value, self.operation, source.source.cursor(position))
                    if not reply.has_data:
                        return reply
                    await self._tell(reply, position)
        except NoSource as none:
            return none.reply
        except Exception as error:  # noqa: BLE001 - a resolver may raise whatever it likes
            return failed(error, self.operation)
        return None

    async def _tell(self, reply: OperationResult, position: Position) -> None:
        # Before it is done: whoever joined meanwhile with less would miss it.
        self._reached = position
        points = self._points(reply)
        for number, member in enumerate(list(self._members), 1):
            if member.group is self and member.position < position:
                member.position = position
                member.tell(reply, position)
                if member.bill:
                    member.bill.charge_event(points)
            if number % TOLD_AT_ONCE == 0:
                await asyncio.sleep(0)

    def _points(self, reply: OperationResult) -> int:
        """What this event costs each member: what was done since the last one, in equal parts."""
        work_s = self._work.seconds
        points = event_points(work_s - self._charged_s, max(1, len(self._members)), len(reply.json))
        self._charged_s = work_s
        return points

    def _goes_on_elsewhere(self, source: SourceStream[Any], position: Position) -> bool:
        """Now that all up to here is sent: whether a group that has sent no more takes everybody over."""
        self._reached = max(self._reached, position)
        self._groups.begun(self)
        if not self._has_begun.is_set():
            self._has_begun.set()
            self._tell_beginning(source.source.cursor(position), position)
        other = self._groups.going_on(self, source.topic)
        if other is self or other._reached > position:  # noqa: SLF001 - one of us
            return False
        for member in self._members:
            member.position = position
            other.add(member)
        self._members = {}
        return True

    def _tell_beginning(self, cursor: str | None, position: Position) -> None:
        """Tell those who received nothing yet where they begin; others have it from what they received."""
        for member in self._members:
            if cursor is not None and member.position == BEFORE_ALL:
                member.position = position
                member.begin(Beginning(cursor))

    def _close(self) -> None:
        self.is_open = False
        self._has_begun.set()
        self._groups.ended(self)


class _Listener(Subscriber):
    """Keeps what it receives until it is asked for it, up to a bound."""

    __slots__ = ("replies",)

    def __init__(self) -> None:
        super().__init__()
        self.replies: Backlog[OperationResult | Beginning] = Backlog()

    def begin(self, beginning: Beginning) -> None:
        self.replies.put(beginning)

    def tell(self, reply: OperationResult, _position: Position) -> None:
        self.replies.put(reply)

    def end(self, last: OperationResult | None) -> None:
        if last:
            self.replies.put(last)
        self.replies.put(None)
