"""Limits of consulting requests, and of what belongs to them."""

CONSULTING_TEXT_LENGTH_MAX = 4_000
CONSULTING_FILE_NAME_LENGTH_MAX = 255
CONSULTING_DELAY_DAYS_MAX = 365
# 16 MB, as a medium blob of the former database holds.
CONSULTING_FILE_BYTES_MAX = 16 * 1_024 * 1_024
MEDIA_TYPE_LENGTH_MAX = 100
