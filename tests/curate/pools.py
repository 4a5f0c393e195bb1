"""Small pools of rows, and what a check flags in them."""

from collections.abc import Sequence
from typing import Any

from sartor.curate.check import Suspicions, make_check
from sartor.curate.pool import Pool
from sartor.data.example import Example, Message
from sartor.task import DataSpec, Kind, TaskSpec


def row(id: str, question: str, target: str = "x", system: str = "", **more: Any) -> Example:
    """A row; `labels` make it one of a classification, its target joined from them."""
    if labels := more.get("labels"):
        target = "; ".join(labels)
    messages = (*((Message("system", system),) if system else ()), Message("user", question))
    return Example(id, messages, target, source=f"rows.jsonl:{id}", **more)


def pool(rows: Sequence[Example], kind: Kind = "generation", test: Sequence[Example] = ()) -> Pool:
    return Pool(rows, TaskSpec(task="t", kind=kind, data=DataSpec(train="-", input="q", target="t")), test)


def look(name: str, rows: Sequence[Example], kind: Kind = "generation", test: Sequence[Example] = ()) -> Suspicions:
    """What the check has against the rows, by place."""
    return make_check(name, kind).look(pool(rows, kind, test))


def flagged(name: str, rows: Sequence[Example], kind: Kind = "generation", test: Sequence[Example] = ()) -> list[str]:
    """The ids of the rows that the check flags at its own threshold."""
    threshold = make_check(name, kind).threshold
    return [rows[at].id for at, found in sorted(look(name, rows, kind, test).items()) if found.score > threshold]
