"""Clients behind proxies of ours: their address and scheme, as the nearest proxy that we trust says.

Headers are read only from the proxies that `FIELDGRAPH_TRUSTED_PROXIES` names. Addresses are read from the right: each
proxy appends who came to it to what it received, so the first one that is no proxy of ours is the client, whatever
stands before it. Only the header that our proxies write is read (`FIELDGRAPH_FORWARDED_HEADER`): they pass on the other
one as the client sent it.
"""

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import settings
from app.settings.kinds import Proxy

LOCAL: tuple[Proxy, ...] = ("unix", ip_network("127.0.0.0/8"), ip_network("::1/128"))
HEADERS = frozenset({b"x-forwarded-for", b"x-forwarded-proto", b"forwarded"})
ADDRESSES_MAX = 4_096
HOPS_MAX = 20
# Set in a scope that came by a proxy of ours, with whether that named the client.
BY_PROXY = "fieldgraph.by_proxy"
_PAIR = re.compile(r'\s*([A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^";,\s]*)\s*(;|,|$)')


class Proxies:
    """The proxies that are ours."""

    def __init__(self, listed: tuple[Proxy, ...]) -> None:
        self._networks = [each for each in listed if not isinstance(each, str)]
        self._has_unix = "unix" in listed
        self._is_ours = lru_cache(ADDRESSES_MAX)(self._look_up)

    def __contains__(self, host: object) -> bool:
        """Whether the other end of a connection is one: an address, or nothing for a socket file."""
        return self._is_ours(str(host or ""))

    def _look_up(self, host: str) -> bool:
        if not host:
            return self._has_unix
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)

    def resolve(self, scope: Scope) -> None:
        """Put the client's address and scheme into a scope; nothing changes unless a proxy of ours sent it."""
        client = scope.get("client")
        if (client[0] if client else "") not in self:
            return
        hops, scheme = _told(scope["headers"])
        address = self._client(hops)
        scope[BY_PROXY] = address is not None
        if address is not None:
            scope["client"] = (address, 0)
        if scheme in {"http", "https"}:
            scope["scheme"] = scheme if scope["type"] == "http" else scheme.replace("http", "ws")

    def _client(self, hops: list[str]) -> str | None:
        """The last address that is no proxy of ours, or the first one if all are; what is none ends the search."""
        client = None
        for hop in hops[: -HOPS_MAX - 1 : -1]:
            address = _address(hop)
            if address is None:
                break
            client = str(address)
            if client not in self:
                break
        return client


def ours() -> Proxies:
    """Those that the settings name; in production, when they name none, what comes from this machine."""
    listed = settings.trusted_proxies
    if listed is None:
        listed = [*LOCAL] if settings.production else []
    return Proxies(tuple(listed))


class Forwarded:
    """Tells the application who the client is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._proxies = ours()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in {"http", "websocket"}:
            self._proxies.resolve(scope)
        await self._app(scope, receive, send)


def _told(headers: list[tuple[bytes, bytes]]) -> tuple[list[str], str]:
    """Who came to whom, the nearest last, and by which scheme somebody came to the nearest proxy."""
    if settings.forwarded_header == "Forwarded":
        elements = list(_elements(_joined(headers, b"forwarded")))
        return [element.get("for", "") for element in elements], elements[-1].get("proto", "").lower()
    hops = _joined(headers, b"x-forwarded-for")
    schemes = _joined(headers, b"x-forwarded-proto")
    return hops.split(",") if hops else [], schemes.rpartition(",")[2].strip().lower()


def _joined(headers: list[tuple[bytes, bytes]], name: bytes) -> str:
    return ",".join(value.decode("latin-1") for each, value in headers if each == name)


def _elements(text: str) -> Iterator[dict[str, str]]:
    """The elements of a Forwarded header (RFC 7239); one that is malformed ends what can be known of those before."""
    elements: list[dict[str, str]] = [{}]
    place = 0
    while place < len(text):
        match = _PAIR.match(text, place)
        if match is None:
            elements = [{}]
            following = text.find(",", place)
            place = len(text) if following < 0 else following + 1
            continue
        name, value, end = match.groups()
        elements[-1][name.lower()] = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        if end == ",":
            elements.append({})
        place = match.end()
    yield from elements


@lru_cache(ADDRESSES_MAX)
def _address(text: str) -> IPv4Address | IPv6Address | None:
    """An address that may have a port behind it, and brackets around it."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    return address.ipv4_mapped or address if isinstance(address, IPv6Address) else address
