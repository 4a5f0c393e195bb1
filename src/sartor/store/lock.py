"""A lock between processes that dies with its holder."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path


class FileLock:
    """Held by one holder at a time; the operating system frees it however the holder ends, `kill -9` included.

    The file stays behind and means nothing by itself: what counts is the lock on it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None

    def acquire(self) -> bool:
        """Take the lock and write this process's id into the file, if there is room; False, at once, if somebody else holds it.

        Raises FileNotFoundError when the file's folder does not exist.
        """
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(handle, 0)
            with suppress(OSError):  # on a full disk nobody is told who holds it
                os.pwrite(handle, str(os.getpid()).encode(), 0)
        except BlockingIOError:
            os.close(handle)
            return False
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def holder(self) -> int | None:
        """The process that took the lock last; None if that is not known."""
        try:
            return int(self.path.read_text())
        except (OSError, ValueError):
            return None

    def release(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
