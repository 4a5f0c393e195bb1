"""Labels for the weakest classes: luck is taken off, and no other way to hand them out brings more."""

import numpy as np
import pytest

from sartor.curve.classes import allocate, shrunk


def test_classes_that_differ_by_chance_alone_are_drawn_together():
    rng = np.random.default_rng(0)
    asked = np.full(40, 10.0)
    lucky = rng.binomial(10, 0.3, 40).astype(float)
    assert np.std(shrunk(lucky, asked)) < 0.5 * np.std(lucky / asked)


def test_classes_that_truly_differ_stay_apart():
    asked = np.full(10, 200.0)
    wrong = np.array([5.0] * 5 + [120.0] * 5)
    found = shrunk(wrong, asked)
    assert found[:5].max() < 0.1 < 0.5 < found[5:].min()


def test_a_class_that_was_not_asked_is_as_all_are():
    found = shrunk(np.array([30.0, 0.0, 10.0]), np.array([100.0, 0.0, 100.0]))
    assert found[1] == pytest.approx(0.2)


def test_labels_go_to_the_weak_and_bring_more_than_at_random():
    errors, have, weights = np.array([0.05, 0.05, 0.6]), np.array([100.0, 100, 20]), np.full(3, 1 / 3)
    found = allocate(errors, have, weights, 100, lost=0.15)
    assert found.labels.sum() == pytest.approx(100)
    assert found.labels[2] > 80
    assert found.times > 1.5


def test_no_transfer_of_a_portion_brings_more():
    rng = np.random.default_rng(1)
    errors, have, weights = rng.uniform(0.05, 0.5, 8), rng.uniform(20, 200, 8), rng.dirichlet(np.ones(8))
    found = allocate(errors, have, weights, 400, lost=0.2)
    alpha = -np.log1p(-0.2) / np.log1p(400 / have.sum())

    def left(more):
        return float((weights * errors * (1 + more / have) ** -alpha).sum())

    for giver in range(8):
        for taker in range(8):
            moved = found.labels.copy()
            portion = min(10.0, moved[giver])
            moved[giver] -= portion
            moved[taker] += portion
            assert left(moved) >= left(found.labels) - 1e-4


def test_classes_that_are_alike_gain_nothing_by_aiming():
    found = allocate(np.full(4, 0.2), np.full(4, 50.0), np.full(4, 0.25), 100, lost=0.1)
    assert found.times == pytest.approx(1, abs=1e-3)


def test_a_curve_that_is_flat_has_nothing_to_aim_at():
    assert allocate(np.full(4, 0.2), np.full(4, 50.0), np.full(4, 0.25), 100, lost=0.0).times == 1
