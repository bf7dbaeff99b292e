"""Queries of one row by its key, as most of a front end's are, answered by callbacks instead of a task.

Only success is answered this way. Anything else runs again the ordinary way, which reports it.
"""

from collections.abc import Callable
from time import monotonic

import structlog
from graphql import GraphQLError

from app.errors import DomainError, Unplanned
from app.settings import settings
from app.telemetry import metering
from app.web.graphql.errors import Refused
from app.web.graphql.execution import GraphQLEngine
from app.web.graphql.http.heads import Head
from app.web.graphql.http.responses import Answer, answered
from app.web.graphql.observe import Observation
from app.web.graphql.operations.bill import Bill
from app.web.graphql.operations.operation import Caller, Operation
from app.web.graphql.operations.repeats import Repeats
from app.web.graphql.operations.request import Malformed
from app.web.graphql.operations.results import OperationResult, late, planned

Settle = Callable[[Answer | None], None]
"""Called once: with the answer, or with None if the ordinary way has to answer."""

log = structlog.get_logger(__name__)


class Lookup:
    """One of them, under way: the row has been asked for."""

    __slots__ = ("_engine", "_head", "_is_over", "_operation", "_seen", "_settle", "at")

    def __init__(
        self, engine: GraphQLEngine, head: Head, operation: Operation, seen: Observation, settle: Settle
    ) -> None:
        self._engine = engine
        self._head = head
        self._operation = operation
        self._seen = seen
        self._settle = settle
        self._is_over = False
        self.at = monotonic() + settings.request_s_max

    def abandon(self) -> None:
        """The client has left."""
        if self._ends():
            self._operation.bill.settle()
            self._seen.began(self._operation)
            self._seen.ended(cut_short=True)

    def expire(self) -> None:
        """It took too long."""
        if self._ends():
            self._tell(late(self._operation))

    def answer(self, data: bytes | None) -> None:
        """The row has come, or something else."""
        if not self._ends():
            return
        if data is None:
            self._operation.bill.give_back()
            self._settle(None)
        else:
            self._tell(planned(data, self._operation))

    def _ends(self) -> bool:
        was_over, self._is_over = self._is_over, True
        self._engine.deadlines.open.discard(self)
        return not was_over

    def _tell(self, reply: OperationResult) -> None:
        self._seen.began(self._operation)
        self._seen.answered(reply)
        self._settle(answered(reply, self._head.media_types, self._operation.bill))
        self._seen.ended()


class Lookups:
    """Begins look-ups, and remembers the requests that repeat."""

    def __init__(self, engine: GraphQLEngine) -> None:
        self._engine = engine
        self._repeats = Repeats()

    def hurry(self, head: Head, request_id: str, body: bytes, settle: Settle) -> Lookup | None:
        """Begin to answer a plain POST that came whole; None, and nothing is done, if it has to go the ordinary way."""
        if not head.may_hurry:
            return None
        bill = self._engine.bill(head.address)
        metering.begin_step(bill)
        try:
            return self._begun(head, Caller(request_id, head.address, "http", False, head.client), body, bill, settle)
        except (Malformed, Refused, DomainError, GraphQLError, Unplanned):
            return None
        except Exception as error:  # nobody foresaw it; the ordinary way answers all the same
            log.warning("lookup given up", exc_info=error)
            return None
        finally:
            metering.end_step(bill)

    def _begun(self, head: Head, caller: Caller, body: bytes, bill: Bill, settle: Settle) -> Lookup | None:
        engine, asked = self._engine, self._repeats.read(body)
        seen = Observation(caller, asked)
        operation = engine.prepare_now(asked, key=head.key, caller=caller, bill=bill)
        if operation is None:
            return None
        plan, lookup = operation.prepared.plan, Lookup(engine, head, operation, seen, settle)
        assert plan, "it has been made"
        try:
            if plan.begin(operation.context, operation.values, bill, lookup.answer):
                engine.deadlines.add(lookup)
                return lookup
        except BaseException:
            bill.give_back()
            raise
        bill.give_back()
        return None
