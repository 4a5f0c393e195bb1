"""A measured curve: what is uncertain of it, and when it is called falling."""

import math

import numpy as np
import pytest

from sartor.curve.points import Curve, Goodness
from sartor.scale import Z_POWER

SIZES = [100, 200, 400, 800]


def measured(rng, seeds=3, rows=200, between=0.0, means=(0.6, 0.7, 0.76, 0.8), draws=4_000):
    """Seeds of each size: values, and those on resampled rows; a row is as hard for all sizes, seeds differ by `between`."""
    values, resampled = [], []
    ease, weights = rng.standard_normal(rows), rng.multinomial(rows, np.full(rows, 1 / rows), draws) / rows
    for mean in means:
        ability = np.quantile(ease, 1 - mean) - between * rng.standard_normal((seeds, 1))
        right = (ease + 0.5 * rng.standard_normal((seeds, rows)) > ability).astype(float)
        values.append(right.mean(axis=1))
        resampled.append(weights @ right.T)
    return values, resampled


def test_what_seeds_differ_by_is_what_the_rows_do_not_explain():
    rng = np.random.default_rng(0)
    alike, apart = [], []
    for _ in range(40):
        alike.append(Curve.of_seeds(SIZES, *measured(rng, draws=400), Goodness(), 200, 200).seed_error)
        apart.append(Curve.of_seeds(SIZES, *measured(rng, between=0.3, draws=400), Goodness(), 200, 200).seed_error)
    assert np.median(alike) < 0.015 < 0.04 < np.median(apart)


def test_draws_spread_as_values_do_over_new_rows_and_seeds():
    rng = np.random.default_rng(1)
    seen = np.array([[each.mean() for each in measured(rng, between=0.2, draws=2)[0]] for _ in range(600)])
    curve = [Curve.of_seeds(SIZES, *measured(rng, between=0.2, draws=300), Goodness(), 200, 200) for _ in range(60)]
    spread = np.mean([np.var(each.draws, axis=0) for each in curve], axis=0)
    assert (spread > 0.9 * np.var(seen, axis=0)).all()
    assert (spread < 2 * np.var(seen, axis=0)).all(), "wider by what is not known of how seeds differ"


def test_intervals_of_two_seeds_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(6)
    truth = np.mean([[each.mean() for each in measured(rng, between=0.2, draws=2)[0]] for _ in range(800)], axis=0)
    held = []
    for _ in range(100):
        low, high = Curve.of_seeds(SIZES, *measured(rng, 2, between=0.2, draws=400), Goodness(), 200, 200).interval()
        held.append((low <= truth) & (truth <= high))
    assert 0.91 < np.mean(held) < 0.99


def test_the_same_rows_make_a_gain_surer_than_its_points_are():
    values, resampled = measured(np.random.default_rng(2), draws=4_000)
    curve = Curve.of_seeds(SIZES, values, resampled, Goodness(), 200, 200)
    apart = math.hypot(*np.std(curve.draws[:, -2:], axis=0))
    assert np.std(curve.draws[:, -1] - curve.draws[:, -2]) < 0.8 * apart
    assert (curve.errors < np.std(curve.draws, axis=0)).all()


def test_a_clear_fall_is_named_and_noise_is_not():
    rng = np.random.default_rng(3)
    rising = Curve.of_seeds(SIZES, *measured(rng), Goodness(), 200, 200)
    falling = Curve.of_seeds(SIZES, *measured(rng, means=(0.6, 0.8, 0.62, 0.81)), Goodness(), 200, 200)
    assert rising.fall is None
    assert falling.fall == (200, 400)


def test_where_less_is_better_what_lacks_is_the_value_itself():
    values, resampled = measured(np.random.default_rng(4))
    up = Curve.of_seeds(SIZES, values, resampled, Goodness(), 200, 200)
    down = Curve.of_seeds(
        SIZES, [1 - v for v in values], [1 - r for r in resampled], Goodness(0.0, higher=False), 200, 200
    )
    assert down.lacks == pytest.approx(up.lacks)
    assert down.fall is None
    assert down.scale.value(down.lacks) == pytest.approx(1 - up.scale.value(up.lacks))


def test_rows_to_ask_grow_as_gains_get_smaller_and_do_not_outweigh_seeds():
    curve = Curve(np.array([1.0, 2, 3]), np.ones(3), np.ones((2, 3)), Goodness(), 100, row_error=0.02, seed_error=0.01)
    assert curve.detectable == pytest.approx(Z_POWER * math.hypot(0.02, 0.01))
    assert curve.rows_needed(curve.detectable) == pytest.approx(100)
    assert curve.rows_needed(0.04) > 100 > curve.rows_needed(0.1)
    assert curve.rows_needed(0.02) == math.inf


@pytest.mark.parametrize("lines", [1, 20])
def test_points_that_are_all_alike_are_not_sure(lines):
    flat = Curve.of_seeds(SIZES, [np.array([0.5, 0.5])] * 4, [np.full((900, 2), 0.5)] * 4, Goodness(), 20, lines)
    assert flat.fall is None
    assert np.std(flat.draws[:, -1] - flat.draws[:, -2]) == pytest.approx(1 / lines, rel=0.1)
    assert flat.detectable > 2 / lines


def test_few_lines_make_wider_draws():
    values, resampled = measured(np.random.default_rng(6))
    many, few = (Curve.of_seeds(SIZES, values, resampled, Goodness(), 200, lines) for lines in (200, 5))
    assert (few.draws.std(axis=0) > 1.2 * many.draws.std(axis=0)).all()


@pytest.mark.parametrize("sizes", [3, 7])
def test_a_plateau_is_seldom_called_falling(sizes):
    rng = np.random.default_rng(7)
    ladder, means = list(range(100, 100 * sizes + 1, 100)), (0.8,) * sizes
    curves = (
        Curve.of_seeds(ladder, *measured(rng, 2, 300, 0.05, means, 300), Goodness(), 300, 300) for _ in range(150)
    )
    assert sum(curve.fall is not None for curve in curves) <= 10
