"""Steps: done once, repeated only when something changed, and recorded either way."""

import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from sartor.errors import InputError, SystemFailure
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.store import Store
from sartor.store.tables import books, runs


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / ".sartor")
    yield store
    store.close()


@pytest.fixture
def steps(store: Store) -> Steps:
    return Steps(store, "notes", Here(), hour=3600.0, currency="EUR")


class Work:
    """Counts how often it was done."""

    def __init__(self, **outputs: Any) -> None:
        self.outputs = outputs
        self.done = 0

    def __call__(self, folder: Path) -> dict[str, Any]:
        self.done += 1
        return self.outputs


def rows(store: Store) -> list[Any]:
    with store.records.read() as connection:
        return list(connection.execute(select(runs).order_by(runs.c.id)).mappings())


def test_a_finished_step_is_not_repeated(steps: Steps) -> None:
    work = Work(loss=0.4, shape=(2, 3))
    first = steps.run("train", {"seed": 0}, work)
    again = steps.run("train", {"seed": 0}, work)
    assert work.done == 1
    assert (first.reused, again.reused) == (False, True)
    assert first.outputs == again.outputs == {"loss": 0.4, "shape": [2, 3]}
    assert (first.run, first.usage, first.money) == (again.run, again.usage, again.money)


def test_the_order_of_inputs_does_not_matter_but_their_values_the_stage_and_the_task_do(store: Store) -> None:
    work = Work()
    notes, intents = (Steps(store, task, Here()) for task in ("notes", "intents"))
    notes.run("train", {"a": 1, "b": 2}, work)
    assert notes.run("train", {"b": 2, "a": 1}, work).reused
    assert not notes.run("train", {"a": 1, "b": 3}, work).reused
    assert not notes.run("evaluate", {"a": 1, "b": 2}, work).reused
    assert not intents.run("train", {"a": 1, "b": 2}, work).reused
    assert work.done == 4


def test_a_step_whose_outputs_are_gone_is_done_again(store: Store, steps: Steps) -> None:
    def work(folder: Path) -> dict[str, Any]:
        return {"objects": {"answers": store.objects.put(b"answers")}}

    address = steps.run("evaluate", {}, work).outputs["objects"]["answers"]
    (store.root / "objects" / address[:2] / address[2:]).unlink()
    again = steps.run("evaluate", {}, work)
    assert not again.reused
    assert store.objects.get(address) == b"answers"
    assert [row["status"] for row in rows(store)] == ["done", "done"]


def test_outputs_that_never_reached_the_store_are_refused(store: Store, steps: Steps) -> None:
    with pytest.raises(ValueError, match="did not put into the store"):
        steps.run("train", {}, Work(folders={"adapter": "adapters/nowhere"}))
    assert rows(store)[0]["status"] == "failed"


def test_the_record_tells_what_was_done_on_what_and_at_what_cost(store: Store, steps: Steps) -> None:
    result = steps.run("train", {"seed": 0}, Work(loss=0.4))
    [row] = rows(store)
    assert (row["task"], row["stage"], row["status"], row["attempts"]) == ("notes", "train", "done", 1)
    assert (row["inputs"], row["outputs"]) == ({"seed": 0}, {"loss": 0.4})
    assert row["started_at"] <= row["finished_at"]
    assert row["versions"]["python"].startswith("3.")
    assert row["seconds"] == result.usage.seconds > 0
    assert row["peak_memory_bytes"] == result.usage.peak_memory_bytes > 1_000_000
    assert row["money"] == result.money == pytest.approx(result.usage.seconds)
    with store.records.read() as connection:
        [line] = connection.execute(select(books)).mappings()
    assert (line["run"], line["item"], line["unit"], line["currency"]) == (result.run, "compute", "hour", "EUR")
    assert (line["source"], line["rate"], line["amount"]) == ("measured", 3600.0, result.money)


def test_a_failure_is_recorded_with_its_message_and_goes_on_from_its_checkpoint(store: Store, steps: Steps) -> None:
    def work(folder: Path) -> dict[str, Any]:
        checkpoint = folder / "checkpoint"
        if not checkpoint.exists():
            checkpoint.write_text("half")
            raise InputError("notes.jsonl:3: the target is empty")
        return {"from": checkpoint.read_text()}

    with pytest.raises(InputError, match="target is empty"):
        steps.run("train", {}, work)
    [row] = rows(store)
    assert (row["status"], row["message"]) == ("failed", "notes.jsonl:3: the target is empty")
    result = steps.run("train", {}, work)
    assert result.outputs == {"from": "half"}
    [row] = rows(store)
    assert (row["id"], row["status"], row["message"], row["attempts"]) == (result.run, "done", None, 2)


def test_the_usage_of_failed_attempts_is_counted(store: Store, steps: Steps) -> None:
    with pytest.raises(RuntimeError):
        steps.run("train", {}, lambda folder: (_ for _ in ()).throw(RuntimeError("no")))
    before = rows(store)[0]["seconds"]
    assert 0 < before < steps.run("train", {}, Work()).usage.seconds


def test_a_step_without_checkpoints_leaves_an_empty_scratch_area(store: Store, steps: Steps) -> None:
    steps.run("train", {}, Work())
    assert list((store.root / "scratch").iterdir()) == []


def test_outputs_must_be_json_without_nan(store: Store, steps: Steps) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        steps.run("train", {}, Work(loss=float("nan")))
    assert rows(store)[0]["status"] == "failed"
    assert not steps.run("train", {}, Work(loss=0.4)).reused


def test_a_full_disk_in_a_step_is_one_sentence_and_the_step_goes_on_later(store: Store, steps: Steps) -> None:
    def work(folder: Path) -> dict[str, Any]:
        (folder / "checkpoint").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(SystemFailure, match="the disk is full"):
        steps.run("train", {}, work)
    assert steps.run("train", {}, lambda folder: {"from": (folder / "checkpoint").read_text()}).outputs == {
        "from": "half"
    }


def test_a_torn_usage_file_does_not_stop_a_step(store: Store, steps: Steps) -> None:
    with suppress(RuntimeError):
        steps.run("train", {}, lambda folder: (_ for _ in ()).throw(RuntimeError("no")))
    [usage] = (store.root / "scratch").glob("*/usage.json")
    usage.write_text("")
    assert steps.run("train", {}, Work(loss=1)).outputs == {"loss": 1}


def test_a_task_has_one_worker_at_a_time(store: Store) -> None:
    with Steps(store, "notes", Here()) as first:
        with pytest.raises(SystemFailure, match=r"task notes is in use by process \d+"):
            Steps(store, "notes", Here()).run("train", {}, Work())
        assert not Steps(store, "intents", Here()).run("train", {}, Work()).reused
        assert not first.run("train", {}, Work()).reused
        assert first.run("train", {}, Work()).reused
    assert Steps(store, "notes", Here()).run("train", {}, Work()).reused
