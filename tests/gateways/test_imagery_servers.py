"""Tile servers as they are: busy ones, renewed ones, and those that have imagery only in some places."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.gateways import imagery, outside, pacing, tile_cache
from app.gateways.outside import Outage
from app.geometry.tiles import Tile
from app.settings import settings
from tests.servers import serving

TILES = [Tile(10, x, 0) for x in range(12)]


def png(colour="red", size=(256, 256), mode="RGB"):
    file = BytesIO()
    Image.new(mode, size, colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = png(), png("blue")


class Server:
    """A tile server that a test tells what to answer; it keeps what was asked."""

    def __init__(self):
        self.asked = Counter()
        self.heads = []
        self.answer = lambda _tile, _request: Response(RED, media_type="image/png")
        self.document = {}

    async def tile(self, request):
        tile = Tile(*(request.path_params[name] for name in ("z", "x", "y")))
        self.asked[tile] += 1
        self.heads.append(request.headers)
        return self.answer(tile, request)

    async def tilejson(self, _):
        return JSONResponse(self.document)


@pytest.fixture
def server(monkeypatch):
    pacing.forget_all()
    server = Server()
    routes = [
        Route("/{z:int}/{x:int}/{y:int}.png", server.tile),
        Route("/deep/tiles.json", server.tilejson),
    ]
    with serving(Starlette(routes=routes)) as running:
        server.url = running.url
        server.template = running.url + "/{z}/{x}/{y}.png"
        monkeypatch.setattr(settings, "outside_hosts_allowed", [running.host])
        yield server
    pacing.forget_all()


@pytest.fixture
def fetch(tmp_path):
    jobs = iter(range(1_000))

    async def fetch(template, tiles=TILES, **more):
        folder = tmp_path / f"job{next(jobs)}"
        given = {"report": lambda _done, _total: None, "cancelled": lambda: False, **more}
        fetched = await imagery.fetch_tiles(template, tiles, folder, **given)
        colours = {}
        for tile in tiles:
            path = folder / str(tile.z) / str(tile.x) / f"{tile.y}.png"
            if path.exists():
                with Image.open(path) as image:
                    colours[tile] = image.getpixel((0, 0))
        assert len(colours) == fetched.arrived
        return fetched, colours

    return fetch


def soon():
    return format_datetime(datetime.now(UTC) + timedelta(seconds=1), usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("retry_after", ["1", "0", " 1 ", "0.2", soon, "Mon, 01 Jan 2001 00:00:00 GMT"])
async def test_a_server_that_asks_for_a_pause_is_asked_again(server, fetch, status, retry_after):
    def answer(tile, _):
        if tile.x % 2 and server.asked[tile] == 1:
            value = retry_after() if callable(retry_after) else retry_after
            return Response(status_code=status, headers={"Retry-After": value})
        return Response(RED, media_type="image/png")

    server.answer = answer
    # Two refusals: after each the distance between requests is doubled.
    fetched, _ = await fetch(server.template, TILES[:4])
    assert (fetched.arrived, fetched.without_imagery) == (4, [])
    assert max(server.asked.values()) <= 3


async def test_while_a_host_pauses_it_is_asked_for_nothing(server, fetch, monkeypatch):
    monkeypatch.setattr(settings, "imagery_connections", 1)
    server.answer = lambda tile, _: (
        Response(status_code=429, headers={"Retry-After": "1"}) if server.asked.total() == 2 else Response(RED)
    )
    fetched, _ = await fetch(server.template)
    assert fetched.arrived == 12
    assert server.asked.total() == 13


async def test_a_busy_server_without_a_time_is_waited_for_longer_than_a_broken_one(server, fetch, monkeypatch):
    monkeypatch.setattr(settings, "imagery_tries_max", 2)
    server.answer = lambda tile, _: Response(status_code=429) if server.asked[tile] <= 2 else Response(RED)
    fetched, _ = await fetch(server.template, TILES[:2])
    assert fetched.arrived == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_patience_ends_and_the_outage_says_when_to_come_back(server, fetch, monkeypatch, status):
    monkeypatch.setattr(settings, "imagery_patience_s", 0.5)
    server.answer = lambda _tile, _request: Response(status_code=status, headers={"Retry-After": "120"})
    with pytest.raises(Outage, match="try again later") as refused:
        await fetch(server.template)
    assert refused.value.heals
    assert 100 < refused.value.retry_after_s <= 120
    assert server.asked.total() <= 8


async def test_a_job_that_waits_is_cancelled_at_once(server, fetch):
    server.answer = lambda _tile, _request: Response(status_code=429, headers={"Retry-After": "60"})
    calls = []

    def cancelled():
        calls.append(1)
        return len(calls) > 3

    async with asyncio.timeout(30):
        fetched, _ = await fetch(server.template, cancelled=cancelled)
    assert fetched.arrived == 0


def test_a_host_is_paced_after_refusals_and_eased_by_answers():
    now = [100.0]
    host = pacing.Host(lambda: now[0])
    host.refused(3)
    assert host.wait_s == pytest.approx(3)
    host.refused(1)
    assert host.wait_s == pytest.approx(3)
    now[0] += 3
    assert host.wait_s == 0
    asyncio.run(host.turn())
    assert 0 < host.wait_s <= 1
    for _ in range(100):
        host.answered()
    now[0] += 1
    asyncio.run(host.turn())
    assert host.wait_s == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("5", 5),
        ("0", 0),
        ("5.5", 5.5),
        ("99999999999999", 999999999),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0),
        ("Mon, 01 Jan 2001 00:00:00", 0),
        ("Mon, 99 Foo 2001", None),
    ],
)
def test_times_to_wait_are_read_in_both_forms(value, seconds):
    assert outside.retry_after_s(value) == seconds


EMPTY = {
    "no content": lambda: Response(status_code=204),
    "nothing": lambda: Response(b"", media_type="image/png"),
    "transparent": lambda: Response(png((0, 0, 0, 0), mode="RGBA"), media_type="image/png"),
    "black": lambda: Response(png("black"), media_type="image/png"),
    "white": lambda: Response(png("white", (512, 512)), media_type="image/png"),
    "no data": lambda: Response(RED, media_type="image/png", headers={"X-VE-Tile-Info": "no-tile"}),
}


@pytest.mark.parametrize("kind", EMPTY)
async def test_ground_without_imagery_is_no_failure(server, fetch, kind):
    server.answer = lambda tile, _: EMPTY[kind]() if tile.x > 1 else Response(RED, media_type="image/png")
    fetched, _ = await fetch(server.template)
    assert fetched == (2, TILES[2:])
    assert set(server.asked.values()) == {1}


@pytest.mark.parametrize("kind", EMPTY)
async def test_no_imagery_at_all_is_a_failure(server, fetch, kind):
    server.answer = lambda _tile, _request: EMPTY[kind]()
    with pytest.raises(Outage, match="had no picture for 12 of 12 tiles: check the template") as refused:
        await fetch(server.template)
    assert not refused.value.heals


async def test_failures_are_told_and_beyond_a_share_they_end_the_job(server, fetch, monkeypatch):
    server.answer = lambda tile, _: Response(status_code=404) if tile.x < 4 else Response(RED)
    fetched, _ = await fetch(server.template)
    assert fetched == (8, TILES[:4])
    monkeypatch.setattr(settings, "imagery_missing_share_max", 0.25)
    with pytest.raises(Outage, match="answered 404 for 4 of"):
        await fetch(server.template)


async def test_where_ground_may_lie_off_the_imagery_only_what_heals_is_a_failure(server, fetch):
    server.answer = lambda tile, _: Response(status_code=404) if tile.x % 4 and tile.x < 10 else Response(RED)
    fetched, _ = await fetch(server.template, missing_share_max=1)
    assert fetched == (5, [tile for tile in TILES if tile.x % 4 and tile.x < 10])
    server.answer = lambda tile, _: Response(status_code=500) if tile.x % 4 and tile.x < 10 else Response(RED)
    with pytest.raises(Outage, match="answered 500 for 7 of") as refused:
        await fetch(server.template, missing_share_max=1)
    assert refused.value.heals


class Renewed:
    """Imagery with a version, which its server tells in one way or another."""

    def __init__(self, server, **headers):
        self.server, self.headers, self.colour = server, headers, RED

    def __call__(self, _tile, request):
        tag, since = request.headers.get("if-none-match"), request.headers.get("if-modified-since")
        is_same = (tag and tag == self.headers.get("ETag")) or (since and since == self.headers.get("Last-Modified"))
        if is_same:
            return Response(status_code=304, headers=self.headers)
        return Response(self.colour, media_type="image/png", headers=self.headers)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"ETag": '"1"'}, {"ETag": '"2"'}),
        ({"ETag": 'W/"1"'}, {"ETag": 'W/"2"'}),
        ({"Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}, {"Last-Modified": "Mon, 01 Jan 2025 00:00:00 GMT"}),
        ({"Cache-Control": "no-cache"}, {}),
        ({"Cache-Control": "max-age=0"}, {}),
    ],
)
async def test_renewed_imagery_is_seen(server, fetch, first, second):
    server.answer = Renewed(server, **first)
    await fetch(server.template)
    server.answer.colour, server.answer.headers = BLUE, second
    _, colours = await fetch(server.template)
    assert set(colours.values()) == {(0, 0, 255)}


async def test_what_has_not_changed_is_not_sent_again(server, fetch):
    server.answer = Renewed(server, ETag='"1"')
    await fetch(server.template)
    server.answer.colour = BLUE
    for _ in range(2):
        _, colours = await fetch(server.template)
        assert set(colours.values()) == {(255, 0, 0)}
    assert server.asked.total() == 36
    assert [head.get("if-none-match") for head in server.heads[12:]] == ['"1"'] * 24


@pytest.mark.parametrize(
    "headers", [{}, {"Cache-Control": "max-age=600"}, {"Cache-Control": "max-age=600", "ETag": "1"}]
)
async def test_a_tile_is_trusted_for_a_while(server, fetch, monkeypatch, headers):
    server.answer = Renewed(server, **headers)
    await fetch(server.template)
    await fetch(server.template)
    assert server.asked.total() == 12
    monkeypatch.setattr(settings, "imagery_cache_age_s", 0)
    server.answer.colour, server.answer.headers = BLUE, {}
    _, colours = await fetch(server.template)
    assert set(colours.values()) == {(0, 0, 255)}


async def test_an_older_tile_is_better_than_none_unless_it_was_removed(server, fetch):
    server.answer = Renewed(server, ETag='"1"')
    await fetch(server.template)
    server.answer = lambda _tile, _request: Response(status_code=500)
    fetched, _ = await fetch(server.template)
    assert fetched.arrived == 12
    server.answer = lambda tile, _: Response(status_code=404) if tile.x < 3 else Response(status_code=500)
    fetched, _ = await fetch(server.template)
    assert fetched == (9, TILES[:3])
    assert tile_cache.read(imagery.tile_url(server.template, TILES[0])) is None


async def test_a_cache_of_an_earlier_version_is_not_trusted(server, fetch):
    await fetch(server.template)
    for path in settings.home.joinpath("cache").rglob("*.tile"):
        path.write_bytes(RED)
    fetched, _ = await fetch(server.template)
    assert fetched.arrived == 12
    assert server.asked.total() == 24


def grey(values):
    file = BytesIO()
    Image.fromarray(np.array(values, dtype=np.uint16)).save(file, "PNG")
    return file.getvalue()


async def test_grey_of_sixteen_bits_is_scaled(server, fetch):
    steps = [257, 20_000, 40_000, 65_535]
    server.answer = lambda tile, _: Response(grey(np.full((256, 256), steps[tile.x])), media_type="image/png")
    _, colours = await fetch(server.template, TILES[:3])
    assert [colour[0] for colour in colours.values()] == [1, 77, 155]
    ramp = np.tile(np.linspace(0, 65_535, 256), (256, 1))
    server.answer = lambda _tile, _request: Response(grey(ramp), media_type="image/png")
    await fetch(server.template, [Tile(10, 50, 0)])
    kept = tile_cache.read(imagery.tile_url(server.template, Tile(10, 50, 0)))
    with Image.open(BytesIO(kept.content)) as image:
        assert len(image.convert("L").getcolors()) > 250


async def test_tilejson_says_where_tiles_are(server, fetch):
    server.document = {"tilejson": "2.2.0", "tiles": ["../{z}/{x}/{y}.png"], "minzoom": 0, "maxzoom": 10}
    template = server.url + "/deep/tiles.json"
    fetched, _ = await fetch(template)
    assert fetched.arrived == 12
    deeper = [*TILES[:2], Tile(11, 4, 0)]
    fetched, _ = await fetch(template, deeper)
    assert fetched == (2, deeper[2:])
    with pytest.raises(Outage, match=r"has only zoom levels 0 to 10: choose one of these") as refused:
        await fetch(template, [Tile(20, 4, 0)])
    assert not refused.value.heals
    assert {tile.z for tile in server.asked} == {10}


@pytest.mark.parametrize(
    ("bounds", "arrived"),
    [
        ([-180, -90, -179, 90], 3),
        ([179, -90, -179, 90], 3),
        ([-180, -90, 180, 90], 12),
        (["a", 1, 2, 3], 12),
        ([1, 2, 3], 12),
        ([0, 0, 0, 0], 12),
        (None, 12),
    ],
)
async def test_tiles_beyond_its_bounds_are_not_asked_for(server, fetch, bounds, arrived):
    server.document = {"tiles": [server.template], "bounds": bounds, "minzoom": "a", "maxzoom": None}
    fetched, _ = await fetch(server.url + "/deep/tiles.json")
    assert (fetched.arrived, server.asked.total()) == (arrived, arrived)


async def test_imagery_of_another_place_is_named_as_such(server, fetch):
    server.document = {"tiles": [server.template], "bounds": [100, -10, 110, 10]}
    with pytest.raises(Outage, match="has no imagery here: choose other imagery or another area"):
        await fetch(server.url + "/deep/tiles.json")
    assert not server.asked


async def test_the_zoom_levels_of_josm_count(server, fetch):
    with pytest.raises(Outage, match="has only zoom levels 2 to 9: choose one of these"):
        await fetch(f"tms[2,9]:{server.url}/{{zoom}}/{{x}}/{{y}}.png")
    fetched, _ = await fetch(f"tms[22]:{server.url}/{{zoom}}/{{x}}/{{y}}.png")
    assert fetched.arrived == 12
