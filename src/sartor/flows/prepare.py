"""The first steps of every verb: open a task, read its files, build its examples, split them. Nothing is written."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from sartor.curate.duplicates import conversations, find
from sartor.data.carve import Near, apart, near_by_id
from sartor.data.duplicates import Match, question_key
from sartor.data.example import Example
from sartor.data.examples import build_examples
from sartor.data.read import Quarantine, Table, read_rows
from sartor.data.split import Splits, split
from sartor.errors import InputError
from sartor.evaluate.metric import check_kpis
from sartor.task import CODE, SPEC_NAME, Kind, TaskSpec
from sartor.task_file import load_task


@dataclass(frozen=True, slots=True)
class Task:
    """A task spec and the folder that it lies in."""

    folder: Path
    spec: TaskSpec
    rows: tuple[Example, ...] | None = None
    """Those of the version that `data.version` names; None: those of the training file."""
    frozen_test: tuple[Example, ...] | None = None
    """The rows of the version that `data.test_version` names."""


@dataclass(frozen=True, slots=True)
class Prepared:
    task: Task
    train_table: Table
    test_table: Table | None
    examples: list[Example]
    """Every row of the training file, or of the version that is trained on, before the split; none that is linked with a
    frozen test set."""
    splits: Splits
    near: Near
    """Which examples ask nearly the same."""
    near_leaks: list[Match]
    """Examples that ask nearly, but not exactly, what a row of the test file asks."""

    @property
    def learned(self) -> list[Example]:
        """The rows of training and validation as they were read, with everything that training does not see."""
        ids = {example.id for side in (self.splits.train, self.splits.validation) for example in side}
        return [example for example in self.examples if example.id in ids]

    @property
    def labels(self) -> list[str]:
        """The labels that training shows, sorted; empty unless a classification."""
        rows = (*self.splits.train, *self.splits.validation)
        return sorted({label for example in rows for label in example.labels})


def open_task(path: Path) -> Task:
    """The task of a folder, or of a `sartor.yaml`. Raises InputError as `load_task` does."""
    spec = load_task(path)
    return Task((path if path.is_dir() else path.parent).resolve(), spec)


def test_rows(task: Task) -> list[Example] | None:
    """The rows that are for the verdict only: of the frozen version, or of the test file; None where each run draws its own."""
    return _read_test(task)[1]


def without_test(task: Task, examples: Sequence[Example]) -> list[Example]:
    """The rows that are not linked with a frozen test set: that ask nothing that it asks, exactly or nearly, and share none of
    its groups and subjects. All of them where the task has none."""
    if task.frozen_test is None:
        return list(examples)
    kind = task.spec.kind
    _, leaks = _alike(tuple(conversations(examples)), tuple(conversations(task.frozen_test)), kind in CODE)
    return apart(examples, kind, task.frozen_test, leaks)


def prepare(task: Task) -> Prepared:
    """Read, build and split. Raises InputError naming file, row and column for whatever cannot be used."""
    spec = task.spec
    check_kpis(spec)
    aside: Quarantine | None = None if task.rows is None else []  # a version holds what could be read
    train_table = read_rows(task.folder / spec.data.train, quarantine=aside)
    test_table, test = _read_test(task)
    for column in spec.data.annotations if task.rows is None else ():
        train_table.require(column, "`data.annotations`")  # test rows need none
    if spec.data.weight and task.rows is None:
        train_table.require(spec.data.weight, "`data.weight`")
    rows = build_examples(train_table, spec) if task.rows is None else list(task.rows)
    linked, leaks = _alike(tuple(conversations(rows)), tuple(conversations(test or ())), spec.kind in CODE)
    examples = without_test(task, rows)
    if not examples:
        what = "every row is in the frozen test set, or linked with it"
        raise InputError(f"{task.folder / SPEC_NAME}: {what}; add rows, or name another `data.test_version`")
    near = near_by_id(rows, linked)
    splits = split(examples, test, spec, spec.train.seed, near)
    learned = {side: [as_learned(row, spec) for row in getattr(splits, side)] for side in ("train", "validation")}
    learned["test"] = [replace(row, annotations=()) for row in splits.test]
    notes = [note for table in (train_table, test_table) if table for note in table.notes]
    if gone := len(rows) - len(examples):
        why = "the frozen test set holds them, asks the same or nearly the same, or shares their group or subject"
        notes.append(f"{gone:,} of {len(rows):,} rows left out of training: {why}")
    splits = replace(splits, **learned, notes=[*notes, *splits.notes])
    if not splits.train or not splits.test:
        raise InputError(f"{task.folder / SPEC_NAME}: no rows are left to train or to test on; add rows")
    near_leaks = list(_near_leaks(rows, test, spec.kind, leaks)) if test_table and test else []
    return Prepared(task, train_table, test_table, examples, splits, near, near_leaks)


def as_learned(row: Example, spec: TaskSpec) -> Example:
    """The row with what training reads of it.

    Only evaluation reads other columns, and only the gate annotations: what changes in them must not train an adapter again,
    nor make another test set.
    """
    columns = {name: row.columns[name] for name in spec.learned_columns if name in row.columns}
    return replace(row, annotations=(), columns=columns)


def _read_test(task: Task) -> tuple[Table | None, list[Example] | None]:
    """The test file, where there is one, and the test rows, where they are not drawn."""
    if task.frozen_test is not None:
        return None, list(task.frozen_test)
    data = task.spec.data
    assert data.test_version is None, "a project opens a task with the versions that it names"
    if not data.test:
        return None, None
    table = read_rows(task.folder / data.test)
    return table, build_examples(table, task.spec)


@lru_cache(maxsize=1)  # a run prepares what its check has prepared
def _alike(asked: tuple[str, ...], tested: tuple[str, ...], code: bool) -> tuple[list[int], dict[int, int]]:
    """The number of each row's component of duplicates; and by its place each row that a test row says too, and that one's."""
    found = find(asked, held_out=tested, code=code)
    return found.linked.tolist(), dict(zip(found.leaks.rows.tolist(), found.leaks.of.tolist(), strict=True))


def _near_leaks(
    rows: Sequence[Example], test: Sequence[Example], kind: Kind, leaks: Mapping[int, int]
) -> Iterator[Match]:
    asked = {question_key(example, kind) for example in test}
    for row, of in leaks.items():
        if question_key(rows[row], kind) not in asked:
            yield Match(rows[row].source, test[of].source)
