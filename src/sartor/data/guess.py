"""What a file of examples is for: columns and kind guessed, each guess with its reason, and written as a spec."""

import json
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from sartor.data.annotations import holds_opinions
from sartor.data.columns import as_text
from sartor.data.jsontext import NotJsonError, parse_json
from sartor.data.shapes import detect_shape, to_messages
from sartor.data.table import Table
from sartor.errors import InputError
from sartor.task import DEFAULT_KPIS, Kind

INPUTS = (
    "text", "input", "question", "prompt", "query", "utterance", "instruction", "message", "dialogue", "dialog",
    "conversation", "transcript", "document", "article", "clause", "passage", "context", "content", "body", "request",
    "email", "ticket", "review", "comment", "sentence", "description", "note",
)  # fmt: skip
TARGETS = (
    "target", "label", "labels", "category", "class", "intent", "intents", "output", "answer", "response",
    "completion", "reply", "summary", "highlights", "code", "sql", "record", "json", "entities", "extraction",
    "solution", "gold", "reference", "note",
)  # fmt: skip
"""Column names that speak for themselves, the surest first."""

IDS = ("id", "row_id", "uid", "uuid", "example_id", "task_id")
SUBJECTS = ("subject", "subject_id", "patient", "patient_id", "customer", "customer_id", "client_id", "user_id")
GROUPS = ("group", "fold", "document_id", "doc_id", "contract", "conversation_id", "session_id", "thread_id", "case_id")

_SQL = re.compile(r"\s*(?:select|insert|update|delete|with|create)\b.*\b(?:from|into|set|as|table)\b", re.I | re.S)
_CODE = re.compile(
    r"^\s*(?:def |class |import |from \w+ import |#include|function |public |const |return )|[;{]\s*$", re.M
)


@dataclass(frozen=True, slots=True)
class Guess:
    """A task as guessed from its data; `reasons` says why, one sentence per guess, and is to be shown."""

    task: str
    kind: Kind
    base: str | None
    train: str
    test: str | None
    input: str | None
    target: str | None
    messages: str | None
    """For chat rows: the column of the conversations, and `input` and `target` are None."""
    id: str | None
    group: str | None
    subject: str | None
    reasons: dict[str, str]
    """By key: `kind`, `input`, `target`, `messages`, `id`, `group`, `subject`."""


def guess_task(
    table: Table,
    test_table: Table | None = None,
    *,
    task: str | None = None,
    train: str | None = None,
    test: str | None = None,
    input: str | None = None,
    target: str | None = None,
    kind: Kind | None = None,
    base: str | None = None,
) -> Guess:
    """Guess whatever is not given. `train` and `test` are the files as the spec shall name them.

    Raises InputError when a given column is not there, or when nothing is left to be the input or the target.
    """
    reasons: dict[str, str] = {}
    for column, role in ((input, "--input"), (target, "--target")):
        for each in (table, test_table):
            if column and each:
                each.require(column, role)
    usable = [column for column in table.columns if test_table is None or column in test_table.columns]
    usable = [column for column in usable if not any(isinstance(row[column], bytes) for row in table.rows)]
    usable = [column for column in usable if not holds_opinions(table, column)]
    roles = _roles(table, test_table, [column for column in usable if column not in (input, target)])
    shape = detect_shape(table) if not (input or target) else None
    messages = None
    if shape:
        messages = shape.columns[0] if shape.name in ("messages", "sharegpt") else "messages"
        reasons["messages"] = shape.description
        roles = {role: column for role, column in roles.items() if column not in shape.columns}
        chats = [row["messages"] for row in to_messages(table, shape).rows]
        questions, answers = ([chat[-n]["content"] for chat in chats if len(chat) > 1] for n in (2, 1))
    else:
        free = [column for column in usable if column not in roles.values()]
        if len(free) < 2:
            roles, free = {}, usable
        input, target = _columns(table, free, input, target, reasons)
        questions, answers = ([row[column] for row in table.rows] for column in (input, target))
    reasons.update({role: "its name says so" for role, column in roles.items()})
    if kind is None:
        kind, reasons["kind"] = guess_kind(questions, answers)
    else:
        reasons["kind"] = "as given"
    return Guess(
        task=task or _slug(PurePath(table.name).stem),
        kind=kind,
        base=base,
        train=train or table.name,
        test=test or (test_table.name if test_table else None),
        input=input,
        target=target,
        messages=messages,
        id=roles.get("id"),
        group=roles.get("group"),
        subject=roles.get("subject"),
        reasons=reasons,
    )


def guess_kind(questions: Sequence[Any], answers: Sequence[Any]) -> tuple[Kind, str]:
    """The kind of job that leads from these inputs to these targets, and why."""
    values = [answer for answer in answers if answer not in (None, "", [])]
    if not values:
        return "generation", "the target is empty everywhere"
    lists = all(isinstance(value, list) and all(isinstance(item, str) for item in value) for value in values)
    if lists:
        labels = Counter(item for value in values for item in value)
        return "classification", f"the target is a list of labels, {len(labels)} different ones"
    if _share(values, _is_record) > 0.9:
        return "extraction", "the targets are JSON"
    texts = [as_text(value) for value in values]
    distinct, longest = len(set(texts)), max(map(len, texts))
    few = max(min(10, len(texts) / 2), len(texts) / 4)
    if distinct <= few and distinct <= 500 and longest <= 80:
        return "classification", f"{distinct} different targets in {len(texts):,} rows, none over {longest} characters"
    if _share(texts, lambda text: bool(_SQL.match(text))) > 0.8:
        return "sql", "the targets read like SQL"
    if _share(texts, lambda text: len(_CODE.findall(text)) >= 2) > 0.8:
        return "code", "the targets read like code"
    asked, told = (sum(len(as_text(value)) for value in side) / max(1, len(side)) for side in (questions, texts))
    if asked > 300 and told < 0.7 * asked:
        return "summarization", f"long inputs ({asked:,.0f} characters on average) and shorter targets ({told:,.0f})"
    return "generation", "the targets are free text"


