"""The parts of a payload as Python has them, and the rules that each keeps."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from app.formats.frames.codes import FramesCode, UnreadableFrames

COMPRESSED_BYTES_MAX = 32 * 2**20
BYTES_MAX = 256 * 2**20
WINDOW_BYTES_MAX = 8 * 2**20
OBJECTS_MAX = 1_000
SAMPLES_PER_OBJECT_MAX = 200_000
SAMPLES_MAX = 2_000_000
KEYPOINTS_MAX = 256
STRING_BYTES_MAX = 1_024
DEPTH_MAX = 8
VERSION = (1, 0)
# Boxes that reach over the edge by rounding are clipped; further ones are refused.
CLIP = 1e-3
DIMENSION_MAX = 100_000
FPS_MAX = 10_000
DURATION_S_MAX = 10_000_000
INTEGER_MAX = 2**63 - 1
BOX_DECIMALS, DISTANCE_DECIMALS = 6, 3
POINT_LENGTH = 3
CORNERS = 4
FRAME_KEYS = ("frame_index", "frame")
BOX_KEYS = ("bbox", "bboxes")
CONFIDENCE_KEYS = ("confidence", "conf", "classification_confidence")


class FrameSample(NamedTuple):
    """An object in one frame: its box `[x, y, width, height]` relative to the picture, its distance in metres."""

    frame_index: int
    bbox: tuple[float, float, float, float]
    confidence: float | None = None
    distance: float | None = None
    keypoints: tuple[tuple[float, float, float], ...] | None = None
    interpolated: bool = False

    def written(self) -> dict[str, Any]:
        """The sample as the payload has it, rounded to what is read back: the same samples make the same file."""
        points = self.keypoints and [[round(each, BOX_DECIMALS) for each in point] for point in self.keypoints]
        return {
            "frame_index": self.frame_index,
            "bbox": [round(each, BOX_DECIMALS) for each in self.bbox],
            "confidence": None if self.confidence is None else round(self.confidence, BOX_DECIMALS),
            "distance": None if self.distance is None else round(self.distance, DISTANCE_DECIMALS),
            "keypoints": points,
            "interpolated": self.interpolated,
        }


@dataclass(frozen=True)
class ObjectHeader:
    """The properties of an object as a whole. `id` is that of its row among the dynamic attributes."""

    id: int
    observation_type: str | None = None
    species_id: int | None = None
    gbif_key: str | None = None
    track_id: int | str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class FramesHeader:
    """The properties of a payload as a whole; `fps` and `duration` are null for images."""

    classification_type: str
    classification_id: int
    base_timestamp: str | None = None
    timezone: str | None = None
    fps: float | None = None
    duration: float | None = None
    classification_model: str | None = None
    width: int | None = None
    height: int | None = None
    frame_count: int | None = None
    keypoint_names: tuple[str, ...] | None = None
    producer: dict[str, Any] | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def frame_end(self) -> int | None:
        """The first frame index after the end of the medium; 1 for an image, null if it is unknown."""
        if self.fps is None:
            return 1
        return None if self.duration is None else math.ceil(self.duration * self.fps) + 1


def refuse(code: FramesCode, message: str) -> UnreadableFrames:
    """The error for a fault."""
    return UnreadableFrames(code, message)


def number(name: str, value: Any) -> float:
    """A finite number; texts and booleans are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise refuse(FramesCode.WRONG_TYPE, f"`{name}` must be a number.")
    if not math.isfinite(value):
        raise refuse(FramesCode.NOT_FINITE, f"`{name}` must be a finite number.")
    return float(value)


