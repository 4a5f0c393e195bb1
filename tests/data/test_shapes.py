"""The usual chat shapes are detected, and become the same `messages`."""

import json
from pathlib import Path
from typing import Any

import pytest

from sartor.data.read import read_rows
from sartor.data.shapes import detect_shape, to_messages
from sartor.data.table import Table, make_table
from sartor.errors import InputError

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Hello"},
]


def table(*rows: dict[str, Any]) -> Table:
    return make_table("chat.jsonl", "JSONL", rows, range(1, len(rows) + 1), "line")


def normalised(*rows: dict[str, Any]) -> tuple[str, list[dict[str, str]]]:
    shape = detect_shape(table(*rows))
    assert shape is not None
    return shape.name, to_messages(table(*rows), shape).rows[0]["messages"]


SHAREGPT = [
    {"from": "system", "value": "Be brief."},
    {"from": "human", "value": "Hi"},
    {"from": "gpt", "value": "Hello"},
]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("messages", {"messages": TURNS}),
        ("messages", {"dialog": TURNS}),
        ("messages", {"messages": json.dumps(TURNS)}),
        ("messages", {"messages": TURNS[1:], "system": "Be brief."}),
        ("messages", {"messages": [{"role": "developer", "content": "Be brief."}, *TURNS[1:]]}),
        (
            "messages",
            {"messages": [{"role": t["role"], "content": [{"type": "text", "text": t["content"]}]} for t in TURNS]},
        ),
        ("sharegpt", {"conversations": SHAREGPT}),
        ("sharegpt", {"conversations": SHAREGPT[1:], "system": "Be brief."}),
        ("alpaca", {"instruction": "Hi", "input": "", "output": "Hello", "system": "Be brief."}),
        ("prompt-completion", {"prompt": "Hi", "completion": "Hello", "system": "Be brief."}),
        ("prompt-completion", {"prompt": TURNS[:2], "completion": TURNS[2:]}),
        ("preference", {"prompt": TURNS[:2], "chosen": TURNS[2:], "rejected": []}),
        ("preference", {"prompt": TURNS[:2], "chosen": TURNS, "rejected": TURNS}),
        ("preference", {"conversations": SHAREGPT[:2], "chosen": SHAREGPT[2], "rejected": SHAREGPT[2]}),
    ],
)
def test_every_shape_becomes_the_same_messages(name: str, row: dict[str, Any]) -> None:
    assert normalised(row) == (name, TURNS)


def test_alpaca_input_and_history_go_before() -> None:
    row = {"instruction": "Add", "input": "1, 2", "output": "3", "history": [["Hi", "Hello"]]}
    contents = [(turn["role"], turn["content"]) for turn in normalised(row)[1]]
    assert contents == [("user", "Hi"), ("assistant", "Hello"), ("user", "Add\n\n1, 2"), ("assistant", "3")]


def test_tools_and_their_calls_are_kept_as_text() -> None:
    calls = [{"id": "1", "type": "function", "function": {"name": "now", "arguments": "{}"}}]
    row = {
        "tools": '[{"name": "now"}]',
        "messages": [
            {"role": "user", "content": "Time?"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "content": "9 am"},
            {"role": "assistant", "content": "It is 9 am."},
        ],
    }
    assert normalised(row)[1] == [
        {"role": "system", "content": 'Tools:\n[{"name": "now"}]'},
        {"role": "user", "content": "Time?"},
        {"role": "assistant", "content": '{"name":"now","arguments":"{}"}'},
        {"role": "user", "content": "9 am"},
        {"role": "assistant", "content": "It is 9 am."},
    ]


def test_other_columns_are_kept() -> None:
    both = table({"id": 1, "messages": TURNS}, {"id": 2, "messages": TURNS})
    shape = detect_shape(both)
    assert shape is not None
    assert to_messages(both, shape).columns == ("id", "messages")


@pytest.mark.parametrize(
    "row", [{"text": "a", "label": "b"}, {"messages": ["a", "b"]}, {"messages": [{"x": 1}]}, {"prompt": "a"}]
)
def test_plain_columns_are_no_chat(row: dict[str, Any]) -> None:
    assert detect_shape(table(row)) is None


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        ("hello", "chat.jsonl, line 3: a conversation must be a list of messages"),
        ([{"role": "wizard", "content": "a"}], 'line 3: message 1 has the role "wizard"; known are `system`'),
        ([*TURNS, "bye"], "line 3: message 4 is not an object"),
        ([{"role": "user", "content": None}], "line 3: message 1 has no text in `content`"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "line 3: message 1 has a part that is not text"),
    ],
)
def test_a_broken_conversation_is_told_with_its_place(turns: Any, message: str) -> None:
    broken = table({"messages": TURNS}, {"messages": TURNS}, {"messages": turns})
    shape = detect_shape(broken)
    assert shape is not None
    with pytest.raises(InputError) as caught:
        to_messages(broken, shape)
    assert message in str(caught.value)


@pytest.mark.real
@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("alpaca_en_demo", "alpaca"),
        ("identity", "alpaca"),
        ("glaive_toolcall_en_demo", "sharegpt"),
        ("dpo_en_demo", "preference"),
    ],
)
def test_real_files(shared: Path, name: str, shape: str) -> None:
    read = read_rows(shared / "formats" / f"{name}.json")
    found = detect_shape(read)
    assert found is not None
    assert found.name == shape
    rows = to_messages(read, found).rows
    assert len(rows) == 60
    assert all(row["messages"][-1]["role"] == "assistant" for row in rows)
