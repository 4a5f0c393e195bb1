"""Prompt tuning (Lester et al. 2021, 2104.08691): virtual tokens before the prompt, whose embeddings are learned.

They start as the embeddings of random tokens of the vocabulary: random numbers do far worse. The shared prefix of a batch
begins with them, so they are computed once.
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from transformers import PretrainedConfig

from sartor.models.decoder import AdapterView, Decoder
from sartor.models.methods.weights import AdapterWeights, read_config
from sartor.task import TrainSpec

TENSOR = "prompt_embeddings"


class PromptWeights(AdapterWeights):
    peft_type = "PROMPT_TUNING"

    def __init__(self, config: PretrainedConfig, tokens: int) -> None:
        self._config, self.virtual_inputs = config, tokens
        super().__init__({TENSOR: (tokens, config.hidden_size)})

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        weights = cls(decoder.config, spec.virtual_tokens)
        weights.tensors()[TENSOR].copy_(decoder.embedding[random_tokens(decoder, spec)])
        return weights

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        return cls(decoder.config, read_config(folder)["num_virtual_tokens"])._read(folder)

    def view(self, dtype: torch.dtype) -> "PromptView":
        return PromptView(self._cast(dtype)[0])

    def config(self) -> dict[str, Any]:
        return {
            "num_virtual_tokens": self.virtual_inputs,
            "token_dim": self._config.hidden_size,
            "num_transformer_submodules": 1,
            "num_attention_heads": self._config.num_attention_heads,
            "num_layers": self._config.num_hidden_layers,
            "prompt_tuning_init": "SAMPLE_VOCAB",
        }


class PromptView(AdapterView):
    def __init__(self, tokens: Tensor) -> None:
        self._tokens, self.virtual = tokens, len(tokens)

    def embeds(self) -> Tensor:
        return self._tokens


def random_tokens(decoder: Decoder, spec: TrainSpec) -> Tensor:
    """As many tokens of the vocabulary as there are virtual ones, drawn from the seed."""
    generator = torch.Generator().manual_seed(spec.seed)
    return torch.randint(len(decoder.embedding), (spec.virtual_tokens,), generator=generator).to(decoder.device)
