"""GeoJSON (RFC 7946), written as a stream."""

from collections.abc import Iterator, Sequence

import orjson

from app.formats import Feature
from app.geometry import to_geojson


class GeoJson:
    """A FeatureCollection, one feature a line; positions to seven decimals."""

    media_type = "application/geo+json"

    def __init__(self) -> None:
        self._before = b'{"type":"FeatureCollection","features":[\n'

    def write(self, features: Sequence[Feature]) -> bytes:
        """All of these features."""
        if not features:
            return b""
        said, self._before = self._before, b",\n"
        return said + b",\n".join(map(_feature, features))

    def finish(self) -> Iterator[bytes]:
        """The end; with it the beginning, if there were no features."""
        yield (self._before if self._before.startswith(b"{") else b"\n") + b"]}\n"


def _feature(feature: Feature) -> bytes:
    geometry = to_geojson(feature.geometry)
    return orjson.dumps({"type": "Feature", "geometry": geometry, "properties": dict(feature.properties)})
