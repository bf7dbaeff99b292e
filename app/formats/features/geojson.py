"""GeoJSON (RFC 7946), written as a stream."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from app.formats import Feature
from app.geometry.shapes import to_geojson_all


class GeoJson:
    """A FeatureCollection, one feature a line; positions to seven decimals."""

    media_type = "application/geo+json"

    def __init__(self) -> None:
        self._before = b'{"type":"FeatureCollection","features":[\n'

    def write(self, features: Sequence[Feature]) -> bytes:
        """All of these features."""
        if not features:
            return b""
        separator, self._before = self._before, b",\n"
        shapes = to_geojson_all([feature.geometry for feature in features])
        return separator + b",\n".join(map(_feature, shapes, features))

    def finish(self) -> Iterator[bytes]:
        """The end; with it the beginning, if there were no features."""
        yield (self._before if self._before.startswith(b"{") else b"\n") + b"]}\n"


def _feature(geometry: dict[str, Any], feature: Feature) -> bytes:
    return orjson.dumps({"type": "Feature", "geometry": geometry, "properties": dict(feature.properties)})
