"""Intervals and paired tests on sufficient statistics.

Everything here takes an array of statistics, one line a row of data or a cluster of rows, and `value`, a function from
sums [..., k] to values [...]; a resample is then one matrix product. Rows that share a group or a subject are not
independent: sum their lines first (`cluster_sums`), and resampling draws whole clusters.
"""

import math
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import binom, norm, t
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from sartor.scale import Z_POWER

Array = npt.NDArray[np.float64]
Value = Callable[[Array], Array]

SMALL, SMALL_SHARE = 100, 30
"""Below this many independent rows, resampled intervals and those of shares are unreliable: the page says so."""
FEW_GROUPS = 10
"""Below this many groups, resampling them shows little: p by swapping is 2 / 2^groups at the least."""
RESAMPLES = 2_000
SWAPS = 9_999
Z = float(norm.ppf(0.975))
_CELLS = 4_000_000
"""Resampling works in blocks of at most this many numbers, 32 MB."""


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float
    method: str
    deviation: float
    """Standard error of the value."""


def clusters(keys: Sequence[Sequence[Hashable | None]]) -> npt.NDArray[np.int64] | None:
    """The cluster of each row, numbered from 0: rows that share any key that is not None, directly or through others.

    None when every row stands alone. Each row gives its keys in the same order, such as (group, subject).
    """
    known: dict[tuple[int, Hashable], int] = {}
    edges = [
        (row, known.setdefault((place, key), len(known)))
        for row, row_keys in enumerate(keys)
        for place, key in enumerate(row_keys)
        if key is not None
    ]
    if len(edges) == len(known):
        return None
    nodes = len(keys) + len(known)
    rows, places = np.array(edges).T
    graph = coo_array((np.ones(len(edges)), (rows, places + len(keys))), shape=(nodes, nodes))
    member = connected_components(graph, directed=False)[1][: len(keys)]
    return np.unique(member, return_inverse=True)[1].astype(np.int64)


def cluster_sums(stats: Array, member: npt.NDArray[np.int64] | None) -> Array:
    """Statistics of shape [n, k] summed within clusters; unchanged without clusters."""
    if member is None:
        return stats
    sums = np.zeros((int(member.max()) + 1, stats.shape[1]))
    np.add.at(sums, member, stats)
    return sums


def wilson(hits: float, n: float) -> Interval:
    """95 % interval of a proportion (Wilson 1927)."""
    low, high = proportion_confint(hits, n, alpha=0.05, method="wilson")
    share = hits / n
    return Interval(float(low), float(high), "Wilson", math.sqrt(share * (1 - share) / n))


def wilson_clustered(sums: Array) -> Interval:
    """95 % Wilson interval on the effective number of rows, from (hits, rows) of each cluster, shape [clusters, 2].

    The effective number is n over the design effect, never above n, with t instead of normal quantiles
    (Korn & Graubard 1998). Where all rows are alike the design effect is unknown, and a cluster counts as one row.
    """
    count, (hits, n) = len(sums), sums.sum(axis=0)
    share = hits / n
    variance = count / max(count - 1, 1) * float(np.sum((sums[:, 0] - share * sums[:, 1]) ** 2)) / n**2
    effective = float(count)
    if 0 < share < 1 and count > 1:
        effective = min(n, share * (1 - share) / variance if variance else n)
        effective *= (Z / float(t.ppf(0.975, count - 1))) ** 2
    found = wilson(share * effective, effective)
    return Interval(found.low, found.high, "Wilson, by group", math.sqrt(variance))


def bootstrap(
    stats: Array, value: Value, span: tuple[float, float] = (0.0, 1.0), seed: int = 0, resamples: int = RESAMPLES
) -> Interval:
    """95 % BCa bootstrap interval (Efron 1987) of `value` over lines of statistics, shape [n, k].

    Falls back to percentiles where BCa is undefined. Where every resample gives the same value, the data show no
    spread, and the interval allows for rows that they can have missed: a share up to Wilson's bound for 0 of n, with
    values at the ends of the metric's `span`.
    """
    total = stats.sum(axis=0)
    observed = float(value(total))
    draws = np.concatenate([value(weights @ stats) for weights in _weights(len(stats), seed, resamples)])
    if np.ptp(draws) <= 1e-12 * max(1.0, abs(observed)):
        unseen = Z**2 / (len(stats) + Z**2)
        low, high = (observed + unseen * (end - observed) for end in span)
        return Interval(low, high, "rows all alike", 0.0)
    low, high = np.quantile(draws, [0.025, 0.975])
    method = "percentile bootstrap"
    bca = _bca_levels(draws, observed, value(total - stats)) if len(stats) > 1 else None
    if bca is not None:
        low, high = np.quantile(draws, bca)
        method = "BCa bootstrap"
    return Interval(float(low), float(high), method, float(np.std(draws, ddof=1)))


def resampled(tables: Sequence[Array], value: Value, resamples: int, seed: int = 0) -> Array:
    """`value` of several tables of statistics [n, k] over the same resamples of their lines, [resamples, tables]."""
    together = np.stack(tables, axis=1)  # [n, tables, k]
    return np.concatenate([value(np.tensordot(w, together, 1)) for w in _weights(len(together), seed, resamples)])


