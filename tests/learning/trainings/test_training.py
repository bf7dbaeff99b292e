"""The network really learns, twice the same, and only where it may."""

import equinox as eqx
import jax
import numpy as np
import pytest

from app.learning.engine import Cancelled, Failure, TrainingRequest
from app.learning.imagery.augmentation import Views
from app.learning.imagery.chips import part, read_chips
from app.learning.networks import checkpoint
from app.learning.networks.unet import UNet
from app.learning.trainings import fitting
from app.learning.trainings.resuming import Keeper
from app.settings import settings

WIDTHS = (8, 16)


@pytest.fixture
def small_epochs(monkeypatch):
    """Of two steps each."""
    monkeypatch.setattr(settings, "training_views_per_epoch_min", 8)


@pytest.fixture
def fit(site, small_epochs, tmp_path):
    """Train on the site; what is asked and answered."""
    chips = read_chips(site.write().folder, (19,), (0.0, 0.0), lambda: False)
    sides, request = part(chips), TrainingRequest(zoom_level=(19,))

    def fitted(
        network=None,
        *,
        epochs=1,
        frozen_levels=0,
        learning_rate=2e-3,
        report=lambda *_, **__: None,
        cancelled=lambda: False,
    ):
        network = network or UNet(np.random.default_rng(1), WIDTHS)
        return fitting.fit(
            network,
            Views(chips.tiles, chips.images, sides.training, np.random.default_rng(1)),
            (chips.images, sides.validation),
            fitting.FitOptions(network.rates(frozen_levels=frozen_levels), learning_rate, average_decay=0.98),
            epochs=epochs,
            batch_size=4,
            seed=1,
            report=report,
            cancelled=cancelled,
            keeper=Keeper(tmp_path, request),
            ground=sides.parting.written(),
        )

    return fitted


def same(one, other):
    """Whether two networks, or parts of them, have equal weights."""
    return bool(eqx.tree_equal(*(jax.tree.map(np.asarray, tree) for tree in (one, other))))


def test_it_learns_what_a_house_looks_like(fit, monkeypatch):
    monkeypatch.setattr(settings, "training_views_per_epoch_min", 16)
    said = []

    fitted = fit(epochs=8, learning_rate=1e-2, report=lambda *line, **more: said.append((line, more)))

    assert max(epoch.validation_iou for epoch in fitted.epochs) > 0.7
    assert fitted.epochs[-1].loss < fitted.epochs[0].loss / 2
    assert fitted.best_epoch == 1 + int(np.argmax([epoch.validation_iou for epoch in fitted.epochs]))
    assert [more["epoch"].number for _, more in said if more.get("epoch")] == list(range(1, 9))
    assert [line[1] for line, _ in said] == sorted(line[1] for line, _ in said)


def test_the_same_seed_gives_the_same_weights(fit):
    first, second = fit(), fit()

    assert same(first.weights, second.weights)
    assert [epoch.loss for epoch in first.epochs] == [epoch.loss for epoch in second.epochs]


def test_frozen_levels_stay_as_they_were_and_the_others_do_not(fit):
    before = UNet(np.random.default_rng(1), WIDTHS)

    after = fit(frozen_levels=1).weights

    assert same(before.downs[:1], after.downs[:1])
    assert not same(before.downs[1:], after.downs[1:])
    assert not same(before.head, after.head)


def test_it_stops_early_when_it_no_longer_gets_better(fit, monkeypatch):
    monkeypatch.setattr(fitting, "PATIENCE_EPOCHS", 2)

    fitted = fit(epochs=40, learning_rate=0.0)

    assert fitted.best_epoch == 1
    assert len(fitted.epochs) == 3


def test_a_cancelled_training_stops_before_its_next_step(fit):
    asked = []

    def cancelled():
        asked.append(True)
        return len(asked) > 2

    with pytest.raises(Cancelled):
        fit(epochs=2, cancelled=cancelled)

    assert len(asked) == 3


def test_one_that_was_interrupted_goes_on_where_it_stood(fit, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "training_checkpoint_s", 0)
    ended, said = [], []

    def until_two(*_, epoch=None, **__):
        ended.extend([epoch] if epoch else [])

    with pytest.raises(Cancelled):
        fit(epochs=4, report=until_two, cancelled=lambda: len(ended) == 2)
    fitted = fit(epochs=4, report=lambda *line, **more: said.append((line, more)))

    assert said[0][0] == ("training", 0.5, "Continuing after epoch 2 of 4")
    assert [more["epoch"].number for _, more in said if more.get("epoch")] == [3, 4]
    assert fitted.epochs[:2] == ended
    (tmp_path / "resume.safetensors").unlink()
    monkeypatch.setattr(settings, "training_checkpoint_s", 3_600)
    whole = fit(epochs=4)
    assert [epoch.loss for epoch in fitted.epochs] == pytest.approx([epoch.loss for epoch in whole.epochs], rel=1e-3)
    assert not (tmp_path / "resume.safetensors").exists()


@pytest.mark.parametrize("kept", [b"", b"no checkpoint"], ids=["nothing", "something else"])
def test_what_cannot_be_gone_on_from_is_begun_anew(kept, fit, tmp_path):
    (tmp_path / "resume.safetensors").write_bytes(kept)
    assert [epoch.number for epoch in fit().epochs] == [1]


def test_where_another_training_stood_is_of_no_use(fit, monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "training_checkpoint_s", 0)
    fit()
    assert Keeper(tmp_path, TrainingRequest(zoom_level=(19,))).standing() is not None
    assert Keeper(tmp_path, TrainingRequest(zoom_level=(19,), seed=7)).standing() is None


def test_weights_that_are_no_numbers_fail_in_words(fit):
    broken = jax.tree.map(lambda leaf: leaf * np.nan, UNet(np.random.default_rng(1), WIDTHS))

    with pytest.raises(Failure, match="diverged"):
        fit(broken)


def test_a_checkpoint_gives_back_the_same_network(tmp_path):
    network = UNet(np.random.default_rng(5))
    path = tmp_path / "checkpoint.safetensors"

    checkpoint.save(network, path, {"base_model": "RAMP"})

    assert same(network, checkpoint.load(path))


def test_foreign_weights_are_refused_in_words(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"not weights")
    with pytest.raises(Failure, match="cannot be read"):
        checkpoint.load(path)

    checkpoint.save(UNet(np.random.default_rng(5), WIDTHS), path, {})
    with pytest.raises(Failure, match="another kind of network"):
        checkpoint.load(path)
