"""A disk that fills up: one sentence, exit code 3, and everything finished is kept."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sartor.errors import InputError, SystemFailure
from sartor.store import disk
from sartor.store.disk import disk_errors, write_file

SOURCE = Path(disk.__file__).parents[2]
FILL = """
import sys
from contextlib import suppress
from pathlib import Path
from sartor.errors import SystemFailure
from sartor.store import Store
from sartor.store.objects import Objects

root, what, limit = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
store = Store.open(root)
address = store.objects.put(b"finished before")
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
big = b"x" * 4_000_000
try:
    if what == "objects":
        store.objects.put(big)
    elif what == "opening":
        store.close()
        for size in (1000, 1):
            with suppress(OSError), open(root.parent / "fill", "ab", buffering=0) as file:
                while file.write(b"x" * size) == size:
                    pass
        Store.open(root)
    elif what == "folders":
        store.folders.publish("adapters", "notes-1", lambda folder: (folder / "weights").write_bytes(big) and None)
    else:
        for number in range(2000):
            store.records.add_dataset_version("notes", str(number), None, "read", {"text": "y" * 50_000})
except SystemFailure as failure:
    print(failure)
(root.parent / "fill").unlink(missing_ok=True)
store.records.close()
store = Store.open(root)
assert store.objects.get(address) == b"finished before"
assert not store.folders.has("adapters", "notes-1")
assert [path for path in root.rglob(".partial/*")] == []
"""


def fill(*command: str, limit: int = 0) -> str:
    done = subprocess.run(
        [*command, str(limit)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("what", ["objects", "folders"])
def test_no_room_for_a_file_is_one_sentence_and_what_was_finished_is_kept(tmp_path: Path, what: str) -> None:
    root = tmp_path / "store"
    assert fill(sys.executable, "-c", FILL, str(root), what, limit=1_000_000) == disk.DISK_FULL


@pytest.mark.parametrize("what", ["objects", "folders", "records", "opening"])
def test_a_really_full_file_system_is_one_sentence_and_what_was_finished_is_kept(tmp_path: Path, what: str) -> None:
    private = ["unshare", "-Urm"]
    mount = 'mount -t tmpfs -o size=2m tmpfs "$0" || exit 77; exec "$@"'
    probe = [*private, "sh", "-c", mount, str(tmp_path), "true"]
    if not shutil.which("unshare") or subprocess.run(probe, capture_output=True).returncode != 0:
        pytest.skip("a tiny file system cannot be mounted here (no user namespaces)")
    command = [*private, "sh", "-c", mount, str(tmp_path), sys.executable, "-c", FILL, str(tmp_path / "store"), what]
    assert fill(*command) == disk.DISK_FULL


def test_the_errors_of_libraries_that_met_a_full_disk_are_known() -> None:
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        RuntimeError("Error while serializing: I/O error: Disk quota exceeded (os error 122)"),
    ):
        with pytest.raises(SystemFailure, match="the disk is full"), disk_errors():
            raise error
    with pytest.raises(SystemFailure, match="the disk is full"), disk_errors():
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as cause:
            raise RuntimeError("cannot save") from cause


def test_every_other_error_passes_as_it_is() -> None:
    for error in (PermissionError(errno.EACCES, "no"), ValueError("x"), InputError("row 3: the target is empty")):
        with pytest.raises(type(error)) as caught, disk_errors():
            raise error
        assert caught.value is error


def test_a_file_is_replaced_as_a_whole_and_keeps_its_old_content_when_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "checkpoint"
    write_file(path, b"old")
    write_file(path, b"new")
    assert path.read_bytes() == b"new"

    def refuse(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(os, "rename", refuse)
    with pytest.raises(OSError, match="broken"):
        write_file(path, b"newer")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["checkpoint"]
