"""`read_rows`: every format is told by its content, and a file is read whole or refused with a place and a remedy."""

import csv
import gzip
import io
from datetime import date
from pathlib import Path

import polars
import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.delimited import read_delimited
from sartor.data.read import Table, read_rows
from sartor.errors import InputError


def read(folder: Path, name: str, content: str | bytes) -> Table:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_rows(folder / name)


def refusal(folder: Path, name: str, content: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, name, content)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.csv", 'text,label\n"a, ""b""\nc",x\r\n\r\nd,y\n', "CSV, comma, 2 columns"),
        ("a.csv", '\ufefftext;label\n"a, ""b""\nc";x\n\nd;y', "CSV, semicolon, 2 columns"),
        ("a.tsv", 'text\tlabel\n"a, ""b""\nc"\tx\n\nd\ty', "TSV, tab, 2 columns"),
        ("a.txt", 'text|label\n"a, ""b""\nc"|x\n\nd|y', "CSV, pipe, 2 columns"),
        ("a.jsonl", '{"text": "a, \\"b\\"\\nc", "label": "x"}\n\n\n\n{"text": "d", "label": "y"}', "JSONL, 2 columns"),
        ("a.csv", '{"text": "a, \\"b\\"\\nc", "label": "x"}\n\n\n\n{"text": "d", "label": "y"}', "JSONL, 2 columns"),
        ("a.json", '[{"text": "a, \\"b\\"\\nc", "label": "x"},\n{"text": "d", "label": "y"}]', "JSON array, 2 columns"),
        (
            "a.json",
            '{"version": 1, "rows": [{"text": "a, \\"b\\"\\nc", "label": "x"}, {"text": "d", "label": "y"}]}',
            "JSON array under `rows`, 2 columns",
        ),
    ],
)
def test_the_same_rows_in_every_text_format(tmp_path: Path, name: str, content: str, format: str) -> None:
    table = read(tmp_path, name, content)
    assert table.rows == [{"text": 'a, "b"\nc', "label": "x"}, {"text": "d", "label": "y"}]
    assert (table.format, table.columns) == (format, ("text", "label"))


def test_places_are_lines_of_text_files(tmp_path: Path) -> None:
    table = read(tmp_path, "notes.csv", 'text,label\n"over\ntwo lines",x\n\nd,y\n')
    assert [table.place(row) for row in (0, 1)] == ["notes.csv, line 2", "notes.csv, line 5"]
    table = read(tmp_path, "notes.jsonl", '\n{"a": 1}\n\n{"a": 2}\n')
    assert [table.place(row) for row in (0, 1)] == ["notes.jsonl, line 2", "notes.jsonl, line 4"]
    table = read(tmp_path, "notes.json", '[\n{"a": 1},\n\n{"a": 2}]')
    assert [table.place(row) for row in (0, 1)] == ["notes.json, row 1", "notes.json, row 2"]


def test_csv_values_stay_strings_and_missing_json_keys_become_null(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "id,n\n007,\n").rows == [{"id": "007", "n": ""}]
    assert read(tmp_path, "a.jsonl", '{"a": 7}\n{"b": [1]}\n').rows == [{"a": 7, "b": None}, {"a": None, "b": [1]}]


def test_parquet_and_excel(tmp_path: Path) -> None:
    polars.DataFrame(
        {"text": ["a", "b"], "when": [date(2024, 5, 6), None], "score": [float("nan"), 0.5], "turns": [[{"x": 1}], []]}
    ).write_parquet(tmp_path / "a.parquet")
    table = read_rows(tmp_path / "a.parquet")
    assert table.format == "Parquet, 4 columns"
    assert table.rows[0] == {"text": "a", "when": "2024-05-06", "score": None, "turns": [{"x": 1}]}

    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet("notes")
        for number, row in enumerate([["text", "label"], ["hé", 7], [], ["b", "007"], ["c", None]]):
            sheet.write_row(number, 0, row)
        book.add_worksheet("other").write(0, 0, "not read")
    table = read_rows(tmp_path / "a.xlsx")
    assert table.format == "Excel, sheet `notes` (1 of 2), 2 columns"
    assert [tuple(row.values()) for row in table.rows] == [("hé", "7"), ("b", "007"), ("c", None)]
    assert table.place(1) == "a.xlsx, row 4"


