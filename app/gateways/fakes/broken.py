"""Services that misbehave, each in its own way, so that tests can see what a client makes of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse

DRIP_S = 0.2
NEVER_S = 3_600
HUGE_BYTES = 256 * 1024 * 1024
FAILURES_OF_FLAKY = 2
# Loopback by a name that no test allows: what a client must not follow a redirect to.
PRIVATE_HOST = "127.0.0.2"

Endpoint = Callable[[Request], Awaitable[Response]]

_asked: Counter[str] = Counter()


def breaking(healthy: Endpoint, media_type: str) -> Endpoint:
    """An endpoint that behaves as the path's `mode` says; `healthy` is what it would answer else."""

    async def answer(request: Request) -> Response:
        mode = request.path_params["mode"]
        if mode in REPLIES:
            return REPLIES[mode](media_type)
        if mode.isdecimal() and 400 <= int(mode) <= 599:
            return PlainTextResponse("No.", int(mode))
        if mode == "flaky":
            _asked[request.url.path] += 1
            is_up = _asked[request.url.path] > FAILURES_OF_FLAKY
            return await healthy(request) if is_up else PlainTextResponse("Busy.", 503)
        if mode == "redirect-private":
            return RedirectResponse(request.url.replace(hostname=PRIVATE_HOST, path="/osm/v1/status/"))
        if mode == "never":
            await asyncio.sleep(NEVER_S)
        return PlainTextResponse("There is no such mode.", 404)

    return answer


async def _drops() -> AsyncIterator[bytes]:
    for _ in range(int(NEVER_S / DRIP_S)):
        yield b"."
        await asyncio.sleep(DRIP_S)


async def _flood() -> AsyncIterator[bytes]:
    for _ in range(HUGE_BYTES // 65_536):
        yield bytes(65_536)


REPLIES: dict[str, Callable[[str], Response]] = {
    "html": lambda _: HTMLResponse("<!doctype html><title>Welcome</title><p>Please sign in."),
    "slow": lambda media_type: StreamingResponse(_drops(), media_type=media_type),
    "huge": lambda media_type: StreamingResponse(_flood(), media_type=media_type),
    "garbage": lambda media_type: Response(bytes(range(256)) * 8, media_type=media_type),
}
