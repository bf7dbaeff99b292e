"""Limits of webhooks."""

WEBHOOK_URL_LENGTH_MAX = 500
# `msg_` and 32 digits; `key_` and 16.
WEBHOOK_ID_LENGTH = 36
WEBHOOK_KEY_LENGTH = 20
