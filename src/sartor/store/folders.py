"""Whole folders that appear at once: an adapter version is there completely, or not at all."""

import hashlib
import re
from collections.abc import Callable, Collection
from pathlib import Path

from sartor.store.disk import disk_errors, move_into_place, partial_folder, sweep

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@-]{0,199}")


class Folders:
    """Immutable folders by kind and name, such as `adapters/billing-notes-3f2a9c1b7d5e0f12`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        sweep(root)

    def publish(self, kind: str, name: str, build: Callable[[Path], None]) -> Path:
        """Let `build` fill an empty folder, then show it under its name.

        A name stands for its content: what is published already stays as it is, and `build` is not called.
        If `build` raises, or the process is killed in it, nothing is visible.
        """
        target = self.path(kind, name)
        if target.is_dir():
            return target
        with disk_errors(), partial_folder(self._root) as folder:
            partial = folder / "folder"
            partial.mkdir()
            build(partial)
            try:
                move_into_place(partial, target)
            except OSError:
                if not target.is_dir():  # else another process published the same name meanwhile
                    raise
        return target

    def path(self, kind: str, name: str) -> Path:
        """Where the folder lies, or would lie. Raises ValueError for a kind or name that is no plain file name."""
        for part in (kind, name):
            if not _NAME.fullmatch(part):
                raise ValueError(f"not a plain name: {part!r}")
        return self._root / kind / name

    def has(self, kind: str, name: str) -> bool:
        return self.path(kind, name).is_dir()


def hash_folder(folder: Path, ignore: Collection[str] = ()) -> str:
    """The sha256, in hex, over relative path and content of every file but those named in `ignore`."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        if name not in ignore:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{content}  {name}\n".encode())
    return total.hexdigest()
