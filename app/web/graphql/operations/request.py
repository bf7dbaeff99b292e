"""What a client asks for: read from a body, a query string or a socket's message, and refused in words if malformed."""

import asyncio
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from starlette.requests import Request

from app.settings import settings
from app.settings.units import MIB
from app.web.request_body import body_of

# A refused body is still read to its end, unkept, so that the client gets the answer instead of a reset connection.
DISCARDED_BYTES_MAX = 128 * MIB
DOCUMENT_ID_LENGTH_MAX = 128


class Parameters(NamedTuple):
    """One GraphQL request, whatever carried it."""

    query: str
    operation_name: str | None
    variables: dict[str, Any]
    extensions: dict[str, Any]
    last_event_id: str | None = None
    """The event that the client of a subscription saw last."""

    size: int = 0
    """How many bytes it came in."""

    document_id: str | None = None
    """By which the client names the document: its hash, or its id in a manifest. Then `query` may be empty."""

    @property
    def idempotency_key(self) -> object:
        """What the client calls this request by, if it may be sent again; unchecked."""
        return self.extensions.get("idempotencyKey")

    @property
    def digest(self) -> bytes:
        """The same for the same request, whatever carried it."""
        content = [self.query, self.operation_name, self.variables]
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).digest()

    def keyed(self, header: str | None) -> "Parameters":
        """The same with the key of an `Idempotency-Key` header."""
        if header is None:
            return self
        if self.idempotency_key not in {None, header}:
            raise Malformed("'Idempotency-Key' and 'extensions.idempotencyKey' differ. Send one of them.")
        return self._replace(extensions={**self.extensions, "idempotencyKey": header})


class Malformed(Exception):
    """A request that is no GraphQL request: `status` is for HTTP, the message for whoever wrote it."""

    def __init__(
        self, message: str, *, status: int = 400, headers: dict[str, str] | None = None, decoded: object = None
    ) -> None:
        super().__init__(message)
        self.decoded = decoded
        self.message = message
        self.status = status
        self.headers = headers or {}


def parameters(value: object, *, size: int = 0) -> Parameters:
    """The request in a decoded JSON object that came in so many bytes."""
    if isinstance(value, list):
        raise Malformed("Batches are not supported. Send one request at a time.")
    if not isinstance(value, dict):
        raise Malformed("A request must be a JSON object with a 'query'.")
    extensions = _object(value, "extensions") if "extensions" in value else {}
    document_id = _document_id(value, extensions)
    query = value.get("query")
    if query is None and document_id is not None:
        query = ""
    if not isinstance(query, str):
        raise Malformed("'query' must be a string with a GraphQL document.")
    operation_name = value.get("operationName")
    if operation_name is not None and not isinstance(operation_name, str):
        raise Malformed("'operationName' must be a string.")
    if operation_name and len(operation_name) > settings.operation_name_length_max:
        raise Malformed(f"'operationName' may have at most {settings.operation_name_length_max} characters.")
    return Parameters(
        query=query,
        operation_name=operation_name or None,
        variables=_object(value, "variables") if "variables" in value else {},
        extensions=extensions,
        size=size,
        document_id=document_id,
    )


def _document_id(value: dict[str, Any], extensions: dict[str, Any]) -> str | None:
    """By which a client names its document: as Apollo and urql do it, or as `documentId`."""
    persisted = extensions.get("persistedQuery")
    if persisted is None:
        id = value.get("documentId")
    elif not isinstance(persisted, dict) or persisted.get("version") != 1:
        raise Malformed("Unsupported persisted query version. Send 'persistedQuery' with 'version': 1.")
    else:
        id = persisted.get("sha256Hash", "")
    if id is None:
        return None
    if not isinstance(id, str) or not 0 < len(id) <= DOCUMENT_ID_LENGTH_MAX:
        raise Malformed(f"The id of a document must be a string of 1 to {DOCUMENT_ID_LENGTH_MAX} characters.")
    return id.removeprefix("sha256:")


