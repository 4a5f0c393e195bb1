"""The usual chat shapes, detected and normalised into one `messages` column of `{"role": …, "content": …}`."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

from sartor.data.columns import as_text
from sartor.data.example import Message
from sartor.data.jsontext import NotJsonError, compact, parse_json
from sartor.data.quarantine import Quarantine
from sartor.data.table import Table, without

ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "observation": "user",
    "tool": "user",
    "function": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "function_call": "assistant",
}
"""Every role in use, as one of the three that any chat template knows."""

ShapeName = Literal["messages", "sharegpt", "preference", "alpaca", "prompt-completion"]


@dataclass(frozen=True, slots=True)
class Shape:
    name: ShapeName
    description: str
    """One sentence, to be shown."""
    columns: tuple[str, ...]
    """The columns that become `messages`, the conversation first."""


def detect_shape(table: Table) -> Shape | None:
    """The chat shape of a table; None where its columns are just columns."""
    has = set(table.columns)
    extra = tuple(column for column in ("system", "tools") if column in has)
    alpaca = {"instruction", "input", "output"} if {"instruction", "output"} <= has else set()
    # What these columns hold is a text, even one that reads like a conversation.
    others = [column for column in table.columns if column not in {*extra, *alpaca}]
    chats = [column for column in others if _holds_messages(row[column] for row in table.rows)]
    if "chosen" in has and "rejected" in has and (chats or "prompt" in has):
        prompt = next((column for column in chats if column not in ("chosen", "rejected")), "prompt")
        if prompt in has:
            about = f"preference pairs: the answer to `{prompt}` is `chosen`; `rejected` is not used"
            return Shape("preference", about, (prompt, "chosen", "rejected", *extra))
    if "prompt" in has and "completion" in has and not _holds_labels(row["completion"] for row in table.rows):
        about = "prompt and completion: `completion` is the answer to `prompt`"
        return Shape("prompt-completion", about, ("prompt", "completion", *extra))
    if chats:
        first = next(turns[0] for turns in (_as_list(row[chats[0]]) for row in table.rows) if turns)
        before = f", {' and '.join(f'`{column}`' for column in extra)} go before" if extra else ""
        if "from" in first:
            about = f"ShareGPT: `{chats[0]}` holds turns of `from` and `value`, the last is the answer{before}"
            return Shape("sharegpt", about, (chats[0], *extra))
        about = f"OpenAI messages: `{chats[0]}` holds turns of `role` and `content`, the last is the answer{before}"
        return Shape("messages", about, (chats[0], *extra))
    if alpaca:
        used = [column for column in ("input", "system", "history", "tools") if column in has]
        about = f"Alpaca: {' and '.join(f'`{c}`' for c in ['instruction', *used])} ask, `output` is the answer"
        return Shape("alpaca", about, ("instruction", "output", *used))
    return None


def to_messages(table: Table, shape: Shape, quarantine: Quarantine | None = None) -> Table:
    """The table with the shape's columns replaced by `messages`. Rows that do not fit are set aside."""
    kept = [column for column in table.columns if column not in shape.columns]
    rows, problems = [], list[tuple[int, str]]()
    for index, row in enumerate(table.rows):
        try:
            messages = [{"role": m.role, "content": m.content} for m in _conversation(row, shape)]
        except ValueError as error:
            problems.append((index, str(error)))
        else:
            rows.append({**{column: row[column] for column in kept}, "messages": messages})
    table.refuse(problems, quarantine)
    table = without(table, {index for index, _ in problems}, quarantine)
    columns = (*(column for column in kept if column != "messages"), "messages")
    return replace(table, format=f"{table.format}, {shape.name}", columns=columns, rows=rows)


def read_messages(value: Any) -> tuple[Message, ...]:
    """A conversation from a cell: a list of `role`/`content` or `from`/`value` objects, or JSON text of one.

    Content in parts is joined, a tool call without content becomes its JSON. Raises ValueError for anything else.
    """
    turns = _as_list(value)
    if turns is None:
        raise ValueError("a conversation must be a list of messages such as {'role': 'user', 'content': '…'}")
    return tuple(_message(turn, number) for number, turn in enumerate(turns, start=1))


