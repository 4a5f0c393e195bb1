"""What every method of fine-tuning has in common: its trainable numbers, and how it is made, saved and read again."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import PretrainedConfig

from sartor.models.decoder import AdapterView, Decoder
from sartor.task import TrainSpec

ADAPTER_NAME, CONFIG_NAME = "adapter_model.safetensors", "adapter_config.json"
GROUPS: dict[str, tuple[str, ...]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""The products that the decoder fuses, and the modules of a block that each is made of."""


class Weights(ABC):
    """The trainable numbers of one adapter, all in one flat float32 vector.

    So the optimiser, the gradient's norm, checkpoints and the cast to the base's number format are single operations.
    """

    virtual_inputs = 0
    """Virtual tokens that a pass computes beside those of its batch."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Zeros. `shapes` by the name that PEFT gives a tensor in a file."""
        self.names = list(shapes)
        self._shapes = list(shapes.values())
        self._sizes = [math.prod(shape) for shape in self._shapes]
        self._spread(torch.zeros(sum(self._sizes)))

    def _spread(self, flat: Tensor) -> None:
        self.flat = flat
        leaves = flat.split([sum(math.prod(shape) for shape in shapes) for shapes in self._leaf_shapes()])
        self.trainable: list[Tensor] = [leaf.requires_grad_() for leaf in leaves]

    def _leaf_shapes(self) -> list[list[tuple[int, ...]]]:
        """In what shapes a pass takes the numbers, in order, divided among the leaves of autograd that the optimiser sees."""
        return [self._shapes]

    @property
    def first_layer(self) -> int:
        """The lowest layer that the method changes; those below, and the embeddings, stay as they are."""
        return 0

    @property
    def rate_ratios(self) -> list[float]:
        """For each of `trainable`, by how much its learning rate exceeds the run's."""
        return [1.0] * len(self.trainable)

    def to(self, device: torch.device) -> Self:
        """Move the numbers to the base's device, before an optimiser takes them."""
        if self.flat.device != device:
            self._spread(self.flat.to(device))
        return self

    def tensors(self) -> dict[str, Tensor]:
        """Every tensor by PEFT's name: views of `flat`, without gradient."""
        parts = self.flat.split(self._sizes)
        return {name: part.view(shape) for name, part, shape in zip(self.names, parts, self._shapes, strict=True)}

    def _cast(self, dtype: torch.dtype) -> list[Tensor]:
        """The numbers in the shapes of one pass; gradients flow back to `trainable`."""
        return [part[0] for part in self._stacked([self], dtype)]

    @staticmethod
    def _stacked(many: Sequence["Weights"], dtype: torch.dtype) -> list[Tensor]:
        """The same of several weights of one shape, [many, …] each; as many operations as for a single one."""
        found: list[Tensor] = []
        for own, shapes in zip(
            zip(*(each.trainable for each in many), strict=True), many[0]._leaf_shapes(), strict=True
        ):
            together = torch.stack(own) if len(own) > 1 else own[0][None]
            parts = together.to(dtype).split([math.prod(shape) for shape in shapes], dim=1)
            found += [part.view(len(many), *shape) for part, shape in zip(parts, shapes, strict=True)]
        return found

    @classmethod
    @abstractmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        """As training starts; every random number comes from `spec.seed`."""

    @classmethod
    @abstractmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        """What `save` wrote, or PEFT. Raises ValueError when a tensor is missing or has another shape than this base wants."""

    @abstractmethod
    def apply(self, decoder: Decoder) -> tuple[Decoder, AdapterView]:
        """The decoder to run in one pass, and what is changed in it; gradients flow back to `trainable`."""

    @abstractmethod
    def save(self, folder: Path, base_name: str) -> None:
        """Write what `load` reads."""


class AdapterWeights(Weights):
    """Weights beside a frozen base, in PEFT's own format."""

    peft_type: ClassVar[str]
    """What PEFT calls the method."""

    @abstractmethod
    def view(self, dtype: torch.dtype) -> AdapterView:
        """The adapter for one pass over its base."""

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """What PEFT's config of this method holds, beside what is the same for all."""

    def apply(self, decoder: Decoder) -> tuple[Decoder, AdapterView]:
        return decoder, self.view(decoder.dtype)

    def save(self, folder: Path, base_name: str) -> None:
        """Write `adapter_model.safetensors` and `adapter_config.json` as PEFT does."""
        save_file({name: tensor.clone() for name, tensor in self.tensors().items()}, folder / ADAPTER_NAME)
        config = {
            "peft_type": self.peft_type,
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": base_name,
            "inference_mode": True,
            **self.config(),
        }
        (folder / CONFIG_NAME).write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")

    def _read(self, folder: Path) -> Self:
        fill(self.tensors(), folder / ADAPTER_NAME)
        return self


def fill(own: Mapping[str, Tensor], file: Path) -> None:
    """Copy a file's tensors into those of the same name. Raises ValueError when names or shapes differ."""
    stored = load_file(file)
    if stored.keys() != own.keys() or any(stored[name].shape != own[name].shape for name in own):
        raise ValueError(f"{file.parent} was not trained on this base, or with other settings than its config says")
    for name, tensor in own.items():
        tensor.copy_(stored[name])


def read_config(folder: Path) -> dict[str, Any]:
    """The contents of an adapter's `adapter_config.json`."""
    config: dict[str, Any] = json.loads((folder / CONFIG_NAME).read_text())
    return config


def layers_of(config: PretrainedConfig, depth: int | None) -> range:
    """The last `depth` layers, or all."""
    layers: int = config.num_hidden_layers
    return range(layers - depth if depth is not None else 0, layers)


def tensor_name(layer: int, module: str, tensor: str) -> str:
    """The name that PEFT gives a module's tensor in a file."""
    return f"base_model.model.model.layers.{layer}.{module}.{tensor}"


def module_shapes(config: PretrainedConfig) -> dict[str, tuple[int, int]]:
    """[out, in] of every linear layer of a block."""
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
