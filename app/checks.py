"""Rules for single values; what does not hold raises Invalid."""

import json
import re
from base64 import urlsafe_b64decode
from datetime import UTC, datetime
from typing import Any
from unicodedata import category

import orjson
from email_validator import EmailNotValidError, validate_email

from app.errors import Invalid

# Unicode's categories of characters without a shape of their own that no name needs: controls and line ends.
UNSEEN = {"Cc", "Zl", "Zp"}
# The escape itself, not a backslash that happens to stand before these letters.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

CURSOR_LENGTH_MAX = 4_000
YEAR_MIN, YEAR_MAX = 1900, 2200


def text(field: str, value: str, *, length_max: int, is_one_line: bool = True) -> str:
    """The value without surrounding space, if its length is within bounds and it has no control characters."""
    trimmed = value.strip()
    if not 1 <= len(trimmed) <= length_max:
        raise Invalid(field, f"Write 1 to {length_max} characters; these are {len(trimmed)}.")
    allowed = "" if is_one_line else "\r\n\t"
    if any(category(character) in UNSEEN and character not in allowed for character in trimmed):
        raise Invalid(field, "Leave out control characters.")
    return trimmed


def optional_text(field: str, value: str | None, *, length_max: int, is_one_line: bool = False) -> str | None:
    """Like `text`, with nothing for blank."""
    return text(field, value, length_max=length_max, is_one_line=is_one_line) if value and value.strip() else None


def cursor(value: str) -> bytes:
    """What a cursor holds; ValueError for what is too long to be one, before it is unpacked, or no base64."""
    if len(value) > CURSOR_LENGTH_MAX:
        raise ValueError("too long for a cursor")
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def within(field: str, value: float, low: float, high: float) -> float:
    """The value, if it is a number from low to high."""
    if not low <= value <= high:  # also refuses NaN
        raise Invalid(field, f"Choose a number from {low:g} to {high:g}; this is {value:g}.")
    return value


def moment(field: str, value: datetime) -> datetime:
    """The time in UTC, if it says which time that is and every calendar has it."""
    if value.tzinfo is None:
        raise Invalid(field, "Give a time with its offset, such as 2026-03-01T12:00:00Z.")
    if not YEAR_MIN <= value.year <= YEAR_MAX:
        raise Invalid(field, f"Choose a year from {YEAR_MIN} to {YEAR_MAX}.")
    return value.astimezone(UTC)


def email(field: str, value: str) -> str:
    """The address in its normal form; whether mail arrives there is not asked."""
    try:
        return validate_email(value.strip(), check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Invalid(field, str(error)) from None


def json_object(field: str, value: Any) -> dict[str, Any]:
    """The value, if it is a JSON object that PostgreSQL can keep and every client can read again."""
    if not isinstance(value, dict):
        raise Invalid(field, "Give a JSON object.")
    try:
        text = json.dumps(value, allow_nan=False)
        read_again: dict[str, Any] = orjson.loads(text)
    except ValueError:
        raise Invalid(field, "Not every client could read these numbers and texts.") from None
    if NUL.search(text):
        raise Invalid(field, "A text may not hold the character U+0000.")
    return read_again
