"""What training will take, before it starts: parameters, FLOPs, memory, seconds.

Counted on the base's own architecture, built from its config without weights, so any base whose config is known can be
estimated for any machine. FLOPs count a multiply-add as two. Of a mixture of experts all experts are counted: an upper
bound.

Per token, with N numbers in the layers, T trainable ones of an adapter that every token goes through, and d the share of the
layers that are adapted (`train.depth` counts from the last one), of which a gradient sees the upper part only:

    forward                              2 N + 2 T + 2 c A
    forward once more, for the gradient  d (2 N + 2 c A) + 2 T        with gradient checkpointing
    gradient of the activations          d (2 N + 4 c A) + 2 T
    gradient of what is trained          2 T; in full fine-tuning 2 N

c is the longest context, virtual tokens included, and A = heads · head size · layers: attention's two products see half of c
on average. The head costs 2 · width · vocabulary each way at supervised positions, and as much again in full fine-tuning.
Virtual tokens of prompt tuning are computed ones; scales, norms and the optimiser are element-wise and not counted. Nor is
what QLoRA takes to turn codes into numbers, and DoRA to measure lengths: both once a pass, not once a token.
"""

from dataclasses import dataclass

import psutil  # type: ignore[import-untyped,unused-ignore]
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from sartor.models.decoder import unsupported
from sartor.models.dtype import measure_flops
from sartor.models.gpus import find_gpu
from sartor.models.methods import ia3_modules
from sartor.models.methods.bottleneck import BEHIND
from sartor.models.methods.ia3 import FORWARD, KEYS, VALUES
from sartor.models.quantised import BYTES_A_NUMBER
from sartor.task import TrainSpec

UTILISATION = {"cpu": 0.40, "gpu": 0.35}
"""Assumed share of the machine's matrix-product speed that training reaches: the rest is element-wise work, waiting."""
_RUNTIME_BYTES = 700_000_000  # Python, torch and its kernels
_STATE_BYTES = 20  # float32: a trainable number, its gradient, AdamW's two moments, its value in the best epoch


@dataclass(frozen=True, slots=True)
class Workload:
    """What will be computed, over all epochs. A shared prompt prefix counts once a batch."""

    tokens: int
    """Forward and backward."""
    supervised: int
    """Of these, positions where the head is applied."""
    longest: int
    """Tokens of the longest example: what one token attends to at most."""
    batch_tokens: int
    """Computed tokens of the largest pass: what memory must hold."""
    batch_supervised: int
    held_tokens: int = 0
    """Of validation: forward only."""
    held_supervised: int = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    parameters: int
    trainable: int
    memory_bytes: int
    """The larger of two: the base as it is loaded; or weights, what is trained with its optimiser, activations of the
    largest pass. The runtime itself in both."""
    train_flops: float
    recompute: bool
    """With gradient checkpointing, which keeps what enters each layer, and one layer's activations at a time."""

    def seconds(self, machine: "Machine") -> float:
        """FLOPs / (speed · utilisation)."""
        return self.train_flops / (machine.flops * machine.utilisation)

    def fits(self, machine: "Machine") -> bool:
        return self.memory_bytes <= machine.memory_bytes


@dataclass(frozen=True, slots=True)
class Machine:
    name: str
    flops: float
    """FLOP/s of matrix products: measured here, from the data sheet for a named GPU."""
    memory_bytes: int
    utilisation: float


def this_machine(dtype: torch.dtype, device: str = "cpu") -> Machine:
    """The machine that runs this, its speed measured in 0.3 s and its memory what this process can have now."""
    flops, memory = measure_flops(dtype, device), memory_here(device)
    if device.startswith("cuda"):
        return Machine(torch.cuda.get_device_name(device), flops, memory, UTILISATION["gpu"])
    return Machine(f"this machine ({device})", flops, memory, UTILISATION["cpu"])


def memory_here(device: str) -> int:
    """Bytes that this process can have: what is free, and what it holds already."""
    if device.startswith("cuda"):
        free: int = torch.cuda.mem_get_info(device)[0]
        return free + torch.cuda.memory_reserved(device)
    return int(psutil.virtual_memory().available + psutil.Process().memory_info().rss)


def named_machine(gpu: str) -> Machine:
    """A GPU from the table. Raises InputError, listing the known ones."""
    found = find_gpu(gpu)
    return Machine(found.name, found.tflops * 1e12, found.memory_gb * 10**9, UTILISATION["gpu"])


