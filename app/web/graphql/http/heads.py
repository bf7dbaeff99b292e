"""The head of a plain POST: one that asks for nothing but one answer to a JSON body."""

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from starlette.types import Scope

from app.errors import Unauthenticated
from app.security import credentials
from app.web.graphql.http import accept
from app.web.origin import address_of, bearer, client_of, own_request_id, takes_pages_of_others

EXPLAIN = "graphql-explain"
IDEMPOTENCY_KEY = "idempotency-key"
PLAIN_BODIES = frozenset({b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"})
UNUSUAL = frozenset({b"content-encoding", b"transfer-encoding", b"expect", b"upgrade", EXPLAIN.encode()})
ACCEPT_LENGTH_MAX = 256
ACCEPTED_MAX = 128
# To read a request twice costs little if it is small, and what is not answered without a task is read twice.
HURRIED_BYTES_MAX = 8_192


class Head(NamedTuple):
    """What its headers say. It depends on nothing else, so that it serves each request that begins with the same."""

    scheme: str
    address: str
    media_types: tuple[str, ...]
    length: int
    """Of the body, in bytes."""
    keep_alive: bool
    takes_gzip: bool
    request_id: str | None
    """The client's own."""
    authorization: str | None
    idempotency_key: str | None
    client: str
    may_hurry: bool
    """Whether it may be answered without a task, as far as it says itself."""
    key: bytes | None
    """The hash of its token."""


def head_of(scope: Scope, headers: Mapping[bytes, bytes], *, keep_alive: bool) -> Head:
    """The head of a request whose headers are plain; a proxy of ours has had its say in the scope."""
    length, authorization = int(headers.get(b"content-length", b"0")), _text(headers, b"authorization")
    may_hurry, key = length <= HURRIED_BYTES_MAX and IDEMPOTENCY_KEY.encode() not in headers, None
    try:
        token = bearer(authorization)
        key = None if token is None else credentials.token_hash(token)
    except Unauthenticated:
        may_hurry = False
    return Head(
        scheme=scope["scheme"],
        address=address_of(scope),
        media_types=_single(headers.get(b"accept")),
        length=length,
        keep_alive=keep_alive,
        takes_gzip=b"gzip" in headers.get(b"accept-encoding", b""),
        request_id=own_request_id(scope),
        authorization=authorization,
        idempotency_key=_text(headers, IDEMPOTENCY_KEY.encode()),
        client=client_of(scope),
        may_hurry=may_hurry,
        key=key,
    )


def is_plain(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the head of a POST asks for nothing but one answer to a JSON body."""
    return (
        headers.get(b"content-type", b"").lower() in PLAIN_BODIES
        and UNUSUAL.isdisjoint(headers)
        and not (b"origin" in headers and takes_pages_of_others())
        and bool(_single(headers.get(b"accept")))
    )


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str | None:
    value = headers.get(name)
    return None if value is None else value.decode("latin-1")


@lru_cache(maxsize=ACCEPTED_MAX)
def _single(accepted: bytes | None) -> tuple[str, ...]:
    """The media types that the header takes, if none of them is for more than one answer, or for people."""
    if accepted is not None and len(accepted) > ACCEPT_LENGTH_MAX:
        return ()
    media_types = accept.choices(accepted.decode("latin-1") if accepted is not None else None)
    return () if {accept.EVENTS, accept.HTML} & {*media_types} else tuple(media_types)
