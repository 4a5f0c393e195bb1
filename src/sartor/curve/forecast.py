"""What a KPI would be at other training sizes, from a measured curve.

Each law is fitted to every draw of the curve, and their forecasts are pooled: one law alone is too sure of itself (in the
simulation of `bench/curve.py` the 90 % band of pow3 covers 72 to 88 % of the truths, the pooled one 89 to 94 %).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from sartor.curve.laws import LAWS, Array, Fit, Law, fit
from sartor.curve.points import Curve

LEVEL = 0.9
"""Of a band: so much of the draws lies in it."""
TRIED = 4.0
"""Times the largest size: as far as forecasts were held against truths."""
FAR = 100.0
"""Times the largest size: what is not reached by then is not reached."""
_STEPS = 400


@dataclass(frozen=True, slots=True)
class Band:
    """The median of a forecast, and between which bounds `LEVEL` of it lies."""

    low: float
    value: float
    high: float


@dataclass(frozen=True, slots=True)
class Reach:
    """How many examples reach a goal: median and band, infinite where the goal is not reached."""

    goal: float
    labels: Band
    share: float
    """Of the draws, those in which it is reached at all."""


@dataclass(frozen=True)
class Forecast:
    """Laws fitted to a curve."""

    curve: Curve

    @cached_property
    def fits(self) -> dict[Law, Fit]:
        """Each law, fitted to every draw."""
        return {law: fit(law, self.curve.sizes, self.curve.draws, self.curve.errors) for law in LAWS}

    def at(self, size: float) -> Band:
        """The KPI after so many examples."""
        return _band(self.curve.scale.value(self._lacks(size)[:, 0]))

    def by_law(self, size: float) -> dict[Law, float]:
        """The median of each law by itself."""
        sizes, scale = np.array([size]), self.curve.scale
        return {law: float(np.median(scale.value(fitted.at(sizes)))) for law, fitted in self.fits.items()}

    def gain(self, size: float, larger: float) -> Band:
        """By how much the KPI is better at a larger size; never less than 0, since no law falls."""
        lacks = self._lacks(size, larger)
        return _band(lacks[:, 0] - lacks[:, 1])

    def labels_for(self, goal: float) -> Reach:
        """How many examples reach a goal for the KPI."""
        sizes = np.geomspace(self.curve.sizes[0], FAR * self.curve.sizes[-1], _STEPS)
        reached = self._lacks(*sizes) <= self.curve.scale.lack(np.array(goal))
        needed = np.where(reached.any(axis=1), sizes[reached.argmax(axis=1)], math.inf)
        return Reach(goal, _band(needed), float(np.isfinite(needed).mean()))

    def _lacks(self, *sizes: float) -> Array:
        """[laws · draws, sizes]"""
        return np.concatenate([fitted.at(np.array(sizes)) for fitted in self.fits.values()])


def _band(draws: Array) -> Band:
    ends = ((1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2)
    return Band(*(float(end) for end in np.quantile(draws, ends, method="inverted_cdf")))  # of draws, some infinite
