"""The child process keeps to its protocol, and to its parent."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import load_file

from app.learning import ramp
from app.learning.engine import Failure, PredictionRequest
from app.learning.networks import checkpoint
from app.learning.networks.unet import UNet

TRAINING = {"epochs": 1, "batch_size": 8, "zoom_level": [19], "freeze_layers": True, "offset_m": [0, 0], "seed": 7}
PREDICTION = {"zoom_level": 19, "confidence": 50, "tolerance_m": 0.5, "area_m2_min": 3, "orthogonalize": True}
FIGURES = {"accuracy", "pixel_accuracy", "precision", "recall", "f1", "object_f1"}


def start(site):
    command = [sys.executable, "-m", "app.learning", str(site.folder)]
    pipe = subprocess.PIPE
    few_steps = {**os.environ, "FIELDGRAPH_TRAINING_VIEWS_PER_EPOCH_MIN": "16"}
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=few_steps)


def lines_of(site):
    """What the child says, to its end."""
    with start(site) as child:
        # Not communicate(): it would close the child's input at once, which asks it to stop.
        said = [json.loads(line) for line in child.stdout]
        errors = child.stderr.read()
        assert child.wait() == 0, errors
    return said


def failure_of(site):
    (*_, last) = lines_of(site)
    return last["failure"]


@pytest.fixture(scope="module")
def trained(new_site, tmp_path_factory):
    """A site with one epoch's training in its folder, gone on from given weights, and what was said meanwhile."""
    site = new_site(tmp_path_factory.mktemp("trained")).write()
    checkpoint.save(UNet(np.random.default_rng(1)), site.folder / "initial.safetensors", {})
    site.ask("train", **TRAINING)
    return site, lines_of(site)


def test_a_training_says_how_far_it_is_and_ends_with_its_figures(trained):
    _, (*progress, last) = trained

    assert [line["stage"] for line in progress][:1] == ["preparing"]
    assert {line["stage"] for line in progress} == {"preparing", "training", "evaluating"}
    assert all(set(line) == {"stage", "progress", "message", "eta_s", "epoch"} for line in progress)
    assert [line["progress"] for line in progress] == sorted(line["progress"] for line in progress)
    (epoch,) = [line["epoch"] for line in progress if line["epoch"]]
    assert set(epoch) == {"number", "loss", "validation_loss", "validation_iou", "seconds"}
    result = last["result"]
    assert set(result) >= FIGURES
    assert result["accuracy"] == pytest.approx(100 * epoch["validation_iou"], abs=1e-4)  # which is rounded
    assert (result["chips_length"], result["epochs_run"], result["best_epoch"]) == (4, 1, 1)


def test_a_training_leaves_its_artefacts(trained):
    site, (*_, last) = trained

    assert all((site.folder / name).stat().st_size > 0 for name in last["result"]["artefacts"])
    curve = json.loads((site.folder / "training_curve.json").read_text())
    assert [epoch["number"] for epoch in curve["epochs"]] == [1]
    with Image.open(site.folder / "training_curve.png") as picture:
        assert picture.format == "PNG"
    with safe_open(site.folder / "checkpoint.safetensors", framework="numpy") as file:
        assert file.metadata()["base_model"] == "RAMP"
        assert json.loads(file.metadata()["zoom_levels"]) == [19]


def test_a_training_goes_on_from_given_weights_and_freezes_their_first_levels(trained):
    folder = trained[0].folder
    before, after = load_file(folder / "initial.safetensors"), load_file(folder / "checkpoint.safetensors")

    equal = {name for name in before if np.array_equal(before[name], after[name])}
    assert equal == {name for name in before if name.startswith(("downs.0.", "downs.1."))}
    assert all(np.abs(before[name] - after[name]).mean() < 0.01 for name in before)


def with_checkpoint(trained, folder):
    """A fresh site with the checkpoint of the trained one."""
    site = type(trained[0])(folder).write()
    (folder / "checkpoint.safetensors").write_bytes((trained[0].folder / "checkpoint.safetensors").read_bytes())
    return site


def test_a_prediction_writes_its_buildings(trained, tmp_path):
    site = with_checkpoint(trained, tmp_path)
    site.ask("predict", **{**PREDICTION, "confidence": 1})

    (*progress, last) = lines_of(site)

    assert {line["stage"] for line in progress} == {"preparing", "predicting", "vectorising"}
    document = json.loads((tmp_path / "predictions.geojson").read_text())
    assert document["type"] == "FeatureCollection"
    assert last["result"]["count"] == len(document["features"]) > 0
    for feature in document["features"]:
        properties = feature["properties"]
        assert feature["geometry"]["type"] == "Polygon"
        assert set(properties) == {"confidence", "area_m2", "building", "source"}
        assert 0 < properties["confidence"] <= 1
        assert properties["area_m2"] >= 3


def test_finding_nothing_is_a_success(trained, tmp_path):
    with_checkpoint(trained, tmp_path)
    nothing = PredictionRequest(zoom_level=19, area_m2_min=1e9)

    result = ramp.predict(tmp_path, nothing, lambda *_, **__: None, lambda: False)

    assert result["count"] == 0
    assert json.loads((tmp_path / "predictions.geojson").read_text())["features"] == []


def test_a_prediction_without_imagery_says_so(trained, tmp_path):
    with_checkpoint(trained, tmp_path)

    with pytest.raises(Failure, match="no imagery at this zoom level"):
        ramp.predict(tmp_path, PredictionRequest(zoom_level=20), lambda *_, **__: None, lambda: False)


def test_what_a_person_can_mend_is_a_sentence_and_no_crash(site):
    site.write().ask("train", **TRAINING)
    site.write_shapes("labels.geojson")
    assert failure_of(site) == "No label lies on the imagery inside the areas. Add or fetch labels first."

    site.ask("train", **{**TRAINING, "base_model": "SAM"})
    assert failure_of(site) == "No engine for the base model SAM is installed."


@pytest.mark.parametrize("farewell", ["", "stop\n"])
def test_it_stops_without_a_word_when_told_to_or_left_alone(site, farewell):
    site.write().ask("train", **{**TRAINING, "epochs": 40})
    with start(site) as child:
        told = (json.loads(line) for line in child.stdout)
        assert any(line["stage"] == "training" for line in told)
        if farewell:
            child.stdin.write(farewell)
            child.stdin.flush()
        else:
            child.stdin.close()

        assert child.wait(timeout=60) == 3
        assert not any("result" in line or "failure" in line for line in told)

    assert not (site.folder / "checkpoint.safetensors").exists()


def test_a_fault_of_the_program_is_a_traceback_and_exit_code_one(site):
    with start(site) as child:
        errors = child.stderr.read()

        assert child.wait() == 1
        assert child.stdout.read() == ""
        assert "request.json" in errors
