"""Models in ONNX, made here: boxes as the YOLO family answers, classes of crops, and what is refused."""

import json
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from app.learning.camera_traps import onnx_models, tasks
from app.learning.engine import Failure
from tests.learning.animals import PATCH_BOX, beast, patch
from tests.learning.camera_traps.test_detector import jpeg

SIDE = 64


def said(*_, **__):
    """Nobody listens."""


def model(path, nodes, weights, shape, *, side=SIDE, kind=TensorProto.FLOAT):
    """A model that takes a square picture."""
    taken = helper.make_tensor_value_info("picture", kind, [1, 3, side, side])
    given = helper.make_tensor_value_info("answer", TensorProto.FLOAT, shape)
    stored = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "made", [taken], [given], stored)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(made)
    path.write_bytes(made.SerializeToString())
    return path


def constant(path, rows):
    """One that finds the same on every picture."""
    rows = np.asarray(rows, np.float32)[None]
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["none"]),
        helper.make_node("Add", ["rows", "none"], ["answer"]),
    ]
    return model(path, nodes, {"rows": rows, "zero": np.float32(0)}, list(rows.shape))


def by_colour(path):
    """A classifier: which of red and green there is more of, ten times enlarged."""
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["means", "matrix"], ["answer"]),
    ]
    return model(path, nodes, {"matrix": np.array([[10, 0], [0, 10], [0, 0]], np.float32)}, [1, 2])


ROWS = [
    [16, 16, 8, 8, 1, 0.9, 0.1],
    [17, 16, 8, 8, 1, 0.8, 0.1],
    [16, 16, 8, 8, 0.9, 0.1, 0.8],
    [40, 40, 8, 8, 0.1, 0.9, 0.9],
]


def test_a_detector_finds_each_class_once_and_knows_its_labels(tmp_path):
    detect = onnx_models.onnx_detector(constant(tmp_path / "m", ROWS), ["animal", "person"])
    boxes, scores, labels = detect(np.zeros((32, 64, 3), np.uint8), 0.3)
    assert labels == ["animal", "person"]
    assert scores == pytest.approx([0.9, 0.72])
    # In a picture half as high as the square, a box is relative to the picture.
    assert boxes[0] == pytest.approx([12 / 64, 12 / 32, 20 / 64, 20 / 32])


def test_a_detector_without_objectness_is_read_too(tmp_path):
    turned = np.array([[16, 16, 8, 8, 0.9, 0.1], [40, 40, 8, 8, 0.2, 0.1]] * 4, np.float32).T
    boxes, scores, labels = onnx_models.onnx_detector(constant(tmp_path / "m", turned), ["animal", "person"])(
        beast(), 0.5
    )
    assert (len(boxes), labels) == (1, ["animal"])
    assert scores[0] == pytest.approx(0.9)


def test_tasks_run_models_in_onnx(tmp_path):
    (tmp_path / "a").write_bytes(jpeg(beast()))
    weights = str(constant(tmp_path / "m", ROWS))
    media = [{"id": 1, "file": "a", "is_video": False}]
    request = tasks.DetectionRequest(
        weights=weights, media=media, engine="ONNX", labels=["animal", "person"], confidence_min=0.3
    )
    assert tasks.find(tmp_path, request, said, lambda: False) == {"media": 1, "failed": 0, "objects": 2}
    classes = [
        {"key": key, "name": name, "rank": "SPECIES", "lineage": []} for key, name in (("1", "red"), ("2", "green"))
    ]
    red = np.zeros((64, 64, 3), np.uint8) + np.array([220, 10, 10], np.uint8)
    (tmp_path / "red").write_bytes(jpeg(red))
    naming = tasks.NamingRequest(
        encoder="",
        encoder_key="",
        weights=str(by_colour(tmp_path / "c")),
        engine="ONNX",
        classes=classes,
        media=[{"id": 1, "file": "red", "is_video": False, "objects": [{"id": 5, "frame": 0, "box": PATCH_BOX}]}],
    )
    tasks.tell_apart(tmp_path, naming, said, lambda: False)
    [found] = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert [(each["id"], each["name"], each["key"]) for each in found["objects"]] == [(5, "red", "1")]


@pytest.mark.parametrize("labels", [["animal"], ["animal", "person", "vehicle"]])
def test_labels_that_do_not_fit_are_refused(labels, tmp_path):
    detect = onnx_models.onnx_detector(constant(tmp_path / "m", ROWS), labels)
    with pytest.raises(Failure, match=r"classes\. Correct the list of labels\."):
        detect(beast(), 0.5)
    tell_apart = onnx_models.onnx_classifier(by_colour(tmp_path / "c"), len(labels))
    with pytest.raises(Failure, match=r"classes\. Correct the list of labels\."):
        tell_apart([patch(0, 0, 0)])


def test_what_is_no_model_and_what_takes_no_picture_is_refused(tmp_path):
    (tmp_path / "m").write_bytes(b"no model")
    with pytest.raises(Failure, match="cannot be read by onnxruntime"):
        onnx_models.onnx_detector(tmp_path / "m", ["animal"])
    nodes = [helper.make_node("ReduceMean", ["picture"], ["answer"], axes=[2, 3], keepdims=0)]
    free = model(tmp_path / "m", nodes, {}, [1, 3], side="any")
    with pytest.raises(Failure, match="one square picture"):
        onnx_models.onnx_classifier(free, 3)


def test_an_installation_without_the_extra_says_which_one_it_is(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(Failure, match=r"needs? onnxruntime, which the extra `onnx` installs"):
        onnx_models.onnx_classifier(tmp_path / "m", 2)
