"""Rows of tables as lines of a machine, read by a settled format."""

import orjson
import pytest

from app.errors import Unreadable
from app.formats.tables import lines
from app.formats.tables.columns.values import Unfitting, ValueReader
from tests.formats.tables.test_tables import columns, read, table

FIRST = {"kind": "RANDOM", "position": None, "datatype": None, "evaluation_percentage": 20, "seed": 1, "is_first": True}


def written(folder, content, inputs, outputs, *, split=None, purpose=None, **options):
    path, target = folder / "table", folder / "lines"
    path.write_bytes(content.encode())
    columns = [{**each, "role": "INPUT"} for each in inputs] + [{**each, "role": "OUTPUT"} for each in outputs]
    said = lines.write(str(path), options, columns, FIRST | (split or {}), purpose, 7, str(target))
    rows = [line.split(b"\t") for line in target.read_bytes().splitlines()]
    assert all(row[0] == b"7" for row in rows)
    purposes = [("learning", "evaluation", "solving")[row[1:4].index(b"t")] for row in rows]
    return said, purposes, [orjson.loads(row[5].replace(b"\\\\", b"\\")) for row in rows]


def test_lines_are_read_by_the_settled_format(tmp_path):
    content = table(
        [["d", "n", "k", "y"], *(["01/02/2024", "2,5", 1, "Ja"], ["", "", "", ""], ["03/02/2024", "?", "1.0", ""])], ";"
    )
    found = columns(read(tmp_path, content))
    for name, change in {"d": {"datatype": "DATE", "date_order": "MDY"}, "k": {"datatype": "LABEL"}}.items():
        found[name] |= change
    found["n"] |= {"datatype": "FLOAT", "decimal": ","}
    said, purposes, rows = written(tmp_path, content, [found["d"], found["n"], found["k"]], [found["y"]])
    assert (sum(said["counts"].values()), said["unfitting"]) == (2, {})
    assert rows == [["2024-01-02", 2.5, "1", "Ja"], ["2024-03-02", None, "1.0", None]]
    assert purposes[1] == "solving"


def test_numbers_of_a_format_that_has_numbers_are_not_read_by_the_sign_of_another_file(tmp_path):
    """The machine was made of a file with decimal commas: 1.125 must not become 1 125."""
    content = "\n".join(f'{{"n": {number}, "y": "k"}}' for number in ("1.125", "-0.5", '"2,5"', "1e-3"))
    n, y = {"name": "n", "datatype": "FLOAT", "decimal": ","}, {"name": "y", "datatype": "LABEL"}
    said, _, rows = written(tmp_path, content, [n], [y])
    assert (said["unfitting"], [row[0] for row in rows]) == ({}, [1.125, -0.5, 2.5, 0.001])


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
    with pytest.raises(Unreadable, match="2 of 2 rows have no outputs"):
        written(tmp_path, content, [a, b], [c], purpose="LEARNING")
    _, purposes, rows = written(tmp_path, content, [a, b], [c])
    assert (purposes, rows[0]) == (["solving", "solving"], [1.0, 2.0, None])


def test_a_split_is_the_same_with_the_same_seed_and_keeps_equal_lines_together(tmp_path):
    columns = [{"name": "x", "datatype": "FLOAT"}], [{"name": "y", "datatype": "LABEL"}]
    content = table([["x", "y"], *([at % 300, "k"] for at in range(900))])
    (_, first, rows), (_, second, _) = (written(tmp_path, content, *columns) for _ in range(2))
    assert first == second
    assert first[:300] == first[300:600] == first[600:]
    assert 40 < first[:300].count("evaluation") < 80
    assert len(rows) == 900
    _, other, _ = written(tmp_path, content, *columns, split={"seed": 2})
    assert other != first


@pytest.mark.parametrize("content", [[[1, "k"]] * 20, [[1, "k"], [2, "k"]]])
def test_some_of_the_first_lines_teach_and_some_judge(tmp_path, content):
    columns = [{"name": "x", "datatype": "FLOAT"}], [{"name": "y", "datatype": "LABEL"}]
    _, purposes, _ = written(tmp_path, table([["x", "y"], *content]), *columns)
    assert set(purposes) == {"learning", "evaluation"}


def test_lines_are_set_apart_by_time_by_group_and_as_they_are_marked(tmp_path):
    content = table([["x", "g", "y"], *([f"2024-01-{1 + at // 2:02}", f"g{at % 5}", at % 4 == 0] for at in range(40))])
    day, group = {"name": "x", "datatype": "DATE"}, {"name": "g", "datatype": "LABEL"}
    columns = [day, group], [{"name": "y", "datatype": "FLOAT"}]
    time = {"kind": "TIME", "position": 0, "datatype": "DATE"}
    _, purposes, rows = written(tmp_path, content, *columns, split=time)
    assert {row[0] for row, each in zip(rows, purposes, strict=True) if each == "evaluation"} == {
        f"2024-01-{day}" for day in (17, 18, 19, 20)
    }
    by_group = {"kind": "GROUP", "position": 1, "datatype": "LABEL", "evaluation_percentage": 40}
    _, purposes, rows = written(tmp_path, content, *columns, split=by_group)
    taught, judging = (
        {row[1] for row, each in zip(rows, purposes, strict=True) if each == purpose}
        for purpose in ("learning", "evaluation")
    )
    assert taught
    assert judging
    assert not taught & judging
    marked = {"kind": "MARKED", "position": 2, "datatype": "FLOAT"}
    _, purposes, rows = written(tmp_path, content, *columns, split=marked)
    assert [each == "evaluation" for each in purposes] == [row[2] == 1 for row in rows]
    with pytest.raises(Unreadable, match="too few groups"):
        written(
            tmp_path, table([["x", "g", "y"], *(["2024-01-01", "a", 1] for _ in range(9))]), *columns, split=by_group
        )


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
    assert ValueReader.of({"name": "x", "datatype": datatype}).value(given) == kept


@pytest.mark.parametrize(
    ("datatype", "given"), [("FLOAT", "2,6"), ("DATE", "31/01/2024"), ("TIME", "x"), ("JSON", "{")]
)
def test_values_that_do_not_fit_say_what_would(datatype, given):
    with pytest.raises(Unfitting, match=r"^a "):
        ValueReader.of({"name": "x", "datatype": datatype}).value(given)
