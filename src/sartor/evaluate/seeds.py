"""Several seeds of one recipe on the same rows: what the recipe scores, and how sure that is.

The score of seed s on row i is taken as y = μ + seed_s + row_i + both_si, everything but μ drawn at random (crossed random
effects; Cornfield & Tukey 1956). The mean of S seeds over n rows then has the variance

    σ²seed / S + σ²row / n + σ²both / (S·n)

Rows that are pooled over seeds as if they were S·n rows hide the first term and divide the second by S once too often.
Two things are measured: how the mean of the seeds moves as rows are left out, which is σ²row / n + σ²both / (S·n), and how the
seeds' values on these rows differ, which is σ²seed + σ²both / n. The second, divided by S, would count σ²both / (S·n) twice.
So what the draw of rows adds to the differences between seeds, which is σ²both / n, is measured too and taken off it first.

Rows and seeds each have a Student's t with their own degrees of freedom, and the two reaches add up as squares (Howe 1974);
the seeds of two recipes have one t together (Welch 1947). One t with Satterthwaite's degrees of freedom for everything would
not do: seeds that by chance look alike would make the error small and its degrees of freedom many at once, and three seeds
beside a single system would reject up to 9 % of true nulls.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import stdtrit

from sartor.evaluate.statistics import FEW_GROUPS, Array, Value, Z, cluster_sums, wilson

Member = npt.NDArray[np.int64]
_SMALLEST_P = 1e-15


@dataclass(frozen=True, slots=True)
class OverSeeds:
    """What a recipe scores: the value expected of another seed on other rows."""

    value: float
    """Mean of the seeds' values."""
    low: float
    high: float
    """95 % interval."""
    between: float
    """Standard deviation between seeds, were there rows without end; 0 where rows alone explain how seeds differ."""
    rows: float
    """Standard error of the value from the draw of rows."""
    seeds_share: float
    """Of the value's variance, the share that more seeds would lessen."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What one recipe, or system, scores more than another."""

    value_a: float
    value_b: float
    value: float
    """The first less the second."""
    low: float
    high: float
    """95 % interval."""
    p_value: float
    """Two-sided."""
    mdd: float
    """Smallest difference found with 80 % power."""
    mdd_seeds: float
    """The same were there rows without end: only more seeds make it smaller."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of an estimate's variance."""

    variance: float
    df: float


@dataclass(frozen=True, slots=True)
class _Draws:
    """A recipe's values, one a seed, and what they would be without each line: a row, or a cluster of rows."""

    values: Array
    """[seeds]"""
    left: Array
    """[lines, seeds]"""
    left_rows: Array
    """[rows, seeds] where there are few clusters, which may happen to agree; else `left`."""

    @classmethod
    def of(cls, tables: Sequence[Array], value: Value, member: Member | None) -> "_Draws":
        lines = [cluster_sums(table, member) for table in tables]
        left = _left(lines, value)
        few = member is not None and len(left) < FEW_GROUPS
        values = np.array([float(value(table.sum(axis=0))) for table in tables])
        return cls(values, left, _left(tables, value) if few else left)

    def between(self) -> _Part:
        """The part of the seeds; a single system is what it is, and no draw."""
        count = len(self.values)
        if count == 1:
            return _Part(0.0, 1)
        noise = _jackknife(self.left - self.left.mean(axis=1, keepdims=True)).sum() / (count - 1)
        return _Part(max(0.0, float(np.var(self.values, ddof=1) - noise)) / count, count - 1)


def over_seeds(tables: Sequence[Array], value: Value, member: Member | None = None, maximum: float = 1.0) -> OverSeeds:
    """What a recipe scores, from the statistics of two seeds or more on the same rows, each of shape [n, k].

    `value` is a function from sums [..., k] to values [...] between 0 and `maximum`; `member` is the cluster of each row,
    as `clusters` gives it. The interval has Wilson's shape, so that it stays on the scale and leans to its middle; on a scale
    without end, Student's, and not below 0.
    """
    draws = _Draws.of(tables, value, member)
    rows = _rows(draws.left.mean(axis=1), draws.left_rows.mean(axis=1), maximum)
    seeds = draws.between()
    found = float(draws.values.mean())
    reach = _reach((rows, seeds), 0.025)
    low, high = max(0.0, found - reach), found + reach
    if math.isfinite(maximum):
        share = found / maximum
        # A proportion of how many rows would be as uncertain? At the ends of the scale: of as many as there are.
        effective = share * (1 - share) * (Z * maximum / reach) ** 2 if 0 < share < 1 else len(draws.left)
        interval = wilson(share * effective, effective)
        low, high = interval.low * maximum, interval.high * maximum
    return OverSeeds(
        value=found,
        low=low,
        high=high,
        between=math.sqrt(seeds.variance * len(tables)),
        rows=math.sqrt(rows.variance),
        seeds_share=seeds.variance / (rows.variance + seeds.variance),
    )


