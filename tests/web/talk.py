"""A client of a socket, for what is said over it."""

import asyncio
import contextlib
import json
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection

from tests.silence import PATIENCE_S


class Talk:
    """A client that says what it is told, well formed or not."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.begun: Any = None

    async def say(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else json.dumps(message))

    async def receive(self) -> Any:
        """The next message, but for the pings that say where a subscription begins."""
        while "cursor" in ((message := await self.receive_all()).get("payload") or {}):
            self.begun = message["payload"]
        return message

    async def receive_all(self) -> Any:
        return json.loads(await asyncio.wait_for(self.connection.recv(), PATIENCE_S))

    async def init(self, **payload: Any) -> None:
        await self.say({"type": "connection_init", "payload": payload})
        assert await self.receive() == {"type": "connection_ack"}

    async def subscribe(self, id: str, query: str, **variables: Any) -> None:
        await self.say({"id": id, "type": "subscribe", "payload": {"query": query, "variables": variables}})

    async def closing(self) -> tuple[int, str]:
        """The code and the reason with which the server closes; whatever it still says is passed over."""
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await asyncio.wait_for(self.connection.recv(), PATIENCE_S)
        assert self.connection.close_code is not None
        return self.connection.close_code, self.connection.close_reason or ""
