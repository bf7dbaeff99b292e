"""Traces for OpenTelemetry, where `FIELDGRAPH_TRACES_URL` is set. Otherwise nothing of it is loaded or done."""

# Its packages are an extra, and take a tenth of a second to load.
# ruff: noqa: PLC0415

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine
from starlette.types import ASGIApp

from app.settings import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

# Asked every few seconds, and of interest to nobody.
NOT_TRACED = "healthz,readyz,metrics"
SEND_MS = 1_000
SEND_S_MAX = 3
ID_LENGTH = 32

# Everything that is not traced shares it.
_UNTRACED = nullcontext()
_provider: "TracerProvider | None" = None
_tracer: "Tracer | None" = None


def start(service: str) -> bool:
    """Send the traces of this process, if the settings say where to; whether they do."""
    if settings.traces_url is None:
        return False
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased

    sampler = ParentBased(TraceIdRatioBased(settings.traces_share))
    provider = TracerProvider(resource=Resource.create({"service.name": service}), sampler=sampler)
    exporter = OTLPSpanExporter(endpoint=settings.traces_url, timeout=SEND_S_MAX)
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=SEND_MS))
    use(provider)
    return True


def use(provider: "TracerProvider | None") -> None:
    """Give spans to this provider from now on; None ends that."""
    global _provider, _tracer
    _provider, _tracer = provider, None if provider is None else provider.get_tracer("fieldgraph")


def end() -> None:
    """Send what is left, and trace no more."""
    if _provider is not None:
        _provider.shutdown()
        use(None)


def requests(app: ASGIApp) -> ASGIApp:
    """The application with a span for each request and each socket, as part of the trace that its client began."""
    from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware

    return OpenTelemetryMiddleware(
        app, tracer_provider=_provider, excluded_urls=NOT_TRACED, exclude_spans=["receive", "send"]
    )


def statements(engine: Engine) -> None:
    """A span for each statement of this engine, with its text, which has no values in it."""
    if _tracer is not None:
        from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor

        SQLAlchemyInstrumentor().instrument(engine=engine, tracer_provider=_provider)


def span(name: str, **attributes: Any) -> AbstractContextManager[object]:
    """A span around a block."""
    return _UNTRACED if _tracer is None else _tracer.start_as_current_span(name, attributes=attributes)


def statement(sql: bytes) -> AbstractContextManager[object]:
    """A span around a statement that SQLAlchemy does not send."""
    if _tracer is None:
        return _UNTRACED
    return span("SELECT", **{"db.system": "postgresql", "db.statement": sql.decode()})


def operation(duration_s: float, facts: Mapping[str, object]) -> None:
    """A span for an operation that has just ended, named by its kind and name."""
    if _tracer is not None:
        name = f"{facts['kind']} {facts.get('operation', '')}".rstrip()
        ended = time.time_ns()
        attributes: dict[str, Any] = {f"graphql.{key}": value for key, value in facts.items()}
        begun = ended - int(duration_s * 1e9)
        _tracer.start_span(name, start_time=begun, attributes=attributes).end(ended)


def trace_id() -> str | None:
    """The present trace, as 32 hexadecimal digits."""
    if _tracer is None:
        return None
    from opentelemetry.trace import get_current_span

    span = get_current_span().get_span_context()
    return f"{span.trace_id:0{ID_LENGTH}x}" if span.is_valid else None
