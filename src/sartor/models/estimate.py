"""What training a LoRA adapter will take, before it starts: parameters, FLOPs, memory, seconds.

Counted on the base's own architecture, built from its config without weights, so any base whose config is known can be
estimated for any machine. FLOPs count a multiply-add as two. Of a mixture of experts all experts are counted: an upper
bound.
"""

from dataclasses import dataclass

import psutil  # type: ignore[import-untyped,unused-ignore]
import torch
from torch import nn
from transformers import AutoModelForCausalLM, PreTrainedConfig
from transformers.pytorch_utils import Conv1D

from sartor.models.dtype import measure_flops
from sartor.models.gpus import find_gpu

UTILISATION = {"cpu": 0.40, "gpu": 0.35}
"""Assumed share of the machine's matrix-product speed that training reaches: the rest is element-wise work, waiting."""
_RUNTIME_BYTES = 700_000_000  # Python, torch and its kernels


@dataclass(frozen=True, slots=True)
class Workload:
    """What will be computed, over all epochs. A shared prompt prefix counts once a batch."""

    tokens: int
    supervised: int
    """Of these, positions where the head is applied."""
    longest: int
    """Tokens of the longest example: what one token attends to at most."""
    batch_tokens: int
    """Computed tokens of the largest batch: what memory must hold."""
    batch_supervised: int


@dataclass(frozen=True, slots=True)
class Estimate:
    parameters: int
    trainable: int
    memory_bytes: int
    """Weights, adapter with its optimiser, activations of the largest batch, and the runtime itself."""
    train_flops: float

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
    """The machine that runs this, its speed measured in 0.3 s and its memory what is free now."""
    flops = measure_flops(dtype, device)
    if device.startswith("cuda"):
        free, _ = torch.cuda.mem_get_info(device)
        return Machine(torch.cuda.get_device_name(device), flops, free, UTILISATION["gpu"])
    return Machine(f"this machine ({device})", flops, psutil.virtual_memory().available, UTILISATION["cpu"])


def named_machine(gpu: str) -> Machine:
    """A GPU from the table. Raises InputError, listing the known ones."""
    found = find_gpu(gpu)
    return Machine(found.name, found.tflops * 1e12, found.memory_gb * 10**9, UTILISATION["gpu"])


def estimate(config: PreTrainedConfig, work: Workload, rank: int, dtype: torch.dtype) -> Estimate:
    """LoRA of `rank` on every linear layer but the head, frozen weights in `dtype`.

    Per computed token 4 · (parameters in linear layers): once forward, once for the gradient of the activations, none
    for frozen weights. 6 · trainable on top. Attention 12 · (heads · head size) · layers · (context / 2). The head, 4 ·
    width · vocabulary, only at supervised positions.
    """
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    head, embedding = model.get_output_embeddings(), model.get_input_embeddings()
    linear = [module for module in model.modules() if isinstance(module, nn.Linear | Conv1D) and module is not head]
    shapes = [_shape(module) for module in linear]
    parameters = sum(parameter.numel() for parameter in model.parameters())
    tables = {id(module.weight): module.weight.numel() for module in (head, embedding) if module is not None}
    frozen = parameters - sum(tables.values())
    trainable = sum(rank * (rows + columns) for rows, columns in shapes)

    text = config.get_text_config()
    layers, width, heads = text.num_hidden_layers, text.hidden_size, text.num_attention_heads
    attention = heads * (getattr(text, "head_dim", None) or width // heads)
    flops = work.tokens * (4.0 * frozen + 6 * trainable + 6 * attention * layers * work.longest)
    flops += work.supervised * 4.0 * width * text.vocab_size

    # Kept for the backward pass, per token: what enters each linear layer and what leaves it, and both norms' inputs.
    kept = sum(rows + columns for rows, columns in shapes) + 2 * layers * width
    memory = parameters * dtype.itemsize
    memory += trainable * (16 + dtype.itemsize)  # float32 weight, gradient, AdamW's two moments; a copy to compute with
    memory += work.batch_tokens * kept * dtype.itemsize
    memory += work.batch_supervised * text.vocab_size * (4 + dtype.itemsize)  # logits, then float32 probabilities
    return Estimate(parameters, trainable, memory + _RUNTIME_BYTES, flops)


def _shape(module: nn.Module) -> tuple[int, int]:
    rows, columns = module.weight.shape  # type: ignore[misc]
    return int(rows), int(columns)
