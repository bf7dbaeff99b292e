"""Tiles arrive whole and square, or a sentence says why they do not."""

import os
import threading
import time
from io import BytesIO

import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.errors import Invalid, LimitReached
from app.gateways import imagery, tile_cache
from app.gateways.fakes import village
from app.gateways.outside import Outage
from app.geometry.tiles import Tile, covering
from app.settings import settings
from tests.servers import serving

SAMPLE = Tile(3, 5, 1)
TILES = covering(village.PREDICTION_AREA, 18)


def never():
    return False


async def fetch(template, folder, tiles=TILES, report=lambda _done, _total: None, cancelled=never):
    return (await imagery.fetch_tiles(template, tiles, folder, report=report, cancelled=cancelled)).arrived


def picture(size, mode="RGB", colour="red", form="PNG"):
    file = BytesIO()
    Image.new(mode, size, colour).save(file, form)
    return file.getvalue()


@pytest.fixture
def serve(monkeypatch):
    """A tile server that answers every tile as told."""
    servers = []

    def start(answer):
        async def tile(request):
            return answer(Tile(*(request.path_params[name] for name in ("z", "x", "y"))))

        server = serving(Starlette(routes=[Route("/{z:int}/{x:int}/{y:int}", tile)]))
        servers.append(server)
        running = server.__enter__()
        monkeypatch.setattr(settings, "outside_hosts_allowed", [running.host])
        return running.url + "/{z}/{x}/{y}"

    yield start
    for server in servers:
        server.__exit__(None, None, None)


@pytest.mark.parametrize(
    ("template", "url"),
    [
        ("https://example.org/{z}/{x}/{y}.png", "https://example.org/3/5/1.png"),
        ("https://example.org/{z}/{x}/{-y}.png", "https://example.org/3/5/6.png"),
        ("https://example.org/{q}.jpg?v=1", "https://example.org/103.jpg?v=1"),
        ("https://{s}.example.org/{z}/{x}/{y}", "https://a.example.org/3/5/1"),
        ("https://{switch:t1,t2,t3,t4}.example.org/{z}/{x}/{y}", "https://t3.example.org/3/5/1"),
    ],
)
def test_a_template_names_a_tile(template, url):
    assert imagery.check_template("sourceImagery", f" {template} ") == template
    assert imagery.tile_url(template, SAMPLE) == url


def test_the_address_of_a_tilejson_file_is_a_template():
    url = "https://example.org/mosaic/tiles.json?key=1"
    assert imagery.check_template("sourceImagery", url) == url


@pytest.mark.parametrize(
    "template",
    [
        "",
        "https://example.org/",
        "https://example.org/{z}/{x}.png",
        "https://example.org/{x}/{y}.png",
        "https://example.org/{z}/{x}/{y}/{secret}",
        "https://example.org/{z}/{x}/{y}/{0.__class__}",
        "ftp://example.org/{z}/{x}/{y}",
        "file:///tiles/{z}/{x}/{y}.png",
        "http://127.1/{z}/{x}/{y}.png",
        "http://{switch:127.0.0.1,localhost}/{z}/{x}/{y}.png",
        "http://169.254.169.254/tiles.json",
        "https://me:you@example.org/{z}/{x}/{y}.png",
        "https://example.org/{z}/{x}/{y}" + "a" * 2_000,
        "/vsicurl/https://example.org/{z}/{x}/{y}.png",
    ],
)
def test_what_is_no_template_is_refused(template):
    with pytest.raises(Invalid) as refused:
        imagery.check_template("sourceImagery", template)
    assert refused.value.field == "sourceImagery"


async def test_tiles_arrive_as_square_pictures(fakes, tmp_path):
    told = []

    async def report(done, total):
        told.append((done, total))

    arrived = await fetch(fakes.url + "/tiles/{z}/{x}/{y}.png", tmp_path / "chips", report=report)
    assert arrived == len(TILES)
    assert told[-1] == (len(TILES), len(TILES))
    for tile in TILES:
        with Image.open(tmp_path / "chips" / str(tile.z) / str(tile.x) / f"{tile.y}.png") as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")


