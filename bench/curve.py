"""Are forecasts of a learning curve, and the stop rule, to be trusted? Known curves with noise like that of real ones.

Each truth is drawn from four families: the three laws that are fitted and one that is not (a stretched exponential), with the
share that is never learned, the speed and the first size's error drawn too. A simulated run asks `ROWS` validation rows at
every size; the same rows, so that most of their luck is common to all sizes.

    python bench/curve.py [--curves 500]

The result is a table, and bench/results/curve.json
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from statistics import fmean, median

import numpy as np

from record import record, row
from sartor.curve.forecast import TRIED, Forecast
from sartor.curve.ladder import POINTS, ladder
from sartor.curve.points import Curve, Goodness
from sartor.curve.stop import Prices, decide

ROWS, DRAWS = 300, 300
COMMON = 0.7
"""Of the variance by rows, the share that all sizes have in common: a hard row is hard for every specialist."""
SEED_DEVIATIONS = (0.005, 0.02)
FIRST = 125.0
AFFORDABLE = 20_000
LABEL = 1.5
WORTHS = (20_000.0, 100_000.0, 500_000.0)
"""Of the KPI's whole range: a point is worth 200, 1,000 and 5,000."""

Truth = Callable[[float], float]


def truth(rng: np.random.Generator) -> Truth:
    """A curve: the error after so many examples."""
    family = str(rng.choice(["pow3", "pow4", "rectified", "exponential"]))
    floor = rng.uniform(0, 0.3)
    first = rng.uniform(floor + 0.15, min(0.95, floor + 0.8))
    alpha, offset = rng.uniform(0.25, 1.1), rng.uniform(0, 4)
    width, speed = rng.uniform(0.2, 0.6), rng.uniform(0.3, 1.5)
    shape: dict[str, Truth] = {
        "pow3": lambda n: (n / FIRST) ** -alpha,
        "pow4": lambda n: ((n / FIRST + offset) / (1 + offset)) ** -alpha,
        "rectified": lambda n: (1 + offset) / (offset + (n / FIRST) ** alpha),
        "exponential": lambda n: math.exp(-speed * ((n / FIRST) ** width - 1)),
    }
    return lambda n: floor + (first - floor) * shape[family](n)


class Measured:
    """What one simulated experiment sees of a truth, at any size and again the same."""

    def __init__(self, of: Truth, seeds: int, rng: np.random.Generator) -> None:
        self._of, self._seeds, self._rng = of, seeds, rng
        self._deviation = rng.uniform(*SEED_DEVIATIONS)
        self._luck = rng.standard_normal()
        self._resampled = rng.standard_normal((DRAWS, 1))
        self._points = dict[int, tuple[np.ndarray, np.ndarray]]()

    def _point(self, size: int) -> tuple[np.ndarray, np.ndarray]:
        if size not in self._points:
            error, rng = self._of(size), self._rng
            by_rows = math.sqrt(error * (1 - error) / ROWS)
            own, common = math.sqrt(1 - COMMON), math.sqrt(COMMON)
            values = (
                error
                + by_rows * (common * self._luck + own * rng.standard_normal())
                + self._deviation * rng.standard_normal(self._seeds)
            )
            again = by_rows * (common * self._resampled + own * rng.standard_normal((DRAWS, 1)))
            self._points[size] = np.clip(values, 0, 1), np.clip(values + again, 0, 1)
        return self._points[size]

    def curve(self, sizes: list[int]) -> Curve:
        points = [self._point(size) for size in sizes]
        return Curve.of_seeds(sizes, [1 - v for v, _ in points], [1 - d for _, d in points], Goodness(), ROWS, ROWS)


Found = dict[str, tuple[float, str]]
"""By what was measured: value and unit."""


