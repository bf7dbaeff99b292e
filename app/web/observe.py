"""One line in the log and one step of the meters for every operation: who, what, how dear, how long, how it ended."""

import time
from types import TracebackType
from typing import Self

import structlog
from graphql import OperationType

from app.web import metrics
from app.web.operation import Caller, Operation
from app.web.reply import Reply
from app.web.request import Parameters

NAME_LENGTH_MAX = 64

log = structlog.get_logger(__name__)


class Observation:
    """Watches one operation from its arrival; used as a context manager."""

    def __init__(self, caller: Caller, parameters: Parameters) -> None:
        self._caller = caller
        self._name = parameters.operation_name
        self._operation: Operation | None = None
        self._begun = time.perf_counter()
        self._answered: float | None = None
        self._codes: dict[str, None] = {}
        self._events = 0

    def began(self, operation: Operation) -> None:
        self._operation = operation
        self._name = operation.name
        metrics.costs.observe(operation.cost)
        if operation.kind is OperationType.SUBSCRIPTION:
            metrics.subscriptions.inc()

    def answered(self, reply: Reply) -> None:
        if self._answered is None:
            self._answered = time.perf_counter()
        for code in reply.codes:
            self._codes[code] = None
            metrics.errors.labels(code).inc()
        if self._operation and self._operation.kind is OperationType.SUBSCRIPTION:
            self._events += 1
            metrics.events.inc()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, raised: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        operation, ended = self._operation, time.perf_counter()
        kind = operation.kind.value if operation else "refused"
        if operation and operation.kind is OperationType.SUBSCRIPTION:
            metrics.subscriptions.dec()
        name = metrics.operation_label(self._name) if operation else metrics.OTHER
        metrics.operations.labels(name, kind, self._caller.transport).inc()
        metrics.durations.labels(kind).observe((self._answered or ended) - self._begun)
        facts = {
            "request_id": self._caller.request_id,
            "transport": self._caller.transport,
            "operation": (self._name or "")[:NAME_LENGTH_MAX] or None,
            "kind": kind,
            "viewer": operation.context.viewer_id if operation else None,
            "cost": operation.cost if operation else None,
            "duration_ms": round((ended - self._begun) * 1_000, 1),
            "errors": list(self._codes) or None,
            "events": self._events if kind == "subscription" else None,
            "cut_short": raised is not None or None,
        }
        log.info("operation", **{name: fact for name, fact in facts.items() if fact is not None})
