"""One operation that runs on a socket, and the messages that it sends there."""

import asyncio
from collections.abc import Callable

import orjson

from app.events.positions import Position
from app.web.graphql.observe import Observation
from app.web.graphql.operations.operation import Caller
from app.web.graphql.operations.request import Parameters
from app.web.graphql.operations.results import Beginning, OperationResult
from app.web.graphql.subscriptions.groups import Subscriber
from app.web.graphql.websockets.outbox import Outbox


class Running(Subscriber):
    """From `subscribe` to `complete`; beside others on the same socket."""

    __slots__ = ("_on_end", "_opening", "_outbox", "caller", "id", "observation", "task", "written")

    def __init__(
        self, id: str, caller: Caller, parameters: Parameters, outbox: Outbox, on_end: "Callable[[Running], None]"
    ) -> None:
        super().__init__()
        self.id = id
        self.caller = caller
        self.observation = Observation(caller, parameters)
        self.task: asyncio.Task[None] | None = None
        self.written: Position | None = None
        self._outbox = outbox
        self._on_end = on_end
        self._opening = b'{"type":"next","id":%b,"payload":' % orjson.dumps(id)

    def begin(self, beginning: Beginning) -> None:
        """Send where it begins, in the one message that the protocol has for what is no result: a ping with a payload.

        A `next` without data would be a failure to typed clients, and any other message ends their connection.
        """
        self._outbox.put((orjson.dumps({"type": "ping", "payload": {"id": self.id, "cursor": beginning.cursor}}),))

    def tell(self, reply: OperationResult, position: Position | None = None) -> None:
        """Send the next answer."""
        self.observation.answered(reply)
        self._outbox.put((self._opening, reply.json, b"}"), self, position)

    def end(self, last: OperationResult | None) -> None:
        """Send the last answer, or the error that there is instead, and that there are no more."""
        # Free before the client receives the end: it may use the id again at once.
        self._on_end(self)
        if last and last.has_data:
            self.tell(last)
        elif last:
            self.observation.answered(last)
        self.observation.ended()
        if last and not last.has_data:
            self._outbox.put((orjson.dumps({"type": "error", "id": self.id, "payload": last.errors}),))
        else:
            self._outbox.put((orjson.dumps({"type": "complete", "id": self.id}),))

    def cut_short(self) -> None:
        """End without a message."""
        self.leave()
        if self.task:
            self.task.cancel()
        self.observation.ended(cut_short=True)
