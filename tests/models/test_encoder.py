"""The built-in sentence encoder: near in meaning is near in space."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModel, AutoTokenizer

from sartor.errors import InputError
from sartor.models.encoder import _BATCH_TOKENS, Encoder, _batches

TEXTS = ["My bank card was stolen.", "Somebody took my credit card!", "Photosynthesis happens in leaves.", ""]


@given(st.lists(st.integers(2, 256), max_size=200))
def test_every_text_is_in_one_batch_of_bounded_size(lengths: list[int]) -> None:
    batches = _batches(lengths)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[i] for i in batch) <= _BATCH_TOKENS for batch in batches)


@pytest.mark.usefixtures("cache")
def test_without_the_files_it_names_the_command() -> None:
    with pytest.raises(InputError, match="run `sartor models pull all-minilm-l6-v2`"):
        Encoder.load()


@pytest.mark.real
def test_like_meanings_lie_close(minilm: Path) -> None:
    vectors = Encoder.load().encode(TEXTS)
    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.6 > 0.2 > cosines[0, 2]


@pytest.mark.real
def test_batches_change_nothing(minilm: Path) -> None:
    """Equal to the model card's recipe, one text at a time: mean over the tokens, then normalised."""
    tokenizer, model = AutoTokenizer.from_pretrained(minilm), AutoModel.from_pretrained(minilm).eval()
    with torch.no_grad():
        alone = [
            torch.nn.functional.normalize(model(**tokenizer(text, return_tensors="pt")).last_hidden_state.mean(1))
            for text in TEXTS
        ]
    np.testing.assert_allclose(Encoder.load().encode(TEXTS), torch.cat(alone).numpy(), atol=1e-5)


@pytest.mark.real
def test_texts_that_are_cut_are_counted(minilm: Path) -> None:
    encoder = Encoder.load()
    assert encoder.count_cut(["short", "word " * 300]) == 1
    assert encoder.encode([]).shape == (0, 384)
