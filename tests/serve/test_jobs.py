"""The queue of fine-tuning jobs, without a training."""

from pathlib import Path

import pytest
from sqlalchemy import insert

from sartor.access import Actor, ApiKeys
from sartor.serve import files, jobs
from sartor.serve.jobs import Jobs
from sartor.serve.refusal import Refusal
from sartor.store import Store
from sartor.store.records import now
from sartor.store.tables import api_files

FILE = b'{"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "you"}]}\n'


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.open(tmp_path)


@pytest.fixture
def queue(store: Store) -> Jobs:
    return Jobs(store)


def add(store: Store, owner: str, number: int) -> str:
    file = f"file-{owner}"
    with store.records.write() as connection:
        if not connection.execute(api_files.select().where(api_files.c.id == file)).first():
            line = {"id": file, "owner": owner, "name": "rows.jsonl", "bytes": 9, "rows": 9, "created_at": now()}
            connection.execute(insert(api_files).values(line))
    request = {"training_file": file, "validation_file": None, "seed": number}
    id: str = Jobs(store).create(owner, f"ft-{owner}-{number}", "base", request, None)["id"]
    return id


def done(queue: Jobs) -> str:
    job = queue.next()
    assert job is not None
    queue.succeed(job["id"], "m@1", 9, "done", {})
    task: str = job["task"]
    return task


def test_keys_take_turns(store: Store, queue: Jobs) -> None:
    for number in range(3):
        add(store, "busy", number)
    add(store, "late", 0)
    add(store, "later", 0)
    order = [done(queue) for _ in range(5)]
    assert order == ["ft-busy-0", "ft-late-0", "ft-later-0", "ft-busy-1", "ft-busy-2"]
    assert queue.next() is None


def test_a_job_that_was_running_goes_on_first(store: Store, queue: Jobs) -> None:
    running = add(store, "first", 0)
    assert (queue.next() or {})["id"] == running
    add(store, "other", 0)
    assert (queue.next() or {})["id"] == running


def test_the_jobs_of_a_key_that_is_revoked_are_cancelled(store: Store, queue: Jobs) -> None:
    keys = ApiKeys(store.records, Actor("me"))
    for name in ("gone", "stays"):
        keys.make(name, ("*",), ("files", "fine-tune"))
    gone, stays = add(store, "gone", 0), add(store, "stays", 0)
    queue.cancel_revoked()
    assert [queue.get(id)["status"] for id in (gone, stays)] == ["queued", "queued"]
    keys.revoke("gone")
    queue.cancel_revoked()
    assert [queue.get(id)["status"] for id in (gone, stays)] == ["cancelled", "queued"]
    assert done(queue) == "ft-stays-0"


def test_a_key_has_only_so_many_jobs_at_once(store: Store, queue: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MOST_UNFINISHED", 2)
    add(store, "busy", 0), add(store, "busy", 1)
    with pytest.raises(Refusal, match="2 jobs of yours") as caught:
        add(store, "busy", 2)
    assert caught.value.status == 429
    add(store, "other", 0)
    done(queue)
    add(store, "busy", 2)


def test_a_key_has_only_so_many_bytes_of_files(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_BYTES", len(FILE) * 2)
    (tmp_path / "rows.jsonl").write_bytes(FILE)

    def keep(owner: str) -> None:
        with (tmp_path / "rows.jsonl").open("rb") as file:
            files._keep(store, owner, "rows.jsonl", file)

    keep("busy"), keep("busy"), keep("other")
    with pytest.raises(Refusal, match="delete some first") as caught:
        keep("busy")
    assert caught.value.status == 413
    assert len(list(tmp_path.rglob("file.jsonl"))) == 3
