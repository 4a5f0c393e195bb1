"""Prefix tuning (Li & Liang 2021, 2101.00190): keys and values of virtual tokens, learned for every layer.

They start as the base's own keys and values of random tokens of the vocabulary, as the paper advises; there is no network
that makes them, so what is trained is what is saved.
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from sartor.models.attention import KeysValues, causal_attention
from sartor.models.decoder import AdapterView, Decoder
from sartor.models.methods.prompt_tuning import TENSOR, random_tokens
from sartor.models.methods.weights import AdapterWeights, read_config
from sartor.task import TrainSpec


class PrefixWeights(AdapterWeights):
    peft_type = "PREFIX_TUNING"

    def __init__(self, decoder: Decoder, tokens: int) -> None:
        self.tokens, self._heads, self._layers = tokens, decoder.kv_heads, len(decoder.layers)
        self._width = decoder.kv_heads * decoder.head_dim
        self._split = (tokens, self._layers * 2, decoder.kv_heads, decoder.head_dim)
        super().__init__({TENSOR: (tokens, self._layers * 2 * self._width)})

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        weights = cls(decoder, spec.virtual_tokens)
        own = weights.tensors()[TENSOR].view(weights._split)

        def attend(layer: int, q: Tensor, k: Tensor, v: Tensor, _: KeysValues | None) -> Tensor:
            own[:, 2 * layer], own[:, 2 * layer + 1] = k, v
            return causal_attention(q, k, v)

        with torch.no_grad():
            x = decoder.embed(random_tokens(decoder, spec))
            decoder.hidden(x, decoder.rotary(torch.arange(len(x), device=decoder.device)), attend)
        return weights

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        return cls(decoder, read_config(folder)["num_virtual_tokens"])._read(folder)

    def view(self, dtype: torch.dtype) -> "PrefixView":
        return PrefixView(self._cast(dtype)[0].view(self._split))

    def config(self) -> dict[str, Any]:
        return {
            "num_virtual_tokens": self.tokens,
            "token_dim": self._width,
            "num_transformer_submodules": 1,
            "num_attention_heads": self._heads,
            "num_layers": self._layers,
            "encoder_hidden_size": self._width,
            "prefix_projection": False,
        }


class PrefixView(AdapterView):
    def __init__(self, both: Tensor) -> None:
        """Keys and values in turn, layer by layer: [virtual, 2 · layers, kv heads, d]."""
        self._both, self.virtual = both, len(both)

    def keys_values(self, layer: int) -> KeysValues:
        return self._both[:, 2 * layer], self._both[:, 2 * layer + 1]
