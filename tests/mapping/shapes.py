"""Shapes as clients send them, fit and unfit."""

from math import cos, sin, tau

from shapely import Polygon


def ring(*points: tuple[float, float]) -> dict:
    return {"type": "Polygon", "coordinates": [[*points, points[0]]]}


def square(side: float, west: float = 12.0, south: float = 46.0) -> dict:
    return ring((west, south), (west + side, south), (west + side, south + side), (west, south + side))


def circle(points: int) -> dict:
    turns = [tau * number / points for number in range(points)]
    return ring(*((12 + 0.001 * cos(turn), 46 + 0.001 * sin(turn)) for turn in turns))


UNFIT = {
    "crossing itself": ring((12, 46), (12.01, 46.01), (12.01, 46), (12, 46.01)),
    "a hole outside": {
        "type": "Polygon",
        "coordinates": [*square(0.001)["coordinates"], *square(0.001, 13.0)["coordinates"]],
    },
    "empty": {"type": "Polygon", "coordinates": []},
    "null for coordinates": {"type": "Polygon", "coordinates": None},
    "without ground": ring((12, 46), (12.01, 46), (12.02, 46)),
    "tiny": square(0.00005),
    "huge": square(0.05),
    "the world": ring((-180, -85), (180, -85), (180, 85), (-180, 85)),
    "east of the world": square(0.001, 180.5),
    "north of the world": square(0.001, 12, 91),
    "where no map in tiles reaches": square(0.001, 12, 86),
    "latitude first": ring((46, 112), (46.001, 112), (46.001, 112.001)),
    "10 001 vertices": circle(10_001),
    "null for a number": ring((12, 46), (None, 46), (12.01, 46.01)),
}


NOT_A_POLYGON = {
    "nothing": None,
    "a text": "POLYGON((0 0, 1 0, 1 1, 0 0))",
    "a number": 5,
    "a list": [[12, 46], [13, 46], [13, 47]],
    "an empty object": {},
    "no coordinates": {"type": "Polygon"},
    "an unknown type": {"type": "Circle", "coordinates": [12, 46]},
    "a type that is no text": {"type": 5, "coordinates": []},
    "a point": {"type": "Point", "coordinates": [12, 46]},
    "several polygons": {
        "type": "MultiPolygon",
        "coordinates": [square(0.001)["coordinates"], square(0.001, 13)["coordinates"]],
    },
    "a feature without geometry": {"type": "Feature", "properties": {}, "geometry": None},
    "a ring of two points": {"type": "Polygon", "coordinates": [[[12, 46], [13, 46]]]},
    "a ring too flat": {"type": "Polygon", "coordinates": [[12, 46], [13, 46], [13, 47], [12, 46]]},
    "a ring too deep": {"type": "Polygon", "coordinates": [[[[[12, 46]], [[13, 46]]]]]},
    "texts for numbers": {"type": "Polygon", "coordinates": [[["a", "b"], ["c", "d"], ["e", "f"], ["a", "b"]]]},
    "lonely numbers": {"type": "Polygon", "coordinates": [[[12], [13], [14], [12]]]},
    "uneven points": {"type": "Polygon", "coordinates": [[[12, 46], [13], [13, 47], [12, 46]]]},
}


# Five square kilometres each, and no end of tiles: round the earth, and across it.
SLIVERS = {
    "along the equator": Polygon([(-179, 0), (179, 0), (179, 0.000001), (-179, 0.000001)]),
    "from pole to pole": Polygon([(0, -85), (0.000001, -85), (0.000001, 85), (0, 85)]),
    "from corner to corner": Polygon([(-179, -80), (179, 80), (179, 80.0000001)]),
}
