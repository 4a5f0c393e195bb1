"""Every method of fine-tuning on tiny bases, for the one suite over them, and the same in a process that is killed."""

import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch
from tests.networks import examples, plain_model
from tests.processes import die

from sartor.errors import SystemFailure
from sartor.models.decoder import Decoder
from sartor.models.methods import fresh
from sartor.task import TrainSpec
from sartor.train.batches import Encoded, collate, common_prefix, most_tokens
from sartor.train.loop import History, Recipe, train
from sartor.train.network import FastNetwork, Network, PlainNetwork

ROWS = examples(6, prefix=9)
HELD = examples(8, prefix=9)[6:]
PREFIX = common_prefix(ROWS)
PAD = 2
SPECS: dict[str, dict[str, Any]] = {
    "lora": {"rank": 4},
    "lora, top layer": {"rank": 4, "depth": 1},
    "rslora": {"rank": 4, "rslora": True},
    "lora+": {"rank": 4, "lora_plus": 4.0},
    "dora": {"rank": 4, "dora": True},
    "ia3": {"method": "ia3"},
    "pfeiffer": {"method": "bottleneck", "rank": 4},
    "houlsby": {"method": "bottleneck", "rank": 4, "placement": "houlsby", "depth": 2},
    "prompt": {"method": "prompt", "virtual_tokens": 5},
    "prefix": {"method": "prefix", "virtual_tokens": 5},
    "full": {"method": "full"},
}
ALL = {**SPECS, "qlora": {"method": "qlora", "rank": 4}}
RATES = {"ia3": 5e-2, "prompt": 5e-2, "prefix": 5e-2, "full": 2e-3}
KNOWN_TO_PEFT = [method for method in SPECS if method not in ("pfeiffer", "houlsby")]
ON_THE_PLAIN_PATH = ["lora", "rslora", "lora+", "dora", "ia3", "prompt", "prefix", "full"]
NOTHING_RANDOM = ("ia3", "full")
"""What starts the same whatever the seed."""
RECIPE = Recipe(learning_rate=1e-2, epochs=3, batch_size=3, seed=0, pad=PAD)
STEPS = 6


def fresh_network(base: Path, method: str, seed: int = 0, fast: bool = True) -> Network:
    spec = TrainSpec(**ALL[method], seed=seed)
    if not fast:
        return PlainNetwork(plain_model(base), spec, "tiny")
    decoder = Decoder(plain_model(base))
    decoder = decoder.quantised() if method == "qlora" else decoder
    return FastNetwork(decoder, fresh(decoder, spec), "tiny")


def train_method(
    base: Path, method: str, fast: bool, scratch: Path, stop: Callable[[int], None] = lambda _: None
) -> tuple[Network, History]:
    """Six steps, a checkpoint after each; `stop` hears the number of every one that was made."""

    def progress(what: str, done: int, total: int, detail: str = "") -> None:
        stop(done)

    network = fresh_network(base, method, fast=fast)
    return network, train(network, ROWS, HELD, RECIPE, scratch, progress, checkpoint_seconds=0.0)


def train_method_until_killed(base: Path, method: str, fast: bool, scratch: Path, dies_at: int) -> None:
    def stop(step: int) -> None:
        if step == dies_at:
            die()

    train_method(base, method, fast, scratch, stop)


def train_starving(base: Path, told: Path, megabytes: int, rows: int, length: int, settings: dict[str, Any]) -> None:
    """A batch of rows, in a process that the system lets have so much memory more; what comes of it goes into `told`."""
    decoder = Decoder(plain_model(base))
    spec = TrainSpec(**settings)
    network = FastNetwork(decoder, fresh(decoder, spec), "tiny")
    batch = [Encoded(str(place), (3 + place, *[7] * (length - 11)), (*[9] * 9, 2)) for place in range(rows)]
    network.recompute = spec.gradient_checkpointing is True
    network.loss(collate(ROWS, 0, PAD)).backward()  # what the backend keeps
    limit = psutil.Process().memory_info().vms + megabytes * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    try:
        recipe = Recipe(1e-3, 1, rows, 0, PAD, most_tokens(spec, torch.float32))
        told.write_text(str(train(network, batch, [], recipe, told.parent / "scratch").steps))
    except SystemFailure as error:
        told.write_text(str(error))


def numbers(network: Network) -> torch.Tensor:
    """All that was trained, in one piece."""
    return torch.cat([tensor.detach().flatten() for tensor in network.trainable])
