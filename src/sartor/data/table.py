"""Rows as a file holds them: columns, values, and the place of every row in the file."""

import datetime
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from sartor.complaints import did_you_mean
from sartor.errors import InputError

LONGEST_CELL = 100_000
"""Characters; what is longer is a file pasted into a cell, or a quote that was never closed."""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    """The file's name, for messages."""
    format: str
    """What was detected, to be shown: `CSV, comma, 3 columns`."""
    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    """Every row holds every column. Values are strings (CSV, TSV, Excel) or plain JSON values."""
    places: list[int]
    """Where each row begins: line numbers or row numbers, from 1."""
    unit: Literal["line", "row"] = "line"

    def place(self, row: int) -> str:
        """`notes.jsonl, line 12`, of the row with this index."""
        return f"{self.name}, {self.unit} {self.places[row]}"

    def source(self, row: int) -> str:
        """`notes.jsonl:12`: the short form that an example carries."""
        return f"{self.name}:{self.places[row]}"

    def require(self, column: str, role: str) -> None:
        """Raises InputError, naming the nearest column, when there is no such column; `role` says who asks for it."""
        if column not in self.columns:
            hint = did_you_mean(column, self.columns) or f"; it has {', '.join(f'`{name}`' for name in self.columns)}"
            raise InputError(f"{self.name} has no column `{column}` ({role}){hint}")

    def refuse(self, problems: Sequence[tuple[int, str]]) -> None:
        """Raises InputError with the first of these (row, what is wrong) pairs, the others counted; none is fine."""
        if problems:
            row, problem = min(problems)
            others = len(problems) - 1
            more = f" (and {others:,} more row{'s' * (others > 1)})" if others else ""
            raise InputError(f"{self.place(row)}: {problem}{more}")


def make_table(
    name: str,
    format: str,
    rows: Sequence[dict[str, Any]],
    places: Iterable[int],
    unit: Literal["line", "row"],
    columns: Iterable[str] = (),
) -> Table:
    """A table whose rows all hold all columns (None where a row had none). Raises InputError for no rows."""
    names = dict.fromkeys(columns)
    for row in rows:
        names.update(dict.fromkeys(row))
    count = len(names)
    described = f"{format}, {count} column{'s' * (count != 1)}"
    table = Table(name, described, tuple(names), [{**names, **row} for row in rows], list(places), unit)
    if not rows:
        raise InputError(f"{name} holds no rows; add examples, or name another file")
    if odd := [column for column in names if not column.strip() or _cell_problem(column)]:
        raise InputError(f"{name}: {odd[0]!a} cannot be a column's name; rename the column")
    return table


def check_cells(table: Table, but: Collection[str] = ()) -> Table:
    """The table itself. Raises InputError for a cell that is too long, or holds a NUL or half a surrogate pair.

    Columns named in `but` may hold anything: what a model wrote is to be scored, not refused.
    """
    for index, row in enumerate(table.rows):
        for column, value in row.items():
            if column not in but and (problem := _cell_problem(value)):
                raise InputError(f"{table.place(index)}, column `{column}`: {problem}")
    return table


def check_header(columns: Sequence[str], place: str) -> None:
    """Raises InputError when a column has no name, or the name of another."""
    for number, column in enumerate(columns, start=1):
        if not column:
            raise InputError(f"{place}: column {number} has no name; give it one, or remove the column")
        if columns.index(column) < number - 1:
            raise InputError(f"{place}: two columns are named `{column}`; rename or remove one")


def _cell_problem(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > LONGEST_CELL:
            limit = f"the limit is {LONGEST_CELL:,}"
            return f"a cell of {len(value):,} characters ({limit}); split it, or look for a quote that is never closed"
        if "\0" in value:
            return "a NUL character; remove it"
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            return "half of a surrogate pair, which is no Unicode character; remove it"
    elif isinstance(value, dict):
        return next(filter(None, map(_cell_problem, [*value, *value.values()])), "")
    elif isinstance(value, list):
        return next(filter(None, map(_cell_problem, value)), "")
    return ""


def plain(value: Any) -> Any:
    """A Parquet value as a JSON value: dates as ISO text, NaN as None; bytes stay, and fail where they are used."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
        case datetime.date() | datetime.time():
            return value.isoformat()
        case datetime.timedelta() | Decimal():
            return str(value)
    return value
