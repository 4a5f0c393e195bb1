"""The laws: each finds itself again, one odd point does not bend it, and what no examples take away is never negative."""

import numpy as np
import pytest
from scipy.optimize import least_squares

from sartor.curve.laws import EXPONENTS, LAWS, OFFSETS, fit

SIZES = np.array([250.0, 500, 1_000, 1_500, 2_000, 3_000])
FAR = np.array([500.0, 6_000, 24_000])
ERRORS = np.full(len(SIZES), 0.01)


def member(law, sizes, floor=0.12, drop=0.4, exponent=EXPONENTS[25], offset=OFFSETS[2]):
    n = sizes / SIZES[0]
    shape = {
        "pow3": n**-exponent,
        "pow4": ((n + offset) / (1 + offset)) ** -exponent,
        "rectified": (1 + offset) / (offset + n**exponent),
    }
    return floor + drop * shape[law]


@pytest.mark.parametrize("law", LAWS)
def test_a_law_finds_its_own_curve_and_tells_it_far_beyond(law):
    found = fit(law, SIZES, member(law, SIZES)[None], ERRORS)
    assert found.at(FAR)[0] == pytest.approx(member(law, FAR), abs=1e-4)


def test_pow3_is_scipy_s_soft_l1_fit():
    rng = np.random.default_rng(5)
    for _ in range(5):
        noisy = member("pow3", SIZES) + 0.01 * rng.standard_normal(len(SIZES))

        def residuals(c, noisy=noisy):
            return (c[0] + c[1] * (SIZES / SIZES[0]) ** -c[2] - noisy) / ERRORS

        bounds = ([0, 0, EXPONENTS[0]], [1, 2, EXPONENTS[-1]])
        theirs = least_squares(residuals, [0.1, 0.4, 0.5], bounds=bounds, loss="soft_l1", xtol=1e-12, ftol=1e-12)
        ours = fit("pow3", SIZES, noisy[None], ERRORS)
        z2 = residuals([ours.floor[0], ours.drop[0], EXPONENTS[ours.shape[0]]]) ** 2
        assert np.sum(np.sqrt(1 + z2) - 1) == pytest.approx(theirs.cost, rel=0.02), "the grid costs less than 2 %"
        assert ours.at(SIZES)[0] == pytest.approx(
            theirs.x[0] + theirs.x[1] * (SIZES / SIZES[0]) ** -theirs.x[2], abs=2e-3
        )


@pytest.mark.parametrize("law", LAWS)
def test_one_point_that_went_wrong_moves_the_forecast_less_than_least_squares_would(law):
    right, odd = member(law, SIZES), member(law, SIZES)
    odd[3] += 0.15
    found = fit(law, SIZES, odd[None], ERRORS).at(SIZES)[0]
    moved = abs(found - right).mean()
    assert moved < 0.02


@pytest.mark.parametrize("law", LAWS)
def test_nothing_falls_below_zero_or_rises_with_examples(law):
    rng = np.random.default_rng(2)
    found = fit(law, SIZES, rng.uniform(0, 0.5, (200, len(SIZES))), ERRORS)
    ahead = found.at(np.geomspace(250, 1e6, 30))
    assert (ahead >= 0).all()
    assert (np.diff(ahead) <= 1e-12).all()


@pytest.mark.parametrize("law", LAWS)
def test_many_curves_at_once_are_fitted_as_each_alone(law):
    curves = member(law, SIZES) + 0.02 * np.random.default_rng(3).standard_normal((20, len(SIZES)))
    together = fit(law, SIZES, curves, ERRORS).at(FAR)
    alone = [fit(law, SIZES, curve[None], ERRORS).at(FAR)[0] for curve in curves]
    assert together == pytest.approx(np.array(alone))
