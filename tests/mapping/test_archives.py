"""A training's areas and labels as PMTiles: opened by its reader, each tile saying what lies there."""

import asyncio
import gzip

import mapbox_vector_tile
import pytest
from pmtiles.reader import MmapSource, Reader, all_tiles
from pmtiles.tile import Compression, TileType
from shapely import box

from app.geometry.tiles import Tile, covering, position
from app.models.kinds.mapping import MappingJob
from app.services.system.jobs import Claim
from app.settings import settings
from jobs.mapping.archive import write_archive
from jobs.run import JobRun
from tests import factories

AREA = box(12.0, 46.0, 12.005, 46.004)
HOUSE = box(12.0002, 46.0002, 12.0004, 46.0003)
LAYERS = {"aois": [(AREA, {})], "labels": [(HOUSE, {"building": "yes", "levels": 2}), (HOUSE, {})]}


@pytest.fixture
async def run(database):
    job = await factories.job(database, kind=MappingJob.TRAIN)
    return JobRun(database, Claim(job.id, job.kind, 0, 1, 0, 1, 1), asyncio.Event())


async def test_an_archive_has_every_tile_of_the_areas(run, tmp_path):
    path = tmp_path / "meta.pmtiles"
    await write_archive(run, path, [AREA], LAYERS)
    with path.open("rb") as file:
        source = MmapSource(file)
        reader = Reader(source)
        header, about = reader.header(), reader.metadata()
        tiles = {Tile(*name): gzip.decompress(content) for name, content in all_tiles(source)}
    assert (header["min_zoom"], header["max_zoom"]) == (7, 18)
    assert (header["tile_type"], header["tile_compression"]) == (TileType.MVT, Compression.GZIP)
    bounds = [header[f"{end}_{way}_e7"] / 1e7 for end in ("min", "max") for way in ("lon", "lat")]
    assert bounds == pytest.approx(AREA.bounds)
    assert [(layer["id"], list(layer["fields"])) for layer in about["vector_layers"]] == [
        ("aois", []),
        ("labels", ["building", "levels"]),
    ]
    assert set(tiles) == {tile for zoom in range(7, 19) for tile in covering(AREA, zoom)}
    here = Tile(18, *(int(part) for part in position(12.0003, 46.00025, 18)))
    decoded = mapbox_vector_tile.decode(tiles[here])
    assert [feature["properties"] for feature in decoded["labels"]["features"]] == [
        {"building": "yes", "levels": 2},
        {},
    ]
    assert len(decoded["aois"]["features"]) == 1
    far = Tile(18, *(int(part) for part in position(12.0049, 46.0039, 18)))
    assert list(mapbox_vector_tile.decode(tiles[far])) == ["aois"]


PROPERTIES = [
    {"osm_id": 5, "tags": {"building": "yes", "name": "Ñ", "levels": 2}},
    {"osm_id": None, "tags": {"building": "hut", "levels": "two", "sides": {"n": 1}}},
    {"osm_id": None, "tags": None},
    {"osm_id": 2**40, "tags": {"flat": True, "nothing": None}},
]


async def test_an_archive_has_the_attributes_that_it_promises(run, tmp_path):
    path = tmp_path / "meta.pmtiles"
    await write_archive(run, path, [AREA], {"aois": [(AREA, {})], "labels": [(HOUSE, each) for each in PROPERTIES]})
    with path.open("rb") as file:
        source = MmapSource(file)
        promised = {layer["id"]: layer["fields"] for layer in Reader(source).metadata()["vector_layers"]}
        tiles = {Tile(*name): gzip.decompress(content) for name, content in all_tiles(source)}
    here = Tile(18, *(int(part) for part in position(12.0003, 46.00025, 18)))
    features = mapbox_vector_tile.decode(tiles[here])["labels"]["features"]
    assert [each["properties"] for each in features] == [
        {"osm_id": 5, "building": "yes", "name": "Ñ", "levels": 2},
        {"building": "hut", "levels": "two", "sides": '{"n":1}'},
        {},
        {"osm_id": 2**40, "flat": True},
    ]
    assert promised["labels"] == {
        "building": "String",
        "flat": "Boolean",
        "levels": "String",
        "name": "String",
        "osm_id": "Number",
        "sides": "String",
    }


async def test_an_archive_goes_as_deep_as_its_tiles_are_few(run, tmp_path, monkeypatch):
    path = tmp_path / "meta.pmtiles"
    monkeypatch.setattr(settings, "tiles_per_job_max", 20)
    await write_archive(run, path, [AREA], LAYERS)
    with path.open("rb") as file:
        deepest = Reader(MmapSource(file)).header()["max_zoom"]
    assert 7 < deepest < 18
