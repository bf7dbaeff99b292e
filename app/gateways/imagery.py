"""Imagery: its tiles fetched into a folder, bounded, paced, retried and cached."""

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from inspect import isawaitable
from pathlib import Path
from time import monotonic
from typing import NamedTuple

import httpx

from app import parsing, pictures
from app.errors import LimitReached, Unreadable
from app.gateways import outside, pacing, tile_cache
from app.gateways.imagery_sources import WHO, Source, source_of
from app.gateways.imagery_templates import check_template, tile_url
from app.gateways.outside import Outage
from app.gateways.tile_cache import Validators
from app.geometry.tiles import PIXELS, Tile
from app.settings import settings
from app.telemetry.metering import in_thread

__all__ = ["Fetched", "check_template", "fetch_picture", "fetch_tiles", "tile_url"]

TEXTS = {"text/html", "application/json", "text/plain", "text/xml", "application/xml", "application/vnd.ogc.se_xml"}
# As servers ask to be asked later, with the time in Retry-After or without.
BUSY = {429, 503}
GONE = {404, 410}
MAX_AGE = re.compile(r"max-age\s*=\s*\"?([0-9]{1,9})", re.IGNORECASE)
BACKOFF_S_MAX = 30.0

Report = Callable[[int, int], Awaitable[None] | None]


class Fetched(NamedTuple):
    """How many tiles arrived, and those that are not to be had: empty ones, and those that failed."""

    arrived: int
    without_imagery: list[Tile]


async def fetch_tiles(
    template: str,
    tiles: Sequence[Tile],
    folder: Path,
    *,
    report: Report,
    cancelled: Callable[[], bool],
    missing_share_max: float | None = None,
) -> Fetched:
    """Write `folder/z/x/y.png` for every tile the server has, 256 pixels square.

    Ground without imagery is no failure, unless there is none at all. Tiles may fail up to a share; beyond it, and
    where the first ones all fail, this gives up with an Outage that says why. When cancelled it drops what is under way
    and returns what has arrived.
    """
    if len(tiles) > settings.tiles_per_job_max:
        raise LimitReached(
            f"This needs {len(tiles)} tiles. Choose a smaller area or a lower zoom level.",
            limit=settings.tiles_per_job_max,
        )
    connections = max(1, min(settings.imagery_connections, len(tiles)))
    share = settings.imagery_missing_share_max if missing_share_max is None else missing_share_max
    async with outside.browsing(connections=connections) as client:
        source = await source_of(client, template)
        _check_coverage(source, tiles)
        errand = _Errand(client, source, tiles, folder, share)
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
    return Fetched(errand.arrived, sorted(errand.without_imagery))


def _check_coverage(source: Source, tiles: Sequence[Tile]) -> None:
    """Passes if the source may have one of the tiles at least."""
    if not any(source.has_zoom(zoom) for zoom in {tile.z for tile in tiles}):
        raise Outage(WHO, f"has only zoom levels {source.zooms}: choose one of these", heals=False)
    if not any(map(source.has, tiles)):
        raise Outage(WHO, "has no imagery here: choose other imagery or another area", heals=False)


async def fetch_picture(template: str, tile: Tile) -> bytes:
    """One tile as a PNG, 256 pixels square; an Outage says why there is none."""
    async with outside.browsing(connections=1) as client:
        source = await source_of(client, template)
        _check_coverage(source, [tile])
        picture = await _tile(client, tile_url(source.template, tile), _Patience(0))
    if picture is None:
        raise Outage(WHO, "had no picture", heals=False)
    return picture


class _Patience:
    """How long a job waits for a server that asks for pauses: so long after each tile that it sent."""

    def __init__(self, s_max: float) -> None:
        self._s_max = s_max
        self._began = monotonic()

    def renew(self) -> None:
        self._began = monotonic()

    def lasts(self, wait_s: float) -> bool:
        return monotonic() + wait_s <= self._began + self._s_max


async def _tile(client: httpx.AsyncClient, url: str, patience: _Patience) -> bytes | None:
    """A tile as it is now; None where there is no imagery."""
    kept = await in_thread(tile_cache.read, url)
    if kept is not None and kept.is_fresh:
        return kept.content
    try:
        reply = await _asked(client, url, kept.validators.headers if kept else {}, patience)
    except Outage as outage:
        if kept is not None and outage.heals:
            return kept.content
        if outage.status in GONE:
            await in_thread(tile_cache.forget, url)
        raise
    content = kept.content if kept is not None and reply.status == 304 else await _as_png(reply)
    if content is None:
        await in_thread(tile_cache.forget, url)
        return None
    before = kept.validators if kept is not None and reply.status == 304 else Validators()
    await in_thread(tile_cache.keep, url, content, _validators(reply, before))
    return content


def _validators(reply: outside.FetchedResponse, before: Validators) -> Validators:
    control = reply.headers.get("cache-control", "").lower()
    age = MAX_AGE.search(control)
    age_s = 0.0 if "no-store" in control or "no-cache" in control else float(age[1]) if age else None
    etag, modified = reply.headers.get("etag", before.etag), reply.headers.get("last-modified", before.last_modified)
    return Validators(etag, modified, age_s)


