"""Runs the examples of one page against a real API, in order, and compares what they are answered with."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import httpx
from graphql import OperationDefinitionNode, OperationType, parse

from tests.docs.examples import ADDRESS, PLACEHOLDER, Example, Values
from tests.fixtures import needing_keys

RUN_S_MAX = 240
ANONYMOUS = "anonymous"


class Runner:
    """What a reader has before them who does one example after the other."""

    def __init__(self, url: str, values: Values, folder: Path) -> None:
        self._url = url
        self._values = values
        self._folder = folder
        self._closing = AsyncExitStack()
        self._events: AsyncIterator[Any] | None = None
        self._answer: Any = None
        self.ran: list[str] = []
        self.faults: list[str] = []

    async def __aenter__(self) -> Self:
        self._http = await self._closing.enter_async_context(httpx.AsyncClient(base_url=self._url, timeout=RUN_S_MAX))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._closing.aclose()

    async def take(self, example: Example) -> None:
        """Runs an example, or compares an answer with that of the one before."""
        if example.is_answer:
            self._compare(example, self._answer)
        elif example.is_event:
            assert self._events, f"{example}: nothing is subscribed to"
            self._compare(example, await asyncio.wait_for(anext(self._events), RUN_S_MAX))
        elif not example.why_not_run and (run := getattr(self, f"_run_{example.language}", None)):
            self._answer = await run(example)
            self.ran.append(example.language)

    def _compare(self, example: Example, actual: Any) -> None:
        if example.language == "json":
            actual = json.loads(actual) if isinstance(actual, str) else actual
            self.faults += [f"{example}: {fault}" for fault in self._values.compare(json.loads(example.text), actual)]
        elif not self._values.is_like(example.text.strip(), str(actual).strip()):
            self.faults.append(f"{example}: the page says\n{example.text}\nand it is\n{actual}")

    def _filled(self, example: Example) -> str:
        text = self._values.fill(example.text)
        missing = set(PLACEHOLDER.findall(text))
        assert not {name for name in missing if name.isupper() and name in example.text}, f"{example}: {missing}"
        return text.replace(ADDRESS, self._url).replace(ADDRESS.removeprefix("http"), self._url.removeprefix("http"))

    def _headers(self, example: Example) -> dict[str, str]:
        words = example.words.split()
        if ANONYMOUS in words:
            return {}
        name = f"{words[words.index('as') + 1].upper()}_TOKEN" if "as" in words else "TOKEN"
        return {"Authorization": f"Bearer {self._values[name]}"}

    async def _run_graphql(self, example: Example) -> Any:
        text, headers = self._filled(example), self._headers(example)
        document = parse(text)
        [operation] = [each for each in document.definitions if isinstance(each, OperationDefinitionNode)]
        if operation.operation is OperationType.SUBSCRIPTION:
            return await self._subscribe(text, headers)
        # Asking a machine needs one where it costs.
        if any(name in text for name in (*needing_keys(), "expectedPriceUsd")):
            headers["Idempotency-Key"] = str(uuid4())
        response = await self._http.post("/graphql", json={"query": text}, headers=headers)
        return {name: part for name, part in response.json().items() if name != "extensions"}

    async def _subscribe(self, text: str, headers: dict[str, str]) -> None:
        """Leave the stream open: the events that the page shows are compared as they come."""
        request = self._http.stream(
            "POST", "/graphql", json={"query": text}, headers={**headers, "Accept": "text/event-stream"}
        )
        response = await self._closing.enter_async_context(request)
        assert response.status_code == 200, await response.aread()
        lines = response.aiter_lines()
        # The first line is the id of the place to begin at: from then on nothing is missed.
        first = await asyncio.wait_for(anext(lines), RUN_S_MAX)
        self._events = _events(first, lines)

    async def _run_shell(self, example: Example) -> str:
        return await self._run(example, "bash", "-euo", "pipefail", "-c", self._filled(example))

    async def _run_python(self, example: Example) -> str:
        script = self._folder / f"example_{example.line}.py"
        script.write_text(self._filled(example))
        return await self._run(example, sys.executable, str(script))

    async def _run(self, example: Example, *command: str) -> str:
        environment = {**os.environ, "HOME": str(self._folder)}
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *command, cwd=self._folder, env=environment, stdout=pipe, stderr=pipe
        )
        out, err = await asyncio.wait_for(process.communicate(), RUN_S_MAX)
        if process.returncode:
            self.faults.append(f"{example}: ended with {process.returncode}\n{err.decode()}{out.decode()}")
        return out.decode()


async def _events(first: str, lines: AsyncIterator[str]) -> AsyncIterator[Any]:
    """What a stream of server-sent events tells, without the extensions."""
    pending: str | None = first
    while pending is not None:
        if pending.startswith("data: "):
            told = json.loads(pending.removeprefix("data: "))
            yield {name: part for name, part in told.items() if name != "extensions"}
        pending = await anext(lines, None)
