"""Two builds of the API, one with plans and one without, asked the same and compared."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, MutableMapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Message
from structlog.testing import capture_logs

from app.main import build
from app.settings import settings

SAME_REQUEST = "the-same-request"
ASKED_MAX = 3


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes

    @property
    def is_late(self) -> bool:
        """Whether the server was too busy to answer, which clients are told to ask again."""
        return b'"UNAVAILABLE"' in self.body or b'"TIMEOUT"' in self.body

    @property
    def json(self) -> Any:
        """The body as data. Numbers beyond 64 bits, which clients cannot tell apart, are fractions."""
        return json.loads(self.body, parse_int=lambda digits: int(digits) if len(digits) <= 19 else float(digits))


def _scope(viewer: str | None, accept: str) -> dict[str, Any]:
    headers = [(b"content-type", b"application/json"), (b"x-request-id", SAME_REQUEST.encode())]
    headers += [(b"accept", accept.encode())]
    headers += [(b"authorization", f"Bearer {viewer}".encode())] if viewer else []
    place = {"path": "/graphql", "raw_path": b"/graphql", "root_path": "", "query_string": b"", "scheme": "http"}
    peers = {"client": ("127.0.0.1", 1), "server": ("api", 80)}
    kind = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST"}
    return {**kind, **place, **peers, "headers": headers}


async def post(
    app: ASGIApp, request: dict[str, Any], viewer: str | None, *, accept: str = "application/json"
) -> Answer:
    """The answer to a request, or the first event of a stream; without a client, which costs more than some answers."""
    arriving = [{"type": "http.request", "body": json.dumps(request).encode()}]
    is_stream = accept == "text/event-stream"  # in other bodies the words of a description may look like an event
    sent: list[Message] = []
    is_enough = asyncio.Event()

    async def receive() -> Message:
        if arriving:
            return arriving.pop()
        await is_enough.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if is_stream and b"data: " in message.get("body", b""):
            is_enough.set()

    try:
        await app(_scope(viewer, accept), receive, send)
    except asyncio.CancelledError:
        raise AssertionError("the request was cancelled by itself") from None
    body = b"".join(message.get("body", b"") for message in sent[1:])
    event = body.partition(b"data: ")[2].partition(b"\n")[0] if is_stream else b""
    return Answer(sent[0]["status"], event or body)


@dataclass(frozen=True)
class Both:
    """The API with plans and the API without them, over the same rows."""

    planned: ASGIApp
    plain: ASGIApp

    async def ask(self, request: dict[str, Any], viewer: str | None = None) -> Answer:
        """The one answer that both give."""
        [answer] = await self.ask_at_once(request, [viewer])
        return answer

    async def ask_at_once(self, request: dict[str, Any], viewers: Sequence[str | None]) -> list[Answer]:
        """The one answer for each viewer that both give, though the plan is run for all of them at the same time."""
        for _ in range(ASKED_MAX):
            with capture_logs() as lines:
                planned = await asyncio.gather(*(post(self.planned, request, viewer) for viewer in viewers))
                plain = [await post(self.plain, request, viewer) for viewer in viewers]
            # A machine that stood still says nothing about plans.
            if not any(answer.is_late for answer in (*planned, *plain)):
                break
        for one, other in zip(planned, plain, strict=True):
            compare(one, other)
        check_log(lines)
        return planned


@asynccontextmanager
async def both(planned_url: str, plain_url: str) -> AsyncIterator[Both]:
    """Both builds, each on its database."""
    async with AsyncExitStack() as stack:
        apps = []
        for url, planned in ((planned_url, True), (plain_url, False)):
            settings.database_url, before = url, settings.database_url
            app = build(planned=planned).app
            settings.database_url = before
            await stack.enter_async_context(app.router.lifespan_context(app))
            apps.append(app)
        yield Both(*apps)


def check_log(lines: list[MutableMapping[str, Any]]) -> None:
    """Fails if a plan broke: graphql-core then gives the right answer, and hides it."""
    assert [line for line in lines if line["event"] == "plan given up"] == []


def _price(answer: dict[str, Any]) -> dict[str, Any]:
    """What was known beforehand of what it costs: what the work was is another with every run."""
    extensions = dict(answer.get("extensions", {}))
    found = extensions.pop("cost", {})
    return {**extensions, "requested": found.get("requested"), "max": found.get("max")}


def compare(planned: Answer, plain: Answer, masked: Callable[[Any], Any] = lambda value: value) -> None:
    """Fails unless they say the same; keys in another order are not the same, nor errors in another place."""
    one, other = masked(planned.json), masked(plain.json)
    assert one.get("data") == other.get("data")
    _compare_errors(one.get("errors", []), other.get("errors", []), one.get("data"))
    assert _price(one) == _price(other)
    assert planned.status == plain.status
    assert _keys(one) == _keys(other)


def _keys(value: Any) -> Any:
    """The keys of every object in their order; the errors come in whatever order their fields were done."""
    if isinstance(value, dict):
        return [(key, None if key == "errors" else _keys(each)) for key, each in value.items()]
    return [_keys(each) for each in value] if isinstance(value, list) else None


def _compare_errors(planned: list[dict[str, Any]], plain: list[dict[str, Any]], data: Any) -> None:
    """Of several errors that make one place above them null, whichever came first is told: then the place counts."""
    one, other = _by_place(planned, data), _by_place(plain, data)
    assert one.keys() == other.keys()
    for place, errors in one.items():
        if all(len(error.get("path", ())) == len(place) for error in (*errors, *other[place])):
            assert sorted(errors, key=json.dumps) == sorted(other[place], key=json.dumps)


def _by_place(errors: list[dict[str, Any]], data: Any) -> dict[tuple[str | int, ...], list[dict[str, Any]]]:
    found = defaultdict(list)
    for error in errors:
        found[_nulled(tuple(error.get("path", ())), data)].append(error)
    return found


def _nulled(path: tuple[str | int, ...], data: Any) -> tuple[str | int, ...]:
    """The part of an error's path that leads to a null."""
    for depth, key in enumerate(path):
        if data is None:
            return path[:depth]
        data = data[key]
    return path
