"""What is cheap to check is checked before a parser meets it."""

import zipfile
from base64 import urlsafe_b64encode
from io import BytesIO
from unittest.mock import Mock

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import BadRequest, Unfit, Unreadable
from app.events.positions import Position
from app.geometry.shapes import from_geojson
from app.models.mapping.datasets import Dataset
from app.pagination import place
from app.parsing import bounds
from app.parsing.bounds import JsonBounds, check_json, members, unpacked
from app.services.social.posts.search import Mark
from resolvers.mapping.datasets import NamedOrder
from tests.fuzz import examples

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=9), inner, max_size=5),
    max_leaves=30,
)


@pytest.mark.fuzz
@settings(**examples(200))
@given(value=VALUES, piece=st.integers(1, 40))
def test_json_within_bounds_passes_however_it_is_cut(value, piece):
    content = orjson.dumps(value)
    bounds = JsonBounds()
    for start in range(0, len(content), piece):
        bounds.check(content[start : start + piece])


@pytest.mark.fuzz
@settings(**examples(100))
@given(depth=st.integers(1, 130), piece=st.integers(1, 40), text=st.text(max_size=9), is_list=st.booleans())
def test_json_is_as_deep_as_its_brackets_are_nested(depth, piece, text, is_list):
    value = text
    for _ in range(depth):
        value = [value] if is_list else {text: value}
    content = orjson.dumps(value)
    bounds = JsonBounds()
    refused = 0
    for start in range(0, len(content), piece):
        try:
            bounds.check(content[start : start + piece])
        except Unreadable:
            refused = 1
            break
    assert refused == (depth > 64)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"[" * 65, "This is nested more than 64 levels deep."),
        (b'["' + b"x" * 1_048_577 + b'"]', "A string in it is longer than 1,048,576 bytes."),
        (b"[" + b"1" * 1_001 + b"]", "A number in it has more than 1,000 digits."),
        (b'{"features":[[' + b"1," * 5_000_000 + b"1]]}", "One item in it takes more than 8 MiB."),
        (b"[1]]", "This is not JSON: its brackets do not match."),
    ],
    ids=["depth", "text", "number", "item", "brackets"],
)
def test_json_beyond_a_bound_is_refused(content, reason):
    with pytest.raises(Unreadable) as refused:
        check_json(content)
    assert str(refused.value) == reason


def packed(*files):
    with zipfile.ZipFile(file := BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return zipfile.ZipFile(file)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([("../a", b"")], "leads out of it"),
        ([("a/../../b", b"")], "leads out of it"),
        ([("/etc/passwd", b"")], "leads out of it"),
        ([("C:/a", b"")], "leads out of it"),
        ([("a\nb", b"")], "leads out of it"),
        ([("a", b"1"), ("a", b"2")], "have the same name"),
        ([(f"{number}", b"") for number in range(1_001)], "this has 1,001"),
        ([("a", bytes(1_000_000))], "compressed more than 200-fold"),
    ],
    ids=range(8),
)
def test_an_archive_beyond_a_bound_is_refused(files, reason):
    with packed(*files) as archive, pytest.raises(Unreadable, match=reason):
        members(archive)


def test_a_plain_archive_passes_and_is_counted_while_it_is_unpacked():
    with packed(("folder/", b""), ("folder/a.csv", b"1,2,3"), ("b.csv", b"x" * 100)) as archive:
        first, second = members(archive)
        assert b"".join(unpacked(archive, first, bytes_max=5)) == b"1,2,3"
        with pytest.raises(Unreadable, match="unpacks to more than 99 bytes"):
            list(unpacked(archive, second, bytes_max=99))


@pytest.mark.parametrize(
    "value",
    [
        {"type": "MultiPoint", "coordinates": [[1, 2]] * 40_000},
        {"type": "Point", "coordinates": [1] * 90_000},
        {"type": "MultiPolygon", "coordinates": [[[]]] * 90_000},
        {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}] * 40_000},
    ],
    ids=["vertices", "one position", "empty rings", "members"],
)
def test_a_geometry_is_counted_before_it_is_built(monkeypatch, value):
    monkeypatch.setattr("app.geometry.shapes.shape", None)
    with pytest.raises(Unfit, match="Use at most 10000 vertices"):
        from_geojson(value)


def test_a_cursor_has_a_length_before_it_is_unpacked(monkeypatch):
    long = urlsafe_b64encode(b"[" + b"[]," * 3_000 + b"[]]").decode()
    monkeypatch.setattr("app.checks.urlsafe_b64decode", None)
    for parse in (
        lambda: place(long, Dataset, NamedOrder.NEWEST),
        lambda: Mark.parse(long, "after"),
        lambda: Position.parse(long),
    ):
        with pytest.raises(BadRequest):
            parse()


def _archive_of(count):
    with zipfile.ZipFile(file := BytesIO(), "w") as made:
        for number in range(count):
            made.writestr(str(number), b"")
    return file


def test_the_directory_of_an_archive_is_bounded_before_it_is_read(monkeypatch):
    monkeypatch.setattr(bounds.settings, "archive_files_max", 10)
    monkeypatch.setattr(bounds, "ZipFile", opened := Mock(side_effect=zipfile.ZipFile))
    assert len(bounds.members(bounds.archive(_archive_of(10)))) == 10
    with pytest.raises(Unreadable, match="this has 11"):
        bounds.members(bounds.archive(_archive_of(11)))
    opened.reset_mock()
    with pytest.raises(Unreadable, match="at most 10 files; the directory of this one is larger"):
        bounds.archive(_archive_of(21))
    lies = bytearray(_archive_of(1_000).getvalue())
    lies[-14:-10] = b"\1\0\1\0"  # one file, as it says
    with pytest.raises(Unreadable, match="the directory of this one is larger"):
        bounds.archive(BytesIO(bytes(lies)))
    assert not opened.called


def test_a_large_archive_says_its_size_elsewhere(monkeypatch):
    large = _archive_of(65_536)
    assert len(bounds.archive(large, files_max=70_000).infolist()) == 65_536
    with pytest.raises(Unreadable, match="the directory of this one is larger"):
        bounds.archive(large)


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\5\6", b"PK\3\4" + bytes(100)])
def test_what_is_no_archive_is_refused(content):
    with pytest.raises(Unreadable, match="not a ZIP archive"):
        bounds.archive(BytesIO(content))


def test_an_empty_archive_is_one():
    assert bounds.archive(BytesIO(b"PK\5\6" + bytes(18))).infolist() == []