def by_few_groups(sums: Array, rows: Array, value: Value, span: tuple[float, float]) -> tuple[Interval, float] | None:
    """95 % interval of `value` and two-sided p that it is 0, where rows come in two to nine groups.

    The standard error is the delete-one-group jackknife's, the reference t with one degree of freedom less than there
    are groups (MacKinnon, Nielsen & Webb 2023); it is never taken below that of independent rows, which a few groups
    that happen to agree would promise. `sums` [groups, k], `rows` [n, k]. None where there are more groups or one, or
    no spread at all.
    """
    if not 2 <= len(sums) < FEW_GROUPS:
        return None
    deviation, df = max(_jackknife_error(sums, value), _jackknife_error(rows, value)), len(sums) - 1
    if not 0 < deviation < math.inf:
        return None
    observed, reach = float(value(sums.sum(axis=0))), float(t.ppf(0.975, df)) * deviation
    interval = Interval(max(span[0], observed - reach), min(span[1], observed + reach), "jackknife t", deviation)
    return interval, 2 * float(t.sf(abs(observed) / deviation, df))


def over_folds(values: Array) -> Interval:
    """95 % t interval of the mean of what was found on folds, [rounds, folds] with two folds or more; each round deals the same
    rows into other folds.

    Folds of a round share no row that is asked, so their spread shows how far the draw of rows and of the trainings moves a
    value. Another round asks the same rows again: its folds tell more of the spread, and the error of the mean stays that of one
    round, which is right where rows make all of it and else too much.
    """
    rounds, folds = values.shape
    mean, error = float(values.mean()), math.sqrt(float(np.var(values, axis=1, ddof=1).mean()) / folds)
    reach = float(t.ppf(0.975, rounds * (folds - 1))) * error
    return Interval(mean - reach, mean + reach, "t over folds", error)


def mcnemar(only_a: int, only_b: int) -> float:
    """Mid-p McNemar test (Fagerland 2013): p that rows which only one system has right fall so unevenly, or more so."""
    n, fewer = only_a + only_b, min(only_a, only_b)
    return float(min(1.0, 2 * binom.cdf(fewer, n, 0.5) - binom.pmf(fewer, n, 0.5)))


def randomisation(a: Array, b: Array, value: Value, seed: int = 0, swaps: int = SWAPS) -> float:
    """Two-sided p of paired approximate randomisation (Noreen 1989): the systems' statistics of a line change places.

    Exact, over all ways to swap, when they are at most `swaps`. `a` and `b`: shape [n, k], the same lines.
    """
    total_a, total_b, change = a.sum(axis=0), b.sum(axis=0), b - a
    change = change[change.any(axis=1)]
    observed = abs(float(value(total_a) - value(total_b)))
    exact = 2 ** len(change) <= swaps
    reached, done = 0, 0
    for chosen in _all_swaps(len(change)) if exact else _random_swaps(len(change), seed, swaps):
        moved = chosen @ change
        differences = np.abs(value(total_a + moved) - value(total_b - moved))
        reached += int(np.count_nonzero(differences >= observed * (1 - 1e-9) - 1e-12))
        done += len(chosen)
    return reached / done if exact else (reached + 1) / (done + 1)


def detectable_pairs(discordant: float, n: int) -> float:
    """Smallest difference of two proportions found with 80 % power, when this share of n paired rows is discordant."""
    return Z_POWER * math.sqrt(discordant / (n + Z_POWER**2))


def detectable(deviation: float, groups: int | None = None) -> float:
    """Smallest difference found with 80 % power, when it is measured with this standard error (of so many groups: t)."""
    return deviation * (float(t.ppf([0.975, 0.8], groups - 1).sum()) if groups else Z_POWER)


def needed_pairs(discordant: float, difference: float) -> float:
    """Paired rows from which `detectable_pairs` is this difference, not 0."""
    return Z_POWER**2 * (discordant / difference**2 - 1)


def needed(deviation: float, n: int, distance: float) -> float:
    """Rows from which a distance, not 0, shows with 80 % power, when n rows measure it with this standard error.

    The distance is the difference itself; for non-inferiority, the difference plus the margin that it may lose.
    """
    return n * (Z_POWER * deviation / distance) ** 2


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for looking at all of them (Holm 1979)."""
    return [float(p) for p in multipletests(p_values, method="holm")[1]] if p_values else []


def fdr(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted so that of all that are called significant few are not (Benjamini & Hochberg 1995)."""
    return [float(p) for p in multipletests(p_values, method="fdr_bh")[1]] if p_values else []


def _weights(n: int, seed: int, resamples: int) -> Iterator[Array]:
    """How often each of n lines is drawn, in blocks of shape [resamples, n]."""
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // n)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        drawn = rng.integers(0, n, (size, n)) + n * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n).astype(np.float64)


def _jackknife_error(stats: Array, value: Value) -> float:
    """Standard error of `value` by leaving out one line at a time; not finite where a line is all there is."""
    left = value(stats.sum(axis=0) - stats)
    return math.sqrt((len(stats) - 1) * float(np.var(left)))


def _bca_levels(draws: Array, observed: float, jackknife: Array) -> Array | None:
    """The quantiles of the draws that BCa takes, or None where bias or acceleration is undefined."""
    below = (np.mean(draws < observed) + np.mean(draws <= observed)) / 2
    gap = jackknife.mean() - jackknife
    spread = float(np.sum(gap**2))
    if not 0 < below < 1 or not np.isfinite(gap).all() or spread <= 0:
        return None
    acceleration = float(np.sum(gap**3)) / (6 * spread**1.5)
    bias = norm.ppf(below)
    shifted = bias + np.array([-Z, Z])
    denominator = 1 - acceleration * shifted
    if (denominator <= 0).any():
        return None
    return np.asarray(norm.cdf(bias + shifted / denominator))


def _all_swaps(n: int) -> Iterator[Array]:
    yield (np.arange(2**n)[:, None] >> np.arange(n) & 1).astype(np.float64)


def _random_swaps(n: int, seed: int, swaps: int) -> Iterator[Array]:
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // n)
    for start in range(0, swaps, block):
        yield rng.integers(0, 2, (min(block, swaps - start), n), dtype=np.int8).astype(np.float64)
