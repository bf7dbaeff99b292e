"""Views turn, mirror, scale and shift picture and truth alike."""

import numpy as np
import pytest

from app.geometry.tiles import PIXELS
from app.learning.imagery.augmentation import ENLARGED, Views
from app.learning.imagery.chips import BUILDING, IGNORE, read_chips
from app.learning.imagery.mosaic import GREY
from app.settings import settings


@pytest.fixture
def seen(site):
    chips = read_chips(site.write().folder, (19,), (0.0, 0.0), lambda: False)
    return Views(chips.tiles, chips.images, chips.masks, np.random.default_rng(0))


def test_the_truth_turns_with_the_picture(seen):
    images, masks = seen.batch(seen.centres * 4)

    bright, known = images.mean(3) > 150, masks != IGNORE
    agreeing = (bright == (masks == BUILDING))[known]
    assert agreeing.mean() > 0.98
    assert len({mask.tobytes() for mask in masks}) == 16


def test_beyond_the_imagery_there_is_grey_ground_that_does_not_count(seen):
    images, masks = seen.batch(seen.centres * 4)

    assert (masks == IGNORE).any()
    beyond = np.abs(images[masks == IGNORE].astype(int) - GREY).max(1)
    assert (beyond == 0).mean() > 0.98


def test_few_chips_are_visited_several_times_an_epoch(seen):
    batches = seen.batches(8)

    visits = [tile for batch in batches for tile in batch]
    assert len(batches) == seen.batches_length(8) == settings.training_views_per_epoch_min // 8
    assert {visits.count(tile) for tile in seen.centres} == {settings.training_views_per_epoch_min // 4}


@pytest.mark.parametrize("size", [4, 8])
def test_a_network_that_knows_pictures_takes_few_steps_of_few_chips(seen, size):
    seen.viewing = ENLARGED

    assert len(seen.centres) < 4 * ENLARGED.steps_min
    assert [len(batch) for batch in seen.batches(size)] == [size] * ENLARGED.steps_min


def test_many_chips_are_visited_at_most_once_and_not_all(seen):
    seen.centres = [tile._replace(x=tile.x + 10 * step) for step in range(1_000) for tile in seen.centres]

    visits = [tile for batch in seen.batches(8) for tile in batch]

    assert len(visits) == settings.training_views_per_epoch_max == len(set(visits))


def test_chips_without_labelled_ground_are_surroundings_only(site):
    chips = read_chips(site.write().folder, (19,), (0.0, 0.0), lambda: False)
    masks = chips.masks.copy()
    masks[1:] = IGNORE

    limited = Views(chips.tiles, chips.images, masks, np.random.default_rng(0))

    assert limited.centres == chips.tiles[:1]
    assert limited.batch(limited.centres)[0].shape == (1, PIXELS, PIXELS, 3)
