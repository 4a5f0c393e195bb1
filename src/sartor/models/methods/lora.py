"""LoRA (Hu et al. 2021, 2106.09685) on every linear layer of a Llama-family decoder.

    y = x Wᵀ + s · (x Aᵀ) Bᵀ          W [out, in] frozen, A [r, in], B [out, r], s = α / r

rsLoRA (2312.03732) scales by s = α / √r; LoRA+ (2402.12354) lets B learn faster than A, by a fixed ratio. Of projections
that the decoder fuses (q, k, v; gate, up) the A lie on top of each other and share one product. Files are PEFT's own format.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PretrainedConfig

from sartor.models.decoder import AdapterView, Decoder
from sartor.models.methods.weights import (
    GROUPS,
    AdapterWeights,
    layers_of,
    module_shapes,
    read_config,
    tensor_name,
)
from sartor.models.quantised import Matrix, dense
from sartor.task import TrainSpec

TARGET_MODULES = [module.split(".")[1] for modules in GROUPS.values() for module in modules]


class LoraWeights(AdapterWeights):
    """Fresh: A by Kaiming-uniform(√5) from `seed`, B zero, as in PEFT."""

    peft_type = "LORA"

    def __init__(
        self,
        config: PretrainedConfig,
        rank: int,
        alpha: float,
        seed: int = 0,
        rslora: bool = False,
        plus: float = 1.0,
        depth: int | None = None,
    ) -> None:
        """`plus` is by how much the rate of B exceeds that of A; `depth` is how many of the last layers are adapted."""
        self.rank, self.alpha, self.rslora, self.plus = rank, alpha, rslora, plus
        self.adapted = layers_of(config, depth)
        self._all_layers: int = config.num_hidden_layers
        sizes = module_shapes(config)
        downs, ups = {}, {}
        for layer in self.adapted:
            for module, (out_features, in_features) in sizes.items():
                downs[tensor_name(layer, module, "lora_A.weight")] = (rank, in_features)
                ups[tensor_name(layer, module, "lora_B.weight")] = (out_features, rank)
        more = self._more_shapes(config)
        stacked: list[tuple[int, ...]] = [
            (len(modules) * rank, sizes[modules[0]][1]) for _ in self.adapted for modules in GROUPS.values()
        ]
        self._in_a_pass = stacked, [*ups.values(), *more.values()]
        super().__init__(downs | ups | more)
        generator = torch.Generator().manual_seed(seed)
        for tensor in list(self.tensors().values())[: len(downs)]:
            bound = 1 / math.sqrt(tensor.shape[1])
            tensor.uniform_(-bound, bound, generator=generator)

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        alpha = spec.method_settings["alpha"]
        return cls(decoder.config, spec.rank, alpha, spec.seed, spec.rslora, spec.lora_plus, spec.depth)

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        """Raises ValueError also when it is scaled in a way that the fast path does not know."""
        settings = read_config(folder)
        if settings.get("alpha_pattern") or settings.get("rank_pattern"):
            raise ValueError(f"{folder} scales its layers differently, which is not read here")
        rslora = bool(settings.get("use_rslora"))
        layers = settings.get("layers_to_transform")
        depth = len(layers) if layers is not None else None
        return cls(decoder.config, settings["r"], settings["lora_alpha"], rslora=rslora, depth=depth)._read(folder)

    def _more_shapes(self, config: PretrainedConfig) -> dict[str, tuple[int, ...]]:
        return {}

    def _leaf_shapes(self) -> list[list[tuple[int, ...]]]:
        downs, others = self._in_a_pass
        return [downs + others] if self.plus == 1 else [downs, others]

    @property
    def rate_ratios(self) -> list[float]:
        return [1.0] if self.plus == 1 else [1.0, self.plus]

    @property
    def scale(self) -> float:
        return self.alpha / (math.sqrt(self.rank) if self.rslora else self.rank)

    @property
    def first_layer(self) -> int:
        return self.adapted.start

    def view(self, dtype: torch.dtype) -> "LoraView":
        return LoraView(self._pairs([self], dtype), self.scale)

    @property
    def shape(self) -> tuple[int, int]:
        """Adapters that have it in common can share a pass: rank, and lowest layer."""
        return self.rank, self.adapted.start

    @classmethod
    def many(cls, adapters: Sequence["LoraWeights"], tokens: Sequence[int], dtype: torch.dtype) -> "ManyLoraView":
        """Several adapters of one shape, which may repeat: the first for the first `tokens[0]` tokens of a pass, and so on."""
        return ManyLoraView(cls._pairs(adapters, dtype), [each.scale for each in adapters], tokens)

    @classmethod
    def _pairs(cls, adapters: Sequence["LoraWeights"], dtype: torch.dtype) -> "dict[tuple[int, str], Pair]":
        rank, parts = adapters[0].rank, iter(cls._stacked(adapters, dtype))
        places = [(layer, group) for layer in adapters[0].adapted for group in GROUPS]
        downs = {place: next(parts).unflatten(1, (-1, rank)).transpose(0, 1).flatten(0, 2) for place in places}
        return {
            (layer, group): Pair(down, [next(parts).transpose(0, 1).flatten(1) for _ in GROUPS[group]])
            for (layer, group), down in downs.items()
        }

    def config(self) -> dict[str, Any]:
        everywhere = len(self.adapted) == self._all_layers
        return {
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": False,
            "use_rslora": self.rslora,
            "use_dora": False,
            "target_modules": sorted(TARGET_MODULES),
            "layers_to_transform": None if everywhere else list(self.adapted),
        }


@dataclass(frozen=True, slots=True)
class Pair:
    """What adapters change in one product of n modules."""

    down: Tensor
    """A [n · adapters · r, in]: of the first module all adapters', then of the second, …"""
    ups: list[Tensor]
    """B of each module, the adapters' side by side: [out, adapters · r]."""


