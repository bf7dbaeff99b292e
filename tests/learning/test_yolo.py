"""YOLOv8 learns, leaves the same as RAMP does, and finds what it learned. Runs where the extra `yolo` is installed."""

import json

import numpy as np
import pytest

from app.learning.engine import Failure, PredictionRequest, TrainingRequest, load
from app.settings import settings

pytestmark = [pytest.mark.yolo, pytest.mark.filterwarnings("default")]
BASE_MODELS = ["YOLO_V8_V1", "YOLO_V8_V2"]


@pytest.fixture
def small_epochs(monkeypatch):
    monkeypatch.setattr(settings, "training_views_per_epoch_min", 16)


def trained(site, base_model, *, epochs=1, said=None, **options):
    request = TrainingRequest(zoom_level=(19,), base_model=base_model, epochs=epochs, batch_size=4, seed=1, **options)
    report = (lambda *line, **more: said.append((line, more))) if said is not None else lambda *_, **__: None
    return load(base_model).train(site.folder, request, report, lambda: False)


@pytest.mark.parametrize("base_model", BASE_MODELS)
def test_a_training_leaves_figures_weights_and_a_curve(site, small_epochs, base_model):
    said = []

    result = trained(site.write(), base_model, epochs=2, said=said)

    assert 0 <= result["accuracy"] <= 100
    assert {"pixel_accuracy", "precision", "recall", "f1", "object_f1"} <= set(result)
    assert all((site.folder / name).exists() for name in result["artefacts"])
    curve = json.loads((site.folder / "training_curve.json").read_bytes())
    assert [epoch["number"] for epoch in curve["epochs"]] == [1, 2]
    assert [more["epoch"].number for _, more in said if more.get("epoch")] == [1, 2]


def test_it_learns(site, small_epochs):
    said = []

    trained(site.write(), "YOLO_V8_V1", epochs=6, said=said)

    losses = [more["epoch"].loss for _, more in said if more.get("epoch")]
    assert losses[-1] < 0.8 * losses[0]


def test_where_nothing_is_found_the_accuracy_is_zero(site, small_epochs):
    result = trained(site.write(), "YOLO_V8_V1", epochs=1)

    # One epoch from random weights: sure of nothing.
    assert [result[name] for name in ("accuracy", "precision", "recall", "f1", "object_f1")] == [0.0] * 5


@pytest.mark.parametrize("base_model", BASE_MODELS)
def test_it_predicts_with_the_weights_it_left(site, small_epochs, base_model):
    trained(site.write(), base_model)

    request = PredictionRequest(19, base_model=base_model, confidence=1)
    result = load(base_model).predict(site.folder, request, lambda *_, **__: None, lambda: False)

    found = json.loads((site.folder / "predictions.geojson").read_bytes())["features"]
    assert result["count"] == len(found)


def test_it_continues_from_weights_and_frozen_layers_stay(site, small_epochs):
    from safetensors.numpy import load_file  # noqa: PLC0415 -- with the extra

    trained(site.write(), "YOLO_V8_V1")
    (site.folder / "checkpoint.safetensors").rename(site.folder / "initial.safetensors")
    trained(site, "YOLO_V8_V1", freeze_layers=True)

    before, after = (load_file(site.folder / f"{name}.safetensors") for name in ("initial", "checkpoint"))
    assert np.array_equal(before["model.0.conv.weight"], after["model.0.conv.weight"])
    last = [name for name in after if name.startswith("model.22") and name.endswith("conv.weight")]
    assert not all(np.array_equal(before[name], after[name]) for name in last)


def test_weights_of_the_other_one_are_refused_in_words(site, small_epochs):
    trained(site.write(), "YOLO_V8_V1")

    with pytest.raises(Failure, match="another kind of network"):
        load("YOLO_V8_V2").predict(
            site.folder, PredictionRequest(19, base_model="YOLO_V8_V2"), lambda *_, **__: None, lambda: False
        )
