"""How tables are read: each test is a trait of tables that people send."""

import csv
import io
import zipfile

import orjson
import pytest

from app import parsing
from app.errors import Unreadable
from app.formats.tables import reading
from app.settings import settings
from tests.formats.tables.workbooks import workbook


def read(folder, content, **options):
    path = folder / "table"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return reading.read(str(path), options)


def columns(found):
    return {column["name"]: column for column in found["columns"]}


def kinds(found):
    return [column["datatype"] for column in found["columns"]]


def issues(column):
    return [issue for issue, _ in column["issues"]]


def table(rows, separator=","):
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows(rows)
    return file.getvalue()


def of(values, name="x"):
    """A table of one column of interest, and one more to learn."""
    return table([[name, "y"], *([value, f"k{at % 3}"] for at, value in enumerate(values))])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_makes_even_rows(tmp_path, separator):
    found = read(tmp_path, table([["a", "b,c;d", "e"], *([at, f"{at};x, y|z", at / 4] for at in range(9))], separator))
    assert (found["separator"], found["rows"], found["header"]) == (separator, 9, True)
    assert kinds(found) == ["FLOAT", "LABEL", "FLOAT"]


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("utf-16", "utf-16"), ("latin-1", "latin-1"), ("cp1252", "latin-1")],
)
def test_the_encoding_is_decided_by_all_bytes(tmp_path, encoding, shown):
    far = "€" if encoding == "cp1252" else "ß"
    found = read(tmp_path, of([*["plain"] * 40_000, f"Maß {far}"]).encode(encoding))
    assert (found["encoding"], found["rows"]) == (shown, 40_001)
    assert columns(found)["x"]["examples"] == ["plain", f"Maß {far}"]


def test_utf_16_without_a_mark_is_known_by_its_zeros(tmp_path):
    assert read(tmp_path, of(["a", "b"] * 20).encode("utf-16-le"))["encoding"] == "utf-16-le"


@pytest.mark.parametrize(
    ("values", "datatype", "decimal"),
    [
        (["1", "2.5", "-3e4", ".5", "6."], "FLOAT", "."),
        (["2,6", "13,25", "7"], "FLOAT", ","),
        (["1,338", "12", "2,000,001"], "FLOAT", "."),
        (["1.338,5", "12"], "FLOAT", ","),
        (["1,338.5", "12"], "FLOAT", "."),
        (["$12.50", "$3", "1 200 €"], "FLOAT", "."),
        (["12 %", "3.5%"], "FLOAT", "."),
        (["3k", "4.5 million"], "FLOAT", "."),
        (["True", "false"], "FLOAT", "."),
        (["1e308", "5"], "FLOAT", "."),
        (["yes", "no"], "LABEL", None),
        (["2,6", "3.1"], "LABEL", None),
        (["1", "one"], "LABEL", None),
    ],
)
def test_numbers_have_one_decimal_sign_for_the_whole_column(tmp_path, values, datatype, decimal):
    column = columns(read(tmp_path, of(values * 6)))["x"]
    assert (column["datatype"], column["decimal"]) == (datatype, decimal)


def test_a_comma_that_may_group_digits_is_said_and_follows_the_other_columns(tmp_path):
    rows = [["either", "certain", "y"], *(["1,338", "2,5", at] for at in range(12))]
    column = columns(read(tmp_path, table(rows, ";")))["either"]
    assert (column["decimal"], issues(column)) == (",", ["DECIMAL_SIGN_UNKNOWN", "CONSTANT"])
    alone = columns(read(tmp_path, table([["either", "y"], *([f"{at},338", "k"] for at in range(1, 9))])))["either"]
    assert (alone["decimal"], issues(alone)) == (".", ["DECIMAL_SIGN_UNKNOWN"])


