"""What programs sent back of a task's replies: as rows for people to look at, and as a share that was liked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, delete, func, select

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.examples import read_target
from sartor.evaluate.statistics import wilson
from sartor.flows.prepare import Task
from sartor.store import Store
from sartor.store.records import IN_QUERY
from sartor.store.tables import feedback


@dataclass(frozen=True, slots=True)
class Ratings:
    up: int
    """Without a correction; `down` likewise."""
    down: int
    corrected: int
    low: float
    """95 % interval of the share that was liked (Wilson), of whoever said something."""
    high: float


def given(task: str, store: Store) -> list[RowMapping]:
    """In the order in which it came."""
    with store.records.read() as connection:
        query = select(feedback).where(feedback.c.task == task).order_by(feedback.c.seq)
        return list(connection.execute(query).mappings())


def forget(store: Store, task: str, ids: Sequence[str]) -> None:
    """These lines are gone for good."""
    with store.records.write() as connection:
        for start in range(0, len(ids), IN_QUERY):
            some = feedback.c.id.in_(ids[start : start + IN_QUERY])
            connection.execute(delete(feedback).where(feedback.c.task == task, some))


def check_correction(version: AdapterVersion, task: Task, text: str) -> None:
    """Raises ValueError where it cannot be an answer of the task."""
    target = target_of(version, text)
    if isinstance(target, str):
        read_target(target, task.spec)
    elif not target:
        raise ValueError("it holds no label; name one or more, with `; ` between them")


def target_of(version: AdapterVersion, text: str) -> str | list[str]:
    """A correction as a row has it: a list where the adapter answers several labels."""
    if not version.manifest["answering"]["multi"]:
        return text
    return [label for part in text.split(";") if (label := part.strip())]


def as_rows(task: Task, store: Store, lines: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """Rows of the task's own columns, as far as what was asked tells them, for people to look through.

    The target's column holds the correction, and nothing where there is none; where a template makes the target, the column
    `correction` does. `feedback` says the rest: reply, rating, comment, model, time and whose key.
    """
    registry, data, chats = Registry(store), task.spec.data, task.spec.prompt.messages
    rows = []
    for line in lines:
        text, fields = line["correction"], dict(line["asked"].get("fields") or {})
        turns = [{"role": role, "content": said} for role, said in line["asked"].get("messages", ())]
        target = "" if text is None else target_of(registry.find(line["model"]), text)
        if chats:
            row = fields | {chats: [*(turns or fields[chats]), {"role": "assistant", "content": target}]}
        else:
            users = [turn for turn in turns if turn["role"] != "system"]
            if data.input and len(users) == 1:
                fields[data.input] = users[0]["content"]
            elif turns:
                fields["messages"] = turns
            row = fields | {data.target if data.target and not task.spec.prompt.target else "correction": target}
        about = {key: line[key] for key in ("id", "answer", "rating", "comment", "model", "owner", "created_at")}
        rows.append(row | {"feedback": about})
    return rows


def ratings(task: str, store: Store, since: str) -> Ratings:
    """From that time on."""
    corrected = feedback.c.correction.is_not(None)
    query = select(corrected, feedback.c.rating, func.count()).group_by(corrected, feedback.c.rating)
    with store.records.read() as connection:
        counts = connection.execute(query.where(feedback.c.task == task, feedback.c.created_at >= since)).all()
    up, down, mended = (
        sum(times for is_corrected, rating, times in counts if (None if is_corrected else rating) == what)
        for what in ("up", "down", None)
    )
    found = wilson(up, n) if (n := up + down + mended) else None
    return Ratings(up, down, mended, found.low if found else 0.0, found.high if found else 1.0)
