"""Points of conversations, beside the definition written out."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.tiny import tiny_gpt2, tiny_llama
from transformers import AutoModelForCausalLM

from sartor.models.pooled import pooled

ROWS = [[5, 6, 7, 8, 9], [5], [6, 7, 8], [9, 9, 9, 9], [5, 6, 7, 8, 9]]


@pytest.mark.parametrize("make", [tiny_llama, tiny_gpt2])
def test_later_tokens_weigh_more_and_padding_nothing(make, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(make(tmp_path), dtype=torch.float32).eval()
    found = pooled(model, ROWS)
    for tokens, point in zip(ROWS, found, strict=True):
        with torch.no_grad():
            hidden = model(torch.tensor([tokens]), output_hidden_states=True).hidden_states[-1][0].numpy()
        mean = np.average(hidden, axis=0, weights=np.arange(1, len(tokens) + 1))
        np.testing.assert_allclose(point, mean / np.linalg.norm(mean), atol=1e-5)
    np.testing.assert_allclose(found[0], found[-1], atol=1e-6)
