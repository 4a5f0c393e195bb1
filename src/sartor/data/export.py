"""Examples out, in the formats that others read, so that reading them back gives the same questions, targets and ids."""

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import polars

from sartor.complaints import did_you_mean
from sartor.data.annotations import SUBMITTED, distinct_names
from sartor.data.columns import as_text
from sartor.data.example import Example
from sartor.data.jsontext import compact
from sartor.errors import InputError

Rows = list[dict[str, Any]]

NOBODY = "00000000-0000-0000-0000-000000000000"
"""The annotator of exported targets: Argilla wants a UUID."""
_TAKEN = (
    "id", "system", "prompt", "completion", "messages", "tools", "chosen", "rejected", "group", "subject",
    "annotations",
)  # fmt: skip
"""Names that mean something when the file is read again; a row's other columns of these names get a prefix."""
_TURNS = polars.List(polars.Struct({"role": polars.String, "content": polars.String}))


@dataclass(frozen=True, slots=True)
class Format:
    suffix: str
    about: str
    write: Callable[[Sequence[Example]], bytes]


def export(examples: Sequence[Example], format: str) -> bytes:
    """The examples as a file of a format of `FORMATS`.

    Raises InputError for an unknown format, and for an example that the format cannot hold.
    """
    if format not in FORMATS:
        raise InputError(
            f"there is no format `{format}`{did_you_mean(format, FORMATS)}; there are {', '.join(FORMATS)}"
        )
    return FORMATS[format].write(examples)


def _csv(examples: Sequence[Example]) -> bytes:
    rows = [{name: as_text(value) for name, value in row.items()} for row in _with_columns(examples)]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL)
    writer.writerow(rows[0] if rows else ("id", "prompt", "completion"))
    writer.writerows(row.values() for row in rows)
    return buffer.getvalue().encode()


def _jsonl(examples: Sequence[Example]) -> bytes:
    return _lines(_with_columns(examples))


def _parquet(examples: Sequence[Example]) -> bytes:
    """Text but for conversations: a column of Parquet has one type, and columns of JSON may have several."""
    rows = [
        {name: value if name == "prompt" or value is None else as_text(value) for name, value in row.items()}
        for row in _with_columns(examples)
    ]
    names = rows[0] if rows else ("id", "prompt", "completion")
    turns = any(isinstance(row["prompt"], list) for row in rows)
    schema = {name: _TURNS if turns and name == "prompt" else polars.String() for name in names}
    buffer = io.BytesIO()
    polars.DataFrame(rows, schema=schema).write_parquet(buffer, compression="zstd")
    return buffer.getvalue()


def _messages(examples: Sequence[Example]) -> bytes:
    return _lines(
        [
            {**_about(example), "messages": [*_turns(example), {"role": "assistant", "content": example.target}]}
            for example in examples
        ]
    )


def _alpaca(examples: Sequence[Example]) -> bytes:
    return _lines([_alpaca_row(example) for example in examples])


def _alpaca_row(example: Example) -> dict[str, Any]:
    turns = list(example.messages)
    system = turns.pop(0).content if turns[0].role == "system" else ""
    asked, answered = turns[0:-1:2], turns[1:-1:2]
    pairs = [turn.role for turn in turns] == ["user", "assistant"] * len(answered) + ["user"]
    if not pairs or (example.messages[0].role == "system" and not system):
        problem = "Alpaca holds one system message, and questions and answers in turn"
        raise InputError(f"{example.source or f'example {example.id}'}: {problem}; export to `messages` instead")
    history = [[ask.content, answer.content] for ask, answer in zip(asked, answered, strict=True)]
    row = {**_about(example), "instruction": example.question, "input": "", "output": example.target}
    return row | ({"system": system} if system else {}) | ({"history": history} if history else {})


def _argilla(examples: Sequence[Example]) -> bytes:
    rows = [
        {
            "id": example.id,
            "fields": asked,
            "metadata": {name: value for name, value in _about(example).items() if name != "id"},
            "suggestions": {},
            "responses": {"completion": [{"value": answer, "user_id": NOBODY, "status": "submitted"}]},
            "vectors": {},
        }
        for example, asked, answer in _questions(examples)
    ]
    return compact(rows).encode()


