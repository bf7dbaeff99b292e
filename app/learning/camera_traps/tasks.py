"""Tasks on camera-trap media: find animals, learn to tell them apart, tell them apart.

Media lie in the folder of the task. What is found of each goes into `results.jsonl`, a line for each; a file that
cannot be read has a line with its `failure`, and stops nobody else's.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np

from app.learning.camera_traps import detector, pictures
from app.learning.camera_traps.onnx_models import onnx_classifier, onnx_detector
from app.learning.camera_traps.pictures import NoPicture, Picture
from app.learning.engine import Cancelled, Failure, Report, Request
from app.learning.networks import efficientnet
from app.learning.species import training
from app.learning.species.head import Head
from app.learning.species.naming import named, smoothed

RESULTS = "results.jsonl"
MEGADETECTOR_LITE, ONNX = "MEGADETECTOR_LITE", "ONNX"


@dataclass(frozen=True)
class DetectionRequest(Request):
    """`media`: `{id, file, is_video}`."""

    weights: str
    media: Sequence[dict[str, Any]]
    engine: str = MEGADETECTOR_LITE
    labels: Sequence[str] = ("animal",)
    confidence_min: float = detector.CONFIDENCE_MIN
    video_fps: float = 1.0


@dataclass(frozen=True)
class NamingRequest(Request):
    """`media`: `{id, file, is_video, event, objects: {id, frame, box}}`."""

    encoder: str
    encoder_key: str
    weights: str
    media: Sequence[dict[str, Any]]
    engine: str = training.ENGINE
    classes: Sequence[dict[str, Any]] = ()
    roll_up_below: float = 0.65
    is_smoothed: bool = True


def find(folder: Path, request: DetectionRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Find objects on media; for a video, on some of its frames."""
    detect = _detector(request)
    counts = {"media": 0, "failed": 0, "objects": 0}
    with (folder / RESULTS).open("w", encoding="utf-8") as results:
        for medium in _each(request.media, report, cancelled, "detecting"):
            result: dict[str, Any]
            try:
                result = _detected(folder, medium, request, detect)
            except NoPicture as reason:
                result = {"failure": str(reason)}
            counts["media"] += 1
            counts["failed"] += "failure" in result
            counts["objects"] += sum(len(frame["objects"]) for frame in result.get("frames", []))
            results.write(json.dumps({"id": medium["id"], **result}) + "\n")
    return counts


Detect = Callable[[Picture, float], tuple[detector.Corners, detector.Corners, list[str] | None]]


def _detector(request: DetectionRequest) -> Detect:
    if request.engine == ONNX:
        return onnx_detector(Path(request.weights), request.labels)
    lite = detector.megadetector_lite(Path(request.weights))
    return lambda picture, confidence_min: (*lite(picture, confidence_min), None)


def _detected(folder: Path, medium: dict[str, Any], request: DetectionRequest, detect: Detect) -> dict[str, Any]:
    frames, width, height = [], 0, 0
    for number, picture in _pictures(folder, medium, fps=request.video_fps):
        height, width, _channels = picture.shape
        corners, scores, labels = detect(picture, request.confidence_min)
        frames.append({"frame": number, "objects": [asdict(d) for d in detector.detections(corners, scores, labels)]})
    return {"width": width, "height": height, "frames": frames}


def _pictures(folder: Path, medium: dict[str, Any], *, fps: float) -> Iterator[tuple[int, Picture]]:
    path = folder / medium["file"]
    if medium["is_video"]:
        yield from pictures.frames(path, fps=fps)
    else:
        yield 0, pictures.photo(path)