@pytest.mark.parametrize("template", ["/tms/{z}/{x}/{-y}.png", "/quadkey/{q}.png", "/tilejson.json"])
async def test_every_kind_of_template_shows_the_same_ground(fakes, tmp_path, template):
    await fetch(fakes.url + "/tiles/{z}/{x}/{y}.png", tmp_path / "xyz")
    await fetch(fakes.url + template, tmp_path / "other")
    written = [path.relative_to(tmp_path / "xyz") for path in (tmp_path / "xyz").rglob("*.png")]
    assert len(written) == len(TILES)
    for path in written:
        assert (tmp_path / "other" / path).read_bytes() == (tmp_path / "xyz" / path).read_bytes()


async def test_a_second_job_asks_the_server_nothing(fakes, tmp_path):
    template = fakes.url + "/tiles/{z}/{x}/{y}.png"
    await fetch(template, tmp_path / "first")
    fakes.asked.clear()
    assert await fetch(template, tmp_path / "second") == len(TILES)
    assert not fakes.asked


async def test_the_cache_forgets_what_was_unused_for_longest(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "imagery_cache_bytes_max", 350)
    for age, name in enumerate("abc"):
        tile_cache.keep(name, bytes(100))
        os.utime(next(path for path in (tmp_path / "cache").rglob("*.tile") if path.stat().st_mtime > 1e6), (age, age))
    assert tile_cache.read("a").content == bytes(100)
    tile_cache.trim()
    assert [tile_cache.read(name) is not None for name in "abc"] == [True, False, True]


async def test_what_heals_is_tried_again(fakes, tmp_path):
    template = fakes.url + "/broken/flaky/{z}/{x}/{y}.png"
    assert await fetch(template, tmp_path / "chips", TILES[:2]) == 2
    assert set(fakes.asked.values()) == {3}


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("404", "answered 404 for 8 of 8 tiles: check the template and the zoom levels."),
        ("500", "answered 500 for 8 of 8 tiles: try again later."),
        ("html", "sent text/html instead of a picture for 8 of 8 tiles: check the template and the zoom levels."),
        ("garbage", "sent something that is not a picture for 8 of 8 tiles: check the template and the zoom levels."),
        ("huge", "sent more than 2,097,152 bytes for 8 of 8 tiles: check the template and the zoom levels."),
        ("never", "did not answer within 0.6 s for 8 of 8 tiles: try again later."),
        ("slow", "did not answer within 0.6 s for 8 of 8 tiles: try again later."),
        ("redirect-private", "could not be reached at a public address for 8 of 8 tiles: try again later."),
    ],
)
async def test_a_server_that_fails_every_tile_is_left_with_a_reason(fakes, tmp_path, monkeypatch, mode, reason):
    if mode in {"never", "slow"}:
        monkeypatch.setattr(settings, "imagery_s_max", 0.6)
    tiles = covering(village.PREDICTION_AREA, 20)
    with pytest.raises(Outage) as refused:
        await fetch(fakes.url + f"/broken/{mode}/{{z}}/{{x}}/{{y}}.png", tmp_path / "chips", tiles)
    assert refused.value.message == f"The imagery server {reason}"
    assert not list((tmp_path / "chips").rglob("*.png"))
    assert not fakes.asked["/osm/v1/status/"]


async def test_a_few_missing_tiles_are_no_reason_to_stop(serve, tmp_path):
    template = serve(lambda tile: Response(status_code=404) if tile.x % 3 == 0 else Response(picture((256, 256))))
    tiles = [Tile(10, x, 0) for x in range(9)]
    assert await fetch(template, tmp_path / "chips", tiles) == 6


async def test_too_many_missing_tiles_are(serve, tmp_path):
    template = serve(lambda tile: Response(picture((256, 256))) if tile.x % 3 == 0 else Response(status_code=404))
    tiles = [Tile(10, x, 0) for x in range(30)]
    with pytest.raises(Outage, match="answered 404 for 16 of"):
        await fetch(template, tmp_path / "chips", tiles)


