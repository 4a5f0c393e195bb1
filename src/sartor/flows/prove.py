"""Did curation pay? The same recipe trained on the raw rows, on the curated ones, and on as many raw ones at random.

Several seeds each, judged on the task's own test set: training seeds and test rows are both counted in the intervals, and
a loss is printed as a loss.
"""

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
from sartor.flows.curate import current
from sartor.flows.evaluate import Judged, judge
from sartor.flows.findings import require_agreement
from sartor.flows.prepare import Task, prepare
from sartor.flows.run import Stages
from sartor.generate.answer import Answer
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Store, disk_errors

RAW, CURATED, RANDOM = "raw", "curated", "random"
SEEDS = 3


@dataclass(frozen=True, slots=True)
class Proof:
    """The three ways beside each other."""

    judged: Judged
    rows: dict[str, int]
    """Training rows of each way."""
    money: dict[str, float]
    """What each way cost, in the task's currency: its labels once, and all its trainings."""

    @property
    def decisive(self) -> list[Comparison]:
        """Curated less raw, and curated less random, on the first KPI."""
        first = self.judged.spec.kpi_list[0].name
        found = {(c.a, c.b): c for c in self.judged.recipe_comparisons if c.metric == first}
        return [found[CURATED, RAW], found[CURATED, RANDOM]]

    @property
    def sentences(self) -> list[str]:
        """The verdict against each of the two, in words."""
        return [self._sentence(found) for found in self.decisive]

    def _sentence(self, found: Comparison) -> str:
        score = self.judged.cards[0].scores[found.metric]
        shown = score.scale.difference(found.difference, found.low, found.high)
        rows = f"{self.rows[CURATED]:,} curated rows against {self.rows[found.b]:,} {found.b} ones"
        said = {"better": "Curation paid", "worse": "Curation lost", "tie": "Curation showed no difference"}
        return f"{said[found.verdict]}, {rows}: {score.title} {shown}, {found.test}."

    def to_json(self) -> dict[str, Any]:
        return self.judged.to_json() | {"rows_of": self.rows, "money": self.money, "sentences": self.sentences}


def prove(task: Task, store: Store, seeds: int = SEEDS, progress: Progress = silent) -> Proof:
    """Train and judge all three, `seeds` times each; what was trained before is not trained again.

    Raises InputError without a test file (a split drawn from the raw rows would differ from that of the curated ones),
    where curation has changed nothing yet, and where the curated rows' annotators agree less than the task's gate asks.
    """
    spec = task.spec
    if not spec.data.test:
        raise InputError("a proof needs test rows that no version holds: name a file of them as `data.test`")
    history = History(store, spec.task)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        head = current(task, history)
        raw = history.examples(history.root(head).hash)
        curated = history.examples(head.hash)
        if raw == curated:
            raise InputError("there is nothing to prove: the rows stand as they were added; `sartor curate` them first")
        answers, money, test = dict[str, list[Answer]](), dict[str, float](), list[Example]()
        base = LoadedBase(task, progress)
        for seed in range(seeds):
            ways = {CURATED: curated, RAW: raw, RANDOM: sample(raw, len(curated), seed, floor=0)}
            for way, rows in ways.items():
                progress("prove", len(answers), 3 * seeds, f"{way}, seed {seed}")
                seeded = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed})})
                way_task = Task(task.folder, seeded, tuple(rows))
                prepared = prepare(way_task)
                if way == CURATED:
                    require_agreement(prepared)  # the others are trained to be compared with
                stages = Stages(way_task, prepared, base, store, steps, progress)
                trained = stages.train()
                answers[f"{way}, seed {seed}"] = stages.answer(stages.specialist(trained)).answers
                money[way] = money.get(way, stages.label_cost) + trained.step.money
                test = stages.prepared.splits.test
        progress("prove", len(answers), 3 * seeds)
        openings = store.records.open_test(spec.task, content_hash(test))
    recipes = {way: [name for name in answers if name.startswith(f"{way}, ")] for way in (CURATED, RAW, RANDOM)}
    judged = judge(spec, test, answers, load_functions(spec, task.folder), recipes=recipes)
    judged = replace(judged, test_openings=openings)
    return Proof(judged, {RAW: len(raw), CURATED: len(curated), RANDOM: len(curated)}, money)
