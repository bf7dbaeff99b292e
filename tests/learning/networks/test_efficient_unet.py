"""The pretrained network: what it is made of, what of it moves, and what it makes of real weights."""

import io
import json

import equinox as eqx
import jax
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file
from shapely import box, union_all
from shapely.geometry import mapping, shape

from app.base_models import encoder_of
from app.gateways.fakes import village
from app.geometry.tiles import PIXELS, Tile, covering
from app.learning import ramp
from app.learning.engine import PredictionRequest, TrainingRequest
from app.learning.imagery.augmentation import ENLARGED, Views
from app.learning.imagery.chips import IGNORE
from app.learning.networks import checkpoint
from app.learning.networks.efficient_unet import FIXED_BLOCKS, EfficientUNet
from app.learning.networks.pretrained import Tensors
from app.settings import settings
from app.weights import EFFICIENTNET_LITE0

FIRST = covering(village.TRAINING_AREAS[2].centroid, 19)[0]


@pytest.fixture(scope="module")
def network():
    return EfficientUNet.pretrained(Tensors.read(EFFICIENTNET_LITE0.path), np.random.default_rng(0))


def quiet(*_, **__):
    """A report that nobody reads."""


def test_the_encoder_sees_at_five_sizes_what_the_published_network_sees(network):
    seen = eqx.filter_eval_shape(network.trunk.taps, np.zeros((1, 64, 96, 3), np.float32))
    assert [(tap.shape[1:]) for tap in seen] == [
        (32, 48, 16),
        (16, 24, 24),
        (8, 12, 40),
        (4, 6, 112),
        (2, 3, 320),
    ]
    assert sum(leaf.size for leaf in jax.tree.leaves(network.trunk)) == pytest.approx(2_940_000, rel=0.01)


def test_it_answers_on_the_pixels_of_the_imagery(network):
    images = np.zeros((2, 48, 32, 3), np.uint8)
    assert eqx.filter_eval_shape(network, images).shape == (2, 48, 32)
    assert eqx.filter_eval_shape(network.logits, np.zeros((2, 96, 64, 3), np.float32)).shape == (2, 48, 32, 4)


@eqx.filter_jit  # as one program: each operation by itself would be compiled by itself
def opinion(network, pixels):
    """How much the values of its decoder spread, level by level, and what its head makes of the last."""
    _, *seen, x = network.trunk.taps(pixels)
    spreads = []
    for up, level in zip(network.ups, reversed(seen), strict=True):
        spreads.append(up.skip(level).std())
        x = up(x, level)
        spreads.append(x.std())
    return spreads, network.head(x)


def test_it_begins_without_an_opinion_and_its_decoder_with_values_of_about_one(network):
    pixels = np.asarray(Image.open(io.BytesIO(village.tile_png(FIRST))).convert("RGB"), np.float32)
    spreads, seen = opinion(network, pixels[None])
    assert all(0.3 < float(spread) < 3 for spread in spreads)
    assert not np.asarray(seen).any()


def test_a_checkpoint_gives_back_the_same_network(network, tmp_path):
    checkpoint.save(network, tmp_path / "checkpoint.safetensors", {"base_model": "RAMP"})
    again = checkpoint.load(tmp_path / "checkpoint.safetensors")
    assert isinstance(again, EfficientUNet)
    assert bool(eqx.tree_equal(*(jax.tree.map(np.asarray, tree) for tree in (network, again))))


def test_a_frozen_encoder_stays_and_else_all_of_it_moves_but_its_first_blocks_and_depthwise_kernels(network):
    frozen, free = (network.rates(freezes_encoder=freezes) for freezes in (True, False))
    assert not any(jax.tree.leaves(frozen.trunk))
    assert all(share == 1 for share in jax.tree.leaves((frozen.ups, frozen.head, free.ups, free.head)))
    for number, block in enumerate(free.trunk.blocks):
        assert not any(jax.tree.leaves(block.depthwise))
        moves = number >= FIXED_BLOCKS
        assert all(share == (0.2 if moves else 0) for share in jax.tree.leaves((block.expand, block.project)))
    assert not any(jax.tree.leaves(free.trunk.stem))


def test_enlarged_views_show_the_imagery_twice_as_fine_as_their_masks():
    tile = Tile(19, 300_000, 200_000)
    mask = np.zeros((PIXELS, PIXELS), np.uint8)
    mask[60:200, 50:180] = 1
    image = np.where(mask[..., None] == 1, 230, 20).astype(np.uint8).repeat(3, 2)
    views = Views([tile], image[None], mask[None], np.random.default_rng(3), ENLARGED)
    images, masks = views.batch([tile] * 8)
    assert (images.shape, masks.shape) == ((8, 384, 384, 3), (8, 192, 192))
    fine = images[:, ::2, ::2, 0]
    known = masks != IGNORE
    assert 0.2 < known.mean() < 1
    assert (((fine > 127) == masks) | ~known).mean() > 0.97


@pytest.mark.parametrize(
    ("base_model", "is_wanted", "path"),
    [("RAMP", True, EFFICIENTNET_LITE0.path), ("RAMP", False, None), ("YOLO_V8_V1", True, None)],
)
def test_only_trainings_of_ramp_begin_with_the_encoder_and_only_if_wanted(base_model, is_wanted, path, monkeypatch):
    monkeypatch.setattr(settings, "training_pretrained", is_wanted)
    assert encoder_of(base_model) == path


def test_without_its_weights_a_machine_trains_the_small_network(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "weights_folder", tmp_path)
    assert encoder_of("RAMP") is None


@pytest.fixture
def hamlet(tmp_path):
    """A few tiles of the village in a folder, with their houses."""
    tiles = [Tile(19, FIRST.x + column, FIRST.y + row) for row in range(2) for column in range(3)]
    area = union_all([box(*tile.bounds) for tile in tiles])
    houses = [house.geometry for house in village.footprints(area.bounds) if house.geometry.intersects(area)]
    for name, shapes in (("aois", [area]), ("area", [area]), ("labels", houses)):
        features = [{"type": "Feature", "properties": {}, "geometry": mapping(each)} for each in shapes]
        (tmp_path / f"{name}.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    for tile in tiles:
        path = tmp_path / f"tiles/19/{tile.x}/{tile.y}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(village.tile_png(tile))
    return tmp_path, houses


def test_on_the_village_it_is_fine_tuned_twice_to_the_same_weights_and_finds_houses(hamlet, monkeypatch):
    folder, houses = hamlet
    monkeypatch.setattr(settings, "training_views_per_epoch_min", 12)
    monkeypatch.setattr(settings, "prediction_views", 2)
    monkeypatch.setattr(ramp, "LEARNING_RATE", 5e-3)
    request = TrainingRequest(
        zoom_level=(19,), epochs=2, batch_size=1, freeze_layers=True, encoder=str(EFFICIENTNET_LITE0.path)
    )
    weights = []
    for _ in range(2):
        result = ramp.train(folder, request, quiet, lambda: False)
        weights.append(load_file(folder / "checkpoint.safetensors"))
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])
    assert result["accuracy"] > 40
    assert 45 <= result["suggested_confidence"] <= 55
    asked = PredictionRequest(zoom_level=19, confidence=result["suggested_confidence"])
    ramp.predict(folder, asked, quiet, lambda: False)
    document = json.loads((folder / "predictions.geojson").read_text())
    outlines = union_all([shape(feature["geometry"]) for feature in document["features"]])
    truth = union_all(houses) & shape(json.loads((folder / "area.geojson").read_text())["features"][0]["geometry"])
    assert (outlines & truth).area > 0.5 * (outlines | truth).area
