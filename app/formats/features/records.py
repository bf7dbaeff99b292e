"""Records as JSON, one a line; those with a shape as GeoJSON."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
from shapely.geometry.base import BaseGeometry

from app.formats import Feature, Writer
from app.formats.features.geojson import GeoJson
from app.geometry.shapes import to_geojson


class JsonLines:
    """One object a line."""

    media_type = "application/jsonl"

    def write(self, records: Sequence[Mapping[str, Any]]) -> bytes:
        """All of these records."""
        return b"".join(
            orjson.dumps(dict(record), default=_shape, option=orjson.OPT_APPEND_NEWLINE) for record in records
        )

    def finish(self) -> Iterator[bytes]:
        """Nothing: the last line is as good as any."""
        yield b""


class Features:
    """A GeoJSON feature for each record, with its shape as the geometry."""

    media_type = GeoJson.media_type

    def __init__(self, shape: str) -> None:
        self._shape = shape
        self._writer: Writer = GeoJson()

    def write(self, records: Sequence[Mapping[str, Any]]) -> bytes:
        """All of these records."""
        return self._writer.write([self._feature(dict(record)) for record in records])

    def _feature(self, record: dict[str, Any]) -> Feature:
        return Feature(record.pop(self._shape), record)

    def finish(self) -> Iterator[bytes]:
        """The rest of the collection."""
        return self._writer.finish()


def _shape(value: Any) -> Any:
    if isinstance(value, BaseGeometry):
        return to_geojson(value)
    raise TypeError
