"""Whether the process is alive, and whether it should be sent work."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from app.supervision import Background, within

CHECK_S_MAX = 2.0
BACKGROUND = "background"

Check = Callable[[], Coroutine[Any, Any, object]]
log = structlog.get_logger(__name__)


class Health:
    """Readiness is a list of named checks that raise when something is missing, and that we are not shutting down.

    What is `dispensable` is listed with them; without it we are ready, too.
    """

    def __init__(
        self,
        checks: Mapping[str, Check],
        background: Sequence[Background] = (),
        *,
        dispensable: Mapping[str, Check] | None = None,
    ) -> None:
        self._dispensable = dispensable or {}
        self._checks = {**checks, **({BACKGROUND: self._all_run} if background else {}), **self._dispensable}
        self._background = background
        self._failing: set[str] = set()
        self.draining = False
        self.routes = [Route("/healthz", self.alive), Route("/readyz", self.ready)]

    async def alive(self, _request: Request) -> Response:
        return JSONResponse({"alive": True}, headers={"Cache-Control": "no-store"})

    async def ready(self, _request: Request) -> Response:
        names = list(self._checks)
        passed = dict(zip(names, await asyncio.gather(*map(self._passes, names)), strict=True))
        ready = all(passed[name] for name in names if name not in self._dispensable) and not self.draining
        body = {"ready": ready, "draining": self.draining, "checks": passed}
        return JSONResponse(body, status_code=200 if ready else 503, headers={"Cache-Control": "no-store"})

    async def _passes(self, name: str) -> bool:
        try:
            await within(CHECK_S_MAX, self._checks[name]())
        except Exception as error:  # noqa: BLE001 - whatever a check raises, it has not passed
            # Asked every few seconds: an outage is one line in the log.
            if name not in self._failing:
                log.warning("not ready", check=name, reason=f"{type(error).__name__}: {error}")
            self._failing.add(name)
            return False
        self._failing.discard(name)
        return True

    async def _all_run(self) -> None:
        """Whether all that runs in the background gets things done."""
        if troubles := [f"{task.name}: {task.trouble}" for task in self._background if task.trouble]:
            raise RuntimeError("; ".join(troubles))
