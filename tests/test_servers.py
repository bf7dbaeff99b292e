"""The servers that tests use on loopback."""

import socket
import time
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse

from tests.servers import serving

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def never(scope, receive, send):
    """An application that takes its time, and does not see that the server ends."""
    while scope["type"] == "http":
        await receive()


def test_what_is_open_at_the_end_of_a_server_is_closed():
    for app in (PlainTextResponse("yes"), never):
        with serving(app) as server:
            at = urlsplit(server.url)
            idle, asking = (socket.create_connection((at.hostname, at.port), timeout=60) for _ in range(2))
            asking.sendall(REQUEST)
            while not server.asked["/"]:
                time.sleep(0.01)
        with idle, asking:
            for client in (idle, asking):
                try:
                    while client.recv(4_096):
                        pass
                except ConnectionResetError:
                    pass
