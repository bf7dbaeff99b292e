"""One observation as it comes in from people, models and files, with the rules for its values."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from app import checks
from app.errors import Invalid
from app.limits import wildlife as limits
from app.models.base import Json
from app.models.wildlife.observations import OF_INTEREST, Age, Behaviour, ObservationLevel, ObservationType, Sex

INTEGER_MAX = 2**31 - 1
BOX_OVERSHOOT_MAX = 1e-3
"""By how much a box may leave the picture, as models round; it is cut to the picture."""

Box = Sequence[float] | Sequence[Sequence[float]]


@dataclass(frozen=True)
class Observation:
    """What was seen: one object, or a group that an expert counted. `check` returns it as it is kept."""

    observation_type: ObservationType
    observation_level: ObservationLevel = ObservationLevel.OBJECT
    species_id: int | None = None
    sex: Sex = Sex.UNKNOWN
    age: Age = Age.UNKNOWN
    behaviour: Behaviour = Behaviour.UNDEFINED
    count: int = 1
    count_new: int | None = None
    individual_id: str | None = None
    classification_confidence: float | None = None
    # [xmin, ymin, width, height] as shares of the upright picture; a list that holds this one box is taken, too.
    bboxes: Box | None = None
    first_frame_index: int = 0
    distance: float | None = None
    attrs: Json = field(default_factory=dict)
    attr_confidence: Json = field(default_factory=dict)
    raw_label: str | None = None

    def check(self, place: str = "observations") -> "Observation":
        """The observation as it is kept; Invalid names the field below `place`."""
        kept = replace(
            self,
            individual_id=checks.optional_text(
                f"{place}.individualId", self.individual_id, length_max=limits.CODE_LENGTH_MAX, is_one_line=True
            ),
            raw_label=checks.optional_text(
                f"{place}.rawLabel", self.raw_label, length_max=limits.TAXON_NAME_LENGTH_MAX, is_one_line=True
            ),
            bboxes=checked_box(f"{place}.bboxes", self.bboxes),
            attrs=checks.json_object(f"{place}.attrs", self.attrs),
            attr_confidence=_confidences(f"{place}.attrConfidence", self.attr_confidence),
        )
        _check_numbers(kept, place)
        _check_level(kept, place)
        if kept.observation_type is ObservationType.BLANK and kept.species_id is not None:
            raise Invalid(f"{place}.speciesId", "BLANK says that nothing is there. Leave out the species.")
        return kept


def _check_numbers(one: Observation, place: str) -> None:
    checks.within(f"{place}.count", one.count, 1, INTEGER_MAX)
    checks.within(f"{place}.firstFrameIndex", one.first_frame_index, 0, INTEGER_MAX)
    if one.count_new is not None:
        checks.within(f"{place}.countNew", one.count_new, 0, INTEGER_MAX)
    if one.classification_confidence is not None:
        checks.within(f"{place}.classificationConfidence", one.classification_confidence, 0, 1)
    if one.distance is not None:
        checks.within(f"{place}.distance", one.distance, 0, limits.DISTANCE_M_MAX)


def _check_level(one: Observation, place: str) -> None:
    if one.observation_level is ObservationLevel.OBJECT:
        return
    if one.bboxes is not None:
        raise Invalid(f"{place}.bboxes", "A group has no box. Leave it out, or give one OBJECT for each box.")
    if one.individual_id is not None:
        raise Invalid(f"{place}.individualId", "A group is no individual. Leave it out, or give an OBJECT.")


def checked_box(place: str, value: Any) -> list[float] | None:
    """The one box [xmin, ymin, width, height] within the picture; none for nothing, `[]` and `[[]]`."""
    box = value
    if isinstance(box, list | tuple) and len(box) == 1 and isinstance(box[0], list | tuple):
        [box] = box
    if box is None or (isinstance(box, list | tuple) and not box):
        return None
    if not isinstance(box, list | tuple) or len(box) != 4 or not all(map(_is_finite, box)):
        raise Invalid(place, "Give one box as four numbers: [xmin, ymin, width, height].")
    x, y, width, height = map(float, box)
    if min(width, height) <= 0:
        raise Invalid(place, "The width and the height of a box must be above 0.")
    (left, width), (top, height) = _cut(x, width), _cut(y, height)
    if not (width > 0 and height > 0):
        raise Invalid(place, "A box lies within the picture: its numbers are shares of width and height, from 0 to 1.")
    return [left, top, width, height]


def _cut(start: float, length: float) -> tuple[float, float]:
    """The part of a side that lies in the picture, or no length if more is outside than rounding explains."""
    if start >= 0 and start + length <= 1:  # kept to the last digit
        return start, length
    if start < -BOX_OVERSHOOT_MAX or start + length > 1 + BOX_OVERSHOOT_MAX:
        return start, 0.0
    left = max(start, 0.0)
    return left, min(start + length, 1.0) - left


def _is_finite(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _confidences(place: str, raw: Any) -> Json:
    kept = checks.json_object(place, raw)
    for name, value in kept.items():
        if not _is_finite(value) or not 0 <= value <= 1:
            raise Invalid(f"{place}.{name}", "Give a confidence from 0 to 1.")
    return kept


def checked_all(
    observations: Sequence[Observation], *, count_max: int, place: str = "observations"
) -> list[Observation]:
    """All observations of one classification as they are kept; Invalid names the first that is wrong."""
    if len(observations) > count_max:
        raise Invalid(place, f"Give at most {count_max} observations; these are {len(observations)}.")
    return [one.check(f"{place}[{index}]") for index, one in enumerate(observations)]


def is_blank(observations: Iterable[Observation]) -> bool:
    """Whether all that was seen is nothing."""
    return all(one.observation_type is ObservationType.BLANK for one in observations)


def shows_something(observations: Iterable[Observation]) -> bool:
    """Whether a person, an animal or a vehicle was seen."""
    return any(one.observation_type in OF_INTEREST for one in observations)
