"""What the fields of locations and deployments may hold, whichever way they come in."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from shapely import Point

from app import checks
from app.errors import Invalid
from app.limits import wildlife as limits
from app.limits.texts import NOTE_LENGTH_MAX
from app.services.wildlife.media.name_patterns import checked_pattern
from app.settings import settings

Check = Callable[[Any], Any]
INTEGER_MAX = 2**31 - 1


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(value: str) -> str:
    """An IANA time zone that this installation knows."""
    if value.strip() not in _zones():
        raise Invalid("timezone", "Use the name of an IANA time zone, such as Europe/Warsaw or UTC.")
    return value.strip()


def place(value: Point) -> Point:
    """A point on the globe."""
    if value.is_empty or not (-180 <= value.x <= 180 and -90 <= value.y <= 90):
        raise Invalid("point", "Use a longitude from -180 to 180 and a latitude from -90 to 90.")
    return Point(round(value.x, 7), round(value.y, 7))


def _name(field: str, length_max: int) -> Check:
    return lambda value: checks.name(field, value, length_max=length_max)


def _optional_name(field: str, length_max: int) -> Check:
    return lambda value: checks.optional_name(field, value, length_max=length_max)


def _optional(field: str, length_max: int) -> Check:
    return lambda value: checks.optional_text(field, value, length_max=length_max)


def _number(field: str, low: float, high: float) -> Check:
    return lambda value: None if value is None else checks.within(field, value, low, high)


def _list(field: str) -> Check:
    def check(values: Sequence[str]) -> list[str]:
        if len(values) > settings.keywords_max:
            raise Invalid(field, f"Give at most {settings.keywords_max}; these are {len(values)}.")
        return checks.names(field, values, length_max=limits.PLACE_LENGTH_MAX)

    return check


def _same(value: Any) -> Any:
    return value


LOCATION: Mapping[str, Check] = {
    "location_id": _name("locationId", limits.CODE_LENGTH_MAX),
    "name": _optional_name("name", limits.PROJECT_NAME_LENGTH_MAX),
    "description": _optional("description", limits.ABSTRACT_LENGTH_MAX),
    "point": place,
    "timezone": zone,
    "ignore_dst": _same,
    "coordinate_uncertainty": _number("coordinateUncertainty", 0, limits.COORDINATE_UNCERTAINTY_M_MAX),
    "habitat": _optional("habitat", NOTE_LENGTH_MAX),
    "is_public": _same,
    "country": _optional_name("country", limits.PLACE_LENGTH_MAX),
    "state": _optional_name("state", limits.PLACE_LENGTH_MAX),
    "county": _optional_name("county", limits.PLACE_LENGTH_MAX),
    "city": _optional_name("city", limits.PLACE_LENGTH_MAX),
}

DEPLOYMENT: Mapping[str, Check] = {
    "deployment_code": _name("deploymentCode", limits.CODE_LENGTH_MAX),
    "starts_at": lambda value: checks.moment("startsAt", value),
    "ends_at": lambda value: None if value is None else checks.moment("endsAt", value),
    "setup_by": _optional("setupBy", limits.PLACE_LENGTH_MAX),
    "camera_id": _optional_name("cameraId", limits.CODE_LENGTH_MAX),
    "camera_model": _optional("cameraModel", limits.PLACE_LENGTH_MAX),
    "camera_delay": _number("cameraDelay", 0, INTEGER_MAX),
    "camera_height": _number("cameraHeight", 0, 1_000),
    "camera_depth": _number("cameraDepth", 0, 12_000),
    "camera_tilt": _number("cameraTilt", -90, 90),
    "camera_heading": _number("cameraHeading", 0, 360),
    "detection_distance": _number("detectionDistance", 0, 10_000),
    "timestamp_issues": _same,
    "correct_setup": _same,
    "correct_tstamp": _same,
    "view_quality": _optional("viewQuality", limits.PLACE_LENGTH_MAX),
    "bait_use": _same,
    "bait_type": _optional("baitType", limits.PLACE_LENGTH_MAX),
    "feature_type": _same,
    "habitat": _optional("habitat", NOTE_LENGTH_MAX),
    "session": _optional_name("session", limits.PLACE_LENGTH_MAX),
    "array": _optional_name("array", limits.PLACE_LENGTH_MAX),
    "deployment_groups": _list("deploymentGroups"),
    "deployment_tags": _list("deploymentTags"),
    "comments": _optional("comments", limits.ABSTRACT_LENGTH_MAX),
    "sequence_gap_s": _number("sequenceGapS", 0, limits.SEQUENCE_GAP_S_MAX),
    "file_name_pattern": lambda value: checked_pattern("fileNamePattern", value),
}


def checked(rules: Mapping[str, Check], fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields as they are kept."""
    return {name: rules[name](value) for name, value in fields.items()}


def period(starts_at: datetime, ends_at: datetime | None) -> None:
    """Passes if the end comes after the start."""
    if ends_at is not None and ends_at <= starts_at:
        raise Invalid("endsAt", "The end must come after the start.")
