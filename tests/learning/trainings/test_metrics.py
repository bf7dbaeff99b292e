"""The figures by which a training is judged, counted by hand."""

import numpy as np
import pytest

from app.learning.trainings.metrics import Confusion, Objects, objects


def test_pixels_are_counted_exactly_and_ignored_ones_not_at_all():
    masks = np.array([[1, 1, 1, 0], [0, 0, 0, 255], [255, 255, 0, 0]], np.uint8)
    found = np.array([[1, 1, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0]], np.bool_)

    counted = Confusion.of(found, masks)

    assert counted == Confusion(true_positives=2, false_positives=1, false_negatives=1, true_negatives=5)
    assert counted.iou == 0.5
    assert counted.precision == pytest.approx(2 / 3)
    assert counted.recall == pytest.approx(2 / 3)
    assert counted.f1 == pytest.approx(2 / 3)
    assert counted.accuracy == pytest.approx(7 / 9)


def test_nothing_found_and_nothing_there_is_zero_not_an_error():
    empty = Confusion.of(np.zeros((2, 2), np.bool_), np.zeros((2, 2), np.uint8))

    assert (empty.iou, empty.precision, empty.recall, empty.f1, empty.accuracy) == (0, 0, 0, 0, 1)


def test_a_building_is_found_when_most_of_the_ground_of_both_is_common():
    real = np.zeros((20, 40), np.int32)
    real[0:10, 0:10], real[0:10, 20:30] = 1, 2
    found = np.zeros((20, 40), np.bool_)
    found[0:10, 3:10] = True
    found[0:10, 20:25] = True
    found[14:20, 30:40] = True

    counted = objects(found, real, np.ones((20, 40), np.bool_))

    # 70 of 100 pixels are enough, exactly half is not, and the third is nowhere near a building.
    assert counted == Objects(predicted=3, real=2, matched=1)
    assert counted.f1 == pytest.approx(2 / 5)


def test_two_houses_taken_for_one_do_not_both_count_as_found():
    real = np.zeros((10, 20), np.int32)
    real[:, :10], real[:, 10:] = 1, 2

    counted = objects(np.ones((10, 20), np.bool_), real, np.ones((10, 20), np.bool_))

    assert counted == Objects(predicted=1, real=2, matched=0)


def test_slivers_and_unknown_ground_do_not_count_as_buildings():
    real = np.zeros((20, 20), np.int32)
    real[0:10, 0:10], real[19, :5], real[12:18, 12:18] = 1, 2, 3
    known = np.ones((20, 20), np.bool_)
    known[12:, 12:] = False

    assert objects(real > 0, real, known) == Objects(predicted=1, real=1, matched=1)
