"""What profiles say of columns: figures that a person can check by hand, and never one that is not finite."""

import math

import orjson
import pytest

from app.formats.tables.columns.profiles import Profile
from app.tabular.datatypes import Datatype


def profile(datatype, *values):
    found = Profile(Datatype(datatype))
    for start in range(0, len(values), 3):
        found.take(values[start : start + 3])
    return found.figures()


def test_numbers_have_moments_quantiles_a_histogram_and_a_mode():
    found = profile("FLOAT", 1.0, 2.0, 2.0, 3.0, None, 12.0)
    assert (found["missing"], found["distinct"], found["top"][0]) == (1, 4, [2.0, 2])
    assert found["missing_percentage"] == pytest.approx(100 / 6)
    assert (found["min"], found["max"], found["mean"], found["median"], found["mode"]) == (1.0, 12.0, 4.0, 2.0, 2.0)
    assert found["std"] == pytest.approx(4.527692569)
    assert found["sem"] == pytest.approx(4.527692569 / math.sqrt(5))
    assert found["skewness"] == pytest.approx(1.4093, abs=1e-3)
    assert (found["quantile02"], found["quantile08"]) == (pytest.approx(1.8), pytest.approx(4.8))
    assert (found["frequent"], sum(found["histogram"]["counts"]), len(found["histogram"]["edges"])) == (4, 5, 21)


def test_dates_are_seconds_times_are_seconds_of_the_day_and_texts_are_lengths():
    assert profile("DATE", "1970-01-02", "1970-01-04")["mean"] == 2 * 86_400
    assert profile("DATETIME", "1970-01-01T00:01:00")["max"] == 60
    assert profile("TIME", "00:00:10", "01:00:00")["min"] == 10
    assert profile("LABEL", "ab", "abcd")["mean"] == 3
    assert profile("JSON", {"a": 1}, [1, 2, 3], {"a": 1})["distinct"] == 2


def test_texts_have_kinds_of_characters_and_languages():
    found = profile("LANGUAGE", "The cat is on the mat and it is black", "The dog is in the house with the cat", None)
    assert found["languages"]["en"] == 1.0
    assert (found["top"], found["frequent"]) == ([], None)
    assert found["text"]["space"] == pytest.approx(17 / 73, abs=0.02)
    assert profile("LABEL", "AB_1")["text"] == {
        "uppercase": 0.5,
        "lowercase": 0,
        "digit": 0.25,
        "punctuation": 0,
        "operators": 0,
        "underscore": 0.25,
        "space": 0,
    }


@pytest.mark.parametrize(
    "values", [[], [None, None], [1e308, -1e308, 1e308], [5e-324, 0.0], [1.0], [1.0, 1.0 + 2**-52], [-0.0, 0.0]]
)
def test_every_figure_is_finite(values):
    found = profile("FLOAT", *values)
    assert b"null" not in orjson.dumps([each for each in found.values() if isinstance(each, float)])
    assert all(math.isfinite(each) for each in found.values() if isinstance(each, float))
