"""Did it pay? The same recipe trained on what curation or a selection has made, and on what it must beat; or towards the
KPIs and without.

Several seeds each, judged on the task's own test set: training seeds and test rows are both counted in the intervals, and
a loss is printed as a loss.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sartor.data.carve import sample
from sartor.data.example import Example
from sartor.data.history import History
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.evaluate.compare import Comparison
from sartor.evaluate.own import load_functions
from sartor.flows.base import LoadedBase
from sartor.flows.evaluate import Judged, judge
from sartor.flows.findings import require_agreement
from sartor.flows.judging import ask_judges
from sartor.flows.prepare import Task, prepare, without_test
from sartor.flows.rows import current
from sartor.flows.run import Stages
from sartor.flows.select import Selected
from sartor.generate.answer import Answer
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import money
from sartor.store import Store, disk_errors
from sartor.train.batches import step_rows

RAW, CURATED, RANDOM = "raw", "curated", "random"
WITH, WITHOUT = "with it", "without"
SEEDS = 3

Drawing = Callable[[int], Sequence[Example]]
"""The training rows of a way, by seed."""
Way = Callable[[Task, int], Task]
"""What a way makes of the task, by seed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Several ways to train a specialist, beside each other."""

    what: str
    """`Curation`, `Selection by coverage`, or `Training with fact_weight`."""
    judged: Judged
    rows: dict[str, int]
    """Training rows of each way, that which is to be proved first."""
    money: dict[str, float]
    """What each way cost, in the task's currency: its labels once, and all its trainings."""
    same_rows: bool = False
    """Whether the ways differ in the training alone."""

    @property
    def decisive(self) -> list[Comparison]:
        """The first way less each other: on the first KPI, or, of the same rows, on every one."""
        found = self.judged.recipe_comparisons
        first = self.judged.spec.kpi_list[0].name
        way, *others = self.rows
        return [c for c in found if c.a == way and c.b in others and (self.same_rows or c.metric == first)]

    @property
    def sentences(self) -> list[str]:
        """The verdict against each of the others, in words."""
        return [self._sentence(found) for found in self.decisive]

    def _sentence(self, found: Comparison) -> str:
        score = self.judged.cards[0].scores[found.metric]
        shown = score.scale.difference(found.difference, found.low, found.high)
        rows = f"{self.rows[found.a]:,} {found.a} rows against {self.rows[found.b]:,} {found.b} ones"
        if self.same_rows:
            rows = f"{found.a} against {found.b}"
        said = {"better": "paid", "worse": "lost", "tie": "showed no difference"}[found.verdict]
        if found.verdict == "tie" and found.low * found.high > 0:
            said = "is not shown to matter once all comparisons are counted"
        return f"{self.what} {said}, {rows}: {score.title} {shown}, {found.test}."

    @property
    def costs(self) -> str:
        """What each way cost, in words."""
        currency = self.judged.spec.costs.currency
        shown = ", ".join(f"{way} {money(spent, currency)}" for way, spent in self.money.items())
        left_out = "" if self.same_rows else "; a row that was labelled and then left out costs its label all the same"
        return f"Labels of the rows that were learned from, and all trainings: {shown}{left_out}."

    def to_json(self) -> dict[str, Any]:
        return self.judged.to_json() | {"rows_of": self.rows, "money": self.money, "sentences": self.sentences}


def prove(task: Task, store: Store, seeds: int = SEEDS, progress: Progress = silent) -> Proof:
    """Train and judge on the curated rows, the raw ones, and as many raw ones at random, `seeds` times each.

    What was trained before is not trained again. Raises InputError where each run draws its own test set, where curation has
    changed nothing yet, and where the curated rows' annotators agree less than the task's gate asks.
    """
    history = History(store, task.spec.task)
    with disk_errors():
        head = current(task, history)
        raw, curated = (without_test(task, history.examples(each.hash)) for each in (history.root(head), head))
    if raw == curated:
        raise InputError("there is nothing to prove: the rows stand as they were added; `sartor curate` them first")
    ways: dict[str, Drawing] = {
        CURATED: lambda _: curated,
        RAW: lambda _: raw,
        RANDOM: lambda seed: sample(raw, len(curated), seed, floor=0),
    }
    return _prove("Curation", _on_rows(ways), task, store, seeds, progress)


