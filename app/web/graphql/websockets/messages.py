"""The messages of `graphql-transport-ws` as clients send them: what is read of one, and what refuses it."""

import re
from typing import Any

from app.errors import Unauthenticated
from app.web.graphql.operations.request import Malformed, decode
from app.web.origin import bearer

ID_LENGTH_MAX = 128
OPENING = re.compile(r'"(id|type)"\s*:\s*"([^"\\]+)"')
OPENING_LENGTH_MAX = 300

Message = dict[str, Any]


def read(text: str | None) -> Message:
    """The message in a text; None stands for a frame that is no text."""
    if text is None:
        raise Malformed("A message must be a text frame with a JSON object.")
    message = decode(text)
    if not isinstance(message, dict):
        raise Malformed("A message must be a JSON object.")
    return message


def payload_of(message: Message) -> Message | None:
    """What it carries, if anything."""
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise Malformed("'payload' must be an object.")
    return payload


def opening(text: str) -> Message:
    """The id and the type of a message that is refused unread, where they come first, as clients write them."""
    return dict(pair for pair in OPENING.findall(text.partition('"payload"')[0][:OPENING_LENGTH_MAX]))


def is_id(id: object) -> bool:
    """Whether an operation may be called so."""
    return isinstance(id, str) and 0 < len(id) <= ID_LENGTH_MAX


def id_of(message: Message) -> str:
    """What its operation is called."""
    id: str = message.get("id", "")
    if not is_id(id):
        raise Malformed(f"'id' must be a string of 1 to {ID_LENGTH_MAX} characters.")
    return id


def token_in(payload: Message) -> str | None:
    """The token in `connectionParams`: as the header would be, or by itself."""
    for name, value in payload.items():
        if name.lower() == "authorization" and value is not None:
            return bearer(str(value))
    token = payload.get("token")
    if token is None or token == "":
        return None
    if not isinstance(token, str):
        raise Unauthenticated("'token' must be a string.")
    return token
