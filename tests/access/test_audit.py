"""The audit trail: what was written can be checked, and what was changed shows."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sartor.access import Actor, Audit
from sartor.errors import SystemFailure
from sartor.store.records import Records

ANN = Actor("ann")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    records = Records(f"sqlite:///{tmp_path / 'records.db'}")
    yield records
    records.close()


@pytest.fixture
def audit(records: Records) -> Audit:
    audit = Audit(records)
    audit.write(ANN, "run", "task billing-notes")
    audit.write(ANN, "register", "adapter billing-notes@1", {"hash": "3f2a", "cost": 0.5})
    audit.write(ANN, "predict", "adapter billing-notes@1", {"rows": 12})
    return audit


def test_an_untouched_trail_verifies(audit: Audit) -> None:
    assert audit.verify() == 3


def test_an_empty_trail_verifies(records: Records) -> None:
    assert Audit(records).verify() == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE audit SET actor = 'bob' WHERE seq = 2",
        'UPDATE audit SET detail = \'{"hash":"3f2a","cost":0.1}\' WHERE seq = 2',
        "UPDATE audit SET at = '2020-01-01' WHERE seq = 2",
        "DELETE FROM audit WHERE seq = 2",
    ],
)
def test_a_change_is_found_where_it_was_made(records: Records, audit: Audit, change: str) -> None:
    with records.write() as connection:
        connection.exec_driver_sql(change)
    with pytest.raises(SystemFailure, match="broken at entry 2"):
        audit.verify()


def test_the_first_entry_cannot_be_removed_unseen(records: Records, audit: Audit) -> None:
    with records.write() as connection:
        connection.exec_driver_sql("DELETE FROM audit WHERE seq = 1")
    with pytest.raises(SystemFailure, match="broken at entry 1"):
        audit.verify()


def test_many_who_write_at_once_make_one_chain(audit: Audit) -> None:
    writers = [
        threading.Thread(target=lambda: [audit.write(ANN, "predict", "adapter") for _ in range(5)]) for _ in range(4)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert audit.verify() == 23
