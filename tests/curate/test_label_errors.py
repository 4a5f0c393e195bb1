"""Wrong labels come first, with the right one suggested."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score
from tests.curate.conftest import Planted

from sartor.curate.label_errors import confident_counts, label_errors, transitions
from sartor.curate.neighbours import nearest
from sartor.curate.probabilities import out_of_fold


def test_planted_errors_come_first_with_the_true_label_suggested(planted: Planted) -> None:
    probs = out_of_fold(planted.embeddings, nearest(planted.embeddings.meaning), planted.labels)
    found, wrong = label_errors(probs, planted.labels), planted.labels != planted.truth
    assert average_precision_score(wrong, found.score) > 0.98
    np.testing.assert_array_equal(found.suggested[wrong], planted.truth[wrong])
    assert wrong[found.score >= 0.5].mean() > 0.9 and (found.score >= 0.5)[wrong].mean() > 0.9


def test_confident_counts_are_those_of_the_paper() -> None:
    """Means of a class's own rows: .7 and .7, so that row 1 (.6) is not confidently anything and row 3 is a 0 labelled 1."""
    probs = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9], [0.9, 0.1], [0.0, 1.0], [0.2, 0.8]])
    labels = np.array([0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(confident_counts(probs, labels), [[1, 1], [0, 3]])


def test_errors_among_few_classes_are_told_from_errors_anywhere() -> None:
    often, anywhere = np.eye(10) * 90, np.eye(10) * 90
    often += 10 * np.roll(np.eye(10), 1, axis=1)
    anywhere += (1 - np.eye(10)) * (10 / 9)
    assert transitions(often)[0, 1] > 0.08 and transitions(often)[0, 5] < 0.001
    assert transitions(anywhere)[0, 1] == pytest.approx(transitions(anywhere)[0, 5], rel=0.01)


def test_a_confusion_that_people_make_needs_less_evidence() -> None:
    """0 is often labelled 1, never 2: of two rows alike but for the label, the 1 is the more suspect."""
    sure = np.repeat(np.eye(4) * 0.94 + 0.015, 50, axis=0)
    labels = np.repeat(np.arange(4), 50)
    labels[:10] = 1
    probs = np.vstack([sure, [[0.5, 0.5, 0, 0], [0.5, 0, 0.5, 0]]])
    score = label_errors(probs, np.append(labels, [1, 2])).score
    assert score[-2] > 2 * score[-1]


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    rows, classes = draw(st.integers(1, 30)), draw(st.integers(2, 5))
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    probs = generator.dirichlet(np.full(classes, draw(st.sampled_from([0.02, 0.5, 5.0]))), size=rows)
    return probs, generator.integers(0, classes, rows)


@given(cases())
def test_a_score_is_a_probability_and_a_suggestion_another_label(
    case: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    probs, labels = case
    found = label_errors(probs, labels)
    assert np.isfinite(found.score).all() and found.score.min() >= 0 and found.score.max() <= 1
    assert np.all(found.suggested != labels) and np.all((found.score >= 0) & (found.score <= 1))
    np.testing.assert_allclose(transitions(confident_counts(probs, labels)).sum(axis=1), 1)


@given(cases(), st.randoms())
def test_the_names_of_classes_do_not_matter(case: tuple[NDArray[np.float64], NDArray[np.int64]], random) -> None:  # type: ignore[no-untyped-def]
    probs, labels = case
    renamed = np.array(random.sample(range(probs.shape[1]), probs.shape[1]))
    moved = np.empty_like(probs)
    moved[:, renamed] = probs
    # One number of it is searched for, to 1e-5, along sums whose last bits depend on the order of classes.
    np.testing.assert_allclose(label_errors(moved, renamed[labels]).score, label_errors(probs, labels).score, atol=1e-4)
