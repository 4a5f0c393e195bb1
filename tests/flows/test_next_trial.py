"""Whether choosing pays, tried on rows whose worth is known."""

import numpy as np
import pytest
from tests.curate.conftest import unit
from tests.curate.pools import pool, row

from sartor.flows import next_trial
from sartor.flows.next_trial import Trial, attempt, why_not

TRIED = Trial(10, 100, 300, 50, 100, 0.5, 0.7, 0.6, 0.1, 0.05, 0.15)


def rare(rows: int = 400) -> tuple[list, np.ndarray]:
    """Rows of two common classes and twenty rare ones, each class a region of its own: random rows miss the rare ones."""
    generator = np.random.default_rng(0)
    classes = np.where(np.arange(rows) % 5 < 4, np.arange(rows) % 2, 2 + np.arange(rows) // 5 % 20)
    vectors = unit(np.eye(32)[classes] + 0.1 * generator.normal(size=(rows, 32)))
    return [row(str(at), f"question {at}", labels=(f"c{c}",)) for at, c in enumerate(classes.tolist())], vectors


def test_where_random_rows_miss_rare_classes_choosing_is_better() -> None:
    rows, vectors = rare()
    tried = attempt(pool(rows, "classification"), vectors, 100)
    assert tried and tried.verdict == "better" and tried.low > 0
    assert (tried.draws, tried.labelled, tried.hidden, tried.chosen, tried.asked) == (10, 80, 240, 20, 80)
    assert tried.by_choice - tried.at_random == pytest.approx(tried.difference)
    assert tried == attempt(pool(rows, "classification"), vectors, 100), "the same rows, the same trial"


def test_where_labels_are_noise_no_difference_is_shown() -> None:
    generator = np.random.default_rng(1)
    rows = [row(str(at), f"question {at}", labels=(f"c{at % 3}",)) for at in range(150)]
    tried = attempt(pool(rows, "classification"), unit(generator.normal(size=(150, 16))), 50)
    assert tried and tried.verdict == "no difference"
    assert tried.sentences[0].startswith("No difference shown")


def test_a_choice_that_does_harm_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst choice: rows that the model is sure of, in the best covered region."""
    rows, vectors = rare()
    worst = lambda vectors, labelled, size, unsure: np.argsort(unsure)[:size]  # noqa: E731
    monkeypatch.setattr(next_trial, "next_rows", worst)
    tried = attempt(pool(rows, "classification"), vectors, 200)
    assert tried and tried.verdict == "worse"
    assert "does harm" in tried.sentences[0] and "label random rows instead" in tried.sentences[0]


def test_rows_of_several_labels_are_tried_too() -> None:
    generator, classes = np.random.default_rng(0), np.arange(60) % 3
    rows = [row(str(at), f"question {at}", labels=(f"c{c}", "all")) for at, c in enumerate(classes.tolist())]
    tried = attempt(pool(rows, "classification"), unit(np.eye(8)[classes] + 0.1 * generator.normal(size=(60, 8))), 20)
    assert tried and 0 <= tried.before <= tried.by_choice <= 1


def test_too_few_rows_and_one_sided_ones_are_not_tried() -> None:
    rows = [row(str(at), f"question {at}", labels=("a",), group="g") for at in range(60)]
    assert attempt(pool(rows, "classification"), unit(np.ones((60, 4))), 5) is None
    assert why_not(rows) is None and "49 labelled rows are too few" in str(why_not(rows[:49]))


def test_the_sentences_name_what_was_tried() -> None:
    verdict, how = TRIED.sentences
    assert verdict == "Choosing pays here: +10 points (5–15) of accuracy over as many rows at random"
    assert "100 rows reach .50" in how and "50 more of 300 hidden ones .70 by this choice, .60 at random" in how
