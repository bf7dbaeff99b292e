"""What an operator can measure, in Prometheus' words, and the route that shows it."""

import hmac
import ipaddress
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Metric, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app.errors import Unauthenticated
from app.settings import settings
from app.web.labels import Labels
from app.web.origin import bearer
from app.web.proxies import BY_PROXY
from app.web.routes.gauges import Gauges

OTHER = "(other)"
ANONYMOUS = "(anonymous)"
NAME_LENGTH_MAX = 64
# What proxies say of whom they ask for: whoever sends one of these is not (only) this machine.
HEADERS_OF_PROXIES = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
NAMES_OF_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class Distribution:
    """How often which values came."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0


class Distributions(Collector):
    """A histogram for each kind of operation. Only the event loop moves it: it needs none of the library's locks."""

    def __init__(self, name: str, about: str, *, buckets: Sequence[float]) -> None:
        self._name = name
        self._about = about
        self._bounds = buckets
        self._kinds: dict[str, Distribution] = {}
        REGISTRY.register(self)

    def observe(self, kind: str, value: float) -> None:
        """Count a value."""
        histogram = self._kinds.get(kind)
        if histogram is None:
            histogram = self._kinds[kind] = Distribution(self._bounds)
        histogram.counts[bisect_left(self._bounds, value)] += 1
        histogram.sum += value

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self._name, self._about, labels=["kind"])
        for kind, histogram in self._kinds.items():
            bounds = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
            family.add_metric([kind], list(zip(bounds, accumulate(histogram.counts), strict=True)), histogram.sum)
        yield family


class Operations(Collector):
    """How many operations of which name, kind and transport there were. Likewise only the event loop moves it."""

    def __init__(self, registry: CollectorRegistry = REGISTRY) -> None:
        self._counts: dict[str, dict[tuple[str, str], int]] = {}
        self._names = Labels(OTHER, self._forget)
        registry.register(self)

    def count(self, name: str | None, kind: str, transport: str, *, is_known: bool) -> None:
        """Count one by its name, unless nobody knows whether there is such an operation."""
        label = OTHER if not is_known else self._names.of(name[:NAME_LENGTH_MAX]) if name else ANONYMOUS
        counts = self._counts.get(label)
        if counts is None:
            counts = self._counts[label] = {}
        how = kind, transport
        counts[how] = counts.get(how, 0) + 1

    def _forget(self, name: str) -> None:
        """A name has no place any more: what was counted of it goes, too."""
        self._counts.pop(name, None)

    def collect(self) -> Iterator[Metric]:
        labels = ["operation", "kind", "transport"]
        family = CounterMetricFamily("fieldgraph_operations", "GraphQL operations.", labels=labels)
        for name, counts in self._counts.items():
            for how, count in counts.items():
                family.add_metric([name, *how], count)
        yield family


operations = Operations()
durations = Distributions(
    "fieldgraph_operation_seconds",
    "Time from an operation's arrival to its answer; for subscriptions, to the first.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15),
)
costs = Distributions(
    "fieldgraph_operation_cost", "Cost of GraphQL operations.", buckets=(1, 10, 50, 100, 500, 1_000, 5_000, 20_000)
)
errors = Counter("fieldgraph_errors_total", "Errors shown to clients.", ["code"])
sockets = Gauge("fieldgraph_sockets", "Open WebSockets.")
subscriptions = Gauge("fieldgraph_subscriptions", "Running subscriptions.")
events = Counter("fieldgraph_events_sent_total", "Events sent to subscribers.")
closes = Counter("fieldgraph_socket_closes_total", "WebSockets closed by the server.", ["code"])


async def metrics(gauges: Gauges, request: Request) -> Response:
    """All figures: for those who have the token. While developing, none is needed on this machine itself."""
    if not _may_read(request):
        return PlainTextResponse("Not found\n", status_code=404)
    await gauges.refresh()
    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _may_read(request: Request) -> bool:
    expected = settings.metrics_token.get_secret_value()
    if expected:
        try:
            token = bearer(request.headers.get("authorization")) or ""
        except Unauthenticated:
            return False
        return hmac.compare_digest(token.encode(), expected.encode())
    return not settings.production and _is_from_here(request)


def _is_from_here(request: Request) -> bool:
    """Whether a program on this machine asks for itself. A proxy here asks for others, and may say so or not."""
    is_passed_on = BY_PROXY in request.scope or any(name in request.headers for name in HEADERS_OF_PROXIES)
    if is_passed_on or request.client is None or request.url.hostname not in NAMES_OF_THIS_MACHINE:
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
