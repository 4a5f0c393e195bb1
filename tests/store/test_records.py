"""Records: transactions that are all or nothing, and numbers that can be trusted."""

import multiprocessing
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from sartor.errors import SystemFailure
from sartor.store.records import Records, now
from sartor.store.tables import books, dataset_versions, runs


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'records.db'}"


@pytest.fixture
def records(url: str) -> Iterator[Records]:
    records = Records(url)
    yield records
    records.close()


def start_run(records: Records, **changes: object) -> int:
    values = {
        "task": "notes",
        "stage": "train",
        "fingerprint": "f",
        "status": "running",
        "inputs": {},
        "started_at": now(),
        "versions": {},
    }
    with records.write() as connection:
        return connection.execute(insert(runs).values(values | changes).returning(runs.c.id)).scalar_one()


def test_a_transaction_that_raises_leaves_no_trace(records: Records) -> None:
    with pytest.raises(RuntimeError), records.write() as connection:
        connection.execute(
            insert(dataset_versions).values(task="t", hash="h", step="read", manifest={}, created_at=now())
        )
        raise RuntimeError
    with records.read() as connection:
        assert connection.execute(select(func.count()).select_from(dataset_versions)).scalar_one() == 0


def test_records_are_there_after_opening_again(url: str, records: Records) -> None:
    run = start_run(records, inputs={"seed": 0, "names": ["ä", "\ud800"]})
    again = Records(url)
    with again.read() as connection:
        assert connection.execute(select(runs.c.inputs)).scalar_one() == {"seed": 0, "names": ["ä", "\ud800"]}
    again.close()
    assert run == 1


def test_nan_is_refused_and_never_kept(records: Records) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        start_run(records, inputs={"loss": float("nan")})


def test_a_status_must_be_one_that_is_known(records: Records) -> None:
    with pytest.raises(IntegrityError):
        start_run(records, status="perhaps")


def test_a_dataset_version_is_noted_once_and_names_a_parent_that_exists(records: Records) -> None:
    records.add_dataset_version("notes", "h1", None, "read", {"rows": 10})
    records.add_dataset_version("notes", "h2", "h1", "split", {"rows": 8})
    records.add_dataset_version("notes", "h1", None, "read", {"rows": 10})
    with records.read() as connection:
        assert connection.execute(select(func.count()).select_from(dataset_versions)).scalar_one() == 2
    with pytest.raises(IntegrityError):
        records.add_dataset_version("notes", "h3", "nowhere", "split", {})


def test_each_opening_of_a_test_set_is_counted(records: Records) -> None:
    assert [records.open_test("notes", "h1") for _ in range(3)] == [1, 2, 3]
    assert records.open_test("notes", "h2") == 1
    assert records.open_test("intents", "h1") == 1


def test_a_line_of_the_books_has_quantity_rate_source_and_amount_and_is_entered_once(records: Records) -> None:
    run = start_run(records)
    for _ in range(2):
        assert records.book(run, "labels", 600, "row", 1.5, "configured", "USD") == 900
    with records.read() as connection:
        [line] = connection.execute(select(books)).mappings()
    assert dict(line) == {
        "run": run,
        "item": "labels",
        "quantity": 600,
        "unit": "row",
        "rate": 1.5,
        "source": "configured",
        "amount": 900,
        "currency": "USD",
    }


def test_a_line_of_the_books_belongs_to_a_run(records: Records) -> None:
    with pytest.raises(IntegrityError):
        records.book(99, "labels", 600, "row", 1.5, "configured", "USD")


def count_openings(url: str, times: int) -> None:
    records = Records(url)
    for _ in range(times):
        records.open_test("notes", "h1")


def test_processes_that_open_and_write_at_once_lose_nothing(url: str) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=count_openings, args=(url, 10)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    records = Records(url)
    assert records.open_test("notes", "h1") == 21
    records.close()


def test_a_file_that_is_no_database_is_a_failure_that_says_so(tmp_path: Path, url: str) -> None:
    (tmp_path / "records.db").write_bytes(b"not at all" * 1000)
    with pytest.raises(SystemFailure, match="records are damaged"):
        Records(url)


def test_another_writer_is_waited_for_and_then_named(
    tmp_path: Path, url: str, records: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sartor.store.records.BUSY_SECONDS", 0.05)
    other = sqlite3.connect(tmp_path / "records.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(SystemFailure, match="locked by another process"):
        Records(url)
    with records.read() as connection:
        assert connection.execute(select(func.count()).select_from(runs)).scalar_one() == 0
    other.close()


def test_reading_does_not_wait_for_a_writer(records: Records) -> None:
    with records.write() as writer:
        writer.execute(insert(dataset_versions).values(task="t", hash="h", step="read", manifest={}, created_at=now()))
        with records.read() as reader:
            assert reader.execute(select(dataset_versions)).first() is None
