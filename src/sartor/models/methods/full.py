"""Full fine-tuning: every number of the base is trained, from a float32 copy, and the whole model is what is saved."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from safetensors.torch import save_file
from torch import Tensor

from sartor.models.decoder import FROZEN, AdapterView, Decoder, Layer
from sartor.models.methods.weights import GROUPS, Weights, fill, module_shapes
from sartor.task import TrainSpec

MODEL_NAME = "model.safetensors"
NORMS = {
    "norm": "input_layernorm",
    "mlp_norm": "post_attention_layernorm",
    "q_norm": "self_attn.q_norm",
    "k_norm": "self_attn.k_norm",
}


class FullWeights(Weights):
    """Its tensors are the decoder's, fused ones in one piece; files have those of Transformers."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        own = dict(_tensors(decoder))
        super().__init__({name: tuple(tensor.shape) for name, tensor in own.items()})
        for part, tensor in zip(self.flat.split(self._sizes), own.values(), strict=True):
            part.copy_(tensor.flatten())

    @classmethod
    def fresh(cls, decoder: Decoder, spec: TrainSpec) -> Self:
        return cls(decoder)

    @classmethod
    def load(cls, folder: Path, decoder: Decoder) -> Self:
        weights = cls(decoder)
        fill(weights.modules(), folder / MODEL_NAME)
        return weights

    def modules(self) -> dict[str, Tensor]:
        """Every tensor by its name in Transformers: views of `flat`."""
        found = {}
        shapes = module_shapes(self._decoder.config)
        for name, tensor in self.tensors().items():
            stem, _, kind = name.rpartition(".")
            if (group := stem.rpartition(".")[2]) not in GROUPS:
                found[name] = tensor
                continue
            sizes = [shapes[module][0] for module in GROUPS[group]]
            for module, part in zip(GROUPS[group], tensor.split(sizes), strict=True):
                found[f"{stem.removesuffix(group)}{module}.{kind}"] = part
        return found

    def apply(self, decoder: Decoder) -> tuple[Decoder, AdapterView]:
        named = dict(zip(self.names, self._cast(decoder.dtype), strict=True))
        embedding = named["model.embed_tokens.weight"]
        layers = []
        for index in range(len(decoder.layers)):
            block = f"model.layers.{index}"
            slots: dict[str, Any] = {group: named[f"{block}.{group}.weight"] for group in GROUPS}
            slots |= {slot: named.get(f"{block}.{module}.weight") for slot, module in NORMS.items()}
            layers.append(Layer(**slots, qkv_bias=named.get(f"{block}.qkv.bias")))
        head = named.get("lm_head.weight", embedding)
        return decoder.with_weights(embedding, head, named["model.norm.weight"], layers), FROZEN

    def save(self, folder: Path, base_name: str) -> None:
        """Write `model.safetensors` in the base's number format and `config.json`, as Transformers does."""
        dtype = self._decoder.dtype
        tensors = {name: tensor.to(dtype).contiguous().clone() for name, tensor in self.modules().items()}
        save_file(tensors, folder / MODEL_NAME, {"format": "pt"})
        self._decoder.config.save_pretrained(folder)


def _tensors(decoder: Decoder) -> Iterator[tuple[str, Tensor]]:
    yield "model.embed_tokens.weight", decoder.embedding
    if decoder.head.data_ptr() != decoder.embedding.data_ptr():
        yield "lm_head.weight", decoder.head
    yield "model.norm.weight", decoder.norm
    for index, layer in enumerate(decoder.layers):
        for group in GROUPS:
            yield f"model.layers.{index}.{group}.weight", getattr(layer, group)
        if layer.qkv_bias is not None:
            yield f"model.layers.{index}.qkv.bias", layer.qkv_bias
        for slot, module in NORMS.items():
            if (norm := getattr(layer, slot)) is not None:
                yield f"model.layers.{index}.{module}.weight", norm
