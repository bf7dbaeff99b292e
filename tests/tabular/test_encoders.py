"""Encoders: what they keep, what they leave out, and that known values come back."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.tabular.inputs.cells import label_key, moment_text, numbers_of, text_of
from app.tabular.inputs.encoders import Encoders
from app.tabular.inputs.parts import FIRST, MISSING, RARE, Labels, Part, parts_of
from app.tabular.inputs.texts import counted, levelled
from tests.fuzz import examples

COLUMNS = [
    {"id": "n", "name": "size", "datatype": "FLOAT"},
    {"id": "l", "name": "colour", "datatype": "LABEL"},
    {"id": "d", "name": "day", "datatype": "DATE"},
    {"id": "t", "name": "hour", "datatype": "TIME"},
    {"id": "m", "name": "moment", "datatype": "DATETIME"},
    {"id": "x", "name": "words", "datatype": "LANGUAGE"},
    {"id": "e", "name": "nothing", "datatype": "FLOAT"},
]
CELLS = [
    [1.0, 2.5, None, 7],
    ["red", "Red ", "blue", "blue"],
    ["2024-02-29", "2024-03-01", None, "2023-12-31"],
    ["06:30:00", "18:00:00", "23:59:59", None],
    ["2024-02-29T06:30:00", "2024-03-01T00:00:00", "2024-03-02T12:00:00", None],
    ["a good day", "rain again", "", None],
    [None, None, None, None],
]


def fitted():
    return Encoders.fit(COLUMNS, CELLS, text_width=64, is_ranked=True)


def encoded(encoders, **cells):
    rows = len(next(iter(cells.values())))
    return encoders.encode(cells, rows)


def test_a_column_without_values_is_left_out():
    assert [each.column for each in fitted().encoders] == ["n", "l", "d", "t", "m", "x"]


def test_encoders_are_the_same_after_json():
    encoders = fitted()

    again = Encoders.read(json.loads(json.dumps(encoders.plain())))

    assert again.sha256 == encoders.sha256
    cells = {column["id"]: each for column, each in zip(COLUMNS, CELLS, strict=True)}
    one, other = encoders.encode(cells, 4)[0], again.encode(cells, 4)[0]
    for name in ("numbers", "codes", "texts"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_encoders_of_another_version_are_refused():
    with pytest.raises(ValueError, match="another version"):
        Encoders.read({**fitted().plain(), "format_version": 99})


def test_a_date_has_its_parts():
    matrix, _ = encoded(fitted(), d=["2024-02-29"])

    days, month, day, weekday, of_year = matrix.numbers[0, 1:6]
    assert (days, month, day, weekday, of_year) == (19782, 2, 29, 3, 60)


def test_a_time_is_its_hour_and_a_moment_has_both():
    matrix, _ = encoded(fitted(), t=["18:30"], m=["2024-02-29T06:30:00"])

    assert matrix.numbers[0, 6] == 18.5
    assert matrix.numbers[0, 7:].tolist() == [19782, 2, 29, 3, 60, 6.5]


def test_unknown_labels_and_values_out_of_range_are_warned_of_and_cost_no_row():
    matrix, warned = encoded(fitted(), n=[99.0, 2.0, "many", math.inf], l=["green", "BLUE", None, ["red"]])

    assert [(each.row, each.column, each.kind) for each in warned] == [
        (2, "n", "UNREADABLE"),
        (3, "n", "NOT_FINITE"),
        (0, "n", "OUT_OF_RANGE"),
        (0, "l", "UNKNOWN_LABEL"),
        (3, "l", "UNKNOWN_LABEL"),
    ]
    assert all("\n" not in each.message and each.message.endswith(".") for each in warned)
    assert matrix.codes[:, 0].tolist() == [MISSING, FIRST, MISSING, MISSING]
    assert np.isnan(matrix.numbers[2:, 0]).all()


@pytest.mark.parametrize("cell", ["1", 1, 1.0, " 1 ", "1.0"])
def test_a_label_is_known_however_its_number_is_sent(cell):
    labels = Labels.fit(["1", "2", "1"])

    assert labels.code(cell) == labels.code("1") == FIRST


def test_spellings_that_differ_by_case_and_outer_spaces_are_one_label_in_the_usual_spelling():
    labels = Labels.fit(["Ja", "ja", "Ja ", "Nein"])

    assert labels.classes == ("Ja", "Nein")
    assert label_key("JA") == label_key(" ja")


def test_rare_labels_share_a_code_and_are_not_unknown():
    labels = Labels.fit(["a"] * 5 + ["b"] * 5 + ["c"], count_min=2)

    codes, unknown = labels.encode(["a", "c", "d"])

    assert (codes.tolist(), unknown) == ([FIRST, RARE, MISSING], [2])


def test_numbers_near_the_largest_do_not_break_the_scale():
    part = Part.fit(np.array([1e308, -1e308, 0, 1.7e308, np.nan]))

    encoded_ = part.encode(np.array([1e308, -1.7e308, np.nan, 0]))

    assert np.isfinite(encoded_).all()
    assert abs(encoded_).max() <= 3


def test_the_same_value_in_all_rows_says_nothing():
    assert Part.fit(np.full(5, 3.0)).encode(np.array([3.0])).tolist() == [0]


def test_a_huge_text_is_cut():
    assert len(text_of("word " * 1_000_000)) == 20_000


def test_texts_with_the_same_pieces_lie_together():
    one, same, other = counted(["Win a prize now", "win a PRIZE now", "see you at home"], 128)

    assert np.array_equal(one, same)
    assert one @ same > one @ other


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.lists(st.floats(-1e9, 1e9), min_size=3, max_size=30))
def test_numbers_come_back(values):
    numbers = np.array(values)
    part = Part.fit(numbers)

    back = part.decode(part.encode(numbers))

    near = np.abs(numbers - part.median) <= 20 * part.scale
    np.testing.assert_allclose(back[near], numbers[near], atol=part.scale * 1e-3, rtol=1e-3)


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.lists(st.text(max_size=8), min_size=1, max_size=30))
def test_labels_come_back(values):
    labels = Labels.fit(values)

    for value in values:
        key = label_key(value)
        code = labels.code(value)
        assert code is not None
        assert (labels.decode(code) is None) if key is None else (label_key(labels.decode(code)) == key)
    assert labels.encode(values)[1] == []


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.dates().map(str))
def test_dates_come_back(value):
    numbers, wrong = numbers_of([value], "DATE")

    assert wrong == []
    assert moment_text(float(numbers[0]), "DATE") == value


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.datetimes().map(lambda each: each.replace(microsecond=0).isoformat()))
def test_moments_come_back(value):
    numbers, wrong = numbers_of([value], "DATETIME")

    assert wrong == []
    assert moment_text(float(numbers[0]), "DATETIME") == value


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.times().map(lambda each: each.replace(microsecond=0)))
def test_times_come_back(value):
    numbers, wrong = numbers_of([value.isoformat(), value.isoformat("minutes")], "TIME")

    assert wrong == []
    assert moment_text(float(numbers[0]), "TIME") == value.isoformat()
    assert moment_text(float(numbers[1]), "TIME") == value.replace(second=0).isoformat()
    # The hour that is learned from says the time, too.
    assert moment_text(float(parts_of(numbers, "TIME")[0][0]) * 3600, "TIME") == value.isoformat()


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.datetimes().map(lambda each: each.replace(microsecond=0)))
def test_a_moment_comes_back_from_its_parts(value):
    numbers, _ = numbers_of([value.isoformat()], "DATETIME")

    days, month, day, weekday, of_year, hour = (float(part[0]) for part in parts_of(numbers, "DATETIME"))

    assert moment_text(days * 86_400 + hour * 3600, "DATETIME") == value.isoformat()
    assert (month, day, weekday) == (value.month, value.day, value.weekday())
    assert of_year == value.timetuple().tm_yday


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.lists(st.integers(0, 30), min_size=1, max_size=60))
def test_labels_come_back_from_their_places_or_their_row_of_a_table(values):
    encoders = Encoders.fit([COLUMNS[1]], [[f"k{each}" for each in values] * 4], text_width=8, is_ranked=False)
    labels = encoders.labels[0]
    matrix, warned = encoded(encoders, l=[f"K{each} " for each in values] + [None])

    dense = encoders.dense(matrix)

    codes = dense.indexes[:, 0] if encoders.embedded else dense.wide.argmax(1)
    assert [labels.decode(code) for code in codes] == [*(f"k{each}" for each in values), None]
    assert encoders.embedded or dense.wide.sum(1).tolist() == [1] * len(codes)
    assert warned == []


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.lists(st.one_of(st.none(), st.floats(-1e6, 1e6)), min_size=2, max_size=40))
def test_ranks_keep_the_order_and_flags_say_what_is_missing(values):
    encoders = Encoders.fit([COLUMNS[0]], [values], text_width=8, is_ranked=True)
    if not encoders.encoders:
        assert set(values) == {None}
        return
    dense = encoders.dense(encoded(encoders, n=values)[0])

    known = np.array([each is not None for each in values])
    ranks = dense.numbers[known, 1]
    order = np.argsort(np.array([each for each in values if each is not None]), kind="stable")
    assert (np.diff(ranks[order]) >= 0).all()
    assert abs(ranks).max() <= 1
    assert not dense.numbers[~known].any()
    if not known.all():
        assert dense.wide[:, 0].tolist() == (~known).tolist()


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.floats(0, 1), st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20, unique=True))
def test_a_rank_says_the_value_between_those_that_were_seen(place, values):
    part = Part.fit(np.array(values))
    value = min(values) + place * (max(values) - min(values))

    rank = part.rank(np.array([value]))[0]

    back = np.interp(rank, np.linspace(-1, 1, len(part.knots)), part.knots)
    np.testing.assert_allclose(back, value, atol=(max(values) - min(values)) * 1e-5)


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.text(max_size=60))
def test_a_text_is_the_same_in_any_case_and_has_one_length(value):
    counts = counted([value, value.swapcase()], 64)
    one, other = levelled(counts, np.ones(64, np.float32))

    if value.casefold() == value.swapcase().casefold() and len(value) == len(value.swapcase()):
        np.testing.assert_array_equal(one, other)
    assert np.linalg.norm(one) == pytest.approx(2 if counts[0].any() else 0, rel=1e-4)


@pytest.mark.fuzz
@settings(**examples(40))
@given(st.lists(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)), max_size=8))
def test_any_cells_are_encoded(cells):
    for datatype in ("FLOAT", "DATE", "TIME", "DATETIME"):
        numbers, wrong = numbers_of(cells, datatype)
        assert len(numbers) == len(cells)
        assert np.isnan(numbers[wrong]).all()
