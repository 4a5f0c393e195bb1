"""What to label next: distinct rows, nested, nothing random; unsure and uncovered ones first, and not many alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.curate.conftest import cloud, unit

from sartor.curate.active import next_rows, uncertainty

POOL, REGIONS = cloud(60, 5, spread=0.2, seed=0)
LABELLED, _ = cloud(10, 5, spread=0.2, seed=0)
UNSURE = np.random.default_rng(1).random(60)


@given(size=st.integers(0, 60), judged=st.booleans())
def test_rows_are_chosen_once_and_a_smaller_choice_begins_a_larger(size: int, judged: bool) -> None:
    unsure = UNSURE if judged else None
    chosen, all_rows = (next_rows(POOL, LABELLED, count, unsure) for count in (size, 60))
    np.testing.assert_array_equal(chosen, all_rows[:size])
    assert sorted(all_rows.tolist()) == list(range(60))


def test_an_unsure_region_without_labels_comes_before_a_dense_known_one() -> None:
    """Forty rows around a labelled one that the model knows, six far off that it does not."""
    generator = np.random.default_rng(0)
    centres = np.eye(8)[[0, 1]]
    dense, lonely = (
        unit(centre + 0.15 * generator.normal(size=(count, 8))) for centre, count in zip(centres, (40, 6), strict=True)
    )
    pool, labelled = np.concatenate([dense, lonely]), unit(centres[:1])
    unsure = np.repeat([0.1, 0.9], [40, 6])
    assert next_rows(pool, labelled, 1, unsure)[0] >= 40
    assert next_rows(pool, labelled, 1)[0] >= 40, "the gap alone tells it, too"


def test_of_two_gaps_alike_the_unsure_one_comes_first_and_both_come_before_a_second_of_one() -> None:
    twins = np.array([0, 1, 0, 1])
    pool = np.eye(4, dtype=np.float32)[twins]
    labelled = np.eye(4, dtype=np.float32)[[3]]
    for unsure, first in (([0.9, 0.2, 0.9, 0.2], 0), ([0.2, 0.9, 0.2, 0.9], 1)):
        chosen = next_rows(pool, labelled, 4, np.array(unsure))
        assert twins[chosen[0]] == first and twins[chosen[1]] == 1 - first


def test_rows_of_a_spread_pool_come_from_every_region() -> None:
    chosen = next_rows(POOL, unit(np.ones((1, 16))), 5)
    assert sorted(REGIONS[chosen].tolist()) == [0, 1, 2, 3, 4]


def test_an_odd_row_that_stands_for_no_other_waits() -> None:
    pool = unit(np.concatenate([np.eye(8)[[0]], np.eye(8)[1] + 0.1 * np.random.default_rng(0).normal(size=(10, 8))]))
    assert next_rows(pool, np.eye(8, dtype=np.float32)[[7]], 1)[0] != 0


def test_uncertainty_is_the_margin_between_the_likeliest_two_or_the_least_sure_label() -> None:
    assert uncertainty(np.array([[0.5, 0.5, 0], [1, 0, 0], [0.6, 0.3, 0.1]])) == pytest.approx([1, 0, 0.7])
    assert uncertainty(np.array([[0.5, 1.0], [0.0, 0.9]]), multi=True) == pytest.approx([1, 0.2])
