"""A learning curve as it was measured: a KPI at several training sizes, and as it might have come out.

What might have come out differently are the rows that were asked, the same ones at every size, and the seeds. Rows are
resampled outside; the seeds' part is added here, from how seeds differ over all sizes together, since two or three seeds of one
size say little.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sartor.curve.laws import Array
from sartor.scale import Z_POWER

FALL = 2.0
"""Standard errors by which a later size must be worse, at least, for the curve to be called falling."""
BEYOND_NOISE = 0.99
"""Of curves that are flat so few are called falling that this share is not, whatever pair of sizes looks worst."""
DRAWS = 1_000


@dataclass(frozen=True, slots=True)
class Goodness:
    """Which end of a KPI's scale is the good one."""

    best: float = 1.0
    """The value that nothing is better than; where less is better, 0."""
    higher: bool = True

    def lack(self, value: Array) -> Array:
        """What values lack of the best; 0 or more."""
        return self.best - value if self.higher else value - self.best

    def value(self, lack: Array) -> Array:
        return self.best - lack if self.higher else self.best + lack


@dataclass(frozen=True, slots=True)
class Curve:
    """A KPI at three training sizes or more, ascending."""

    sizes: Array
    lacks: Array
    """What the KPI lacks of its best, [sizes]; mean over seeds."""
    draws: Array
    """The same as it might have come out, [draws, sizes]."""
    scale: Goodness
    rows: int | None = None
    """That were asked at every size; None where others measured it."""
    row_error: float = 0.0
    """Standard error, by the draw of rows, of the difference between the last two sizes."""
    seed_error: float = 0.0
    """The same by seeds."""

    @classmethod
    def of_seeds(
        cls,
        sizes: Sequence[int],
        values: Sequence[Array],
        resampled: Sequence[Array],
        scale: Goodness,
        rows: int,
        lines: int,
        span: float = 1.0,
        seed: int = 0,
    ) -> "Curve":
        """From the values of each size's seeds, [seeds], and those values on resampled rows, [draws, seeds].

        All sizes' draws are of the same resamples of `lines`, rows or groups of rows, and have Student's t of so many. Sizes that
        no resample tells apart still leave room for one line of the KPI's `span` that does. The variance between seeds is what
        their values show, less what the draw of rows adds to the differences between them, pooled over sizes; it has Student's t,
        too. Without a second seed of any size it is taken as 0.
        """
        df = sum(len(each) - 1 for each in values)
        shown = sum(float(np.sum((each - each.mean()) ** 2)) for each in values)
        by_rows = sum(float(np.var(each - each.mean(axis=1, keepdims=True), axis=0).sum()) for each in resampled)
        variances = np.array([max(0.0, shown - by_rows) / max(df, 1) / len(each) for each in values])
        found, of_rows = (
            np.array([each.mean() for each in values]),
            np.column_stack([each.mean(axis=1) for each in resampled]),
        )
        rng = np.random.default_rng(seed)
        if lines > 1:
            wider = math.sqrt(lines / (lines - 1)) * _student(lines - 1, len(of_rows), rng)
            of_rows = found + wider * (of_rows - of_rows.mean(axis=0))
        apart = (of_rows - of_rows.mean(axis=1, keepdims=True)).std(axis=0)
        unseen = np.where(apart <= 1e-9 * span, span / lines / math.sqrt(2), 0.0)
        of_rows = of_rows + unseen * rng.standard_normal(of_rows.shape)
        noise = _student(df, len(of_rows), rng) * rng.standard_normal(of_rows.shape) * np.sqrt(variances)
        draws = of_rows + noise
        return cls(
            sizes=np.asarray(sizes, dtype=float),
            lacks=scale.lack(found),
            draws=scale.lack(draws),
            scale=scale,
            rows=rows,
            row_error=float(np.std(of_rows[:, -1] - of_rows[:, -2], ddof=1)),
            seed_error=math.sqrt(variances[-1] + variances[-2]),
        )

    def interval(self, level: float = 0.95) -> tuple[Array, Array]:
        """Lower and upper bound of the KPI at each size, [sizes] each, with the variance between seeds pooled over sizes."""
        ends = np.quantile(self.scale.value(self.draws), [(1 - level) / 2, (1 + level) / 2], axis=0)
        return ends[0], ends[1]

    @property
    def errors(self) -> Array:
        """Standard error of each point beside what all points have in common, as the difficulty of the rows asked; [sizes]."""
        free = self.draws - self.draws.mean(axis=1, keepdims=True)
        errors = free.std(axis=0, ddof=1) * math.sqrt(len(self.sizes) / (len(self.sizes) - 1))
        least = 1e-4 * max(float(self.lacks.max()), 1e-9)
        return np.asarray(np.maximum(errors, least))  # also of points that never differ

    @property
    def fall(self) -> tuple[float, float] | None:
        """Two sizes, the larger of which is worse beyond noise: of several the clearest. None where nothing falls so far."""
        differences = self.draws[:, None, :] - self.draws[:, :, None]  # [draws, earlier, later]
        errors = np.maximum(differences.std(axis=0, ddof=1), 1e-12)
        chance = np.triu((differences - differences.mean(axis=0)) / errors, 1).max(axis=(1, 2))
        worse = np.triu((self.lacks[None, :] - self.lacks[:, None]) / errors, 1)
        earlier, later = np.unravel_index(int(worse.argmax()), worse.shape)
        clear = worse[earlier, later] > max(FALL, float(np.quantile(chance, BEYOND_NOISE)))
        return (float(self.sizes[earlier]), float(self.sizes[later])) if clear else None

    @property
    def detectable(self) -> float:
        """The smallest gain between two sizes that as many rows and seeds show with 80 % power."""
        return Z_POWER * math.hypot(self.row_error, self.seed_error)

    def rows_needed(self, gain: float) -> float | None:
        """Rows to ask from which a gain shows with 80 % power: infinite where seeds alone differ by more, None where
        it is not known how many were asked."""
        left = gain**2 - (Z_POWER * self.seed_error) ** 2
        if self.rows is None:
            return None
        return self.rows * (Z_POWER * self.row_error) ** 2 / left if left > 0 else math.inf


def _student(df: int, draws: int, rng: np.random.Generator) -> Array:
    """By how much each draw's deviation is wider or narrower, [draws, 1], so that normal draws become Student's t."""
    return np.asarray(np.sqrt(df / rng.chisquare(df, (draws, 1)))) if df else np.ones((draws, 1))
