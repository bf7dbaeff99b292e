"""Texts of tables as values: each kind says what is wrong with a text, or takes it and says what was odd."""

import re
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any
from zoneinfo import ZoneInfo

import orjson

DATETIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?\Z", re.ASCII | re.IGNORECASE
)
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?\Z", re.ASCII)
TRUE = frozenset({"true", "1", "yes"})
FALSE = frozenset({"false", "0", "no"})
OFFSET_MAX = timedelta(hours=14)
YEAR_MIN = 1970


class Odd(ValueError):
    """A text that is no such value; its message says what to give instead."""


def number(text: str) -> float:
    """A finite number with a decimal point."""
    value = float(text) if len(text) < 40 and NUMBER.match(text) else float("nan")
    if not isfinite(value):
        raise Odd("This is not a number. Use digits and a decimal point, such as 0.25.")
    return value


def integer(text: str) -> tuple[int, str | None]:
    """A whole number; one that is written with a fraction of zero is taken."""
    value = number(text)
    if value != int(value) or abs(value) > 2**53:
        raise Odd("This is not a whole number.")
    odd = None if text.lstrip("+-").isdigit() else "This whole number was written with a fraction."
    return int(value), odd


def boolean(text: str) -> tuple[bool, str | None]:
    """A truth value; `true` and `false` are the proper ones."""
    lower = text.lower()
    if lower not in TRUE | FALSE:
        raise Odd("This is neither true nor false.")
    return lower in TRUE, None if text in {"true", "false"} else f"Write {'true' if lower in TRUE else 'false'}."


def moment(text: str, zone: ZoneInfo | None) -> tuple[datetime, str | None]:
    """A time with its offset as written. One without gets the offset of `zone`, if one is declared."""
    match = DATETIME.match(text)
    if not match:
        raise Odd("This is not a time. Write it as 2020-03-01T22:00:00Z or 2020-03-01T22:00:00+02:00.")
    day, hours, fraction, offset = match.groups()
    if offset is None and zone is None:
        raise Odd("This time has no UTC offset. Add Z or an offset such as +02:00, or give the argument timezone.")
    try:
        value = datetime.fromisoformat(f"{day}T{hours}{(fraction or '')[:7]}{(offset or '').upper()}")
    except ValueError:
        raise Odd("There is no such time.") from None
    if offset is None:
        return value.replace(tzinfo=zone), "This time has no UTC offset; the declared time zone was used."
    shift = value.utcoffset()
    if shift is None or abs(shift) > OFFSET_MAX or value.year < YEAR_MIN:
        raise Odd("There is no such time.")
    return value, _oddity(text, fraction, offset)


def _oddity(text: str, fraction: str | None, offset: str) -> str | None:
    if fraction:
        return "This time has fractions of a second."
    if len(offset) == 5:
        return "Write a UTC offset with a colon, such as +02:00."
    return None if "T" in text and "z" not in text else "Write a time as 2020-03-01T22:00:00Z."


def json_object(text: str) -> dict[str, Any]:
    """A JSON object."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Odd("This is not JSON.") from None
    if not isinstance(value, dict):
        raise Odd("This is not a JSON object.")
    return value


def epoch(value: datetime) -> float:
    """Seconds since 1970."""
    return value.astimezone(UTC).timestamp()