def forecasts(curves: int, sizes: list[int], seeds: int, far: float) -> Found:
    """How far forecasts at `far` times the largest size are off, and how often the band covers the truth."""
    off, covered, widths, falling = defaultdict[str, list[float]](list), defaultdict[str, list[bool]](list), [], 0
    for i in range(curves):
        rng = np.random.default_rng(i)
        of = truth(rng)
        curve = Measured(of, seeds, rng).curve(sizes)
        falling += curve.fall is not None
        size, forecast = far * sizes[-1], Forecast(curve)
        right, band = 1 - of(size), forecast.at(size)
        covered["pooled"].append(band.low <= right <= band.high)
        widths.append(band.high - band.low)
        off["pooled"].append(abs(band.value - right))
        off["carry-forward"].append(abs(1 - curve.lacks[-1] - right))
        for law, fitted in forecast.fits.items():
            low, value, high = np.quantile(1 - fitted.at(np.array([size])), [0.05, 0.5, 0.95])
            off[law].append(abs(value - right))
            covered[law].append(bool(low <= right <= high))
    return {
        **{f"90 % band covers the truth, {name}": (100 * fmean(each), "%") for name, each in covered.items()},
        **{f"median error, {name}": (100 * median(each), "points") for name, each in off.items()},
        "median width of the band": (100 * median(widths), "points"),
        "called falling": (100 * falling / curves, "%"),
    }


def stops(curves: int, seeds: int, worth: float, affordable: int) -> Found:
    """The sequential rule along the default ladder of 5,000 rows: what it said, and what would have been right."""
    words, wrong, early, needless = Counter[str](), 0, 0, 0
    saved, lost = list[float](), list[float]()
    for i in range(curves):
        rng = np.random.default_rng(i)
        of, sizes = truth(rng), ladder(5_000)
        measured, prices = Measured(of, seeds, rng), Prices(label=LABEL, worth=worth)

        def net(size: float, then: float, of: Truth = of) -> float:
            return (of(size) - of(then)) * worth - (then - size) * LABEL

        for rung in range(POINTS, len(sizes) + 1):
            size, curve = sizes[rung - 1], measured.curve(sizes[:rung])
            if curve.fall:
                continue
            word = decide(Forecast(curve), affordable, 500, prices).word
            words[word] += 1
            best = max(net(size, then) for then in np.geomspace(size + 500, affordable, 30))
            needless += word == "CONTINUE" and best <= 0
            if word == "STOP":
                wrong += net(size, affordable) > 0
                early += best > 0
                lost += [best] if best > 0 else []
                saved.append(affordable - size)
                break
    decisions, stopped = words.total(), words["STOP"]
    return {
        "curves stopped": (100 * stopped / curves, "%"),
        "of stops, all affordable rows would have paid": (100 * wrong / max(stopped, 1), "%"),
        "of stops, a smaller purchase would have paid": (100 * early / max(stopped, 1), "%"),
        "what that lost, median": (median(lost or [0.0]), "money"),
        "of continues, no purchase would have paid": (100 * needless / max(words["CONTINUE"], 1), "%"),
        "of decisions, CONTINUE": (100 * words["CONTINUE"] / decisions, "%"),
        "of decisions, INCONCLUSIVE": (100 * words["INCONCLUSIVE"] / decisions, "%"),
        "labels saved a stop, mean": (fmean(saved or [0.0]), "labels"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=500)
    asked = parser.parse_args()
    rows = []
    ladders = [[250, 500, 1_000], [125, 250, 500, 1_000], ladder(2_000), ladder(5_000)]
    for sizes, seeds in [*((each, 2) for each in ladders), (ladders[-1], 3)]:
        for far in (TRIED, 20.0):
            name = f"{', '.join(f'{size:,}' for size in sizes)}; {seeds} seeds; {far:g} times the largest"
            rows += [row(name, what, *found) for what, found in forecasts(asked.curves, sizes, seeds, far).items()]
    for worth in WORTHS:
        for seeds in (2, 3):
            name = f"a point is worth {worth / 100:,.0f}; {seeds} seeds"
            rows += [row(name, what, *found) for what, found in stops(asked.curves, seeds, worth, AFFORDABLE).items()]
    record("curve", rows, {}, curves=asked.curves, draws=DRAWS)


if __name__ == "__main__":
    main()