@pytest.mark.parametrize(
    ("values", "datatype", "order"),
    [
        (["2024-01-31", "2023-12-01"], "DATE", "YMD"),
        (["03/04/2024", "30/04/2024"], "DATE", "DMY"),
        (["03/04/2024", "04/30/2024"], "DATE", "MDY"),
        (["1/1/11", "1/31/11"], "DATE", "MDY"),
        (["10.03.2004", "11.12.2005"], "DATE", "DMY"),
        (["3 Jan 2024", "12 February 2023"], "DATE", "YMD"),
        (["2024-01-31 10:15:00", "2024-02-01T08:00:00Z"], "DATETIME", "YMD"),
        (["2024-01-31", "2024-02-01 08:00"], "DATETIME", "YMD"),
        (["18.00.00", "19.30.05"], "TIME", None),
        (["9:15", "23:59:59.5"], "TIME", None),
        (["9:15 AM", "12:00 pm"], "TIME", None),
        (["12 AM", "1 AM"], "LABEL", None),
        (["25:00", "10:61"], "LABEL", None),
        (["31/02/2024", "30/02/2024"], "LABEL", None),
    ],
)
def test_dates_have_one_order_chosen_by_all_values(tmp_path, values, datatype, order):
    column = columns(read(tmp_path, of(values * 6)))["x"]
    assert (column["datatype"], column["date_order"]) == (datatype, order)


def test_an_order_that_no_value_tells_is_said_and_can_be_given(tmp_path):
    content = of(["03/04/2024", "05/06/2024"] * 8)
    column = columns(read(tmp_path, content))["x"]
    assert (column["date_order"], issues(column)) == ("DMY", ["DATE_ORDER_UNKNOWN"])
    given = columns(read(tmp_path, content, date_order="MDY"))["x"]
    assert (given["date_order"], issues(given)) == ("MDY", [])


def test_an_order_that_no_value_tells_follows_another_column(tmp_path):
    rows = [["either", "certain", "y"], *(["03/04/2024", "04/30/2024", at % 4] for at in range(12))]
    assert columns(read(tmp_path, table(rows)))["either"]["date_order"] == "MDY"


def test_dates_in_two_orders_are_never_swapped_row_by_row(tmp_path):
    column = columns(read(tmp_path, of(["30/04/2024", "04/30/2024", "01/02/2024"] * 8)))["x"]
    assert (column["datatype"], issues(column)) == ("LABEL", ["MIXED_DATES"])


NANS = ("NaN", "nan", "NAN", "Nan", "-nan", "+NaN", "#NaN", "-nan(ind)", "1.#QNAN", "-1.#IND")


@pytest.mark.parametrize("word", ["", "NA", "N/A", "?", *NANS, "null", "#N/A", "none", "-"])
def test_missing_numbers_have_many_spellings(tmp_path, word):
    column = columns(read(tmp_path, of(["1.5", word, "2.5", "3"] * 5)))["x"]
    assert (column["datatype"], column["decimal"]) == ("FLOAT", ".")


def test_none_is_a_label_among_labels(tmp_path):
    assert columns(read(tmp_path, of(["None", "Brick"] * 8)))["x"]["missing_percentage"] == 0


def test_numbers_without_end_are_missing_and_said(tmp_path):
    column = columns(read(tmp_path, of(["1.5", "inf", "-Infinity", "1e999"] * 4)))["x"]
    assert (column["datatype"], issues(column)) == ("FLOAT", ["NOT_FINITE"])


def test_nested_values_are_json_also_as_python_writes_them(tmp_path):
    assert columns(read(tmp_path, of(['[{"id": 1}]', "[{'id': 2}]"] * 4)))["x"]["datatype"] == "JSON"


def test_sentences_are_a_language_and_strange_texts_are_ignored(tmp_path):
    sentence = "The river is high and it was raining for all of the night, so we do not cross it before the morning. "
    told = columns(read(tmp_path, of([f"{sentence}{at}" for at in range(40)])))["x"]
    assert (told["datatype"], told["role"]) == ("LANGUAGE", "INPUT")
    strange = columns(read(tmp_path, of([f"{at:x} qwrt" * 30 for at in range(40)])))["x"]
    assert (strange["datatype"], issues(strange)) == ("IGNORE", ["NOT_UNDERSTOOD"])


def test_few_short_texts_are_labels_and_it_is_said_that_they_are_texts(tmp_path):
    told = columns(read(tmp_path, of([f"the river is high and we do not cross it {at}" for at in range(40)])))["x"]
    assert (told["datatype"], told["role"], issues(told)) == ("LABEL", "INPUT", ["TEXTS_AS_LABELS"])
    again = columns(read(tmp_path, of(["the river is high and we do not cross it", "it is low and we do"] * 20)))["x"]
    assert (again["datatype"], issues(again)) == ("LABEL", [])


