"""Rows as a file holds them: columns, values, and the place of every row in the file."""

import datetime
import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from sartor.complaints import did_you_mean
from sartor.data.quarantine import Quarantine, require_rows, set_aside
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
    numbers: list[int]
    """Which row of the file each is, from 1, counting those that were set aside."""
    unit: Literal["line", "row"] = "line"
    notes: tuple[str, ...] = ()
    """What was decided in reading, with counts, one sentence each."""

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

    def refuse(self, problems: Sequence[tuple[int, str]], quarantine: Quarantine | None = None) -> None:
        """Set these (row, what is wrong) pairs aside.

        Without a quarantine, raises InputError with the first of them, the others counted; none is fine.
        """
        if quarantine is not None:
            for row, problem in sorted(problems):
                set_aside(quarantine, self.place(row), problem, self.rows[row])
        elif problems:
            row, problem = min(problems)
            others = len(problems) - 1
            more = f" (and {others:,} more row{'s' * (others > 1)})" if others else ""
            raise InputError(f"{self.place(row)}: {problem}{more}")


def make_table(
    name: str,
    format: str,
    rows: Sequence[dict[str, Any] | None],
    places: Iterable[int],
    unit: Literal["line", "row"],
    columns: Iterable[str] = (),
    quarantine: Quarantine | None = None,
) -> Table:
    """A table whose rows all hold all columns (None where a row had none); a row that is None was set aside.

    Raises InputError for no rows, and for a name among `columns` that none can have; a row that brings one is set aside.
    """
    names = dict.fromkeys(columns)
    if odd := _odd_names(names):
        raise InputError(f"{name}: {min(odd)!a} cannot be a column's name; rename the column")
    odd = _odd_names({column for row in rows for column in row or ()})
    kept, kept_places, numbers = list[dict[str, Any]](), list[int](), list[int]()
    for number, (row, place) in enumerate(zip(rows, places, strict=True), start=1):
        if row is None:
            continue
        if odd and (bad := odd & row.keys()):
            problem = f"{min(bad)!a} cannot be a column's name; rename the column"
            set_aside(quarantine, f"{name}, {unit} {place}", problem, row)
            continue
        names.update(dict.fromkeys(row))
        kept.append(row)
        kept_places.append(place)
        numbers.append(number)
    require_rows(name, kept, quarantine)
    described = f"{format}, {len(names)} column{'s' * (len(names) != 1)}"
    return Table(name, described, tuple(names), [{**names, **row} for row in kept], kept_places, numbers, unit)


def check_cells(table: Table, but: Collection[str] = (), quarantine: Quarantine | None = None) -> Table:
    """The table without the rows that are set aside: a cell is too long, or holds a NUL or half a surrogate pair.

    Columns named in `but` may hold anything: what a model wrote is to be scored, not refused. Without a quarantine,
    raises InputError for the first such cell.
    """
    bad = set[int]()
    for index, row in enumerate(table.rows):
        for column, value in row.items():
            if column not in but and (problem := _cell_problem(value)):
                set_aside(quarantine, f"{table.place(index)}, column `{column}`", problem, row)
                bad.add(index)
                break
    return without(table, bad, quarantine) if bad else table


def without(table: Table, bad: Collection[int], quarantine: Quarantine | None) -> Table:
    """The table without the rows of these indices. Raises InputError when none is left."""
    good = [index for index in range(len(table.rows)) if index not in bad]
    require_rows(table.name, good, quarantine)
    return replace(
        table,
        rows=[table.rows[index] for index in good],
        places=[table.places[index] for index in good],
        numbers=[table.numbers[index] for index in good],
    )


def check_header(columns: Sequence[str], place: str) -> None:
    """Raises InputError when a column has no name, or the name of another."""
    for number, column in enumerate(columns, start=1):
        if not column:
            raise InputError(f"{place}: column {number} has no name; give it one, or remove the column")
        if columns.index(column) < number - 1:
            raise InputError(f"{place}: two columns are named `{column}`; rename or remove one")


def _odd_names(columns: Iterable[str]) -> set[str]:
    return {column for column in columns if not column.strip() or _cell_problem(column)}


def _cell_problem(value: Any) -> str:
    if isinstance(value, str):
        if len(value) > LONGEST_CELL:
            limit = f"the limit is {LONGEST_CELL:,}"
            return f"a cell of {len(value):,} characters ({limit}); split it, or look for a quote that is never closed"
        if "\0" in value:
            return "a NUL character; remove it"
        if not value.isascii() and any("\ud800" <= char <= "\udfff" for char in value):
            return "half of a surrogate pair or a byte that is not UTF-8, which is no Unicode character; remove it"
    elif isinstance(value, dict):
        return next(filter(None, map(_cell_problem, [*value, *value.values()])), "")
    elif isinstance(value, list):
        return next(filter(None, map(_cell_problem, value)), "")
    return ""


def plain(value: Any) -> Any:
    """The value as a JSON value: dates as ISO text, NaN and infinity as None; bytes stay, and fail where they are used."""
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
