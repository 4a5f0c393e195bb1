"""How many examples are enough: the same recipe trained on more and more of the rows, until more labels stop paying.

Rows that no training sees are asked at every size, and decide. The test set is asked once, at the end, of what was trained
last. Each training and each set of answers is a step that is done once.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np

from sartor.curve.forecast import Band, Forecast, Reach
from sartor.curve.ladder import MOST, POINTS, check_sizes, ladder
from sartor.curve.points import DRAWS, Curve, Goodness
from sartor.curve.stop import Decision, Prices, Purchase, decide
from sartor.data.carve import carve, sample
from sartor.data.example import Example
from sartor.data.table import plain
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.evaluate.metric import Metric, Scope, metric
from sartor.evaluate.own import load_functions
from sartor.evaluate.recipes import RecipeScore
from sartor.evaluate.scorecard import small_note
from sartor.evaluate.seeds import Member, difference_over_seeds, over_seeds
from sartor.evaluate.statistics import Array, cluster_sums, clusters, resampled
from sartor.flows.ask import Answered, ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.elsewhere import (
    LABELLED,
    Alternative,
    Change,
    alternatives,
    flagged_labels,
    more_labels,
    ranked,
    weakest_classes,
    without,
)
from sartor.flows.evaluate import judge
from sartor.flows.findings import require_agreement
from sartor.flows.outcome import Trained
from sartor.flows.prepare import Prepared, Task, prepare
from sartor.flows.run import Stages
from sartor.generate.answer import Answer
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import plural
from sartor.scale import Scale
from sartor.store import Store, disk_errors
from sartor.task import CurveSpec, TaskSpec
from sartor.train.loop import Diverged

SHARE = 5
"""Of so many rows at most one is asked and not trained on."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a KPI comes to at one training size."""

    size: int
    value: float
    low: float
    high: float
    """95 % interval over rows and seeds."""
    by_seed: tuple[float, ...] = ()
    seconds: float = 0.0
    """Of training, all seeds together."""
    money: float = 0.0
    """The same at `costs.hour`."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """How the points came about, where they were trained here."""

    asked: int
    """Rows that were asked at every size."""
    seeds: int
    available: int
    """Training rows that there are."""
    untried: list[int]
    """Sizes that were not trained any more."""
    notes: list[str]
    """What was left out, not scored or not tried, one sentence each."""
    test: RecipeScore
    """The KPI on the test set at the last size."""
    test_openings: int


@dataclass(frozen=True, slots=True)
class LearningCurve:
    """A learning curve, and what follows from it."""

    task: str
    title: str
    """Of the KPI."""
    scale: Scale
    points: list[Point]
    forecast: Forecast
    prices: Prices
    currency: str
    most: int
    """Training rows that could be had in all."""
    decisions: dict[int, Decision]
    """What the rule said after each size from the third on, but for those where the curve fell."""
    goal: float | None
    elsewhere: list[Alternative] = field(default_factory=list)
    """What else the money could be spent on, the most gain for it first."""
    experiment: Experiment | None = None

    @property
    def decision(self) -> Decision | None:
        """What the rule says at the end; None where the curve falls, and is not extrapolated."""
        return self.decisions.get(self.points[-1].size)

    @property
    def reach(self) -> Reach | None:
        """How many labels the goal takes."""
        return self.forecast.labels_for(self.goal) if self.goal is not None and self.decision else None

    def to_json(self) -> dict[str, Any]:
        """One document; what is infinite, such as labels for a goal out of reach, is null."""
        decision, fall = self.decision, self.forecast.curve.fall
        ahead = [2 * self.points[-1].size, 4 * self.points[-1].size, self.most] if decision else []
        found: dict[str, Any] = {
            "task": self.task,
            "kpi": self.title,
            "points": [asdict(point) for point in self.points],
            "verdict": decision.word if decision else None,
            "falls": list(fall) if fall else None,
            "decisions": {str(size): asdict(each) for size, each in self.decisions.items()},
            "forecast": [
                {"size": size, **asdict(self.forecast.at(size)), "by_law": self.forecast.by_law(size)}
                for size in sorted(set(ahead))
            ],
            "goal": asdict(self.reach) if self.reach else None,
            "elsewhere": [asdict(each) for each in self.elsewhere],
            "prices": asdict(self.prices) | {"currency": self.currency},
            "most": self.most,
            "experiment": asdict(self.experiment) if self.experiment else None,
        }
        return {key: plain(each) for key, each in found.items()}


def learning_curve(task: Task, store: Store, elsewhere: bool = False, progress: Progress = silent) -> LearningCurve:
    """Train size after size with `curve.seeds` seeds each, until the rule says STOP or the sizes end; then ask the test set.

    `elsewhere`: measure, too, what else the money could be spent on. What was trained and asked before is not done again.
    `train.budget` is for all trainings together. Raises InputError for sizes that cannot be, for one in which a class would be
    missing, where there are too few rows, and for a base of `curve.bases` that is not there.
    """
    spec, own = task.spec, task.spec.curve
    prepared, asked, notes = _set_aside(prepare(task), own.rows)
    require_agreement(prepared)
    rows, seeds = prepared.splits.train, range(own.seeds)
    sizes = _sizes(own, rows)
    if own.labels and own.labels < len(rows):
        raise InputError(
            f"`curve.labels: {own.labels}` is less than the {len(rows):,} training rows that there are: raise it"
        )
    functions = load_functions(spec, task.folder)
    measure = _Measure(spec, asked, metric(spec.kpi_list[0].name, Scope.of(spec, asked, prepared.labels, functions)))
    prices = prices_of(own, spec.costs.label, measure.metric.scale)
    most = own.labels or max(MOST, 2 * len(rows))
    changes = alternatives(spec) if elsewhere else []
    for change in changes:
        changed = change.of_task(task)
        LoadedBase(changed, progress, weights=False).check(changed.spec.train)
    points, tables, decisions, others = list[Point](), list[list[Array]](), dict[int, Decision](), list[Alternative]()
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        grid = _Grid(prepared, asked, store, steps, progress)
        if elsewhere and spec.kind in LABELLED:
            try:
                flagged = flagged_labels(steps, store, spec, rows, progress)
                changes += [without(flagged)] if flagged else []
            except InputError as error:
                notes.append(f"labels were not checked: {error}")
        whole = (len(sizes) + len(changes)) * own.seeds

        def trained(size: int, change: Change | None = None) -> list[_Made]:
            told = change.what if change else f"{size:,} rows"
            if points:
                told += f"; {measure.said(points[-1])}"
            made = list[_Made]()
            for seed in seeds:
                progress("curve", grid.trainings, whole, told)
                made.append(grid.train(sample(rows, size, seed, floor=1), seed, change))
            return made

        for size in sizes:
            last = trained(size)
            tables.append([measure.metric.table(asked, each.answers) for each in last])
            points.append(measure.point(size, tables[-1], [each.trained for each in last]))
            if len(points) < POINTS:
                continue
            forecast = Forecast(measure.curve([point.size for point in points], tables))
            if forecast.curve.fall is None:
                step = next((other - size for other in sizes if other > size), size - sizes[-2])
                decisions[size] = decide(forecast, most, step, prices)
                if decisions[size].word == "STOP":
                    break
        notes += measure.notes
        for change in changes:
            try:
                others.append(measure.alternative(change, trained(points[-1].size, change), last, tables[-1]))
            except Diverged as error:
                notes.append(f"{change.what} was tried, and diverged: {error}")
        progress("curve", whole, whole)
        answers = {f"seed {seed}": each.tested().answers for seed, each in enumerate(last)}
        openings = store.records.open_test(spec.task, content_hash(prepared.splits.test))
    first = spec.model_copy(update={"kpis": (spec.kpi_list[0],)})  # nothing else is read, nor paid a judge for
    judged = judge(first, prepared.splits.test, answers, functions, prepared.labels, recipes={"all": list(answers)})
    tested = next(found for found in judged.recipes if found.name == measure.metric.name)
    said = decisions.get(points[-1].size)
    if elsewhere and said and said.next:
        others += measure.of_labels(said.next, last, tables[-1])
    return LearningCurve(
        task=spec.task,
        title=measure.metric.title,
        scale=measure.metric.scale,
        points=points,
        forecast=forecast,
        prices=prices,
        currency=spec.costs.currency,
        most=most,
        decisions=decisions,
        goal=spec.kpi_list[0].goal,
        elsewhere=ranked(others),
        experiment=Experiment(len(asked), own.seeds, len(rows), sizes[len(points) :], notes, tested, openings),
    )


def prices_of(curve: CurveSpec, label: float, scale: Scale) -> Prices:
    """What labels cost, and what the KPI's gain is worth, on its own scale."""
    worth = None if curve.point is None else curve.point / scale.point
    return Prices(label, worth, curve.min_gain or scale.point)


