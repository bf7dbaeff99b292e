"""Four classes: what is a border, what is contact, and that they are learned."""

import numpy as np
import pytest
import shapely

from app.geometry.tiles import PIXELS
from app.learning import ramp
from app.learning.engine import TrainingRequest
from app.learning.imagery.chips import BACKGROUND, BOUNDARY, BUILDING, CONTACT, IGNORE, part, read_chips
from app.learning.imagery.multimasks import with_classes
from app.learning.networks import checkpoint
from app.settings import settings


def classes(site, *houses, spacing=8, width=3):
    """The first tile's mask of four classes."""
    site.houses = list(houses)
    chips = read_chips(site.write().folder, (19,), (0.0, 0.0), lambda: False)
    return with_classes(chips, chips.masks, contact_spacing=spacing, boundary_width=width)[0]


def test_a_border_is_the_rim_within_a_footprint(site):
    mask = classes(site, (20, 30, 90, 100))

    assert (mask[33:97, 23:87] == BUILDING).all()
    assert np.count_nonzero(mask == BUILDING) == 64 * 64
    assert np.count_nonzero(mask == BOUNDARY) == 70 * 70 - 64 * 64
    assert not (mask == CONTACT).any()


@pytest.mark.parametrize("width", [0, 1, 10])
def test_a_border_is_as_wide_as_it_is_asked_to_be(site, width):
    mask = classes(site, (20, 30, 90, 100), width=width)

    assert np.count_nonzero(mask == BUILDING) == (70 - 2 * width) ** 2


def test_ground_near_two_buildings_is_contact_and_near_one_is_not(site):
    mask = classes(site, (20, 30, 90, 100), (96, 30, 160, 100), spacing=8)

    assert (mask[40:90, 90:96] == CONTACT).all()
    assert (mask[40:90, 10:20] == BACKGROUND).all()
    assert not (classes(site, (20, 30, 90, 100), (96, 30, 160, 100), spacing=0) == CONTACT).any()
    assert not (classes(site, (20, 30, 90, 100), (110, 30, 160, 100), spacing=8) == CONTACT).any()


def test_buildings_that_share_a_wall_have_a_border_on_both_sides(site):
    mask = classes(site, (20, 30, 90, 100), (90, 30, 160, 100))

    assert (mask[40:90, 87:93] == BOUNDARY).all()
    assert (mask[40:90, 80:87] == BUILDING).all()


def test_a_building_over_a_seam_has_no_border_there(site):
    mask = classes(site, (200, 30, 300, 100))

    assert (mask[40:90, 250:256] == BUILDING).all()


def test_what_is_not_known_stays_unknown(site):
    site.houses = [(20, 30, 90, 100), (96, 30, 160, 100)]
    site.write().write_shapes("aois.geojson", site.box(0, 0, 93, 200))
    chips = read_chips(site.folder, (19,), (0.0, 0.0), lambda: False)

    mask = with_classes(chips, chips.masks, contact_spacing=8, boundary_width=3)[0]

    assert (mask[:, 93:] == IGNORE).all()
    assert (mask[40:90, 90:93] == CONTACT).all()


def test_a_network_of_four_classes_learns_and_is_judged_like_one_of_two(site, monkeypatch):
    monkeypatch.setattr(settings, "training_views_per_epoch_min", 16)
    monkeypatch.setattr(ramp, "SMALL_LEARNING_RATE", 1e-2)
    site.write()
    request = TrainingRequest(zoom_level=(19,), epochs=4, batch_size=2, multimasks=True, seed=1)

    result = ramp.train(site.folder, request, lambda *_, **__: None, lambda: False)

    assert result["accuracy"] > 50
    network = checkpoint.load(site.folder / "checkpoint.safetensors")
    assert network.classes == 4
    chips = read_chips(site.folder, (19,), (0.0, 0.0), lambda: False)
    assert np.asarray(network(chips.images)).shape == (4, PIXELS, PIXELS)
    assert np.asarray(network.logits(chips.images)).shape == (4, PIXELS, PIXELS, 4)


def test_no_ground_of_the_other_side_gets_a_class(site):
    chips = read_chips(site.write().folder, (19,), (0.0, 0.0), lambda: False)
    sides = part(chips)

    mask = with_classes(chips, sides.training, contact_spacing=20, boundary_width=10)

    assert np.array_equal(mask == IGNORE, sides.training == IGNORE)
    assert shapely.get_num_geometries(chips.footprints.geometries).sum() == len(site.houses)
