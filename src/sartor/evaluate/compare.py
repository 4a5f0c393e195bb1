"""Two systems on the same rows: the paired difference, its interval, its test, and what n could have shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.metric import Array, Metric, Scope, metric
from sartor.evaluate.own import OwnFunction
from sartor.evaluate.scorecard import check_rows, small_note
from sartor.evaluate.statistics import (
    bootstrap,
    by_few_groups,
    cluster_sums,
    clusters,
    detectable,
    detectable_pairs,
    fdr,
    mcnemar,
    randomisation,
)
from sartor.generate.answer import Answer
from sartor.task import TaskSpec

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Comparison:
    metric: str
    a: str
    b: str
    value_a: float
    value_b: float
    difference: float
    """The value of a less that of b."""
    low: float
    high: float
    """95 % interval of the difference."""
    p_value: float
    test: str
    mdd: float
    """Minimal detectable difference: the smallest that these rows show with 80 % power."""
    n: int
    verdict: Literal["better", "worse", "tie"]
    """What a is beside b; a tie where p ≥ .05 or the interval holds 0."""
    note: str = ""
    q_value: float | None = None
    """p adjusted for all comparisons that stand beside it, where there are several (`exploration`)."""

    @property
    def turned(self) -> "Comparison":
        """The same of b beside a."""
        return replace(
            self,
            a=self.b,
            b=self.a,
            value_a=self.value_b,
            value_b=self.value_a,
            difference=-self.difference,
            low=-self.high,
            high=-self.low,
            verdict={"better": "worse", "worse": "better", "tie": "tie"}[self.verdict],  # type: ignore[arg-type]
        )


def exploration(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with p adjusted for looking at all of them; a difference is one where q < .05, too.

    Of the differences that are found so, one in twenty at most is none in the long run (Benjamini & Hochberg 1995).
    """
    if len(comparisons) < 2:
        return list(comparisons)
    adjusted = fdr([found.p_value for found in comparisons])
    return [
        replace(found, q_value=q, verdict=found.verdict if q < ALPHA else "tie")
        for found, q in zip(comparisons, adjusted, strict=True)
    ]


def compare(
    metric_name: str,
    a: str,
    b: str,
    examples: Sequence[Example],
    answers_a: Sequence[Answer],
    answers_b: Sequence[Answer],
    spec: TaskSpec,
    seed: int = 0,
    labels: Sequence[str] = (),
    functions: Mapping[str, OwnFunction] | None = None,
) -> Comparison:
    """Compare systems `a` and `b` on one metric, row by row.

    The test is mid-p McNemar for a proportion, else paired approximate randomisation; the interval is a paired
    bootstrap. Rows that share a group or a subject change places and are drawn together; of a few groups, test and
    interval are a jackknife's. Raises as `scorecard.score`.
    """
    check_rows(a, examples, answers_a)
    check_rows(b, examples, answers_b)
    judge = metric(metric_name, Scope.of(spec, examples, labels, functions))
    tables = judge.table(examples, answers_a), judge.table(examples, answers_b)
    member = clusters([(example.group, example.subject) for example in examples])
    lines_a, lines_b = (cluster_sums(table, member) for table in tables)
    value_a, value_b = map(judge.aggregate, tables)
    width = lines_a.shape[1]

    def difference(sums: Array) -> Array:
        return judge.of_sums(sums[..., :width]) - judge.of_sums(sums[..., width:])

    lines, span = np.hstack([lines_a, lines_b]), (-judge.maximum, judge.maximum)
    few = by_few_groups(lines, np.hstack(tables), difference, span) if member is not None else None
    if few:
        (interval, p_value), test = few, "delete-one-group jackknife, t, by group"
        mdd = detectable(interval.deviation, len(lines))
    else:
        interval = bootstrap(lines, difference, span, seed)
        p_value, test = _test(judge, lines_a, lines_b, len(examples), seed)
        mdd = _detectable(judge, lines_a, lines_b, len(examples), interval.deviation)
    return Comparison(
        metric=metric_name,
        a=a,
        b=b,
        value_a=value_a,
        value_b=value_b,
        difference=value_a - value_b,
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        test=test,
        mdd=mdd,
        n=len(examples),
        verdict=verdict(value_a - value_b, interval.low, interval.high, p_value, judge.higher_is_better),
        note=small_note(len(examples), len(lines_a)),
    )


def _test(judge: Metric, a: Array, b: Array, rows: int, seed: int) -> tuple[float, str]:
    if judge.form == "proportion" and len(a) == rows:
        only_a, only_b = int(np.sum(a[:, 0] > b[:, 0])), int(np.sum(b[:, 0] > a[:, 0]))
        return mcnemar(only_a, only_b), "mid-p McNemar"
    by_group = "" if len(a) == rows else ", by group"
    return randomisation(a, b, judge.of_sums, seed), f"paired approximate randomisation{by_group}"


def _detectable(judge: Metric, a: Array, b: Array, rows: int, deviation: float) -> float:
    """Systems that never differ on these rows still leave room for one row that does."""
    if len(a) != rows or judge.form == "corpus":
        return detectable(deviation or judge.maximum / len(a))
    change = a[:, 0] - b[:, 0]
    if judge.form == "proportion":
        return detectable_pairs(max(int(np.count_nonzero(change)), 1) / rows, rows)
    spread = float(np.std(change, ddof=1)) / rows**0.5 if rows > 1 else 0.0
    return detectable(spread or judge.maximum / rows)


def verdict(
    difference: float, low: float, high: float, p_value: float, higher_is_better: bool
) -> Literal["better", "worse", "tie"]:
    """What a is beside b, by their difference, its interval and its p."""
    if p_value >= ALPHA or low <= 0 <= high:
        return "tie"
    return "better" if (difference > 0) == higher_is_better else "worse"
