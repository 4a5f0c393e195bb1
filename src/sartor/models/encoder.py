"""Sentence embeddings from the built-in MiniLM (all-MiniLM-L6-v2; Wang et al. 2020, 2002.10957)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import AutoTokenizer, BertModel, PreTrainedTokenizerBase
from transformers.utils import logging

from sartor.models.builtin import ENCODER, pulled
from sartor.progress import Progress, silent

MAX_TOKENS = 256
"""What the model was made for; of a longer text it reads the beginning."""
WIDTH = 384
_BATCH_TOKENS = 4096


class Encoder:
    """Texts → points on a sphere: texts of like meaning lie close, and the dot product is the cosine."""

    name = ENCODER.name

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: BertModel) -> None:
        self._tokenizer = tokenizer
        self._model = model

    @classmethod
    def load(cls, device: str = "cpu") -> "Encoder":
        """Raises InputError, naming the command that fetches it, when the encoder is not on this machine."""
        folder: Path = pulled(ENCODER.name)
        logging.disable_progress_bar()
        model = BertModel.from_pretrained(folder, local_files_only=True)
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model.train(False).requires_grad_(False)
        nn.Module.to(model, device)
        return cls(tokenizer, model)

    def encode(self, texts: Sequence[str], progress: Progress = silent) -> np.ndarray:
        """float32 [n, 384], rows of length 1: the mean over a text's token vectors, normalised.

        Texts run in batches of like length, so that little is padded.
        """
        out = np.zeros((len(texts), WIDTH), dtype=np.float32)
        rows = self._ids(texts)
        done = 0
        for batch in _batches([len(row) for row in rows]):
            padded = self._tokenizer.pad({"input_ids": [rows[i] for i in batch]}, return_tensors="pt")
            ids, mask = (padded[key].to(self._model.device) for key in ("input_ids", "attention_mask"))
            with torch.inference_mode():
                hidden = self._model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask.unsqueeze(-1).to(hidden.dtype)
            mean = (hidden * weights).sum(1) / weights.sum(1)
            out[batch] = torch.nn.functional.normalize(mean, dim=-1).float().cpu().numpy()
            done += len(batch)
            progress("embed", done, len(texts))
        return out

    def count_cut(self, texts: Sequence[str]) -> int:
        """How many texts are longer than 256 tokens, so that `encode` reads only their beginning."""
        return sum(len(ids) > MAX_TOKENS for ids in self._tokenizer(list(texts), verbose=False)["input_ids"])

    def _ids(self, texts: Sequence[str]) -> list[list[int]]:
        if not texts:
            return []
        ids: list[list[int]] = self._tokenizer(list(texts), truncation=True, max_length=MAX_TOKENS)["input_ids"]
        return ids


def _batches(lengths: list[int]) -> list[list[int]]:
    """Indices by falling length, cut so that rows times the longest stay within the batch's tokens."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches: list[list[int]] = []
    for i in order:
        if batches and (len(batches[-1]) + 1) * lengths[batches[-1][0]] <= _BATCH_TOKENS:
            batches[-1].append(i)
        else:
            batches.append([i])
    return batches
