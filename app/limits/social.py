"""Limits of posts, messages and reports."""

POST_LENGTH_MAX = 500
HASHTAG_LENGTH_MAX = 100
MEDIA_URL_LENGTH_MAX = 500
ALT_TEXT_LENGTH_MAX = 1_000
MESSAGE_LENGTH_MAX = 5_000
EVIDENCE_LENGTH_MAX = 6_000
# Shorter than its column: notifications quote it within a sentence.
RESOLUTION_LENGTH_MAX = 400
