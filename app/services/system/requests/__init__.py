"""Requests: idempotency keys, rate limits, persisted and trusted documents."""