def whole(name: str, value: Any, *, least: int = 0, most: int = INTEGER_MAX) -> int:
    """An integer within bounds."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise refuse(FramesCode.WRONG_TYPE, f"`{name}` must be an integer.")
    if not least <= value <= most:
        raise refuse(FramesCode.VALUE_OUT_OF_RANGE, f"`{name}` must be from {least} to {most}.")
    return value


def text(name: str, value: Any) -> str:
    """A text within bounds; bytes are none."""
    if not isinstance(value, str):
        raise refuse(FramesCode.WRONG_TYPE, f"`{name}` must be a text.")
    if len(value.encode(errors="surrogatepass")) > STRING_BYTES_MAX:
        raise refuse(FramesCode.STRING_TOO_LONG, f"`{name}` is longer than {STRING_BYTES_MAX} bytes.")
    return value


def sample(value: Any) -> FrameSample:
    """One sample, checked; other names that are in use for its keys are understood."""
    if not isinstance(value, dict):
        raise refuse(FramesCode.WRONG_TYPE, "A sample must be a map.")
    frame = _first(value, FRAME_KEYS)
    if frame is None:
        raise refuse(FramesCode.MISSING_KEY, "A sample has no `frame_index`.")
    confidence, distance = _first(value, CONFIDENCE_KEYS), value.get("distance")
    points = value.get("keypoints")
    interpolated = value.get("interpolated", False)
    if not isinstance(interpolated, bool):
        raise refuse(FramesCode.WRONG_TYPE, "`interpolated` must be true or false.")
    return FrameSample(
        whole("frame_index", frame),
        box(_first(value, BOX_KEYS)),
        None if confidence is None else _share(confidence),
        None if distance is None else _metres(distance),
        None if points is None else _keypoints(points),
        interpolated,
    )


def _first(value: dict[str, Any], names: Sequence[str]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)


def box(value: Any) -> tuple[float, float, float, float]:
    """A box inside the picture; what lies outside by rounding is clipped."""
    if isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if value is None:
        raise refuse(FramesCode.MISSING_KEY, "A sample has no `bbox`.")
    if not isinstance(value, list | tuple) or len(value) != CORNERS:
        raise refuse(FramesCode.WRONG_TYPE, "`bbox` must be [x, y, width, height].")
    x, y, width, height = (number("bbox", each) for each in value)
    within = x >= -CLIP and y >= -CLIP and width > 0 and height > 0
    if not within or x + width > 1 + CLIP or y + height > 1 + CLIP:
        raise refuse(FramesCode.BOX_OUT_OF_RANGE, "A box must have a size and lie inside the picture, from 0 to 1.")
    left, top = max(0.0, x), max(0.0, y)
    right, bottom = min(1.0, x + width), min(1.0, y + height)
    if right <= left or bottom <= top:
        raise refuse(FramesCode.BOX_OUT_OF_RANGE, "A box must have a size and lie inside the picture, from 0 to 1.")
    x, y, width, height = (round(each, BOX_DECIMALS) for each in (left, top, right - left, bottom - top))
    return x, y, width, height


def _share(value: Any) -> float:
    confidence = number("confidence", value)
    if not 0 <= confidence <= 1:
        raise refuse(FramesCode.CONFIDENCE_OUT_OF_RANGE, "A confidence must be from 0 to 1.")
    return round(confidence, BOX_DECIMALS)


def _metres(value: Any) -> float:
    distance = number("distance", value)
    if not 0 <= distance <= DIMENSION_MAX:
        raise refuse(FramesCode.DISTANCE_OUT_OF_RANGE, f"A distance must be from 0 to {DIMENSION_MAX:,} metres.")
    return round(distance, DISTANCE_DECIMALS)


def _keypoints(value: Any) -> tuple[tuple[float, float, float], ...]:
    if not isinstance(value, list | tuple):
        raise refuse(FramesCode.WRONG_TYPE, "`keypoints` must be a list.")
    if len(value) > KEYPOINTS_MAX:
        raise refuse(FramesCode.TOO_MANY_KEYPOINTS, f"A sample may have at most {KEYPOINTS_MAX} keypoints.")
    return tuple(map(_keypoint, value))


def _keypoint(value: Any) -> tuple[float, float, float]:
    if not isinstance(value, list | tuple) or len(value) != POINT_LENGTH:
        raise refuse(FramesCode.WRONG_TYPE, "A keypoint must be [x, y, score].")
    x, y, score = (round(number("keypoints", each), BOX_DECIMALS) for each in value)
    return x, y, score
