"""One table in each format, in each encoding and with each separator is read the same, and its lines are equal."""

import csv
import io
from itertools import product

import orjson
import pytest

from app.formats.tables import lines, reading
from app.formats.tables.sources.records import flattened
from tests.formats.tables.old_workbooks import old_workbook
from tests.formats.tables.workbooks import workbook

NAMES = ["Größe", "kind, of; a|thing", "day", "note"]
ROWS = [[at + 0.5, ("Maß", 'say "no"', "é;,|")[at % 3], f"{13 + at % 9:02}/03/2024", f"n{at % 2}"] for at in range(24)]
KEPT = [[size, kind, f"2024-03-{day[:2]}", note] for size, kind, day, note in ROWS]
ENCODINGS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252")
SEPARATORS = (",", ";", "\t", "|")
SHOWN = {"utf-8-sig": "utf-8", "cp1252": "latin-1"}


def of_windows(value):
    """With a letter that Latin-1 does not have."""
    return value.replace("Maß", "Maß €")


def separated(separator, encoding, decimal, *, has_header):
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator)
    rows = [[str(size).replace(".", decimal), *rest] for size, *rest in ROWS]
    writer.writerows([NAMES, *rows] if has_header else rows)
    return file.getvalue().encode(encoding)


def read(folder, content, **options):
    path = folder / "table"
    path.write_bytes(content)
    return reading.read(str(path), options)


def kept(folder, told):
    """The values of the lines that a machine would have."""
    format = {name: told[name] for name in ("encoding", "separator", "header", "description_row", "sheet")}
    lines.write(str(folder / "table"), format, told["columns"], None, "LEARNING", 7, str(folder / "lines"))
    rows = [line.split(b"\t") for line in (folder / "lines").read_bytes().splitlines()]
    return [orjson.loads(row[5].replace(b"\\\\", b"\\")) for row in rows]


def check(told, folder, format, names):
    assert (told["format"], told["rows"], [each["name"] for each in told["columns"]]) == (format, len(ROWS), names)
    assert [each["datatype"] for each in told["columns"]] == ["FLOAT", "LABEL", "DATE", "LABEL"]
    assert kept(folder, told) == KEPT


@pytest.mark.parametrize("separator", SEPARATORS)
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_texts_are_read_in_each_encoding_with_each_separator(tmp_path, encoding, separator):
    for decimal, has_header in product(".,", (True, False)):
        told = read(tmp_path, separated(separator, encoding, decimal, has_header=has_header))
        assert (told["encoding"], told["separator"]) == (SHOWN.get(encoding, encoding), separator)
        assert (told["header"], told["decimal"]) == (has_header, decimal)
        check(told, tmp_path, "CSV", NAMES if has_header else [f"Column_{at}" for at in range(1, 5)])


def test_letters_of_windows_are_kept(tmp_path):
    told = read(tmp_path, of_windows(separated(";", "utf-8", ",", has_header=True).decode()).encode("cp1252"))
    assert told["encoding"] == "latin-1"
    assert kept(tmp_path, told) == [[size, of_windows(kind), day, note] for size, kind, day, note in KEPT]


@pytest.mark.parametrize(
    ("format", "content"),
    [
        ("JSON", orjson.dumps([dict(zip(NAMES, row, strict=True)) for row in ROWS])),
        ("JSON", b"\xef\xbb\xbf" + orjson.dumps([dict(zip(NAMES, row, strict=True)) for row in ROWS])),
        ("NDJSON", b"\n".join(orjson.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS)),
        ("NDJSON", b"\r\n".join(orjson.dumps(dict(zip(NAMES, row, strict=True))) for row in ROWS)),
        ("XLSX", workbook({"Data": [NAMES, *ROWS]})),
        ("XLS", old_workbook([NAMES, *ROWS])),
    ],
    ids=["json", "json with a mark", "ndjson", "ndjson of Windows", "xlsx", "xls"],
)
def test_formats_with_values_of_their_own_are_read_alike(tmp_path, format, content):
    check(read(tmp_path, content), tmp_path, format, NAMES)


@pytest.mark.parametrize("lined", [False, True])
def test_nested_objects_are_columns_of_their_own_and_lists_stay(tmp_path, lined):
    records = [
        {"who": {"name": f"n{at % 3}", "at": {"x": at / 2, "y": [at]}}, "empty": {}, "kind": f"k{at % 2}"}
        for at in range(12)
    ]
    content = b"\n".join(map(orjson.dumps, records)) if lined else orjson.dumps(records)
    found = read(tmp_path, content)
    assert [each["name"] for each in found["columns"]] == ["who_name", "who_at_x", "who_at_y", "empty", "kind"]
    assert [each["datatype"] for each in found["columns"]] == ["LABEL", "FLOAT", "JSON", "JSON", "LABEL"]


@pytest.mark.parametrize(
    ("record", "flat"),
    [
        ({"a": {"b": 1}}, {"a_b": 1}),
        ({"a": {"b": 1}, "a_b": 2}, {"a": {"b": 1}, "a_b": 2}),
        ({"a_b": 2, "a": {"b": 1, "c": 3}}, {"a_b": 2, "a": {"b": 1, "c": 3}}),
        ({"a": {}}, {"a": {}}),
        ({"a": [{"b": 1}], "c": None}, {"a": [{"b": 1}], "c": None}),
        ({"known": {"b": 1}, "a": {"known": {"c": 2}}}, {"known": {"b": 1}, "a_known_c": 2}),
    ],
)
def test_no_value_of_a_nested_object_is_lost(record, flat):
    assert flattened(record, {"known"}) == flat