def hash_of(text: str) -> str:
    """The hash by which clients name a document."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()


def _object(value: dict[str, Any], name: str) -> dict[str, Any]:
    member = value.get(name)
    if member is None:
        return {}
    if not isinstance(member, dict):
        raise Malformed(f"'{name}' must be an object.")
    return member


def decode(text: bytes | str) -> object:
    """JSON, in UTF-8 and not nested deeper than anyone needs."""
    raw = text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
    # Counting brackets is quick: nothing is nested deeper, or holds more lists and objects, than there are brackets.
    brackets = raw.count(b"{") + raw.count(b"[")
    if brackets > settings.request_containers_max:
        # In memory an empty list takes thirty times its text.
        raise Malformed(
            f"A request may have at most {settings.request_containers_max:,} lists and objects.", status=413
        )
    if len(raw) > settings.request_values_max:
        _count_values(raw, brackets)
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"This is not JSON: {error.msg}.") from None
    depth_max = settings.request_depth_max
    if brackets > depth_max and _deeper_than(value, depth_max):
        raise Malformed(f"JSON may be nested at most {settings.request_depth_max} levels deep.", decoded=value)
    if b"\\u0000" in raw and _holds_nul(value):
        raise Malformed("A string may not contain the character U+0000.", decoded=value)
    return value


def _count_values(raw: bytes, brackets: int) -> None:
    """Passes if it holds few values: counted before they are made, by what stands between them, in texts as well."""
    values_max = settings.request_values_max * -(-len(raw) // settings.request_bytes_max)
    if len(raw) > values_max and raw.count(b",") + brackets > values_max:
        raise Malformed(f"A request of this size may have at most {values_max} values.", status=413)


def too_large(bytes_max: int) -> Malformed:
    """Why a request of more bytes is not read."""
    return Malformed(f"A request may have at most {bytes_max} bytes.", status=413)


def _deeper_than(value: object, depth_max: int) -> bool:
    # Level by level: recursion is what deep nesting is meant to break.
    level: list[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(depth_max):
        within = (parent.values() if type(parent) is dict else parent for parent in level)
        level = [child for children in within for child in children if type(child) is dict or type(child) is list]
        if not level:
            return False
    return True


def _holds_nul(value: object) -> bool:
    """Whether a text in it has the one character that PostgreSQL cannot keep."""
    level = [value]
    while level:
        if any(isinstance(text, str) and "\0" in text for text in level):
            return True
        level = [child for parent in level if isinstance(parent, dict | list) for child in _items(parent)]
    return False


def _items(parent: dict[str, object] | list[object]) -> Iterable[object]:
    return (*parent, *parent.values()) if isinstance(parent, dict) else parent


async def posted(request: Request, bytes_max: int) -> Parameters:
    """The request in a POST's body."""
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Malformed(
            "Compressed request bodies are not supported.", status=415, headers={"Accept-Encoding": "identity"}
        )
    media_type, _, options = request.headers.get("content-type", "").lower().partition(";")
    if media_type.strip() != "application/json":
        raise Malformed("The content type of a request must be application/json.", status=415)
    charset = options.strip().replace('"', "")
    if charset.startswith("charset=") and charset not in {"charset=utf-8", "charset=utf8"}:
        raise Malformed("A request must be UTF-8.", status=415)
    body = await _body(request, bytes_max)
    return parameters(decode(body), size=len(body))


async def _body(request: Request, bytes_max: int) -> bytes:
    """The body, counted as it arrives: a declared length may lie."""
    declared = request.headers.get("content-length", "")
    refused = Malformed(too_large(bytes_max).message, status=413, headers={"Connection": "close"})
    if declared.isdecimal() and int(declared[:20]) > DISCARDED_BYTES_MAX:
        raise refused
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(settings.request_s_max):
            async for chunk in body_of(request):
                size += len(chunk)
                if size <= bytes_max:
                    body += chunk
                elif size > DISCARDED_BYTES_MAX:
                    break
    except TimeoutError:
        raise Malformed(
            "The request did not arrive in time. Send it again.", status=408, headers={"Connection": "close"}
        ) from None
    if size > bytes_max:
        raise refused
    return bytes(body)


def queried(request: Request) -> Parameters:
    """The request in a GET's query string, where variables and extensions are JSON texts."""
    query = request.query_params
    value: dict[str, object] = {name: query[name] for name in ("query", "operationName", "documentId") if name in query}
    for name in ("variables", "extensions"):
        if query.get(name):
            value[name] = decode(query[name])
    return parameters(value, size=len(request.url.query))