def prove_selection(
    selected: Selected, task: Task, store: Store, seeds: int = SEEDS, progress: Progress = silent
) -> Proof:
    """The same of selected rows, beside as many at random and the longest. Raises InputError as `prove` does."""
    ways: dict[str, Drawing] = {way: lambda _, rows=rows: rows for way, rows in selected.chosen.items()}  # type: ignore[misc]
    pool, size = selected.examples, len(selected.chosen[selected.way])
    ways[RANDOM] = lambda seed: sample(pool, size, seed, floor=0)
    return _prove(f"Selection by {selected.way}", _on_rows(ways), task, store, seeds, progress)


def prove_training(task: Task, store: Store, seeds: int = SEEDS, progress: Progress = silent) -> Proof:
    """The same rows with what the task says to train towards its KPIs (weights, preferences) and without.

    Raises InputError where it says nothing of the kind, and where each run draws its own test set.
    """
    spec = task.spec
    set_keys = {
        "data.weight": spec.data.weight,
        "fact_weight": spec.train.fact_weight > 1,
        "field_weight": spec.train.field_weight > 1,
        "prefer": spec.train.prefer,
    }
    used = [key for key, value in set_keys.items() if value]
    if not used:
        raise InputError(f"there is nothing to prove: the task sets none of {', '.join(set_keys)}")

    def without(seeded: Task, seed: int) -> Task:
        train = seeded.spec.train.model_copy(update={"fact_weight": 1.0, "field_weight": 1.0, "prefer": None})
        data = seeded.spec.data.model_copy(update={"weight": None})
        return replace(seeded, spec=seeded.spec.model_copy(update={"train": train, "data": data}))

    ways: dict[str, Way] = {WITH: lambda seeded, _: seeded, WITHOUT: without}
    proof = _prove(f"Training with {', '.join(used)}", ways, task, store, seeds, progress)
    return replace(proof, same_rows=True)


def _on_rows(drawings: Mapping[str, Drawing]) -> dict[str, Way]:
    def way(drawing: Drawing) -> Way:
        return lambda task, seed: replace(task, rows=tuple(drawing(seed)))

    return {name: way(drawing) for name, drawing in drawings.items()}


def _prove(what: str, ways: Mapping[str, Way], task: Task, store: Store, seeds: int, progress: Progress) -> Proof:
    spec = task.spec
    if spec.data.draws_test:  # those drawn from some rows would differ from those of others
        remedy = "freeze them with `sartor data split`, or name a file of them as `data.test`"
        raise InputError(f"a proof needs test rows that no version holds: {remedy}")
    answers, test = dict[str, list[Answer]](), list[Example]()
    sizes, spent = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0.0)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        base = LoadedBase(task, progress)
        for seed in range(seeds):
            for way, change in ways.items():
                progress("prove", len(answers), len(ways) * seeds, f"{way}, seed {seed}")
                seeded = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed})})
                way_task = change(replace(task, spec=seeded), seed)
                prepared = prepare(way_task)
                if way == next(iter(ways)):
                    require_agreement(prepared)  # the others are trained to be compared with
                    size = step_rows(spec.train.batch_size, len(prepared.splits.train))
                train = way_task.spec.train.model_copy(update={"batch_size": size})  # one recipe, whatever the rows
                way_task = replace(way_task, spec=way_task.spec.model_copy(update={"train": train}))
                stages = Stages(way_task, prepared, base, store, steps, progress)
                trained = stages.train()
                answers[f"{way}, seed {seed}"] = stages.answer(stages.specialist(trained)).answers
                sizes[way] = len(stages.labelled)
                spent[way] += trained.step.money + (0 if seed else stages.label_cost)
                test = stages.prepared.splits.test
        progress("prove", len(answers), len(ways) * seeds)
        asked = [pair for given in answers.values() for pair in zip(test, given, strict=True)]
        functions = load_functions(spec, task.folder) | ask_judges(steps, store, spec, asked, progress)
        openings = store.records.open_test(spec.task, content_hash(test))
    recipes = {way: [name for name in answers if name.startswith(f"{way}, ")] for way in ways}
    judged = judge(spec, test, answers, functions, recipes=recipes)
    return Proof(what, replace(judged, test_openings=openings), sizes, spent)
