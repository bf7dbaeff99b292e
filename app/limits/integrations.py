"""Limits of webhooks and bulk queries."""

WEBHOOK_URL_LENGTH_MAX = 500
# `msg_` and 32 digits; `key_` and 16.
WEBHOOK_ID_LENGTH = 36
WEBHOOK_KEY_LENGTH = 20
# The least that FIELDGRAPH_TEXT_LENGTH_MAX may be.
BULK_DOCUMENT_LENGTH_MAX = 5_000
