"""What people say of an adapter: tags, which can be taken off again, and notes, which stay. A line each; none is changed."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Literal

from sqlalchemy import Connection, func, insert, select

from sartor.errors import InputError
from sartor.store.records import now
from sartor.store.tables import remarks

Kind = Literal["note", "tag", "untag"]
TAG = re.compile(r"[a-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Remark:
    version: int
    kind: Kind
    text: str
    """The note, or the tag that is put on or taken off."""
    actor: str
    at: str
    """ISO 8601, UTC."""


def write_remarks(
    connection: Connection, task: str, version: int, kind: Kind, texts: Sequence[str], actor: str
) -> None:
    """Raises InputError for an empty note, and for what is no tag."""
    for text in texts:
        if kind == "note" and not text.strip():
            raise InputError("the note is empty: say something")
        if kind != "note" and not TAG.fullmatch(text):
            raise InputError(f"{text!r} is no tag: use lower-case letters, digits, `.`, `-` and `_` only")
        last: int = connection.execute(select(func.max(remarks.c.seq)).where(remarks.c.task == task)).scalar() or 0
        line = asdict(Remark(version, kind, text, actor, now()))
        connection.execute(insert(remarks).values(task=task, seq=last + 1, **line))


def read_remarks(connection: Connection, task: str) -> dict[int, tuple[Remark, ...]]:
    """By version, the first remark first; nothing for a version of which nothing was said."""
    columns = (remarks.c[each.name] for each in fields(Remark))
    found = defaultdict[int, tuple[Remark, ...]](tuple)
    for row in connection.execute(select(*columns).where(remarks.c.task == task).order_by(remarks.c.seq)):
        found[row.version] += (Remark(*row),)
    return found


def tags_of(said: Iterable[Remark]) -> tuple[str, ...]:
    """Those that are on, sorted."""
    last = {remark.text: remark.kind for remark in said if remark.kind != "note"}
    return tuple(sorted(tag for tag, kind in last.items() if kind == "tag"))