def _set_aside(prepared: Prepared, count: int) -> tuple[Prepared, list[Example], list[str]]:
    """The task without the rows that are asked; these, those for early stopping first; and what to note.

    Raises InputError where nothing can be set aside.
    """
    spec, splits = prepared.task.spec, prepared.splits
    known = {row.id: row for row in prepared.learned}  # with what evaluation reads of them
    rows, validation, notes = splits.train, splits.validation, list(splits.notes)
    more = min(count, (len(rows) + len(validation)) // SHARE) - len(validation)
    if more > 0:
        rows, held, dropped = carve(rows, spec.kind, more, more, spec.train.seed + 2, keep=2, near=prepared.near)
        validation = [*validation, *held]
        if dropped:
            notes.append(
                f"{plural(dropped, 'row')} left out of training: a row that is asked says the same or nearly the same"
            )
    if not validation:
        raise InputError(
            "no rows can be set aside to be asked: too few, or too many linked by question, group or subject; add rows"
        )
    return replace(prepared, splits=replace(splits, train=rows)), [known[row.id] for row in validation], notes


def _sizes(own: CurveSpec, rows: Sequence[Example]) -> list[int]:
    """The training sizes. Raises InputError as `check_sizes` and `ladder`, and where the smallest cannot hold every class."""
    strata = {row.labels[0] if len(row.labels) == 1 else "" for row in rows}
    if not own.sizes:
        return ladder(len(rows), len(strata))
    sizes = check_sizes(own.sizes, len(rows))
    if sizes[0] < len(strata):
        gone = max(strata)
        raise InputError(
            f"{plural(sizes[0], 'row')} cannot hold all {len(strata):,} classes, so that some, such as `{gone}`, would "
            f"disappear: let `curve.sizes` begin at {len(strata):,} or more"
        )
    return sizes


@dataclass(frozen=True)
class _Made:
    """One training, and what it answered to the rows that are asked."""

    stages: Stages
    trained: Trained
    answers: Sequence[Answer]

    def tested(self) -> Answered:
        return self.stages.answer(self.stages.specialist(self.trained))


@dataclass
class _Grid:
    """Trainings on parts of the rows, each with its seed."""

    prepared: Prepared
    asked: Sequence[Example]
    store: Store
    steps: Steps
    progress: Progress

    def __post_init__(self) -> None:
        self.trainings, self._spent = 0, 0.0
        self._bases = dict[str, LoadedBase]()

    def train(self, rows: Sequence[Example], seed: int, change: Change | None) -> _Made:
        task = self.prepared.task
        if change:
            task, rows = change.of_task(task), change.of_rows(rows)
        spec = task.spec
        if spec.base not in self._bases:
            self._bases[spec.base] = LoadedBase(task, self.progress)
        budget = spec.train.budget
        left = None if budget is None else max(0.0, budget - self._spent)
        seeded = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed, "budget": left})})
        part = replace(self.prepared, splits=replace(self.prepared.splits, train=list(rows)))
        ways = (self._bases[spec.base], self.store, self.steps, self.progress)
        stages = Stages(replace(task, spec=seeded), part, *ways, books_labels=False)
        self.trainings += 1
        trained = stages.train()
        self._spent += trained.step.money
        answered = ask_once(self.steps, self.store, stages.specialist(trained), self.asked, self.progress)
        return _Made(stages, trained, answered.answers)


