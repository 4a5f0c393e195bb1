"""The scorecard: one system on one test set, every metric of the task with its n, interval and signature."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from sartor.data.example import Example
from sartor.errors import InputError, SystemFailure
from sartor.evaluate.acceptance import acceptance, failed_kpis
from sartor.evaluate.metric import Array, Detail, Form, Metric, Scope, check_kpis, metric, metric_class, metric_names
from sartor.evaluate.metrics.fields import per_field, unreadable
from sartor.evaluate.metrics.labels import confusions, is_no_label, per_label
from sartor.evaluate.own import OwnFunction
from sartor.evaluate.statistics import (
    SMALL,
    SMALL_SHARE,
    Interval,
    bootstrap,
    by_few_groups,
    cluster_sums,
    clusters,
    wilson,
    wilson_clustered,
)
from sartor.generate.answer import Answer
from sartor.scale import SHARE, Scale
from sartor.task import KpiSpec, TaskSpec

Met = Literal["met", "missed", "unclear"]


@dataclass(frozen=True, slots=True)
class Score:
    name: str
    title: str
    value: float
    low: float
    high: float
    """95 % interval."""
    n: int
    method: str
    """How the interval was made: `Wilson`, `BCa bootstrap`, …; `, by group` where rows depend on each other."""
    signature: str
    about: str = ""
    """One line for a stranger."""
    scale: Scale = SHARE
    higher_is_better: bool = True
    form: Form = "corpus"
    goal: float | None = None
    hard: bool = False
    met: Met | None = None
    """Whether the whole interval reaches the goal, misses it, or holds it; None without a goal."""
    note: str = ""
    """A warning to print beside the number."""
    unscored: dict[str, str] = field(default_factory=dict)
    """Row id → why it could not be scored; it counts as the worst there is."""


@dataclass(frozen=True, slots=True)
class RowScore:
    id: str
    scores: dict[str, float]
    """Every metric on this row alone."""
    usable: bool | None
    """Whether every hard KPI holds for it; None where the task has none."""
    text: str
    reasons: dict[str, str] = field(default_factory=dict)
    """Metric → why it scored as it did, where the metric says."""


@dataclass(frozen=True, slots=True)
class Scorecard:
    system: str
    n: int
    scores: dict[str, Score]
    """The task's KPIs, the primary one first, then the other metrics of the kind."""
    usable: Score | None
    """Share of usable outputs, which is what the business reads; None without a hard KPI."""
    details: list[Detail]
    """Per class or per field; empty for text."""
    confusions: list[tuple[str, str, int]]
    """(expected, answered, rows), most frequent first."""
    counts: dict[str, int]
    """What went wrong with answers as such: errors, cut at the limit, not a label, invalid JSON, too few samples."""
    rows: list[RowScore]

    @property
    def all_scores(self) -> dict[str, Score]:
        """The usable rate, where there is one, before the other scores."""
        return ({"usable": self.usable} if self.usable else {}) | self.scores

    @property
    def primary(self) -> Score:
        return next(iter(self.scores.values()))

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Scorecard":
        data = json.loads(text)
        return cls(
            system=data["system"],
            n=data["n"],
            scores={name: _parse(score) for name, score in data["scores"].items()},
            usable=_parse(data["usable"]) if data["usable"] else None,
            details=[Detail(**detail) for detail in data["details"]],
            confusions=[(gold, said, count) for gold, said, count in data["confusions"]],
            counts=data["counts"],
            rows=[RowScore(**row) for row in data["rows"]],
        )


def _parse(found: dict[str, Any]) -> Score:
    return Score(**found | {"scale": Scale(**found["scale"])})


def score(
    system: str,
    examples: Sequence[Example],
    answers: Sequence[Answer],
    spec: TaskSpec,
    seed: int = 0,
    labels: Sequence[str] = (),
    functions: Mapping[str, OwnFunction] | None = None,
) -> Scorecard:
    """Judge a system's answers by the task's KPIs and by all other metrics of its kind.

    `labels` are known labels beside the examples' own, `functions` the task's own KPIs (`own.load_functions`).
    Raises InputError for an unknown KPI or an empty test set,
    SystemFailure when answers and examples are not the same rows or a metric is not a number.
    """
    check_kpis(spec)
    check_rows(system, examples, answers)
    scope = Scope.of(spec, examples, labels, functions)
    member = clusters([(example.group, example.subject) for example in examples])
    metrics = _metrics(spec, scope, examples, answers)
    tables = [judge.table(examples, answers) for judge in metrics]
    kpis = {kpi.name: kpi for kpi in spec.kpi_list}
    per_row = {judge.name: judge.per_row(table) for judge, table in zip(metrics, tables, strict=True)}
    row_scores = [{name: float(values[i]) for name, values in per_row.items()} for i in range(len(examples))]
    usable = _usable_rows(spec, {judge.name: judge for judge in metrics}, row_scores)
    return Scorecard(
        system=system,
        n=len(examples),
        scores={
            judge.name: _score(judge, table, cluster_sums(table, member), kpis.get(judge.name), seed)
            for judge, table in zip(metrics, tables, strict=True)
        },
        usable=None if usable is None else _usable(spec, usable, member),
        details=_details(examples, answers, scope),
        confusions=confusions(examples, answers, scope) if scope.kind == "classification" else [],
        counts=_counts(answers, scope),
        rows=[
            RowScore(
                id=answer.id,
                scores=row_scores[i],
                usable=None if usable is None else bool(usable[i]),
                text=answer.text,
                reasons={judge.name: judge.reasons[answer.id] for judge in metrics if answer.id in judge.reasons},
            )
            for i, answer in enumerate(answers)
        ],
    )


