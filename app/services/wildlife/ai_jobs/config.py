"""The options of a job: thresholds, tracker, depth. The snapshot in `jobConfig` is what was done."""

from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

from app import checks
from app.errors import Invalid
from app.formats.media import tracks

TRACKER_KEYS_MAX, TRACKER_DEPTH_MAX, NAME_LENGTH_MAX = 50, 4, 100
GREEDY = {"type": tracks.NAME, "params": {"iou_min": 0.5, "gap_frames_max": 30}}
FPS_MAX = 240


class Overwrite(Enum):
    """What becomes of media that the provider has classified before: classified again, or skipped.

    REPLACE_AI: Classify them again.
    SKIP_EXISTING: Skip them.
    """

    REPLACE_AI = "REPLACE_AI"
    SKIP_EXISTING = "SKIP_EXISTING"


@dataclass(frozen=True)
class JobConfig:
    """The parameters of a run."""

    minimum_confidence: float = 0.2
    skip_empty: bool = False
    skip_missing_labels: bool = False
    tracker: dict[str, Any] = field(default_factory=lambda: dict(GREEDY))
    depth: dict[str, Any] | None = None
    video_fps: float | None = None
    iou_threshold: float = 0.5
    overwrite: Overwrite = Overwrite.REPLACE_AI

    def checked(self) -> "JobConfig":
        """Passes if every value is within bounds."""
        checks.within("minimumConfidence", self.minimum_confidence, 0, 1)
        checks.within("iouThreshold", self.iou_threshold, 0, 1)
        if self.video_fps is not None:
            checks.within("videoFps", self.video_fps, 0.01, FPS_MAX)
        _check_tracker(self.tracker)
        if self.depth is not None:
            _check_depth(self.depth)
        return self

    def snapshot(self) -> dict[str, Any]:
        """The parameters as they are kept and sent."""
        return {**asdict(self), "overwrite": self.overwrite.value.lower()}

    @classmethod
    def of(cls, snapshot: dict[str, Any]) -> "JobConfig":
        """The parameters of a snapshot."""
        known = {name: snapshot[name] for name in cls.__dataclass_fields__ if name in snapshot}
        return cls(**{**known, "overwrite": Overwrite[str(known.get("overwrite", "replace_ai")).upper()]})

    @property
    def links_tracks(self) -> bool:
        """Whether detections without track ids are linked here."""
        return self.tracker.get("type") == tracks.NAME


def _check_tracker(tracker: dict[str, Any]) -> None:
    options = checks.json_object("tracker", tracker)
    if set(options) - {"type", "params"} or not isinstance(options.get("type"), str) or not options["type"]:
        raise Invalid("tracker", "Give a tracker as {type, params}.")
    if len(options["type"]) > NAME_LENGTH_MAX:
        raise Invalid("tracker", f"A tracker's type has at most {NAME_LENGTH_MAX} characters.")
    params = options.get("params") or {}
    if not isinstance(params, dict) or len(params) > TRACKER_KEYS_MAX or _depth(params) > TRACKER_DEPTH_MAX:
        raise Invalid("tracker", f"`params` has at most {TRACKER_KEYS_MAX} keys, nested {TRACKER_DEPTH_MAX} deep.")
    if options["type"] == tracks.NAME:
        for name, most in (("iou_min", 1), ("gap_frames_max", 100_000)):
            value = params.get(name, 0)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
                raise Invalid("tracker", f"`{name}` must be a number from 0 to {most:,}.")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _check_depth(depth: dict[str, Any]) -> None:
    options = checks.json_object("depth", depth)
    if set(options) - {"enabled", "min_fps"} or not isinstance(options.get("enabled", True), bool):
        raise Invalid("depth", "Give depth as {enabled, min_fps}.")
    least = options.get("min_fps", 5)
    if isinstance(least, bool) or not isinstance(least, int | float) or not 0 <= least <= FPS_MAX:
        raise Invalid("depth", f"`min_fps` must be a number from 0 to {FPS_MAX}.")
