"""Rows of a table → examples of a task: templates filled, labels and JSON made canonical, every bad row found."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sartor.data.annotations import people
from sartor.data.columns import Placeholder, Template, as_text, parse_template
from sartor.data.example import Example, Message
from sartor.data.jsontext import NotJsonError, compact, parse_json
from sartor.data.quarantine import Quarantine, require_rows
from sartor.data.shapes import detect_shape, read_messages, to_messages
from sartor.data.table import Table
from sartor.task import TaskSpec

Row = Mapping[str, Any]
Turns = tuple[Message, ...]


def build_examples(table: Table, spec: TaskSpec, quarantine: Quarantine | None = None) -> list[Example]:
    """One example per row, in the table's order, with what people answered as far as columns of the table say it.

    Raises InputError for a column or key that is not there, and for rows that cannot be trained on: an empty input or
    target, a duplicate id, an extraction's target that is not JSON, a conversation that does not end in an answer. The
    message shows the first such row and counts the others. With a list as `quarantine`, such rows are put there.
    """
    data, chats = spec.data, spec.prompt.messages
    if chats:
        table = _chat_table(table, chats, quarantine)
    roles = {"input", "target", "id", "group", "subject"}
    for role, column in data.model_dump(include=roles).items():
        if column:
            table.require(column, f"`data.{role}`")
    read = read_chat if chats else _from_columns(table, spec)
    asked = () if chats else _template(spec.prompt.target, data.target, table, "target").paths
    answered = people(table, data.annotations, {path.column for path in asked}, lambda row: read(row)[1])
    read_rows, problems = dict[int, tuple[Turns, Any]](), list[tuple[int, str]]()
    for index, row in enumerate(table.rows):
        try:
            read_rows[index] = read(row)
        except ValueError as error:
            problems.append((index, str(error)))
    finish = _finisher(spec, any(isinstance(answer, list) for _, answer in read_rows.values()))
    examples, ids = list[Example](), dict[str, int]()
    for index, (messages, answer) in read_rows.items():
        row = table.rows[index]
        if spec.prompt.system and messages[0].role != "system":
            messages = (Message("system", spec.prompt.system), *messages)
        try:
            target, labels = finish(answer)
            annotations = tuple(_annotation(who, given, finish) for who, given in answered(row))
            id, group, subject = (_name(row, column) for column in (data.id, data.group, data.subject))
            if data.weight in row:
                read_weight(row, data.weight)
            if data.id and not id:
                raise ValueError(f"the id `{data.id}` is empty; give every row its own")
            id = id or str(table.numbers[index])
            if ids.setdefault(id, index) != index:
                first = f"{table.unit} {table.places[ids[id]]}"
                raise ValueError(f"the id `{id}` is also that of {first}; give each row its own, or remove `data.id`")
            source = table.source(index)
            examples.append(Example(id, messages, target, labels, group, subject, source, annotations, row))
        except ValueError as error:
            problems.append((index, str(error)))
    table.refuse(problems, quarantine)
    require_rows(table.name, examples, quarantine)
    return examples


def build_questions(table: Table, spec: TaskSpec) -> list[Example]:
    """Examples without a target, for rows that are yet to be answered; chats end in a user message, or their answer is cut.

    Raises InputError for a column that is not there and for an empty input.
    """
    if spec.prompt.messages:
        table = _chat_table(table, spec.prompt.messages)

        def read(row: Row) -> Turns:
            turns = read_messages(row["messages"])
            turns = turns[:-1] if turns[-1].role == "assistant" else turns
            if not turns or turns[-1].role != "user" or not turns[-1].content.strip():
                raise ValueError("there is no question; end the conversation in a user message")
            return turns
    else:
        if spec.data.input and not spec.prompt.user:
            table.require(spec.data.input, "`data.input`")
        user = _template(spec.prompt.user, spec.data.input, table, "user")

        def read(row: Row) -> Turns:
            if not any(as_text(path.value(row)).strip() for path in user.paths):
                raise ValueError("the input is empty; fill it in, or remove the row")
            return (Message("user", user.text(row)),)

    questions, problems = list[Example](), list[tuple[int, str]]()
    columns = [name if name in table.columns else None for name in (spec.data.id, spec.data.group, spec.data.subject)]
    for index, row in enumerate(table.rows):
        try:
            messages = read(row)
        except ValueError as error:
            problems.append((index, str(error)))
            continue
        if spec.prompt.system and messages[0].role != "system":
            messages = (Message("system", spec.prompt.system), *messages)
        id, group, subject = (_name(row, column) for column in columns)
        id = id or str(table.numbers[index])
        questions.append(Example(id, messages, "", (), group, subject, table.source(index)))
    table.refuse(problems)
    return questions


def read_target(answer: Any, spec: TaskSpec) -> tuple[str, tuple[str, ...]]:
    """An answer as it is supervised, and its labels. Raises ValueError where it cannot be one of the task's."""
    return _finisher(spec, lists=False)(answer)


