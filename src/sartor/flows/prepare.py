"""The first steps of every verb: open a task, read its files, build its examples, split them. Nothing is written."""

from dataclasses import dataclass, replace
from pathlib import Path

from sartor.data.example import Example
from sartor.data.examples import build_examples
from sartor.data.read import Quarantine, Table, read_rows
from sartor.data.split import Splits, split
from sartor.errors import InputError
from sartor.evaluate.metric import check_kpis
from sartor.task import SPEC_NAME, TaskSpec, load_task


@dataclass(frozen=True, slots=True)
class Task:
    """A task spec and the folder that it lies in."""

    folder: Path
    spec: TaskSpec
    rows: tuple[Example, ...] | None = None
    """Those of the version that `data.version` names; None: those of the training file."""


@dataclass(frozen=True, slots=True)
class Prepared:
    task: Task
    train_table: Table
    test_table: Table | None
    examples: list[Example]
    """Every row of the training file, or of the version that is trained on, before the split."""
    splits: Splits

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


def prepare(task: Task) -> Prepared:
    """Read, build and split. Raises InputError naming file, row and column for whatever cannot be used."""
    spec = task.spec
    check_kpis(spec)
    aside: Quarantine | None = None if task.rows is None else []  # a version holds what could be read
    train_table = read_rows(task.folder / spec.data.train, quarantine=aside)
    test_table = read_rows(task.folder / spec.data.test) if spec.data.test else None
    for column in spec.data.annotations if task.rows is None else ():
        train_table.require(column, "`data.annotations`")  # test rows need none
    examples = build_examples(train_table, spec) if task.rows is None else list(task.rows)
    test = build_examples(test_table, spec) if test_table else None
    splits = split(examples, test, spec, spec.train.seed)
    # Only evaluation reads other columns, and only the gate annotations: what changes in them must not train an adapter
    # again, nor make another test set.
    learned = {
        side: [replace(row, annotations=(), columns={}) for row in getattr(splits, side)]
        for side in ("train", "validation")
    }
    learned["test"] = [replace(row, annotations=()) for row in splits.test]
    notes = [note for table in (train_table, test_table) if table for note in table.notes]
    splits = replace(splits, **learned, notes=[*notes, *splits.notes])
    if not splits.train or not splits.test:
        raise InputError(f"{task.folder / SPEC_NAME}: no rows are left to train or to test on; add rows")
    return Prepared(task, train_table, test_table, examples, splits)
