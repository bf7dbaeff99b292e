"""Detections of a video without track ids, linked to objects: greedily, by the overlap of their boxes."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Box = Sequence[float]
T = TypeVar("T")

NAME = "greedy_iou"


@dataclass(frozen=True)
class Detection(Generic[T]):
    """A box in a frame with its label; `source` is what it was made from."""

    frame_index: int
    bbox: Box
    label: str
    confidence: float
    source: T


@dataclass
class Track(Generic[T]):
    """Detections of one object, one in each of its frames."""

    detections: list[Detection[T]] = field(default_factory=list)

    @property
    def label(self) -> str:
        """The label with the most votes, each weighted by its confidence; of equal ones the first in the alphabet."""
        votes: defaultdict[str, float] = defaultdict(float)
        for each in self.detections:
            votes[each.label] += each.confidence
        return min(votes, key=lambda label: (-votes[label], label))

    @property
    def last(self) -> Detection[T]:
        """The newest detection."""
        return self.detections[-1]


def iou(one: Box, other: Box) -> float:
    """Intersection over union of two boxes `[x, y, width, height]`."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one[2] * one[3] + other[2] * other[3] - shared)


def link_tracks(
    detections: Iterable[Detection[T]], *, iou_min: float = 0.5, gap_frames_max: int = 30
) -> list[Track[T]]:
    """The objects behind detections: in each frame the pair of track and detection that overlap most is linked first.

    A track that was not seen for more than `gap_frames_max` frames has ended. A detection that overlaps no track by
    `iou_min` begins one.
    """
    frames: defaultdict[int, list[Detection[T]]] = defaultdict(list)
    for each in detections:
        frames[each.frame_index].append(each)
    ended: list[Track[T]] = []
    running: list[Track[T]] = []
    for frame in sorted(frames):
        ended += [track for track in running if frame - track.last.frame_index > gap_frames_max]
        running = [track for track in running if frame - track.last.frame_index <= gap_frames_max]
        running += _linked(running, frames[frame], iou_min)
    return sorted([*ended, *running], key=lambda track: (track.detections[0].frame_index, *track.detections[0].bbox))


def _linked(tracks: Sequence[Track[T]], detections: Sequence[Detection[T]], iou_min: float) -> list[Track[T]]:
    """Adds detections to tracks, best pairs first; gives new tracks of the others."""
    overlaps = [
        (iou(track.last.bbox, each.bbox), -number, -place)
        for number, track in enumerate(tracks)
        for place, each in enumerate(detections)
    ]
    taken: set[int] = set()
    extended: set[int] = set()
    for overlap, number, place in sorted(overlaps, reverse=True):
        if overlap < iou_min:
            break
        if -number not in extended and -place not in taken:
            tracks[-number].detections.append(detections[-place])
            extended.add(-number)
            taken.add(-place)
    return [Track([each]) for place, each in enumerate(detections) if place not in taken]