class LoraView(AdapterView):
    def __init__(self, pairs: dict[tuple[int, str], Pair], scale: float) -> None:
        self.pairs, self.scale = pairs, scale

    def _scale(self, place: tuple[int, str]) -> float | Tensor:
        return self.scale

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        pair = self.pairs.get((layer, group))
        if pair is None:
            return super().linear(x, weight, layer, group, bias)
        y: Tensor = LoraLinear.apply(x, weight, self._scale((layer, group)), pair.down, *pair.ups)  # type: ignore[no-untyped-call]
        return y if bias is None else y + bias


class FusedLoraView(AdapterView):
    """The same without gradients: s is in B, and the B of a product's n modules lie in one block-diagonal matrix, so that two
    small products do instead of 1 + n, each of which costs a CPU more than its arithmetic."""

    def __init__(self, view: LoraView) -> None:
        self.matrices = {
            place: (pair.down, torch.block_diag(*(up.T for up in pair.ups)) * view.scale)
            for place, pair in view.pairs.items()
        }
        """A [n · r, in], and s · Bᵀ [n · r, out]."""
        self.rank = next(iter(view.pairs.values())).ups[0].shape[1]

    def linear(self, x: Tensor, weight: Matrix, layer: int, group: str, bias: Tensor | None = None) -> Tensor:
        y = super().linear(x, weight, layer, group, bias)
        pair = self.matrices.get((layer, group))
        return y if pair is None else y.addmm_(F.linear(x, pair[0]), pair[1])


class ManyLoraView(LoraView):
    """Several adapters in one pass, each for its own tokens.

    x Aᵀ is scaled by each token's own adapter's s, and by zero for all others. That takes r · adapters columns where r would
    do, but no more products than one adapter does.
    """

    def __init__(self, pairs: dict[tuple[int, str], Pair], scales: Sequence[float], tokens: Sequence[int]) -> None:
        self.pairs, self._masks = pairs, dict[int, Tensor]()
        owner = torch.arange(len(scales)).repeat_interleave(torch.tensor(tokens))
        own = torch.where(owner[:, None] == torch.arange(len(scales)), torch.tensor(scales), 0.0)
        for pair in pairs.values():
            columns, modules = len(pair.down), len(pair.ups)
            if columns not in self._masks:
                rank = columns // (len(scales) * modules)
                self._masks[columns] = own.to(pair.down).repeat_interleave(rank, dim=1).repeat(1, modules)

    def _scale(self, place: tuple[int, str]) -> Tensor:
        return self._masks[len(self.pairs[place].down)]


class LoraLinear(torch.autograd.Function):
    """Base and adapter in one step: no gradient for W, no dense ΔW, and x is kept once."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Matrix, scale: float | Tensor, down: Tensor, *ups: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
        """`scale` is s, or one for every token and column of x Aᵀ; `down` and `ups` are those of a `Pair`."""
        inner = F.linear(x, down).mul_(scale)
        ctx.save_for_backward(x, inner, down, *ups)
        ctx.weight, ctx.scale = weight, scale
        y = F.linear(x, dense(weight, x.dtype))
        for out, part, up in zip(_columns(y, ups), inner.chunk(len(ups), 1), ups, strict=True):
            out.addmm_(part, up.T)
        return y

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[no-untyped-def]
        x, inner, down, *ups = ctx.saved_tensors
        parts = list(zip(_columns(grad, ups), inner.chunk(len(ups), 1), ups, strict=True))
        grad_ups = [own.T @ part for own, part, _ in parts]
        grad_inner = torch.cat([own @ up for own, _, up in parts], 1).mul_(ctx.scale)
        grad_down = grad_inner.T @ x
        grad_x = (grad @ dense(ctx.weight, x.dtype)).addmm_(grad_inner, down) if ctx.needs_input_grad[0] else None
        return grad_x, None, None, grad_down, *grad_ups


def _columns(y: Tensor, ups: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The outputs of a product's modules, which lie side by side."""
    return torch.split(y, [len(up) for up in ups], dim=1)
