"""Whether what a specialist is asked, and what it says, has moved away from what it was trained on: from counts alone.

    PSI = Σ (now − then) · ln(now / then)

over the shares of each bucket: the population stability index (Siddiqi 2006), by whose convention less than 0.1 is no change and
more than 0.2 a change to act on. It is above 0 without any change, too, by what chance adds to it; that is found by drawing both
sides from their common shares, and taken off.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sartor.evaluate.statistics import wilson

MOVED = 0.2
"""PSI."""
TIMES, MORE = 2.0, 0.05
"""A share has moved where it is so many times what it was, and by so much more."""
ROWS = 5
"""Requests a bucket, before anything is told: with fewer the index does not see what has changed."""
DRAWS = 2000
Verdict = Literal["RETRAIN", "STEADY", "INCONCLUSIVE"]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measure:
    what: str
    value: float
    low: float
    high: float
    """95 % interval."""
    limit: float
    """Above it there is something to do."""
    n: int
    """Requests."""
    wanted: int = 0
    """Requests before anything is told."""
    decides: bool = True
    """Else it is only shown."""

    @property
    def moved(self) -> bool | None:
        """Whether it is above the limit; None where that cannot be told yet."""
        if self.n < self.wanted:
            return None
        return True if self.low > self.limit else False if self.high <= self.limit else None


def share(what: str, yes: int, n: int, then: float, decides: bool = True) -> Measure:
    """A share of n > 0 requests, which was `then` in training."""
    found = wilson(yes, n)
    return Measure(what, yes / n, found.low, found.high, max(TIMES * then, then + MORE), n, decides=decides)


def stability(
    what: str, now: Mapping[str, int], then: Mapping[str, int], seed: int = 0, decides: bool = True
) -> Measure:
    """The population stability index between counts by bucket, both of at least one; its interval is a parametric bootstrap."""
    buckets, rng = sorted({*now, *then}), np.random.default_rng(seed)
    counts = [np.array([side.get(bucket, 0) for bucket in buckets], dtype=np.int64) for side in (now, then)]
    sums = [int(side.sum()) for side in counts]

    def drawn(shares: Sequence[Array]) -> Array:
        return _psi(*(rng.multinomial(n, each, size=DRAWS) for n, each in zip(sums, shares, strict=True)))

    found, again = float(_psi(*counts)), drawn([_shares(side) for side in counts])
    by_chance = float(drawn([_shares(counts[0] + counts[1])] * 2).mean())
    # What is drawn once more is apart by chance once more.
    low, high = np.quantile(again, [0.025, 0.975]) - by_chance - (again.mean() - found)
    value = max(0.0, found - by_chance)
    interval = min(value, max(0.0, float(low))), max(value, float(high))
    return Measure(what, value, *interval, MOVED, sums[0], ROWS * len(buckets), decides)


def verdict(measures: Sequence[Measure]) -> Verdict:
    """RETRAIN where something has moved, STEADY where nothing has, INCONCLUSIVE where more requests are needed to tell."""
    found = {measure.moved for measure in measures if measure.decides}
    return "RETRAIN" if True in found else "INCONCLUSIVE" if None in found or not found else "STEADY"


def _shares(counts: npt.NDArray[np.int64]) -> Array:
    """Over the last axis; half a row more in each bucket, so that none is empty."""
    shares: Array = (counts + 0.5) / (counts + 0.5).sum(axis=-1, keepdims=True)
    return shares


def _psi(now: npt.NDArray[np.int64], then: npt.NDArray[np.int64]) -> Array:
    """Over the last axis."""
    a, b = _shares(now), _shares(then)
    found: Array = ((a - b) * np.log(a / b)).sum(axis=-1)
    return found
