"""Results of an AI Manager: what a model found on each medium of a part of a batch.

A part is one zstd frame with one msgpack map: `schema_version`, `key`, `fence` and `results`, a list with one map for
each medium: `resource_id`, `status` (`ok` or `failed`), `error`, `fps` and `detections`. A detection has `label`,
`confidence`, `bbox`, and where it applies `frame_index`, `track_id`, `distance`, `depth`, `keypoints` and
`attributes` with `[label, confidence]` for each attribute beyond the label. What is wrong with one medium is its own
failure, and nobody else's.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgpack

from app.errors import Unreadable
from app.formats.frames import samples
from app.formats.frames.codes import FramesCode, UnreadableFrames
from app.formats.frames.zstd import BoundedReader
from app.security import private_files

RESULTS_MAX = 100_000
DETECTIONS_MAX = 200_000
RESULT_BYTES_MAX = 64 * 2**20
LABEL_LENGTH_MAX = 200
ERROR_LENGTH_MAX = 400
ATTRIBUTES_MAX = 20


def sift(source: str, target: str) -> dict[str, Any]:
    """For a parsing child: writes each medium's checked result to a file, one msgpack map after the other.

    Gives the key and the fence that the part names, and the number of results. Unreadable if the part as a whole is.
    """
    with open(source, "rb") as file, private_files.opened(Path(target), "wb") as out:  # noqa: PTH123
        try:
            return _sifted(file, out)
        except UnreadableFrames:
            raise
        except (msgpack.UnpackException, ValueError) as error:
            if isinstance(error, Unreadable):
                raise
            raise Unreadable("The results are cut off, or not msgpack.") from None


def _sifted(file: Any, out: Any) -> dict[str, Any]:
    unpacker = msgpack.Unpacker(
        BoundedReader(file),
        max_buffer_size=RESULT_BYTES_MAX,
        max_array_len=DETECTIONS_MAX,
        max_map_len=1_000,
        max_ext_len=0,
    )
    header: dict[str, Any] = {"count": 0}
    for _ in range(unpacker.read_map_header()):
        key = unpacker.unpack()
        if not isinstance(key, str):
            raise Unreadable("The keys of the results must be texts.")
        if key != "results":
            value = unpacker.unpack()
            if key in {"key", "fence"}:
                header[key] = value
            continue
        length = unpacker.read_array_header()
        if length > RESULTS_MAX:
            raise Unreadable(f"A part may have at most {RESULTS_MAX:,} results.")
        for _ in range(length):
            out.write(msgpack.packb(_result(unpacker.unpack())))
            header["count"] += 1
    if not isinstance(header.get("key"), str) or not isinstance(header.get("fence"), int):
        raise Unreadable("The results do not name their key and their fence.")
    return header


def _result(value: Any) -> dict[str, Any]:
    """One medium's result; one that breaks a rule has failed."""
    if not isinstance(value, dict) or not isinstance(value.get("resource_id"), str | int):
        return {"resource_id": "", "status": "failed", "error": "The result names no medium.", "detections": []}
    result: dict[str, Any] = {
        "resource_id": str(value["resource_id"])[:40],
        "status": "ok",
        "error": None,
        "detections": [],
    }
    try:
        if value.get("status") != "ok":
            error = value.get("error")
            reason = error[:ERROR_LENGTH_MAX] if isinstance(error, str) and error else "The AI Manager gave no reason."
            return {**result, "status": "failed", "error": reason}
        fps = value.get("fps")
        detections = value.get("detections") or []
        if not isinstance(detections, list):
            raise samples.refuse(FramesCode.WRONG_TYPE, "`detections` must be a list.")
        return {
            **result,
            "fps": None if fps is None else samples.number("fps", fps),
            "detections": [_detection(each) for each in detections],
        }
    except UnreadableFrames as refused:
        return {**result, "status": "failed", "error": refused.message}


def _detection(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise samples.refuse(FramesCode.WRONG_TYPE, "A detection must be a map.")
    sample = samples.sample({"frame_index": 0, **value})
    label, track, depth = value.get("label"), value.get("track_id"), value.get("depth")
    if not isinstance(label, str) or not label:
        raise samples.refuse(FramesCode.MISSING_KEY, "A detection has no `label`.")
    return {
        "label": label[:LABEL_LENGTH_MAX],
        "track_id": track if isinstance(track, int) or track is None else samples.text("track_id", track),
        "sample": list(sample),
        "depth": None if depth is None else samples.number("depth", depth),
        "attributes": _attributes(value.get("attributes")),
    }


def _attributes(value: Any) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    for name, value_and_confidence in value.items() if isinstance(value, dict) else ():
        if (
            len(attributes) >= ATTRIBUTES_MAX
            or not isinstance(value_and_confidence, list)
            or len(value_and_confidence) != 2
        ):
            continue
        with suppress(UnreadableFrames):
            attributes[samples.text("attributes", name)] = [
                samples.text("attributes", value_and_confidence[0]),
                min(1.0, max(0.0, samples.number("confidence", value_and_confidence[1]))),
            ]
    return attributes
