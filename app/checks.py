"""Rules for single values; what does not hold raises Invalid."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from unicodedata import category, normalize

import orjson
from email_validator import EmailNotValidError, validate_email

from app.errors import Invalid
from app.identifiers import is_blank, is_unseen, mixes_scripts, names_an_address, normal
from app.settings import settings

# Unicode's categories of characters without a shape of their own that no name needs: controls and line ends.
UNSEEN = {"Cc", "Zl", "Zp"}
UNSEEN_IN_NAME = "Invisible characters and those that change the writing direction are not allowed. Remove them."
# The escape itself, not a backslash that happens to stand before these letters.
NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

CURSOR_LENGTH_MAX = 4_000
# RFC 5321: a path of 256 octets, without its brackets.
EMAIL_LENGTH_MAX = 254
YEAR_MIN, YEAR_MAX = 1900, 2200


def text(field: str, value: str, *, length_max: int, is_one_line: bool = True, is_exact: bool = False) -> str:
    """The value without surrounding space, if its length is within bounds and it has no control characters.

    It is kept and counted in NFC, so that a letter with an accent is one character however it was typed. One that
    `is_exact` stays as it is, because it is compared with what others wrote, such as the path of a file.
    """
    if len(value) > settings.text_length_max:
        raise Invalid(field, f"Use 1 to {length_max} characters; this has {len(value)}.")
    trimmed = "" if is_blank(value) else value.strip()
    if not is_exact:
        trimmed = normalize("NFC", trimmed)
    if not 1 <= len(trimmed) <= length_max:
        raise Invalid(field, f"Use 1 to {length_max} characters; this has {len(trimmed)}.")
    allowed = "" if is_one_line else "\r\n\t"
    if any(category(character) in UNSEEN and character not in allowed for character in trimmed):
        raise Invalid(field, "Control characters are not allowed. Remove them.")
    return trimmed


def optional_text(
    field: str, value: str | None, *, length_max: int, is_one_line: bool = False, is_exact: bool = False
) -> str | None:
    """Like `text`, with nothing for what shows nothing."""
    if value is None or is_blank(value):
        return None
    return text(field, value, length_max=length_max, is_one_line=is_one_line, is_exact=is_exact)


def name(field: str, value: str, *, length_max: int) -> str:
    """The name of a thing in its normal form, which is the same however it was typed."""
    chosen = normal(text(field, value, length_max=length_max))
    if any(map(is_unseen, chosen)):
        raise Invalid(field, UNSEEN_IN_NAME)
    if not 1 <= len(chosen) <= length_max:  # a few characters become two
        raise Invalid(field, f"Use 1 to {length_max} characters; this has {len(chosen)}.")
    return chosen


def optional_name(field: str, value: str | None, *, length_max: int) -> str | None:
    """Like `name`, with nothing for what shows nothing."""
    return None if value is None or is_blank(value) else name(field, value, length_max=length_max)


def names(field: str, values: Sequence[str], *, length_max: int) -> list[str]:
    """Names such as tags, each once: of those that differ in case alone, the first."""
    chosen: dict[str, str] = {}
    for value in values:
        kept = name(field, value, length_max=length_max)
        chosen.setdefault(kept.lower(), kept)
    return list(chosen.values())


def public_name(field: str, value: str, *, length_max: int) -> str:
    """A name of people or teams, which stands in mails to others: as it is read, and no more than a name."""
    chosen = name(field, value, length_max=length_max)
    # Stricter than for other names: nothing is left out or replaced.
    if any(map(is_unseen, value.strip())):
        raise Invalid(field, UNSEEN_IN_NAME)
    if names_an_address(chosen):
        raise Invalid(field, "A name may not contain an address. Remove / \\ : @ and dots between letters.")
    if any(map(mixes_scripts, chosen.split())):
        raise Invalid(field, "Use one script per word, because letters of different scripts can look alike.")
    return chosen


def optional_public_name(field: str, value: str | None, *, length_max: int) -> str | None:
    """Like `public_name`, with nothing for what shows nothing."""
    return None if value is None or is_blank(value) else public_name(field, value, length_max=length_max)


def camel_case(name: str) -> str:
    """A name of columns or enums as clients write it: `start_date` and `START_DATE` are `startDate`."""
    first, *others = name.lower().split("_")
    return first + "".join(map(str.capitalize, others))


def cursor(value: str) -> bytes:
    """What a cursor holds; ValueError for what is too long to be one, before it is unpacked, or no base64."""
    if len(value) > CURSOR_LENGTH_MAX:
        raise ValueError("too long for a cursor")
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def within(field: str, value: float, low: float, high: float) -> float:
    """The value, if it is a number from low to high."""
    if not low <= value <= high:  # also refuses NaN
        raise Invalid(field, f"Use a number from {low:g} to {high:g}; this is {value:g}.")
    return value


def moment(field: str, value: datetime) -> datetime:
    """The time in UTC, if it says which time that is and every calendar has it."""
    if value.tzinfo is None:
        raise Invalid(field, "Give a time with its offset, such as 2026-03-01T12:00:00Z.")
    if not YEAR_MIN <= value.year <= YEAR_MAX:
        raise Invalid(field, f"Use a year from {YEAR_MIN} to {YEAR_MAX}.")
    return value.astimezone(UTC)


def email(field: str, value: str) -> str:
    """The address in its normal form; whether mail arrives there is not asked."""
    # Before it is looked at: what is done to normalise a text takes time by its length.
    if len(value) > EMAIL_LENGTH_MAX:
        raise Invalid(field, f"An email address has at most {EMAIL_LENGTH_MAX} characters; this has {len(value)}.")
    # Before it is split: full-width letters, points and signs are the plain ones.
    typed = normalize("NFKC", value).strip().rstrip(".")
    try:
        return validate_email(typed, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise Invalid(field, str(error)) from None


def mailbox(value: str) -> str:
    """What all ways to write one address have in common: by this are tries and mails to it counted."""
    try:
        return email("email", value).casefold()
    except Invalid:
        # Nobody has it, so it does not matter who else is counted with it.
        return ""


def json_object(field: str, value: Any) -> dict[str, Any]:
    """The value, if it is a JSON object that PostgreSQL can keep and every client can read again."""
    if not isinstance(value, dict):
        raise Invalid(field, "Give a JSON object.")
    try:
        text = json.dumps(value, allow_nan=False)
        read_again: dict[str, Any] = orjson.loads(text)
    except ValueError:
        raise Invalid(
            field, "Some clients could not read these numbers or strings. Use smaller numbers and valid Unicode."
        ) from None
    if NUL.search(text):
        raise Invalid(field, "A string may not contain the character U+0000.")
    return read_again
