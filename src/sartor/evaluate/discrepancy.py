"""Perceived against real quality: what a general metric promises of the outputs, and how many of them are usable.

An output is perceived as good when its general metric reaches a threshold that people would accept: the task's own
(`at` of that KPI), else the median of the usable outputs of all systems that stand side by side, that is, what an
output of good quality usually reaches.
The discrepancy is the share perceived as good less the share that is usable, in the same rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from sartor.data.example import Example
from sartor.evaluate.metric import Array, metric_class, metric_names
from sartor.evaluate.scorecard import RowScore, Scorecard
from sartor.evaluate.statistics import bootstrap, by_few_groups, cluster_sums, clusters
from sartor.scale import SHARE
from sartor.task import TaskSpec

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One general metric beside the usable rate, on the outputs of one system."""

    metric: str
    title: str
    threshold: float
    threshold_from: str
    """`threshold of the task`, `median of the usable outputs`, or `median of all outputs, none of which is usable`."""
    perceived: float
    """Share of outputs at or above the threshold."""
    usable: float
    difference: float
    """Perceived less usable."""
    low: float
    high: float
    """95 % interval of the difference, paired by row."""
    correlation: float | None
    """Spearman's rank correlation over rows of the metric with being usable; None where one of them is constant."""
    correlation_low: float | None
    correlation_high: float | None
    quadrants: tuple[int, int, int, int]
    """Outputs that look good and are usable; look good and are not; look poor and are usable; look poor and are not."""
    misleading: tuple[str, ...]
    """Ids of the outputs that look good and are not usable, best-looking first."""


def discrepancies(
    spec: TaskSpec, examples: Sequence[Example], card: Scorecard, beside: Sequence[Scorecard] = (), seed: int = 0
) -> list[Discrepancy]:
    """Every general metric of the scorecard against its usable rate, the one that misleads most first.

    A metric misleads by the outputs that it makes look better than they are. `beside`: scorecards of other systems on
    the same rows. Empty where the task has no hard KPI.
    """
    if card.usable is None:
        return []
    judged = [row for each in (card, *(other for other in beside if other.system != card.system)) for row in each.rows]
    usable = np.array([bool(row.usable) for row in card.rows])
    member = clusters([(example.group, example.subject) for example in examples])
    thresholds = {kpi.name: kpi.at for kpi in spec.kpi_list if kpi.at is not None}
    found = []
    for name in card.scores:
        if name not in general_metrics(spec):
            continue
        values = np.array([row.scores[name] for row in card.rows])
        if name in thresholds:
            threshold, source = thresholds[name], "threshold of the task"
        else:
            threshold, source = _threshold(name, judged)
        found.append(_discrepancy(name, card, values, usable, threshold, source, member, seed))
    return sorted(found, key=lambda each: (-each.quadrants[1], each.metric))


def general_metrics(spec: TaskSpec) -> list[str]:
    """The metrics of the task's kind that compare words with a reference and know nothing of the task."""
    return [name for name in metric_names(spec.kind) if metric_class(name, spec.kind).general]


def sentence(found: Discrepancy, card: Scorecard) -> str:
    """The gap in one sentence for a manager."""
    share = SHARE.difference(found.difference, found.low, found.high)
    if found.low <= 0 <= found.high:
        start = f"{found.title} shows no sure gap"
    elif found.difference > 0:
        start = f"{found.title} promises more than it keeps"
    else:
        start = f"{found.title} is harder on these outputs than the task's own KPIs are"
    threshold = card.scores[found.metric].scale.number(found.threshold)
    return (
        f"{start}: {_percent(found.perceived)} of the outputs reach {threshold}, and "
        f"{_percent(found.usable)} are usable ({share}); {found.quadrants[1]:,} of {card.n:,} look good and are not."
    )


def spearman(a: Array, b: Array) -> float | None:
    """Rank correlation with ties at their mean rank (Spearman 1904); None where either is constant."""
    ranks = rankdata(a), rankdata(b)
    if any(np.ptp(rank) == 0 for rank in ranks):
        return None
    return float(np.corrcoef(*ranks)[0, 1])


def _discrepancy(
    name: str,
    card: Scorecard,
    values: Array,
    usable: Bools,
    threshold: float,
    source: str,
    member: npt.NDArray[np.int64] | None,
    seed: int,
) -> Discrepancy:
    good = values >= threshold - 1e-9 * card.scores[name].scale.maximum
    rows = np.column_stack([good.astype(float) - usable, np.ones(len(usable))])
    lines = cluster_sums(rows, member)
    few = by_few_groups(lines, rows, _mean, (-1.0, 1.0)) if member is not None else None
    interval = few[0] if few else bootstrap(lines, _mean, (-1.0, 1.0), seed)
    order = sorted(np.flatnonzero(good & ~usable), key=lambda i: (-values[i], i))
    rank, low, high = _correlation(values, usable.astype(float), member, seed)
    return Discrepancy(
        metric=name,
        title=card.scores[name].title,
        threshold=threshold,
        threshold_from=source,
        perceived=float(good.mean()),
        usable=float(usable.mean()),
        difference=float(rows[:, 0].mean()),
        low=interval.low,
        high=interval.high,
        correlation=rank,
        correlation_low=low,
        correlation_high=high,
        quadrants=tuple(int(np.sum(g & u)) for g in (good, ~good) for u in (usable, ~usable)),  # type: ignore[arg-type]
        misleading=tuple(card.rows[i].id for i in order),
    )


def _threshold(name: str, judged: Sequence[RowScore]) -> tuple[float, str]:
    if good := [row.scores[name] for row in judged if row.usable]:
        return float(np.median(good)), "median of the usable outputs"
    return float(np.median([row.scores[name] for row in judged])), "median of all outputs, none of which is usable"


def _correlation(
    values: Array, usable: Array, member: npt.NDArray[np.int64] | None, seed: int, resamples: int = 1000
) -> tuple[float | None, float | None, float | None]:
    """Spearman's coefficient and its percentile bootstrap interval; whole clusters are drawn."""
    observed = spearman(values, usable)
    if observed is None:
        return None, None, None
    rng = np.random.default_rng(seed)
    member = np.arange(len(values)) if member is None else member
    rows = [np.flatnonzero(member == cluster) for cluster in range(int(member.max()) + 1)]
    drawn = (np.concatenate([rows[c] for c in rng.integers(0, len(rows), len(rows))]) for _ in range(resamples))
    draws = [each for place in drawn if (each := spearman(values[place], usable[place])) is not None]
    if not draws:
        return observed, None, None
    low, high = np.quantile(draws, [0.025, 0.975])
    return observed, float(low), float(high)


def _mean(sums: Array) -> Array:
    return np.asarray(sums[..., 0] / sums[..., 1])


def _percent(share: float) -> str:
    return f"{math.floor(100 * share + 0.5)} %"
