"""Writing so that a kill at any moment leaves either the old or the new, and a full disk is one clear sentence."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sartor.errors import DiskFull, SartorError
from sartor.store.lock import FileLock

DISK_FULL = "the disk is full: free some space and run the same command again; what was finished is kept"

_FULL_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Libraries that lose the errno: SQLite, the Rust ones (safetensors, polars), torch's zip writer.
_FULL_TEXTS = (
    "database or disk is full",
    "No space left on device",
    "Disk quota exceeded",
    "basic_ios::clear: iostream error",
)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Turn a full disk, whoever met it, into DiskFull; every other error passes as it is."""
    try:
        yield
    except SartorError:
        raise
    except Exception as error:
        if _is_full(error):
            raise DiskFull(DISK_FULL) from error
        raise


def _is_full(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL_ERRNOS:
            return True
        if any(text in str(error) for text in _FULL_TEXTS):
            return True
        error = error.__cause__ or error.__context__
    return False


def sync(path: Path) -> None:
    """Force a file's bytes, or a folder's list of names, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def move_into_place(source: Path, target: Path) -> None:
    """Rename what is complete and lies on the same disk; after a power cut `target` is whole or absent."""
    for folder, _, files in os.walk(source):
        for name in files:
            sync(Path(folder) / name)
        sync(Path(folder))
    if source.is_file():
        sync(source)
    _make_folder(target.parent)
    os.rename(source, target)
    sync(target.parent)


def write_file(path: Path, data: bytes) -> None:
    """Write or replace a file as a whole."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".partial")
    partial = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        move_into_place(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def partial_folder(root: Path) -> Iterator[Path]:
    """An empty folder under `root` for what is not finished; gone at the end, or swept after a kill."""
    nursery = root / ".partial"
    nursery.mkdir(parents=True, exist_ok=True)
    while True:
        folder = Path(tempfile.mkdtemp(dir=nursery))
        lock = FileLock(folder / "lock")
        try:
            # A sweep may take the folder between the two lines above: then once more.
            if lock.acquire() and lock.path.exists():
                break
        except FileNotFoundError:
            pass
        lock.release()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()


def sweep(root: Path) -> None:
    """Remove the partial folders of processes that are dead; those of living ones are locked, and stay."""
    for folder in (root / ".partial").glob("*"):
        lock = FileLock(folder / "lock")
        try:
            if lock.acquire():
                shutil.rmtree(folder, ignore_errors=True)
        except FileNotFoundError:
            pass  # another process swept it first
        finally:
            lock.release()


def _make_folder(folder: Path) -> None:
    """`mkdir -p` whose new names survive a power cut."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)