def test_a_number_in_the_first_row_means_no_header(tmp_path):
    found = read(tmp_path, "3,?,audi\n1,164,bmw\n2,95,vw\n")
    assert (found["header"], list(columns(found)), found["rows"]) == (False, ["Column_1", "Column_2", "Column_3"], 3)


def test_a_first_row_whose_value_comes_again_is_no_header_and_a_quote_may_be_a_letter(tmp_path):
    found = read(tmp_path, 'ham\tsee you\nham\t"Wen u miss" someone\nspam\tWIN "now\nham\tok\n')
    assert (found["header"], found["rows"], found["separator"]) == (False, 4, "\t")


def test_a_row_of_descriptions_is_told_from_a_row_of_texts(tmp_path):
    rows = [["id", "rank", "name"], ["", "Your rank", "Response"], *([at, at % 5, f"n{at}"] for at in range(12))]
    found = read(tmp_path, table(rows))
    assert (found["description_row"], found["rows"], columns(found)["rank"]["description"]) == (True, 12, "Your rank")
    texts = read(tmp_path, table([["a", "b"], *([f"x{at}", f"y{at % 2}"] for at in range(12))]))
    assert (texts["description_row"], texts["rows"]) == (False, 12)


def test_names_are_data(tmp_path):
    names = ["a:b", "[x]", '{"k"}', "价格", "", "Polls", "Polls", "Polls_2", "id", "IsForLearning", "x" * 100]
    found = read(tmp_path, table([names, *([f"v{at % 3}"] * len(names) for at in range(12))]))
    expected = ["a:b", "[x]", '{"k"}', "价格", "Column_5", "Polls", "Polls_3", "Polls_2", *names[8:]]
    assert list(columns(found)) == expected
    assert issues(columns(found)["Polls_3"]) == ["DUPLICATE_NAME"]
    assert issues(columns(found)["Column_5"]) == ["NO_NAME"]


def test_a_file_may_begin_with_a_name_in_brackets(tmp_path):
    for first in ("[x]", '{"k"}'):
        found = read(tmp_path, table([[first, "b"], *([at, at % 3] for at in range(12))]))
        assert (found["format"], next(iter(columns(found)))) == ("CSV", first)


def test_empty_constant_and_mostly_missing_columns_are_left_out(tmp_path):
    rows = [
        ["empty", "same", "rare", "x", "y"],
        *(["", "k", "" if at % 8 else at, at * 1.5, at % 2] for at in range(64)),
    ]
    found = columns(read(tmp_path, table(rows)))
    assert {name: (column["role"], issues(column)) for name, column in found.items()} == {
        "empty": ("IGNORE", ["EMPTY"]),
        "same": ("IGNORE", ["CONSTANT"]),
        "rare": ("IGNORE", ["MOSTLY_MISSING"]),
        "x": ("INPUT", []),
        "y": ("OUTPUT", []),
    }
    assert found["same"]["reason"] == "Texts with one value."


@pytest.mark.parametrize(("name", "first"), [("anything", 1), ("customer_id", 7_000), ("RespondentID", 33)])
def test_identifiers_are_left_out(tmp_path, name, first):
    column = columns(read(tmp_path, of(range(first, first + 40), name)))[name]
    assert (column["datatype"], column["role"], issues(column)) == ("IGNORE", "IGNORE", ["IDENTIFIER"])


def test_the_last_column_that_can_be_predicted_is_the_output_unless_one_is_named(tmp_path):
    sentence = "The river is high and it was raining for all of the night, so we do not cross it before the morning. "
    rows = [["high", "deep", "words"], *([at % 2, f"k{at % 3}", f"{sentence}{at}"] for at in range(40))]
    roles = {name: column["role"] for name, column in columns(read(tmp_path, table(rows))).items()}
    assert roles == {"high": "INPUT", "deep": "OUTPUT", "words": "INPUT"}
    named = columns(read(tmp_path, table(rows), outputs=["words"]))
    assert {name: column["role"] for name, column in named.items()} == {
        "high": "INPUT",
        "deep": "INPUT",
        "words": "OUTPUT",
    }