def write_spec(guess: Guess) -> str:
    """The guess as a commented `sartor.yaml` that `load_task` accepts."""
    lines = [f"task: {_quote(guess.task)}", f"kind: {guess.kind}  # {guess.reasons['kind']}"]
    if guess.base:
        lines.append(f"base: {_quote(guess.base)}")
    else:
        lines.append("# base: smollm2-135m-q4  # the built-in one; or a local folder, a hub id, a file.gguf")
    lines += ["data:", f"  train: {_quote(guess.train)}"]
    if guess.test:
        lines.append(f"  test: {_quote(guess.test)}")
    else:
        lines.append("  # test: held_out.jsonl  # without a test file, a fifth of the rows is split off")
    for role in ("input", "target", "id", "group", "subject"):
        if column := getattr(guess, role):
            lines.append(f"  {role}: {_quote(column)}  # {guess.reasons[role]}")
    if not guess.group:
        lines.append("  # group: COLUMN  # rows with the same value stay on one side of a split")
    if not guess.subject:
        lines.append("  # subject: COLUMN  # whose data a row is")
    prompt = []
    if guess.messages:
        prompt.append(f"  messages: {_quote(guess.messages)}  # {guess.reasons['messages']}")
    for role, column in (("user", guess.input), ("target", guess.target)):
        if column and not set("{}\n") & set(column):  # else `data.input` and `data.target` serve as they are
            prompt.append(f"  {role}: {_quote(f'{{{column}}}')}  # a template, filled from the row's columns")
    lines += [f"{'' if prompt else '# '}prompt:", "  # system: You are …  # what every prompt begins with", *prompt]
    kpis = ", ".join(f"{{name: {name}}}" for name in DEFAULT_KPIS[guess.kind])
    lines += [
        f"kpis: [{kpis}]  # the first decides; goal: 0.9 sets a goal, hard: true makes it a condition",
        "train: {method: lora, rank: 16, epochs: 3, learning_rate: auto, seed: 0}  # budget: 5.00 caps the cost",
        "costs: {label: 0, hour: 0, currency: USD}  # what one label and one hour of this machine cost",
    ]
    return "".join(_printable(line) + "\n" for line in lines)


def _columns(
    table: Table, free: Sequence[str], input: str | None, target: str | None, reasons: dict[str, str]
) -> tuple[str, str]:
    """The input and the target: by name where one speaks for itself, else the longest texts and the last column."""
    reasons.update(input="as given", target="as given")
    if input is None:
        rest = [column for column in free if column != target]
        input, reasons["input"] = _named(rest, INPUTS), "its name says so"
        if rest and input is None:
            pool = [column for column in rest if column != _named(rest, TARGETS)] or rest
            input = max(pool, key=lambda column: sum(len(as_text(row[column])) for row in table.rows))
            reasons["input"] = "the longest texts"
    if target is None:
        rest = [column for column in free if column != input]
        target, reasons["target"] = _named(rest, TARGETS), "its name says so"
        if rest and target is None:
            target, reasons["target"] = rest[-1], "the last column"
    if input is None or target is None:
        missing = "input" if input is None else "target"
        raise InputError(f"{table.name}: no column is left to be the {missing}; add one, such as `text` or `label`")
    return input, target


def _roles(table: Table, test_table: Table | None, columns: Sequence[str]) -> dict[str, str]:
    """The columns that are named like an id, a group and a subject; an id must be there and distinct in each file."""
    found = {"id": _named(columns, IDS), "group": _named(columns, GROUPS), "subject": _named(columns, SUBJECTS)}
    for each in (table, test_table) if test_table else (table,):
        ids = [as_text(row[found["id"]]).strip() for row in each.rows] if found["id"] else []
        if "" in ids or len(set(ids)) < len(ids):
            found["id"] = None
    return {role: column for role, column in found.items() if column}


def _named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the surest of the names."""
    by_name = {column.strip().lower().replace(" ", "_"): column for column in reversed(columns)}
    return next((by_name[name] for name in names if name in by_name), None)


def _is_record(value: Any) -> bool:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            value = parse_json(value)
        except NotJsonError:
            return False
    return isinstance(value, dict | list)


def _share(values: Sequence[Any], holds: Callable[[Any], bool]) -> float:
    return sum(map(bool, map(holds, values))) / len(values)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower()).strip("-._")[:64] or "task"


def _quote(text: str) -> str:
    """The text as YAML: plain where no reader could take it for anything else, else in double quotes."""
    plain = re.fullmatch(r"[A-Za-z][\w./-]+", text, re.ASCII) and text.lower() not in _YAML_WORDS
    return text if plain else json.dumps(text, ensure_ascii=False)


_YAML_WORDS = ("true", "false", "null", "yes", "no", "on", "off")


def _printable(line: str) -> str:
    """The line with what YAML forbids, or would break it, as escapes; that only quoted text and comments can hold."""
    return "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in line)
