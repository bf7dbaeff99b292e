"""Imagery: what a tile template means, and its tiles fetched into a folder, bounded, retried and cached."""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from pathlib import Path

import httpx
import orjson

from app import parsing, pictures
from app.errors import Invalid, LimitReached, Unreadable
from app.gateways import outside, tile_cache
from app.gateways.outside import Outage
from app.metering import in_thread
from app.models.limits.texts import URL_LENGTH_MAX
from app.parsing.bounds import check_json
from app.settings import settings
from app.tiles import PIXELS, Tile

WHO = "The imagery server"
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
SAMPLE = Tile(18, 1, 2)

Report = Callable[[int, int], Awaitable[None] | None]


def check_template(field: str, text: str) -> str:
    """The template without surrounding space, if tiles can be asked of it; asks no network."""
    template = text.strip()
    if len(template) > URL_LENGTH_MAX:
        raise Invalid(field, f"Use at most {URL_LENGTH_MAX} characters; this has {len(template)}.")
    names = set(PLACEHOLDER.findall(template))
    if not names and _is_tilejson(template):
        return outside.check_url(field, template)
    for name in names:
        if name not in {"x", "y", "-y", "z", "q", "s"} and not name.startswith("switch:"):
            raise Invalid(field, f"{{{name}}} is not a placeholder; use {{z}}, {{x}} and {{y}}, {{-y}} or {{q}}.")
    if not ("q" in names or ({"z", "x"} <= names and names & {"y", "-y"})):
        raise Invalid(
            field,
            "The URL template needs {z}, {x} and {y} (or {-y} for TMS), or {q}, or must be the URL of a TileJSON file.",
        )
    outside.check_url(field, tile_url(template, SAMPLE))
    return template


def tile_url(template: str, tile: Tile) -> str:
    """Where a template keeps a tile."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name == "s" or name.startswith("switch:"):
            hosts = name.removeprefix("switch:").split(",") if name != "s" else ["a", "b", "c"]
            return hosts[(tile.x + tile.y) % len(hosts)]
        return {
            "z": str(tile.z),
            "x": str(tile.x),
            "y": str(tile.y),
            "-y": str(2**tile.z - 1 - tile.y),
            "q": quadkey(tile),
        }[name]

    return PLACEHOLDER.sub(value, template)


def quadkey(tile: Tile) -> str:
    """The tile's name as one digit for each zoom level."""
    return "".join(str((tile.x >> bit & 1) + 2 * (tile.y >> bit & 1)) for bit in range(tile.z - 1, -1, -1))


async def fetch_tiles(
    template: str,
    tiles: Sequence[Tile],
    folder: Path,
    *,
    report: Report,
    cancelled: Callable[[], bool],
    missing_share_max: float | None = None,
) -> int:
    """Write `folder/z/x/y.png` for every tile the server has, 256 pixels square, and say how many there are.

    Tiles may be missing up to a share; beyond it, and where the first ones all fail, this gives up with an Outage that
    says why. When cancelled it drops what is under way and returns what has arrived.
    """
    if len(tiles) > settings.tiles_per_job_max:
        raise LimitReached(
            f"This needs {len(tiles)} tiles. Choose a smaller area or a lower zoom level.",
            limit=settings.tiles_per_job_max,
        )
    connections = max(1, min(settings.imagery_connections, len(tiles)))
    share = settings.imagery_missing_share_max if missing_share_max is None else missing_share_max
    async with outside.browsing(connections=connections) as client:
        errand = _Errand(client, await _resolved(client, template), tiles, folder, share)
        work = asyncio.create_task(errand.run(connections))
        try:
            while not work.done() and not cancelled():
                await asyncio.wait({work}, timeout=settings.job_progress_s)
                reporting = report(errand.done, len(tiles))
                if isawaitable(reporting):
                    await reporting
            if work.done():
                work.result()
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await in_thread(tile_cache.trim)
    return errand.arrived


async def fetch_picture(template: str, tile: Tile) -> bytes:
    """One tile as a PNG, 256 pixels square; an Outage says why there is none."""
    async with outside.browsing(connections=1) as client:
        return await _tile(client, tile_url(await _resolved(client, template), tile))


