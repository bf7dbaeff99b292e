"""Cost in points follows cost in work: whatever is sent, the processor works no longer than the points allow for."""

import asyncio
import itertools
import json
import random
import re
import time

import pytest

from app.settings import settings
from app.web.graphql.operations.bill import POINT_S
from schema import schema
from tests.fuzz import FACTOR

# Headers, middleware and the client in this process are work, too, but nobody's points.
FACTOR_MAX = 6
MEASURED = 3
EXAMPLES = 60 * FACTOR
ACTUAL = re.compile(rb'"actual":(\d+)')
LEFT = re.compile(rb";r=(\d+)")
CORE = schema._schema
WORDS = ["name", "id", "username", "geom", "tags", "x", "édition", "\u200b", "a@b.org", "%", "\\"]


def introspection(draw: random.Random, size: int) -> dict:
    lists = draw.choice(["types { fields { args { name } } }", "types { name }", "directives { args { name } }"])
    if draw.random() < 0.3:
        return {"query": "{ " + " ".join(f"a{n}: __schema {{ {lists} }}" for n in range(min(size, 90))) + " }"}
    if draw.random() < 0.5:
        kinds = draw.sample(sorted(CORE.type_map), min(size, 9))
        roots = " ".join(
            f'a{n}: __type(name: "{kind}") {{ fields {{ name type {{ fields {{ name args {{ name }} }} }} }} }}'
            for n, kind in enumerate(kinds)
        )
        return {"query": f"{{ {roots} }}"}
    return {"query": "{ __schema { " + " ".join(f"a{n}: {lists}" for n in range(min(size, 90))) + " } }"}


def aliases(draw: random.Random, size: int) -> dict:
    field = draw.choice(["datasets { totalCount }", "datasetCentroids", "modelCentroids", "queueLoads { kind queued }"])
    return {"query": "{ " + " ".join(f"a{n}: {field}" for n in range(min(size, 95))) + " }"}


def invalid(draw: random.Random, size: int) -> dict:
    field = draw.choice(
        ["x{}", "datasets {{ x{} }}", "... on X{} {{ id }}", "...F{}", "a(b{}: 1)", "datasets(x{}: 1) {{ id }}"]
    )
    return {"query": "{ " + " ".join(field.format(n) for n in range(min(size * 10, 900))) + " }"}


def garbled(draw: random.Random, size: int) -> dict:
    tokens = [
        "{",
        "}",
        "(",
        ")",
        "[",
        "datasets",
        "nodes",
        "...",
        "on",
        "fragment",
        "$n",
        ":",
        '"x"',
        "1e9",
        "@include",
    ]
    return {"query": " ".join(draw.choice(tokens) for _ in range(size * 20))}


def numbers(draw: random.Random, size: int) -> dict:
    box = [draw.uniform(-90, 90) for _ in range(draw.choice([4, size, size * 30]))]
    return {"query": "query ($b: [Float!]) { datasets(bbox: $b) { totalCount } }", "variables": {"b": box}}


def shape(draw: random.Random, size: int) -> dict:
    ring = [[round(draw.uniform(0, 1), 3), round(draw.uniform(0, 1), 3)] for _ in range(size * 20)]
    geometry = {
        "type": draw.choice(["Polygon", "MultiPolygon", "LineString"]),
        "coordinates": draw.choice([[ring], [[ring]], ring]),
    }
    query = "query ($g: GeoJSONGeometry) { datasets(intersects: $g) { totalCount } }"
    return {"query": query, "variables": {"g": geometry}}


def texts(draw: random.Random, size: int) -> dict:
    text = draw.choice(WORDS) * size * draw.choice([1, 100])
    query = draw.choice(
        [
            "query ($t: String!) { datasets(search: $t) { totalCount } }",
            "query ($t: String!) { searchPosts(query: $t) { nodes { snippet } } }",
            "mutation ($t: String!) { requestSignUp(input: {email: $t}) { __typename } }",
            'mutation ($t: String!) { signIn(input: {email: $t, password: "x"}) { __typename } }',
            "mutation ($t: String!) { createPost(input: {content: $t}) { __typename } }",
            "query ($t: ID!) { node(id: $t) { id } }",
        ]
    )
    return {"query": query, "variables": {"t": text}}


