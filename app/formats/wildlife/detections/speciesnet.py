"""Predictions of SpeciesNet: both generations are read, that with one prediction a picture and that with one a box."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from app.errors import Unreadable, quoted
from app.formats.wildlife import json_files
from app.formats.wildlife.detections import boxes, labels
from app.formats.wildlife.detections.file_lists import DETECTIONS_MAX, FileListReader
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary

FILE = "predictions.json"
# The versions of the second generation are days.
SECOND = "20261015"
TYPES = {"1": "animal", "2": "human", "3": "vehicle"}
WHOLE = "0"


def read(path: Path, problems: Problems, summary: Summary, name: str = FILE) -> Iterator[Record]:
    """One record for each picture, with its detections and the prediction for the whole of it."""
    info = json_files.one(path, "info")
    summary.version = _version(info)
    yield from _Reading(path, problems, summary, name).records()


def _version(info: Any) -> str:
    if info is None:
        return "4"
    version = info.get("format_version") if isinstance(info, dict) else None
    if version is None:
        raise Unreadable("This file has info without a format_version. Write it again with SpeciesNet 5 or newer.")
    if str(version) != SECOND:
        raise Unreadable(
            f"This is format {quoted(str(version))}. Predictions of SpeciesNet up to 4, which name none, and {SECOND} "
            "are read. If it is a file of MegaDetector, use importMegaDetector."
        )
    return SECOND


class _Reading(FileListReader):
    PLACE = "predictions.item"
    PATH_FIELD = "filepath"
    EMPTY = "This file lists no predictions. It is not a file of SpeciesNet."

    def __init__(self, path: Path, problems: Problems, summary: Summary, name: str) -> None:
        super().__init__(path, problems, summary, name)
        self._is_second = summary.version == SECOND

    def _record(self, number: int, prediction: Any) -> dict[str, Any] | None:
        before = self._problems.errors
        file = prediction.get("filepath") if isinstance(prediction, dict) else None
        if not self._is_path(file):
            self._problems.add(self._name, number, "filepath", "Each prediction needs the path of a file in filepath.")
            return None
        record: dict[str, Any] = {"file": file.replace("\\", "/"), "failure": None, "frame_rate": None}
        failures = prediction.get("failures") or []
        if "DETECTOR" in failures or prediction.get("failure"):
            self._summary.counts["failed"] += 1
            return record | {"failure": ", ".join(map(str, failures))[:200] or "failed", "detections": []}
        record |= self._detections(number, prediction)
        if not self._is_second:
            record["prediction"] = self._prediction(number, prediction)
        return record if self._problems.errors == before else None

    def _prediction(self, number: int, prediction: Mapping[str, Any]) -> dict[str, Any] | None:
        """The first generation's word on the whole picture."""
        label, score = prediction.get("prediction"), prediction.get("prediction_score")
        if label is None:
            return None
        return self._class(number, "prediction", label, score)

    def _detections(self, number: int, prediction: Mapping[str, Any]) -> dict[str, Any]:
        listed = prediction.get("detections", [])
        if not isinstance(listed, list) or len(listed) > DETECTIONS_MAX:
            self._problems.add(self._name, number, "detections", "detections must be a list.")
            return {"detections": []}
        detections: list[dict[str, Any]] = []
        whole = None
        for place, each in enumerate(listed):
            at = f"detections.{place}"
            if not isinstance(each, dict):
                self._problems.add(self._name, number, at, "A detection is an object.")
            elif str(each.get("category")) == WHOLE:
                # A stand-in for the whole picture is no object.
                whole = self._best(number, at, each)
                self._summary.counts["whole_images"] += 1
            else:
                detections += self._detection(number, at, each)
        self._summary.counts["empty"] += not detections
        return {"detections": detections, "prediction": whole}

    def _detection(self, number: int, at: str, raw: Mapping[str, Any]) -> list[dict[str, Any]]:
        label = str(raw.get("label") or "")
        type_ = TYPES.get(str(raw.get("category"))) or labels.detected(label)
        if type_ is None:
            self._problems.warn(self._name, number, f"{at}.category", "This category is not known; it is unknown.")
        try:
            box, sure = boxes.box(raw.get("bbox")), boxes.confidence(raw.get("conf"))
        except boxes.NoBox as error:
            self._problems.add(self._name, number, at, str(error))
            return []
        self._summary.counts["detections"] += 1
        self._summary.tally("types", label)
        best = self._best(number, at, raw)
        classes = [] if best is None else [best]
        detection = {"type": type_ or "unknown", "label": label, "confidence": sure, "bbox": box, "frame": 0}
        return [detection | {"classes": classes}]

    def _best(self, number: int, at: str, detection: Mapping[str, Any]) -> dict[str, Any] | None:
        """The processed class of a box, or the likeliest raw one."""
        processed = detection.get("processed_classification")
        if isinstance(processed, dict) and processed.get("class") is not None:
            return self._class(number, at, processed["class"], processed.get("score"))
        raw = detection.get("raw_classifications")
        if not isinstance(raw, dict):
            return None
        classes, scores = raw.get("classes") or [], raw.get("scores") or []
        return self._class(number, at, classes[0], scores[0]) if classes and scores else None

    def _class(self, number: int, at: str, label: Any, score: Any) -> dict[str, Any] | None:
        try:
            sure = None if score is None else boxes.confidence(score)
        except boxes.NoBox as error:
            self._problems.add(self._name, number, at, str(error))
            return None
        if not isinstance(label, str) or len(label.split(";")) != labels.PARTS:
            message = "A class of SpeciesNet has seven parts: id;class;order;family;genus;species;name."
            self._problems.add(self._name, number, at, message)
            return None
        type_, names, uuid = labels.classified(label)
        self._summary.tally("species", names[0] if names else None)
        return {"label": label, "type": type_, "names": names, "uuid": uuid, "confidence": sure}
