"""Times and cameras in the names of files, where a deployment names the pattern.

`{YYYY}`, `{MM}`, `{DD}`, `{hh}`, `{mm}`, `{ss}` are digits of the time, `{camera}` is the camera's id, and `{any}` is
anything. All else stands for itself: `{any}-{MM}{DD}{YYYY}{hh}{mm}{ss}-{camera}` reads the name
`A-01062026143715-SYFW00012.JPG`.
"""

import re
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from app import checks
from app.errors import Invalid
from app.limits import wildlife as limits

PART = re.compile(r"\{(\w+)\}")
DIGITS = {"YYYY": r"\d{4}", "YY": r"\d{2}", **dict.fromkeys(["MM", "DD", "hh", "mm", "ss"], r"\d{2}")}
# Each repetition is bounded, and possessive or lazy to one side only: no name takes long to read.
OTHERS = {"camera": r"[0-9A-Za-z]{1,40}", "any": r".{0,200}?"}
NEEDED = {"MM", "DD", "hh", "mm"}
ANY_MAX = 2


class Named(NamedTuple):
    """What a name says: the time as ISO text, and the camera."""

    camera_time: str
    camera: str | None


def checked_pattern(field: str, value: str | None) -> str | None:
    """A pattern that says when a file was made, or none."""
    pattern = checks.optional_text(field, value, length_max=limits.PATTERN_LENGTH_MAX, is_one_line=True)
    if pattern is None:
        return None
    parts = PART.findall(pattern)
    if unknown := [part for part in parts if part not in DIGITS | OTHERS]:
        known = ", ".join(f"{{{part}}}" for part in DIGITS | OTHERS)
        raise Invalid(field, f"{{{unknown[0]}}} is not a part of names. Use {known}.")
    if parts.count("any") > ANY_MAX or len(set(parts) - {"any"}) < len([part for part in parts if part != "any"]):
        raise Invalid(field, f"Use each part once, and {{any}} at most {ANY_MAX} times.")
    if not set(parts) >= NEEDED or not {"YYYY", "YY"} & set(parts):
        raise Invalid(field, "Name the year, month, day, hour and minute: {YYYY}, {MM}, {DD}, {hh} and {mm}.")
    return pattern


def read_name(pattern: str, name: str) -> Named | None:
    """What a file's name says by a pattern; None if it does not follow it, or if there is no such time."""
    stem = name.rpartition(".")[0] or name
    match = _expression(pattern).fullmatch(stem)
    if match is None:
        return None
    parts = match.groupdict()
    day = parts.get("YYYY") or f"20{parts.get('YY')}", parts["MM"], parts["DD"]
    clock = parts["hh"], parts["mm"], parts.get("ss") or "00"
    try:
        time = datetime.fromisoformat(f"{'-'.join(day)}T{':'.join(clock)}")
    except ValueError:
        return None
    return Named(time.isoformat(), parts.get("camera"))


@lru_cache(maxsize=1_000)
def _expression(pattern: str) -> re.Pattern[str]:
    """The expression; its unnamed groups are `{any}`."""
    pieces, last = [], 0
    for part in PART.finditer(pattern):
        pieces.append(re.escape(pattern[last : part.start()]))
        name, last = part[1], part.end()
        inner = (DIGITS | OTHERS)[name]
        pieces.append(f"(?:{inner})" if name == "any" else f"(?P<{name}>{inner})")
    pieces.append(re.escape(pattern[last:]))
    return re.compile("".join(pieces))