def test_labels_that_tell_all_rows_apart_stay_and_it_is_said(tmp_path):
    codes = [f"5{chr(65 + at % 26)}{at}" for at in range(40)]
    column = columns(read(tmp_path, of(codes, "code")))["code"]
    assert (column["datatype"], column["role"], issues(column)) == ("LABEL", "INPUT", ["IDENTIFIER"])
    assert column["reason"] == "Texts with 40 different values."
    for others in (codes[:-1] + codes[:1], [*codes[:-1], ""], codes[:9]):
        assert issues(columns(read(tmp_path, of(others, "code")))["code"]) == []


def test_years_and_repeated_numbers_are_no_identifiers(tmp_path):
    assert columns(read(tmp_path, of(range(1990, 2030), "year")))["year"]["role"] == "INPUT"
    assert columns(read(tmp_path, of([1, 2, 3, 1] * 9, "patient_id")))["patient_id"]["role"] == "INPUT"


def test_numbers_that_look_like_codes_are_said(tmp_path):
    assert issues(columns(read(tmp_path, of(["01067", "99556"] * 8, "zip")))["zip"]) == ["NUMBERS_AS_TEXT"]


def test_roles_follow_words_then_a_block_of_missing_values_then_the_place(tmp_path):
    words = columns(
        read(tmp_path, table([["the output", "b", "c"], *([at * 2.5, at % 7, at % 5] for at in range(20))]))
    )
    assert [column["role"] for column in words.values()] == ["OUTPUT", "INPUT", "INPUT"]
    block = [["a", "b"], *([at % 9 if at < 15 else "", at * 2.5] for at in range(20))]
    assert [column["role"] for column in read(tmp_path, table(block))["columns"]] == ["OUTPUT", "INPUT"]
    given = read(tmp_path, table([["a", "b", "c"], *([at % 4, at * 2.5, at % 7] for at in range(20))]), outputs=["a"])
    assert [column["role"] for column in given["columns"]] == ["OUTPUT", "INPUT", "INPUT"]
    with pytest.raises(Unreadable, match='no column "nobody"'):
        read(tmp_path, table(block), outputs=["nobody"])


def test_two_numbers_to_be_learned_are_classes(tmp_path):
    found = columns(read(tmp_path, table([["x", "y"], *([at * 0.3, at % 2] for at in range(30))])))["y"]
    assert (found["datatype"], found["role"]) == ("LABEL", "OUTPUT")


def test_columns_that_give_the_answer_away_are_said(tmp_path):
    rows = [["casual", "registered", "noise", "cnt"]]
    rows += [[at * 7 % 31, at * 11 % 83, at * 13 % 47, at * 7 % 31 + at * 11 % 83] for at in range(400)]
    found = columns(read(tmp_path, table(rows)))
    assert {name for name, column in found.items() if "LEAK" in issues(column)} == {"casual", "registered"}
    zones = [["zone", "n", "borough"], *([f"z{at % 20}", at * 3 % 17, f"b{at % 20 % 4}"] for at in range(300))]
    assert issues(columns(read(tmp_path, table(zones)))["zone"]) == ["LEAK"]


def test_a_number_far_from_all_others_may_stand_for_missing(tmp_path):
    rows = [["co", "y"], *([-200 if at % 10 == 0 else at % 17 / 3, at % 7] for at in range(300))]
    assert issues(columns(read(tmp_path, table(rows)))["co"]) == ["STANDS_FOR_MISSING"]


def test_blank_rows_are_no_rows_and_uneven_ones_are_counted(tmp_path):
    content = "a,b,c\n" + "1,2,3\n" * 20 + ",,\n\n" * 5 + "1,2\n1,2,3,4\n"
    found = read(tmp_path, content)
    assert found["rows"] == 22
    assert found["notes"] == [
        "1 rows have fewer than 3 values; what they lack is missing.",
        "1 rows have more than 3 values; the values beyond are left out.",
    ]


