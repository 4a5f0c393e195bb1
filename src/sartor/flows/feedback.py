"""What programs sent back of a task's replies: as rows for people to look at, and as what they say of its KPI."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import RowMapping, select

from sartor.data.example import Example, Message
from sartor.data.examples import read_target
from sartor.evaluate.scorecard import Score, score
from sartor.flows.prepare import Task
from sartor.generate.answer import Answer
from sartor.store import Store
from sartor.store.tables import feedback
from sartor.task import Kind

READ: tuple[Kind, ...] = ("classification", "extraction", "summarization", "generation")
"""Kinds whose KPIs read no more than an answer and a reference: nothing that a client sent is run."""


@dataclass(frozen=True, slots=True)
class Ratings:
    up: int
    down: int
    """Without a correction."""
    corrected: int
    kpi: Score | None
    """The task's first KPI over the replies that were liked, which count as right, and those that were corrected. None where
    there are none, and where the KPI is the task's own or reads other columns."""


def given(task: str, store: Store, since: str = "") -> list[RowMapping]:
    """In the order in which it came, from that day on."""
    these = (feedback.c.task == task) & (feedback.c.created_at >= since)
    with store.records.read() as connection:
        return list(connection.execute(select(feedback).where(these).order_by(feedback.c.seq)).mappings())


def as_rows(task: Task, lines: Sequence[RowMapping]) -> list[dict[str, Any]]:
    """Rows of the task's own columns, as far as what was asked tells them, for people to look through.

    The target's column holds the correction, and nothing where there is none; where a template makes the target, the column
    `correction` does. `feedback` says the rest: reply, rating, comment, model, time and whose key.
    """
    data, chats = task.spec.data, task.spec.prompt.messages
    rows = []
    for line in lines:
        turns = [{"role": role, "content": text} for role, text in line["asked"].get("messages", ())]
        target = line["correction"] or ""
        if chats:
            row: dict[str, Any] = {chats: [*turns, {"role": "assistant", "content": target}]}
        else:
            row = dict(line["asked"].get("fields") or {})
            if data.input and len(turns) == 1:
                row[data.input] = turns[0]["content"]
            elif turns:
                row["messages"] = turns
            row[data.target if data.target and not task.spec.prompt.target else "correction"] = target
        about = {key: line[key] for key in ("id", "answer", "rating", "comment", "model", "owner", "created_at")}
        rows.append(row | {"feedback": about})
    return rows


def ratings(task: Task, lines: Sequence[RowMapping]) -> Ratings:
    examples, answers = list[Example](), list[Answer]()
    for line in lines:
        wanted = line["answer"] if line["correction"] is None and line["rating"] == "up" else line["correction"]
        if wanted is not None and task.spec.kind in READ:
            try:
                target, labels = read_target(wanted, task.spec)
            except ValueError:  # an answer that was liked, and is none
                continue
            asked = (Message("user", str(line["asked"])),)
            examples.append(Example(line["id"], asked, target, labels))
            answers.append(Answer(line["id"], line["answer"]))
    first, found = task.spec.kpi_list[0], None
    if examples and not (first.function or first.judge):
        spec = task.spec.model_copy(update={"kpis": (first,)})
        found = score("feedback", examples, answers, spec).scores.get(first.name)
    return Ratings(
        up=sum(line["rating"] == "up" and line["correction"] is None for line in lines),
        down=sum(line["rating"] == "down" and line["correction"] is None for line in lines),
        corrected=sum(line["correction"] is not None for line in lines),
        kpi=None if found is None or found.unscored else found,
    )
