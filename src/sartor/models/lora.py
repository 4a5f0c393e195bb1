"""LoRA weights (Hu et al. 2021, 2106.09685) on every linear layer of a Llama-family decoder.

    y = x Wᵀ + (α / r) · (x Aᵀ) Bᵀ          W [out, in] frozen, A [r, in], B [out, r]

All of an adapter's numbers lie in one flat float32 vector, so that the optimiser, the gradient's norm, checkpoints
and the cast to the base's number format are single operations. Projections that the decoder fuses (q, k, v; gate, up)
share one product: their A are stacked and their B stand on a block diagonal. Files are PEFT's own format.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PretrainedConfig

GROUPS: dict[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
TARGET_MODULES = [module.split(".")[1] for modules in GROUPS.values() for module in modules]


@dataclass(frozen=True, slots=True)
class LoraView:
    """An adapter's weights cast for one pass: per layer and group (A [n·r, in], B [out, n·r])."""

    pairs: list[dict[str, tuple[Tensor, Tensor]]]
    scale: float


class LoraWeights:
    """The trainable numbers of one adapter. Fresh: A by Kaiming-uniform(√5) from `seed`, B zero, as in PEFT."""

    def __init__(self, config: PretrainedConfig, rank: int, alpha: float, seed: int = 0) -> None:
        self.rank, self.alpha = rank, alpha
        self.layers: int = config.num_hidden_layers
        shapes = _module_shapes(config)
        self.names: list[str] = []
        """PEFT's module path of every (A, B) pair, in the order of `flat`."""
        self._shapes: list[tuple[int, int]] = []
        for layer in range(self.layers):
            for modules in GROUPS.values():
                for side in ("lora_A", "lora_B"):
                    for module in modules:
                        out_features, in_features = shapes[module]
                        self.names.append(f"base_model.model.model.layers.{layer}.{module}.{side}.weight")
                        self._shapes.append((rank, in_features) if side == "lora_A" else (out_features, rank))
        self._sizes = [rows * columns for rows, columns in self._shapes]
        self.flat = torch.zeros(sum(self._sizes), requires_grad=True)
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, tensor in self.tensors().items():
                if ".lora_A." in name:
                    bound = 1 / math.sqrt(tensor.shape[1])
                    tensor.uniform_(-bound, bound, generator=generator)

    @property
    def scale(self) -> float:
        return self.alpha / self.rank

    def to(self, device: torch.device) -> "LoraWeights":
        """Move the numbers to the base's device, before an optimiser takes them."""
        if self.flat.device != device:
            self.flat = self.flat.detach().to(device).requires_grad_()
        return self

    def tensors(self) -> dict[str, Tensor]:
        """Every matrix by PEFT's name: views of `flat`, without gradient."""
        parts = self.flat.detach().split(self._sizes)
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self._shapes, strict=True)}

    def view(self, dtype: torch.dtype) -> LoraView:
        """The weights in `dtype` for one forward pass; gradients flow back to `flat`."""
        parts = [
            part.view(shape) for part, shape in zip(self.flat.to(dtype).split(self._sizes), self._shapes, strict=True)
        ]
        taken = iter(parts)
        pairs: list[dict[str, tuple[Tensor, Tensor]]] = []
        for _ in range(self.layers):
            pair = {}
            for group, modules in GROUPS.items():
                down = [next(taken) for _ in modules]
                up = [next(taken) for _ in modules]
                pair[group] = (torch.cat(down), torch.block_diag(*up)) if len(modules) > 1 else (down[0], up[0])
            pairs.append(pair)
        return LoraView(pairs, self.scale)

    def save(self, folder: Path, base_name: str) -> None:
        """Write `adapter_model.safetensors` and `adapter_config.json` as PEFT does."""
        save_file({name: t.clone() for name, t in self.tensors().items()}, folder / "adapter_model.safetensors")
        config = {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base_name,
            "r": self.rank,
            "lora_alpha": self.alpha,
            "lora_dropout": 0.0,
            "bias": "none",
            "fan_in_fan_out": False,
            "use_rslora": False,
            "use_dora": False,
            "inference_mode": True,
            "target_modules": sorted(TARGET_MODULES),
        }
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    @classmethod
    def load(cls, folder: Path, config: PretrainedConfig) -> "LoraWeights":
        """Read an adapter that `save` (or PEFT, with the same target modules) wrote.

        Raises ValueError when a matrix is missing or has another shape than this base wants, or is scaled another way.
        """
        settings = json.loads((folder / "adapter_config.json").read_text())
        weights = cls(config, settings["r"], settings["lora_alpha"])
        stored = load_file(folder / "adapter_model.safetensors")
        own = weights.tensors()
        scaled = settings.get("use_rslora") or settings.get("alpha_pattern")
        if scaled or stored.keys() != own.keys() or any(stored[name].shape != own[name].shape for name in own):
            raise ValueError(f"{folder} was not trained on this base with LoRA on all of its linear layers")
        with torch.no_grad():
            for name, tensor in own.items():
                tensor.copy_(stored[name])
        return weights


def _module_shapes(config: PretrainedConfig) -> dict[str, tuple[int, int]]:
    hidden, inner = config.hidden_size, config.intermediate_size
    heads = config.num_attention_heads
    head_dim = getattr(config, "head_dim", None) or hidden // heads
    kv_heads = getattr(config, "num_key_value_heads", None) or heads
    return {
        "self_attn.q_proj": (heads * head_dim, hidden),
        "self_attn.k_proj": (kv_heads * head_dim, hidden),
        "self_attn.v_proj": (kv_heads * head_dim, hidden),
        "self_attn.o_proj": (hidden, heads * head_dim),
        "mlp.gate_proj": (inner, hidden),
        "mlp.up_proj": (inner, hidden),
        "mlp.down_proj": (hidden, inner),
    }


def lora_linear(x: Tensor, weight: Tensor, lora: LoraView | None, layer: int, group: str) -> Tensor:
    """x Wᵀ, plus the adapter's part where there is one: x [T, in] → [T, out]."""
    if lora is None:
        return F.linear(x, weight)
    down, up = lora.pairs[layer][group]
    return LoraLinear.apply(x, weight, down, up, lora.scale)  # type: ignore[no-any-return,no-untyped-call]


class LoraLinear(torch.autograd.Function):
    """Base and adapter in one step: no gradient for W, no dense ΔW, and x is kept once."""

    @staticmethod
    def forward(ctx, x: Tensor, weight: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:  # type: ignore[no-untyped-def]
        inner = F.linear(x, down)
        ctx.save_for_backward(x, weight, down, up, inner)
        ctx.scale = scale
        return F.linear(x, weight).addmm_(inner, up.T, alpha=scale)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[Tensor | None, None, Tensor, Tensor, None]:  # type: ignore[no-untyped-def]
        x, weight, down, up, inner = ctx.saved_tensors
        grad_inner = (grad @ up).mul_(ctx.scale)
        grad_up = (grad.T @ inner).mul_(ctx.scale)
        grad_down = grad_inner.T @ x
        grad_x = (grad @ weight).addmm_(grad_inner, down) if ctx.needs_input_grad[0] else None
        return grad_x, None, grad_down, grad_up, None
