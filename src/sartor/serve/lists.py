"""Lists as OpenAI has them: the newest first, a page at a time, each line known by its id."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, RowMapping, Table, select

from sartor.serve.refusal import Refusal
from sartor.store import Records


class Page(BaseModel):
    """Which part of a list is wanted."""

    model_config = ConfigDict(extra="forbid")

    after: str | None = None
    """The id of the last line that the client has."""
    limit: Annotated[int, Field(ge=1, le=10_000)] = 20


def listed(
    records: Records,
    table: Table,
    these: ColumnElement[bool],
    page: Page,
    document: Callable[[RowMapping], dict[str, Any]],
    oldest_first: bool = False,
) -> dict[str, Any]:
    """One page of a table's lines that are `these`. Raises Refusal where `after` is none of them."""
    seq = table.c.seq
    with records.read() as connection:
        rest = these
        if page.after is not None:
            last = connection.execute(select(seq).where(these, table.c.id == page.after)).scalar()
            if last is None:
                raise Refusal(400, f"there is no {page.after!r} in this list: begin it anew without `after`", "after")
            rest = these & (seq > last if oldest_first else seq < last)
        query = select(table).where(rest).order_by(seq if oldest_first else seq.desc()).limit(page.limit + 1)
        rows = connection.execute(query).mappings().all()
    return {
        "object": "list",
        "data": [document(row) for row in rows[: page.limit]],
        "has_more": len(rows) > page.limit,
    }


def new_id(kind: str) -> str:
    return f"{kind}-{uuid.uuid4().hex[:24]}"


def unix(at: str) -> int:
    """A time of the records in seconds, as the API has it."""
    return int(datetime.fromisoformat(at).timestamp())
