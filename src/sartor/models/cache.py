"""The user's cache of models: where it lies, and how a folder appears in it whole or not at all."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_path


def cache_root() -> Path:
    """The folder of everything that can be fetched or computed again; `SARTOR_CACHE` moves it."""
    return Path(os.environ.get("SARTOR_CACHE") or user_cache_path("sartor"))


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside `target` that becomes `target` when the block ends well.

    A killed process leaves no half-written `target`; where another process was first, its folder stays.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
        draft.chmod(0o755)
        for path in [*draft.rglob("*"), draft]:
            _sync(path)
        try:
            draft.rename(target)
        except OSError:
            if not target.is_dir():
                raise
        _sync(target.parent)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
