"""The registry: a task's adapters, numbered from 1, each immutable, with all that is known of it, and where each stands.

    candidate ──► production ──► retired        one version of a task is in production at most
        └──────► quarantined ◄──┘               not to be used by anybody until it is retired or promoted again

Every move is a line with who made it and why; none is changed or taken away, so that the one before is always known.
"""

import difflib
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, true, update

from sartor.adapters.card import CARD_NAME, render_card
from sartor.adapters.remarks import Kind, Remark, read_remarks, tags_of, write_remarks
from sartor.errors import InputError, SystemFailure
from sartor.store import Store
from sartor.store.canonical import canonical
from sartor.store.disk import disk_errors
from sartor.store.folders import hash_folder
from sartor.store.records import now
from sartor.store.tables import adapters, stages

Stage = Literal["candidate", "production", "retired", "quarantined"]
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
    """Metric → score. The records sort its keys: a score tells its `place` among the task's KPIs."""
    cost: float
    """What training it cost, in the task's currency."""
    created_at: str
    """ISO 8601, UTC."""
    remarks: tuple[Remark, ...]

    @property
    def tags(self) -> tuple[str, ...]:
        """Sorted."""
        return tags_of(self.remarks)

    @property
    def notes(self) -> tuple[Remark, ...]:
        """The first one first."""
        return tuple(remark for remark in self.remarks if remark.kind == "note")

    @property
    def name(self) -> str:
        """Such as `billing-notes@1`."""
        return f"{self.task}@{self.version}"

    @property
    def scores(self) -> list[tuple[str, dict[str, Any]]]:
        """Every metric with its score, the task's KPIs first, as the task has them."""
        return sorted(self.scorecard.items(), key=lambda each: each[1].get("place", 0))

    @property
    def folder(self) -> str:
        """`kind/name` of its folder in the store, as a step's outputs name it."""
        return f"{KIND}/{self.path.name}"