@dataclass(frozen=True)
class _Measure:
    """The first KPI on the rows that are asked."""

    spec: TaskSpec
    asked: Sequence[Example]
    metric: Metric

    def __post_init__(self) -> None:
        if self.metric.higher_is_better and math.isinf(self.metric.maximum):
            raise InputError(
                f"`{self.metric.name}` counts without bound, and no law says where it ends: put another KPI first"
            )

    def said(self, point: Point) -> str:
        shown = self.metric.scale.estimate(point.value, point.low, point.high)
        return f"{self.metric.title} {shown} at {point.size:,}"

    def point(self, size: int, tables: Sequence[Array], trained: Sequence[Trained]) -> Point:
        found = over_seeds(tables, self.metric.of_sums, self._member, self.metric.maximum)
        seconds = sum(each.history.seconds for each in trained)
        by_seed = tuple(self.metric.aggregate(table) for table in tables)
        return Point(size, found.value, found.low, found.high, by_seed, seconds, self._money(seconds))

    def curve(self, sizes: Sequence[int], tables: Sequence[Sequence[Array]]) -> Curve:
        """`tables`: statistics by size and seed."""
        lines = [cluster_sums(table, self._member) for each in tables for table in each]
        drawn = resampled(lines, self.metric.of_sums, DRAWS)
        seeds = len(tables[0])
        by_size = [drawn[:, at : at + seeds] for at in range(0, len(lines), seeds)]
        values = [np.array([self.metric.aggregate(table) for table in each]) for each in tables]
        best = self.metric.maximum if self.metric.higher_is_better else 0.0
        scale = Goodness(best, self.metric.higher_is_better)
        rows, span = (
            len(self.asked),
            self.metric.maximum if math.isfinite(self.metric.maximum) else max(map(max, values)),
        )
        return Curve.of_seeds(sizes, values, by_size, scale, rows, len(lines[0]), span)

    def alternative(
        self, change: Change, made: Sequence[_Made], last: Sequence[_Made], now: Sequence[Array]
    ) -> Alternative:
        """What a change brings at the last size; where it costs no labels, it costs a training."""
        tables = [self.metric.table(self.asked, each.answers) for each in made]
        found = difference_over_seeds(tables, now, self.metric.of_sums, self._member, self.metric.maximum)
        sign = 1 if self.metric.higher_is_better else -1
        low, high = sorted((sign * found.low, sign * found.high))
        gone = fmean(len(a.stages.labelled) - len(b.stages.labelled) for a, b in zip(last, made, strict=True))
        cost = gone * self.spec.costs.label or self._money(fmean(each.trained.history.seconds for each in made))
        return Alternative(change.what, "measured", Band(low, sign * found.value, high), cost)

    def of_labels(self, following: Purchase, last: Sequence[_Made], now: Sequence[Array]) -> list[Alternative]:
        """The next labels at random, and, where rows are right or wrong and have a class, for the weakest classes."""
        found = [more_labels(following)]
        learned = last[0].stages.prepared.splits.train
        single = self.spec.kind == "classification" and all(len(row.labels) == 1 for row in learned)
        if single and self.metric.form == "proportion" and self.metric.higher_is_better:
            right = np.mean([table[:, 0] for table in now], axis=0)
            aimed = weakest_classes(following, learned, self.asked, right)
            found += [aimed] if aimed else []
        return found

    @property
    def notes(self) -> list[str]:
        """Of the rows asked: those that could not be scored, and whether they are few."""
        lines = len(self.asked) if self._member is None else int(self._member.max()) + 1
        found = [small_note(len(self.asked), lines)]
        if unscored := self.metric.unscored:
            why = next(iter(unscored.values()))
            found.append(
                f"{plural(len(unscored), 'row')} of those asked could not be scored, and count as wrong ({why})"
            )
        return [note for note in found if note]

    def _money(self, seconds: float) -> float:
        return seconds / 3600 * self.spec.costs.hour

    @property
    def _member(self) -> Member | None:
        return clusters([(row.group, row.subject) for row in self.asked])
