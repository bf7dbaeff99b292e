"""Models that an operator adds as ONNX files, run by onnxruntime, which the extra `onnx` installs.

A detector takes `(1, 3, side, side)` of 0 … 1 and answers as the YOLO family does: `(1, boxes, 5 + classes)` as middle,
size, objectness and classes, or `(1, 4 + classes, boxes)` without objectness. A classifier takes the same picture,
levelled as ImageNet's are, and answers with `(1, classes)` logits.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps

from app.learning.camera_traps.detector import BOXES_MAX, IOU_MAX, Corners, apart
from app.learning.camera_traps.pictures import Picture
from app.learning.engine import Failure
from app.learning.species.head import Floats, odds_of

MEAN = np.array((0.485, 0.456, 0.406), np.float32)
DEVIATION = np.array((0.229, 0.224, 0.225), np.float32)
GREY = (114, 114, 114)


def _session(path: Path) -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - an extra: most installations have none
    except ImportError:
        raise Failure("Models in ONNX need onnxruntime, which the extra `onnx` installs.") from None
    options = onnxruntime.SessionOptions()
    # One core, as every task has: its own pool would fight the worker for the others.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its errors have no common class
        raise Failure("The ONNX file cannot be read by onnxruntime.") from error


def side_of(session: Any) -> int:
    """The side of the pictures that a model takes."""
    entries = session.get_inputs()
    shape = entries[0].shape if len(entries) == 1 else []
    if len(shape) != 4 or shape[1] != 3 or not isinstance(shape[2], int) or shape[2] != shape[3]:
        raise Failure("The model must take one square picture as (1, 3, side, side) with a fixed side.")
    if entries[0].type != "tensor(float)":
        raise Failure("The model must take numbers of 32 bits.")
    return int(shape[2])


def onnx_detector(
    path: Path, labels: Sequence[str]
) -> Callable[[Picture, float], tuple[Corners, Corners, list[str] | None]]:
    """A detector with its labels, in the order of its classes."""
    session = _session(path)
    side, name = side_of(session), session.get_inputs()[0].name

    def detect(picture: Picture, confidence_min: float) -> tuple[Corners, Corners, list[str] | None]:
        height, width, _ = picture.shape
        ratio = min(side / width, side / height)
        square = ImageOps.pad(
            Image.fromarray(picture), (side, side), Image.Resampling.BILINEAR, color=GREY, centering=(0, 0)
        )
        tensor = np.asarray(square, np.float32).transpose(2, 0, 1)[None] / 255
        rows = _rows(np.asarray(session.run(None, {name: tensor})[0], np.float32), len(labels))
        best, scores = rows[:, 4:].argmax(1), rows[:, 4:].max(1)
        sure = scores >= confidence_min
        middles, sizes = rows[sure, :2], rows[sure, 2:4]
        corners = np.concatenate([middles - sizes / 2, middles + sizes / 2], 1)
        # Classes apart: one animal may stand before another of another kind.
        kept = apart(corners + best[sure, None] * np.float32(2 * side), scores[sure], IOU_MAX)[:BOXES_MAX]
        whole = np.array([ratio * width, ratio * height] * 2)
        relative = np.asarray(corners[kept] / whole, np.float32)
        return relative, scores[sure][kept], [labels[number] for number in best[sure][kept]]

    return detect


def _rows(answer: Floats, classes: int) -> Floats:
    """Boxes as (middle, size, score of each class)."""
    if answer.ndim != 3 or len(answer) != 1:
        raise Failure("The detector must answer with one list of boxes.")
    rows = answer[0]
    if rows.shape[1] == 5 + classes:
        joined: Floats = np.concatenate([rows[:, :4], rows[:, 4:5] * rows[:, 5:]], 1)
        return joined
    if rows.shape[0] == 4 + classes:
        turned: Floats = rows.T
        return turned
    raise Failure(f"The detector does not answer with {classes} classes. Correct the list of labels.")


def onnx_classifier(path: Path, classes: int) -> Callable[[Sequence[Picture]], Floats]:
    """A classifier of crops with so many classes."""
    session = _session(path)
    side, name = side_of(session), session.get_inputs()[0].name

    def odds(crops: Sequence[Picture]) -> Floats:
        outputs = []
        for crop in crops:
            scaled = np.asarray(Image.fromarray(crop).resize((side, side), Image.Resampling.BILINEAR), np.float32) / 255
            tensor = ((scaled - MEAN) / DEVIATION).transpose(2, 0, 1)[None]
            outputs.append(np.asarray(session.run(None, {name: tensor})[0], np.float32).reshape(1, -1))
        answer = np.concatenate(outputs)
        if answer.shape[1] != classes:
            raise Failure(f"The classifier does not answer with {classes} classes. Correct the list of labels.")
        return odds_of(answer)

    return odds
