"""An AI Manager that speaks the protocol over HTTP: for tests, with faults to order, and as a stand-in for the demo.

`FakeManager(look)` is an ASGI application. `look` says what it finds on a medium; it gets the medium as it was
submitted, and answers with detections. Faults are set on the object, and may be changed while it runs.
"""

import asyncio
from base64 import b64decode
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import msgpack
import orjson
import zstandard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from app.gateways import outside

Look = Callable[[Mapping[str, Any]], Awaitable[list[dict[str, Any]]]]
LOGIN, PASSWORD = "worker", "let me work"
PAGE = 2
PART = 100
MIB = 2**20
DETECTOR = {
    "id": "5f0c7a52-1d0f-4a43-9f57-5a3f0a3f6a10",
    "name": "MegaDetector",
    "version": "5a",
    "description": "Finds animals, people and vehicles.",
    "provider_type": "detection",
    "video_support": True,
    "object_based": True,
    "crop_image": False,
    "model_file_hash": "ab" * 32,
    "categories": {
        "attributeMappings": [
            {
                "attributeType": "observation_type",
                "labels": [
                    {"aiLabel": "animal", "value": "animal"},
                    {"aiLabel": "person", "value": "human"},
                    {"aiLabel": "vehicle", "value": "vehicle"},
                ],
            }
        ]
    },
    "keypoint_topology": None,
    "is_active": True,
}


@dataclass
class Faults:
    """What goes wrong, as it is ordered."""

    # The next answers to these paths: a status, or a status with a Retry-After.
    answers: list[tuple[int, str | None]] = field(default_factory=list)
    # The next starts are accepted, and their answers lost.
    lost_starts: int = 0
    never_ends: bool = False
    foreign_results: int = 0
    huge_results: bool = False
    broken_results: bool = False
    is_silent: bool = False
    doubled_callbacks: bool = False
    early_callbacks: bool = False
    old_fence: bool = False
    fails_resources: frozenset[str] = frozenset()
    fails_batches: bool = False


@dataclass
class Batch:
    """A batch as the manager knows it."""

    key: str
    submitted: dict[str, Any]
    id: str = field(default_factory=lambda: uuid4().hex)
    status: str = "queued"
    parts: dict[str, bytes] = field(default_factory=dict)
    processed: int = 0

    def as_json(self) -> dict[str, Any]:
        """What is answered about it."""
        return {
            "id": self.id,
            "status": self.status,
            "fence": self.submitted["fence"],
            "processed": self.processed,
            "total": len(self.submitted["resources"]),
            "parts": list(self.parts),
        }


