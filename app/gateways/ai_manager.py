"""An AI Manager: the service that runs prediction models on media.

Every request names our key, so that asking twice begins nothing twice. A start whose answer was lost is asked about by
its key. What a manager says is checked, bounded in bytes and time, and never followed to another host.
"""

from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import anyio
import httpx
import orjson

from app.errors import Unreadable
from app.gateways import outside
from app.gateways.outside import Outage
from app.parsing import bounds
from app.security import private_files
from app.settings import settings

WHO = "The AI Manager"
NOT_FOUND = 404
PAGES_MAX = 100
STATUSES = {"queued", "running", "done", "failed", "cancelled"}


@dataclass(frozen=True)
class RemoteStatus:
    """What a manager says of a batch: how far it is, and the parts of its results that can be fetched."""

    status: str
    fence: int
    processed: int
    total: int
    parts: tuple[str, ...] = ()
    error: str | None = None
    remote_id: str | None = None


@dataclass(frozen=True)
class Manager:
    """An open connection to a manager."""

    client: httpx.AsyncClient = field(repr=False)
    url: str
    _headers: Mapping[str, str] = field(repr=False)

    async def models(self) -> list[dict[str, Any]]:
        """All models in use, whatever pages they come in; raises Outage unless the list is complete."""
        listed: list[dict[str, Any]] = []
        cursor = ""
        for _ in range(PAGES_MAX):
            reply = await self._json("GET", "/api/prediction_models/", params={"is_active": "true", "cursor": cursor})
            page = reply.get("results")
            if not isinstance(page, list) or not all(isinstance(each, dict) for each in page):
                raise Outage(WHO, "sent something that is no list of models", heals=False)
            listed += page
            if not (cursor := reply.get("next") or ""):
                return listed
            if not isinstance(cursor, str):
                break
        raise Outage(WHO, "sent a list of models without end", heals=False)

    async def submit(self, batch: Mapping[str, Any]) -> RemoteStatus:
        """Asks for a batch under its key; asked again, the manager answers the same."""
        return _status(await self._json("POST", "/api/prediction_jobs/", json=batch))

    async def status(self, key: UUID) -> RemoteStatus | None:
        """How far a batch is; None if the manager knows of none with this key."""
        try:
            return _status(await self._json("GET", f"/api/prediction_jobs/{key}/"))
        except Outage as outage:
            if outage.status == NOT_FOUND:
                return None
            raise

    async def cancel(self, key: UUID, fence: int) -> None:
        """Asks the manager to stop; a batch that it does not know needs no stopping."""
        try:
            await self._json("POST", f"/api/prediction_jobs/{key}/cancel/", json={"fence": fence})
        except Outage as outage:
            if outage.status != NOT_FOUND:
                raise

    async def results(self, part: str, path: Path) -> None:
        """Fetches a part of the results into a file, piece by piece."""
        url = f"{self.url}/api/resource_batches/{part}/results/"
        pieces = outside.pieces(
            self.client,
            self.client.build_request("GET", url, headers=self._headers),
            who=WHO,
            bytes_max=settings.ai_results_bytes_max,
            s_max=settings.ai_results_s_max,
        )
        with private_files.opened(path, "wb") as file:
            async for piece in pieces:
                await anyio.wrap_file(file).write(piece)

    async def _json(
        self, method: str, path: str, *, json: Any = None, params: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        content = orjson.dumps(json) if json is not None else None
        headers = {**self._headers, **({"Content-Type": "application/json"} if content else {})}
        request = self.client.build_request(
            method, f"{self.url}{path}", content=content, params=params, headers=headers
        )
        pieces = outside.pieces(
            self.client, request, who=WHO, bytes_max=settings.ai_reply_bytes_max, s_max=settings.ai_s_max
        )
        return _object(b"".join([piece async for piece in pieces]))


@asynccontextmanager
async def connected(url: str, login: str, password: str) -> AsyncIterator[Manager]:
    """A manager, for one errand. It is asked at its own host alone: a redirect is a failure."""
    token = b64encode(f"{login}:{password}".encode()).decode()
    async with outside.browsing(connections=2) as client:
        client.follow_redirects = False
        yield Manager(client, url.rstrip("/"), {"Authorization": f"Basic {token}"})


def _object(content: bytes) -> dict[str, Any]:
    try:
        bounds.check_json(content)
        reply = orjson.loads(content) if content else {}
    except (Unreadable, orjson.JSONDecodeError):
        reply = None
    if not isinstance(reply, dict):
        raise Outage(WHO, "sent something that is not a JSON object", heals=False)
    return reply


def _status(reply: dict[str, Any]) -> RemoteStatus:
    status, fence, parts = reply.get("status"), reply.get("fence", 0), reply.get("parts", [])
    if status not in STATUSES:
        raise Outage(WHO, f"sent an unknown status: {str(status)[:40]}", heals=False)
    processed, total = reply.get("processed", 0), reply.get("total", 0)
    if not all(isinstance(each, int) and 0 <= each < 2**31 for each in (fence, processed, total)):
        raise Outage(WHO, "sent a status without proper numbers", heals=False)
    if not isinstance(parts, list) or len(parts) > settings.ai_parts_max or not all(map(_is_name, parts)):
        raise Outage(WHO, "sent a status without a proper list of results", heals=False)
    error, remote_id = reply.get("error"), reply.get("id")
    return RemoteStatus(
        str(status),
        fence,
        processed,
        total,
        tuple(parts),
        str(error)[:400] if error else None,
        None if remote_id is None else str(remote_id)[:64],
    )


def _is_name(part: Any) -> bool:
    return isinstance(part, str) and 0 < len(part) <= 64 and all(each.isalnum() or each in "-_" for each in part)
