"""Templates: what a placeholder is, what it is filled with, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.columns import parse_template
from sartor.data.table import Table, make_table
from sartor.errors import InputError


def table(*rows: dict[str, Any]) -> Table:
    return make_table("t.jsonl", "JSONL", rows, range(1, len(rows) + 1), "line")


ROW = {
    "text": "he said {text}",
    "n": 5,
    "Due Date": "May",
    "none": None,
    "tags": ["a", "é"],
    "slots": {"from": {"text": "9 am", "span": [0, 4]}, "to": {"text": "noon"}},
    "drugs": [{"name": "aspirin"}, {"name": "zinc"}],
}


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("Note: {text}!", "Note: he said {text}!"),
        ("{n} {tags}", '5 ["a","é"]'),
        ("[{none}]{text}", "[]he said {text}"),
        ("{Due Date}", "May"),
        ("{slots.to.text}", "noon"),
        ("{slots.from.span}", "[0,4]"),
        ("{slots.*.text}", '{"from":"9 am","to":"noon"}'),
        ("{drugs.*.name}", '["aspirin","zinc"]'),
        ("{none.*.name}", "{}"),
        ('{"n": {n}, "o": {}, "p": { }} {3} {n} {"x"}', '{"n": 5, "o": {}, "p": { }} {3} 5 {"x"}'),
    ],
)
def test_placeholders_are_filled(template: str, filled: str) -> None:
    assert parse_template(template, table(ROW), "`user`").text(ROW) == filled


def test_a_json_template_keeps_the_order_and_writes_null() -> None:
    template = parse_template('{"intents": {tags}, "slots": {slots.*.text}, "x": {none}}', table(ROW), "`target`")
    assert json.loads(template.json(ROW)) == {
        "intents": ["a", "é"],
        "slots": {"from": "9 am", "to": "noon"},
        "x": None,
    }


_TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"))


@given(_TEXT, _TEXT)
def test_no_text_breaks_out_of_the_quotes_of_a_json_template(first: str, second: str) -> None:
    row = {"a": first, "b": second}
    template = parse_template('{"a": "{a}", "b": "<{b}>", "c": "\\"{a}"}', table(ROW | row), "`target`")
    assert json.loads(template.json(row)) == {"a": first, "b": f"<{second}>", "c": f'"{first}'}


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{txet}", "t.jsonl has no column `txet` (placeholder `{txet}` in `user`); did you mean `text`?"),
        ("{slots.*.txt}", "t.jsonl: no row has the key `txt` of `{slots.*.txt}` in `user`; did you mean `text`?"),
        ("{slots.form}", "no row has the key `form` of `{slots.form}` in `user`; did you mean `from`?"),
        ("Summarise the note.", "`user` has no placeholder, so that every row would read the same"),
    ],
)
def test_a_misspelt_placeholder_is_refused(template: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_template(template, table(ROW), "`user`")
    assert message in str(caught.value)


def test_a_key_that_some_rows_lack_is_null_there() -> None:
    rows = ({"slots": {"a": 1}}, {"slots": {"b": 2}}, {"slots": None})
    template = parse_template("<{slots.a}>", table(*rows), "`user`")
    assert [template.text(row) for row in rows] == ["<1>", "<>", "<>"]


@pytest.mark.parametrize(("template", "needs"), [("{text.key}", "an object with the key `key`"), ("{n.*.x}", "a list")])
def test_a_path_into_a_plain_value_is_an_error_of_the_row(template: str, needs: str) -> None:
    with pytest.raises(ValueError, match=needs):
        parse_template(template, table(ROW), "`user`").text(ROW)
