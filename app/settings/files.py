"""Uploads, and the processes that parse them."""

from pydantic import BaseModel

from app.settings.units import MIB


class FilesSettings(BaseModel):
    """Uploads, and the processes that parse them."""

    # Files
    upload_bytes_max: int = 200 * MIB
    upload_s_max: float = 900
    uploads_per_hour_max: int = 120
    upload_bytes_per_hour_max: int = 1_024 * MIB
    upload_bytes_per_day_max: int = 4 * 1_024 * MIB
    disk_free_bytes_min: int = 512 * MIB
    uploads_kept_hours: float = 24
    file_link_s: int = 3_600
    file_redirect_s: int = 60
    avatar_cache_s: int = 3_600
    file_chunk_bytes: int = MIB // 4

    # Reading what comes from outside
    parsers_at_once: int = 4
    parser_memory_bytes_max: int = 512 * MIB
    parser_cpu_s_max: float = 30
    parser_file_cpu_s_max: float = 600
    parser_start_s_max: float = 60
    parser_idle_s: float = 30
    parser_result_bytes_max: int = 256 * MIB
    parser_depth_max: int = 64
    parser_token_bytes_max: int = MIB
    parser_number_digits_max: int = 1_000
    parser_item_bytes_max: int = 8 * MIB
    parser_members_max: int = 100_000
    archive_files_max: int = 1_000
    archive_ratio_max: int = 200
