"""GPX: the boundary of an area, to be followed with a map editor or a receiver."""

import shapely
from gpxpy.gpx import GPX, GPXTrack, GPXTrackPoint, GPXTrackSegment
from shapely.geometry.base import BaseGeometry

from app.geometry.shapes import DECIMALS

MEDIA_TYPE = "application/gpx+xml"


def gpx(area: BaseGeometry, *, name: str) -> str:
    """One track with a segment for each outer ring and one for each hole."""
    file = GPX()
    file.creator = "Fieldgraph"
    file.name = name
    file.description = "Map what lies within this boundary. The boundary itself is not map data: do not upload it."
    rings = [ring for part in shapely.get_parts(area) for ring in (part.exterior, *part.interiors)]
    segments = [
        GPXTrackSegment([GPXTrackPoint(round(y, DECIMALS), round(x, DECIMALS)) for x, y in ring.coords])
        for ring in rings
    ]
    track = GPXTrack(name=name)
    track.segments = segments
    file.tracks.append(track)
    return file.to_xml(version="1.1")
