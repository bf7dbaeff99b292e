"""Results of MegaDetector: format versions 1.3 to 1.6 are read as a stream, 1.6 is written."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from app.errors import Unreadable, quoted
from app.formats.wildlife import json_files
from app.formats.wildlife.detections import boxes, labels
from app.formats.wildlife.detections.file_lists import DETECTIONS_MAX, PATH_LENGTH_MAX, FileListReader
from app.formats.wildlife.problems import Problems
from app.formats.wildlife.records import Record, Summary

READ = ("1.3", "1.4", "1.5", "1.6")
WRITTEN = "1.6"
OLDER = ("1.0", "1.1", "1.2")
FILE = "results.json"
FRAME = re.compile(r"\d{1,9}\Z", re.ASCII)


def read(path: Path, problems: Problems, summary: Summary, name: str = FILE) -> Iterator[Record]:
    """One record for each picture and video, with its detections."""
    info = json_files.one(path, "info")
    summary.version = _version(info)
    summary.metadata = info if isinstance(info, dict) else {}
    yield from _Reading(path, problems, summary, name).records()


def _version(info: Any) -> str:
    declared = info.get("format_version") if isinstance(info, dict) else None
    if declared is None:
        raise Unreadable(
            "This file names no info.format_version, so it is unknown how to read it. MegaDetector writes one: run its "
            "tools of version 1.3 or newer on it."
        )
    version = str(declared)
    if version in READ:
        return version
    if version in OLDER:
        raise Unreadable(f"This is format {version}; {READ[0]} to {READ[-1]} are read. Convert it with MegaDetector.")
    raise Unreadable(
        f"This is format {quoted(version)}, which MegaDetector does not have: {READ[0]} to {READ[-1]} are read. "
        "Files of animl say 3.0; export them in the format of MegaDetector."
    )


class _Reading(FileListReader):
    PLACE = "images.item"
    PATH_FIELD = "file"
    EMPTY = "This file lists no images."

    def __init__(self, path: Path, problems: Problems, summary: Summary, name: str) -> None:
        super().__init__(path, problems, summary, name)
        self._types = self._detection_types()
        descriptions = json_files.mapping(path, "classification_category_descriptions")
        classes = json_files.mapping(path, "classification_categories")
        self._labels = classes
        self._meanings = {key: labels.classified(label, descriptions.get(key)) for key, label in classes.items()}
        summary.counts["classes"] = len(classes)

    def _detection_types(self) -> dict[str, tuple[str, str]]:
        types = {}
        for key, label in json_files.mapping(self._path, "detection_categories").items():
            known = labels.detected(label)
            if known is None:
                message = f"The category {quoted(label)} is not known; its detections are of the type unknown."
                self._problems.warn(self._name, None, "detection_categories", message)
            types[key] = (known or "unknown", label)
        if not types:
            raise Unreadable("This file has no detection_categories. It is not a file of MegaDetector's results.")
        return types

    def _record(self, number: int, image: Any) -> dict[str, Any] | None:
        before = self._problems.errors
        file = image.get("file") if isinstance(image, dict) else None
        if not self._is_path(file):
            message = f"Each image needs a file name of at most {PATH_LENGTH_MAX} characters in file."
            self._problems.add(self._name, number, "file", message)
            return None
        place = file.replace("\\", "/")
        record: dict[str, Any] = {"file": place, "failure": None, "detections": [], "frame_rate": None}
        self._summary.counts["absolute_paths"] += place.startswith("/") or place[1:3] == ":/"
        self._read_video(number, image, record)
        if image.get("failure") is not None:
            self._summary.counts["failed"] += 1
            return record | {"failure": str(image["failure"])[:200]}
        record["detections"] = self._detections(number, image)
        return record if self._problems.errors == before else None

    def _read_video(self, number: int, image: Mapping[str, Any], record: dict[str, Any]) -> None:
        rate = image.get("frame_rate")
        frames = image.get("frames_processed")
        if rate is None and frames is None:
            return
        self._summary.counts["videos"] += 1
        if isinstance(rate, int | float) and not isinstance(rate, bool) and 0 < rate <= 1_000:
            record["frame_rate"] = float(rate)
        elif rate is not None:
            self._problems.add(self._name, number, "frame_rate", "A frame rate is a number above 0.")
        if isinstance(frames, list):
            record["frames_processed"] = len(frames)

    def _detections(self, number: int, image: Mapping[str, Any]) -> list[dict[str, Any]]:
        listed = image.get("detections")
        if not isinstance(listed, list) or len(listed) > DETECTIONS_MAX:
            message = "An image without a failure needs a list of detections, which may be empty."
            self._problems.add(self._name, number, "detections", message)
            return []
        self._summary.counts["empty"] += not listed
        detections = [self._detection(number, place, each) for place, each in enumerate(listed)]
        return [each for each in detections if each is not None]

    def _detection(self, number: int, place: int, detection: Any) -> dict[str, Any] | None:
        at = f"detections.{place}"
        if not isinstance(detection, dict):
            self._problems.add(self._name, number, at, "A detection is an object.")
            return None
        type_, label = self._types.get(str(detection.get("category")), ("unknown", str(detection.get("category"))[:40]))
        if str(detection.get("category")) not in self._types:
            self._problems.warn(self._name, number, f"{at}.category", "This category is not listed; it is unknown.")
        if type_ == "blank":
            return None
        try:
            box, sure = boxes.box(detection.get("bbox")), boxes.confidence(detection.get("conf"))
            frame = self._frame(detection)
            classes = self._classes(detection)
        except boxes.NoBox as error:
            self._problems.add(self._name, number, at, str(error))
            return None
        self._summary.counts["detections"] += 1
        self._summary.tally("types", label)
        return {"type": type_, "label": label, "confidence": sure, "bbox": box, "frame": frame, "classes": classes}

    def _frame(self, detection: Mapping[str, Any]) -> int:
        number = detection.get("frame_number", 0)
        if isinstance(number, str) and FRAME.match(number):
            return int(number)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 10**9:
            raise boxes.NoBox("A frame number is a whole number from 0.")
        return number

    def _classes(self, detection: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The classes of a detection, the likeliest first."""
        classes = []
        for each in detection.get("classifications") or []:
            if not isinstance(each, list) or len(each) != 2:
                raise boxes.NoBox("A classification is a pair of a category and a confidence.")
            key = str(each[0])
            if key not in self._meanings:
                raise boxes.NoBox(f"The class {quoted(key)} is not in classification_categories.")
            type_, names, uuid = self._meanings[key]
            sure = boxes.confidence(each[1])
            classes.append(
                {"label": self._labels[key], "type": type_, "names": names, "uuid": uuid, "confidence": sure}
            )
        self._summary.counts["classifications"] += len(classes)
        return sorted(classes, key=lambda each: -float(each["confidence"]))


class MegaDetectorWriter:
    """Writes a file of results, format 1.6; numbers are always written with a fraction, as its validator wants."""

    media_type = "application/json"

    def __init__(self, info: Mapping[str, Any], types: Mapping[str, str], classes: Mapping[str, str]) -> None:
        """`info`: what stands beside the version; `types` and `classes`: labels by their ids."""
        self._types, self._classes = types, classes
        head = orjson.dumps({"format_version": WRITTEN, **info})
        self._before = b'{"info":' + head + b',"images":[\n'

    def write(self, images: list[dict[str, Any]]) -> bytes:
        """More images."""
        if not images:
            return b""
        before, self._before = self._before, b",\n"
        return before + b",\n".join(map(orjson.dumps, images))

    def finish(self, descriptions: Mapping[str, str] | None = None) -> bytes:
        """The end of the file, with the categories."""
        before = self._before if self._before.startswith(b"{") else b"\n"
        rest: dict[str, Any] = {"detection_categories": dict(self._types)}
        if self._classes:
            rest["classification_categories"] = dict(self._classes)
        if descriptions:
            rest["classification_category_descriptions"] = dict(descriptions)
        return before + b"]," + orjson.dumps(rest)[1:] + b"\n"
