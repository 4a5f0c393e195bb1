"""DoRA (Liu et al. 2024, 2402.09353): the length of every row of a weight is learned apart from its direction.

    y = m / ‖W + s B A‖ · (x Wᵀ + s (x Aᵀ) Bᵀ)          m [out], the norm over each row and a constant to the gradient

‖W + s B A‖² = ‖W‖² + 2 s · (B ∘ W Aᵀ) 1 + s² · (B ∘ B A Aᵀ) 1, so no dense ΔW is made.
"""

from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor
from transformers import PretrainedConfig

from sartor.models.decoder import Decoder
from sartor.models.methods.lora import TARGET_MODULES, LoraView, LoraWeights, Pair
from sartor.models.methods.weights import GROUPS, module_shapes, tensor_name
from sartor.models.quantised import Matrix, dense
from sartor.task import TrainSpec


class DoraWeights(LoraWeights):
    """As LoRA; m starts at ‖W‖."""

    lengths: dict[tuple[int, str], Tensor]
    """‖W‖² by layer and product, [out], float32."""

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        weights = super().fresh(decoder, spec)
        weights._measure(decoder)
        named = weights.tensors()
        for (layer, group), squares in weights.lengths.items():
            modules = [named[tensor_name(layer, module, "lora_magnitude_vector")] for module in GROUPS[group]]
            for magnitude, part in zip(modules, squares.sqrt().split([len(m) for m in modules]), strict=True):
                magnitude.copy_(part)
        return weights

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        weights = super().load(folder, decoder)
        weights._measure(decoder)
        return weights

    def _measure(self, decoder: Decoder) -> None:
        self.lengths = {
            (layer, group): dense(getattr(decoder.layers[layer], group), torch.float32).float().square().sum(1)
            for layer in self.adapted
            for group in GROUPS
        }

    def _more_shapes(self, config: PretrainedConfig) -> dict[str, tuple[int, ...]]:
        return {
            tensor_name(layer, module, "lora_magnitude_vector"): (out_features,)
            for layer in self.adapted
            for module, (out_features, _) in module_shapes(config).items()
        }

    def view(self, dtype: torch.dtype) -> "DoraView":
        own = iter(self._cast(dtype)[-len(self.adapted) * len(TARGET_MODULES) :])
        magnitudes = {
            (layer, group): torch.cat([next(own) for _ in modules])
            for layer in self.adapted
            for group, modules in GROUPS.items()
        }
        return DoraView(self._pairs([self], dtype), self.scale, magnitudes, self.lengths)

    def config(self) -> dict[str, Any]:
        return super().config() | {"use_dora": True}


class DoraView(LoraView):
    def __init__(
        self,
        pairs: dict[tuple[int, str], Pair],
        scale: float,
        magnitudes: dict[tuple[int, str], Tensor],
        lengths: dict[tuple[int, str], Tensor],
    ) -> None:
        super().__init__(pairs, scale)
        self.magnitudes, self.lengths = magnitudes, lengths

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        y = super().linear(x, weight, layer, group)
        if (layer, group) in self.pairs:
            y = y * (self.magnitudes[layer, group] / self._norm(weight, layer, group).to(y.dtype))
        return y if bias is None else y + bias

    @torch.no_grad()
    def _norm(self, weight: Matrix, layer: int, group: str) -> Tensor:
        pair, squares = self.pairs[layer, group], self.lengths[layer, group]
        modules = [len(up) for up in pair.ups]
        found = []
        for frozen, square, down, up in zip(
            dense(weight, pair.down.dtype).split(modules),
            squares.split(modules),
            pair.down.chunk(len(modules)),
            pair.ups,
            strict=True,
        ):
            across, wide, down = (frozen @ down.T).float(), up.float(), down.float()
            own = wide @ (down @ down.T)
            found.append(square + 2 * self.scale * (wide * across).sum(1) + self.scale**2 * (wide * own).sum(1))
        return torch.cat(found).sqrt()
