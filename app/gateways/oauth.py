"""Who somebody is at OpenStreetMap: OAuth 2, authorization code with PKCE, and nothing kept of it."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any, NamedTuple
from urllib.parse import urlencode

import httpx
import orjson
import structlog

from app.errors import Invalid, Unavailable
from app.gateways import outside
from app.gateways.outside import Outage
from app.settings import settings

WHO = "OpenStreetMap"
# It lets us read who somebody is, and change nothing.
SCOPE = "read_prefs"
NAME_LENGTH_MAX = 255
PICTURE_LENGTH_MAX = 1_000
REFUSED = 400

log = structlog.get_logger(__name__)


class Identity(NamedTuple):
    """Somebody at OpenStreetMap: the number is who they are, the name what they are called today."""

    osm_id: int
    username: str
    img_url: str | None


def authorization_url(*, redirect_uri: str, state: str, verifier: str) -> str:
    """Where a browser is sent for somebody to say yes."""
    challenge = urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": _client_id(),
        "redirect_uri": redirect_uri,
        "scope": SCOPE,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"{_address('oauth2/authorize')}?{urlencode(query)}"


async def identify(*, code: str, redirect_uri: str, verifier: str) -> Identity:
    """Who gave us the code. The token that it is exchanged for is revoked as soon as it has named them."""
    async with outside.browsing(connections=1) as client:
        token = await _token(client, code, redirect_uri, verifier)
        try:
            return _identity(await _ask(client, "api/0.6/user/details.json", token=token))
        finally:
            await _give_back(client, token)


async def _token(client: httpx.AsyncClient, code: str, redirect_uri: str, verifier: str) -> str:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    try:
        answer = await _ask(client, "oauth2/token", form=form | _credentials())
    except Outage as outage:
        if outage.status == REFUSED:
            raise Invalid("code", "OpenStreetMap does not accept this code, or it has expired. Start again.") from None
        raise
    try:
        token: str = answer["access_token"] + ""
    except (LookupError, TypeError):
        raise _senseless() from None
    return token


async def _give_back(client: httpx.AsyncClient, token: str) -> None:
    try:
        await _ask(client, "oauth2/revoke", form={"token": token} | _credentials())
    except Outage as outage:
        # It is forgotten here all the same, and opens nothing but the name and the preferences.
        log.warning("token not revoked", who=WHO, reason=outage.reason)


async def _ask(
    client: httpx.AsyncClient, path: str, *, form: dict[str, str] | None = None, token: str | None = None
) -> Any:
    reply = await outside.fetch(
        client,
        _address(path),
        who=WHO,
        form=form,
        headers={"Accept": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {}),
        bytes_max=settings.osm_account_bytes_max,
        s_max=settings.osm_account_s_max,
    )
    try:
        return orjson.loads(reply.content or b"{}")
    except orjson.JSONDecodeError:
        raise _senseless() from None


def _identity(answer: Any) -> Identity:
    try:
        user = answer["user"]
        osm_id, username = user["id"], user["display_name"].strip()[:NAME_LENGTH_MAX]
        picture = (user.get("img") or {}).get("href")
    except (LookupError, TypeError, AttributeError):
        raise _senseless() from None
    if not isinstance(osm_id, int) or isinstance(osm_id, bool) or not 0 < osm_id < 2**63 or "\0" in username:
        raise _senseless()
    return Identity(osm_id, username, picture if _is_picture(picture) else None)


def _is_picture(url: Any) -> bool:
    return isinstance(url, str) and url.startswith("https://") and len(url) <= PICTURE_LENGTH_MAX and "\0" not in url


def _senseless() -> Outage:
    return Outage(WHO, "sent an unexpected answer", heals=False)


def _client_id() -> str:
    if settings.osm_client_id is None:
        raise Unavailable("Sign-in with OpenStreetMap is not configured on this installation.")
    return settings.osm_client_id


def _credentials() -> dict[str, str]:
    secret = settings.osm_client_secret.get_secret_value()
    return {"client_id": _client_id()} | ({"client_secret": secret} if secret else {})


def _address(path: str) -> str:
    return f"{settings.osm_url.rstrip('/')}/{path}"