def check_rows(system: str, examples: Sequence[Example], answers: Sequence[Answer]) -> None:
    """Raises InputError without rows, SystemFailure unless there is one answer per example, in the same order."""
    if not examples:
        raise InputError("the test set is empty: name a file with rows as `data.test`, or raise `data.test_share`")
    if [example.id for example in examples] != [answer.id for answer in answers]:
        raise SystemFailure(f"{system}: {len(answers)} answers do not match the {len(examples)} test rows one to one")


def small_note(rows: int, independent: int, resampled: bool = True) -> str:
    """A warning where there are too few rows, or too few groups of them, for an interval to be trusted."""
    if independent >= (SMALL if resampled else SMALL_SHARE):
        return ""
    return f"interval unreliable: only {independent} {'rows' if rows == independent else 'independent groups of rows'}"


def _metrics(spec: TaskSpec, scope: Scope, examples: Sequence[Example], answers: Sequence[Answer]) -> list[Metric]:
    """The task's KPIs, then the usual metrics of its kind that apply to the rows."""
    known = {name: metric_class(name, spec.kind) for name in metric_names(spec.kind)}
    usual = [name for name, kind in known.items() if not kind.on_request and (scope.multi or not kind.only_multi)]
    found = [metric(name, scope) for name in dict.fromkeys([*(kpi.name for kpi in spec.kpi_list), *usual])]
    asked = {kpi.name for kpi in spec.kpis}
    reference = any(example.target for example in examples)
    if missing := [each.name for each in found if each.name in asked and each.needs_target and not reference]:
        raise InputError(f"kpis: `{missing[0]}` compares with a reference, and the rows have none; add a target column")
    found = [each for each in found if each.name in asked or each.applies(examples, answers)]
    if not found:
        raise InputError(f"no metric of {spec.kind} can score rows without a reference; add a target column")
    return found


def _usable_rows(
    spec: TaskSpec, metrics: Mapping[str, Metric], rows: Sequence[Mapping[str, float]]
) -> npt.NDArray[np.bool_] | None:
    if not any(kpi.name in metrics for kpi in acceptance(spec)):
        return None
    return np.array([not failed_kpis(spec, metrics, row) for row in rows])


def _usable(spec: TaskSpec, usable: npt.NDArray[np.bool_], member: npt.NDArray[np.int64] | None) -> Score:
    table = np.column_stack([usable, np.ones(len(usable))]).astype(np.float64)
    lines = cluster_sums(table, member)
    interval = wilson_clustered(lines) if len(lines) < len(table) else wilson(float(usable.sum()), len(table))
    hard = ", ".join(kpi.name for kpi in acceptance(spec))
    return Score(
        name="usable",
        title="usable",
        value=float(usable.mean()),
        low=interval.low,
        high=interval.high,
        n=len(table),
        method=interval.method,
        signature=f"usable|all of: {hard}",
        about=f"Share of outputs for which all of these hold: {hard}.",
        form="proportion",
        note=small_note(len(table), len(lines), resampled=False),
    )


def _score(judge: Metric, table: Array, lines: Array, kpi: KpiSpec | None, seed: int) -> Score:
    value, interval = judge.aggregate(table), _interval(judge, table, lines, seed)
    goal = kpi.goal if kpi else None
    return Score(
        name=judge.name,
        title=judge.title,
        value=value,
        low=interval.low,
        high=interval.high,
        n=len(table),
        method=interval.method,
        signature=judge.signature,
        about=(type(judge).__doc__ or "").partition("\n")[0],
        scale=judge.scale,
        higher_is_better=judge.higher_is_better,
        form=judge.form,
        goal=goal,
        hard=bool(kpi and kpi.hard),
        met=None if goal is None else _met(interval, goal, judge.higher_is_better),
        note="; ".join(filter(None, (small_note(len(table), len(lines), judge.interval == "bootstrap"), judge.note))),
        unscored=judge.unscored,
    )


def _interval(judge: Metric, table: Array, lines: Array, seed: int) -> Interval:
    grouped, span = len(lines) < len(table), (0.0, judge.maximum)
    if judge.interval == "wilson":
        return wilson_clustered(lines) if grouped else wilson(float(lines[:, 0].sum()), len(table))
    few = by_few_groups(lines, table, judge.of_sums, span) if grouped else None
    found = few[0] if few else bootstrap(lines, judge.of_sums, span, seed)
    return replace(found, method=f"{found.method}, by group") if grouped else found


def _met(interval: Interval, goal: float, higher_is_better: bool) -> Met:
    reached, failed = interval.low >= goal, interval.high < goal
    if not higher_is_better:
        reached, failed = interval.high <= goal, interval.low > goal
    return "met" if reached else "missed" if failed else "unclear"


def _details(examples: Sequence[Example], answers: Sequence[Answer], scope: Scope) -> list[Detail]:
    if scope.kind == "classification":
        return per_label(examples, answers, scope)
    return per_field(examples, answers) if scope.kind == "extraction" else []


def _counts(answers: Sequence[Answer], scope: Scope) -> dict[str, int]:
    had = [answer for answer in answers if answer.finish != "error"]
    counts = {"errors": len(answers) - len(had), "cut at the limit": sum(a.finish == "length" for a in had)}
    if scope.kind == "classification":
        counts["not a label"] = sum(is_no_label(answer, scope) for answer in had)
    if scope.kind == "extraction":
        counts["invalid JSON"] = sum(unreadable(answer) for answer in had)
    if scope.samples > 1:
        counts[f"with fewer than {scope.samples} outputs"] = sum(len(a.others) + 1 < scope.samples for a in had)
    return counts
