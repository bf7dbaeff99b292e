"""A pyramid of vector tiles beside the files of a training, for whoever looks at it on a map."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import shapely
from shapely import STRtree
from shapely.geometry.base import BaseGeometry

from app.errors import LimitReached
from app.formats.features.pmtiles import Archive, in_order
from app.geometry.tiles import Tile, covering
from app.services.vector_tiles import encoded_tile
from app.settings import settings
from jobs.run import JobRun

AT_ONCE = 50
SIDES = 64 / 4096

Shapes = Sequence[tuple[BaseGeometry, dict[str, Any]]]


class _Layer:
    """Shapes that are found by where they are."""

    def __init__(self, shapes: Shapes) -> None:
        attributes = [_attributes(each) for _, each in shapes]
        self.properties = [orjson.dumps(each).decode() for each in attributes]
        self.fields = _fields(attributes)
        self.wkb = [shape.wkb for shape, _ in shapes]
        self._tree = STRtree([shape for shape, _ in shapes])

    def within(self, tile: Tile) -> list[tuple[bytes, str]]:
        west, south, east, north = tile.bounds
        reach = (east - west) * SIDES
        indices = np.sort(self._tree.query(shapely.box(west - reach, south - reach, east + reach, north + reach)))
        return [(self.wkb[index], self.properties[index]) for index in indices[: settings.tile_features_max]]


async def write_archive(run: JobRun, path: Path, areas: Sequence[BaseGeometry], layers: Mapping[str, Shapes]) -> None:
    """Writes the tiles that touch the areas, down to the zoom where they become too many."""
    layers_written = {name: _Layer(shapes) for name, shapes in layers.items()}
    tiles = await asyncio.to_thread(_tiles_of, areas)
    archive = Archive(path)
    for start in range(0, len(tiles), AT_ONCE):
        run.go_on()
        async with run.database.reading() as session:
            for tile in tiles[start : start + AT_ONCE]:
                parts = [
                    await encoded_tile(session, name, tile, layer.within(tile))
                    for name, layer in layers_written.items()
                ]
                archive.add(tile, b"".join(parts))
    zooms = range(settings.archive_zoom_min, max(tile.z for tile in tiles) + 1)
    bounds = shapely.total_bounds(np.array(areas, dtype=object)).tolist()
    archive.finish(tuple(bounds), zooms, {name: layer.fields for name, layer in layers_written.items()})


def _attributes(properties: Mapping[str, Any]) -> dict[str, Any]:
    """What a tile can say of a shape: texts and numbers. Tags are attributes of their own; what is null is left out."""
    tags = properties.get("tags") or {}
    others = {name: value for name, value in properties.items() if name != "tags"}
    return {
        name: orjson.dumps(value).decode() if isinstance(value, dict | list) else value
        for name, value in {**tags, **others}.items()
        if value is not None
    }


def _fields(attributes: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """The attributes of a layer with their types; those of several types are texts to whoever reads them."""
    kinds: defaultdict[str, set[str]] = defaultdict(set)
    for each in attributes:
        for name, value in each.items():
            kind = "Boolean" if isinstance(value, bool) else "Number" if isinstance(value, int | float) else "String"
            kinds[name].add(kind)
    return {name: kinds[name].pop() if len(kinds[name]) == 1 else "String" for name in sorted(kinds)}


def _tiles_of(areas: Sequence[BaseGeometry]) -> list[Tile]:
    tiles: set[Tile] = set()
    for zoom in range(settings.archive_zoom_min, settings.archive_zoom_max + 1):
        try:
            deeper = {tile for area in areas for tile in covering(area, zoom)}
        except LimitReached:
            break
        if len(tiles) + len(deeper) > settings.tiles_per_job_max:
            break
        tiles |= deeper
    return in_order(tiles)
