"""One model for all? A specialist for each task, one generalist for all of them, and one adapter that learns task after task.

All are trained on the same base and rows with several seeds; then every adapter is asked the test rows of every task, each
under that task's own prompt and constraints. The first KPI of a task decides. Each training is a step that is done once.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import permutations
from statistics import fmean
from typing import Any

from sartor.data.duplicates import overlap
from sartor.data.example import Example
from sartor.data.split import Splits
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.evaluate.matrix import FirstKpi, over_tasks
from sartor.evaluate.own import load_functions
from sartor.flows.base import Bases, LoadedBase
from sartor.flows.findings import require_agreement
from sartor.flows.generalist_outcome import AFTER_OWN, GENERALIST, SEQUENTIAL, OneForAll, Tested, WayCost
from sartor.flows.methods import margin_of
from sartor.flows.outcome import Trained
from sartor.flows.page import describe
from sartor.flows.prepare import Prepared, Task, prepare
from sartor.flows.run import Stages
from sartor.flows.systems import SPECIALIST, specialist
from sartor.generate.answer import Answer
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import plural
from sartor.store import Store, disk_errors
from sartor.store.canonical import digest
from sartor.task import PromptSpec, TrainSpec

SEEDS = 3
LEFT_OUT: dict[str, Any] = {"seeds": 1, "prefer": None, "fact_weight": 1.0, "field_weight": 1.0}
"""Keys of `train` by which one task's rows would be learned from otherwise than another's, and what is taken for them."""
OF_EACH = ("seed", "validation", "budget", "pass_tokens", "gradient_checkpointing")
"""Keys of `train` that are each task's own, or change no result."""


def compare_specialists(
    tasks: Sequence[Task], store: Store, seeds: int = SEEDS, progress: Progress = silent
) -> OneForAll:
    """Train a specialist for each task, one generalist and one sequential adapter, with `seeds` seeds, and judge all on all.

    The sequential adapter learns the tasks in their order, and begins with the first one's specialist. What was trained or
    asked before is not done again. Raises InputError for fewer than two tasks or seeds, for tasks on different bases, for one
    that cannot be prepared, trained or tested, and for a first KPI that says not what may be lost.
    """
    names = [task.spec.task for task in tasks]
    if len(set(names)) < max(2, len(names)):
        raise InputError("name two or more tasks, each once, such as `--specialists notes,intents`")
    if seeds < 2:
        raise InputError("one seed does not show how seeds differ: train two or more, such as `--seeds 3`")
    margins = [margin_of(task.spec) for task in tasks]
    bases = _one_base(tasks, progress)
    plain = [_plain(task) for task in tasks]
    prepared = [_prepared(task) for task in plain]
    with disk_errors(), ExitStack() as held:
        field = _Field(plain, prepared, bases, store, held, progress)
        made = [field.train(seed, seeds) for seed in range(seeds)]
        progress("compare", seeds * field.trainings, seeds * field.trainings)
        kpis = [field.judge(place, made, margin) for place, margin in enumerate(margins)]
        tests = [content_hash(each.splits.test) for each in prepared]
        openings = [store.records.open_test(name, test) for name, test in zip(names, tests, strict=True)]
    first = tasks[0].spec
    return OneForAll(
        base=first.base,
        recipe=describe(plain[0].spec.train),
        seeds=seeds,
        currency=first.costs.currency if first.costs.hour else None,
        tested={
            kpi.task: Tested(
                task=kpi.task,
                metric=kpi.metric.name,
                title=kpi.metric.title,
                scale=kpi.metric.scale,
                higher_is_better=kpi.metric.higher_is_better,
                learned=len(each.splits.train) + len(each.splits.validation),
                n=kpi.n,
                margin=kpi.margin,
                test=test,
                test_openings=opened,
            )
            for kpi, each, test, opened in zip(kpis, prepared, tests, openings, strict=True)
        },
        matrix=[cell for kpi in kpis for cell in kpi.cells()],
        generalist=over_tasks([kpi.less(_specialist(kpi.task), GENERALIST, len(kpis)) for kpi in kpis]),
        # The sequential adapter is what later became of the first task's specialist.
        sequential=over_tasks(
            [kpi.change(_specialist(kpi.task), SEQUENTIAL, len(kpis)) for kpi in kpis[:1]]
            + [kpi.less(_specialist(kpi.task), SEQUENTIAL, len(kpis)) for kpi in kpis[1:]]
        ),
        forgetting=over_tasks([kpi.change(AFTER_OWN, SEQUENTIAL, len(kpis) - 1) for kpi in kpis[:-1]]),
        costs=_costs(made, first.costs.hour),
        notes=[
            *_recipe_notes(tasks),
            *_shared_rows(prepared),
            *(f"{kpi.task}: {note}" for kpi in kpis for note in kpi.notes),
        ],
    )


