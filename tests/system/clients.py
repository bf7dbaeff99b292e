"""Clients of the API over its real socket."""

import asyncio
import json
from contextlib import asynccontextmanager

import websockets


class Client:
    """One socket of somebody's."""

    def __init__(self, connection):
        self._connection = connection

    async def subscribe(self, document, **variables):
        await self.say({"id": "1", "type": "subscribe", "payload": {"query": document, "variables": variables}})

    async def say(self, message):
        await self._connection.send(json.dumps(message))

    async def receive(self):
        """The next message that is no ping, which are answered: each subscription begins with one."""
        while (message := await self.receive_all())["type"] == "ping":
            await self.say({"type": "pong"})
        return message

    async def receive_all(self):
        return json.loads(await asyncio.wait_for(self._connection.recv(), 120))

    async def begun(self):
        """The cursor that the subscription says it begins with."""
        message = await self.receive_all()
        assert message["type"] == "ping", message
        return message["payload"]["cursor"]

    async def next(self):
        """The one field of the next event."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        [value] = message["payload"]["data"].values()
        return value

    async def refused(self):
        """The code with which the subscription ends."""
        message = await self.receive()
        assert message["type"] in {"next", "error"}, message
        errors = message["payload"] if message["type"] == "error" else message["payload"]["errors"]
        return errors[0]["extensions"]["code"]

    async def settled(self):
        """Passes when everything said before has been answered; what comes meanwhile is dropped."""
        await self.say({"type": "ping"})
        while (await self.receive())["type"] != "pong":
            pass

    async def is_complete(self):
        return (await self.receive())["type"] == "complete"

    async def closed(self):
        """The code with which the server closes the socket."""
        try:
            while True:
                await self.receive()
        except websockets.ConnectionClosed as closed:
            return closed.rcvd.code


@asynccontextmanager
async def connected(api, viewer=None, **how):
    url = f"{api.url.replace('http', 'ws', 1)}/graphql"
    async with websockets.connect(url, subprotocols=["graphql-transport-ws"], proxy=None, **how) as connection:
        client = Client(connection)
        await client.say(
            {"type": "connection_init", "payload": {"Authorization": f"Bearer {viewer.token}"} if viewer else {}}
        )
        assert (await client.receive())["type"] == "connection_ack"
        yield client
