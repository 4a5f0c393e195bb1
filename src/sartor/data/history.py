"""The versions that a task's examples went through: added, split, curated, selected, undone. Nothing is ever overwritten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert, select

from sartor.data.example import Example
from sartor.data.versions import content_hash, freeze, thaw
from sartor.errors import InputError
from sartor.store import Store
from sartor.store.records import now
from sartor.store.tables import dataset_versions, history, history_configs

ADD, SPLIT, UNDO = "add", "split", "undo"
TEST = "split/test"
"""The step that makes a version of test rows; it is no line of the history."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a task's history."""

    seq: int
    """From 1."""
    hash: str
    """The version that the examples stood at from here on."""
    step: str
    """`add`, `split`, `curate`, `select` or `undo`."""
    before: int | None
    """The line whose version came before; None for the first."""
    ledger: str | None
    """The address of the step's decisions in the store."""
    created_at: str
    config: dict[str, Any]
    """What the step was configured with."""


class History:
    """The history of one task in a store."""

    def __init__(self, store: Store, task: str) -> None:
        self._store, self._task = store, task

    def entries(self) -> list[Entry]:
        """All lines, the first one first."""
        same = (history_configs.c.task == history.c.task) & (history_configs.c.seq == history.c.seq)
        query = select(history, history_configs.c.config).outerjoin(history_configs, same)
        query = query.where(history.c.task == self._task).order_by(history.c.seq)
        with self._store.records.read() as connection:
            rows = [dict(row) for row in connection.execute(query).mappings()]
        for row in rows:
            if row["config"] is None:  # lines of old have that of their version
                row["config"] = self.manifest(row["hash"])["config"]
        return [Entry(**{key: value for key, value in row.items() if key != "task"}) for row in rows]

    def head(self) -> Entry | None:
        """Where the examples stand."""
        entries = self.entries()
        return entries[-1] if entries else None

    def append(
        self,
        examples: Sequence[Example],
        step: str,
        config: dict[str, Any],
        ledger: str | None = None,
        parent: str | None = None,
    ) -> Entry:
        """The examples as a new version after the head's; without a `parent` they come from outside.

        Where neither they nor the decisions are new, nor what rows were added from, the head stays as it is.
        """
        head = self.head()
        same = head and head.hash == content_hash(examples) and ledger in (None, head.ledger)
        if head and same and (step != ADD or self.root(head).config == config):
            return head
        hash = self._keep(examples, step, config, parent)
        return self._write(hash, step, head.seq if head else None, ledger, config)

    def split_off(
        self, test: Sequence[Example], rest: Sequence[Example], config: dict[str, Any], parent: str
    ) -> tuple[Entry, str]:
        """The test rows of a version as a version of their own, and the rest as the new head. Gives both."""
        frozen = self._keep(test, TEST, config, parent)
        return self.append(rest, SPLIT, {**config, "test": frozen}, parent=parent), frozen

    def frozen_test(self) -> str | None:
        """The test rows that were split off on the way to where the examples stand; None where none were, or it was undone."""
        head = self.head()
        found = next((entry for entry in self.way(head) if entry.step == SPLIT), None) if head else None
        return found.config["test"] if found else None

    def undo(self) -> Entry:
        """Back to the version before the last change that was not undone. Raises InputError where there is none."""
        entries = self.entries()
        head = before = entries[-1] if entries else None
        while head and before and before.hash == head.hash:  # a step that changed nothing is no step to undo
            before = entries[before.before - 1] if before.before else None
        if before is None:
            raise InputError(f"{self._task} has no step to undo; `sartor data list` shows its versions")
        # An undo stands where the line stands that it goes back to: undoing again goes one further.
        return self._write(before.hash, UNDO, before.before, before.ledger, before.config)

    def root(self, entry: Entry) -> Entry:
        """The `add` that a line's rows came from."""
        return list(self.since_added(entry))[-1]

    def since_added(self, entry: Entry) -> Iterator[Entry]:
        """The steps that a line's rows came through, the last one first, back to the `add` that they came from."""
        for each in self.way(entry):
            yield each
            if each.step == ADD:
                return

    def way(self, entry: Entry) -> Iterator[Entry]:
        """The steps that a line's rows came through, the last one first, without those that were undone."""
        entries = self.entries()
        at: Entry | None = entry
        while at:
            if at.step == UNDO:  # it stands where an earlier line stands
                at = next(each for each in entries if (each.hash, each.before) == (at.hash, at.before))
            yield at
            at = entries[at.before - 1] if at.before else None

    def find(self, version: str) -> str:
        """The hash that a version's name means: `latest`, a hash or its beginning, of test rows too. Raises InputError for no
        or several."""
        lines = [entry.hash for entry in self.entries()]
        if version == "latest" and lines:
            return lines[-1]
        hashes = dict.fromkeys([*lines, *self._tests()])
        found = {hash for hash in hashes if len(version) >= 4 and hash.startswith(version)}
        if len(found) == 1:
            return found.pop()
        what = "is short for several versions" if found else "is no version"
        known = ", ".join(hash[:12] for hash in hashes) or "none yet; `sartor data add` makes one"
        raise InputError(f"`{version}` {what} of {self._task}; there are {known}")

    def manifest(self, hash: str) -> dict[str, Any]:
        """What is known of a version: rows, configuration of its step, the address of its rows."""
        table = dataset_versions
        query = select(table.c.manifest).where(table.c.task == self._task, table.c.hash == hash)
        with self._store.records.read() as connection:
            found: dict[str, Any] = connection.execute(query).scalar_one()
        return found

    def examples(self, hash: str) -> list[Example]:
        """The rows of a version. Raises SystemFailure where they are missing or damaged."""
        return thaw(self._store.objects.get(self.manifest(hash)["object"]))

    def _tests(self) -> list[str]:
        """The versions of test rows, the first one first."""
        table = dataset_versions
        query = (
            select(table.c.hash).where(table.c.task == self._task, table.c.step == TEST).order_by(table.c.created_at)
        )
        with self._store.records.read() as connection:
            return list(connection.execute(query).scalars())

    def _keep(self, examples: Sequence[Example], step: str, config: dict[str, Any], parent: str | None) -> str:
        """The hash of the version that the examples make, in the store once it returns."""
        parquet, manifest = freeze(examples, step=step, config=config, parent=parent)
        about = {"rows": manifest.rows, "config": config, "object": self._store.objects.put(parquet)}
        self._store.records.add_dataset_version(self._task, manifest.sha256, parent, step, about)
        return manifest.sha256

    def _write(self, hash: str, step: str, before: int | None, ledger: str | None, config: dict[str, Any]) -> Entry:
        with self._store.records.write() as connection:
            last = select(history.c.seq).where(history.c.task == self._task).order_by(history.c.seq.desc()).limit(1)
            entry = Entry((connection.execute(last).scalar() or 0) + 1, hash, step, before, ledger, now(), config)
            values = {key: getattr(entry, key) for key in Entry.__slots__ if key != "config"}
            connection.execute(insert(history).values(task=self._task, **values))
            connection.execute(insert(history_configs).values(task=self._task, seq=entry.seq, config=config))
        return entry