def difference_over_seeds(
    a: Sequence[Array],
    b: Sequence[Array],
    value: Value,
    member: Member | None = None,
    maximum: float = 1.0,
    questions: int = 1,
) -> Difference:
    """The value of recipe `a` less that of `b`, on the same rows; either may be a single system, a list of one table.

    `questions` are asked at once, and the least differences that are found allow for that (Bonferroni). Other arguments as for
    `over_seeds`. Seeds of the two count as drawn apart, also where their numbers are the same.
    """
    first, second = (_Draws.of(tables, value, member) for tables in (a, b))
    left, left_rows = (
        x.mean(axis=1) - y.mean(axis=1) for x, y in ((first.left, second.left), (first.left_rows, second.left_rows))
    )
    rows, seeds = _rows(left, left_rows, maximum), _welch(first.between(), second.between())
    parts = (rows, seeds)
    value_a, value_b = float(first.values.mean()), float(second.values.mean())
    found, reach = value_a - value_b, _reach(parts, 0.025)
    return Difference(
        value_a=value_a,
        value_b=value_b,
        value=found,
        low=max(-maximum, found - reach),
        high=min(maximum, found + reach),
        p_value=_p_value(parts, abs(found)),
        mdd=_reach(parts, 0.025 / questions, 0.2),
        mdd_seeds=_reach((seeds,), 0.025 / questions, 0.2),
    )


def change_over_seeds(
    before: Sequence[Array],
    after: Sequence[Array],
    value: Value,
    member: Member | None = None,
    maximum: float = 1.0,
    questions: int = 1,
) -> Difference:
    """What each seed's training scored `before` less what the same training scores `after`, on the same rows.

    Arguments as for `difference_over_seeds`; here the seeds are drawn once, for both.
    """
    width = before[0].shape[1]

    def change(sums: Array) -> Array:
        return value(sums[..., :width]) - value(sums[..., width:])

    unchanged = np.hstack([after[0], after[0]])  # its change is 0, whatever the rows
    both = [np.hstack(pair) for pair in zip(before, after, strict=True)]
    return difference_over_seeds(both, [unchanged], change, member, maximum, questions)


def _left(tables: Sequence[Array], value: Value) -> Array:
    """The value of each table without each of its lines, [lines, tables]; of one line nothing is left, and 0 stands."""
    if len(tables[0]) == 1:
        return np.zeros((1, len(tables)))
    return np.column_stack([value(table.sum(axis=0) - table) for table in tables])


def _jackknife(left: Array) -> Array:
    """Variance from what was found without each line, [lines, …] → […]."""
    return np.asarray((len(left) - 1) * np.var(left, axis=0))


def _rows(left: Array, left_rows: Array, maximum: float) -> _Part:
    """The part of the rows. Lines that are all alike still leave room for one that is not."""
    variance = max(float(_jackknife(left)), float(_jackknife(left_rows)))
    most = maximum if math.isfinite(maximum) else float(np.abs(left).max())
    if max(np.ptp(left), np.ptp(left_rows)) <= 1e-12 * most:
        variance = (most / len(left)) ** 2
    return _Part(variance, max(1, len(left) - 1))


def _welch(a: _Part, b: _Part) -> _Part:
    """Two parts of a kind as one, with the degrees of freedom of Welch (1947)."""
    squares = a.variance**2 / a.df + b.variance**2 / b.df
    return _Part(a.variance + b.variance, (a.variance + b.variance) ** 2 / squares if squares else 1.0)


def _reach(parts: Sequence[_Part], *tails: float) -> float:
    """How far the parts together reach, each as far as Student's t leaves these tails beyond it (Howe 1974)."""
    return math.sqrt(sum(part.variance * float(stdtrit(part.df, tails).sum()) ** 2 for part in parts))


def _p_value(parts: Sequence[_Part], distance: float) -> float:
    """The p at which the parts reach just so far: 1 less the level of the interval that ends at 0."""
    if not distance:
        return 1.0
    if _reach(parts, _SMALLEST_P / 2) <= distance:
        return _SMALLEST_P
    return float(brentq(lambda p: _reach(parts, p / 2) - distance, _SMALLEST_P, 1.0))
