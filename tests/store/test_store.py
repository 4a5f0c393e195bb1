"""The store as a whole: one folder, opened by anybody at any time."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sartor.store
from sartor.errors import SystemFailure
from sartor.store import Store

SOURCE = Path(sartor.store.__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / ".sartor")
    yield store
    store.close()


def test_opening_makes_a_folder_for_its_owner_only_that_git_ignores(store: Store) -> None:
    assert stat.S_IMODE(store.root.stat().st_mode) == 0o700
    assert (store.root / ".gitignore").read_text() == "*\n"


def test_opening_again_finds_everything(store: Store) -> None:
    address = store.objects.put(b"x")
    again = Store.open(store.root)
    assert again.objects.get(address) == b"x"
    again.close()


def test_a_store_can_be_moved(store: Store, tmp_path: Path) -> None:
    address = store.objects.put(b"x")
    store.close()
    moved = Store.open(store.root.rename(tmp_path / "elsewhere"))
    assert moved.objects.get(address) == b"x"
    moved.close()


def test_something_else_in_its_place_is_a_failure_that_says_so(tmp_path: Path) -> None:
    (tmp_path / ".sartor").write_text("a file")
    with pytest.raises(SystemFailure, match="cannot open the store"):
        Store.open(tmp_path / ".sartor")


def test_scratch_is_found_again_until_it_is_cleared(store: Store) -> None:
    (store.scratch("abc") / "checkpoint").write_text("step 3")
    assert (store.scratch("abc") / "checkpoint").read_text() == "step 3"
    store.clear_scratch("abc")
    store.clear_scratch("abc")
    assert list(store.scratch("abc").iterdir()) == []


def test_outputs_are_held_only_while_all_that_they_name_is_there(store: Store) -> None:
    address = store.objects.put(b"answers")
    folder = store.folders.publish("adapters", "notes-1", lambda path: (path / "w").touch())
    outputs = {"objects": {"answers": address}, "folders": {"adapter": "adapters/notes-1"}, "loss": 0.4}
    assert store.holds(outputs)
    assert store.holds({"loss": 0.4})
    (folder / "w").unlink()
    folder.rmdir()
    assert not store.holds(outputs)
    assert not store.holds({"objects": {"answers": "0" * 64}})


def test_a_lock_keeps_out_a_second_holder_until_it_is_released(store: Store) -> None:
    first, second = store.lock("notes"), store.lock("notes")
    assert first.acquire()
    assert not second.acquire()
    assert second.holder() == os.getpid()
    assert store.lock("intents").acquire()
    first.release()
    assert second.acquire()


WRITE_FOREVER = """
import sys
from pathlib import Path
from sartor.store import Store

store = Store.open(Path(sys.argv[1]))
print("ready", flush=True)
for number in range(10**9):
    data = str(number).encode() * 20_000

    def build(folder):
        for part in range(5):
            (folder / f"part-{part}").write_bytes(data)

    store.objects.put(data)
    store.folders.publish("adapters", f"notes-{number}", build)
    store.records.add_dataset_version("notes", str(number), None, "read", {"number": number})
"""


@pytest.mark.parametrize("delay", [0.0, 0.013, 0.031, 0.077, 0.15])
def test_a_writer_killed_at_any_moment_leaves_only_what_is_whole(tmp_path: Path, delay: float) -> None:
    root = tmp_path / ".sartor"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOREVER, str(root)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )
    assert writer.stdout and writer.stdout.readline() == b"ready\n"
    with pytest.raises(subprocess.TimeoutExpired):
        writer.wait(delay)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    writer.stdout.close()

    store = Store.open(root)
    assert list(root.glob("*/.partial/*")) == []
    for path in (root / "objects").glob("??/*"):
        store.objects.get(path.parent.name + path.name)
    published = list((root / "folders" / "adapters").glob("*"))
    for folder in published:
        number = folder.name.removeprefix("notes-")
        assert [part.read_bytes() for part in sorted(folder.iterdir())] == [number.encode() * 20_000] * 5
    with store.records.read() as connection:
        noted = connection.exec_driver_sql("SELECT count(*) FROM dataset_versions").scalar_one()
    assert len(published) - noted in (0, 1)
    store.close()
