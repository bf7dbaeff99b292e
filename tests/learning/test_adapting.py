"""Adapting learns from what the network is sure of, and tells both answers."""

import json

import pytest

from app.learning import ramp
from app.learning.engine import PredictionRequest, TrainingRequest
from app.learning.networks import checkpoint
from app.settings import settings


def quiet(*_, **__):
    """A report that nobody reads."""


@pytest.fixture(scope="module")
def taught(new_site, tmp_path_factory):
    """A site with a small network that knows its houses."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "training_views_per_epoch_min", 16)
        patch.setattr(ramp, "SMALL_LEARNING_RATE", 1e-2)
        site = new_site(tmp_path_factory.mktemp("taught")).write()
        request = TrainingRequest(zoom_level=(19,), epochs=2, batch_size=1, seed=1)
        ramp.train(site.folder, request, quiet, lambda: False)
        yield site


def test_both_answers_are_told_and_the_weights_stay(taught):
    path = taught.folder / "checkpoint.safetensors"
    before = path.read_bytes()
    said = []

    def report(stage, progress, message, **_):
        said.append(progress)

    request = PredictionRequest(zoom_level=19, adapt=True)
    result = ramp.predict(taught.folder, request, report, lambda: False)

    plain, adapted = (
        json.loads((taught.folder / f"{name}.geojson").read_text())["features"] for name in ("predictions", "adapted")
    )
    assert result["adaptation"] == {
        "features": len(adapted),
        "plain_features": len(plain),
        "agreement": pytest.approx(1, abs=0.5),
    }
    assert result["count"] == len(plain) > 0
    assert path.read_bytes() == before
    assert said == sorted(said)
    without = ramp.predict(taught.folder, PredictionRequest(zoom_level=19), quiet, lambda: False)
    assert without["count"] == len(plain)


def test_where_nothing_is_found_there_is_nothing_to_adapt_to(taught):
    request = PredictionRequest(zoom_level=19, adapt=True, area_m2_min=1e9)
    result = ramp.predict(taught.folder, request, quiet, lambda: False)
    assert result["adaptation"] == {"features": 0, "plain_features": 0, "agreement": 1.0}
    assert checkpoint.facts(taught.folder / "checkpoint.safetensors")["base_model"] == "RAMP"
