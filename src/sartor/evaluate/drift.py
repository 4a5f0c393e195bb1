"""Whether what a specialist is asked, and what it says, has moved away from what it was trained on: from counts alone.

    PSI = Σ (now − then) · ln(now / then)

over the shares of each bucket: the population stability index (Siddiqi 2006), by whose convention less than 0.1 is no change and
more than 0.2 a change to act on. Without any change it comes to (k − 1)(1/n + 1/m) on average, for k buckets, n rows now and m
then (Yurdakul & Naranjo 2020), which is taken off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sartor.evaluate.statistics import wilson

MOVED = 0.2
"""PSI."""
TIMES, MORE = 2.0, 0.05
"""A share has moved where it is so many times what it was, and by so much more."""
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

    @property
    def moved(self) -> bool | None:
        """Whether it is above the limit; None where that cannot be told yet."""
        return True if self.low > self.limit else False if self.high <= self.limit else None


def share(what: str, yes: int, n: int, then: float) -> Measure:
    """A share of n > 0 requests, which was `then` in training."""
    found = wilson(yes, n)
    return Measure(what, yes / n, found.low, found.high, max(TIMES * then, then + MORE), n)


def stability(what: str, now: Mapping[str, int], then: Mapping[str, int], seed: int = 0) -> Measure:
    """The population stability index between counts by bucket, both of at least one; its interval is a parametric bootstrap."""
    buckets = sorted({*now, *then})
    counts = [np.array([side.get(bucket, 0) for bucket in buckets], dtype=np.int64) for side in (now, then)]
    sums = [int(side.sum()) for side in counts]
    by_chance = (len(buckets) - 1) * sum(1 / n for n in sums)
    rng = np.random.default_rng(seed)
    drawn = [rng.multinomial(n, side / n, size=DRAWS) for n, side in zip(sums, counts, strict=True)]
    # What is drawn once more is apart by chance twice.
    low, high = np.quantile(_psi(*drawn) - 2 * by_chance, [0.025, 0.975]).clip(0)
    value = max(0.0, float(_psi(*counts)) - by_chance)
    return Measure(what, value, min(value, float(low)), max(value, float(high)), MOVED, sums[0])


def verdict(measures: list[Measure]) -> Verdict:
    """RETRAIN where something has moved, STEADY where nothing has, INCONCLUSIVE where more requests are needed to tell."""
    found = {measure.moved for measure in measures}
    return "RETRAIN" if True in found else "INCONCLUSIVE" if None in found or not found else "STEADY"


def _psi(now: npt.NDArray[np.int64], then: npt.NDArray[np.int64]) -> Array:
    """Over the last axis; half a row more in each bucket, so that none is empty."""
    shares = [(side + 0.5) / (side + 0.5).sum(axis=-1, keepdims=True) for side in (now, then)]
    found: Array = ((shares[0] - shares[1]) * np.log(shares[0] / shares[1])).sum(axis=-1)
    return found
