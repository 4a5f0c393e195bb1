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
from sartor.flows.base import LoadedBase
from sartor.flows.check_report import CheckReport
from sartor.flows.curve_grid import Grid, Made, set_aside
from sartor.flows.elsewhere import (
    LABELLED,
    UNCHANGED,
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
from sartor.flows.outcome import Trained
from sartor.flows.prepare import Task, prepare
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import plural, seconds
from sartor.scale import Scale
from sartor.store import Store, disk_errors
from sartor.task import CurveSpec, TaskSpec
from sartor.train.loop import Diverged


@dataclass(frozen=True, slots=True)
class Point:
    """What a KPI comes to at one training size."""

    size: int
    value: float
    low: float
    high: float
    """95 % interval over rows and seeds, whose variance is pooled over the sizes: two seeds of one size say little."""
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


def learning_curve(
    task: Task,
    store: Store,
    elsewhere: bool = False,
    progress: Progress = silent,
    checked: CheckReport | None = None,
) -> LearningCurve:
    """Train size after size with `curve.seeds` seeds each, until the rule says STOP or the sizes end; then ask the test set.

    `elsewhere`: measure, too, what else the money could be spent on. `checked`, the task's preflight, tells beforehand how long
    it will take at most. What was trained and asked before is not done again. `train.budget` is for all trainings together.
    Raises InputError for sizes that cannot be, for one in which a class would be missing, where there are too few rows, and for
    a base of `curve.bases` that is not there.
    """
    spec, own = task.spec, task.spec.curve
    prepared, asked, notes = set_aside(prepare(task), own.rows)
    rows = prepared.splits.train
    sizes, most = _sizes(own, rows), _most(own, len(rows))
    functions = load_functions(spec, task.folder)
    measure = _Measure(spec, asked, metric(spec.kpi_list[0].name, Scope.of(spec, asked, prepared.labels, functions)))
    changes = _alternatives(task, progress) if elsewhere else []
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        if elsewhere and spec.kind in LABELLED:
            try:
                flagged = flagged_labels(steps, store, spec, rows, progress)
                changes += [without(flagged)] if flagged else []
            except InputError as error:
                notes.append(f"labels were not checked: {error}")
        pace = checked.cost.seconds / checked.rows["train"] if checked else None
        grid = Grid(prepared, asked, store, steps, progress, pace)
        climb = _Climb(grid, measure, own.seeds, (len(sizes) + len(changes)) * own.seeds)
        climb.through(sizes, most, prices_of(own, spec.costs.label, measure.metric.scale))
        notes += measure.notes
        others = list[Alternative]()
        for change in changes:
            try:
                others.append(climb.alternative(change))
            except Diverged as error:
                notes.append(f"{change.what} was tried, and diverged: {error}")
        if elsewhere:
            others += climb.labels()
        progress("curve", climb.whole, climb.whole)
        answers = {f"seed {seed}": each.tested().answers for seed, each in enumerate(climb.last)}
        openings = store.records.open_test(spec.task, content_hash(prepared.splits.test))
    first = spec.model_copy(update={"kpis": (spec.kpi_list[0],)})  # nothing else is read, nor paid a judge for
    judged = judge(first, prepared.splits.test, answers, functions, prepared.labels, recipes={"all": list(answers)})
    tested = next(found for found in judged.recipes if found.name == measure.metric.name)
    untried = sizes[len(climb.points) :]
    return LearningCurve(
        task=spec.task,
        title=measure.metric.title,
        scale=measure.metric.scale,
        points=climb.points,
        forecast=climb.forecast,
        prices=climb.prices,
        currency=spec.costs.currency,
        most=climb.most,
        decisions=climb.decisions,
        goal=spec.kpi_list[0].goal,
        elsewhere=ranked(others),
        experiment=Experiment(len(asked), own.seeds, len(rows), untried, notes, tested, openings),
    )


def prices_of(curve: CurveSpec, label: float, scale: Scale) -> Prices:
    """What labels cost, and what the KPI's gain is worth, on its own scale."""
    worth = None if curve.point is None else curve.point / scale.point
    return Prices(label, worth, curve.min_gain or scale.point)


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


def _most(own: CurveSpec, rows: int) -> int:
    """Training rows that could be had in all. Raises InputError where `curve.labels` is less than there are."""
    if own.labels and own.labels < rows:
        raise InputError(
            f"`curve.labels: {own.labels}` is less than the {rows:,} training rows that there are: raise it"
        )
    return own.labels or max(MOST, 2 * rows)


def _alternatives(task: Task, progress: Progress) -> list[Change]:
    """What can be tried on the same rows. Raises InputError for what cannot be trained here, before anything is."""
    changes = alternatives(task.spec)
    for change in changes:
        changed = change.of_task(task)
        LoadedBase(changed, progress, weights=False).check(changed.spec.train)
    return changes


@dataclass
class _Climb:
    """The curve as it grows, size by size."""

    grid: Grid
    measure: "_Measure"
    seeds: int
    whole: int
    """Trainings in all, where none is spared."""

    def __post_init__(self) -> None:
        self.points, self.decisions = list[Point](), dict[int, Decision]()
        self.last = list[Made]()
        self._tables = list[list[Array]]()

    def through(self, sizes: Sequence[int], most: int, prices: Prices) -> None:
        """Size after size, until the rule says STOP."""
        self.most, self.prices = most, prices
        for at, size in enumerate(sizes):
            self.last = self._trained(size, ahead=sum(sizes[at + 1 :]) * self.seeds)
            self._tables.append([self.measure.table(each) for each in self.last])
            self.points.append(self.measure.point(size, self._tables[-1], [each.trained for each in self.last]))
            if len(self.points) < POINTS:
                continue
            curve = self.measure.curve([point.size for point in self.points], self._tables)
            self.points, self.forecast = self.measure.pooled(self.points, curve), Forecast(curve)
            if self.forecast.curve.fall is None:
                step = next((other - size for other in sizes if other > size), size - sizes[-2])
                self.decisions[size] = decide(self.forecast, most, step, prices)
                if self.decisions[size].word == "STOP":
                    return

    def alternative(self, change: Change) -> Alternative:
        """A change, trained and measured at the last size."""
        return self.measure.alternative(
            change, self._trained(self.points[-1].size, change), self.last, self._tables[-1]
        )

    def labels(self) -> list[Alternative]:
        """The next labels, where the curve says what they bring."""
        said = self.decisions.get(self.points[-1].size)
        return self.measure.of_labels(said.next, self.last, self._tables[-1]) if said and said.next else []

    def _trained(self, size: int, change: Change = UNCHANGED, ahead: int = 0) -> list[Made]:
        """All seeds of a size; `ahead` rows are to be trained on after it, if the rule does not say STOP before."""
        known, made = f"; {self.measure.said(self.points[-1])}" if self.points else "", list[Made]()
        for seed in range(self.seeds):
            left, pace = ahead + (self.seeds - seed) * size, self.grid.pace
            told = f"; at most {seconds(left * pace)} of training" if pace else ""
            what = f"{change.what or f'{size:,} rows'}{known}{told}"
            self.grid.progress("curve", self.grid.trainings, self.whole, what)
            made.append(self.grid.train(size, seed, change))
        return made


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

    def table(self, made: Made) -> Array:
        return self.metric.table(self.asked, made.answers)

    def point(self, size: int, tables: Sequence[Array], trained: Sequence[Trained]) -> Point:
        found = over_seeds(tables, self.metric.of_sums, self._member, self.metric.maximum)
        took = sum(each.history.seconds for each in trained)
        by_seed = tuple(self.metric.aggregate(table) for table in tables)
        return Point(size, found.value, found.low, found.high, by_seed, took, self._money(took))

    def pooled(self, points: Sequence[Point], curve: Curve) -> list[Point]:
        low, high = (np.clip(ends, 0, self.metric.maximum).tolist() for ends in curve.interval())
        return [replace(point, low=a, high=b) for point, a, b in zip(points, low, high, strict=True)]

    def curve(self, sizes: Sequence[int], tables: Sequence[Sequence[Array]]) -> Curve:
        """`tables`: statistics by size and seed."""
        lines = [cluster_sums(table, self._member) for each in tables for table in each]
        drawn = resampled(lines, self.metric.of_sums, DRAWS)
        seeds = len(tables[0])
        by_size = [drawn[:, at : at + seeds] for at in range(0, len(lines), seeds)]
        values = [np.array([self.metric.aggregate(table) for table in each]) for each in tables]
        best = self.metric.maximum if self.metric.higher_is_better else 0.0
        scale = Goodness(best, self.metric.higher_is_better)
        span = self.metric.maximum if math.isfinite(self.metric.maximum) else max(map(max, values))
        return Curve.of_seeds(sizes, values, by_size, scale, len(self.asked), len(lines[0]), span)

    def alternative(
        self, change: Change, made: Sequence[Made], last: Sequence[Made], now: Sequence[Array]
    ) -> Alternative:
        """What a change brings at the last size; where it costs no labels, it costs a training."""
        tables = [self.table(each) for each in made]
        found = difference_over_seeds(tables, now, self.metric.of_sums, self._member, self.metric.maximum)
        sign = 1 if self.metric.higher_is_better else -1
        low, high = sorted((sign * found.low, sign * found.high))
        gone = fmean(len(a.stages.labelled) - len(b.stages.labelled) for a, b in zip(last, made, strict=True))
        cost = gone * self.spec.costs.label or self._money(fmean(each.trained.history.seconds for each in made))
        return Alternative(change.what, "measured", Band(low, sign * found.value, high), cost)

    def of_labels(self, following: Purchase, last: Sequence[Made], now: Sequence[Array]) -> list[Alternative]:
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
