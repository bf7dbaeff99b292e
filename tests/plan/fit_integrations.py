"""What the constraints of webhooks and bulk queries ask of random rows."""

from collections.abc import Callable
from random import Random
from typing import Any


def _fit_position(random: Random, rows: list[dict[str, Any]]) -> None:
    """None: there is one at most, and nobody is shown it."""
    del random
    rows.clear()


def _fit_deliveries(random: Random, rows: list[dict[str, Any]]) -> None:
    del random
    for row in rows:
        row["event_id"] = row["id"]


def _fit_bulk_queries(random: Random, rows: list[dict[str, Any]]) -> None:
    unfinished = set()
    for row in rows:
        row["size_bytes"] = random.choice([0, 1, 2**40])
        if row["finished_at"] is None and row["failure"] is None:
            if row["user_id"] in unfinished:
                row["failure"] = "Cancelled."
            unfinished.add(row["user_id"])


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "webhook_position": _fit_position,
    "webhook_deliveries": _fit_deliveries,
    "bulk_queries": _fit_bulk_queries,
}
