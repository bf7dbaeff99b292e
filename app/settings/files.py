"""Uploads, and the processes that parse them."""

from pydantic import BaseModel, Field

from app.settings.kinds import BYTES_MAX, Bytes, BytesOrNone, Count, Duration, Level, WholePause
from app.settings.units import MIB


class FilesSettings(BaseModel):
    """Uploads, and the processes that parse them."""

    # Files
    upload_bytes_max: Bytes = Field(default=1_100 * MIB, description="Bytes of any upload.")
    upload_s_max: Duration = Field(default=900, description="Time to send an upload.")
    uploads_per_hour_max: Count = Field(default=120, description="Uploads of an account in an hour.")
    upload_bytes_per_hour_max: Bytes = Field(
        default=1_280 * MIB, description="Bytes that an account may upload in an hour."
    )
    upload_bytes_per_day_max: Bytes = Field(
        default=4 * 1_024 * MIB, description="Bytes that an account may upload in a day."
    )
    stored_bytes_per_account_max: Bytes = Field(
        default=50 * 1_024 * MIB, description="Bytes of all files that are kept for an account."
    )
    disk_free_bytes_min: BytesOrNone = Field(
        default=512 * MIB, description="Bytes of each disk that uploads and jobs leave free."
    )
    uploads_kept_hours: Duration = Field(default=24, description="Hours that an unused upload is kept.")
    file_redirect_s: int = Field(
        default=60, ge=1, le=604_800, description="How long the link that a link to a file redirects to is valid."
    )
    avatar_cache_s: WholePause = Field(default=3_600, description="How long clients may keep a profile picture.")
    file_link_s: int = Field(
        default=3_600,
        ge=1,
        le=604_800,
        description="How long a link to a file is valid; object stores take seven days at most.",
    )
    file_chunk_bytes: int = Field(
        default=MIB // 4, ge=1_024, le=BYTES_MAX, description="Bytes of a file that are read at once."
    )

    # Reading what comes from outside
    parsers_at_once: Count = Field(default=4, description="Parsers of one process at once.")
    parser_memory_bytes_max: int = Field(
        default=512 * MIB, ge=128 * MIB, le=BYTES_MAX, description="Memory of a parser."
    )
    parser_cpu_s_max: Duration = Field(default=30, description="Processor time of a parser.")
    parser_file_cpu_s_max: Duration = Field(default=600, description="Processor time to parse a file of labels.")
    parser_start_s_max: Duration = Field(default=60, description="Time to start a parser.")
    parser_idle_s: Duration = Field(default=30, description="Time that an idle parser waits for more work.")
    parser_result_bytes_max: Bytes = Field(default=256 * MIB, description="Bytes of the result of a parser.")
    parser_depth_max: Level = Field(default=64, description="Levels of a nested file.")
    parser_token_bytes_max: int = Field(default=MIB, ge=1_024, le=BYTES_MAX, description="Bytes of one text in a file.")
    parser_number_digits_max: int = Field(default=1_000, ge=20, le=4_000, description="Digits of one number in a file.")
    parser_item_bytes_max: int = Field(
        default=8 * MIB, ge=1_024, le=BYTES_MAX, description="Bytes of one feature in a file."
    )
    parser_members_max: Count = Field(
        default=100_000, description="Tags, nodes and members of one OpenStreetMap element in a file."
    )
    webp_pixels_max: Count = Field(
        default=25_000_000, description="Pixels of a WebP picture, which is always unpacked as a whole."
    )
    archive_files_max: Count = Field(default=1_000, description="Files in an archive.")
    archive_ratio_max: Count = Field(
        default=200, description="How many times larger a file may be than its packed form."
    )
