"""Selections: nested, without repeats, deterministic; each does what it is named for."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.curate.conftest import cloud

from sartor.curate.neighbours import nearest
from sartor.curate.select import clusters, evenly, facility_location, hardest, k_center, longest, most_like

VECTORS, CLASSES = cloud(60, 5, spread=0.2, seed=0)
VECTORS[50:] = VECTORS[:10]
GRAPH = nearest(VECTORS, k=8)

WAYS: dict[str, Callable[[int, int], NDArray[np.int64]]] = {
    "longest": lambda size, seed: longest(np.arange(60) // 7, size),
    "k_center": lambda size, seed: k_center(VECTORS, size, seed),
    "facility_location": lambda size, seed: facility_location(GRAPH, size),
    "evenly": lambda size, seed: evenly(CLASSES, size, seed),
    "hardest": lambda size, seed: hardest(np.arange(60) / 40, size),
    "most_like": lambda size, seed: most_like(VECTORS, VECTORS[seed : seed + 3], size),
}


@pytest.mark.parametrize("way", WAYS)
@given(size=st.integers(0, 60), seed=st.integers(0, 5))
def test_rows_are_chosen_once_and_a_smaller_selection_begins_a_larger(way: str, size: int, seed: int) -> None:
    chosen, all_rows = WAYS[way](size, seed), WAYS[way](60, seed)
    np.testing.assert_array_equal(chosen, all_rows[:size])
    assert sorted(all_rows.tolist()) == list(range(60))


def test_longest_takes_the_longest_and_of_equals_the_first() -> None:
    assert longest(np.array([3, 9, 3, 9, 1]), 3).tolist() == [1, 3, 0]


def test_k_center_leaves_no_row_twice_as_far_as_it_must_be() -> None:
    vectors, _ = cloud(14, 3, spread=0.4, seed=2)
    distances = np.sqrt(np.maximum(2 - 2 * vectors @ vectors.T, 0))
    best = min(distances[:, list(centres)].min(axis=1).max() for centres in combinations(range(14), 3))
    for seed in range(5):
        assert distances[:, k_center(vectors, 3, seed)].min(axis=1).max() <= 2 * best + 1e-6


def test_facility_location_is_the_greedy_choice_without_laziness() -> None:
    cosines = np.eye(60)
    np.put_along_axis(cosines, GRAPH.rows, np.maximum(GRAPH.cosines, 0).astype(np.float64), axis=1)
    covered, plain = np.zeros(60), []
    for _ in range(20):
        gains = np.maximum(cosines - covered[:, None], 0).sum(axis=0)
        gains[plain] = -1
        plain.append(int(gains.argmax()))
        covered = np.maximum(covered, cosines[:, plain[-1]])
    lazy = facility_location(GRAPH, 20)
    assert cosines[:, lazy].max(axis=1).sum() == pytest.approx(cosines[:, plain].max(axis=1).sum(), rel=1e-6)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.data())
def test_evenly_gives_every_part_its_turn(parts: list[int], data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(parts)))
    held, had = (
        np.bincount(values, minlength=5) for values in (np.array(parts)[evenly(np.array(parts), size, 0)], parts)
    )
    short = held < had
    assert not short.any() or held.max() <= held[short].min() + 1


def test_clusters_find_what_lies_together_and_a_seed_repeats_them() -> None:
    vectors, truth = cloud(200, 4, spread=0.05, seed=3)
    found = clusters(vectors, 4, seed=0)
    assert all(len(set(found[truth == part])) == 1 for part in range(4)) and len(set(found)) == 4
    np.testing.assert_array_equal(found, clusters(vectors, 4, seed=0))


def test_hardest_first_but_what_the_question_does_not_help_with_last() -> None:
    assert hardest(np.array([0.2, 1.5, 0.9, 1.0, 0.4]), 5).tolist() == [2, 4, 0, 3, 1]


def test_every_wanted_row_gets_its_nearest_in_turn() -> None:
    """Both want row 0 most; the second takes what is next for it."""
    angles = np.radians([0.0, 5.0, -5.0, 90.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    wanted = vectors[[0, 2]] * 0 + np.array([[1, 0.01], [1, -0.01]], dtype=np.float32)
    assert most_like(vectors, wanted, 4).tolist() == [0, 2, 1, 3]