def _message(turn: Any, number: int) -> Message:
    if not isinstance(turn, dict):
        raise ValueError(f"message {number} is not an object with `role` and `content`")
    role = turn.get("role", turn.get("from"))
    if not isinstance(role, str) or role not in ROLES:
        known = ", ".join(f"`{name}`" for name in ROLES)
        raise ValueError(f"message {number} has the role {json.dumps(role, ensure_ascii=False)}; known are {known}")
    content = turn.get("content", turn.get("value"))
    calls = turn.get("tool_calls")
    if not content and isinstance(calls, list) and calls:
        content = [call.get("function", call) if isinstance(call, dict) else call for call in calls]
        return Message(ROLES[role], compact(content[0] if len(content) == 1 else content))
    if isinstance(content, list):
        if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            raise ValueError(f"message {number} has a part that is not text; only text can be trained on")
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str):
        raise ValueError(f"message {number} has no text in `content`; add it")
    return Message(ROLES[role], content)


def _conversation(row: dict[str, Any], shape: Shape) -> tuple[Message, ...]:
    if shape.name == "alpaca":
        asked = [as_text(row["instruction"]), as_text(row["input"] if "input" in shape.columns else None)]
        history = row["history"] if "history" in shape.columns else None
        turns = list[Message]()
        for pair in history if isinstance(history, list) else [history] if history else ():
            if not isinstance(pair, list) or len(pair) != 2:
                raise ValueError("`history` must be a list of [question, answer] pairs")
            turns += [Message("user", as_text(pair[0])), Message("assistant", as_text(pair[1]))]
        turns += [Message("user", "\n\n".join(text for text in asked if text)), _answer(row["output"])]
    elif shape.name in ("prompt-completion", "preference"):
        prompt = row[shape.columns[0]]
        turns = [Message("user", prompt)] if _is_prose(prompt) else list(read_messages(prompt))
        answer = row[shape.columns[1]]
        if isinstance(answer, str | dict):
            turns.append(_answer(answer))
        else:
            answers = read_messages(answer)
            # TRL writes preference pairs with the prompt repeated in front of the answer.
            turns += answers[len(turns) :] if answers[: len(turns)] == tuple(turns) else answers
    else:
        turns = list(read_messages(row[shape.columns[0]]))
    return (*_preamble(row, shape, turns), *turns)


def _preamble(row: dict[str, Any], shape: Shape, turns: list[Message]) -> Iterable[Message]:
    """The row's `system` and `tools` columns as a system message, merged with the conversation's own."""
    system = as_text(row["system"]) if "system" in shape.columns else ""
    tools = as_text(row["tools"]) if "tools" in shape.columns else ""
    if turns and turns[0].role == "system" and (system or tools):
        system = "\n\n".join(text for text in (system, turns.pop(0).content) if text)
    if tools.strip() not in ("", "[]"):
        system = f"{system}\n\nTools:\n{tools}".lstrip()
    return [Message("system", system)] if system else []


def _answer(value: Any) -> Message:
    if isinstance(value, dict):
        return _message({"role": "assistant", **value} if "from" not in value else value, 1)
    return Message("assistant", as_text(value))


def _is_prose(value: Any) -> bool:
    return isinstance(value, str) and _as_list(value) is None


def _as_list(value: Any) -> list[Any] | None:
    """A list, or the list that a cell's JSON text holds; None for anything else."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = parse_json(value)
        except NotJsonError:
            return None
    return value if isinstance(value, list) and value and isinstance(value[0], dict) else None


def _holds_labels(values: Iterable[Any]) -> bool:
    """Whether cells are lists of texts: several labels a row, which no message could hold."""
    return any(isinstance(value, list) and value and isinstance(value[0], str) for value in values)


def _holds_messages(values: Iterable[Any]) -> bool:
    """Whether most of a column's cells are lists of messages, so that a single broken one is an error, not a no."""
    cells = [value for value in values if value is not None]
    good = [turns for turns in map(_as_list, cells) if turns and _is_turn(turns[0])]
    return len(good) > len(cells) / 2


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and ({"role", "content"} <= value.keys() or {"from", "value"} <= value.keys())
