"""Traces: sent to a collector where one is set, part of the trace that a client began, and nothing otherwise."""

from uuid import uuid4

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from structlog.contextvars import clear_contextvars, get_contextvars

from app.telemetry import tracing
from jobs import accounts  # noqa: F401 -- registers the job
from tests.servers import api_process, serving


@pytest.fixture
def collector():
    """A collector on a real socket, and the spans it was sent."""
    spans = []

    async def take(request):
        sent = ExportTraceServiceRequest.FromString(await request.body())
        spans.extend(span for one in sent.resource_spans for each in one.scope_spans for span in each.spans)
        return Response(b"", media_type="application/x-protobuf")

    with serving(Starlette(routes=[Route("/v1/traces", take, methods=["POST"])])) as server:
        yield server, spans


async def test_a_request_is_part_of_its_clients_trace_with_its_statements(
    collector, database_url, redis_url, owner, eventually
):
    server, spans = collector
    trace = uuid4().hex
    with api_process(FIELDGRAPH_TRACES_URL=f"{server.url}/v1/traces") as api:
        async with httpx.AsyncClient(base_url=api.url, timeout=60) as client:
            reply = await client.post(
                "/graphql",
                json={"query": "query Mine { me { username datasets { nodes { name } } } }"},
                headers={"Authorization": f"Bearer {owner.token}", "traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
            )
            await client.get("/healthz")
    assert reply.json()["data"]["me"]["username"] == "owner"
    assert reply.headers["X-Request-ID"] == trace

    async def are_sent():
        return any(span.name == "query Mine" for span in spans)

    await eventually(are_sent)
    ours = [span for span in spans if span.trace_id.hex() == trace]
    assert {"query Mine", "POST /graphql"} <= {span.name for span in ours}
    [root] = [span for span in ours if span.name == "POST /graphql"]
    assert root.parent_span_id.hex() == "00f067aa0ba902b7"
    assert any(key.key == "db.statement" for span in ours for key in span.attributes)
    assert not any("/healthz" in span.name for span in spans)


async def test_a_job_has_a_span_and_its_logs_name_the_trace(change, work, owner):
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    tracing.use(provider)
    try:
        await change("exportMyData", viewer=owner)
        await work()
        [span] = [span for span in kept.get_finished_spans() if span.name == "job EXPORT_DATA"]
        assert get_contextvars()["trace_id"] == f"{span.context.trace_id:032x}"
    finally:
        tracing.use(None)
        clear_contextvars()


def test_a_trace_has_an_id_only_within_a_span():
    assert tracing.trace_id() is None
    with tracing.span("nothing"):
        assert tracing.trace_id() is None
