"""Where a request comes from: its id, its address, its token, and whether a browser sends it for a foreign page."""

import ipaddress
import random
import re
from functools import lru_cache

from starlette.datastructures import Headers
from starlette.types import Scope

from app.errors import Unauthenticated
from app.settings import settings
from app.telemetry import tracing

ADDRESSES_MAX = 4_096
# While an installation is developed, so is a front end on the same machine.
LOCAL_ORIGIN = r"https?://(localhost|127\.0\.0\.1|\[::1\]|[a-z0-9-]+\.localhost)(:\d{1,5})?"
_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")
# A page elsewhere cannot set one of these without the browser asking us first, by a preflight that we do not answer.
_PREFLIGHTED = ("authorization", "x-requested-with", "apollo-require-preflight", "graphql-require-preflight")


def request_id_of(scope: Scope) -> str:
    """Its trace's ID, else the client's own X-Request-ID if it is well formed, else a new one; kept for the request."""
    state: dict[str, str] = scope.setdefault("state", {})
    if "request_id" not in state:
        state["request_id"] = tracing.trace_id() or own_request_id(scope) or new_request_id()
    return state["request_id"]


def own_request_id(scope: Scope) -> str | None:
    """The client's own X-Request-ID, if it is well formed."""
    request_id = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return request_id if _WELL_FORMED_ID.match(request_id) else None


def new_request_id() -> str:
    """One for a request that has none."""
    return f"{random.getrandbits(128):032x}"


def address_of(scope: Scope) -> str:
    """Who is counted as one stranger: an IPv4 address, an IPv6 network of 64 bits, or the socket file's other end."""
    client = scope.get("client")
    return network_of(client[0]) if client else "local"


@lru_cache(maxsize=ADDRESSES_MAX)
def network_of(host: str) -> str:
    """The same of an address as a text."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "local"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def client_of(scope: Scope) -> str:
    """The program it was sent with, as that says."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"user-agent"), "")


def bearer(authorization: str | None) -> str | None:
    """The token of an Authorization header; None without a header."""
    if authorization is None:
        return None
    scheme, _, token = authorization.strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("The Authorization header must be 'Bearer' followed by a token.")
    return token.strip()


def token_alone(authorization: str | None) -> str | None:
    """The same where the former platform's client calls, which sends a key without a scheme."""
    alone = (authorization or "").strip()
    return bearer(alone) if alone.lower().startswith("bearer ") else alone or None


def takes_pages_of_others() -> bool:
    """Whether browsers may send us what pages of other origins ask for."""
    return bool(settings.cors_origins) or not settings.production


def is_known_origin(origin: str | None) -> bool:
    """Whether pages of this origin may ask us."""
    if origin is None or not takes_pages_of_others():
        return False
    is_local = not settings.production and re.fullmatch(LOCAL_ORIGIN, origin) is not None
    return is_local or origin in settings.cors_origins or "*" in settings.cors_origins


def is_foreign_page(headers: Headers) -> bool:
    """Whether a WebSocket is opened by a page that may not ask us in other ways either.

    Browsers ask nobody before they open a WebSocket, and programs need not say an origin.
    """
    page = headers.get("origin")
    return page is not None and not is_known_origin(page) and not _is_own(page, headers)


def _is_own(page: str, headers: Headers) -> bool:
    """Whether it is the origin that the request is sent to; a proxy may have another name for it than the public."""
    host = page.lower().partition("://")[2]
    return host in {headers.get("host", "").lower(), settings.address.partition("://")[2].lower()} - {""}


def foreign_browser(headers: Headers) -> bool:
    """Whether a browser may be sending this for a page that is not ours, without having asked us first."""
    if any(name in headers for name in _PREFLIGHTED):
        return False
    if headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json":
        return False
    page = headers.get("origin")
    if is_known_origin(page):
        return False
    # Browsers say it themselves; those too old to do so name the page at least.
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site not in {"none", "same-origin"}
    return page is not None and not _is_own(page, headers)