def estimate(
    config: PreTrainedConfig, work: Workload, spec: TrainSpec, dtype: torch.dtype, memory_bytes: int | None = None
) -> Estimate:
    """What `spec` takes on a base whose frozen weights are in `dtype`; FLOPs as the module says.

    `memory_bytes` is what there is, for `gradient_checkpointing: auto`; without it there is enough.
    """
    sizes, recompute = Sizes.of(config, spec), spec.gradient_checkpointing is True
    memory = sizes.memory(work, spec, dtype, recompute)
    if spec.gradient_checkpointing == "auto" and memory_bytes is not None and not unsupported(config):
        recompute = memory > memory_bytes
        memory = sizes.memory(work, spec, dtype, recompute)
    flops = sizes.train_flops(work.tokens, work.supervised, work.longest)
    flops += sizes.forward_flops(work.held_tokens, work.held_supervised, work.longest)
    flops += sizes.recomputed_flops(recompute * work.tokens, work.longest)
    return Estimate(sizes.parameters, sizes.trainable, memory, flops, recompute)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a base is, and what a method trains on it."""

    parameters: int
    frozen: int
    """In the layers: parameters without head and embeddings."""
    linear: dict[str, tuple[int, int]]
    """Shapes by name of the linear layers but the head."""
    layers: int
    width: int
    vocabulary: int
    attention: int
    """Heads · head size · layers."""
    share: float
    """Of the layers, those that gradients go through."""
    virtual: int
    """Positions before the first token that every token attends to."""
    trainable: int
    dense: int
    """Of the trainable numbers, those of an adapter's matrices, which every token is multiplied with."""
    full: bool
    """Whether the base itself is trained."""

    @classmethod
    def of(cls, config: PreTrainedConfig, spec: TrainSpec) -> "Sizes":
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
        head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
        linear = {
            name: _shape(module)
            for name, module in model.named_modules()
            if isinstance(module, nn.Linear | Conv1D) and module is not head
        }
        parameters = sum(parameter.numel() for parameter in model.parameters())
        tables = {id(module.weight): module.weight.numel() for module in (head, embedding) if module is not None}
        text = config.get_text_config()
        layers, width, heads = text.num_hidden_layers, text.hidden_size, text.num_attention_heads
        head_size = getattr(text, "head_dim", None) or width // heads
        depth = min(spec.depth or layers, layers)
        kv_heads = getattr(text, "num_key_value_heads", None) or heads
        dense = trainable = 0
        match spec.method:
            case "lora" | "qlora":
                dense = spec.rank * sum(rows + columns for rows, columns in linear.values()) * depth // layers
                lengths = sum(rows for rows, _ in linear.values()) * depth // layers if spec.dora else 0
                trainable = dense + lengths
            case "bottleneck":
                places = depth * len(BEHIND[spec.placement])
                dense = places * 2 * spec.rank * width
                trainable = dense + places * (spec.rank + width)
            case "ia3":
                trainable = _vectors(config, linear)
            case "prompt":
                trainable = spec.virtual_tokens * width
            case "prefix":
                trainable = spec.virtual_tokens * layers * 2 * kv_heads * head_size
            case "full":
                trainable = parameters
        return cls(
            parameters=parameters,
            frozen=parameters - sum(tables.values()),
            linear=linear,
            layers=layers,
            width=width,
            vocabulary=text.vocab_size,
            attention=heads * head_size * layers,
            share=depth / layers,
            virtual=spec.virtual_tokens if spec.method in ("prompt", "prefix") else 0,
            trainable=trainable,
            dense=dense,
            full=spec.method == "full",
        )

    def train_flops(self, computed_tokens: float, supervised_tokens: float, longest: int) -> float:
        """Of tokens that go forward and backward: before a run from its workload, after it from its history.

        `supervised_tokens` are those at which the head is applied: on the plain path all computed ones.
        """
        attention = 4 * self.share * self.attention * (longest + self.virtual)
        backward = self.share * 2 * self.frozen + attention + 4 * self.dense + self.full * 2 * self.frozen
        head = (4 if self.full else 2) * self.width * self.vocabulary
        forward = self.forward_flops(computed_tokens, supervised_tokens, longest)
        return forward + computed_tokens * backward + supervised_tokens * head

    def forward_flops(self, computed_tokens: float, supervised_tokens: float, longest: int) -> float:
        """Of tokens that go forward only, as those of validation do."""
        attention = 2 * self.attention * (longest + self.virtual)
        forward = 2 * self.frozen + 2 * self.dense + attention
        return computed_tokens * float(forward) + supervised_tokens * 2.0 * self.width * self.vocabulary

    def recomputed_flops(self, tokens: float, longest: int) -> float:
        """Of tokens whose layers go forward once more for the gradient."""
        layers = self.share * (2 * self.frozen + 2 * self.attention * (longest + self.virtual))
        return tokens * float(layers + 2 * self.dense)

    def memory(self, work: Workload, spec: TrainSpec, dtype: torch.dtype, recompute: bool) -> int:
        """Bytes, as in `Estimate`."""
        # Kept for the backward pass, per token of an adapted layer: what enters each linear layer and what leaves it, and
        # both norms' inputs.
        layer = (sum(rows + columns for rows, columns in self.linear.values()) / self.layers) + 2 * self.width
        adapted = self.share * self.layers
        kept = layer + adapted * self.width if recompute else adapted * layer
        loaded = weights = self.parameters * dtype.itemsize
        if spec.method == "qlora":
            matrices = [rows * columns for rows, columns in self.linear.values()]
            weights -= round(sum(matrices) * (dtype.itemsize - BYTES_A_NUMBER))
            weights += 2 * max(matrices) * dtype.itemsize  # gate and up, for as long as their product takes
        copied = dtype.itemsize if dtype.itemsize < 4 else 0  # to compute with
        memory = weights + self.trainable * (_STATE_BYTES + copied) + round(work.batch_tokens * kept * dtype.itemsize)
        memory += work.batch_supervised * self.vocabulary * (4 + dtype.itemsize)  # logits, then float32 probabilities
        return max(loaded, memory) + _RUNTIME_BYTES


def _vectors(config: PreTrainedConfig, linear: dict[str, tuple[int, int]]) -> int:
    """(IA)³'s numbers: as many as a module has outputs, or inputs where these are scaled."""
    places = ia3_modules(config.model_type) if unsupported(config) else {KEYS: False, VALUES: False, FORWARD: True}
    return sum(
        shape[1] if scaled else shape[0]
        for name, shape in linear.items()
        for end, scaled in places.items()
        if name.endswith(f".{end}")
    )


def _shape(module: nn.Module) -> tuple[int, int]:
    """[out, in]"""
    rows, columns = module.weight.shape  # type: ignore[misc]
    return (int(columns), int(rows)) if isinstance(module, Conv1D) else (int(rows), int(columns))
