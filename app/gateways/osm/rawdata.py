"""The raw-data service: small areas are answered at once, larger ones by a task that makes a file."""

import asyncio
import zipfile
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
import orjson
import shapely
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from app.errors import Unreadable
from app.gateways import outside
from app.gateways.osm.features import OsmFeature, Plain, Tags, covered, plain, read, timestamp_of, unique, version_of
from app.gateways.outside import FetchedResponse, Outage
from app.geometry.shapes import area_m2
from app.parsing import bounds
from app.settings import settings

WHO = "The OpenStreetMap service"
# The service names the table a feature came from; OpenStreetMap itself knows three types.
TYPES = {"nodes": "node", "ways_line": "way", "ways_poly": "way", "relations": "relation"}
UNDER_WAY = {"PENDING", "RECEIVED", "STARTED", "RETRY"}
GIVEN_UP = {"FAILURE": "failed", "REVOKED": "was cancelled"}
CLIPPING = "clipping_boundary.geojson"
HEADERS = {"Accept": "application/json", "Referer": "Fieldgraph"}


async def fetch(area: BaseGeometry, tags: Tags) -> list[OsmFeature]:
    """The features with these tags that share ground with an area."""
    question = {
        "geometry": mapping(area),
        "geometryType": ["polygon"],
        "filters": {"tags": {"all_geometry": {"join_or": {key: list(values) for key, values in tags.items()}}}},
        # False: also what only reaches into the area.
        "useStWithin": False,
    }
    async with outside.browsing(connections=1) as client:
        if area_m2(area) <= settings.osm_plain_area_m2_max:
            reply = await _asked(client, "/snapshot/plain/", json=question)
            return await read(WHO, parsed, reply.content)
        archive = await _snapshot(client, {**question, "outputType": "geojson", "fileName": "fieldgraph"})
        return await read(WHO, unpacked_and_parsed, archive)


async def _asked(
    client: httpx.AsyncClient, path: str, *, json: object = None, bytes_max: int | None = None
) -> FetchedResponse:
    return await outside.fetch(
        client,
        f"{str(settings.osm_features_url).rstrip('/')}{path}",
        who=WHO,
        json=json,
        headers=HEADERS,
        bytes_max=bytes_max or settings.osm_reply_bytes_max,
        s_max=settings.osm_s_max,
        tries_max=settings.osm_tries_max,
    )


async def _snapshot(client: httpx.AsyncClient, question: Mapping[str, Any]) -> bytes:
    """The zip archive that a task makes, once it has made it; no task is waited for longer than the deadline."""
    task = _object(await _asked(client, "/snapshot/", json=question, bytes_max=settings.osm_task_bytes_max))
    path = task.get("track_link")
    if not isinstance(path, str) or not path.startswith("/"):
        raise Outage(WHO, "did not return the location of its task", heals=False)
    try:
        async with asyncio.timeout(settings.osm_snapshot_s_max):
            link = await _made(client, path)
    except TimeoutError:
        raise Outage(WHO, f"did not finish within {settings.osm_snapshot_s_max:g} s", heals=True) from None
    reply = await outside.fetch(
        client,
        link,
        who=WHO,
        bytes_max=settings.osm_reply_bytes_max,
        s_max=settings.osm_s_max,
        tries_max=settings.osm_tries_max,
    )
    return reply.content


async def _made(client: httpx.AsyncClient, path: str) -> str:
    """Where the file of a task lies, when the task has ended well."""
    pause_s = settings.osm_poll_s
    while True:
        answer = _object(await _asked(client, path, bytes_max=settings.osm_task_bytes_max))
        status, result = answer.get("status"), answer.get("result")
        if status == "SUCCESS":
            link = result.get("download_url") if isinstance(result, dict) else None
            if not isinstance(link, str):
                raise Outage(WHO, "did not return the location of its file", heals=False)
            return link
        if status in GIVEN_UP:
            raise Outage(WHO, f"{GIVEN_UP[status]} ({status})", heals=False)
        if status not in UNDER_WAY:
            raise Outage(WHO, f"sent an unknown status: {str(status)[:40]}", heals=False)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, settings.osm_poll_s_max)


def _object(reply: FetchedResponse) -> dict[str, Any]:
    try:
        answer = orjson.loads(reply.content)
    except orjson.JSONDecodeError:
        answer = None
    if not isinstance(answer, dict):
        raise Outage(WHO, "sent something that is not a JSON object", heals=False)
    return answer


def parsed(content: bytes) -> Plain:
    """The reply about a small area, read."""
    return plain(_features, content)


def unpacked_and_parsed(archive: bytes) -> Plain:
    """What a task made, read."""
    return plain(lambda content: _features(_unpacked(content)), archive)


def _unpacked(archive: bytes) -> bytes:
    """The one GeoJSON file in an archive that is not the boundary asked about."""
    try:
        with bounds.archive(BytesIO(archive)) as files:
            if sum(entry.file_size for entry in files.infolist()) > settings.osm_unpacked_bytes_max:
                raise Outage(WHO, f"sent more than {settings.osm_unpacked_bytes_max:,} bytes", heals=False)
            entries = [entry for entry in bounds.members(files) if entry.filename.endswith(".geojson")]
            [entry] = [entry for entry in entries if entry.filename.rpartition("/")[2] != CLIPPING]
            return b"".join(bounds.unpacked(files, entry, bytes_max=settings.osm_unpacked_bytes_max))
    except (zipfile.BadZipFile, zlib.error, ValueError, NotImplementedError, RuntimeError, EOFError, OSError):
        raise Outage(WHO, "sent no archive with one GeoJSON file", heals=False) from None


def _features(content: bytes) -> list[OsmFeature]:
    try:
        bounds.check_json(content)
        entries = orjson.loads(content)["features"]
    except (Unreadable, orjson.JSONDecodeError, LookupError, TypeError):
        entries = None
    if not isinstance(entries, list):
        raise Outage(WHO, "sent something that is not GeoJSON", heals=False)
    return unique(WHO, map(_feature, entries))


def _feature(entry: Any) -> OsmFeature | None:
    """What one entry describes; nothing if it names no feature or its shape encloses no ground."""
    try:
        properties = entry["properties"]
        osm_id, osm_type = int(properties["osm_id"]), TYPES[properties["osm_type"]]
        geometry = covered(shapely.from_geojson(orjson.dumps(entry["geometry"]), on_invalid="ignore"))
        tags = {str(key): str(value) for key, value in (properties.get("tags") or {}).items()}
    except (LookupError, TypeError, ValueError, AttributeError):
        return None
    if geometry is None:
        return None
    return OsmFeature(osm_id, osm_type, geometry, tags, version_of(properties), timestamp_of(properties))
