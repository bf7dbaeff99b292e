"""Cells that a spreadsheet would take for a formula are made harmless, and come back as they were."""

import csv
from io import StringIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.formats.harmless import as_it_was, harmless, harmless_line, line
from tests.fuzz import examples

TEXTS = st.text(st.sampled_from("'=+-@\t\r,\"\nab1.eé "), max_size=8)


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "'=1", "''-x", "-", "-.", "+1e", "=", "-1e5x"],
)
def test_what_begins_like_a_formula_gets_an_apostrophe(text):
    assert harmless(text) == f"'{text}"
    assert as_it_was(harmless(text)) == text


@pytest.mark.parametrize("value", ["", "a=1", "-3.5", "-3,5", "+1", "-1e-5", "1", "'quoted'", "'", -3.5, None, 0, True])
def test_numbers_and_other_texts_stay(value):
    assert harmless(value) == value


@given(TEXTS)
@settings(**examples(200))
def test_every_text_comes_back_and_none_begins_like_a_formula(text):
    kept = harmless(text)
    assert as_it_was(kept) == text
    assert kept[:1] not in {*"=@\t\r"}


@given(st.lists(TEXTS, min_size=1, max_size=5))
@settings(**examples(200))
def test_a_line_that_something_else_wrote_says_the_same(cells):
    written = StringIO()
    csv.writer(written, lineterminator="\r\n").writerow(cells)
    made = harmless_line(written.getvalue().removesuffix("\r\n").encode() + b"\n").decode()
    assert list(csv.reader(StringIO(made, newline=""))) == list(csv.reader(StringIO(line(cells), newline="")))