@dataclass(frozen=True, slots=True)
class _Seed:
    """The adapters of one seed; the tasks in their order."""

    stages: list[Stages]
    specialists: list[Trained]
    generalist: Trained
    sequential: list[Trained]
    """After each task."""

    def adapters(self, place: int) -> list[tuple[str, Trained, LoadedBase]]:
        """By name, those that the task at this place is asked of, each with its base."""
        own = zip(self.stages, self.specialists, strict=True)
        shared = self.stages[0].base
        return [
            *((_specialist(stages.spec.task), trained, stages.base) for stages, trained in own),
            (GENERALIST, self.generalist, shared),
            (AFTER_OWN, self.sequential[place], shared),
            (SEQUENTIAL, self.sequential[-1], shared),
        ]


class _Field:
    """The tasks, and the steps of each, while they are held."""

    def __init__(
        self,
        tasks: Sequence[Task],
        prepared: Sequence[Prepared],
        bases: Bases,
        store: Store,
        held: ExitStack,
        progress: Progress,
    ) -> None:
        self.tasks, self.prepared, self.bases, self.store, self.progress = tasks, prepared, bases, store, progress
        names = [task.spec.task for task in tasks]
        self.union = f"_generalist-{digest(names)[:12]}"  # no task is called so
        costs = [*(task.spec.costs for task in tasks), tasks[0].spec.costs]
        self.steps = [
            held.enter_context(Steps(store, name, Here(), cost.hour, cost.currency))
            for name, cost in zip([*names, self.union], costs, strict=True)
        ]
        self.trainings = 2 * len(tasks)
        """Of one seed: the sequential adapter begins with a specialist."""
        self._done = 0

    def train(self, seed: int, seeds: int) -> _Seed:
        """All adapters of a seed."""
        shared = self.tasks[0].spec.train

        def trained(stages: Stages, what: str) -> Trained:
            self.progress("compare", self._done, seeds * self.trainings, f"{what}, seed {seed}")
            self._done += 1
            return stages.train()

        stages = [self._stages(place, task.spec.train, seed) for place, task in enumerate(self.tasks)]
        specialists = [trained(each, _specialist(each.spec.task)) for each in stages]
        generalist = trained(self._together(seed), GENERALIST)
        sequential = specialists[:1]
        for place, task in enumerate(self.tasks[1:], start=1):
            train = shared.model_copy(update={"budget": task.spec.train.budget})
            later = self._stages(place, train, seed, sequential[-1])
            sequential.append(trained(later, f"{SEQUENTIAL}, {task.spec.task}"))
        return _Seed(stages, specialists, generalist, sequential)

    def judge(self, place: int, made: Sequence[_Seed], margin: float) -> FirstKpi:
        """Every adapter on the test rows of the task at this place."""
        task, prepared = self.tasks[place], self.prepared[place]
        answers = dict[str, list[list[Answer]]]()
        for seed in made:
            for done, (name, trained, base) in enumerate(seed.adapters(place)):
                self.progress(f"ask {task.spec.task}", done, len(seed.adapters(place)), name)
                stages = seed.stages[place]
                hash = trained.manifest["hash"]
                entrant = specialist(SPECIALIST, stages.spec, base, stages.answering, trained.folder, hash)
                answers.setdefault(name, []).append(stages.answer(entrant).answers)
        functions = load_functions(task.spec, task.folder)
        return FirstKpi(task.spec, prepared.splits.test, answers, margin, prepared.labels, functions)

    def _stages(self, place: int, train: TrainSpec, seed: int, start: Trained | None = None) -> Stages:
        task = self.tasks[place]
        spec = task.spec.model_copy(update={"train": train.model_copy(update={"seed": seed})})
        ways = (self.bases.of(train), self.store, self.steps[place], self.progress)
        return Stages(replace(task, spec=spec), self.prepared[place], *ways, start=start)

    def _together(self, seed: int) -> Stages:
        """The rows of all tasks as those of one, which has no prompt of its own: each row brings its task's."""
        first, budgets = self.tasks[0].spec, [task.spec.train.budget for task in self.tasks]
        budget = sum(each or 0.0 for each in budgets) if all(budgets) else None
        train = first.train.model_copy(update={"seed": seed, "budget": budget})
        as_one = {"task": self.union, "kind": "generation", "prompt": PromptSpec(), "train": train}
        task = Task(self.tasks[0].folder, first.model_copy(update=as_one))
        splits = [each.splits for each in self.prepared]
        learned, held = (self._pooled([getattr(each, side) for each in splits]) for side in ("train", "validation"))
        examples = self._pooled([each.examples for each in self.prepared])
        prepared = replace(self.prepared[0], task=task, examples=examples, splits=Splits(learned, held, [], []))
        ways = (self.bases.of(train), self.store, self.steps[-1], self.progress)
        return Stages(task, prepared, *ways, books_labels=False)

    def _pooled(self, rows: Sequence[Sequence[Example]]) -> list[Example]:
        """The rows of all tasks, none of them known by the same id."""
        named = zip(self.tasks, rows, strict=True)
        return [replace(row, id=f"{task.spec.task}/{row.id}") for task, side in named for row in side]


