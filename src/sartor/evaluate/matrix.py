"""Adapters, each of several seeds, on the rows of several tasks: what each scores on each task, and how two of them differ."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sartor.data.example import Example
from sartor.evaluate.compare import verdict
from sartor.evaluate.metric import Array, Scope, metric
from sartor.evaluate.own import OwnFunction
from sartor.evaluate.recipes import TWO_SEEDS
from sartor.evaluate.scorecard import small_note
from sartor.evaluate.seeds import Difference, change_over_seeds, difference_over_seeds, over_seeds
from sartor.evaluate.statistics import clusters, holm
from sartor.evaluate.verdict import MANY
from sartor.generate.answer import Answer
from sartor.task import TaskSpec


@dataclass(frozen=True, slots=True)
class Cell:
    """What an adapter scores on the first KPI of a task, whatever the seed."""

    task: str
    adapter: str
    value: float
    """Mean of the seeds."""
    low: float
    high: float
    """95 % interval, over rows and seeds."""
    between: float
    """Standard deviation between seeds, less what rows alone explain."""


@dataclass(frozen=True, slots=True)
class TaskDifference:
    """What an adapter `a` scores more than `b` on the first KPI of a task, on the metric's own scale."""

    task: str
    a: str
    b: str
    difference: float
    low: float
    high: float
    """95 % interval, over rows and seeds."""
    p_value: float
    adjusted_p: float
    """For looking at as many tasks (Holm 1979)."""
    mdd: float
    """Smallest difference found with 80 % power."""
    verdict: Literal["better", "worse", "no difference", "inconclusive"]
    """What a is beside b. No difference: none is shown, and the whole interval lies within the margin, to either side."""
    rows_needed: int | None
    """Where it is inconclusive: test rows that would show such a difference, or that it is within the margin, whichever are
    fewer, with 80 % power; None where it is not, and where no number of rows would, with so many seeds."""


@dataclass(frozen=True, slots=True)
class _Found:
    task: str
    a: str
    b: str
    difference: Difference
    n: int
    margin: float
    higher_is_better: bool


class FirstKpi:
    """The first KPI of a task on its test rows."""

    def __init__(
        self,
        spec: TaskSpec,
        test: Sequence[Example],
        answers: Mapping[str, Sequence[Sequence[Answer]]],
        margin: float,
        labels: Sequence[str] = (),
        functions: Mapping[str, OwnFunction] | None = None,
    ) -> None:
        """`answers` by adapter: those of every seed, two or more, in the order of the rows. `margin` is what may be lost."""
        self.task, self.n, self.margin = spec.task, len(test), margin
        self.metric = metric(spec.kpi_list[0].name, Scope.of(spec, test, labels, functions))
        self._tables = {name: [self.metric.table(test, seed) for seed in given] for name, given in answers.items()}
        self._member = clusters([(row.group, row.subject) for row in test])

    @property
    def notes(self) -> list[str]:
        """What is to be minded: few rows or seeds, and rows that the metric could not score."""
        independent = self.n if self._member is None else int(self._member.max()) + 1
        seeds = min(map(len, self._tables.values()))
        unscored = len(self.metric.unscored)
        return [
            *filter(None, [small_note(self.n, independent), TWO_SEEDS if seeds == 2 else "", self.metric.note]),
            *([f"{unscored:,} of {self.n:,} rows not scored for some adapter, counted as wrong"] if unscored else []),
        ]

    def cells(self) -> list[Cell]:
        """One for each adapter."""
        how = (self.metric.of_sums, self._member, self.metric.maximum)
        scores = {name: over_seeds(tables, *how) for name, tables in self._tables.items()}
        return [Cell(self.task, name, s.value, s.low, s.high, s.between) for name, s in scores.items()]

    def less(self, a: str, b: str, questions: int = 1) -> _Found:
        """Adapter a less adapter b, whose seeds are drawn apart; of so many tasks it is asked."""
        return self._found(a, b, questions, difference_over_seeds)

    def change(self, a: str, b: str, questions: int = 1) -> _Found:
        """Adapter a less what its own training later made of it, b."""
        return self._found(a, b, questions, change_over_seeds)

    def _found(self, a: str, b: str, questions: int, measure: Callable[..., Difference]) -> _Found:
        tables: tuple[list[Array], list[Array]] = self._tables[a], self._tables[b]
        found = measure(*tables, self.metric.of_sums, self._member, self.metric.maximum, questions)
        return _Found(self.task, a, b, found, self.n, self.margin, self.metric.higher_is_better)


def over_tasks(found: Sequence[_Found]) -> list[TaskDifference]:
    """The same question asked of several tasks, with its answer on each."""
    return [_settled(each, p) for each, p in zip(found, holm([each.difference.p_value for each in found]), strict=True)]


def _settled(found: _Found, adjusted_p: float) -> TaskDifference:
    d, margin = found.difference, found.margin
    settled = TaskDifference(
        task=found.task,
        a=found.a,
        b=found.b,
        difference=d.value,
        low=d.low,
        high=d.high,
        p_value=d.p_value,
        adjusted_p=adjusted_p,
        mdd=d.mdd,
        verdict="no difference",
        rows_needed=None,
    )
    said = verdict(d.value, d.low, d.high, adjusted_p, found.higher_is_better)
    if said != "tie":
        return replace(settled, verdict=said)
    if -margin < d.low and d.high < margin:
        return settled
    return replace(settled, verdict="inconclusive", rows_needed=_rows_needed(d, found.n, margin))


def _rows_needed(found: Difference, n: int, margin: float) -> int | None:
    """More rows lessen the part of the rows only."""
    seeds, distances = found.mdd_seeds, (abs(found.value), margin - abs(found.value))
    rows = [n * (found.mdd**2 - seeds**2) / (distance**2 - seeds**2) for distance in distances if distance > seeds]
    fewest = min(rows, default=math.inf)
    return max(n + 1, math.ceil(fewest)) if fewest < MANY else None
