"""Are forecasts of a learning curve, and the stop rule, to be trusted? Known curves with noise like that of real ones.

Each truth is drawn from four families: the three laws that are fitted and one that is not (a stretched exponential), with the
share that is never learned, the speed and the first size's error drawn too. A simulated run asks `ROWS` validation rows at
every size; the same rows, so that most of their luck is common to all sizes.

    python bench/curve.py [--curves 500] [--processes 2]

The result is a table, and bench/results/curve.json
"""

import argparse
import math
from collections import Counter, defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from statistics import fmean, median

import numpy as np

from record import record, row
from sartor.curve.forecast import TRIED, Forecast
from sartor.curve.ladder import POINTS, ladder
from sartor.curve.points import Curve, Goodness
from sartor.curve.stop import Prices, decide

ROWS, DRAWS = 300, 300
FAR = (TRIED, 20.0)
"""How many times the largest size forecasts look ahead."""
COMMON = 0.7
"""Of the variance by rows, the share that all sizes have in common: a hard row is hard for every specialist."""
SEED_DEVIATIONS = (0.005, 0.025)
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


def forecasts(curves: int, sizes: list[int], seeds: int) -> dict[float, Found]:
    """How far forecasts at so many times the largest size are off, and how often the band covers the truth."""
    off = {far: defaultdict[str, list[float]](list) for far in FAR}
    covered = {far: defaultdict[str, list[bool]](list) for far in FAR}
    widths, falling = {far: list[float]() for far in FAR}, 0
    for i in range(curves):
        rng = np.random.default_rng(i)
        of = truth(rng)
        curve = Measured(of, seeds, rng).curve(sizes)
        falling += curve.fall is not None
        forecast = Forecast(curve)
        for far in FAR:
            size = far * sizes[-1]
            right, band = 1 - of(size), forecast.at(size)
            covered[far]["pooled"].append(band.low <= right <= band.high)
            widths[far].append(band.high - band.low)
            off[far]["pooled"].append(abs(band.value - right))
            off[far]["carry-forward"].append(abs(1 - curve.lacks[-1] - right))
            for law, fitted in forecast.fits.items():
                low, value, high = np.quantile(1 - fitted.at(np.array([size])), [0.05, 0.5, 0.95])
                off[far][law].append(abs(value - right))
                covered[far][law].append(bool(low <= right <= high))
    return {
        far: {
            **{f"90 % band covers the truth, {n}": (100 * fmean(each), "%") for n, each in covered[far].items()},
            **{f"median error, {name}": (100 * median(each), "points") for name, each in off[far].items()},
            "median width of the band": (100 * median(widths[far]), "points"),
            "called falling": (100 * falling / curves, "%"),
        }
        for far in FAR
    }


class Stops:
    """What the rule said at one price, and what would have been right."""

    def __init__(self, worth: float) -> None:
        self._worth, self._words = worth, Counter[str]()
        self._curves, self._wrong, self._needless = 0, 0, 0
        self._saved, self._lost = list[float](), list[float]()

    def simulate(self, of: Truth, forecast: Callable[[int], Forecast]) -> None:
        """Up the ladder of one truth; `forecast` is what its first so many sizes say."""
        self._curves += 1
        sizes, prices = ladder(5_000), Prices(label=LABEL, worth=self._worth)

        def net(size: float, then: float) -> float:
            return (of(size) - of(then)) * self._worth - (then - size) * LABEL

        for rung in range(POINTS, len(sizes) + 1):
            size = sizes[rung - 1]
            if forecast(rung).curve.fall:
                continue
            word = decide(forecast(rung), AFFORDABLE, 500, prices).word
            self._words[word] += 1
            best = max(net(size, then) for then in np.geomspace(size + 500, AFFORDABLE, 30))
            self._needless += word == "CONTINUE" and best <= 0
            if word == "STOP":
                self._wrong += net(size, AFFORDABLE) > 0
                self._lost += [best] if best > 0 else []
                self._saved.append(AFFORDABLE - size)
                break

    @property
    def found(self) -> Found:
        decisions, stopped, words = self._words.total(), self._words["STOP"], self._words
        return {
            "curves stopped": (100 * stopped / self._curves, "%"),
            "of stops, all affordable rows would have paid": (100 * self._wrong / max(stopped, 1), "%"),
            "of stops, a smaller purchase would have paid": (100 * len(self._lost) / max(stopped, 1), "%"),
            "what that lost, median": (median(self._lost or [0.0]), "money"),
            "of continues, no purchase would have paid": (100 * self._needless / max(words["CONTINUE"], 1), "%"),
            "of decisions, CONTINUE": (100 * words["CONTINUE"] / decisions, "%"),
            "of decisions, INCONCLUSIVE": (100 * words["INCONCLUSIVE"] / decisions, "%"),
            "labels saved a stop, mean": (fmean(self._saved or [0.0]), "labels"),
        }


def stops(curves: int, seeds: int) -> dict[float, Found]:
    """The sequential rule along the default ladder of 5,000 rows, at each price."""
    by_price, sizes = {worth: Stops(worth) for worth in WORTHS}, ladder(5_000)
    for i in range(curves):
        rng = np.random.default_rng(i)
        of = truth(rng)
        measured = Measured(of, seeds, rng)
        forecast = cache(lambda rung, measured=measured: Forecast(measured.curve(sizes[:rung])))
        for each in by_price.values():
            each.simulate(of, forecast)
    return {worth: each.found for worth, each in by_price.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    rows = []
    ladders = [[250, 500, 1_000], [125, 250, 500, 1_000], ladder(2_000), ladder(5_000)]
    measured = [*((each, 2) for each in ladders), (ladders[-1], 3)]
    with ProcessPoolExecutor(asked.processes) as pool:
        stopped = {seeds: pool.submit(stops, asked.curves, seeds) for seeds in (2, 3)}
        looked = [pool.submit(forecasts, asked.curves, *each) for each in measured]
        for (sizes, seeds), ahead in zip(measured, looked, strict=True):
            for far, found in ahead.result().items():
                name = f"{', '.join(f'{size:,}' for size in sizes)}; {seeds} seeds; {far:g} times the largest"
                rows += [row(name, what, *each) for what, each in found.items()]
        for seeds, priced in stopped.items():
            for worth, found in priced.result().items():
                name = f"a point is worth {worth / 100:,.0f}; {seeds} seeds"
                rows += [row(name, what, *each) for what, each in found.items()]
    record("curve", rows, {}, curves=asked.curves, draws=DRAWS)


if __name__ == "__main__":
    main()