class FakeManager:
    """An AI Manager. Work is done when `work` is called, or at once if `works_at_once`."""

    def __init__(self, look: Look, *, models: list[dict[str, Any]] | None = None, works_at_once: bool = False) -> None:
        self.look = look
        self.models = [dict(DETECTOR)] if models is None else models
        self.works_at_once = works_at_once
        self.faults = Faults()
        self.batches: dict[str, Batch] = {}
        self.begun: Counter[str] = Counter()
        self.cancelled: list[str] = []
        self.callbacks: list[dict[str, Any]] = []
        self._sequence = 0
        self._working: set[asyncio.Task[None]] = set()
        self._app = Starlette(
            routes=[
                Route("/api/prediction_models/", self._models),
                Route("/api/prediction_jobs/", self._start, methods=["POST"]),
                Route("/api/prediction_jobs/{key}/", self._status),
                Route("/api/prediction_jobs/{key}/cancel/", self._cancel, methods=["POST"]),
                Route("/api/resource_batches/{part}/results/", self._results),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self._app(scope, receive, send)

    def restart(self) -> None:
        """Forgets everything, as a manager does that is started anew."""
        self.batches.clear()

    async def work(self) -> None:
        """Looks at everything that waits, and tells of it."""
        for batch in list(self.batches.values()):
            if batch.status in {"queued", "running"} and not self.faults.never_ends:
                await self._work_on(batch)

    async def _work_on(self, batch: Batch) -> None:
        batch.status = "running"
        await self.tell(batch, "progress")
        resources = batch.submitted["resources"]
        for start in range(0, len(resources), PART):
            results = [await self._looked_at(each) for each in resources[start : start + PART]]
            results += [{"resource_id": str(10**9 + n), "status": "ok"} for n in range(self.faults.foreign_results)]
            batch.parts[uuid4().hex] = self._packed(batch, results)
            batch.processed += len(resources[start : start + PART])
            await self.tell(batch, "batch_ready")
        batch.status = "failed" if self.faults.fails_batches else "done"
        await self.tell(batch, "completed")

    async def _looked_at(self, resource: dict[str, Any]) -> dict[str, Any]:
        result = {"resource_id": resource["id"], "status": "ok", "fps": resource.get("fps")}
        if resource["id"] in self.faults.fails_resources:
            return {**result, "status": "failed", "error": "The file could not be opened."}
        return {**result, "detections": await self.look(resource)}

    def _packed(self, batch: Batch, results: list[dict[str, Any]]) -> bytes:
        fence = batch.submitted["fence"] - 1 if self.faults.old_fence else batch.submitted["fence"]
        payload = {"schema_version": [1, 0], "key": batch.key, "fence": fence, "results": results}
        return zstandard.ZstdCompressor().compress(msgpack.packb(payload, use_bin_type=True))

    async def tell(self, batch: Batch, event: str, **fields: Any) -> None:
        """Sends a callback, as far as nothing is wrong with it."""
        if self.faults.is_silent:
            return
        self._sequence += 1
        body = {
            "key": batch.key,
            "event": event,
            "sequence": self._sequence,
            "fence": batch.submitted["fence"],
            "processed": batch.processed,
            **fields,
        }
        for _ in range(2 if self.faults.doubled_callbacks else 1):
            await self.call(batch.submitted["callback_url"], body)

    async def call(self, url: str, body: Mapping[str, Any]) -> int:
        """Sends a callback of any content; gives the status of its answer."""
        self.callbacks.append(dict(body))
        async with httpx.AsyncClient(verify=outside.authorities(), trust_env=False) as client:
            try:
                return (await client.post(url, json=dict(body))).status_code
            except httpx.HTTPError:
                return 0  # nobody reads it: who sent it knows nothing of that

    async def _models(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        start = int(request.query_params.get("cursor") or 0)
        page = self.models[start : start + PAGE]
        following = str(start + PAGE) if start + PAGE < len(self.models) else None
        return JSONResponse({"results": page, "next": following})

    async def _start(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        submitted = orjson.loads(await request.body())
        batch = self.batches.get(submitted["key"])
        if batch is None:
            batch = self.batches[submitted["key"]] = Batch(submitted["key"], submitted)
            self.begun[submitted["key"]] += 1
        batch.submitted["fence"] = max(batch.submitted["fence"], submitted["fence"])
        if self.faults.early_callbacks:
            await self.tell(batch, "progress")
        if self.works_at_once:
            task = asyncio.create_task(self._work_on(batch))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        if self.faults.lost_starts:
            self.faults.lost_starts -= 1
            return StreamingResponse(_cut(), 202, {"Content-Length": "100"})
        return JSONResponse(batch.as_json(), 202)

    async def _status(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        batch = self.batches.get(request.path_params["key"])
        return JSONResponse({"detail": "Not found."}, 404) if batch is None else JSONResponse(batch.as_json())

    async def _cancel(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        batch = self.batches.get(request.path_params["key"])
        if batch is None:
            return JSONResponse({"detail": "Not found."}, 404)
        batch.status = "cancelled"
        self.cancelled.append(batch.key)
        return JSONResponse(batch.as_json())

    async def _results(self, request: Request) -> Response:
        if refused := self._refused(request):
            return refused
        if self.faults.huge_results:
            return StreamingResponse(_endless(), media_type="application/x-msgpack+zstd")
        part = request.path_params["part"]
        content = next((each.parts[part] for each in self.batches.values() if part in each.parts), None)
        if content is None:
            return JSONResponse({"detail": "Not found."}, 404)
        if self.faults.broken_results:
            content = content[: len(content) // 2]
        return Response(content, media_type="application/x-msgpack+zstd")

    def _refused(self, request: Request) -> Response | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Basic" or b64decode(token).decode() != f"{LOGIN}:{PASSWORD}":
            return JSONResponse({"detail": "Invalid username/password."}, 401)
        if not self.faults.answers:
            return None
        status, retry_after = self.faults.answers.pop(0)
        return JSONResponse({"detail": "Not now."}, status, {"Retry-After": retry_after} if retry_after else None)


async def _cut() -> AsyncIterator[bytes]:
    """Less than was promised: the connection ends in the middle."""
    yield b"{"


async def _endless() -> AsyncIterator[bytes]:
    """2 GiB, piece by piece."""
    for _ in range(2_048):
        yield bytes(MIB)
