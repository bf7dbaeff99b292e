"""OpenStreetMap data and imagery, which other servers provide."""

from pydantic import BaseModel

from app.settings.kinds import Hosts
from app.settings.units import MIB


class OutsideSettings(BaseModel):
    """OpenStreetMap data and imagery, which other servers provide."""

    outside_hosts_allowed: Hosts = []
    outside_connect_s_max: float = 5
    outside_redirects_max: int = 5
    outside_retry_s: float = 0.25
    url_length_max: int = 200
    osm_features_url: str | None = "https://api-prod.raw-data.hotosm.org/v1"
    osm_overpass_url: str | None = None
    osm_plain_area_m2_max: float = 10_000_000
    osm_reply_bytes_max: int = 64 * MIB
    osm_task_bytes_max: int = MIB // 4
    osm_unpacked_bytes_max: int = 256 * MIB
    osm_s_max: float = 60
    osm_snapshot_s_max: float = 900
    osm_poll_s: float = 2
    osm_poll_s_max: float = 15
    osm_tries_max: int = 3
    osm_features_max: int = 50_000
    osm_tags_max: int = 10
    osm_tag_values_max: int = 50
    imagery_connections: int = 8
    imagery_tries_max: int = 3
    imagery_failures_at_first_max: int = 8
    imagery_s_max: float = 10
    imagery_reply_bytes_max: int = 2 * MIB
    imagery_tilejson_bytes_max: int = MIB // 4
    imagery_missing_share_max: float = 0.5
    imagery_cache_bytes_max: int = 1_024 * MIB
    tiles_per_job_max: int = 5_000
