"""Bottleneck adapters: a small network behind a sublayer, before its result joins the residual stream.

    y ← y + W_up · relu(W_down y + b_down) + b_up          W_down [r, hidden], W_up [hidden, r]

Pfeiffer et al. (2021, 2005.00247) put one behind the feed-forward part of each block, Houlsby et al. (2019, 1902.00751)
another behind the attention. W_up and the biases start at zero, so that training begins at the base itself. PEFT has no such
method: the files are in its layout, and only Sartor reads them.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PretrainedConfig

from sartor.models.decoder import AdapterView, Decoder
from sartor.models.methods.weights import AdapterWeights, layers_of, read_config, tensor_name
from sartor.models.quantised import Matrix
from sartor.task import Placement, TrainSpec

BEHIND: Mapping[Placement, Mapping[str, str]] = {
    "pfeiffer": {"down": "mlp"},
    "houlsby": {"out": "self_attn", "down": "mlp"},
}
"""The products after which an adapter stands, and the modules that they end."""
PARTS = ("adapter_down.weight", "adapter_down.bias", "adapter_up.weight", "adapter_up.bias")


class BottleneckWeights(AdapterWeights):
    peft_type = "BOTTLENECK"

    def __init__(
        self, config: PretrainedConfig, rank: int, placement: Placement, seed: int = 0, depth: int | None = None
    ) -> None:
        self.rank, self.placement, self.adapted = rank, placement, layers_of(config, depth)
        hidden: int = config.hidden_size
        sizes: list[tuple[int, ...]] = [(rank, hidden), (rank,), (hidden, rank), (hidden,)]
        super().__init__(
            {
                tensor_name(layer, module, part): size
                for layer in self.adapted
                for module in BEHIND[placement].values()
                for part, size in zip(PARTS, sizes, strict=True)
            }
        )
        generator = torch.Generator().manual_seed(seed)
        bound = 1 / math.sqrt(hidden)
        for name, tensor in self.tensors().items():
            if name.endswith(PARTS[0]):
                tensor.uniform_(-bound, bound, generator=generator)

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        return cls(decoder.config, spec.rank, spec.placement, spec.seed, spec.depth)

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        settings = read_config(folder)
        weights = cls(decoder.config, settings["r"], settings["placement"], depth=len(settings["layers_to_transform"]))
        return weights._read(folder)

    @property
    def first_layer(self) -> int:
        return self.adapted.start

    def view(self, dtype: torch.dtype) -> "BottleneckView":
        parts = iter(self._cast(dtype))
        places = [(layer, group) for layer in self.adapted for group in BEHIND[self.placement]]
        return BottleneckView({place: (next(parts), next(parts), next(parts), next(parts)) for place in places})

    def config(self) -> dict[str, Any]:
        return {"r": self.rank, "placement": self.placement, "layers_to_transform": list(self.adapted)}


class BottleneckView(AdapterView):
    def __init__(self, adapters: dict[tuple[int, str], tuple[Tensor, Tensor, Tensor, Tensor]]) -> None:
        self.adapters = adapters

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        y = super().linear(x, weight, layer, group, bias)
        if (adapter := self.adapters.get((layer, group))) is None:
            return y
        down, down_bias, up, up_bias = adapter
        return y + F.linear(F.relu(F.linear(y, down, down_bias)), up, up_bias)
