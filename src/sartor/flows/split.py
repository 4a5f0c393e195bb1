"""A frozen test set: rows split off once, so that no later run, row or seed changes what is judged on."""

from dataclasses import dataclass
from typing import Any

from sartor.curate.duplicates import conversations, find
from sartor.data.carve import near_by_id
from sartor.data.history import History
from sartor.data.split import split_off_test
from sartor.errors import InputError
from sartor.flows.prepare import Task
from sartor.flows.rows import current
from sartor.store import Store, disk_errors
from sartor.task import CODE


@dataclass(frozen=True, slots=True)
class Frozen:
    version: str
    """What is left to learn from, now the latest version."""
    test_version: str
    """The test set."""
    rows: dict[str, int]
    """Rows of each: `train`, `test`."""
    notes: list[str]
    """What was split off and left out, with counts."""


def split_off(task: Task, store: Store, share: float | None = None) -> Frozen:
    """The share of the task's rows (default: `data.test_share`) as a test set that no further step changes.

    The rows are those that curation would look at, and the split is the one that a run without a test set draws from them.
    Raises InputError where the task has a test file, the test set is frozen already, or the rows cannot be split.
    """
    spec = task.spec
    share = spec.data.test_share if share is None else share
    if not 0 < share < 1:
        raise InputError(f"a share of {share:g} cannot be split off; name one between 0 and 1, such as 0.2")
    if spec.data.test:
        raise InputError(f"{spec.data.test} is the test set; remove `data.test` to split one off the training rows")
    history = History(store, spec.task)
    if frozen := history.frozen_test():
        raise InputError(
            f"the test set is frozen already: write `test_version: {frozen[:12]}` under `data`; "
            "to split anew, go back before that step with `sartor curate undo`"
        )
    with disk_errors():
        head = current(task, history)
        examples = history.examples(head.hash)
        near = near_by_id(examples, find(conversations(examples), code=spec.kind in CODE).linked.tolist())
        rest, test, notes = split_off_test(examples, spec, share, spec.train.seed, near)
        config: dict[str, Any] = {"share": share, "seed": spec.train.seed, "notes": notes}
        entry, frozen = history.split_off(test, rest, config, head.hash)
    return Frozen(entry.hash, frozen, {"train": len(rest), "test": len(test)}, notes)
