"""`build_examples`: rows become examples, and every row that cannot be trained on is found."""

import json
from typing import Any

import pytest

from sartor.data.example import Message
from sartor.data.examples import build_examples
from sartor.data.table import Table, make_table
from sartor.errors import InputError
from sartor.task import TaskSpec


def table(*rows: dict[str, Any]) -> Table:
    return make_table("notes.jsonl", "JSONL", rows, range(1, len(rows) + 1), "line")


def spec(kind: str, data: dict[str, Any] | None = None, prompt: dict[str, Any] | None = None) -> TaskSpec:
    columns = {} if prompt and "messages" in prompt else {"input": "note", "target": "target"}
    raw = {
        "task": "t",
        "kind": kind,
        "data": {"train": "notes.jsonl", **columns, **(data or {})},
        "prompt": prompt or {},
    }
    return TaskSpec.model_validate(raw)


def refusal(spec: TaskSpec, *rows: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        build_examples(table(*rows), spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_columns_and_system_become_messages() -> None:
    rows = (
        {"note": "a", "target": "x", "who": 7, "fold": None},
        {"note": "b", "target": " y ", "who": "8", "fold": ""},
    )
    task = spec("generation", {"subject": "who", "group": "fold"}, {"system": "Be brief."})
    first, second = build_examples(table(*rows), task)
    assert first.messages == (Message("system", "Be brief."), Message("user", "a"))
    assert (first.id, first.target, first.labels, first.subject, first.group) == ("1", "x", (), "7", None)
    assert (second.id, second.target, second.source, second.question) == ("2", " y ", "notes.jsonl:2", "b")


def test_templates_fill_input_and_target() -> None:
    task = spec("generation", prompt={"user": "Note: {note}\nWhat?", "target": "{target} ({n})"})
    (example,) = build_examples(table({"note": "a", "target": "x", "n": 3}), task)
    assert (example.question, example.target) == ("Note: a\nWhat?", "x (3)")


def test_single_labels_are_stripped() -> None:
    examples = build_examples(
        table({"note": "a", "target": " x "}, {"note": "b", "target": True}), spec("classification")
    )
    assert [(example.target, example.labels) for example in examples] == [("x", ("x",)), ("true", ("true",))]


def test_lists_make_a_classification_multi() -> None:
    rows = ({"note": "a", "target": ["x ", "y", "x"]}, {"note": "b", "target": "y;z"})
    examples = build_examples(table(*rows), spec("classification"))
    assert [(example.target, example.labels) for example in examples] == [("x; y", ("x", "y")), ("y; z", ("y", "z"))]


def test_text_is_split_where_the_spec_says_multi() -> None:
    (example,) = build_examples(
        table({"note": "a", "target": "x | y"}), spec("classification", {"labels": "multi", "separator": "|"})
    )
    assert example.labels == ("x", "y")


def test_json_targets_are_canonical_and_keep_their_order() -> None:
    rows = ({"note": "a", "target": '{ "b": [1, 2.5],\n "a": "é" }'}, {"note": "b", "target": {"b": None}})
    examples = build_examples(table(*rows), spec("extraction"))
    assert [example.target for example in examples] == ['{"b":[1,2.5],"a":"é"}', '{"b":null}']


def test_json_templates() -> None:
    task = spec("extraction", prompt={"target": '{"tags": {tags}, "slots": {slots.*.text}, "said": "{note}"}'})
    rows = (
        {"note": 'a "b"', "target": "", "tags": ["x"], "slots": {"day": {"text": "May"}}},
        {"note": "c", "target": "", "tags": None, "slots": None},
    )
    targets = [json.loads(example.target) for example in build_examples(table(*rows), task)]
    assert targets == [
        {"tags": ["x"], "slots": {"day": "May"}, "said": 'a "b"'},
        {"tags": None, "slots": {}, "said": "c"},
    ]


CHAT = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]


@pytest.mark.parametrize(
    ("column", "row"),
    [
        ("messages", {"messages": CHAT}),
        ("chat", {"chat": CHAT, "text": "other"}),
        ("conversations", {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello"}]}),
        ("messages", {"instruction": "Hi", "output": "Hello"}),
        ("messages", {"prompt": "Hi", "completion": "Hello"}),
    ],
)
def test_chat_rows_end_in_the_answer(column: str, row: dict[str, Any]) -> None:
    (example,) = build_examples(table(row), spec("generation", prompt={"messages": column, "system": "Be brief."}))
    assert example.messages == (Message("system", "Be brief."), Message("user", "Hi"))
    assert example.target == "Hello"


def test_a_row_s_own_system_message_comes_before_the_spec_s() -> None:
    row = {"messages": [{"role": "system", "content": "Mine."}, *CHAT]}
    (example,) = build_examples(table(row), spec("generation", prompt={"messages": "messages", "system": "Be brief."}))
    assert [m.content for m in example.messages] == ["Mine.", "Hi"]


GOOD = {"note": "a", "target": "x", "id": "1"}


@pytest.mark.parametrize(
    ("task", "row", "message"),
    [
        (
            spec("generation"),
            {"target": " "},
            "notes.jsonl, line 2: the target is empty; fill it in, or remove the row",
        ),
        (spec("generation"), {"target": None}, "line 2: the target is empty"),
        (spec("generation"), {"note": "\n"}, "line 2: the input `note` is empty"),
        (spec("generation", prompt={"user": "Q: {note}"}), {"note": ""}, "line 2: the input `note` is empty"),
        (spec("generation", {"id": "id"}), {}, "line 2: the id `1` is also that of line 1"),
        (spec("generation", {"id": "id"}), {"id": None}, "line 2: the id `id` is empty"),
        (spec("classification", {"labels": "single"}), {"target": ["x"]}, "line 2: the target is a list of labels"),
        (spec("classification"), {"target": []}, "line 2: the target holds no label; give a label, such as `none`"),
        (spec("classification"), {"target": ["x; y"]}, "line 2: the label `x; y` holds a `;`"),
        (spec("generation", prompt={"user": "{note.a}"}), {"note": 5}, "`{note.a}` needs an object with the key `a`"),
    ],
)
def test_a_bad_row_is_told_with_its_place(task: TaskSpec, row: dict[str, Any], message: str) -> None:
    assert message in refusal(task, GOOD, GOOD | {"id": "2"} | row if "id" not in message else GOOD | row)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("dose: 5 mg", "notes.jsonl, line 1: the target is not JSON (expecting value at character 1); "),
        ('{"a": 1', "the target is not JSON (expecting ',' delimiter at character 8)"),
        ('{"a": 1, "a": 2}', "the target is not JSON (the key `a` is there twice in one object)"),
        ("5", "the target is a single JSON value; an extraction needs an object"),
        ("", "the target is empty"),
    ],
)
def test_an_extraction_s_target_must_be_json(target: str, message: str) -> None:
    assert message in refusal(spec("extraction"), {"note": "a", "target": target})


def test_text_that_breaks_a_json_template_is_told_with_the_remedy() -> None:
    task = spec("extraction", prompt={"target": '{"name": {target}}'})
    message = refusal(task, {"note": "a", "target": "Bob"})
    assert message.startswith("notes.jsonl, line 1: the target is not JSON")
    assert message.endswith('put placeholders of text in quotes: "{name}"')


def test_all_bad_rows_are_counted() -> None:
    rows = [GOOD, GOOD | {"target": ""}, GOOD | {"note": ""}, GOOD, GOOD | {"target": ""}]
    message = refusal(spec("generation"), *rows)
    assert message.startswith("notes.jsonl, line 2: the target is empty")
    assert message.endswith("(and 2 more rows)")


def test_a_missing_column_names_the_nearest() -> None:
    row = {"notes": "a", "target": "x"}
    assert refusal(spec("generation"), row) == "notes.jsonl has no column `note` (`data.input`); did you mean `notes`?"
    row = {"note": "a", "target": "x"}
    message = "notes.jsonl has no column `zzz` (`data.group`); it has `note`, `target`"
    assert refusal(spec("generation", {"group": "zzz"}), row) == message


@pytest.mark.parametrize(
    ("turns", "message"),
    [
        (CHAT[:1], "line 2: the conversation ends in a user message"),
        (CHAT[1:], "line 2: no user message comes right before the answer"),
        ([{"role": "user", "content": " "}, CHAT[1]], "line 2: the user message before the answer is empty"),
        ([CHAT[0], {"role": "assistant", "content": ""}], "line 2: the target is empty"),
        (None, "line 2: a conversation must be a list of messages"),
    ],
)
def test_a_conversation_must_end_in_an_answer(turns: Any, message: str) -> None:
    task = spec("generation", prompt={"messages": "messages"})
    assert message in refusal(task, {"messages": CHAT}, {"messages": turns}, {"messages": CHAT})
