"""Out of fold: no row, and no row of its group, tells what its own label should be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.curate.conftest import Planted, cloud

from sartor.curate.embeddings import Embeddings
from sartor.curate.neighbours import nearest
from sartor.curate.probabilities import FOLDS, assign_folds, out_of_fold
from sartor.errors import InputError


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=1, max_size=60), st.integers(0, 5))
def test_a_group_is_in_one_fold(rows: list[tuple[int, int]], seed: int) -> None:
    labels, groups = np.array(rows).T
    folds = assign_folds(labels, groups, seed)
    assert folds.min() >= 0 and folds.max() < FOLDS
    assert all(len(set(folds[groups == group])) == 1 for group in groups)


@given(st.lists(st.integers(0, 3), min_size=5, max_size=80), st.integers(0, 5))
def test_folds_hold_equal_shares_of_every_label(labels: list[int], seed: int) -> None:
    given_labels = np.array(labels)
    folds = assign_folds(given_labels, None, seed)
    for label in set(labels):
        held = np.bincount(folds[given_labels == label], minlength=FOLDS)
        assert held.max() - held.min() <= 1


def test_probabilities_know_the_truth_where_the_label_is_wrong(planted: Planted) -> None:
    probs = out_of_fold(planted.embeddings, nearest(planted.embeddings.meaning), planted.labels)
    np.testing.assert_allclose(probs.sum(axis=1), 1)
    assert (probs.argmax(axis=1) == planted.truth).mean() > 0.99


def test_the_same_seed_gives_the_same_probabilities(planted: Planted) -> None:
    graph = nearest(planted.embeddings.meaning)
    once, again = (out_of_fold(planted.embeddings, graph, planted.labels, seed=3) for _ in range(2))
    np.testing.assert_array_equal(once, again)


def test_a_row_does_not_learn_from_its_own_group() -> None:
    """Pairs of equal rows with one wrong label: their twin would confirm it, were it not in the same group."""
    meaning, truth = cloud(120, 4, spread=0.15, seed=0)
    odd = np.tile(np.linalg.qr(np.random.default_rng(9).normal(size=(16, 16)))[0].astype(np.float32)[:4], (2, 1))
    labels = np.concatenate([truth, np.arange(8) % 4])
    embeddings = Embeddings(np.vstack([meaning, odd]), np.zeros((128, 1), dtype=np.float32))
    groups = np.concatenate([np.arange(120), 120 + np.arange(8) % 4])
    graph = nearest(embeddings.meaning)
    together = out_of_fold(embeddings, graph, labels, groups)
    apart = out_of_fold(embeddings, graph, labels)
    own = (np.arange(120, 128), labels[120:])
    assert together[own].mean() < apart[own].mean() - 0.2


def test_a_class_of_one_row_is_not_expected_by_others(planted: Planted) -> None:
    labels = planted.labels.copy()
    labels[0] = 6
    probs = out_of_fold(planted.embeddings, nearest(planted.embeddings.meaning), labels)
    assert probs.shape == (300, 7) and probs[0, 6] < 0.01


def test_labels_that_lie_in_one_group_cannot_be_checked() -> None:
    meaning, labels = cloud(20, 2, spread=0.2, seed=0)
    embeddings = Embeddings(meaning, np.zeros((20, 1), dtype=np.float32))
    with pytest.raises(InputError, match="a single label is left"):
        out_of_fold(embeddings, nearest(meaning), labels, groups=labels)
