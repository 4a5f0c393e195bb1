"""The records: what ran, on what, with what result and at what cost, in SQL."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, create_engine, delete, event, insert, select, update
from sqlalchemy.exc import DBAPIError, StatementError

from sartor.errors import DiskFull, SystemFailure
from sartor.store import tables
from sartor.store.canonical import canonical
from sartor.store.disk import DISK_FULL, disk_errors

Source = Literal["measured", "configured", "modelled"]
BUSY_SECONDS = 30
LEAST_FREE_BYTES = 1_000_000
IN_QUERY = 500
"""Most values that one query names."""


def now() -> str:
    """The time as the records write it: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


class Records:
    """A SQL database (SQLite by default). Transactions are all or nothing, and survive a power cut once committed.

    Values in JSON columns may not hold NaN or infinities (ValueError), or what is not JSON (TypeError).
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url, json_serializer=canonical, hide_parameters=True)  # rows are confidential
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", _configure_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        with self.write() as connection:
            tables.metadata.create_all(connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that writes: committed at the end of the block, undone if the block raises."""
        with self._errors(), self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view, which does not wait for writers."""
        with self._errors(), self._engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with disk_errors():
                yield
        except DBAPIError as error:
            text = str(error.orig)
            if "locked" in text:
                raise SystemFailure(
                    f"the records were locked by another process for {BUSY_SECONDS} seconds: "
                    "wait until it has finished and run the same command again"
                ) from error
            if "malformed" in text or "not a database" in text:
                raise SystemFailure("the records are damaged: restore the folder .sartor from a backup") from error
            if "disk I/O error" in text:
                # SQLite also says this of a full disk, where it cannot grow the index of its log.
                folder = Path(self._engine.url.database or ".").parent
                if shutil.disk_usage(folder).free < LEAST_FREE_BYTES:
                    raise DiskFull(DISK_FULL) from error
                raise SystemFailure(
                    "the disk failed under the records: see that it is healthy and run the same command again; "
                    "what was finished is kept"
                ) from error
            raise
        except StatementError as error:
            if isinstance(error.orig, ValueError | TypeError):  # a value that is not JSON
                raise error.orig from None
            raise

    def close(self) -> None:
        self._engine.dispose()

    def add_dataset_version(
        self, task: str, hash: str, parent: str | None, step: str, manifest: dict[str, Any]
    ) -> None:
        """Note a dataset version; the same hash is noted once, the first time it comes up."""
        table = tables.dataset_versions
        with self.write() as connection:
            known = select(table.c.hash).where(table.c.task == task, table.c.hash == hash)
            if connection.execute(known).first() is None:
                connection.execute(
                    insert(table).values(
                        task=task, hash=hash, parent=parent, step=step, manifest=manifest, created_at=now()
                    )
                )

    def open_test(self, task: str, test_version: str) -> int:
        """Count one more opening of a test set, and say how many that makes."""
        table = tables.test_openings
        here = (table.c.task == task) & (table.c.test_version == test_version)
        with self.write() as connection:
            count: int = (connection.execute(select(table.c.count).where(here)).scalar() or 0) + 1
            if count == 1:
                connection.execute(insert(table).values(task=task, test_version=test_version, count=1))
            else:
                connection.execute(update(table).where(here).values(count=count))
        return count

    def test_openings(self, task: str, test_version: str) -> int:
        """How often a test set was opened so far."""
        table = tables.test_openings
        here = (table.c.task == task) & (table.c.test_version == test_version)
        with self.read() as connection:
            return connection.execute(select(table.c.count).where(here)).scalar() or 0

    def answers(self, system: str, questions: Sequence[str]) -> dict[str, str]:
        """The kept answers of a system to these questions (hashes), by question; those that are not kept are left out."""
        table = tables.answers
        found: dict[str, str] = {}
        with self.read() as connection:
            for start in range(0, len(questions), IN_QUERY):
                asked = table.c.question.in_(questions[start : start + IN_QUERY])
                query = select(table.c.question, table.c.answer).where(table.c.system == system, asked)
                found.update((row.question, row.answer) for row in connection.execute(query))
        return found

    def keep_answers(self, system: str, answers: Mapping[str, str]) -> None:
        """Keep a system's answers by question, all of them or none; one that is kept already is replaced."""
        table, at = tables.answers, now()
        lines = [
            {"system": system, "question": question, "answer": answer, "created_at": at}
            for question, answer in answers.items()
        ]
        with self.write() as connection:
            for start in range(0, len(lines), IN_QUERY):
                part = lines[start : start + IN_QUERY]
                these = table.c.question.in_([each["question"] for each in part])
                connection.execute(delete(table).where(table.c.system == system, these))
                connection.execute(insert(table), part)

    def book(
        self, run: int, item: str, quantity: float, unit: str, rate: float, source: Source, currency: str
    ) -> float:
        """Enter one line of the books, and return its amount; a run's line of the same item is replaced."""
        with self.write() as connection:
            return enter(connection, run, item, quantity, unit, rate, source, currency)


def enter(
    connection: Connection,
    run: int,
    item: str,
    quantity: float,
    unit: str,
    rate: float,
    source: Source,
    currency: str,
) -> float:
    """`Records.book` inside a transaction of the caller's."""
    table = tables.books
    amount = quantity * rate
    connection.execute(delete(table).where(table.c.run == run, table.c.item == item))
    connection.execute(
        insert(table).values(
            run=run,
            item=item,
            quantity=quantity,
            unit=unit,
            rate=rate,
            source=source,
            amount=amount,
            currency=currency,
        )
    )
    return amount


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver would begin transactions late, and commit before DDL
    connection.execute(f"PRAGMA busy_timeout = {BUSY_SECONDS * 1000}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads first and writes later could fail half-way on another writer.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