def _specialist(task: str) -> str:
    return f"specialist {task}"


def _one_base(tasks: Sequence[Task], progress: Progress) -> Bases:
    """The base of all tasks. Raises InputError where they have several, and where one cannot be trained by a task's method."""
    first, *others = tasks
    bases = Bases(first, progress)
    hash = bases.of(first.spec.train).opened.hash
    for other in others:
        if LoadedBase(other, progress).opened.hash != hash:
            one, two = (f"`{task.spec.task}` is on {task.spec.base}" for task in (first, other))
            raise InputError(
                f"{one} and {two}, and one adapter has one base: set the same `base` in both, or leave one out"
            )
    for task in tasks:
        bases.of(task.spec.train).check(task.spec.train)
    return bases


def _plain(task: Task) -> Task:
    """The task, learned from as every other one: each row once, in one supervised training."""
    spec = task.spec
    train, data = spec.train.model_copy(update=LEFT_OUT), spec.data.model_copy(update={"weight": None})
    return replace(task, spec=spec.model_copy(update={"train": train, "data": data}))


def _prepared(task: Task) -> Prepared:
    """As `prepare` does; what is wrong is said with the task that it is wrong in."""
    try:
        prepared = prepare(task)
        require_agreement(prepared)
    except InputError as error:
        raise InputError(f"{task.spec.task}: {error}") from None
    return prepared


def _recipe_notes(tasks: Sequence[Task]) -> list[str]:
    """What is not trained as a task says, and why."""
    notes, first = list[str](), tasks[0].spec
    for spec in (task.spec for task in tasks):
        unread = [f"train.{key}" for key, plain in LEFT_OUT.items() if getattr(spec.train, key) != plain]
        unread += ["data.weight"] if spec.data.weight else []
        if unread:
            notes.append(
                f"{spec.task}: {_keys(unread)} left out for all adapters, so that all learn alike from the rows of all tasks"
            )
        decides = [key for key in TrainSpec.model_fields if key not in (*OF_EACH, *LEFT_OUT)]
        other = [f"train.{key}" for key in decides if getattr(spec.train, key) != getattr(first.train, key)]
        if other:
            notes.append(
                f"{spec.task} sets another {_keys(other)} than {first.task}: its specialist is trained so, the generalist and "
                f"the sequential adapter as {first.task} says"
            )
    return notes


def _keys(keys: Sequence[str]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _shared_rows(prepared: Sequence[Prepared]) -> list[str]:
    """Test rows of a task that another one learns from: what is trained on both has read them."""
    notes = []
    for tested, learned in permutations(prepared, 2):
        kind, test = tested.task.spec.kind, tested.splits.test
        asked = overlap([*learned.splits.train, *learned.splits.validation], test, kind).questions
        if asked:
            names = tested.task.spec.task, learned.task.spec.task
            notes.append(
                f"{len(asked):,} of {plural(len(test), 'test row')} of {names[0]} ask what a row asks that {names[1]} learns "
                "from: the generalist and the sequential adapter have read them"
            )
    return notes


def _costs(made: Sequence[_Seed], hour: float) -> list[WayCost]:
    return [
        _cost("specialists", [seed.specialists for seed in made], made[0].specialists, hour),
        _cost(GENERALIST, [[seed.generalist] for seed in made], [made[0].generalist], hour),
        _cost(SEQUENTIAL, [seed.sequential for seed in made], made[0].sequential[-1:], hour),
    ]


def _cost(way: str, trained: Sequence[Sequence[Trained]], loaded: Sequence[Trained], hour: float) -> WayCost:
    """`trained` by seed; `loaded` are the adapters that answer in the end."""
    seconds = [sum(each.history.seconds for each in seed) for seed in trained]
    sizes = [each.stored_bytes for each in loaded]
    return WayCost(
        way=way,
        trainings=len(trained[0]),
        seconds=fmean(seconds),
        seconds_by_seed=seconds,
        money=fmean(seconds) / 3600 * hour,
        adapter_bytes=max(sizes),
        loaded_bytes=sum(sizes),
    )