async def test_pictures_of_other_kinds_become_opaque_squares(serve, tmp_path):
    kinds = [
        picture((512, 512), form="JPEG"),
        picture((256, 256), "RGBA", (0, 200, 0, 128)),
        picture((256, 256), "L", 7),
        picture((256, 256), "P", "orange", "PNG"),
        picture((512, 512), form="WEBP"),
    ]
    template = serve(lambda tile: Response(kinds[tile.x], media_type="application/octet-stream"))
    assert await fetch(template, tmp_path / "chips", [Tile(10, x, 0) for x in range(5)]) == 5
    colours = []
    for x in range(5):
        with Image.open(tmp_path / "chips" / "10" / str(x) / "0.png") as image:
            assert (image.size, image.mode) == ((256, 256), "RGB")
            colours.append(image.getpixel((0, 0)))
    assert colours[1:3] == [(0, 100, 0), (7, 7, 7)]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (picture((256, 255)), "sent a picture of 256 × 255 pixels"),
        (picture((4_000, 4_000), "1", 0), "sent a picture of 4000 × 4000 pixels"),
        (picture((256, 256), "RGBA", (0, 0, 0, 0)), "had no picture"),
        (picture((256, 256), form="BMP"), "sent something that is not a picture"),
        (picture((256, 256), form="JPEG")[:400], "sent something that is not a picture"),
        (b"", "had no picture"),
    ],
)
async def test_a_picture_that_is_no_tile_is_refused(serve, tmp_path, content, reason):
    template = serve(lambda _: Response(content, media_type="image/png"))
    with pytest.raises(Outage) as refused:
        await fetch(template, tmp_path / "chips", [SAMPLE])
    assert refused.value.message.startswith(f"The imagery server {reason} for 1 of 1 tiles")


@pytest.mark.parametrize(
    "document",
    [
        {"tiles": ["http://127.0.0.2/{z}/{x}/{y}.png"]},
        {"tiles": ["file:///{z}/{x}/{y}.png"]},
        {"tiles": []},
        {"tiles": {"a": 1}},
        ["tiles"],
        None,
    ],
)
async def test_a_tilejson_file_cannot_name_what_a_person_could_not(document, monkeypatch, tmp_path):
    async def tilejson(_):
        return JSONResponse(document)

    with serving(Starlette(routes=[Route("/tiles.json", tilejson)])) as server:
        monkeypatch.setattr(settings, "outside_hosts_allowed", [server.host])
        with pytest.raises(Outage, match=r"The imagery server (named tiles that cannot be fetched|sent something)"):
            await fetch(server.url + "/tiles.json", tmp_path / "chips")


async def test_a_cancelled_job_leaves_at_once(fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "imagery_s_max", 600)
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) > 2

    assert await fetch(fakes.url + "/broken/never/{z}/{x}/{y}.png", tmp_path / "chips", cancelled=cancelled) == 0


async def test_a_report_that_fails_stops_the_job(fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "imagery_s_max", 600)

    def report(done, total):
        raise ConnectionError(done, total)

    with pytest.raises(ConnectionError):
        await fetch(fakes.url + "/broken/never/{z}/{x}/{y}.png", tmp_path / "chips", report=report)


async def test_more_tiles_than_a_job_may_take_are_refused_before_the_first(fakes, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "tiles_per_job_max", 3)
    with pytest.raises(LimitReached):
        await fetch(fakes.url + "/tiles/{z}/{x}/{y}.png", tmp_path / "chips")
    assert not fakes.asked


async def test_no_more_connections_are_open_than_allowed(serve, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "imagery_connections", 3)
    lock, now, most = threading.Lock(), [0], [0]
    content = picture((256, 256))

    def answer(_):
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1
        return Response(content)

    template = serve(answer)
    assert await fetch(template, tmp_path / "chips", [Tile(10, x, 0) for x in range(20)]) == 20
    assert most[0] <= 3
