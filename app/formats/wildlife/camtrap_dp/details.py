"""Our own tables beside those of Camtrap DP: what it has no columns for, so that our packages are read without loss.

`deployment-details` and `media-details` hold a key and a JSON object a row, in the order of the tables they belong to.
Anybody may write such a table, so each value is checked; a wrong one is left out.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from math import isfinite
from typing import Any
from zoneinfo import available_timezones

import orjson

from app.formats.wildlife.detections import boxes
from app.formats.wildlife.observations import AGES, BEHAVIOURS, SEXES, TYPES
from app.limits import columns
from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX

RESOURCES = {"deployment": ("deployment-details", "deploymentID"), "media": ("media-details", "mediaID")}
INTEGER_MAX = 2**31 - 1
LISTED_MAX = 1_000
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.ASCII)
SHA256 = re.compile(r"[0-9a-f]{64}\Z", re.ASCII)
CAMERA_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\Z", re.ASCII)

Check = Callable[[Any], Any]


class Wrong(ValueError):
    """A value that is none of its field."""


def _text(length_max: int, pattern: re.Pattern[str] | None = None) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= length_max or (pattern and not pattern.match(value)):
            raise Wrong
        return value

    return check


def _whole(least: int, most: int = INTEGER_MAX) -> Check:
    def check(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise Wrong
        return value

    return check


def _number(least: float, most: float) -> Check:
    def check(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not isfinite(value):
            raise Wrong
        if not least <= value <= most:
            raise Wrong
        return value

    return check


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Wrong
    return value


def _moment(value: Any) -> str:
    if not isinstance(value, str):
        raise Wrong
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Wrong from None
    if moment.tzinfo is None or not 1970 <= moment.year < 10_000:
        raise Wrong
    return value


def _zone(value: Any) -> str:
    if not isinstance(value, str) or value not in available_timezones():
        raise Wrong
    return value


def _camera_time(value: Any) -> str:
    time = _text(columns.CAMERA_TIME_LENGTH_MAX, CAMERA_TIME)(value)
    return str(_moment(f"{time}+00:00")).removesuffix("+00:00")


def _choice(*choices: str) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            raise Wrong
        return value

    return check


def _texts(length_max: int) -> Check:
    one = _text(length_max)

    def check(value: Any) -> list[str]:
        if not isinstance(value, list) or len(value) > LISTED_MAX:
            raise Wrong
        return [one(each) for each in value]

    return check


def _box(value: Any) -> list[float]:
    if not isinstance(value, list):
        raise Wrong
    try:
        return boxes.box(value)
    except boxes.NoBox:
        raise Wrong from None


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Wrong
    return value


def _fields(rules: Mapping[str, Check]) -> Check:
    def check(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong
        return checked(value, rules)[0]

    return check


def _failures(value: Any) -> list[dict[str, Any]]:
    """Periods that end after they begin and do not overlap, in order."""
    if not isinstance(value, list) or len(value) > LISTED_MAX:
        raise Wrong
    failures = [checked(each, FAILURE)[0] if isinstance(each, dict) else {} for each in value]
    if any(FAILURE.keys() != each.keys() or None in each.values() for each in failures):
        raise Wrong
    failures.sort(key=lambda each: datetime.fromisoformat(each["starts_at"]))
    edges = [datetime.fromisoformat(each[edge]) for each in failures for edge in ("starts_at", "ends_at")]
    starts_at, ends_at = edges[::2], edges[1::2]
    if any(start >= end for start, end in zip(starts_at, ends_at, strict=True)):
        raise Wrong
    if any(end > start for end, start in zip(ends_at, starts_at[1:], strict=False)):
        raise Wrong
    return failures


_LINE, _PLACE = _text(limits.CODE_LENGTH_MAX), _text(limits.PLACE_LENGTH_MAX)
FAILURE: dict[str, Check] = {"starts_at": _moment, "ends_at": _moment, "reason": _text(NOTE_LENGTH_MAX)}
LOCATION: dict[str, Check] = {
    "timezone": _zone,
    "ignore_dst": _truth,
    "longitude": _number(-180, 180),
    "latitude": _number(-90, 90),
    "coordinate_uncertainty": _number(0, limits.COORDINATE_UNCERTAINTY_M_MAX),
    "habitat": _text(NOTE_LENGTH_MAX),
    "description": _text(limits.ABSTRACT_LENGTH_MAX),
    "is_public": _truth,
    "country": _PLACE,
    "state": _PLACE,
    "county": _PLACE,
    "city": _PLACE,
}
DEPLOYMENT: dict[str, Check] = {
    "deployment_code": _LINE,
    "starts_at": _moment,
    "ends_at": _moment,
    "utc_offset_minutes": _whole(-840, 840),
    "correct_setup": _truth,
    "correct_tstamp": _truth,
    "view_quality": _PLACE,
    "bait_type": _PLACE,
    "habitat": _text(NOTE_LENGTH_MAX),
    "session": _PLACE,
    "array": _PLACE,
    "deployment_groups": _texts(limits.PLACE_LENGTH_MAX),
    "deployment_tags": _texts(limits.PLACE_LENGTH_MAX),
    "clock_correction_s": _whole(-limits.CLOCK_CORRECTION_S_MAX, limits.CLOCK_CORRECTION_S_MAX),
    "clock_correction_note": _text(NOTE_LENGTH_MAX),
    "clock_corrected_at": _moment,
    "sequence_gap_s": _whole(0, limits.SEQUENCE_GAP_S_MAX),
    "file_name_pattern": _text(limits.PATTERN_LENGTH_MAX),
    "failures": _failures,
    "location": _fields(LOCATION),
}
MEDIUM: dict[str, Check] = {
    "sequence": _text(columns.UUID_LENGTH, UUID),
    "recorded_at": _moment,
    "camera_time": _camera_time,
    "camera_utc_offset_minutes": _whole(-840, 840),
    "time_source": _choice("FILE", "FILE_NAME", "TABLE"),
    "resource_type": _choice("IMAGE", "VIDEO", "AUDIO"),
    "mime_type": _text(columns.MEDIA_TYPE_LENGTH_MAX),
    "size_bytes": _whole(0, 2**53),
    "width": _whole(1),
    "height": _whole(1),
    "brightness": _number(0, 1),
    "fps": _number(0, 10_000),
    "duration_s": _number(0, 10**9),
    "frame_count": _whole(0),
    "declared_frame_count": _whole(0),
    "camera_make": _PLACE,
    "camera_model": _PLACE,
    "serial_number": _LINE,
    "tags": _texts(limits.PLACE_LENGTH_MAX),
}
OBSERVATION: dict[str, Check] = {
    "type": _choice(*TYPES),
    "level": _choice("object", "group"),
    "sex": _choice(*SEXES),
    "age": _choice(*AGES),
    "behaviour": _choice(*BEHAVIOURS),
    "count": _whole(1),
    "count_new": _whole(0),
    "individual_id": _LINE,
    "confidence": _number(0, 1),
    "bbox": _box,
    "first_frame_index": _whole(0),
    "distance": _number(0, limits.DISTANCE_M_MAX),
    "attrs": _object,
    "attr_confidence": _object,
    "static_attrs": _object,
    "raw_label": _text(limits.TAXON_NAME_LENGTH_MAX),
    "comments": _text(NOTE_LENGTH_MAX),
    # The file with its frames, and the id that it has in it.
    "frames": _text(limits.SHA256_LENGTH, SHA256),
    "object_id": _whole(1, 2**53),
}
NEVER_EMPTY = frozenset({"type", "level", "attrs", "attr_confidence", "static_attrs"})
RULES = {"deployment": DEPLOYMENT, "media": MEDIUM}


def checked(values: Mapping[str, Any], rules: Mapping[str, Check]) -> tuple[dict[str, Any], list[str]]:
    """The fields that are known and right, and the names of those that are wrong. Null says that a field is empty."""
    valid: dict[str, Any] = {}
    wrong: list[str] = []
    for name in rules.keys() & values.keys():
        try:
            valid[name] = None if values[name] is None else rules[name](values[name])
        except Wrong:
            wrong.append(name)
    return valid, sorted(wrong)


def read(kind: str, text: str) -> tuple[dict[str, Any], list[str]]:
    """What a row says of a deployment or a medium, and the names of fields that are wrong."""
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}, ["values"]
    return checked(values, RULES[kind]) if isinstance(values, dict) else ({}, ["values"])
