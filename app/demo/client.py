"""A GraphQL client as anybody might write one: mutations, and subscriptions that outlast their connections."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NoReturn, Self
from uuid import uuid4

import httpx
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

from app.demo.people import PASSWORD, PEOPLE
from app.settings import settings

# How long the API may be away before the demo gives up, and how long it waits between tries.
SILENT_S_MAX, RETRY_S_MAX, OPEN_S_MAX = 300.0, 10.0, 60.0
# What a client need not give up for.
PASSING = {"UNAVAILABLE", "TIMEOUT", "INTERNAL", "RATE_LIMITED", "LIMIT_REACHED"}
ENDED = {"FINISHED", "FAILED", "DONE", "CANCELLED", "ERROR"}
Events = AsyncGenerator[dict[str, Any], None]
console = Console()


@dataclass(frozen=True)
class Followed:
    """A kind of work that a subscription tells of: its field, what names the work, and what its events say."""

    kind: str
    argument: str
    selection: str = "progress message"
    state: str = "status"


TRAINING = Followed("training", "trainingId")
PREDICTION = Followed("prediction", "predictionId")
READING = Followed("mediaReading", "mediaReadingId", "progress")
IMPORT = Followed("wildlifeImport", "importId")
WORK = Followed("work", "workId")
AI_JOB = Followed("aiClassificationJob", "id", state="stage")


class Client:
    """A GraphQL client as anybody might write one."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._token = ""

    async def sign_in(self, name: str) -> None:
        """Opens a session of one of the demo's people."""
        credentials = {"email": PEOPLE[name], "password": PASSWORD}
        signed_in = await self.ask("signIn", credentials, "SignedIn { token }")
        self._token = signed_in["token"]

    async def ask(
        self, mutation: str, input: dict[str, Any], result: str, *, needs_key: bool = False
    ) -> dict[str, Any]:
        """One mutation, with its result as `Type { fields }`; a problem ends the demo with its words."""
        kind = f"{mutation[0].upper()}{mutation[1:]}Input!"
        document = f"""mutation ($input: {kind}) {{
            {mutation}(input: $input) {{ ... on {result} ... on Problem {{ code message }} }}
        }}"""
        key = str(uuid4()) if needs_key else None
        answer: dict[str, Any] = (await self._sent(document, {"input": input}, key=key))[mutation]
        if "code" in answer:
            raise SystemExit(f"{mutation}: {answer['message']}")
        return answer

    async def read(self, document: str, **variables: Any) -> dict[str, Any]:
        """The answer to any document; an error ends the demo with its words."""
        return await self._sent(document, variables)

    async def _sent(self, document: str, variables: dict[str, Any], *, key: str | None = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        headers |= {"Idempotency-Key": key} if key else {}
        reply = await self._http.post("/graphql", json={"query": document, "variables": variables}, headers=headers)
        body = reply.json()
        if "errors" in body:
            raise SystemExit(body["errors"][0]["message"])
        return dict(body["data"])

    async def put(self, url: str, content: bytes, media_type: str) -> None:
        """Sends a file to the link for it."""
        reply = await self._http.put(url, content=content, headers={"Content-Type": media_type})
        if reply.is_error:
            raise SystemExit(f"A file was not taken: {reply.text}")

    async def get(self, url: str) -> bytes:
        """The file that a link leads to."""
        reply = await self._http.get(url, follow_redirects=True)
        if reply.is_error:
            raise SystemExit(f"A file was not returned: {reply.text}")
        return reply.content

    async def upload(self, name: str, content: bytes) -> str:
        """Sends a file of an import; what names it in the import."""
        arguments = {"fileName": name, "bytes": len(content)}
        link = await self.ask("requestImportUpload", arguments, "UploadLink { url upload mediaType }")
        await self.put(link["url"], content, link["mediaType"])
        return str(link["upload"])

    async def watch(self, work: Followed, id: str, fields: str) -> dict[str, Any]:
        """Follows work to its end, and shows its progress; with the cursor of its last event."""
        kind, name = work.kind, f"{work.kind}Updated"
        document = f"""subscription ($id: ID!, $after: String) {{ {name}({work.argument}: $id, after: $after) {{
            cursor {work.selection} {kind} {{ {fields} }}
        }} }}"""
        last: dict[str, Any] = {}
        with Shown() as progress:
            async with aclosing(self._lasting(document, name, {"id": id})) as events:
                async for event in events:
                    last = event
                    if last["progress"] is not None:
                        progress.tell(last["progress"], last.get("message") or last[kind][work.state])
                    if last[kind][work.state] in ENDED:
                        break
            progress.tell(1.0, "Done")
        return {**last[kind], "cursor": last["cursor"]}

    async def notified(self, about: str, *, after: str) -> str:
        """The message of the notification about a row."""
        document = """subscription ($after: String) { notificationReceived(after: $after) {
            cursor notification { message subject { id } }
        } }"""
        async with aclosing(self._lasting(document, "notificationReceived", {}, after=after)) as events:
            async for event in events:
                notification = event["notification"]
                if (
                    notification is not None
                    and notification["subject"] is not None
                    and notification["subject"]["id"] == about
                ):
                    return str(notification["message"])
        raise ConnectionError("the subscription ended early")

    async def _lasting(
        self, document: str, name: str, variables: dict[str, Any], *, after: str | None = None
    ) -> Events:
        """The events of a subscription, whatever becomes of its connections: it goes on after the last that came."""
        silent_s = 0.0
        while True:
            try:
                async with aclosing(self._events(document, {**variables, "after": after})) as events:
                    async for event in events:
                        after, silent_s = event[name]["cursor"], 0.0
                        yield event[name]
            except (OSError, WebSocketException) as error:
                if silent_s >= SILENT_S_MAX:
                    raise SystemExit(f"{settings.address} no longer answers: {error}") from None
                wait_s = min(1.0 + silent_s, RETRY_S_MAX)
                silent_s += wait_s
                console.print(f"  Connection lost. Reconnecting in {wait_s:g} s …")
                await asyncio.sleep(wait_s)

    async def _events(self, document: str, variables: dict[str, Any]) -> Events:
        """The events of one connection; raises if it ends before the subscription does."""
        address = f"{settings.address.replace('http', 'ws', 1)}/graphql"
        protocols: Any = ["graphql-transport-ws"]
        # A loaded machine may be slow to answer: the server's own pings say whether it is there.
        async with connect(address, subprotocols=protocols, open_timeout=OPEN_S_MAX, ping_timeout=None) as socket:
            payload = {"Authorization": f"Bearer {self._token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            body = {"query": document, "variables": variables}
            async for text in socket:
                message = json.loads(text)
                if message["type"] == "connection_ack":
                    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": body}))
                elif message["type"] == "ping":
                    await socket.send(json.dumps({"type": "pong"}))
                elif message["type"] == "next" and "errors" not in message["payload"]:
                    yield message["payload"]["data"]
                elif message["type"] in {"next", "error"}:
                    payload = message["payload"]
                    _give_up_or_retry(payload if isinstance(payload, list) else payload["errors"])
                elif message["type"] == "complete":
                    break
        raise ConnectionError("the subscription ended early")


def _give_up_or_retry(errors: list[dict[str, Any]]) -> NoReturn:
    if errors[0]["extensions"]["code"] in PASSING:
        raise ConnectionError(errors[0]["message"])
    raise SystemExit(errors[0]["message"])


class Shown:
    """Progress as a bar on a terminal, and as lines where the output is piped."""

    def __init__(self) -> None:
        columns = (TextColumn("  {task.description:<60}"), BarColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, console=console)
        self._bar = self._bars.add_task("Waiting for a worker", total=1.0)
        self._told = ""

    def __enter__(self) -> Self:
        if console.is_terminal:
            self._bars.start()
        else:
            console.print("  Waiting for a worker …")
        return self

    def __exit__(self, *_: object) -> None:
        if console.is_terminal:
            self._bars.stop()

    def tell(self, progress: float, message: str | None) -> None:
        """How far it is; as a line, only when that has changed by a percent."""
        if console.is_terminal:
            self._bars.update(self._bar, completed=progress, description=message)
            return
        line = f"  {progress:4.0%}  {message or ''}"
        if line != self._told:
            self._told = line
            console.print(line)