def _chat_table(table: Table, column: str, quarantine: Quarantine | None = None) -> Table:
    """The table with its conversations under `messages`: the column's own, or what the detected shape makes of it."""
    shape = detect_shape(table)
    if shape and column in (shape.columns[0], "messages"):
        return to_messages(table, shape, quarantine)
    table.require(column, "`prompt.messages`")
    rows = [{**row, "messages": row[column]} for row in table.rows]
    return replace(table, columns=tuple(dict.fromkeys((*table.columns, "messages"))), rows=rows)


def read_chat(row: Row) -> tuple[Turns, Any]:
    """What is asked in a row's `messages`, and the answer. Raises ValueError where they do not end in one of each."""
    turns = read_messages(row["messages"])
    if turns[-1].role != "assistant":
        raise ValueError(f"the conversation ends in a {turns[-1].role} message; it must end in the assistant's answer")
    if len(turns) < 2 or turns[-2].role != "user":
        raise ValueError("no user message comes right before the answer; add the question")
    if not turns[-2].content.strip():
        raise ValueError("the user message before the answer is empty; fill it in, or remove the row")
    return turns[:-1], turns[-1].content


def _from_columns(table: Table, spec: TaskSpec) -> Callable[[Row], tuple[Turns, Any]]:
    """Reads a row's user message, and its answer: the value itself where the template is one placeholder, else text."""
    user = _template(spec.prompt.user, spec.data.input, table, "user")
    answer = _template(spec.prompt.target, spec.data.target, table, "target")
    asked = " and ".join(f"`{path}`" for path in user.paths)

    def read(row: Row) -> tuple[Turns, Any]:
        if not any(as_text(path.value(row)).strip() for path in user.paths):
            raise ValueError(f"the input {asked} is empty; fill it in, or remove the row")
        question = (Message("user", user.text(row)),)
        if answer.bare:
            return question, answer.paths[0].value(row)
        if spec.kind == "extraction":
            return question, _parse(answer.json(row), 'put placeholders of text in quotes: "{name}"')
        if not any(as_text(path.value(row)).strip() for path in answer.paths):
            raise ValueError("the target is empty; fill it in, or remove the row")
        return question, answer.text(row)

    return read


def _annotation(who: str, answer: Any, finish: Callable[[Any], tuple[str, tuple[str, ...]]]) -> tuple[str, str]:
    try:
        return who, finish(answer)[0]
    except ValueError as error:
        raise ValueError(f"in the answer of `{who}`, {error}") from None


def _template(text: str | None, column: str | None, table: Table, role: str) -> Template:
    if text is None:
        return Template((Placeholder(str(column)),))
    return parse_template(text, table, f"`prompt.{role}`")


def _finisher(spec: TaskSpec, lists: bool) -> Callable[[Any], tuple[str, tuple[str, ...]]]:
    """Turns an answer as the row has it into the supervised text and the labels; `lists`: some answers are lists."""
    if spec.kind == "extraction":
        return _record
    if spec.kind != "classification":
        return _prose
    if spec.data.labels == "multi" or (spec.data.labels is None and lists):
        return lambda answer: _labels(answer, spec.data.separator)
    return _label


def _prose(answer: Any) -> tuple[str, tuple[str, ...]]:
    text = as_text(answer)
    if not text.strip():
        raise ValueError("the target is empty; fill it in, or remove the row")
    return text, ()


def _label(answer: Any) -> tuple[str, tuple[str, ...]]:
    if isinstance(answer, list):
        raise ValueError("the target is a list of labels; write `labels: multi` under `data`")
    label = _prose(answer)[0].strip()
    return label, (label,)


def _labels(answer: Any, separator: str) -> tuple[str, tuple[str, ...]]:
    """`; ` joins the labels whatever separated them, so a label that holds a `;` could not be told apart again."""
    items = answer if isinstance(answer, list) else as_text(answer).split(separator)
    labels = tuple(dict.fromkeys(text for item in items if (text := as_text(item).strip())))
    if not labels:
        raise ValueError("the target holds no label; give a label, such as `none`, to rows without one")
    if broken := [label for label in labels if ";" in label]:
        raise ValueError(f"the label `{broken[0]}` holds a `;`, which separates labels; rename it")
    return "; ".join(labels), labels


def _record(answer: Any) -> tuple[str, tuple[str, ...]]:
    value = answer
    if not isinstance(answer, dict | list):
        value = _parse(_prose(answer)[0], "correct it, or choose another kind")
    if not isinstance(value, dict | list):
        raise ValueError('the target is a single JSON value; an extraction needs an object, such as {"dose": "5 mg"}')
    return compact(value), ()


def _parse(text: str, remedy: str) -> Any:
    try:
        return parse_json(text)
    except NotJsonError as error:
        # The text is not quoted: what is set aside stands in the ledger with its reason.
        raise ValueError(f"the target is not JSON ({error}); {remedy}") from None


def read_weight(row: Row, column: str) -> float:
    """How much a row counts in training. Raises ValueError for what is not a number, 0 or more."""
    try:
        weight = float(as_text(row.get(column)))
    except ValueError:
        weight = math.nan
    if not 0 <= weight < math.inf:
        raise ValueError(f"the weight in the column `{column}` is {row.get(column)!r:.40}; write a number, 0 or more")
    return weight


def _name(row: Row, column: str | None) -> str | None:
    """A cell as a name: None where there is no such column, or nothing in it."""
    return (as_text(row[column]).strip() or None) if column else None