@dataclass(frozen=True, slots=True)
class Move:
    """A version came to stand somewhere."""

    version: int
    stage: Stage
    back: bool
    """Rolled back to: it was in production before."""
    actor: str
    reason: str
    at: str
    """ISO 8601, UTC."""


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
        """To be used: `billing-notes@1`, or with `billing-notes` the one in production, else the latest candidate.

        Raises InputError when there is none, or it is quarantined, SystemFailure when its files are gone or no longer what was
        registered.
        """
        return self.verified(self.usable(name))

    def usable(self, name: str) -> AdapterVersion:
        """The same, whose files are not looked at."""
        found = self.find(name)
        if found.stage == "quarantined":
            reason = next(move.reason for move in reversed(self.moves(found.task)) if move.version == found.version)
            raise InputError(
                f"{found.name} is quarantined ({reason}): use another version, or `sartor adapters retire {found.name}` "
                "where it was wrong to"
            )
        return found

    def find(self, name: str) -> AdapterVersion:
        """The same to be looked at: in quarantine or not, its files as they are."""
        task, at, number = name.partition("@")
        versions = self.list(task)
        if not versions:
            raise InputError(f"no adapter named {task!r}: {self._known(task)}")
        if at:
            found = [version for version in versions if str(version.version) == number]
        else:
            found = [version for version in versions if version.stage == "production"]
            found = found or [version for version in versions if version.stage == "candidate"]
        if not found:
            stands = ", ".join(f"{version.name} ({version.stage})" for version in versions)
            raise InputError(f"no adapter {name!r}: there are {stands}")
        return found[-1]

    def verified(self, version: AdapterVersion) -> AdapterVersion:
        """The same, whose files are those that were registered. Raises SystemFailure when they are not."""
        if not version.path.is_dir() or hash_folder(version.path, ignore=ABOUT) != version.hash:
            damaged = version.path.is_dir()
            raise SystemFailure(
                f"the files of {version.name} are {'damaged' if damaged else 'gone'}: restore {version.path} from a "
                f"backup, or {'delete it and ' if damaged else ''}make it again with `sartor run`"
            )
        return version

    def moves(self, task: str) -> tuple[Move, ...]:
        """Where the task's versions came to stand, the first move first."""
        with self._store.records.read() as connection:
            return _moves(connection, task)

    def promote(self, version: AdapterVersion, actor: str, reason: str) -> AdapterVersion:
        """Into production; what was there is retired. Raises InputError where it is there already."""
        with self._store.records.write() as connection:
            _into_production(connection, version.task, version.version, actor, reason)
        return self.find(version.name)

    def roll_back(self, task: str, actor: str, reason: str) -> AdapterVersion:
        """What was in production before the last promotion, into production again; what is there now is retired.

        Done twice it goes back twice. Versions in quarantine are passed over. Raises InputError where there is none.
        """
        with self._store.records.write() as connection:
            moves, order = _moves(connection, task), list[int]()
            stands = {move.version: move.stage for move in moves}
            for move in moves:
                if move.back:  # what lies above it was left
                    del order[len(order) - order[::-1].index(move.version) :]
                elif move.stage == "production":
                    order.append(move.version)
            usable = [version for version in order[:-1] if version != order[-1] and stands[version] != "quarantined"]
            if not usable:
                raise InputError(
                    f"nothing to roll {task!r} back to: no earlier version was in production and may be used"
                )
            _into_production(connection, task, usable[-1], actor, reason, back=True)
        return self.find(f"{task}@{usable[-1]}")

    def withdraw(
        self, version: AdapterVersion, stage: Literal["retired", "quarantined"], actor: str, reason: str
    ) -> AdapterVersion:
        """Out of use, but kept; in quarantine not to be used by anybody. Raises InputError where it stands there already."""
        with self._store.records.write() as connection:
            if _standing(connection, version.task).get(version.version) == stage:
                raise InputError(f"{version.name} is {stage} already")
            _move(connection, version.task, version.version, stage, actor, reason)
        return self.find(version.name)

    def remark(self, version: AdapterVersion, kind: Kind, texts: Sequence[str], actor: str) -> AdapterVersion:
        """The same with a note, or with tags or without them. Raises InputError as `write_remarks` does."""
        with self._store.records.write() as connection:
            write_remarks(connection, version.task, version.version, kind, texts, actor)
        return self.find(version.name)

    def _known(self, task: str) -> str:
        tasks = sorted({version.task for version in self.list()})
        if not tasks:
            return "none is registered yet; `sartor run` trains and registers one"
        near = difflib.get_close_matches(task, tasks, n=1)
        return f"did you mean {near[0]!r}?" if near else f"there are {', '.join(tasks)}"

    def _select(self, condition: ColumnElement[bool]) -> tuple[AdapterVersion, ...]:
        query = select(adapters).where(condition).order_by(adapters.c.task, adapters.c.version)
        with self._store.records.read() as connection:
            rows = connection.execute(query).mappings().all()
            tasks = {row["task"] for row in rows}
            stands = {task: _standing(connection, task) for task in tasks}
            said = {task: read_remarks(connection, task) for task in tasks}
        return tuple(self._version(row, stands[row["task"]], said[row["task"]]) for row in rows)

    def _version(
        self, row: RowMapping, stands: dict[int, Stage], said: dict[int, tuple[Remark, ...]]
    ) -> AdapterVersion:
        return AdapterVersion(
            task=row["task"],
            version=row["version"],
            hash=row["hash"],
            path=self._store.folders.path(KIND, row["folder"]),
            stage=stands.get(row["version"], "candidate"),
            manifest=row["manifest"],
            scorecard=row["scorecard"],
            cost=row["cost"],
            created_at=row["created_at"],
            remarks=said.get(row["version"], ()),
        )


def _moves(connection: Connection, task: str) -> tuple[Move, ...]:
    columns = (stages.c[each.name] for each in fields(Move))
    query = select(*columns).where(stages.c.task == task).order_by(stages.c.seq)
    return tuple(Move(*row) for row in connection.execute(query))


def _standing(connection: Connection, task: str) -> dict[int, Stage]:
    return {move.version: move.stage for move in _moves(connection, task)}


def _into_production(
    connection: Connection, task: str, version: int, actor: str, reason: str, back: bool = False
) -> None:
    for other, stage in _standing(connection, task).items():
        if stage == "production":
            if other == version:
                raise InputError(f"{task}@{version} is in production already")
            _move(connection, task, other, "retired", actor, f"{task}@{version} took its place")
    _move(connection, task, version, "production", actor, reason, back)


def _move(
    connection: Connection, task: str, version: int, stage: Stage, actor: str, reason: str, back: bool = False
) -> None:
    last: int = connection.execute(select(func.max(stages.c.seq)).where(stages.c.task == task)).scalar() or 0
    move = asdict(Move(version, stage, back, actor, reason, now()))
    connection.execute(insert(stages).values(task=task, seq=last + 1, **move))
