"""Laws of learning curves, fitted to what a KPI lacks of its best at several training sizes.

    pow3        e(n) = c + a · n^−α                                     (Cortes et al. 1993; Viering & Loog 2021, 2103.10948)
    pow4        e(n) = c + a · (n + d)^−α
    rectified   e(n) = c + a / (d + n^β)                                (Lin et al. 2024, 2402.02314, with its outer exponent 1)

c ≥ 0 is what no number of examples takes away, a ≥ 0. Given the exponent (and d) each law is linear in c and a, so the fit is
exact there and the rest is a grid: every fit finds its best, and a thousand resampled curves are fitted at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Law = Literal["pow3", "pow4", "rectified"]
LAWS: tuple[Law, ...] = get_args(Law)

EXPONENTS = np.geomspace(0.05, 2.0, 40)
OFFSETS = np.array([0.0, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
"""Of pow4 and the rectified law, in units of the smallest size."""
LIKELY, ROUNDS = 24, 4
"""How many shapes are looked at closely, and how often they are reweighted: the soft L1 loss has settled by then."""


@dataclass(frozen=True, slots=True)
class Fit:
    """The best member of a law for each of several curves."""

    law: Law
    start: float
    floor: Array
    """c [curves]"""
    drop: Array
    """a [curves], at the smallest size"""
    shape: NDArray[np.intp]
    """Which of the law's grid, [curves]."""

    def at(self, sizes: Array) -> Array:
        """e at these sizes, [curves, sizes]."""
        return self.floor[:, None] + self.drop[:, None] * _shapes(self.law, self.start)(sizes)[self.shape]


def fit(law: Law, sizes: Array, lacks: Array, errors: Array) -> Fit:
    """The law for each curve of `lacks` [curves, sizes], whose points have the standard errors `errors` [sizes], all above 0.

    Least squares finds the likeliest shapes of the grid; of these, by iterated reweighting, the one with the smallest soft L1
    loss of standardised residuals, ρ(z²) = 2(√(1 + z²) − 1), is the fit.
    """
    grid = _shapes(law, float(sizes[0]))(sizes)
    weights = errors**-2.0
    x, xx = grid @ weights, grid**2 @ weights
    y, yy, xy = lacks @ weights, lacks**2 @ weights, (lacks * weights) @ grid.T
    total = weights.sum()
    floor, drop = _line(total, x, y[:, None], xx, xy)
    squares = floor**2 * total + drop**2 * xx + 2 * (floor * drop * x - floor * y[:, None] - drop * xy) + yy[:, None]
    likely = np.argpartition(squares, LIKELY, axis=1)[:, :LIKELY]
    shape, points = grid[likely], lacks[:, None]
    floor, drop = (np.take_along_axis(each, likely, 1) for each in (floor, drop))
    for _ in range(ROUNDS):
        z2 = ((floor[..., None] + drop[..., None] * shape - points) / errors) ** 2
        w = weights / np.sqrt(1 + z2)
        wx = w * shape
        floor, drop = _line(w.sum(-1), wx.sum(-1), (w * points).sum(-1), (wx * shape).sum(-1), (wx * points).sum(-1))
    z2 = ((floor[..., None] + drop[..., None] * shape - points) / errors) ** 2
    best = (np.sqrt(1 + z2) - 1).sum(-1).argmin(1)
    curves = np.arange(len(lacks))
    return Fit(law, float(sizes[0]), floor[curves, best], drop[curves, best], likely[curves, best])


def _line(total: Array, x: Array, y: Array, xx: Array, xy: Array) -> tuple[Array, Array]:
    """c and a of weighted least squares for y ≈ c + a·x, both ≥ 0, from the sums of weights, w·x, w·y, w·x² and w·x·y."""
    spread = total * xx - x**2
    drop = np.maximum((total * xy - x * y) / np.maximum(spread, 1e-12 * total * xx), 0.0)
    floor = (y - drop * x) / total
    return np.maximum(floor, 0.0), np.where(floor < 0, np.maximum(xy / xx, 0.0), drop)


def _shapes(law: Law, start: float) -> Callable[[Array], Array]:
    """The function of sizes [k] that gives every shape of the law's grid, [shapes, k], each 1 at `start`."""
    if law == "pow3":
        return lambda n: np.asarray((n / start) ** -EXPONENTS[:, None])
    exponents, offsets = (grid.ravel()[:, None] for grid in np.meshgrid(EXPONENTS, OFFSETS))
    if law == "pow4":
        return lambda n: np.asarray(((n / start + offsets) / (1 + offsets)) ** -exponents)
    return lambda n: np.asarray((1 + offsets) / (offsets + (n / start) ** exponents))
