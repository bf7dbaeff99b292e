"""The demo village is the same everywhere, and its footprints lie where its houses are drawn."""

import subprocess
import sys
from hashlib import sha256
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image
from rasterio.features import rasterize
from shapely import affinity
from starlette.applications import Starlette
from starlette.routing import Mount

from app.gateways.fakes import app, village
from app.geometry.tiles import Tile, covering, position
from tests.servers import serving

MIDDLE = Tile(19, village.ORIGIN_X, village.ORIGIN_Y)


def pixels(tile):
    return np.asarray(Image.open(BytesIO(village.tile_png(tile))), np.int16)


def test_a_tile_is_the_same_in_another_process():
    program = (
        "from hashlib import sha256; from app.gateways.fakes import village; from app.geometry.tiles import Tile;"
        f"print(sha256(village.tile_png(Tile{tuple(MIDDLE)})).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == sha256(village.tile_png(MIDDLE)).hexdigest()


@pytest.mark.parametrize("zoom", [15, 17, 19, 20, 22])
def test_tiles_meet_without_a_seam(zoom):
    x, y = (int(part * 2.0 ** (zoom - 19)) for part in (MIDDLE.x, MIDDLE.y))
    left, right = pixels(Tile(zoom, x, y)), pixels(Tile(zoom, x + 1, y))
    across = np.abs(left[:, -1] - right[:, 0]).mean()
    within = np.abs(left[:, -2] - left[:, -1]).mean()
    assert across < 3 * within + 2


@pytest.mark.parametrize("zoom", [17, 18])
def test_a_tile_shows_what_its_four_children_show(zoom):
    parent = Tile(zoom, MIDDLE.x >> (19 - zoom), MIDDLE.y >> (19 - zoom))
    rows = [np.hstack([pixels(Tile(zoom + 1, 2 * parent.x + x, 2 * parent.y + y)) for x in (0, 1)]) for y in (0, 1)]
    children = Image.fromarray(np.vstack(rows).astype(np.uint8)).reduce(2)
    assert np.abs(np.asarray(children, np.int16) - pixels(parent)).mean() < 12


def test_footprints_are_where_houses_are_drawn():
    # A roof is never green: grass, crops and crowns are.
    inside, outside = [], []
    for tile in covering(village.PREDICTION_AREA, 19):
        shapes = [one.geometry for one in village.footprints(tile.bounds)]
        if not shapes:
            continue
        west, _, _, north = tile.bounds
        east, south = tile.bounds[2], tile.bounds[1]
        scale = 256 / (east - west), -256 / (north - south)
        drawn = [affinity.scale(affinity.translate(s, -west, -north), *scale, origin=(0, 0)) for s in shapes]
        mask = rasterize(drawn, (256, 256)).astype(bool)
        picture = pixels(tile)
        green = (picture[..., 1] > picture[..., 0] + 3) & (picture[..., 1] > picture[..., 2] + 12)
        inside.append(green[mask])
        outside.append(green[~mask])
    assert np.concatenate(inside).mean() < 0.1
    assert np.concatenate(outside).mean() > 0.5


def test_the_ready_areas_have_the_size_and_the_houses_a_lesson_needs():
    assert 50 <= sum(len(covering(area, 19)) for area in village.TRAINING_AREAS) <= 70
    assert 12 <= len(covering(village.PREDICTION_AREA, 19)) <= 20
    assert any(len(area.exterior.coords) > 5 for area in village.TRAINING_AREAS)
    assert not any(area.intersects(village.PREDICTION_AREA) for area in village.TRAINING_AREAS)
    houses = village.footprints(village.BOUNDS)
    assert len({(house.osm_type, house.osm_id) for house in houses}) == len(houses) > 400
    assert any(house.geometry.interiors for house in houses)
    assert all(house.geometry.is_valid for house in houses)


async def test_the_tilejson_file_names_its_neighbours_wherever_the_fakes_are_mounted():
    with serving(Starlette(routes=[Mount("/demo", app)])) as server:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            tilejson = (await client.get("/demo/tilejson.json")).json()
            assert tilejson["tiles"] == [f"{server.url}/demo/tiles/{{z}}/{{x}}/{{y}}.png"]


async def test_every_naming_of_a_tile_shows_the_same_ground(fakes):
    z, x, y = MIDDLE
    key = "".join(str((x >> bit & 1) + 2 * (y >> bit & 1)) for bit in range(z - 1, -1, -1))
    async with httpx.AsyncClient(base_url=fakes.url, timeout=60) as client:
        paths = (f"/tiles/{z}/{x}/{y}.png", f"/tms/{z}/{x}/{2**z - 1 - y}.png", f"/quadkey/{key}.png")
        replies = [await client.get(path) for path in paths]
        tilejson = (await client.get("/tilejson.json")).json()
    assert {reply.content for reply in replies} == {village.tile_png(MIDDLE)}
    assert tilejson["tiles"] == [f"{fakes.url}/tiles/{{z}}/{{x}}/{{y}}.png"]


@pytest.mark.parametrize("path", ["/tiles/23/0/0.png", "/tiles/3/8/0.png", "/tms/1/0/5.png", "/quadkey/124.png"])
async def test_a_tile_that_cannot_be_is_not_found(fakes, path):
    async with httpx.AsyncClient(base_url=fakes.url, timeout=60) as client:
        assert (await client.get(path)).status_code == 404


def test_the_middle_of_the_village_lies_where_it_is_said_to():
    x, y = position(village.LONGITUDE, village.LATITUDE, 19)
    assert (int(x), int(y)) == (village.ORIGIN_X, village.ORIGIN_Y)
