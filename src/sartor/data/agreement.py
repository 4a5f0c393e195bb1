"""How far people agree who answered the same rows: Krippendorff's alpha for nominal answers, with a bootstrap over rows.

Krippendorff, Computing Krippendorff's Alpha-Reliability, 2011. With n_uc people giving row u the answer c, m_u = sum over
c of n_uc and n the answers in all (of rows with two or more), observed and expected disagreement are

    D_o = 1/n sum_u sum_c n_uc (m_u - n_uc) / (m_u - 1)        D_e = sum_c n_c (n - n_c) / (n (n - 1))

and alpha = 1 - D_o / D_e: 1 where all agree, 0 where they agree as chance has it. All of it is a function of sums over
rows, so a resample of rows is a line of weights; rows that were answered alike share one weight.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from sartor.data.duplicates import target_key
from sartor.data.example import Example

RESAMPLES = 1_000
_CELLS = 4_000_000
"""Resampling works in blocks of at most this many numbers, 32 MB."""
_UNSEEN = 1.96**2
"""A share of which 0 of n are seen may be z² / (n + z²) (Wilson 1927)."""

Array = NDArray[np.float64]
Pattern = tuple[tuple[str, int], ...]
"""How many gave each answer to a row, the answers sorted."""


@dataclass(frozen=True, slots=True)
class Agreement:
    alpha: float | None
    """Krippendorff's, nominal; None where all answers of all rows are the same, which shows nothing."""
    low: float | None
    high: float | None
    """Ends of its 95 % interval."""
    pairs: float
    """Share of the pairs of answers to the same row that are the same."""
    rows: int
    """With answers of two people or more."""
    annotators: int
    """People who answered those; of unnamed ones, as many as answered one row."""

    def __str__(self) -> str:
        """`alpha .713, 95 % .652 to .771, of 3 people on 400 rows (81% of the pairs of answers are the same)`."""
        alpha = "alpha is not defined, since all answers are the same,"
        if self.alpha is not None:
            alpha = f"alpha {self.alpha:.3f}, 95 % {self.low:.3f} to {self.high:.3f},"
        rows = f"{self.rows:,} row{'s' * (self.rows != 1)}"
        return (
            f"{alpha} of {self.annotators:,} people on {rows} ({self.pairs:.0%} of the pairs of answers are the same)"
        )


def answers(example: Example) -> list[tuple[str, str]]:
    """(annotator, what makes two answers the same) for everyone; of several answers of a named person, the last.

    Empty for prose, which two people never write the same.
    """
    if not example.annotations or not (example.labels or example.target.startswith(("{", "["))):
        return []
    last = {who or index: (who, answer) for index, (who, answer) in enumerate(example.annotations)}
    return [(who, _key(example, answer)) for who, answer in last.values()]


def agreement(examples: Sequence[Example], seed: int = 0) -> Agreement | None:
    """How far the rows' annotators agree; None where no row was answered twice."""
    patterns, people, unnamed = Counter[Pattern](), set[str](), 0
    for example in examples:
        given = answers(example)
        if len(given) > 1:
            patterns[tuple(sorted(Counter(answer for _, answer in given).items()))] += 1
            people.update(who for who, _ in given if who)
            unnamed = max(unnamed, sum(not who for who, _ in given))
    if not patterns:
        return None
    weights = np.array(list(patterns.values()), dtype=np.float64)
    table = _Table(list(patterns))
    alpha, low, high = float(table.alpha(weights[None])[0]), None, None
    if known := not math.isnan(alpha):
        low, high = _interval(table, weights, alpha, seed)
    return Agreement(
        alpha=alpha if known else None,
        low=low,
        high=high,
        pairs=float(weights @ table.same / (weights @ table.pairs)),
        rows=int(weights.sum()),
        annotators=len(people) + unnamed,
    )


class _Table:
    """How p patterns of answers were given, as arrays that a resample of rows weighs."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        found = dict.fromkeys(answer for each in patterns for answer, _ in each)
        places = {answer: place for place, answer in enumerate(found)}
        rows = np.repeat(np.arange(len(patterns)), [len(each) for each in patterns])
        columns = [places[answer] for each in patterns for answer, _ in each]
        numbers = np.array([number for each in patterns for _, number in each], dtype=np.float64)
        self.counts = csr_array((numbers, (rows, columns)), shape=(len(patterns), len(places)))
        """n_uc, [p, answers]."""
        self.sizes = np.bincount(rows, numbers).astype(np.float64)
        """m_u, [p]."""
        squares = np.bincount(rows, numbers**2).astype(np.float64)
        self.observed = (self.sizes**2 - squares) / (self.sizes - 1)
        self.same, self.pairs = (squares - self.sizes) / 2, self.sizes * (self.sizes - 1) / 2

    def alpha(self, weights: Array) -> Array:
        """[b] of weights [b, p]; NaN where all answers are the same."""
        answered, by_answer = weights @ self.sizes, self.counts.T @ weights.T
        expected = (answered**2 - np.square(by_answer).sum(axis=0)) / (answered - 1)
        with np.errstate(invalid="ignore"):
            return np.where(expected > 0, 1 - weights @ self.observed / expected, np.nan)


def _interval(table: _Table, weights: Array, alpha: float, seed: int) -> tuple[float, float]:
    """95 %: percentiles of alpha over resampled rows. A resample in which all answers are the same may be anything.

    Where nobody disagrees, resamples cannot show it either: the low end then allows for as many rows of nothing but
    different answers as so few rows can have missed.
    """
    rows = int(weights.sum())
    if not weights @ table.observed:
        answered, by_answer = weights @ table.sizes, table.counts.T @ weights
        expected = (answered**2 - np.square(by_answer).sum()) / (answered * (answered - 1))
        return 1 - _UNSEEN / (rows + _UNSEEN) / float(expected), 1.0
    rng, draws = np.random.default_rng(seed), list[Array]()
    pattern = np.repeat(np.arange(len(weights)), weights.astype(np.int64))
    block = max(1, _CELLS // max(rows, *table.counts.shape))
    for start in range(0, RESAMPLES, block):
        size = min(block, RESAMPLES - start)
        drawn = pattern[rng.integers(0, rows, (size, rows))]
        times = [np.bincount(each, minlength=len(weights)) for each in drawn]
        draws.append(table.alpha(np.array(times, dtype=np.float64)))
    alphas = np.concatenate(draws)
    unknown = np.isnan(alphas)
    low, high = np.quantile(np.where(unknown, -1, alphas), 0.025), np.quantile(np.where(unknown, 1, alphas), 0.975)
    return min(alpha, float(low)), max(alpha, float(high))


def _key(example: Example, answer: str) -> str:
    labels = tuple(answer.split("; ")) if example.labels else ()
    return target_key(replace(example, target=answer, labels=labels))
