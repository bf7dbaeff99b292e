"""A raw-data service that knows the demo village and nothing else."""

from typing import Any

import orjson
import shapely
from shapely.geometry import mapping
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from app.gateways.fakes import village

UPDATED = "2026-01-01T00:00:00"


async def snapshot(request: Request) -> Response:
    """The buildings in sight of a polygon, as a GeoJSON FeatureCollection."""
    try:
        question = orjson.loads(await request.body())
        area = shapely.from_geojson(orjson.dumps(question["geometry"]))
        wanted = question["filters"]["tags"]["all_geometry"]["join_or"]
    except (orjson.JSONDecodeError, shapely.GEOSException, LookupError, TypeError):
        return JSONResponse({"detail": [{"msg": "geometry and filters are needed"}]}, 422)
    found = await run_in_threadpool(village.footprints, area.bounds) if "building" in wanted else []
    whole = question.get("useStWithin", True)
    chosen = [one for one in found if (area.contains if whole else area.intersects)(one.geometry)]
    return JSONResponse({"type": "FeatureCollection", "features": [_entry(one) for one in chosen]})


async def status(_: Request) -> Response:
    """How fresh the service's copy of the map is."""
    return JSONResponse({"lastUpdated": UPDATED})


def _entry(footprint: village.Footprint) -> dict[str, Any]:
    return {
        "type": "Feature",
        "geometry": mapping(footprint.geometry),
        "properties": {
            "osm_id": footprint.osm_id,
            "osm_type": footprint.osm_type,
            "version": 1,
            "changeset": 1,
            "timestamp": UPDATED,
            "tags": footprint.tags,
        },
    }
