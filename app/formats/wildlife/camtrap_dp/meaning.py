"""What a row of observations.csv means in our fields."""

from collections.abc import Mapping
from typing import Any

import orjson

from app.formats.wildlife.camtrap_dp import details
from app.formats.wildlife.camtrap_dp.fields import BOX
from app.formats.wildlife.observations import AGES, BEHAVIOURS, Oddities, observation
from app.formats.wildlife.tables import tags

# What our own table of frames says of an observation that follows from others.
DERIVED = "derived"
COUNT_NEW = "countNew"
AGE = "age"
# Columns of the standard that we keep as attributes.
KEPT = ("individualPositionAngle", "individualSpeed")


def read(line: int, row: Mapping[str, Any], odd: Oddities) -> dict[str, Any]:
    """The observation of a checked row; what has no field of ours becomes an attribute."""
    attrs = {name: row[name] for name in KEPT if row.get(name) is not None}
    behaviour = _behaviour(line, row, odd, attrs)
    box = [row.get(name) for name in BOX]
    has_box = all(side is not None for side in box)
    count = row.get("count") or 1
    observed = observation(
        row["observationType"],
        id=row["observationID"],
        level=_level(row, count=count, has_box=has_box),
        names=[row["scientificName"]] if row.get("scientificName") else [],
        sex=row.get("sex"),
        age=row.get("lifeStage"),
        behaviour=behaviour,
        count=count,
        individual_id=row.get("individualID"),
        confidence=row.get("classificationProbability"),
        bbox=[float(side) for side in box if side is not None] if has_box else None,
        distance=row.get("individualPositionRadius"),
        attrs=attrs,
        method=row.get("classificationMethod"),
        by=row.get("classifiedBy"),
        at=row.get("classificationTimestamp"),
        is_setup=row.get("cameraSetupType") is not None,
        event_id=row.get("eventID"),
        event_start=row["eventStart"],
        event_end=row["eventEnd"],
        comments=row.get("observationComments"),
    )
    if row.get("cameraSetupType") == "calibration":
        attrs["cameraSetupType"] = "calibration"
    _read_tags(observed, row.get("observationTags"))
    return observed


def _level(row: Mapping[str, Any], *, count: int, has_box: bool) -> str:
    if row["observationLevel"] == "event":
        return "event"
    return "group" if count > 1 and not has_box else "object"


def _behaviour(line: int, row: Mapping[str, Any], odd: Oddities, attrs: dict[str, Any]) -> str | None:
    behaviours = row.get("behavior")
    if behaviours is None:
        return None
    first = str(behaviours).split("|", 1)[0].strip().lower()
    if first in BEHAVIOURS and "|" not in behaviours:
        return first
    attrs["behavior"] = behaviours
    odd.say(line, "behavior", behaviours, "is kept as the attribute behavior")
    return first if first in BEHAVIOURS else None


def _read_tags(observed: dict[str, Any], text: str | None) -> None:
    for key, value in tags.parted(text or ""):
        if key == COUNT_NEW and value.isdigit() and len(value) < 9:
            observed["count_new"] = int(value)
        elif key == AGE and value in AGES:
            observed["age"] = value
        elif key:
            observed["attrs"].setdefault(key, value or True)


def restored(observed: dict[str, Any], text: str) -> dict[str, Any] | None:
    """An observation with the values of our own table of frames, which holds them exactly; None if it is derived."""
    try:
        kept = orjson.loads(text)
    except orjson.JSONDecodeError:
        return observed
    if isinstance(kept, dict) and kept.get(DERIVED) is True:
        return None
    if not isinstance(kept, dict):
        return observed
    exact, _ = details.checked(kept, details.OBSERVATION)
    empty = {name for name in details.NEVER_EMPTY if exact.get(name, "") is None}
    return {**observed, **{name: value for name, value in exact.items() if name not in empty}}