def test_a_workbook_is_its_largest_sheet_with_the_values_of_formulas(tmp_path):
    rows = [
        ["name", "when", "n", "flag"],
        *([f"n{at % 3}", ("date", 39_398 + at), at / 4, at % 2 == 0] for at in range(9)),
    ]
    content = workbook({"Notes": [["about", "this"]], "Data": rows, "Empty": []})
    found = read(tmp_path, content)
    assert (found["format"], found["sheet"], found["sheets"]) == ("XLSX", "Data", ["Notes", "Data", "Empty"])
    assert kinds(found) == ["LABEL", "DATE", "FLOAT", "LABEL"]
    assert columns(found)["when"]["examples"][0] == "2007-11-12"
    with pytest.raises(Unreadable, match='no sheet "None such"'):
        read(tmp_path, content, sheet="None such")


def test_cells_that_were_only_formatted_are_no_columns(tmp_path):
    rows = [["a", "b"], *([at, at * 2] for at in range(9)), [None, None, None, "", None]]
    found = read(tmp_path, workbook({"Data": rows}))
    assert (list(columns(found)), found["rows"]) == (["a", "b"], 9)


def test_macros_and_links_of_a_workbook_are_said_and_not_followed(tmp_path):
    extra = {"xl/vbaProject.bin": b"x", "xl/externalLinks/externalLink1.xml": b"<a/>"}
    found = read(tmp_path, workbook({"Data": [["a", "b"], [1, 2], [3, 5]]}, extra))
    assert [note.split(".")[0] for note in found["notes"]] == [
        "This workbook has macros",
        "This workbook has links to other files",
    ]


@pytest.mark.parametrize("lined", [False, True])
def test_json_records_and_lines_have_the_columns_that_any_of_them_has(tmp_path, lined):
    records = [{"n": at / 2, "k": f"k{at % 2}", **({"more": [at]} if at else {})} for at in range(12)]
    content = b"\n".join(map(orjson.dumps, records)) if lined else orjson.dumps(records)
    found = read(tmp_path, content)
    assert (found["format"], list(columns(found))) == ("NDJSON" if lined else "JSON", ["n", "k", "more"])
    assert kinds(found) == ["FLOAT", "LABEL", "JSON"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"a,b\n", "no rows"),
        (b"a\n1\n2\n", "one column"),
        (b"PAR1" + b"\0" * 90 + b"\xff\xff\xff\x7fPAR1", "Parquet is not read"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"\0\0\2\3\4" * 90, "not text"),
        (b"<!doctype html><table>", "web page"),
        (b'[{"a": 1, "b": 2}, 3]', "not a list of objects"),
        (b'[{"a": 1, "b": 2}, ', "not JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "one key"),
        (b"PK\x03\x04" + b"\0" * 90, "ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "workbook is broken"),
    ],
)
def test_what_is_no_table_is_refused_in_words(tmp_path, content, said):
    with pytest.raises(Unreadable, match=said):
        read(tmp_path, content)


def test_a_cell_of_five_megabytes_is_refused(tmp_path):
    with pytest.raises(Unreadable, match="more than 1,048,576 characters"):
        read(tmp_path, "a,b\n1," + "x" * 5_000_000 + "\n")


def test_ten_thousand_columns_are_refused(tmp_path):
    with pytest.raises(Unreadable, match=r"at most 2,000 columns; this has 10,000"):
        read(tmp_path, table([[f"c{at}" for at in range(10_000)]] * 2))


def test_too_many_cells_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "machine_table_cells_max", 100)
    with pytest.raises(Unreadable, match="at most 100 cells"):
        read(tmp_path, of(range(60)))


async def test_a_workbook_that_unpacks_without_end_is_refused(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"<" * 30_000_000)
    path = tmp_path / "bomb.xlsx"
    path.write_bytes(packed.getvalue())
    with pytest.raises(Unreadable, match="compressed more than 200-fold"):
        await parsing.run(reading.read, str(path), {})


@pytest.mark.parametrize("value", ["k", "1", ""])
def test_rows_that_are_all_the_same_are_read(tmp_path, value):
    assert read(tmp_path, table([["a", "b"], *[["x", value]] * 30]))["rows"] == 30


def test_formulas_in_text_are_texts(tmp_path):
    column = columns(read(tmp_path, of(["=1+1", "=cmd|' /C calc'!A0", "@sum", "-x"] * 4)))["x"]
    assert (column["datatype"], column["examples"][0]) == ("LABEL", "=1+1")
