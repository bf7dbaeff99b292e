"""Requests that differ in their variables alone from one before, as most of a client do: only these are read anew."""

import orjson

from app.lru import LRU
from app.web.graphql.operations.request import Parameters, decode, parameters

REMEMBERED_MAX = 256
START = b'"variables":'
# No request has it for its variables.
NONE = b"0"


class Repeats:
    """Remembers what stands around the variables: the same bytes say the same, whatever the variables are.

    For small requests. Variables with lists or objects in them are read the ordinary way.
    """

    def __init__(self) -> None:
        self._known: LRU[bytes, tuple[bytes, Parameters]] = LRU(REMEMBERED_MAX)

    def read(self, body: bytes) -> Parameters:
        """The request; raises what `decode` and `parameters` raise."""
        at = body.find(START)
        if at < 0:
            return parameters(decode(body), size=len(body))
        before, rest = body[:at], body[at + len(START) :]
        if known := self._known.get(before):
            after, asked = known
            if rest.endswith(after) and (variables := _flat(rest[: len(rest) - len(after)])) is not None:
                query, name, _, extensions, _, _, document_id = asked
                return Parameters(query, name, variables, extensions, None, len(body), document_id)
        value = decode(body)
        asked = parameters(value, size=len(body))
        self._remember(before, rest, value, asked)
        return asked

    def _remember(self, before: bytes, rest: bytes, value: object, asked: Parameters) -> None:
        variables, brace, after = rest.partition(b"}")
        if _flat(variables + brace) is None:
            return
        try:
            other = orjson.loads(before + START + NONE + after)
        except orjson.JSONDecodeError:
            return
        # Otherwise it is not the request's variables that stand there.
        if isinstance(value, dict) and other == {**value, "variables": 0}:
            self._known.put(before, (after, asked._replace(variables={})))


def _flat(text: bytes) -> dict[str, object] | None:
    """The variables, if they are an object of scalars: no limit that `decode` checks is theirs."""
    if text.count(b"{") != 1 or b"[" in text or b"\\u0000" in text:
        return None
    try:
        variables = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return variables if isinstance(variables, dict) else None
