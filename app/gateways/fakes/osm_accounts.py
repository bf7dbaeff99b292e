"""OpenStreetMap's accounts: a page on which everybody may say who they are, and OAuth 2 as its servers speak it."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import escape
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from app.settings import settings

PEOPLE = {1001: "Mapper of the village", 1002: "Ünal", 1003: "Mapper of the village"}
REMEMBERED_MAX = 1_000
PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>A stand-in for OpenStreetMap</title><link rel="icon" href="data:,">
<h1>A stand-in for OpenStreetMap</h1>
<p>Fieldgraph wants to know who you are. Say yes as</p>
<ul>{people}</ul>
<p><a href="{no}">No</a></p>
</html>"""


class Proof(NamedTuple):
    """What whoever comes with a code must know."""

    redirect_uri: str
    challenge: str


class Grant(NamedTuple):
    """Who agreed, and to which client."""

    osm_id: int
    display_name: str
    img: str | None
    proof: Proof


codes: dict[str, Grant] = {}
tokens: dict[str, Grant] = {}


async def authorize(request: Request) -> Response:
    """Asks who says yes, and sends their browser back; `id` and `display_name` say it without asking."""
    query = request.query_params
    if query.get("client_id") != settings.osm_client_id or not query.get("redirect_uri"):
        return HTMLResponse("No such application.", 400)
    if (query.get("response_type"), query.get("scope")) != ("code", "read_prefs"):
        return _back(query, error="invalid_request")
    if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
        return _back(query, error="invalid_request")
    if "id" not in query:
        return HTMLResponse(_page(query))
    if not query["id"].isdecimal():
        return _back(query, error="access_denied")
    proof = Proof(query["redirect_uri"], query["code_challenge"])
    grant = Grant(int(query["id"]), query.get("display_name", ""), query.get("img"), proof)
    return _back(query, code=_kept(codes, grant))


def _page(query: QueryParams) -> str:
    ways = [(urlencode([*query.items(), ("id", id), ("display_name", name)]), name) for id, name in PEOPLE.items()]
    people = "".join(f'<li><a href="?{escape(way)}">{escape(name)}</a>' for way, name in ways)
    return PAGE.format(people=people, no=escape(f"?{urlencode([*query.items(), ('id', 'no')])}"))


def _back(query: QueryParams, **parameters: str) -> Response:
    answer = urlencode({**parameters, "state": query.get("state", "")})
    return RedirectResponse(f"{query['redirect_uri']}?{answer}", 302)


def _kept(granted: dict[str, Grant], grant: Grant) -> str:
    if len(granted) >= REMEMBERED_MAX:
        granted.clear()
    name = secrets.token_urlsafe(32)
    granted[name] = grant
    return name


async def token(request: Request) -> Response:
    """Takes a code, once, from whoever knows what its challenge was made of."""
    form = await _form(request)
    if not _is_client(form):
        return _refused("invalid_client", 401)
    grant = codes.pop(form.get("code", ""), None)
    verifier = form.get("code_verifier", "").encode()
    proof = Proof(form.get("redirect_uri", ""), urlsafe_b64encode(sha256(verifier).digest()).rstrip(b"=").decode())
    if grant is None or form.get("grant_type") != "authorization_code" or proof != grant.proof:
        return _refused("invalid_grant")
    return JSONResponse({"access_token": _kept(tokens, grant), "token_type": "Bearer", "scope": "read_prefs"})


async def revoke(request: Request) -> Response:
    """Takes a token back."""
    form = await _form(request)
    if not _is_client(form):
        return _refused("unauthorized_client", 403)
    tokens.pop(form.get("token", ""), None)
    return JSONResponse({})


async def details(request: Request) -> Response:
    """Who a token is of."""
    grant = tokens.get(request.headers.get("authorization", "").removeprefix("Bearer "))
    if grant is None:
        return Response("Couldn't authenticate you", 401)
    user: dict[str, Any] = {"id": grant.osm_id, "display_name": grant.display_name, "description": ""}
    user |= {"img": {"href": grant.img}} if grant.img else {}
    return JSONResponse({"version": "0.6", "generator": "OpenStreetMap server", "user": user})


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await request.body()).decode()))


def _is_client(form: dict[str, str]) -> bool:
    secret = settings.osm_client_secret.get_secret_value()
    return (form.get("client_id"), form.get("client_secret", "")) == (settings.osm_client_id, secret)


def _refused(error: str, status: int = 400) -> Response:
    return JSONResponse({"error": error, "error_description": "It cannot be granted."}, status)