def tell_apart(folder: Path, request: NamingRequest, report: Report, cancelled: Callable[[], bool]) -> dict[str, Any]:
    """Name the objects on media: raw, rolled up where it is unsure, and smoothed over each event."""
    odds_of, classes = _classifier(request)
    odds: list[Any] = []
    owners: list[tuple[int, int]] = []
    events: list[str] = []
    failures: dict[int, str] = {}
    for medium in _each(request.media, report, cancelled, "classifying"):
        try:
            crops = crops_of(folder, medium, efficientnet.SIDE)
        except NoPicture as reason:
            failures[medium["id"]] = str(reason)
            continue
        if crops:
            odds.extend(odds_of([crop for _, crop in crops]))
            owners.extend((medium["id"], each["id"]) for each, _ in crops)
            events.extend([str(medium.get("event") or medium["id"])] * len(crops))
    names = named(np.array(odds, np.float32), classes, confidence_min=request.roll_up_below) if odds else []
    if request.is_smoothed:
        names = smoothed(names, events)
    names_by_medium: dict[int, list[dict[str, Any]]] = {medium["id"]: [] for medium in request.media}
    for (medium_id, object_id), name in zip(owners, names, strict=True):
        names_by_medium[medium_id].append({"id": object_id, **asdict(name)})
    with (folder / RESULTS).open("w", encoding="utf-8") as results:
        for medium_id, objects in names_by_medium.items():
            outcome = {"failure": failures[medium_id]} if medium_id in failures else {"objects": objects}
            results.write(json.dumps({"id": medium_id, **outcome}) + "\n")
    return {"media": len(names_by_medium), "failed": len(failures), "objects": len(names)}


Odds = Callable[[Sequence[Picture]], "np.ndarray[Any, Any]"]


def _classifier(request: NamingRequest) -> tuple[Odds, Sequence[dict[str, Any]]]:
    if request.engine == ONNX:
        return onnx_classifier(Path(request.weights), len(request.classes)), request.classes
    encoder = efficientnet.Encoder.read(Path(request.encoder))
    head = Head.read(Path(request.weights), encoder=request.encoder_key)
    return (lambda crops: head.odds(efficientnet.features(encoder, crops))), head.classes


def crops_of(folder: Path, medium: dict[str, Any], side: int) -> list[tuple[dict[str, Any], Picture]]:
    """The objects of a medium, each with its crop. Raises `NoPicture`."""
    path = folder / medium["file"]
    wanted = {each["frame"] if medium["is_video"] else 0 for each in medium["objects"]}
    if not wanted:
        return []
    shown = pictures.numbered(path, wanted) if medium["is_video"] else {0: pictures.photo(path)}
    crops = []
    for each in medium["objects"]:
        picture = shown.get(each["frame"] if medium["is_video"] else 0)
        if picture is None:
            raise NoPicture(f"The video has no frame {each['frame']}.")
        crops.append((each, pictures.crop(picture, tuple(each["box"]), side)))
    return crops


def learn(
    folder: Path, request: training.SpeciesRequest, report: Report, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    """Learn to tell classes apart from labelled objects on media; leave `classifier.safetensors`."""
    encoder = efficientnet.Encoder.read(Path(request.encoder))
    samples = training.Samples()
    unreadable = 0
    for medium in _each(request.media, report, cancelled, "encoding", share=0.9):
        try:
            crops = crops_of(folder, medium, efficientnet.SIDE)
        except NoPicture:
            unreadable += 1
            continue
        # A mirrored animal is the same animal: twice the crops to learn from.
        views = [view for _, crop in crops for view in (crop, np.ascontiguousarray(crop[:, ::-1]))]
        samples.add(medium, [each for each, _ in crops], efficientnet.features(encoder, views))
    report("training", 0.9, f"Fitting the classifier to {samples.count} crops")
    if cancelled():
        raise Cancelled
    return {**training.learned(folder, request, samples), "unreadable_media": unreadable}


def _each(
    media: Sequence[dict[str, Any]], report: Report, cancelled: Callable[[], bool], stage: str, *, share: float = 1.0
) -> Iterator[dict[str, Any]]:
    began = monotonic()
    if not media:
        raise Failure("There are no media to look at.")
    for number, medium in enumerate(media):
        if cancelled():
            raise Cancelled
        eta_s = (monotonic() - began) * (len(media) / number - 1) if number else None
        report(stage, share * number / len(media), f"{number} of {len(media)} media", eta_s=eta_s)
        yield medium


TASKS = {
    "find": (find, DetectionRequest),
    "tell_apart": (tell_apart, NamingRequest),
    "learn_species": (learn, training.SpeciesRequest),
}
