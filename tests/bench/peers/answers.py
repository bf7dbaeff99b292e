"""Whether two servers said the same: ids, cursors, moments and long numbers differ in writing, not in value."""

import re
from base64 import urlsafe_b64decode
from datetime import datetime
from typing import Any

CURSORS = frozenset({"cursor", "startCursor", "endCursor"})
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d.*")
NUMBERS = frozenset({"osmId"})  # of 64 bits: some write them as text


def plain(value: Any, name: str = "") -> Any:
    """The value behind an answer: keys for global ids, moments for text, no cursors, which are opaque."""
    if isinstance(value, dict):
        return {key: plain(below, key) for key, below in value.items()}
    if isinstance(value, list):
        return [plain(below, name) for below in value]
    return _leaf(value, name)


def _leaf(value: Any, name: str) -> Any:
    if name == "id":
        return _key(value)
    if name in CURSORS:
        return isinstance(value, str)
    if name in NUMBERS and value is not None:
        return int(value)
    if isinstance(value, str) and MOMENT.fullmatch(value):
        return datetime.fromisoformat(value)
    return value


def _key(id: str) -> int:
    if id.isdecimal():
        return int(id)
    return int(urlsafe_b64decode(id + "=" * (-len(id) % 4)).decode().partition(":")[2])


def difference(one: Any, other: Any, path: str = "data") -> str | None:
    """The first place where two plain answers differ, in words."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        pairs = [(one[key], other[key], f"{path}.{key}") for key in one]
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = [(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(one, other, strict=True))]
    else:
        return None if one == other else f"{path}: {str(one)[:200]} there, {str(other)[:200]} here"
    return next((found for pair in pairs if (found := difference(*pair))), None)
