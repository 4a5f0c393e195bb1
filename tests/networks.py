"""Tiny models, loaded as Transformers has them and as the functional decoder, and examples that are mere numbers.

A folder's conftest imports the fixtures.
"""

import random
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from tests.tiny import VOCABULARY, tiny_gpt2, tiny_llama, tiny_mistral, tiny_qwen2, tiny_qwen3
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForCausalLM, PreTrainedModel

from sartor.models.decoder import Decoder
from sartor.models.methods.lora import LoraWeights
from sartor.task import TrainSpec
from sartor.train.batches import Encoded
from sartor.train.network import FastNetwork, PlainNetwork

FAMILIES: dict[str, Callable[[Path], Path]] = {
    "llama": tiny_llama,
    "llama-multi-head": partial(tiny_llama, kv_heads=4),
    "llama-multi-query": partial(tiny_llama, kv_heads=1),
    "qwen2": tiny_qwen2,
    "qwen3": tiny_qwen3,
    "mistral": tiny_mistral,
}
RANK, ALPHA = 4, 8.0


@pytest.fixture(scope="session", params=FAMILIES)
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base of every family that the fast path names."""
    return FAMILIES[request.param](tmp_path_factory.mktemp("tiny"))


def flop_counter() -> FlopCounterMode:
    """Torch's, which does not know by itself of products that are added in place."""
    counter = FlopCounterMode(display=False)
    counter.flop_registry[torch.ops.aten.addmm_] = counter.flop_registry[torch.ops.aten.addmm]
    return counter


@pytest.fixture(scope="session")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_llama(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base that takes the plain path."""
    return tiny_gpt2(tmp_path_factory.mktemp("tiny"))


def plain_model(folder: Path) -> PreTrainedModel:
    """The reference: Transformers' own forward pass in float32, frozen."""
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    return model.eval().requires_grad_(False)


def fast_network(folder: Path, seed: int = 0, wide: float = 0.0, device: str = "cpu") -> FastNetwork:
    """A fresh adapter; `wide` draws its B matrices too, from a normal distribution of that width."""
    model = plain_model(folder).to(device)
    lora = LoraWeights(model.config, RANK, ALPHA, seed)
    if wide:
        widen(lora, wide)
    return FastNetwork(Decoder(model), lora, "tiny")


def plain_network(folder: Path, lora: LoraWeights | None = None, seed: int = 0) -> PlainNetwork:
    """The same base through PEFT, with the numbers of `lora` where it is given."""
    network = PlainNetwork(plain_model(folder), TrainSpec(rank=RANK, alpha=ALPHA, seed=seed), "tiny")
    if lora is not None:
        named = peft_tensors(network)
        with torch.no_grad():
            for name, tensor in lora.tensors().items():
                named[name].copy_(tensor)
    return network


def peft_tensors(network: PlainNetwork) -> dict[str, torch.Tensor]:
    """The trainable tensors under the names that PEFT gives them in a file."""
    named = network.model.named_parameters()
    return {name.replace(".default.", "."): tensor for name, tensor in named if tensor.requires_grad}


def widen(lora: LoraWeights, width: float) -> None:
    """Draw the B matrices, zero in a fresh adapter, so that the adapter shows in every number."""
    generator = torch.Generator().manual_seed(7)
    for name, tensor in lora.tensors().items():
        if ".lora_B." in name:
            tensor.normal_(0, width, generator=generator)


def examples(count: int, prefix: int = 5, seed: int = 0, longest: int = 24) -> list[Encoded]:
    """Random tokens: prompts that share exactly `prefix` tokens, replies that end with token 2."""
    rng = random.Random(seed)

    def tokens(number: int) -> tuple[int, ...]:
        return tuple(rng.randrange(3, VOCABULARY) for _ in range(number))

    shared = tokens(prefix)
    # The first token of its own tells every prompt from the others.
    own = [(3 + place, *tokens(rng.randint(0, longest))) for place in range(count)]
    return [
        Encoded(str(place), shared + prompt, (*tokens(rng.randint(1, longest // 2)), 2))
        for place, prompt in enumerate(own)
    ]
