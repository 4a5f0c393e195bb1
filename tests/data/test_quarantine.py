"""With a quarantine, a broken row is set aside with its place, the reason and itself; the others are read as ever."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.delimited import read_delimited
from sartor.data.examples import build_examples
from sartor.data.jsontext import read_jsonl
from sartor.data.read import Quarantine, Table, read_rows
from sartor.errors import InputError
from sartor.task import TaskSpec


def read(folder: Path, name: str, content: str | bytes) -> tuple[Table, Quarantine]:
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    quarantine: Quarantine = []
    return read_rows(folder / name, quarantine=quarantine), quarantine


@pytest.mark.parametrize(
    ("name", "content", "place", "reason", "kept"),
    [
        ("a.jsonl", '{"t": "x"}\n{"t": \n{"t": "y"}', "a.jsonl, line 2", "not JSON: expecting value", '{"t": '),
        ("a.jsonl", 'oops\n{"t": "x"}\n{"t": "y"}', "a.jsonl, line 1", "not JSON: expecting value", "oops"),
        ("a.jsonl", '{"t": "x"}\n[1]\n{"t": "y"}', "a.jsonl, line 2", "not an object", "[1]"),
        ("a.jsonl", '{"t": "x"}\n{"t": NaN}\n{"t": "y"}', "a.jsonl, line 2", "NaN is not a JSON", '{"t": NaN}'),
        ("a.jsonl", '{"t": "x"}\n{"t": "a\0b"}\n{"t": "y"}', "a.jsonl, line 2", "invalid control", '{"t": "a\0b"}'),
        ("a.jsonl", '{"t": "x"}\n{"": 1}\n{"t": "y"}', "a.jsonl, line 2", "'' cannot be a column", '{"": 1}'),
        (
            "a.jsonl",
            b'{"t": "x"}\n{"t": "caf\xe9"}\n{"t": "y"}',
            "a.jsonl, line 2, column `t`",
            "a byte that is not UTF-8",
            r'{"t": "caf\udce9"}',
        ),
        ("a.json", '[{"t": "x"}, 3, {"t": "y"}]', "a.json, row 2", "not an object", "3"),
        ("a.csv", "t,u\nx,1\na,b,c\ny,1\n", "a.csv, line 3", "3 cells where the header has 2", '["a", "b", "c"]'),
        ("a.csv", "t,u\nx,1\na\0b,c\ny,1\n", "a.csv, line 3, column `t`", "a NUL character", '"a\\u0000b"'),
        ("a.csv", b"t,u\nx,1\n\xe9,c\ny,1\n", "a.csv, line 3, column `t`", "not UTF-8", r"\udce9"),
        ("a.csv", 't,u\nx,1\na "b" c,d\ny,1\n', "a.csv, line 3", "a quote inside a cell", 'a "b" c,d\n'),
        ("a.csv", 't,u\nx,1\n"a"b,"c\nd"\ny,1\n', "a.csv, line 3", "(2 lines, in which no row", '"a"b,"c\nd"\n'),
        ("a.csv", 't,u\nx,1\n"a,b\nc"\ny,1\n', "a.csv, line 3", "look for a quote that is", '["a,b\\nc"]'),
        ("a.csv", 't,u\nx,1\ny,1\n"a,b\nc,d\n', "a.csv, line 4", "never closed", '"a,b\nc,d\n'),
        ("a.tsv", 't\tu\nx\t1\n"a"b\tc\ny\t1\n', "a.tsv, line 3", "text after a closing quote", '"a"b\tc\n'),
    ],
)
def test_one_broken_row_is_set_aside(
    tmp_path: Path, name: str, content: str | bytes, place: str, reason: str, kept: str
) -> None:
    table, quarantine = read(tmp_path, name, content)
    assert [row["t"] for row in table.rows] == ["x", "y"]
    (aside,) = quarantine
    assert aside.place == place
    assert reason in aside.reason
    assert kept in aside.content
    with pytest.raises(InputError):
        read_rows(tmp_path / name)


def test_an_over_long_cell_is_set_aside_whole(tmp_path: Path) -> None:
    table, quarantine = read(tmp_path, "a.csv", "t,u\nx,1\n" + "z" * 200_000 + ",2\n")
    assert len(table.rows) == 1
    assert quarantine[0].place == "a.csv, line 3, column `t`"
    assert "z" * 200_000 in quarantine[0].content


def test_numbers_places_and_ids_do_not_shift(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "a.jsonl", '{"t": "a", "u": 1}\nbroken\n\n{"t": "b", "u": 2}\n{"t": "c", "u": 3}\n')
    assert (table.places, table.numbers) == ([1, 4, 5], [1, 3, 4])
    assert [example.id for example in build_examples(table, spec())] == ["1", "3", "4"]


def test_a_formula_error_sets_its_row_aside(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "a.xlsx") as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([["t", "u"], ["x", 1], ["bad", None], ["y", 2]]):
            sheet.write_row(number, 0, row)
        sheet.write_formula(2, 1, "=1/0", None, "#DIV/0!")
    quarantine: Quarantine = []
    table = read_rows(tmp_path / "a.xlsx", quarantine=quarantine)
    assert [row["t"] for row in table.rows] == ["x", "y"]
    assert [aside.place for aside in quarantine] == ["a.xlsx, row 3, column 2"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "t,t\na,b\n", "two columns are named `t`"),
        ("a.csv", "t,u\na\n", "a.csv holds no rows that can be used; the first: a.csv, line 2: 1 cell where"),
        ("a.csv", "t\xe9,u\na,some text\n".encode("latin-1"), "cannot be a column's name"),
        (
            "a.csv",
            "t,u\nпривет,b\n".encode("cp1251"),
            "a.csv, line 2, byte 1: byte 0xEF is not UTF-8; if it is Windows",
        ),
        ("a.csv", 't,"u\na,b\n', "a.csv, line 1: a quote opens here and is never closed"),
        ("a.jsonl", "{\n", "a.jsonl holds no rows that can be used; the first: a.jsonl, line 1: not JSON"),
        ("a.csv", bytes(range(256)) * 8, "is a binary file"),
        ("a.csv", "t,u\na,e\n".encode("utf-16"), "is UTF-16 text"),
        ("a.json", '[{"t": 1},', "a.json, line 1: not JSON"),
        ("a.csv", "", "is empty"),
    ],
)
def test_what_is_wrong_with_the_whole_file_is_an_error(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(tmp_path, name, content)
    assert message in str(caught.value)


def spec(**prompt: str) -> TaskSpec:
    columns = {} if prompt else {"input": "t", "target": "u"}
    data = {"train": "a.jsonl", **columns}
    return TaskSpec.model_validate({"task": "t", "kind": "generation", "data": data, "prompt": prompt})


def test_rows_that_cannot_be_examples_are_set_aside(tmp_path: Path) -> None:
    table, _ = read(tmp_path, "a.jsonl", '{"t": "a", "u": "x"}\n{"t": "", "u": "x"}\n{"t": "b"}\n{"t": "c", "u": "y"}')
    quarantine: Quarantine = []
    assert [example.id for example in build_examples(table, spec(), quarantine)] == ["1", "4"]
    assert [aside.place for aside in quarantine] == ["a.jsonl, line 2", "a.jsonl, line 3"]
    assert [aside.reason.split(";")[0] for aside in quarantine] == ["the input `t` is empty", "the target is empty"]
    assert json.loads(quarantine[0].content) == {"t": "", "u": "x"}


def test_broken_conversations_are_set_aside(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    rows: list[dict[str, Any]] = [
        {"messages": [{"role": "wizard", "content": "a"}]},
        {"messages": turns},
        {"messages": turns[:1]},
        {"messages": turns},
    ]
    table, _ = read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)))
    quarantine: Quarantine = []
    examples = build_examples(table, spec(messages="messages"), quarantine)
    assert [(example.id, example.source) for example in examples] == [("2", "a.jsonl:2"), ("4", "a.jsonl:4")]
    assert [aside.place for aside in quarantine] == ["a.jsonl, line 1", "a.jsonl, line 3"]


def test_no_row_left_is_an_error(tmp_path: Path) -> None:
    table, quarantine = read(tmp_path, "a.jsonl", '{"t": "", "u": "x"}')
    with pytest.raises(InputError, match="holds no rows that can be used; the first: a.jsonl, line 1: the input"):
        build_examples(table, spec(), quarantine)


CELL = st.text(st.sampled_from('a",\n é\0{}:'), max_size=8)
ROWS = st.lists(st.tuples(CELL, CELL), min_size=1, max_size=6)


@given(ROWS, st.integers(0, 5), st.text(st.sampled_from('a",x'), max_size=6))
def test_a_damaged_csv_line_takes_no_other_line_with_it(rows: list[tuple[str, str]], at: int, damage: str) -> None:
    """What the csv module wrote around a line with an even number of quotes is read, whatever that line holds."""
    quotes = damage.count('"')
    damage += '"' * (quotes % 2)
    parts = []
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(row)
        parts.append(buffer.getvalue())
    at = min(at, len(parts))
    text = "a,b\n" + "".join((*parts[:at], damage + "\n", *parts[at:]))
    quarantine: Quarantine = []
    table = read_delimited(text, "a.csv", quarantine)
    found = [(row["a"], row["b"]) for row in table.rows]
    if quarantine or not damage:
        assert found == rows
    else:
        assert [*found[:at], *found[at + 1 :]] == rows


@given(st.text(max_size=80))
def test_no_character_of_a_csv_vanishes(text: str) -> None:
    quarantine: Quarantine = []
    try:
        table = read_delimited("a,b\n" + text, "a.csv", quarantine)
    except InputError:
        return
    kept = sum(len(value) for row in table.rows for value in row.values())
    kept += sum(len(aside.content) for aside in quarantine)
    assert kept >= len(text) - sum(text.count(char) for char in ',\r\n"')


@given(st.lists(st.one_of(st.sampled_from(['{"a": 1}', '{"b": [2]}']), st.text(max_size=10)), min_size=1, max_size=6))
def test_every_line_of_a_jsonl_is_a_row_or_set_aside(lines: list[str]) -> None:
    lines = [line.replace("\n", "") for line in lines]
    quarantine: Quarantine = []
    try:
        rows = len(read_jsonl("\n".join(lines), "a.jsonl", quarantine=quarantine).rows)
    except InputError:
        rows = 0
    assert rows + len(quarantine) == sum(bool(line.strip()) for line in lines)
