"""What the constraints of the wildlife tables ask of random rows."""

from collections.abc import Callable
from random import Random
from typing import Any


def _fit_ai_provider_connections(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["api_url"] = f"https://manager-{row['id']}.example.org"


def _fit_ai_providers(random: Random, rows: list[dict[str, Any]]) -> None:
    for row in rows:
        if row["kind"].name != "TRAPPER":
            row |= {"connection_id": None, "remote_id": None}
        if row["provider_type"].name != "POSE":
            row["keypoint_topology"] = None


FIT: dict[str, Callable[[Random, list[dict[str, Any]]], None]] = {
    "ai_provider_connections": _fit_ai_provider_connections,
    "ai_providers": _fit_ai_providers,
}
