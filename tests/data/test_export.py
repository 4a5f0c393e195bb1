"""Whatever examples are exported to, reading it back gives the same questions, targets, ids, groups and subjects."""

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartor.data.example import Example, Message
from sartor.data.examples import build_examples
from sartor.data.export import FORMATS, export
from sartor.data.guess import guess_task
from sartor.data.read import read_rows
from sartor.errors import InputError
from sartor.task import Kind, TaskSpec

TEXT = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\0"), min_size=1, max_size=12).filter(
    lambda text: bool(text.strip())
)
TRICKY = st.sampled_from(
    [
        '[{"role": "user", "content": "x"}]',
        "[]",
        '{"a": 1}',
        "a,b\r\nc",
        '"',
        " x ",
        "a\u2028b",
        "=1+1",
        "null",
        "a;b|c\td",
    ]
)
WORDS = st.one_of(TEXT, TRICKY)
NAME = TEXT.map(str.strip)
LABEL = NAME.filter(lambda text: ";" not in text)


@st.composite
def examples(draw: st.DrawFn, kind: str) -> list[Example]:
    found = []
    for id in draw(st.lists(NAME, min_size=1, max_size=4, unique=True)):
        messages = [Message("user", draw(WORDS))]
        if kind == "chat":
            for _ in range(draw(st.integers(0, 2))):
                messages = [Message("user", draw(WORDS)), Message("assistant", draw(WORDS)), *messages]
        if draw(st.booleans()):
            messages = [Message("system", draw(WORDS)), *messages]
        labels: tuple[str, ...] = ()
        if kind == "labels":
            labels = tuple(draw(st.lists(LABEL, min_size=1, max_size=3, unique=True)))
        elif kind == "label":
            labels = (draw(LABEL),)
        target = "; ".join(labels) or draw(WORDS)
        group, subject = (draw(st.none() | NAME) for _ in range(2))
        found.append(Example(id, tuple(messages), target, labels, group, subject))
    return found


def read_back(written: Sequence[Example], format: str, kind: str) -> list[Example]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"export{FORMATS[format].suffix}"
        path.write_bytes(export(written, format))
        table = read_rows(path)
    data = {"train": path.name, "id": "id"}
    data |= {role: role for role in ("group", "subject") if role in table.columns}
    data |= {"labels": "multi"} if kind == "labels" else {}
    several = format in ("argilla", "label-studio") and isinstance(table.rows[0]["completion"], list)
    if several:
        data |= {"input": "prompt", "target": "completion"}
    raw: dict[str, Any] = {
        "task": "t",
        "kind": "classification" if kind in ("label", "labels") else "generation",
        "data": data,
        "prompt": {} if several else {"messages": "messages"},
    }
    return build_examples(table, TaskSpec.model_validate(raw))


def content(examples: Sequence[Example], system: bool = True) -> list[Any]:
    return [
        (each.id, each.messages if system else each.question, each.target, each.labels, each.group, each.subject)
        for each in examples
    ]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["text", "chat", "label", "labels"])
@given(st.data())
def test_what_is_written_is_read_back(format: str, kind: str, data: st.DataObject) -> None:
    written = data.draw(examples(kind))
    system = not (kind == "labels" and format in ("argilla", "label-studio"))
    assert content(read_back(written, format, kind), system) == content(written, system)


EXAMPLE = Example(
    id="n7",
    messages=(Message("system", "Be brief."), Message("user", "Where is my parcel?")),
    target="late",
    labels=("late",),
    group="thread 4",
    columns={"text": "Where is my parcel?", "label": "late", "id": "A-7", "tests": ["assert x"], "tools": "t"},
)


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_tables_keep_the_columns_that_say_more(tmp_path: Path, format: str) -> None:
    path = tmp_path / f"export{FORMATS[format].suffix}"
    path.write_bytes(export([EXAMPLE], format))
    (row,) = read_rows(path).rows
    assert row.pop("tests") == (["assert x"] if format == "jsonl" else '["assert x"]')
    assert row == {
        "id": "n7",
        "group": "thread 4",
        "system": "Be brief.",
        "prompt": "Where is my parcel?",
        "completion": "late",
        "column_id": "A-7",
        "column_tools": "t",
    }


@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_tables_keep_what_people_answered(tmp_path: Path, format: str) -> None:
    people = (("ana", "late; lost"), ("", "lost"))
    labels = {"target": "late; lost", "labels": ("late", "lost")}
    own = {"annotations": [{"annotator": "cem", "status": "draft", "answers": {"label": "late"}}]}
    rows = [
        Example("1", (Message("user", "Where?"),), **labels, annotations=people, columns=own),
        Example("2", (Message("user", "When?"),), **labels),
    ]
    path = tmp_path / f"export.{format}"
    path.write_bytes(export(rows, format))
    data = {"train": path.name, "id": "id", "input": "prompt", "target": "completion", "labels": "multi"}
    spec = TaskSpec.model_validate({"task": "t", "kind": "classification", "data": data})
    read = build_examples(read_rows(path), spec)
    assert [example.annotations for example in read] == [people, ()]
    assert "draft" in str(read[0].columns["column_annotations"])


def test_the_shapes_of_others() -> None:
    assert json.loads(export([EXAMPLE], "messages")) == {
        "id": "n7",
        "group": "thread 4",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Where is my parcel?"},
            {"role": "assistant", "content": "late"},
        ],
    }
    alpaca = json.loads(export([EXAMPLE], "alpaca"))
    assert (alpaca["instruction"], alpaca["system"], alpaca["output"]) == (EXAMPLE.question, "Be brief.", "late")
    (record,) = json.loads(export([EXAMPLE], "argilla"))
    assert record["fields"] == {"system": "Be brief.", "prompt": "Where is my parcel?"}
    assert record["responses"]["completion"][0]["value"] == "late"
    (task,) = json.loads(export([EXAMPLE], "label-studio"))
    assert task["annotations"][0]["result"] == [
        {"from_name": "completion", "to_name": "prompt", "type": "choices", "value": {"choices": ["late"]}}
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_an_export_explains_itself_to_init(tmp_path: Path, format: str) -> None:
    written = [Example(f"n{n}", (Message("user", f"Parcel {n}?"),), "late", ("late",)) for n in range(30)]
    path = tmp_path / f"export{FORMATS[format].suffix}"
    path.write_bytes(export(written, format))
    guess = guess_task(read_rows(path))
    expected: Kind = "classification"
    assert (guess.kind, guess.id, guess.messages) == (expected, "id", "messages")


@pytest.mark.parametrize(
    "messages",
    [
        (Message("user", "a"), Message("user", "b")),
        (Message("system", ""), Message("user", "b")),
        (Message("user", "a"), Message("system", "x"), Message("user", "b")),
    ],
)
def test_what_a_format_cannot_hold_is_refused(messages: tuple[Message, ...]) -> None:
    with pytest.raises(InputError, match="notes.csv:3: Alpaca holds one system message, .* export to `messages`"):
        export([Example("1", messages, "x", source="notes.csv:3")], "alpaca")
    assert content(read_back([Example("1", messages, "x")], "messages", "chat"))[0][1] == messages


def test_an_unknown_format_names_the_nearest() -> None:
    with pytest.raises(InputError, match="there is no format `jsonll`; did you mean `jsonl`"):
        export([EXAMPLE], "jsonll")