async def _tile(client: httpx.AsyncClient, url: str) -> bytes:
    cached = await in_thread(tile_cache.read, url)
    if cached is not None:
        return cached
    reply = await outside.fetch(
        client,
        url,
        who=WHO,
        bytes_max=settings.imagery_reply_bytes_max,
        s_max=settings.imagery_s_max,
        tries_max=settings.imagery_tries_max,
    )
    content = await _as_png(reply)
    await in_thread(tile_cache.keep, url, content)
    return content


class _Errand:
    """The tiles of one job on their way: what has arrived, and what went wrong how often."""

    def __init__(
        self, client: httpx.AsyncClient, template: str, tiles: Sequence[Tile], folder: Path, missing_share_max: float
    ) -> None:
        self.client = client
        self.template = template
        self.total = len(tiles)
        # Tiles spread over the whole area come first: if they all fail, so will the rest.
        step = max(1, self.total // settings.imagery_failures_at_first_max)
        self.left = iter([tile for start in range(step) for tile in tiles[start::step]])
        self.folder = folder
        self.missing_share_max = missing_share_max
        self.arrived = 0
        self.failures: Counter[str] = Counter()

    @property
    def done(self) -> int:
        return self.arrived + self.failures.total()

    async def run(self, connections: int) -> None:
        turns = [asyncio.create_task(self._take_turns()) for _ in range(connections)]
        try:
            await asyncio.gather(*turns)
        finally:
            for turn in turns:
                turn.cancel()
            await asyncio.gather(*turns, return_exceptions=True)

    async def _take_turns(self) -> None:
        for tile in self.left:
            try:
                content = await _tile(self.client, tile_url(self.template, tile))
            except Outage as outage:
                self._count(outage)
                continue
            await in_thread(tile_cache.write, self.folder / str(tile.z) / str(tile.x) / f"{tile.y}.png", content)
            self.arrived += 1

    def _count(self, outage: Outage) -> None:
        self.failures[outage.reason] += 1
        missing = self.failures.total()
        none_came = not self.arrived and missing >= min(self.total, settings.imagery_failures_at_first_max)
        if none_came or missing > self.missing_share_max * self.total:
            reason = self.failures.most_common(1)[0][0]
            advice = "try again later" if outage.heals else "check the template and the zoom levels"
            raise Outage(WHO, f"{reason} for {missing} of {self.done} tiles: {advice}", heals=outage.heals)


async def _as_png(reply: outside.Reply) -> bytes:
    """The reply as an opaque picture of 256 pixels a side, if it is a picture of a tile at all."""
    if reply.status == 204 or not reply.content:
        raise Outage(WHO, "had no picture", heals=False, status=reply.status)
    if reply.media_type in {"text/html", "application/json", "text/plain", "text/xml", "application/xml"}:
        raise Outage(WHO, f"sent {reply.media_type} instead of a picture", heals=False)
    try:
        picture, width, height = await parsing.run(
            pictures.tile, reply.content, PIXELS, cpu_s_max=settings.picture_cpu_s_max
        )
    except Unreadable:
        raise Outage(WHO, "sent something that is not a picture", heals=False) from None
    if (width, height) not in {(PIXELS, PIXELS), (2 * PIXELS, 2 * PIXELS)}:
        raise Outage(WHO, f"sent a picture of {width} × {height} pixels", heals=False)
    if picture is None:
        raise Outage(WHO, "had no picture", heals=False)
    return picture


def _is_tilejson(template: str) -> bool:
    return template.partition("?")[0].lower().endswith(".json")


async def _resolved(client: httpx.AsyncClient, template: str) -> str:
    """The template itself, or the one that a TileJSON file names."""
    if PLACEHOLDER.search(template) or not _is_tilejson(template):
        return template
    reply = await outside.fetch(
        client,
        template,
        who=WHO,
        bytes_max=settings.imagery_tilejson_bytes_max,
        s_max=settings.imagery_s_max,
        tries_max=settings.imagery_tries_max,
    )
    try:
        check_json(reply.content)
        document = orjson.loads(reply.content)
        named = str(document["tiles"][0])
        if document.get("scheme") == "tms":
            named = named.replace("{y}", "{-y}")
        return check_template("tiles", named)
    except (Unreadable, orjson.JSONDecodeError, LookupError, TypeError, AttributeError):
        raise Outage(WHO, "sent something that is not a TileJSON file", heals=False) from None
    except Invalid as invalid:
        raise Outage(WHO, f"named tiles that cannot be fetched ({invalid.message.rstrip('.')})", heals=False) from None
