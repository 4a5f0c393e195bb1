"""(IA)³ (Liu et al. 2022, 2205.05638): learned vectors that scale keys, values and what enters the last product of a block.

k = l_k ∘ (W_k x + b_k),   v = l_v ∘ (W_v x + b_v),   y = W_down (l_ff ∘ h)          all l start at one
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from transformers import PretrainedConfig

from sartor.models.decoder import AdapterView, Decoder
from sartor.models.methods.weights import AdapterWeights, module_shapes, tensor_name
from sartor.models.quantised import Matrix
from sartor.task import TrainSpec

KEYS, VALUES, FORWARD = "self_attn.k_proj", "self_attn.v_proj", "mlp.down_proj"


class Ia3Weights(AdapterWeights):
    peft_type = "IA3"

    def __init__(self, config: PretrainedConfig) -> None:
        self.layers: int = config.num_hidden_layers
        sizes = module_shapes(config)
        self.queries = sizes["self_attn.q_proj"][0]
        shapes = {KEYS: (sizes[KEYS][0], 1), VALUES: (sizes[VALUES][0], 1), FORWARD: (1, sizes[FORWARD][1])}
        super().__init__(
            {tensor_name(layer, m, "ia3_l"): shape for layer in range(self.layers) for m, shape in shapes.items()}
        )
        self.flat.fill_(1)

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        return cls(decoder.config)

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        return cls(decoder.config)._read(folder)

    def view(self, dtype: torch.dtype) -> "Ia3View":
        parts = [part.flatten() for part in self._cast(dtype)]
        ones = torch.ones(self.queries, dtype=dtype, device=self.flat.device)
        layers = [parts[at : at + 3] for at in range(0, len(parts), 3)]
        return Ia3View([(torch.cat((ones, keys, values)), forward) for keys, values, forward in layers])

    def config(self) -> dict[str, Any]:
        return {
            "target_modules": ["down_proj", "k_proj", "v_proj"],
            "feedforward_modules": ["down_proj"],
            "fan_in_fan_out": False,
        }


class Ia3View(AdapterView):
    def __init__(self, scales: list[tuple[Tensor, Tensor]]) -> None:
        """By layer: of queries, keys and values [out], and of what enters the last product [in]."""
        self.scales = scales

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        qkv, forward = self.scales[layer]
        y = super().linear(x * forward if group == "down" else x, weight, layer, group, bias)
        return y * qkv if group == "qkv" else y
