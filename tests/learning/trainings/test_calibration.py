"""Calibrated odds are as often right as they say, and the suggested confidence is where most is right."""

import numpy as np
import pytest

from app.learning.imagery.chips import BUILDING, IGNORE
from app.learning.trainings.calibration import Calibration, suggested


def drawn_from(odds, random):
    """Masks that are right as often as the odds say."""
    return (random.random(odds.shape) < odds).astype(np.uint8) * BUILDING


def of_network(tiles, random):
    """Odds that are too sure and too low, the calibration that would mend them, and what there is."""
    odds = (1 / (1 + np.exp(-random.normal(0, 2, (tiles, 256, 256))))).astype(np.float32)
    true = Calibration(slope=0.6, offset=0.8)
    return odds, true, drawn_from(true(odds), random)


def test_odds_that_are_too_sure_become_as_sure_as_they_are_right():
    odds, true, masks = of_network(60, np.random.default_rng(0))
    fitted = Calibration.fitted(odds, masks)
    assert fitted.slope == pytest.approx(true.slope, abs=0.05)
    assert fitted.offset == pytest.approx(true.offset, abs=0.12)
    assert np.abs(fitted(odds) - true(odds)).max() < 0.03


def test_what_three_tiles_say_moves_odds_less_than_half_as_far():
    odds, true, masks = of_network(3, np.random.default_rng(0))
    fitted = Calibration.fitted(odds, masks)
    assert 0 < fitted.offset < true.offset / 2
    assert true.slope < fitted.slope < 1


def test_right_odds_stay_and_unknown_ground_says_nothing():
    random = np.random.default_rng(1)
    odds = random.uniform(0.02, 0.98, (2, 128, 128)).astype(np.float32)
    masks = drawn_from(odds, random)
    masks[1] = IGNORE
    fitted = Calibration.fitted(odds, masks)
    assert (fitted.slope, fitted.offset) == (pytest.approx(1, abs=0.06), pytest.approx(0, abs=0.06))
    assert Calibration.fitted(odds[1:], masks[1:]) == Calibration()


def test_a_few_pixels_move_odds_only_so_far():
    odds = np.full((1, 8, 8), 0.1, np.float32)
    fitted = Calibration.fitted(odds, np.full((1, 8, 8), BUILDING, np.uint8))
    assert 0.1 < float(fitted(odds)[0, 0, 0]) < 0.5
    many = np.full((1, 300, 300), 0.1, np.float32)
    assert Calibration.fitted(many, np.full(many.shape, BUILDING, np.uint8)).offset <= 1.5


def test_the_suggested_confidence_is_where_most_is_right_and_the_middle_where_all_are_alike():
    masks = np.zeros((1, 20, 20), np.uint8)
    masks[0, :10] = BUILDING
    odds = np.where(masks == BUILDING, 0.42, 0.33)

    def found(threshold):
        return (odds >= threshold).astype(np.int32)

    assert suggested(found, masks, lambda _: 0.0, range(30, 65, 5)) in {35, 40}
    assert suggested(lambda _: masks.astype(np.int32), masks, lambda _: 1.0) == 50
