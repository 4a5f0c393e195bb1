"""The registry: a task's adapters, numbered from 1, each immutable, with all that is known of it."""

import difflib
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, RowMapping, func, insert, select, true, update

from sartor.adapters.card import CARD_NAME, render_card
from sartor.errors import InputError, SystemFailure
from sartor.store import Store
from sartor.store.canonical import canonical
from sartor.store.disk import disk_errors
from sartor.store.folders import hash_folder
from sartor.store.records import now
from sartor.store.tables import adapters

Stage = Literal["candidate", "production", "retired"]
KIND = "adapters"
MANIFEST_NAME = "manifest.json"
ABOUT = (MANIFEST_NAME, CARD_NAME)
"""Files that tell of an adapter and are no part of what it is: they hold times and costs, and do not enter its hash."""


@dataclass(frozen=True, slots=True)
class AdapterVersion:
    task: str
    version: int
    """From 1."""
    hash: str
    """sha256 over the names and contents of its files, `manifest.json` and `README.md` left out."""
    path: Path
    """A PEFT adapter folder. Never write into it."""
    stage: Stage
    manifest: dict[str, Any]
    scorecard: dict[str, Any]
    cost: float
    """What training it cost, in the task's currency."""
    created_at: str
    """ISO 8601, UTC."""

    @property
    def name(self) -> str:
        """Such as `billing-notes@1`."""
        return f"{self.task}@{self.version}"

    @property
    def folder(self) -> str:
        """`kind/name` of its folder in the store, as a step's outputs name it."""
        return f"{KIND}/{self.path.name}"


class Registry:
    def __init__(self, store: Store) -> None:
        self._store = store

    def register(
        self, task: str, folder: Path, manifest: dict[str, Any], scorecard: dict[str, Any], cost: float
    ) -> AdapterVersion:
        """Copy a trained adapter into the store as the task's next version, with its manifest and card.

        The same content again is the version that it was, with its manifest and cost; only its scorecard is renewed.
        `manifest` and `scorecard` are JSON. After a kill, the version is there completely or not at all.
        """
        content = hash_folder(folder, ignore=ABOUT)
        name = f"{task}-{content[:16]}"

        def build(target: Path) -> None:
            shutil.copytree(folder, target, dirs_exist_ok=True)
            (target / MANIFEST_NAME).write_text(canonical(manifest | {"hash": content}) + "\n")
            (target / CARD_NAME).write_text(render_card(task, manifest), encoding="utf-8")

        with disk_errors():
            self._store.folders.publish(KIND, name, build)
        ours = adapters.c.task == task
        same = ours & (adapters.c.hash == content)
        with self._store.records.write() as connection:
            known = connection.execute(select(adapters.c.version).where(same)).first()
            if known:
                connection.execute(update(adapters).where(same).values(scorecard=scorecard))
            else:
                last: int = connection.execute(select(func.max(adapters.c.version)).where(ours)).scalar() or 0
                connection.execute(
                    insert(adapters).values(
                        task=task,
                        version=last + 1,
                        hash=content,
                        folder=name,
                        stage="candidate",
                        manifest=manifest,
                        scorecard=scorecard,
                        cost=cost,
                        created_at=now(),
                    )
                )
        return self._select(same)[0]

    def list(self, task: str | None = None) -> tuple[AdapterVersion, ...]:
        """All versions, or a task's, by task and number."""
        return self._select(adapters.c.task == task if task else true())

    def get(self, name: str) -> AdapterVersion:
        """`billing-notes@1`, or with `billing-notes` the one in production, else the latest that is not retired.

        Raises InputError when there is none, SystemFailure when its files are gone or no longer what was registered.
        """
        task, at, number = name.partition("@")
        versions = self.list(task)
        if not versions:
            raise InputError(f"no adapter named {task!r}: {self._known(task)}")
        if at:
            found = [version for version in versions if str(version.version) == number]
        else:
            usable = [version for version in versions if version.stage != "retired"]
            found = [version for version in usable if version.stage == "production"] or usable
        if not found:
            raise InputError(f"no adapter {name!r}: there are {', '.join(version.name for version in versions)}")
        return self._sound(found[-1])

    def _known(self, task: str) -> str:
        tasks = sorted({version.task for version in self.list()})
        if not tasks:
            return "none is registered yet; `sartor run` trains and registers one"
        near = difflib.get_close_matches(task, tasks, n=1)
        return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(tasks)}"

    def _sound(self, version: AdapterVersion) -> AdapterVersion:
        if not version.path.is_dir() or hash_folder(version.path, ignore=ABOUT) != version.hash:
            damaged = version.path.is_dir()
            raise SystemFailure(
                f"the files of {version.name} are {'damaged' if damaged else 'gone'}: restore {version.path} from a "
                f"backup, or {'delete it and ' if damaged else ''}make it again with `sartor run`"
            )
        return version

    def _select(self, condition: ColumnElement[bool]) -> tuple[AdapterVersion, ...]:
        query = select(adapters).where(condition).order_by(adapters.c.task, adapters.c.version)
        with self._store.records.read() as connection:
            return tuple(self._version(row) for row in connection.execute(query).mappings())

    def _version(self, row: RowMapping) -> AdapterVersion:
        return AdapterVersion(
            task=row["task"],
            version=row["version"],
            hash=row["hash"],
            path=self._store.folders.path(KIND, row["folder"]),
            stage=row["stage"],
            manifest=row["manifest"],
            scorecard=row["scorecard"],
            cost=row["cost"],
            created_at=row["created_at"],
        )
