"""The two views of a text."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sartor.curate.embeddings import SPELLING_WIDTH, embed, spell


class Lengths:
    def encode(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.array([[np.cos(len(text)), np.sin(len(text))] for text in texts])


def test_words_spelt_alike_are_near() -> None:
    vectors = spell(["refund my payment", "refund my payments", "the weather is fine", "weather was fine"] * 3)
    assert vectors[0] @ vectors[1] > 0.8 > 0.3 > vectors[0] @ vectors[2]


def test_both_views_have_a_row_for_every_text() -> None:
    both = embed(["one", "two", "three"], Lengths())
    assert both.meaning.shape == (3, 2) and both.meaning.dtype == np.float32
    assert len(both.spelling) == 3 and both.spelling.dtype == np.float32


@pytest.mark.parametrize("texts", [["abc", "xyz"], ["", ""], ["only"]])
def test_texts_that_share_nothing_have_no_spelling_to_compare(texts: list[str]) -> None:
    np.testing.assert_array_equal(spell(texts) @ spell(texts).T, 0)


@given(st.lists(st.text("ab c", max_size=12), min_size=1, max_size=20))
def test_rows_have_length_one_or_none(texts: list[str]) -> None:
    vectors = spell(texts)
    lengths = np.linalg.norm(vectors, axis=1)
    assert vectors.shape[0] == len(texts) and vectors.shape[1] <= SPELLING_WIDTH
    assert np.all((np.abs(lengths - 1) < 1e-4) | (lengths < 1e-4))
