"""What a project keeps: records (SQL), objects (bytes by content), folders, and scratch for unfinished work.

Everything here survives `kill -9` at any moment: what is visible is whole.
"""

import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartor.errors import SystemFailure
from sartor.store.disk import disk_errors
from sartor.store.folders import Folders
from sartor.store.lock import FileLock
from sartor.store.objects import Objects
from sartor.store.records import Records

__all__ = ["FileLock", "Folders", "Objects", "Records", "Store", "disk_errors"]


@dataclass(frozen=True, slots=True)
class Store:
    """The `.sartor` folder of a project."""

    root: Path
    records: Records
    objects: Objects
    folders: Folders

    @classmethod
    def open(cls, root: Path) -> "Store":
        """Open the store, made on first use; leftovers of killed processes are swept.

        Raises SystemFailure when the folder cannot be used.
        """
        root = root.resolve()
        try:
            with disk_errors():
                if not root.is_dir():
                    # Training data may be confidential: for its owner only, and never committed by accident.
                    root.mkdir(parents=True, mode=0o700)
                if not (root / ".gitignore").exists():
                    (root / ".gitignore").write_text("*\n")
                for name in ("objects", "folders", "scratch", "locks"):
                    (root / name).mkdir(exist_ok=True)
                for gone in (root / "scratch").glob(".gone-*"):
                    shutil.rmtree(gone, ignore_errors=True)
                return cls(
                    root=root,
                    records=Records(f"sqlite:///{root / 'records.db'}"),
                    objects=Objects((root / "objects").as_uri()),
                    folders=Folders(root / "folders"),
                )
        except OSError as error:
            raise SystemFailure(
                f"cannot open the store {root}: {error.strerror or error}; "
                "give write access to its folder, or move away what is in its place"
            ) from error

    def close(self) -> None:
        self.records.close()

    def lock(self, name: str) -> FileLock:
        """The lock of this name, not yet taken."""
        return FileLock(self.root / "locks" / f"{name}.lock")

    def scratch(self, fingerprint: str) -> Path:
        """The folder for the partial work of a step: made empty the first time, found again after a kill."""
        folder = self.root / "scratch" / fingerprint
        folder.mkdir(exist_ok=True)
        return folder

    def trunks(self, task: str) -> Path:
        """Where a task's rows are kept as a base's hidden states: made again when it is deleted."""
        return self.root / "trunks" / task

    def clear_scratch(self, fingerprint: str) -> None:
        """Remove a step's partial work: all of it at once, so that no half of it is taken up later."""
        folder = self.root / "scratch" / fingerprint
        if folder.exists():
            gone = folder.with_name(f".gone-{uuid.uuid4().hex}")
            folder.rename(gone)
            shutil.rmtree(gone, ignore_errors=True)

    def holds(self, outputs: dict[str, Any]) -> bool:
        """Whether everything that a step's outputs point to is still there.

        Outputs name what lies in the store as `objects: {label: address}` and `folders: {label: "kind/name"}`;
        their other keys are plain values.
        """
        return all(self.objects.has(address) for address in outputs.get("objects", {}).values()) and all(
            self.folders.has(*name.split("/", 1)) for name in outputs.get("folders", {}).values()
        )
