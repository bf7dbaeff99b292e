"""OpenStreetMap data and imagery, which other servers provide."""

from pydantic import BaseModel, Field

from app.settings.kinds import BYTES_MAX, Bytes, Count, CountOrNone, Duration, Hosts, Pause, Share, SquareMetres
from app.settings.units import MIB


class OutsideSettings(BaseModel):
    """OpenStreetMap data and imagery, which other servers provide."""

    # Every server
    outside_hosts_allowed: Hosts = Field(
        default=[], description="Private hosts that may be asked, such as 127.0.0.1:8000, separated by commas."
    )
    outside_connect_s_max: Duration = Field(default=5, description="Time to connect to another server.")
    outside_redirects_max: CountOrNone = Field(default=5, description="Redirects that are followed.")
    outside_retry_s: Duration = Field(default=0.25, description="Shortest pause before a request is sent again.")

    # OpenStreetMap data
    osm_features_url: str | None = Field(
        default="https://api-prod.raw-data.hotosm.org/v1", description="The raw-data service that labels come from."
    )
    osm_overpass_url: str | None = Field(
        default=None, description="An Overpass server to ask when the raw-data service is down."
    )
    osm_plain_area_m2_max: SquareMetres = Field(
        default=10_000_000, description="Largest area that is asked for without a snapshot."
    )
    osm_reply_bytes_max: int = Field(
        default=64 * MIB, ge=1_024, le=BYTES_MAX, description="Bytes of an answer with features."
    )
    osm_task_bytes_max: int = Field(
        default=MIB // 4, ge=1_024, le=BYTES_MAX, description="Bytes of an answer about a snapshot."
    )
    osm_unpacked_bytes_max: int = Field(
        default=256 * MIB, ge=1_024, le=BYTES_MAX, description="Bytes of an unpacked snapshot."
    )
    osm_s_max: Duration = Field(default=60, description="Time for one answer.")
    osm_snapshot_s_max: Duration = Field(default=900, description="Time for a snapshot.")
    osm_poll_s: Duration = Field(default=2, description="Shortest pause before a snapshot is asked about again.")
    osm_poll_s_max: Duration = Field(default=15, description="Longest pause before a snapshot is asked about again.")
    osm_tries_max: Count = Field(default=3, description="Tries of one request.")
    osm_features_max: Count = Field(default=50_000, description="Features of one answer.")
    osm_tags_max: Count = Field(default=10, description="Keys that labels can be chosen by.")
    osm_tag_values_max: Count = Field(default=50, description="Values that labels can be chosen by.")

    # Imagery
    imagery_connections: Count = Field(default=8, description="Connections to an imagery server.")
    imagery_tries_max: Count = Field(default=5, description="Tries of one tile.")
    imagery_patience_s: Pause = Field(
        default=300, description="How long a job waits for the next tile of a server that asks for pauses."
    )
    imagery_failures_at_first_max: Count = Field(
        default=8, description="Failures at the start after which no more tiles are asked for."
    )
    imagery_s_max: Duration = Field(default=10, description="Time for one tile.")
    imagery_reply_bytes_max: int = Field(default=2 * MIB, ge=1_024, le=BYTES_MAX, description="Bytes of one tile.")
    imagery_tilejson_bytes_max: int = Field(
        default=MIB // 4, ge=1_024, le=BYTES_MAX, description="Bytes of a TileJSON file."
    )
    imagery_missing_share_max: Share = Field(default=0.5, description="Share of the tiles of a job that may fail.")
    imagery_cache_age_s: Pause = Field(
        default=3_600, description="How long a tile is used before its server is asked whether it has changed."
    )
    imagery_cache_bytes_max: Bytes = Field(default=1_024 * MIB, description="Bytes of the tile cache.")
    tiles_per_job_max: Count = Field(default=5_000, description="Tiles that one job may ask for.")
