"""Queries: do they run, and do they give the rows that the reference gives?

The column `data.tests` of a row holds its database: a script of CREATE and INSERT statements, from which SQLite builds
one in memory. A query may only read: an authorizer refuses everything else, files and settings included. A query in a
Markdown code fence is read without it.
"""

import sqlite3
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from sartor.data.example import Example
from sartor.evaluate.metric import Proportion, Unscored, register, text_of
from sartor.evaluate.metrics.code import without_fence
from sartor.generate.answer import Answer

SECONDS = 4.0
"""The longest that a query may take."""
MOST_ROWS = 10_000
_LONGEST = 1 << 20  # bytes of a value
_MOST_BYTES = 64 << 20
_STEPS = 2_000  # of SQLite's machine, between two looks at the clock
_READING = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
_OUTSIDE = {sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH}
Row = tuple[Any, ...]


class QueryError(Exception):
    """A query that does not run to its end, and why."""


class _OnADatabase(Proportion):
    kinds = ("sql",)

    def applies(self, examples: Sequence[Example], answers: Sequence[Answer]) -> bool:
        return super().applies(examples, answers) and bool(self.scope.data and self.scope.data.tests)

    def score(self, example: Example, answer: Answer) -> float:
        database = self._database(example)
        query = without_fence(text_of(answer))
        if not query.strip():
            return 0.0
        try:
            return float(self.right(database, example, query, rows_of(database, query)))
        except QueryError as fault:
            self.reasons[example.id] = str(fault)
            return 0.0

    @abstractmethod
    def right(self, database: sqlite3.Connection, example: Example, query: str, rows: list[Row]) -> bool:
        """Whether a query that ran, with these rows, is right."""

    def _database(self, example: Example) -> sqlite3.Connection:
        column = self.scope.data.tests if self.scope.data else None
        if not column:
            raise Unscored("the task names no column with a database's script as `data.tests`")
        script = example.columns.get(column)
        if not isinstance(script, str) or not script.strip():
            raise Unscored(f"the row has no script of a database in `{column}`")
        try:
            return open_database(script)
        except sqlite3.Error as fault:
            raise Unscored(f"the script in `{column}` does not run: {fault}") from None


@register
class ExecutionAccuracy(_OnADatabase):
    """Share of queries that give the rows that the reference query gives, in order where the reference orders them."""

    name = "execution_accuracy"
    title = "execution accuracy"

    @property
    def signature(self) -> str:
        rows = "rows:multiset, ordered if the reference is|floats:12 digits"
        return f"execution_accuracy|sqlite {sqlite3.sqlite_version}|{rows}|{_LIMITS}"

    def right(self, database: sqlite3.Connection, example: Example, query: str, rows: list[Row]) -> bool:
        reference = without_fence(example.target)
        try:
            expected = rows_of(database, reference)
        except QueryError as fault:
            raise Unscored(f"the reference query does not run: {fault}") from None
        return rows == expected if is_ordered(reference) else Counter(rows) == Counter(expected)


@register
class Executes(_OnADatabase):
    """Share of queries that run on the row's database without an error."""

    name = "executes"
    title = "queries that run"

    @property
    def signature(self) -> str:
        return f"executes|sqlite {sqlite3.sqlite_version}|{_LIMITS}"

    def right(self, database: sqlite3.Connection, example: Example, query: str, rows: list[Row]) -> bool:
        return True


_LIMITS = f"read only|seconds:{SECONDS:g}|rows:{MOST_ROWS}|fence:stripped"


@lru_cache(maxsize=8)
def open_database(script: str) -> sqlite3.Connection:
    """A database in memory, made by a script and from then on only read. Raises sqlite3.Error where the script fails."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in _OUTSIDE else sqlite3.SQLITE_OK)
    _set_time_limit(database)
    database.executescript(script)
    database.commit()
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _READING else sqlite3.SQLITE_DENY)
    return database


def rows_of(database: sqlite3.Connection, query: str) -> list[Row]:
    """A query's rows; floats to 12 digits, so that the order of a sum does not matter. Raises QueryError."""
    _set_time_limit(database)
    rows: list[Row] = []
    size = 0
    try:
        cursor = database.execute(query)
        if cursor.description is None:
            raise QueryError("it is no query")
        for row in cursor:
            rows.append(tuple(float(f"{value:.12g}") if isinstance(value, float) else value for value in row))
            size += sum(len(value) for value in row if isinstance(value, str | bytes))
            if len(rows) > MOST_ROWS or size > _MOST_BYTES:
                raise QueryError(f"more than {MOST_ROWS} rows or {_MOST_BYTES >> 20} MB")
    except (sqlite3.Error, sqlite3.Warning, UnicodeError, OverflowError, ValueError) as fault:
        slow = "interrupted" in str(fault)
        raise QueryError(f"more than {SECONDS:g} s" if slow else str(fault)) from None
    return rows


def is_ordered(query: str) -> bool:
    """Whether a query orders its rows: ORDER BY outside of parentheses, quotes and comments."""
    depth, words, place = 0, [""], 0
    while place < len(query):
        character, two = query[place], query[place : place + 2]
        if character in "'\"`[":
            place = _after(query, "]" if character == "[" else character, place + 1)
        elif two in ("--", "/*"):
            place = _after(query, "\n" if two == "--" else "*/", place + 2)
            words.append("")
        else:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth == 0 and (character.isalnum() or character == "_"):
                words[-1] += character.lower()
            elif words[-1]:
                words.append("")
            place += 1
    return any(pair == ("order", "by") for pair in pairwise(word for word in words if word))


def _after(text: str, mark: str, start: int) -> int:
    found = text.find(mark, start)
    return len(text) if found < 0 else found + len(mark)


def _set_time_limit(database: sqlite3.Connection) -> None:
    end = time.monotonic() + SECONDS
    database.set_progress_handler(lambda: time.monotonic() > end, _STEPS)
