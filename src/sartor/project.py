"""A project: one folder, its tasks, and what a person may do with them. The Python API, and what the CLI calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sartor.complaints import did_you_mean
from sartor.errors import InputError
from sartor.progress import Progress, silent
from sartor.project_adapters import Adapters
from sartor.project_serving import Serving
from sartor.task import SPEC_NAME

# What the verbs need takes seconds to import, so each imports its own.
if TYPE_CHECKING:
    from sartor.access import Actor, Policy
    from sartor.data.diff import Change
    from sartor.data.example import Example
    from sartor.data.history import Entry, History
    from sartor.data.table import Table
    from sartor.flows.check import CheckReport
    from sartor.flows.curate import Curated
    from sartor.flows.curve import LearningCurve
    from sartor.flows.curve_next import Next
    from sartor.flows.evaluate import Judged
    from sartor.flows.generalist_outcome import OneForAll
    from sartor.flows.halving import Tuned
    from sartor.flows.methods import Compared
    from sartor.flows.predict import Prediction
    from sartor.flows.prepare import Task
    from sartor.flows.prove import Proof
    from sartor.flows.run import RunResult
    from sartor.flows.select import Selected
    from sartor.flows.split import Frozen
    from sartor.jobs.steps import Steps
    from sartor.store import Store
    from sartor.task import Way

STORE_NAME = ".sartor"
TASKS_NAME = "tasks"


class Project:
    """A folder with a `sartor.yaml` of its own (a project of one task), or with tasks in `tasks/NAME/sartor.yaml`.

    Whatever it keeps lies in its `.sartor`, made by the first verb that keeps something.
    """

    root: Path
    here: Path | None
    """The folder of the task that verbs mean when none is named."""

    def __init__(self, root: Path, here: Path | None = None) -> None:
        self.root, self.here = root, here

    @classmethod
    def find(cls, folder: Path) -> Project:
        """The project that a folder (or a `sartor.yaml`) lies in: the nearest one upward.

        Raises InputError when the folder does not exist, or there is no task in it or above.
        """
        start = folder.resolve()
        if not start.exists():
            raise InputError(f"the folder {folder} does not exist; `sartor init {folder} --data FILE` makes a task")
        for place in (start.parent if start.is_file() else start, *start.parents):
            if (place / SPEC_NAME).is_file():
                return cls(place.parent.parent if place.parent.name == TASKS_NAME else place, place)
            if (place / STORE_NAME).is_dir() or any(place.glob(f"{TASKS_NAME}/*/{SPEC_NAME}")):
                return cls(place)
        raise InputError(f"no {SPEC_NAME} in {folder} or above; `sartor init {folder} --data FILE` writes one")

    @property
    def tasks_folder(self) -> Path:
        """Where its tasks lie, but for one in the root."""
        return self.root / TASKS_NAME

    def tasks(self) -> dict[str, Task]:
        """Every task by its name. Raises InputError for one that cannot be read, and for two of one name."""
        from sartor.flows.prepare import open_task

        found: dict[str, Task] = {}
        for path in (self.root / SPEC_NAME, *sorted(self.tasks_folder.glob(f"*/{SPEC_NAME}"))):
            if path.is_file():
                task = open_task(path)
                if twin := found.get(task.spec.task):
                    raise InputError(f"{path}: {twin.folder / SPEC_NAME} is called {task.spec.task} too; rename one")
                found[task.spec.task] = task
        return found

    def check(
        self,
        task: str | None = None,
        gpu: str | None = None,
        price: float | None = None,
        progress: Progress = silent,
    ) -> CheckReport:
        """What a run would see and take, on this machine or on a named GPU at `price` an hour; nothing is written."""
        chosen = self._allowed("check", task)
        from sartor.flows.check import check

        return check(chosen, progress, gpu, price, self._store if self._path.is_dir() else None)

    def tune(
        self,
        trials: int = 8,
        budget: float | None = None,
        task: str | None = None,
        progress: Progress = silent,
    ) -> Tuned:
        """The recipe of training with the lowest loss on validation rows, for `run(tuned=…)` or to be written into the task.

        `trials`: how many recipes are tried. `budget`: seconds of training that the search may take.
        """
        chosen = self._allowed("run", task)
        from sartor.flows.check import check
        from sartor.flows.search import search

        check(chosen, progress).raise_for_errors()
        self._note("tune", f"task {chosen.spec.task}", {"trials": trials, "budget": budget})
        return search(chosen, self._store, trials, budget, progress)

    def run(self, task: str | None = None, progress: Progress = silent, tuned: Tuned | None = None) -> RunResult:
        """From the task's examples to a verdict, with the recipe that `tune` found where it is given.

        What is done already is not repeated. Raises InputError, with nothing written, when the check says no.
        """
        chosen = self._allowed("run", task)
        if tuned:
            train = chosen.spec.train.model_copy(update=tuned.settings)
            chosen = replace(chosen, spec=chosen.spec.model_copy(update={"train": train}))
        from sartor.flows.check import check
        from sartor.flows.run import run

        checked = check(chosen, progress)
        checked.raise_for_errors()  # before there is a store: a wrong input leaves nothing behind
        self._note("run", f"task {chosen.spec.task}")
        return run(chosen, self._store, progress, checked, tuned)

    def predict(
        self,
        system: str,
        rows: Table | Iterable[Mapping[str, Any]],
        task: str | None = None,
        progress: Progress = silent,
    ) -> list[Prediction]:
        """Answers of an adapter (`NAME`, `NAME@VERSION`) or a rival (`zero-shot`) to rows with the task's columns."""
        chosen = self._allowed("predict", task)
        from sartor.flows.predict import predict

        answers = predict(chosen, self._store, system, _as_table(rows), progress)
        self._note("predict", f"task {chosen.spec.task}", {"system": system, "rows": len(answers)})
        return answers

    def evaluate(
        self,
        *systems: str,
        rows: Table | None = None,
        by: str | None = None,
        task: str | None = None,
        progress: Progress = silent,
    ) -> Judged:
        """Scorecards of systems (adapters or rivals) on the task's test set, or on `rows`; compared where several."""
        chosen = self._allowed("evaluate", task)
        from sartor.flows.evaluate import judge_systems

        self._note("evaluate", f"task {chosen.spec.task}", {"systems": list(systems)})
        return judge_systems(chosen, self._store, systems, rows, by, progress)

    def evaluate_outputs(
        self, outputs: Table, by: str | None = None, task: str | None = None, progress: Progress = silent
    ) -> Judged:
        """Scorecards of outputs that were made elsewhere, by the KPIs of a task: rows with its columns and `output`."""
        chosen = self._allowed("evaluate", task)
        from sartor.flows.evaluate import judge_outputs

        self._note("evaluate", f"task {chosen.spec.task}", {"outputs": outputs.name})
        return judge_outputs(chosen, self._store, outputs, by, progress)

    def add_rows(self, file: Path, task: str | None = None) -> tuple[Entry, list[dict[str, str]]]:
        """The rows of a file, with the task's columns, as the latest version; and each that cannot be read, by place and reason.

        Raises SystemFailure as `undo` does.
        """
        chosen = self._allowed("add", task)
        from sartor.flows.rows import add_file

        self._note("add", f"task {chosen.spec.task}", {"file": file.name})
        with self._alone(chosen):
            return add_file(self._history(chosen), chosen.spec, file)

    def split(self, share: float | None = None, task: str | None = None) -> Frozen:
        """A share of the task's rows as a test set that nothing changes; the rest as the latest version."""
        chosen = self._allowed("split", task)
        from sartor.flows.split import split_off

        self._note("split", f"task {chosen.spec.task}")
        with self._alone(chosen):
            return split_off(chosen, self._store, share)

    def versions(self, task: str | None = None) -> list[tuple[Entry, int]]:
        """Every step that the task's rows went through, with the number of rows after it."""
        history = self._history(self._allowed("list", task))
        return [(entry, history.manifest(entry.hash)["rows"]) for entry in history.entries()]

    def version(self, name: str = "latest", task: str | None = None) -> tuple[str, dict[str, Any], list[Example]]:
        """A version's hash, manifest and rows, named as the ledger names them. Raises InputError for a name that means none."""
        chosen = self._allowed("show", task)
        from sartor.flows.rows import named

        history = self._history(chosen)
        hash = history.find(name)
        return hash, history.manifest(hash), named(history.examples(hash), chosen.spec)

    def diff(self, before: str, after: str = "latest", task: str | None = None) -> list[Change]:
        """What changed between two versions, row by row."""
        from sartor.data.diff import diff

        return diff(self.version(before, task)[2], self.version(after, task)[2])

    def curate(
        self, checks: Sequence[str] = (), plan: bool = False, task: str | None = None, progress: Progress = silent
    ) -> Curated:
        """A better version of the task's rows, by all checks or by these, and the reasons; with `plan` the reasons only."""
        chosen = self._allowed("curate", task)
        from sartor.flows.curate import curate

        self._note("curate", f"task {chosen.spec.task}", {"checks": list(checks), "plan": plan})
        return curate(chosen, self._store, checks, plan, progress)

    def select(
        self,
        size: int,
        way: Way = "coverage",
        like: Path | None = None,
        plan: bool = False,
        task: str | None = None,
        progress: Progress = silent,
    ) -> Selected:
        """`size` of the task's rows as a new version, beside as many at random and the longest; `like` is for `similar`."""
        chosen = self._allowed("curate", task)
        from sartor.flows.select import select

        self._note("select", f"task {chosen.spec.task}", {"size": size, "way": way, "plan": plan})
        return select(chosen, self._store, size, way, like, plan, progress)

    def prove_selection(
        self, selected: Selected, seeds: int = 3, task: str | None = None, progress: Progress = silent
    ) -> Proof:
        """Whether the selected rows train a better specialist than as many at random, and than the longest."""
        chosen = self._allowed("curate", task)
        from sartor.flows.prove import prove_selection

        self._note("prove", f"task {chosen.spec.task}", {"seeds": seeds, "way": selected.way})
        return prove_selection(selected, chosen, self._store, seeds, progress)

    def prove(self, seeds: int = 3, task: str | None = None, progress: Progress = silent) -> Proof:
        """Whether the curated rows train a better specialist than the raw ones, and than as many at random."""
        chosen = self._allowed("curate", task)
        from sartor.flows.prove import prove

        self._note("prove", f"task {chosen.spec.task}", {"seeds": seeds})
        return prove(chosen, self._store, seeds, progress)

    def compare_methods(
        self,
        methods: Sequence[str],
        seeds: int = 3,
        budget: float | None = None,
        task: str | None = None,
        progress: Progress = silent,
    ) -> Compared:
        """Methods of fine-tuning (`lora`, `full`), each tuned on validation rows, trained with several seeds, and judged.

        `budget`: seconds of training that tuning a method may take.
        """
        chosen = self._allowed("run", task)
        from sartor.flows.methods import compare_methods

        self._note("compare", f"task {chosen.spec.task}", {"methods": list(methods), "seeds": seeds})
        return compare_methods(chosen, self._store, methods, seeds, budget, progress)

    def compare_specialists(self, tasks: Sequence[str], seeds: int = 3, progress: Progress = silent) -> OneForAll:
        """Whether a specialist for each of these tasks is better than one adapter that learned them all, together or in turn."""
        chosen = [self._allowed("run", name) for name in tasks]
        from sartor.flows.generalist import compare_specialists

        for task in chosen:
            self._note("compare", f"task {task.spec.task}", {"specialists": list(tasks), "seeds": seeds})
        return compare_specialists(chosen, self._store, seeds, progress)

    def curve(
        self,
        sizes: Sequence[int] | None = None,
        seeds: int | None = None,
        elsewhere: bool = False,
        task: str | None = None,
        progress: Progress = silent,
    ) -> LearningCurve:
        """How many examples are enough: the KPI after more and more of the rows, and whether more labels would pay.

        `sizes` and `seeds` stand in for what the task says under `curve`; `elsewhere`: whether the money is better spent on
        something else.
        """
        chosen = self._allowed("run", task)
        from sartor.flows.curve import learning_curve

        set_here = {key: value for key, value in (("sizes", sizes and tuple(sizes)), ("seeds", seeds)) if value}
        if seeds is not None and not 2 <= seeds <= 16:
            raise InputError(f"{seeds} seeds: train 2 to 16 of each size")
        own = chosen.spec.curve.model_copy(update=set_here)
        chosen = replace(chosen, spec=chosen.spec.model_copy(update={"curve": own}))
        from sartor.flows.check import check

        free = chosen.spec.train.model_copy(update={"budget": None})  # which is held while all of them are trained
        checked = check(replace(chosen, spec=chosen.spec.model_copy(update={"train": free})), progress)
        checked.raise_for_errors()
        self._note("curve", f"task {chosen.spec.task}", {"sizes": list(own.sizes), "seeds": own.seeds})
        return learning_curve(chosen, self._store, elsewhere, progress, checked)

    def curve_next(
        self,
        pool: Table | Iterable[Mapping[str, Any]],
        size: int,
        task: str | None = None,
        progress: Progress = silent,
    ) -> Next:
        """The `size` rows of a pool without labels that are to be labelled next, beside as many at random; nothing changes."""
        chosen = self._allowed("run", task)
        from sartor.flows.curve_next import curve_next

        table = _as_table(pool)
        detail = {"pool": table.name, "rows": len(table.rows), "size": size}
        self._note("curve next", f"task {chosen.spec.task}", detail)
        return curve_next(chosen, self._store, table, size, progress)

    def prove_training(self, seeds: int = 3, task: str | None = None, progress: Progress = silent) -> Proof:
        """Whether the KPIs moved by what the task says to train towards them: weights, preferences."""
        chosen = self._allowed("run", task)
        from sartor.flows.prove import prove_training

        self._note("prove", f"task {chosen.spec.task}", {"seeds": seeds, "way": "training"})
        return prove_training(chosen, self._store, seeds, progress)

    def undo(self, task: str | None = None) -> Entry:
        """Take back the last change of the task's rows. Raises SystemFailure when another process works on the task."""
        chosen = self._allowed("curate", task)
        self._note("undo", f"task {chosen.spec.task}")
        with self._alone(chosen):
            return self._history(chosen).undo()

    def ledger(self, row: str | None = None, task: str | None = None) -> list[dict[str, Any]]:
        """Every decision that led to the latest version, or those on one row."""
        chosen = self._allowed("curate", task)
        from sartor.flows.curate import ledger_of

        return ledger_of(self._history(chosen), chosen.spec, self._store, row)

    @cached_property
    def serving(self) -> Serving:
        """What was trained here behind an API: keys, router, what is asked of it and said about it."""
        return Serving(self)

    @cached_property
    def adapters(self) -> Adapters:
        """What was trained here: list, show, promote, roll back, export, …"""
        return Adapters(self)

    def _history(self, task: Task) -> History:
        from sartor.data.history import History

        return History(self._store, task.spec.task)

    def _alone(self, task: Task) -> Steps:
        """To be entered: keeps other processes off the task until it is left."""
        from sartor.jobs.here import Here
        from sartor.jobs.steps import Steps

        return Steps(self._store, task.spec.task, Here())

    @property
    def _path(self) -> Path:
        return self.root / STORE_NAME

    @cached_property
    def _store(self) -> Store:
        from sartor.store import Store

        return Store.open(self._path)

    @cached_property
    def _policy(self) -> tuple[Policy, Actor]:
        from sartor.access import Actor, Policy

        return Policy.local(), Actor.local()

    def _ask(self, verb: str, resource: str) -> None:
        policy, actor = self._policy
        policy.require(actor, verb, resource)

    def _note(self, verb: str, resource: str, detail: dict[str, Any] | None = None) -> None:
        from sartor.access import Audit

        Audit(self._store.records).write(self._policy[1], verb, resource, detail)

    def _allowed(self, verb: str, name: str | None) -> Task:
        """The task that is meant, with the versions of rows that it names and the verb needs, when policy allows this verb on it.

        What makes versions must not need the one that `data.version` names: there may be none yet.
        """
        task = self._task(name)
        self._ask(verb, f"task {task.spec.task}")
        if verb in ("add", "list", "show"):
            return task
        data = task.spec.data
        rows = None if verb in ("curate", "split") else self._rows(task, data.version)
        return replace(task, rows=rows, frozen_test=self._rows(task, data.test_version))

    def _rows(self, task: Task, version: str | None) -> tuple[Example, ...] | None:
        if version is None:
            return None
        history = self._history(task)
        return tuple(history.examples(history.find(version)))

    def _task(self, name: str | None) -> Task:
        from sartor.flows.prepare import open_task

        if name is None and self.here:
            return open_task(self.here)
        tasks = self.tasks()
        if name is None and len(tasks) == 1:
            return next(iter(tasks.values()))
        if name is not None and name in tasks:
            return tasks[name]
        if not tasks:
            raise InputError(f"{self.root} has no task yet; `sartor init {self.root} --data FILE` makes one")
        if name is None:
            folder = next(iter(tasks.values())).folder
            raise InputError(
                f"{self.root} has several tasks ({', '.join(tasks)}): name one, or its folder, such as {folder}"
            )
        raise InputError(f"there is no task `{name}`{did_you_mean(name, tasks) or '; there are ' + ', '.join(tasks)}")


def _as_table(rows: Table | Iterable[Mapping[str, Any]]) -> Table:
    """Rows given in Python as those of a file."""
    from sartor.data.table import Table, check_cells, make_table

    if isinstance(rows, Table):
        return rows
    listed = [dict(row) for row in rows]
    return check_cells(make_table("rows", "Python", listed, range(1, len(listed) + 1), "row"))
