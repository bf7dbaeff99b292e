"""PMTiles: a pyramid of vector tiles in one file, which a map library reads in parts."""

import gzip
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pmtiles.tile import Compression, TileType, zxy_to_tileid
from pmtiles.writer import Writer

from app.geometry.tiles import Tile

MEDIA_TYPE = "application/vnd.pmtiles"
DEGREES = 10_000_000


def in_order(tiles: Iterable[Tile]) -> list[Tile]:
    """The tiles as an archive keeps them: neighbours near each other."""
    return sorted(tiles, key=lambda tile: zxy_to_tileid(*tile))


class Archive:
    """One archive in the making; its tiles come in order."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._writer: Any = Writer(self._file)  # type: ignore[no-untyped-call]

    def add(self, tile: Tile, content: bytes) -> None:
        """One more tile; those without content are left out."""
        if content:
            self._writer.write_tile(zxy_to_tileid(*tile), gzip.compress(content, mtime=0))

    def finish(
        self, bounds: tuple[float, float, float, float], zooms: range, layers: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Writes what it is about: its layers with their attributes, each String, Number or Boolean."""
        west, south, east, north = (round(degrees * DEGREES) for degrees in bounds)
        header: dict[str, Any] = {
            "tile_type": TileType.MVT,
            "tile_compression": Compression.GZIP,
            "min_zoom": zooms[0],
            "max_zoom": zooms[-1],
            "min_lon_e7": west,
            "min_lat_e7": south,
            "max_lon_e7": east,
            "max_lat_e7": north,
            "center_zoom": zooms[-1],
            "center_lon_e7": (west + east) // 2,
            "center_lat_e7": (south + north) // 2,
        }
        described = [
            {"id": name, "minzoom": zooms[0], "maxzoom": zooms[-1], "fields": dict(fields)}
            for name, fields in layers.items()
        ]
        with self._file:
            self._writer.finalize(header, {"vector_layers": described, "generator": "Fieldgraph"})
