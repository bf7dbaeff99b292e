"""One line in the log and one step of the meters for every operation: who, what, how dear, how long, how it ended."""

import time
from types import TracebackType
from typing import Self

from graphql import OperationType

from app.telemetry import logs, tracing
from app.web.graphql.operations.operation import Caller, Operation
from app.web.graphql.operations.request import Parameters
from app.web.graphql.operations.results import OperationResult
from app.web.routes import metrics


class Observation:
    """Watches one operation from its arrival; used as a context manager."""

    __slots__ = (
        "_answered",
        "_begun",
        "_caller",
        "_codes",
        "_cost",
        "_events",
        "_kind",
        "_name",
        "_streams",
        "_viewer_id",
    )

    def __init__(self, caller: Caller, parameters: Parameters) -> None:
        self._caller = caller
        self._name = parameters.operation_name
        self._kind: str | None = None
        self._streams = False
        self._viewer_id: int | None = None
        self._cost: int | None = None
        self._begun = time.perf_counter()
        self._answered: float | None = None
        self._codes: dict[str, None] = {}
        self._events = 0

    def began(self, operation: Operation) -> None:
        prepared = operation.prepared
        kind = self._kind = prepared.kind_name
        self._name = prepared.name
        self._viewer_id = operation.context.viewer_id
        cost = self._cost = operation.bill.requested or 0
        metrics.costs.observe(kind, cost)
        if prepared.kind is OperationType.SUBSCRIPTION:
            self._streams = True
            metrics.subscriptions.inc()

    def answered(self, reply: OperationResult) -> None:
        if self._answered is None:
            self._answered = time.perf_counter()
        for code in reply.codes if reply.errors else ():
            self._codes[code] = None
            metrics.errors.labels(code).inc()
        if self._streams:
            self._events += 1
            metrics.events.inc()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, raised: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self.ended(cut_short=raised is not None)

    def ended(self, *, cut_short: bool = False) -> None:
        """Write the line: for those who cannot use it as a context manager."""
        ended = time.perf_counter()
        kind = self._kind or "refused"
        if self._streams:
            metrics.subscriptions.dec()
        metrics.operations.count(self._name, kind, self._caller.transport, is_known=self._kind is not None)
        metrics.durations.observe(kind, (self._answered or ended) - self._begun)
        facts: dict[str, object] = {"request_id": self._caller.request_id, "transport": self._caller.transport}
        if self._name:
            facts["operation"] = self._name[: metrics.NAME_LENGTH_MAX]
        facts["kind"] = kind
        if self._viewer_id is not None:
            facts["viewer"] = self._viewer_id
        if self._cost is not None:
            facts["cost"] = self._cost
        facts["duration_ms"] = round((ended - self._begun) * 10_000) / 10
        if self._codes:
            facts["errors"] = list(self._codes)
        if self._streams:
            facts["events"] = self._events
        if cut_short:
            facts["cut_short"] = True
        tracing.operation(ended - self._begun, facts)
        logs.note(__name__, "operation", facts)
