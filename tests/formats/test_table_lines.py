"""Rows of tables as lines of a machine, read by a settled format."""

import orjson
import pytest

from app.errors import Unreadable
from app.formats.tables import lines
from app.formats.tables.values import Reader, Unfitting
from tests.formats.test_tables import columns, of, read, table


def written(folder, content, inputs, outputs, **options):
    path, target = folder / "table", folder / "lines"
    path.write_bytes(content.encode())
    said = lines.write(str(path), options, inputs, outputs, None, 1, str(target))
    return said, [orjson.loads(line) for line in target.read_bytes().splitlines()]


def test_lines_are_read_by_the_settled_format(tmp_path):
    content = table(
        [["d", "n", "k", "y"], *(["01/02/2024", "2,5", 1, "Ja"], ["", "", "", ""], ["03/02/2024", "?", "1.0", ""])], ";"
    )
    found = columns(read(tmp_path, content))
    for name, change in {"d": {"datatype": "DATE", "date_order": "MDY"}, "k": {"datatype": "LABEL"}}.items():
        found[name] |= change
    found["n"] |= {"datatype": "FLOAT", "decimal": ","}
    said, rows = written(tmp_path, content, [found["d"], found["n"], found["k"]], [found["y"]])
    assert (said["lines"], said["unfitting"]) == (2, {})
    assert [row[1:] for row in rows] == [
        [{"d": "2024-01-02", "n": 2.5, "k": "1"}, {"y": "Ja"}],
        [{"d": "2024-03-02", "n": None, "k": "1.0"}, None],
    ]


def test_a_column_that_was_read_in_a_wrong_way_is_refused(tmp_path):
    content = table([["n", "y"], *(["2,6", "k"] for _ in range(9))], ";")
    columns = [{"name": "n", "datatype": "FLOAT", "decimal": "."}], [{"name": "y", "datatype": "LABEL"}]
    with pytest.raises(Unreadable, match=r'9 of 9 values do not fit.*"2,6" is not a number with the decimal sign "\."'):
        written(tmp_path, content, *columns)


def test_lines_need_all_inputs_and_all_outputs_or_none(tmp_path):
    a, b, c = ({"name": name, "datatype": "FLOAT"} for name in "abc")
    content = table([["a", "b"], [1, 2], [3, 4]])
    with pytest.raises(Unreadable, match='lacks the input column "c"'):
        written(tmp_path, content, [a, c], [b])
    with pytest.raises(Unreadable, match='lacks the output column "c"'):
        written(tmp_path, content, [a], [b, c])
    said, rows = written(tmp_path, content, [a, b], [c])
    assert (said["has_outputs"], rows[0][1:]) == (False, [{"a": 1.0, "b": 2.0}, None])


def test_a_split_is_the_same_with_the_same_seed(tmp_path):
    columns = [{"name": "x", "datatype": "FLOAT"}], [{"name": "y", "datatype": "LABEL"}]
    first, second = (written(tmp_path, of(range(1_000)), *columns)[1] for _ in range(2))
    assert first == second
    assert 750 < sum(row[0] == "LEARNING" for row in first) < 850


@pytest.mark.parametrize(
    ("datatype", "given", "kept"),
    [
        ("LABEL", 1, "1"),
        ("LABEL", 1.0, "1"),
        ("LABEL", " Ja ", "Ja"),
        ("LABEL", True, "true"),
        ("FLOAT", 10**400, None),
        ("FLOAT", float("inf"), None),
        ("FLOAT", "NA", None),
        ("FLOAT", "-", None),
        ("FLOAT", True, 1.0),
        ("TIME", "9:15 pm", "21:15:00"),
        ("DATETIME", "2024-01-31T23:00:00-02:00", "2024-02-01T01:00:00"),
        ("DATE", "2024-01-31T23:00:00", "2024-01-31"),
        ("JSON", {"a": [1]}, {"a": [1]}),
        ("LANGUAGE", None, None),
    ],
)
def test_values_of_clients_are_read_like_cells(datatype, given, kept):
    assert Reader.of({"name": "x", "datatype": datatype}).value(given) == kept


@pytest.mark.parametrize(
    ("datatype", "given"), [("FLOAT", "2,6"), ("DATE", "31/01/2024"), ("TIME", "x"), ("JSON", "{")]
)
def test_values_that_do_not_fit_say_what_would(datatype, given):
    with pytest.raises(Unfitting, match=r"^a "):
        Reader.of({"name": "x", "datatype": datatype}).value(given)