def _label_studio(examples: Sequence[Example]) -> bytes:
    rows: Rows = []
    for example, asked, answer in _questions(examples):
        labels = answer if isinstance(answer, list) else [answer]
        kind, key = ("choices", "choices") if example.labels else ("textarea", "text")
        result = {"from_name": "completion", "to_name": "prompt", "type": kind, "value": {key: labels}}
        rows.append({"data": {**_about(example), **asked}, "annotations": [{"result": [result]}]})
    return compact(rows).encode()


FORMATS = {
    "csv": Format(".csv", "a table of text", _csv),
    "jsonl": Format(".jsonl", "a table, one object a line", _jsonl),
    "parquet": Format(".parquet", "a table of text", _parquet),
    "messages": Format(".jsonl", "OpenAI messages, one conversation a line", _messages),
    "alpaca": Format(".jsonl", "instruction and output, one object a line", _alpaca),
    "argilla": Format(".json", "records, the target as a response", _argilla),
    "label-studio": Format(".json", "tasks, the target as an annotation", _label_studio),
}


def _questions(examples: Sequence[Example]) -> list[tuple[Example, dict[str, Any], str | list[str]]]:
    """What is asked, as fields, and the answer: several labels as a list, where the fields are texts."""
    plain = all(map(_is_plain, examples))
    several = plain and any(len(example.labels) > 1 for example in examples)
    return [
        (example, _asked(example, plain), list(example.labels) if several else example.target) for example in examples
    ]


def _asked(example: Example, plain: bool) -> dict[str, Any]:
    """`prompt` and, where there is one, `system` as text; where texts cannot say it, `prompt` is the conversation."""
    if not plain:
        return {"prompt": _turns(example)}
    system = {"system": example.messages[0].content} if len(example.messages) > 1 else {}
    return {**system, "prompt": example.question}


def _is_plain(example: Example) -> bool:
    """Whether a text says it all: no turns before the question, and nobody could read the text as a conversation."""
    before = example.messages[:-1]
    lone = not before or (len(before) == 1 and before[0].role == "system" and bool(before[0].content))
    return lone and not example.question.lstrip().startswith("[")


def _with_columns(examples: Sequence[Example]) -> Rows:
    """A row per example, every row with all columns: its own, and those of the row it was made from that say more."""
    plain = all(map(_is_plain, examples))
    rows: Rows = [{**_about(each), **_asked(each, plain), "completion": each.target} for each in examples]
    if any(example.annotations for example in examples):
        for row, example in zip(rows, examples, strict=True):
            row["annotations"] = [
                {"annotator": who, "status": SUBMITTED, "answers": {"completion": answer}}
                for who, answer in example.annotations
            ]
    own = dict.fromkeys(name for row in rows for name in row)
    others = list(dict.fromkeys(name for example in examples for name in example.columns))
    others = [name for name in others if not _is_said(examples, name)]
    names = distinct_names(("taken", list(_TAKEN)), ("column", others))
    return [
        {
            **{name: row.get(name) for name in own},
            **{names["column", name]: example.columns.get(name) for name in others},
        }
        for row, example in zip(rows, examples, strict=True)
    ]


def _is_said(examples: Sequence[Example], name: str) -> bool:
    """Whether a column repeats what the example's own columns say."""
    cells = [as_text(example.columns.get(name)) for example in examples]
    own = (
        [example.question for example in examples],
        [example.target for example in examples],
        [example.id for example in examples],
        [example.group or "" for example in examples],
        [example.subject or "" for example in examples],
    )
    return cells in own


def _about(example: Example) -> dict[str, str]:
    about = {"id": example.id, "group": example.group, "subject": example.subject}
    return {name: value for name, value in about.items() if value is not None}


def _turns(example: Example) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in example.messages]


def _lines(rows: Rows) -> bytes:
    return "".join(compact(row) + "\n" for row in rows).encode()
