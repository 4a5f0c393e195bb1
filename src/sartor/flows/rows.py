"""Where a task's rows stand, and what they are called: what curation, selection, splits and proofs start from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sartor.curate.ledger import Decision
from sartor.data.example import Example
from sartor.data.examples import build_examples
from sartor.data.history import ADD, Entry, History
from sartor.data.read import Quarantine, read_rows
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.flows.prepare import Task
from sartor.task import TaskSpec


def current(task: Task, history: History) -> Entry:
    """Where the task's rows stand. Those of the training file are added first where there is no version yet, and again
    where they came from it and it has changed since; rows of another file that was added stay.

    Raises InputError where a test set was split off that the task does not name: adding the file again would bring it back.
    """
    return standing(task, history)[0]


def standing(task: Task, history: History) -> tuple[Entry, list[dict[str, str]]]:
    """The same, and the rows of the file that cannot be read, as it is now."""
    file, head = task.folder / task.spec.data.train, history.head()
    if head:
        config = history.root(head).config
        if config.get("file") != file.name:
            return head, config.get("set_aside", [])
    examples, aside = _read(task.spec, file)
    if head and history.root(head).hash == content_hash(examples):
        return head, _places(aside)
    if (frozen := history.frozen_test()) and not task.spec.data.test_version:
        raise InputError(
            f"{file.name} has changed since a test set was split off: write `test_version: {frozen[:12]}` under `data`, "
            "so that its rows are left out, or take the split back with `sartor curate undo`"
        )
    return _add(history, file, examples, aside)


def add_file(history: History, spec: TaskSpec, file: Path) -> tuple[Entry, list[dict[str, str]]]:
    """The rows of a file as the latest version, and those that cannot be read, by place and reason."""
    return _add(history, file, *_read(spec, file))


def _add(
    history: History, file: Path, examples: Sequence[Example], aside: Quarantine
) -> tuple[Entry, list[dict[str, str]]]:
    set_aside = _places(aside)
    return history.append(examples, ADD, {"file": file.name, "set_aside": set_aside}), set_aside


def _places(aside: Quarantine) -> list[dict[str, str]]:
    return [{"place": each.place, "reason": each.reason} for each in aside]


def _read(spec: TaskSpec, file: Path) -> tuple[list[Example], Quarantine]:
    aside: Quarantine = []
    return build_examples(read_rows(file, quarantine=aside), spec, aside), aside


def held_out(there: Sequence[Example], left: Sequence[Example]) -> list[Decision]:
    """The rows that no check may look at, for they are linked with the frozen test set."""
    ids = {example.id for example in left}
    why = "the frozen test set holds it, asks the same or nearly the same, or shares its group or subject"
    return [Decision(row.id, "frozen_test", "drop", why, 1.0, {}) for row in there if row.id not in ids]


def questions(history: History, entry: Entry) -> list[str]:
    """What the rows asked that a line's came from, as they were added."""
    return [example.question for example in history.examples(history.root(entry).hash)]


def named(examples: Sequence[Example], spec: TaskSpec) -> list[Example]:
    """The rows under the names that people know: their own ids, else their numbers in the file from 0.

    Raises InputError where they were added with ids of their own, and the task names no column of ids any more.
    """
    if spec.data.id:
        return list(examples)
    if own := next((example.id for example in examples if not example.id.isdecimal()), None):
        raise InputError(f"rows were added with ids of their own (`{own}`): name their column as `data.id`")
    return [replace(example, id=str(int(example.id) - 1)) for example in examples]
