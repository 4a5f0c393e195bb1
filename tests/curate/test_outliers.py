"""Strangers stand out, alone or in a clump."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.curate.conftest import cloud, unit

from sartor.curate.neighbours import nearest
from sartor.curate.outliers import distance_to_classes, distance_to_rows, outliers


def test_scattered_strangers_are_far_from_all_rows() -> None:
    vectors, _ = cloud(300, 4, spread=0.1, seed=0)
    strangers = -vectors[:4]
    found = outliers(distance_to_rows(nearest(np.vstack([vectors, strangers]))))
    assert (found[300:] >= 3.5).all() and (found[:300] >= 3.5).mean() < 0.05
    assert found[300:].min() > found[:300].max()


def test_a_clump_of_strangers_under_any_labels_is_far_from_all_classes() -> None:
    vectors, labels = cloud(300, 4, spread=0.1, seed=0)
    clump = unit(-vectors[:1] + 0.1 * np.random.default_rng(1).normal(size=(40, 16)))
    distances = distance_to_classes(np.vstack([vectors, clump]), np.append(labels, np.arange(40) % 4))
    assert distances[300:].min() > distances[:300].max()


def test_a_class_of_one_row_does_not_vouch_for_it() -> None:
    vectors, labels = cloud(40, 2, spread=0.1, seed=0)
    distances = distance_to_classes(np.vstack([vectors, -vectors[:1]]), np.append(labels, 2))
    assert distances.argmax() == 40 and distances[40] >= 1


def test_rows_all_alike_are_no_outliers() -> None:
    same = np.tile(np.array([[1, 0]], dtype=np.float32), (30, 1))
    assert (outliers(distance_to_rows(nearest(same))) < 3.5).all()


@given(st.lists(st.floats(0, 2), min_size=1, max_size=50))
def test_scores_keep_the_order_of_distances(distances: list[float]) -> None:
    values = np.array(distances)
    assert np.all(np.diff(outliers(values)[np.argsort(values, kind="stable")]) >= 0)
