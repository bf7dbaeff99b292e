"""From what a model found on a medium to observations, and the frames of each."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from app.formats.frames import FrameSample
from app.formats.media.tracks import Detection, Track, link_tracks
from app.models.wildlife.observations import ObservationType
from app.services.wildlife.ai_jobs.config import JobConfig
from app.services.wildlife.classifications.observations import Observation
from app.services.wildlife.providers.categories import Mapping, choice

MEAN_FPS_MIN = 5
FIRST_FRAMES = 3


@dataclass(frozen=True)
class Calibration:
    """A linear function from raw depth to metres."""

    scale: float
    offset: float

    def metres(self, depth: float) -> float:
        """The distance of a depth."""
        return max(0.0, self.scale * depth + self.offset)


@dataclass(frozen=True)
class Detected:
    """An object on a medium: its observation and its frames."""

    observation: Observation
    samples: list[FrameSample]


def interpret(
    result: dict[str, Any], mapping: Mapping, config: JobConfig, calibration: Calibration | None = None
) -> list[Detected]:
    """The objects of a medium. What is below the threshold, or says nothing and is to be skipped, is left out."""
    detections = [
        _detection(each, calibration)
        for each in result["detections"]
        if (each["sample"][2] if each["sample"][2] is not None else 1.0) >= config.minimum_confidence
        and (mapping.knows(each["label"]) or not config.skip_missing_labels)
    ]
    least = (config.depth or {}).get("min_fps", MEAN_FPS_MIN)
    return [_detected(track, mapping, result.get("fps"), least) for track in _tracks(detections, config)]


def _detection(each: dict[str, Any], calibration: Calibration | None) -> Detection[dict[str, Any]]:
    frame, bbox, confidence, distance, points, interpolated = each["sample"]
    if distance is None and each["depth"] is not None and calibration is not None:
        distance = calibration.metres(each["depth"])
    sample = FrameSample(frame, tuple(bbox), confidence, distance, points and tuple(map(tuple, points)), interpolated)
    content = {"sample": sample, "track_id": each["track_id"], "attributes": each["attributes"]}
    return Detection(frame, bbox, each["label"], 1.0 if confidence is None else confidence, content)


def _tracks(detections: Sequence[Detection[dict[str, Any]]], config: JobConfig) -> list[Track[dict[str, Any]]]:
    """Detections by the track that the model names; others linked by overlap, or each for itself."""
    named: defaultdict[Any, Track[dict[str, Any]]] = defaultdict(Track)
    free = []
    for each in sorted(detections, key=lambda each: each.frame_index):
        if each.source["track_id"] is None:
            free.append(each)
        elif _is_new_frame(named[each.source["track_id"]], each):
            named[each.source["track_id"]].detections.append(each)
    if config.links_tracks:
        params = config.tracker.get("params") or {}
        known = {name: params[name] for name in ("iou_min", "gap_frames_max") if name in params}
        return [*named.values(), *link_tracks(free, **known)]
    return [*named.values(), *(Track([each]) for each in free)]


def _is_new_frame(track: Track[dict[str, Any]], each: Detection[dict[str, Any]]) -> bool:
    """Whether a track has nothing in a frame yet: a model that names a track twice in one counts once."""
    return not track.detections or track.last.frame_index < each.frame_index


def _detected(track: Track[dict[str, Any]], mapping: Mapping, fps: float | None, fps_min: float) -> Detected:
    samples = [each.source["sample"] for each in track.detections]
    first = samples[0]
    observation = replace(
        _labelled(track, mapping),
        classification_confidence=max(
            (each.confidence for each in track.detections if each.label == track.label), default=None
        ),
        bboxes=list(first.bbox),
        first_frame_index=first.frame_index,
        distance=distance_of(samples, fps, fps_min),
    )
    return Detected(observation, samples)


def distance_of(samples: Sequence[FrameSample], fps: float | None, fps_min: float = MEAN_FPS_MIN) -> float | None:
    """The distance at the first occurrence; of a video from `fps_min` on, the mean over the first three frames."""
    count = FIRST_FRAMES if fps is not None and fps >= fps_min else 1
    known = [sample.distance for sample in samples[:count] if sample.distance is not None]
    return round(fmean(known), 3) if known else None


def _labelled(track: Track[dict[str, Any]], mapping: Mapping) -> Observation:
    """What the labels of a track say: the one with most votes, and the best one for each other attribute."""
    label = track.label
    labels = [("", label, 1.0), *_attributes(track)]
    fields: dict[str, Any] = {}
    attrs: dict[str, Any] = {}
    confidences: dict[str, float] = {}
    for name, text, confidence in labels:
        for kind in ("observation_type", "species", "sex", "age", "behaviour", "custom"):
            entry = mapping.find(kind, text)
            if entry is None or (name and kind not in {name, "custom"}):
                continue
            if kind == "custom":
                attribute = mapping.names.get((kind, text.lower())) or name or "label"
                attrs[attribute] = entry.get("value")
                confidences[attribute] = confidence
            elif kind == "species":
                fields["species_id"] = entry.get("speciesId")
                fields.setdefault("observation_type", ObservationType.ANIMAL)
                confidences["species"] = confidence
            else:
                fields[kind] = choice(kind, entry.get("value"))
    fields.setdefault("observation_type", ObservationType.UNKNOWN)
    confidences = {name: value for name, value in confidences.items() if value < 1.0}
    return Observation(**fields, attrs=attrs, attr_confidence=confidences, raw_label=label)


def _attributes(track: Track[dict[str, Any]]) -> Iterable[tuple[str, str, float]]:
    """For each further attribute its most confident label in the track."""
    best: dict[str, tuple[str, float]] = {}
    for each in track.detections:
        for name, (text, confidence) in each.source["attributes"].items():
            if name not in best or confidence > best[name][1]:
                best[name] = (text, confidence)
    return [(name, text, confidence) for name, (text, confidence) in sorted(best.items())]
