"""The one way to other people's servers: bounded in time and bytes, and never into a private network.

An address is checked twice. Its form is checked when a person enters it, without a network; where its host really
leads is checked at every connection, redirects included, by `httpx-secure`.
"""

import asyncio
import re
import socket
import ssl
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

import httpx
from httpx_secure import SSRFProtectionError, httpx_ssrf_protection
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, wait_random_exponential

from app.errors import Invalid, Unavailable
from app.limits.texts import URL_LENGTH_MAX
from app.settings import settings

HOST = re.compile(r"[0-9A-Za-z._:-]+")
SECONDS = re.compile(r"[0-9]+(\.[0-9]*)?")
NAT64 = IPv6Network("64:ff9b::/96")
PRIVATE_NAMES = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "test", "invalid")


class Outage(Unavailable):
    """A service that did not do its part: who, what it did, and whether it may heal by itself."""

    def __init__(
        self, who: str, reason: str, *, heals: bool, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(f"{who} {reason}.")
        self.reason = reason
        self.heals = heals
        self.status = status
        self.retry_after_s = retry_after_s


class FetchedResponse(NamedTuple):
    """What a server answered, whole."""

    status: int
    media_type: str
    content: bytes
    headers: Mapping[str, str] = {}


def check_url(field: str, text: str, *, length_max: int = URL_LENGTH_MAX) -> str:
    """The address without surrounding space, if its form lets the server fetch it; asks no network."""
    url = text.strip()
    if len(url) > length_max:
        raise Invalid(field, f"Use at most {length_max} characters; this has {len(url)}.")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        raise Invalid(field, "This is not a web address.") from None
    # As it goes over the wire: other scripts have their own dots and digits.
    host = parsed.raw_host.decode("ascii")
    if parsed.scheme not in {"http", "https"} or not host:
        raise Invalid(field, "Give a complete URL that starts with https:// or http://.")
    if not HOST.fullmatch(host):
        raise Invalid(field, "This is not a web address.")
    if parsed.userinfo:
        raise Invalid(field, "Leave out the user name and password, because the URL is public.")
    if not _is_allowed(host, _port(parsed)) and _looks_private(host):
        raise Invalid(field, f"{host} is not a public host.")
    return url


@cache
def authorities() -> ssl.SSLContext:
    """Who vouches for servers outside. Read once: it takes longer than most errands, and meanwhile the loop stands."""
    return httpx.create_ssl_context(trust_env=False)


@asynccontextmanager
async def browsing(*, connections: int = 4) -> AsyncIterator[httpx.AsyncClient]:
    """A client for one errand; it knows no proxy, no cookies and no private network."""
    timeouts = httpx.Timeout(None, connect=settings.outside_connect_s_max)
    client = httpx.AsyncClient(
        verify=authorities(),
        timeout=timeouts,
        limits=httpx.Limits(max_connections=connections),
        follow_redirects=True,
        max_redirects=settings.outside_redirects_max,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        # Only what is unpacked piece by piece: other encodings can grow a thousandfold in one step.
        headers={"User-Agent": "Fieldgraph", "Accept-Encoding": "gzip"},
    )
    async with httpx_ssrf_protection(client, check_globally_reachable=False, custom_validator=_may_reach):
        yield client


async def fetch(
    client: httpx.AsyncClient,
    url: str,
    *,
    who: str,
    bytes_max: int,
    s_max: float,
    tries_max: int = 1,
    json: object = None,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> FetchedResponse:
    """Whatever the server answers with success: a POST of `json` or a `form`, else a GET. What may heal is retried."""
    method = "GET" if json is None and form is None else "POST"
    try:
        request = client.build_request(method, url, json=json, data=form, headers=headers)
    except httpx.InvalidURL:
        raise Outage(who, "has no valid web address", heals=False) from None
    attempts = AsyncRetrying(
        stop=stop_after_attempt(tries_max),
        wait=wait_random_exponential(multiplier=settings.outside_retry_s, max=10 * settings.outside_retry_s),
        retry=retry_if_exception(lambda error: isinstance(error, Outage) and error.heals),
        reraise=True,
    )
    return await attempts(_send, client, request, who, bytes_max, s_max)


async def pieces(
    client: httpx.AsyncClient, request: httpx.Request, *, who: str, bytes_max: int, s_max: float
) -> AsyncIterator[bytes]:
    """Whatever the server answers with success, piece by piece; asked once."""
    with _in_words(who, s_max):
        async with asyncio.timeout(s_max):
            response = await client.send(request, stream=True)
            try:
                async for piece in _pieces(response, who, bytes_max):
                    yield piece
            finally:
                await response.aclose()


async def status_of(client: httpx.AsyncClient, request: httpx.Request, *, who: str, s_max: float) -> int:
    """The status of a success; asked once, and not a byte of what follows the head is read."""
    with _in_words(who, s_max):
        async with asyncio.timeout(s_max):
            response = await client.send(request, stream=True)
            await response.aclose()
    _require_success(response, who)
    return response.status_code


async def _send(
    client: httpx.AsyncClient, request: httpx.Request, who: str, bytes_max: int, s_max: float
) -> FetchedResponse:
    with _in_words(who, s_max):
        async with asyncio.timeout(s_max):
            response = await client.send(request, stream=True)
            try:
                content = bytearray()
                async for piece in _pieces(response, who, bytes_max):
                    content += piece
            finally:
                await response.aclose()
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return FetchedResponse(response.status_code, media_type, bytes(content), response.headers)


@contextmanager
def _in_words(who: str, s_max: float) -> Iterator[None]:
    try:
        yield
    except (TimeoutError, httpx.ReadTimeout, httpx.WriteTimeout, httpx.PoolTimeout):
        raise Outage(who, f"did not answer within {s_max:g} s", heals=True) from None
    except (httpx.ConnectError, httpx.ConnectTimeout, SSRFProtectionError):
        # One sentence for a closed door and a forbidden one: else this would tell strangers which private doors exist.
        raise Outage(who, "could not be reached at a public address", heals=True) from None
    except httpx.TooManyRedirects:
        raise Outage(who, "redirected too many times", heals=False) from None
    except (httpx.UnsupportedProtocol, httpx.InvalidURL):
        raise Outage(who, "redirected to something that is not a web address", heals=False) from None
    except httpx.DecodingError:
        raise Outage(who, "sent a reply that could not be unpacked", heals=False) from None
    except httpx.HTTPError:
        raise Outage(who, "closed the connection early", heals=True) from None


def _require_success(response: httpx.Response, who: str) -> None:
    if not response.is_success:
        status = response.status_code
        wait_s = retry_after_s(response.headers.get("retry-after"))
        raise Outage(
            who, f"answered {status}", heals=status >= 500 or status == 429, status=status, retry_after_s=wait_s
        )


async def _pieces(response: httpx.Response, who: str, bytes_max: int) -> AsyncIterator[bytes]:
    status = response.status_code
    if status == 304:  # only who asks for what is newer learns that nothing is
        return
    _require_success(response, who)
    if response.headers.get("content-encoding", "identity").lower() not in {"identity", "gzip"}:
        raise Outage(who, "sent a reply in an unexpected encoding", heals=False)
    too_much = Outage(who, f"sent more than {bytes_max:,} bytes", heals=False)
    if int(response.headers.get("content-length", 0)) > bytes_max:
        raise too_much
    total = 0
    async for piece in response.aiter_bytes():
        total += len(piece)
        if total > bytes_max:
            raise too_much
        yield piece


def retry_after_s(value: str | None) -> float | None:
    """The seconds that a server asks to wait, given as such or as a time."""
    if value is None:
        return None
    if SECONDS.fullmatch(value.strip()):
        return float(value.strip()[:9])
    try:
        until = parsedate_to_datetime(value)
    except (ValueError, TypeError, OverflowError):
        return None
    known = until.astimezone(UTC) if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (known - datetime.now(UTC)).total_seconds())


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _is_allowed(host: str, port: int) -> bool:
    return not {host.lower(), f"{host.lower()}:{port}"}.isdisjoint(settings.outside_hosts_allowed)


def _may_reach(host: str, address: IPv4Address | IPv6Address, port: int) -> bool:
    return _is_allowed(host, port) or _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address in NAT64:
        address = IPv4Address(address.packed[-4:])
    return address.is_global and not address.is_multicast


def _looks_private(host: str) -> bool:
    name = host.rstrip(".").lower()
    try:
        return not _is_public(ip_address(name))
    except ValueError:
        pass
    try:
        # What a resolver reads as an IPv4 address in its older spellings: 127.1, 0x7f.1, 2130706433.
        return not _is_public(IPv4Address(socket.inet_aton(name)))
    except OSError:
        return "." not in name or name.endswith(tuple(f".{suffix}" for suffix in PRIVATE_NAMES))