async def _asked(
    client: httpx.AsyncClient, url: str, headers: dict[str, str], patience: _Patience
) -> outside.FetchedResponse:
    """The server's answer. Where it asks to be asked later, all requests to it wait as long."""
    host = pacing.host_of(url)
    failures = 0
    while True:
        if not patience.lasts(wait_s := host.wait_s) and wait_s:
            raise Outage(WHO, "asked to be asked later", heals=True, status=429, retry_after_s=wait_s)
        await host.turn()
        try:
            reply = await outside.fetch(
                client,
                url,
                who=WHO,
                bytes_max=settings.imagery_reply_bytes_max,
                s_max=settings.imagery_s_max,
                headers=headers,
            )
        except Outage as outage:
            failures += 1
            pause_s = _pause_s(failures) if outage.retry_after_s is None else outage.retry_after_s
            is_busy = outage.status in BUSY and (outage.status == 429 or outage.retry_after_s is not None)
            if is_busy:
                host.refused(pause_s)
            if not outage.heals or not _goes_on(patience, pause_s, failures, is_busy=is_busy):
                raise
            if not is_busy:
                await asyncio.sleep(pause_s)
            continue
        host.answered()
        patience.renew()
        return reply


def _goes_on(patience: _Patience, pause_s: float, failures: int, *, is_busy: bool) -> bool:
    """Whether a tile is asked for once more: a busy server as long as patience lasts, a broken one a few times."""
    return patience.lasts(pause_s) if is_busy else failures < settings.imagery_tries_max


def _pause_s(failures: int) -> float:
    longest: float = min(settings.outside_retry_s * 2.0**failures, BACKOFF_S_MAX)
    return longest * random.uniform(0.5, 1)  # noqa: S311 -- nobody has to guess it


class _Errand:
    """The tiles of one job on their way: what has arrived, and what went wrong how often."""

    def __init__(
        self, client: httpx.AsyncClient, source: Source, tiles: Sequence[Tile], folder: Path, missing_share_max: float
    ) -> None:
        self.client = client
        self.source = source
        self.total = len(tiles)
        # Tiles spread over the whole area come first: if they all fail, so will the rest.
        step = max(1, self.total // settings.imagery_failures_at_first_max)
        self.left = iter([tile for start in range(step) for tile in tiles[start::step]])
        self.folder = folder
        self.missing_share_max = missing_share_max
        self.patience = _Patience(settings.imagery_patience_s)
        self.arrived = 0
        self.without_imagery: list[Tile] = []
        self.failures: Counter[str] = Counter()
        self.may_heal = 0

    @property
    def done(self) -> int:
        return self.arrived + len(self.without_imagery)

    async def run(self, connections: int) -> None:
        turns = [asyncio.create_task(self._take_turns()) for _ in range(connections)]
        try:
            await asyncio.gather(*turns)
        finally:
            for turn in turns:
                turn.cancel()
            await asyncio.gather(*turns, return_exceptions=True)
        if not self.arrived and self.total:
            raise self._gives_up(Outage(WHO, "had no picture", heals=False))

    async def _take_turns(self) -> None:
        for tile in self.left:
            try:
                url = tile_url(self.source.template, tile)
                content = await _tile(self.client, url, self.patience) if self.source.has(tile) else None
            except Outage as outage:
                self.without_imagery.append(tile)
                self._count(outage)
                continue
            if content is None:
                self.without_imagery.append(tile)
                continue
            await in_thread(tile_cache.write, self.folder / str(tile.z) / str(tile.x) / f"{tile.y}.png", content)
            self.arrived += 1

    def _count(self, outage: Outage) -> None:
        self.failures[outage.reason] += 1
        self.may_heal += outage.heals
        failed = self.failures.total()
        none_came = not self.arrived and failed >= min(self.total, settings.imagery_failures_at_first_max)
        # Ground off the imagery may be wanted; ground that a server could not show just now never is.
        too_many = failed > self.missing_share_max * self.total
        if none_came or too_many or self.may_heal > settings.imagery_missing_share_max * self.total:
            raise self._gives_up(outage)

    def _gives_up(self, outage: Outage) -> Outage:
        failed = self.failures.total()
        reason = self.failures.most_common(1)[0][0] if failed else outage.reason
        advice = "try again later" if outage.heals else "check the template and the zoom levels"
        message = f"{reason} for {failed or len(self.without_imagery)} of {self.done} tiles: {advice}"
        return Outage(WHO, message, heals=outage.heals, status=outage.status, retry_after_s=outage.retry_after_s)


async def _as_png(reply: outside.FetchedResponse) -> bytes | None:
    """The reply as an opaque picture of 256 pixels a side, if it is a picture of a tile at all; None if it is empty."""
    # As Bing says that its picture shows nothing but that there is none.
    if reply.status == 204 or not reply.content or reply.headers.get("x-ve-tile-info", "").lower() == "no-tile":
        return None
    if reply.media_type in TEXTS:
        raise Outage(WHO, f"sent {reply.media_type} instead of a picture", heals=False)
    try:
        picture, width, height = await parsing.run(
            pictures.tile, reply.content, PIXELS, cpu_s_max=settings.picture_cpu_s_max
        )
    except Unreadable:
        raise Outage(WHO, "sent something that is not a picture", heals=False) from None
    if (width, height) not in {(PIXELS, PIXELS), (2 * PIXELS, 2 * PIXELS)}:
        raise Outage(WHO, f"sent a picture of {width} × {height} pixels", heals=False)
    return picture