def test_excel_errors_name_the_row(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["text", "text"])
        sheet.write_row(1, 0, ["a", "b"])
    with pytest.raises(InputError, match="row 1: two columns are named `text`"):
        read_rows(tmp_path / "a.xlsx")
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["text", "n"])
        sheet.write_formula(1, 1, "=1/0", None, "#DIV/0!")
    with pytest.raises(InputError, match="row 2, column 2: a formula error"):
        read_rows(tmp_path / "a.xlsx")
    assert "is no Excel workbook" in refusal(tmp_path, "a.xlsx", b"PK\x03\x04 cut off")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "a.csv is empty"),
        ("\n \n", "a.csv is empty"),
        ("text,label\n", "a.csv holds no rows"),
        ("text,label\na,b,c\n", "line 2: 3 cells where the header has 2; a cell that holds a comma needs"),
        ("text,label\na,b\nc\n", "line 3: 1 cell where the header has 2"),
        ('text,label\na,b\n"c,d\ne,f\n', "line 3: a quote opens here and is never closed"),
        ('text,label\n"a"b,c\n', "line 2: text after a closing quote"),
        ('text,label\na "b" c,d\n', "line 2: a quote inside a cell without quotes"),
        ('text,label\n"a,b\nc,d"\ne,f\n', "line 2: 1 cell where the header has 2; a cell runs over several lines"),
        ("text,text\na,b\n", "line 1: two columns are named `text`"),
        ("text,,label\na,b,c\n", "line 1: column 2 has no name"),
        ("text,label\na,b\nc," + "x" * 200_000, "line 3, column `label`: a cell of 200,000 characters"),
        ("text,label\na,b\nc,\0d\n", "line 3, byte 3: a NUL byte"),
        ("text,label\na,é\n".encode() + "b,é\n".encode("latin-1"), "line 3, byte 3: mixed encodings, byte 0xE9"),
        ("text,label\na,é\n".encode("latin-1"), "line 2, byte 3: byte 0xE9 is not UTF-8; if it is Windows text"),
        ("text,label\na,é\n".encode("utf-16"), "a.csv is UTF-16 text; convert it: `iconv"),
        ("text,label\na,e\n".encode("utf-16-be"), "a.csv is UTF-16 text; convert it: `iconv"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a.csv is not text but a PNG image"),
        (gzip.compress(b"text,label\na,b\n", mtime=0), "compressed with gzip (unpack it first)"),
        (bytes(range(256)) * 8, "a.csv is a binary file, not text"),
    ],
)
def test_a_csv_is_never_half_read(tmp_path: Path, content: str | bytes, message: str) -> None:
    assert message in refusal(tmp_path, "a.csv", content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": \n', "a.jsonl, line 2: not JSON: expecting value at character"),
        ("a.jsonl", '{"a": \n', "a.jsonl, line 1: not JSON"),
        ("a.jsonl", '{"a": 1}\n[1]\n', "a.jsonl, line 2: not an object"),
        ("a.jsonl", '{"a": 1, "a": 2}\n', "line 1: not JSON: the key `a` is there twice"),
        ("a.jsonl", '{"a": NaN}\n', "line 1: not JSON: NaN is not a JSON value"),
        ("a.jsonl", '{"a": "\\u0000"}\n', "line 1, column `a`: a NUL character"),
        ("a.jsonl", '{"a": ["\\ud800"]}\n', "line 1, column `a`: half of a surrogate pair"),
        ("a.jsonl", '{"": 1}\n', "'' cannot be a column's name"),
        ("a.jsonl", '{"a": {"b": "' + "x" * 200_000 + '"}}\n', "line 1, column `a`: a cell of 200,000 characters"),
        ("a.json", '[{"a": 1},\n 3]', "a.json, row 2: not an object"),
        ("a.json", '[\n{"a": 1},\n}]', "a.json, line 3: not JSON"),
        ("a.json", '{"a": 1}', "a.json is one object with no array in it"),
        ("a.json", '{"a": [], "b": []}', "a.json is one object with 2 arrays in it"),
        ("a.json", "[" * 100_000, "nested too deep"),
        ("a.json", "text,label\na,b", "a.json, line 1: not JSON: it begins with `text,label`"),
        ("a.parquet", "text,label\na,b", "a.parquet is no parquet file"),
        ("a.parquet", b"PAR1 cut off", "a.parquet is a broken Parquet file"),
    ],
)
def test_broken_json_and_parquet_are_told_with_their_place(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    assert message in refusal(tmp_path, name, content)


def test_a_missing_file_names_the_nearest_and_a_folder_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "notes.jsonl").write_text("{}")
    with pytest.raises(InputError, match=r"note\.jsonl does not exist; did you mean `notes\.jsonl`\?"):
        read_rows(tmp_path / "note.jsonl")
    with pytest.raises(InputError, match="is a folder"):
        read_rows(tmp_path)


def test_quotes_inside_a_tsv_cell_are_text(tmp_path: Path) -> None:
    assert read(tmp_path, "a.tsv", 'text\tlabel\nsay "hi"\tx\n').rows[0]["text"] == 'say "hi"'


_CELL = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), max_size=20)


@given(st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=8), st.sampled_from([",", ";", "\t", "|"]))
def test_whatever_the_csv_module_writes_is_read_back(cells: list[tuple[str, str]], delimiter: str) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    writer.writerows(cells)
    table = read_delimited(buffer.getvalue(), "a.csv")
    assert [(row["a"], row["b"]) for row in table.rows] == cells


@given(st.text(max_size=60))
def test_any_text_is_read_whole_or_refused(text: str) -> None:
    """No text makes the reader lose a cell: what it accepts has as many characters as it was given, but for quoting."""
    try:
        table = read_delimited("a,b\n" + text, "a.csv")
    except InputError:
        return
    kept = sum(len(value) for row in table.rows for value in row.values())
    syntax = sum(text.count(char) for char in ',\r\n"')
    assert kept >= len(text) - syntax


@pytest.mark.real
@pytest.mark.parametrize(
    ("path", "rows", "columns"),
    [
        ("banking77/train.csv", 10_003, ("text", "category")),
        ("cuad/test.jsonl", 1_655, ("contract", "clause", "category", "answer")),
        ("nlupp/banking.jsonl", 2_071, ("fold", "text", "intents", "slots")),
        ("mts_dialog/train.jsonl", 1_201, ("id", "section", "dialogue", "note")),
        ("formats/identity.json", 60, ("instruction", "input", "output")),
    ],
)
def test_real_files(shared: Path, path: str, rows: int, columns: tuple[str, ...]) -> None:
    table = read_rows(shared / path)
    assert (len(table.rows), table.columns) == (rows, columns)
