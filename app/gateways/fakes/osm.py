"""A raw-data service and an Overpass that know the demo village and nothing else."""

import re
import zipfile
from collections import Counter
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs
from uuid import uuid4

import orjson
import shapely
from shapely import Polygon
from shapely.geometry import mapping
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from app.gateways.fakes import village

UPDATED = "2026-01-01T00:00:00"
# What a task says of itself, look after look; the last word stays.
FATES = {
    "well": ["PENDING", "STARTED", "RETRY", "SUCCESS"],
    "failure": ["PENDING", "STARTED", "FAILURE"],
    "revoked": ["REVOKED"],
    "unknown": ["PENDING", "DREAMING"],
    "forever": ["PENDING", "STARTED"],
}
STATEMENT = re.compile(r'wr\["((?:[^"\\]|\\.)*)"(?:="((?:[^"\\]|\\.)*)")?\]\(poly:"([^"]*)"\);')

_archives: dict[str, bytes] = {}
_looks: Counter[str] = Counter()


async def snapshot(request: Request) -> Response:
    """The buildings in sight of a polygon, as a GeoJSON FeatureCollection."""
    try:
        return JSONResponse(await _collection(await request.body()))
    except (orjson.JSONDecodeError, shapely.GEOSException, LookupError, TypeError):
        return JSONResponse({"detail": [{"msg": "geometry and filters are needed"}]}, 422)


async def task(request: Request) -> Response:
    """Begins to make an archive of them; the path's `fate` says how that ends."""
    question = await request.body()
    name = uuid4().hex
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{orjson.loads(question)['fileName']}.geojson", orjson.dumps(await _collection(question)))
        archive.writestr("clipping_boundary.geojson", orjson.dumps(orjson.loads(question)["geometry"]))
        archive.writestr("Readme.txt", "From a village that does not exist.")
    _archives[name] = file.getvalue()
    return JSONResponse({"task_id": name, "track_link": f"/tasks/status/{name}/", "queue": "raw_ondemand"})


async def look(request: Request) -> Response:
    """How far a task is."""
    name, fate = request.path_params["task"], FATES[request.path_params.get("fate", "well")]
    status = fate[min(_looks[name], len(fate) - 1)]
    _looks[name] += 1
    link = str(request.url.replace(path=f"/osm/archives/{name}.zip"))
    result: Any = {"download_url": link, "file_name": "fieldgraph"} if status == "SUCCESS" else "Out of luck"
    return JSONResponse({"id": name, "status": status, "result": result})


async def download(request: Request) -> Response:
    """A finished archive."""
    return Response(_archives[request.path_params["task"]], media_type="application/zip")


async def status(_: Request) -> Response:
    """How fresh the service's copy of the map is."""
    return JSONResponse({"lastUpdated": UPDATED})


async def interpreter(request: Request) -> Response:
    """What a question in Overpass's language finds."""
    [question] = parse_qs((await request.body()).decode()).get("data", [""])
    statements = STATEMENT.findall(question)
    if not statements or not question.startswith("[out:json]"):
        return PlainTextResponse("parse error", 400)
    elements = []
    for key, value, ring in statements:
        numbers = [float(number) for number in ring.split()]
        area = Polygon(list(zip(numbers[1::2], numbers[::2], strict=True)))
        wanted = {key: [value] if value else []}
        footprints = await run_in_threadpool(village.footprints, area.bounds)
        elements += [
            _element(one) for one in footprints if _is_wanted(wanted, one.tags) and area.intersects(one.geometry)
        ]
    return JSONResponse({"version": 0.6, "elements": elements})


async def _collection(body: bytes) -> dict[str, Any]:
    question = orjson.loads(body)
    area = shapely.from_geojson(orjson.dumps(question["geometry"]))
    wanted = question["filters"]["tags"]["all_geometry"]["join_or"]
    footprints = await run_in_threadpool(village.footprints, area.bounds)
    sees = area.contains if question.get("useStWithin", True) else area.intersects
    chosen = [one for one in footprints if _is_wanted(wanted, one.tags) and sees(one.geometry)]
    return {"type": "FeatureCollection", "features": [_entry(one) for one in chosen]}


def _is_wanted(wanted: dict[str, list[str]], tags: dict[str, str]) -> bool:
    return any(key in tags and (not values or tags[key] in values) for key, values in wanted.items())


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


def _element(footprint: village.Footprint) -> dict[str, Any]:
    known = {"id": footprint.osm_id, "version": 1, "timestamp": f"{UPDATED}Z", "changeset": 1}
    rings = [footprint.geometry.exterior, *footprint.geometry.interiors]
    lines = [[{"lat": y, "lon": x} for x, y in ring.coords] for ring in rings]
    if footprint.osm_type == "ways_poly":
        return {"type": "way", **known, "tags": footprint.tags, "geometry": lines[0]}
    members = [
        {"type": "way", "ref": number, "role": "inner" if number else "outer", "geometry": line}
        for number, line in enumerate(lines)
    ]
    return {"type": "relation", **known, "tags": {**footprint.tags, "type": "multipolygon"}, "members": members}
