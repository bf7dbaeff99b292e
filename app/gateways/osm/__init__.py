"""OpenStreetMap's features: asked of a raw-data service that copies the map, or of Overpass where that is down."""

import structlog
from shapely.geometry.base import BaseGeometry

from app.errors import Unavailable
from app.gateways.osm import overpass, rawdata
from app.gateways.osm.features import BUILDINGS, OsmFeature, Tags, check_tags
from app.gateways.outside import Outage
from app.selections import Selection
from app.settings import settings

__all__ = ["BUILDINGS", "OsmFeature", "Tags", "check_tags", "fetch_features"]

log = structlog.get_logger(__name__)


async def fetch_features(area: BaseGeometry, tags: Tags = BUILDINGS) -> list[OsmFeature]:
    """The features that share ground with an area, whole, each once; an Outage says why there are none to be had.

    Those whose tags say that there is none, such as building=no, are left out.
    """
    selection = Selection(tags)
    return [each for each in await _fetch(area, tags) if not selection.denies(each.tags)]


async def _fetch(area: BaseGeometry, tags: Tags) -> list[OsmFeature]:
    if settings.osm_features_url:
        try:
            return await rawdata.fetch(area, tags)
        except Outage as outage:
            if not (outage.heals and settings.osm_overpass_url):
                raise
            log.warning("raw data requested from Overpass", reason=outage.reason)
    if not settings.osm_overpass_url:
        raise Unavailable("No OpenStreetMap service is configured on this installation.")
    return await overpass.fetch(area, tags)
