"""Nearest rows and pairs, checked against the whole matrix of cosines."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.curate.conftest import cloud

from sartor.curate import neighbours
from sartor.curate.neighbours import near_pairs, nearest


@given(st.integers(2, 40), st.integers(1, 50), st.integers(1, 16), st.integers(0, 9))
def test_the_k_nearest_are_those_of_the_whole_matrix(rows: int, k: int, block: int, seed: int) -> None:
    vectors, _ = cloud(rows, 3, spread=0.5, seed=seed)
    whole = (vectors @ vectors.T).astype(np.float64)
    np.fill_diagonal(whole, -np.inf)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "BLOCK", block)
        found = nearest(vectors, k)
    kept = min(k, rows - 1)
    assert found.rows.shape == found.cosines.shape == (rows, kept)
    np.testing.assert_allclose(found.cosines, -np.sort(-whole, axis=1)[:, :kept], atol=1e-5)
    np.testing.assert_allclose(found.cosines, np.take_along_axis(whole, found.rows, axis=1), atol=1e-5)


@pytest.mark.parametrize("rows", [0, 1])
def test_a_row_alone_has_no_neighbour(rows: int) -> None:
    found = nearest(np.ones((rows, 1), dtype=np.float32))
    assert found.rows.shape == (rows, 0)
    assert near_pairs(found, np.zeros(rows, dtype=np.int64)) == []


def test_pairs_are_named_once_and_those_that_disagree_come_first() -> None:
    angles = np.array([0.0, 0.02, 1.5, 1.51, 3.0])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pairs = near_pairs(nearest(vectors, k=3), np.array([0, 1, 2, 2, 2]), threshold=0.99)
    assert [(pair.first, pair.second, pair.same_label) for pair in pairs] == [(0, 1, False), (2, 3, True)]
    assert pairs[0].cosine == pytest.approx(np.cos(0.02), abs=1e-5)


def test_a_lower_threshold_finds_no_fewer_pairs() -> None:
    vectors, labels = cloud(60, 3, spread=0.3, seed=0)
    graph = nearest(vectors, k=10)
    high, low = (
        {(pair.first, pair.second) for pair in near_pairs(graph, labels, threshold)} for threshold in (0.9, 0.7)
    )
    assert high < low