def nested(draw: random.Random, size: int) -> dict:
    value: object = 1
    for _ in range(min(size, 70)):
        value = [value] if draw.random() < 0.5 else {"a": value, "b": [0] * (size % 50)}
    query = 'mutation ($t: JSON) { createLabel(input: {aoiId: "QU9JOjE", geom: null, tags: $t}) { __typename } }'
    return {"query": query, "variables": {"t": value}}


def upload(draw: random.Random, size: int) -> dict:
    ring = [[0, 0], [0, 1e-4], [1e-4, 1e-4], [0, 0]]
    feature = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [ring]}, "properties": {"a": "b" * 50}}
    collection = {"type": "FeatureCollection", "features": [feature] * (size * 10)}
    query = 'mutation ($g: JSON!) { uploadLabels(input: {aoiId: "QU9JOjE", geojson: $g}) { __typename } }'
    return {"query": query, "variables": {"g": collection}}


def malformed(draw: random.Random, size: int) -> bytes:
    """What is no request, or not even JSON."""
    made = draw.choice(
        [
            lambda: b"[" * size * 100,
            lambda: b"[" + b"0," * size * 300 + b"0]",
            lambda: b'{"query":"' + b"\\u0000" * size * 100 + b'"}',
            lambda: b'{"query":' + b"9" * size * 100 + b"}",
            lambda: b'{"query":"\xff\xfe' + b"a" * size * 300,
            lambda: b"{" + b",".join(b'"a%d":{}' % n for n in range(size * 20)) + b"}",
            lambda: draw.randbytes(size * 300),
            lambda: b" " * size * 600,
        ]
    )
    return made()


KINDS = [malformed, introspection, aliases, invalid, garbled, numbers, shape, texts, nested, upload]


ADDRESSES = itertools.count(1)


class Meter:
    """Sends a body straight to the application, and tells the processor's time and the points of it."""

    def __init__(self, app, token: str | None) -> None:
        # An address of its own: what another test has left to one would hide what is charged.
        self._address = f"198.18.0.{next(ADDRESSES)}"
        self._app = app
        self._token = token
        self._left = 0

    async def measure(self, body: bytes) -> tuple[float, int, int]:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        if self._token:
            headers.append((b"authorization", f"Bearer {self._token}".encode()))
        scope = {
            "type": "http", "method": "POST", "path": "/graphql", "raw_path": b"/graphql", "query_string": b"",
            "headers": headers, "client": (self._address, 1), "server": ("api", 80), "scheme": "http",
            "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        messages = [{"type": "http.request", "body": body, "more_body": False}]
        sent = []

        async def receive():
            return messages.pop() if messages else await never()

        async def send(message):
            sent.append(message)

        began = time.process_time()
        await self._app(scope, receive, send)
        spent = time.process_time() - began
        told = ACTUAL.search(b"".join(message.get("body", b"") for message in sent))
        left = int(LEFT.search(dict(sent[0]["headers"])[b"ratelimit"])[1])
        # What is no GraphQL request is charged without a word in its body: by what is left afterwards. More may be left
        # than before, since the minute goes on; something is charged all the same.
        points = int(told[1]) if told else max(1, self._left - left)
        self._left = left
        return spent, points, sent[0]["status"]


async def never():
    await asyncio.Event().wait()


@pytest.mark.fuzz
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
async def test_the_processor_works_no_longer_than_the_points_allow_for(application, api, owner, kind, monkeypatch):
    for payer in "viewer", "address":
        monkeypatch.setattr(settings, f"{payer}_cost_per_minute_max", 2_000_000_000)
    meter = Meter(application, owner.token)
    await meter.measure(b'{"query":"{ __typename }"}')
    if kind is malformed:
        # Nobody knows who sends it: it is counted by the address.
        await meter.measure(b"{")
    draw = random.Random(f"{kind.__name__} {FACTOR}")
    for number in range(EXAMPLES // len(KINDS) + 1):
        request = kind(draw, draw.choice([1, 10, 40, 100]))
        rates = []
        for again in range(MEASURED):
            body = request
            if isinstance(request, dict):
                # Another document each time: what is remembered costs little.
                body = json.dumps({**request, "query": f"{request['query']} # {number}.{again}"}).encode()
            spent, points, status = await meter.measure(body)
            rates.append(spent / points)
            assert status in {200, 400, 413, 429}, status
            if rates[-1] <= FACTOR_MAX * POINT_S:
                break
        # The machine may stand still once, and garbage be collected; not each time.
        assert 0 < min(rates) <= FACTOR_MAX * POINT_S, (body[:200], rates)
