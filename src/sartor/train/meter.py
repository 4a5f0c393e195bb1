"""What a training took: time, tokens, FLOPs, memory, and energy by a stated model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from transformers import PreTrainedConfig

from sartor.jobs import Usage
from sartor.models.estimate import Sizes
from sartor.models.gpus import watts_of
from sartor.task import TrainSpec
from sartor.train.loop import History

WATTS_A_CORE = 10.0
"""Of a busy processor core with its part of memory, board and power supply: server processors are made for 4 to 8 watts a
core, and the rest of a server draws about as much again as is left to ten."""
JOULES_A_KWH = 3.6e6

_ADD_UP = (
    "seconds",
    "cpu_seconds",
    "gpu_seconds",
    "computed_tokens",
    "supervised_tokens",
    "held_tokens",
    "flops",
    "energy_kwh",
)
Source = Literal["measured", "configured", "modelled"]


@dataclass(frozen=True, slots=True)
class Meter:
    seconds: float
    """Of the wall clock, over all attempts, loading the base included."""
    cpu_seconds: float
    gpu_seconds: float
    """Of training on a GPU, which it has to itself; 0 on a processor."""
    computed_tokens: int
    """Forward and backward, padding and virtual tokens included."""
    supervised_tokens: int
    held_tokens: int
    """Computed for validation losses, forward only."""
    flops: float
    """Modelled: by the formula of `models.estimate`, over the tokens that were computed."""
    peak_memory_bytes: int
    energy_kwh: float
    """Modelled: watts times seconds."""
    energy_from: str
    """The watts and where they come from."""


def meter(
    config: PreTrainedConfig,
    spec: TrainSpec,
    history: History,
    usage: Usage,
    longest: int,
    fast: bool,
    device: str = "cpu",
    watts: float | None = None,
) -> Meter:
    """Of one training, from its history and its usage. `longest`: tokens of the longest example.

    `watts` is what the task says that the machine draws; without it a GPU draws what it is made for while training runs,
    and a processor `WATTS_A_CORE` for each second of a core.
    """
    heads = (history.supervised_tokens, history.held_supervised)
    if not fast:
        heads = (history.computed_tokens, history.held_tokens)
    sizes = Sizes.of(config, spec)
    flops = sizes.train_flops(history.computed_tokens, heads[0], longest)
    flops += sizes.forward_flops(history.held_tokens, heads[1], longest)
    flops += sizes.recomputed_flops(history.recomputed_tokens, longest)
    on_gpu = device.startswith("cuda")
    if watts is not None:
        joules, why = watts * usage.seconds, f"{watts:g} W as `costs.watts` says, over {usage.seconds:.1f} s"
    elif on_gpu:
        name = torch.cuda.get_device_name(device)
        draws = watts_of(name)
        joules, why = draws * history.seconds, f"{draws:g} W of a {name} (data sheet), over {history.seconds:.1f} s"
    else:
        joules = WATTS_A_CORE * usage.cpu_seconds
        why = f"{WATTS_A_CORE:g} W a busy core, over {usage.cpu_seconds:.1f} s of them"
    return Meter(
        seconds=usage.seconds,
        cpu_seconds=usage.cpu_seconds,
        gpu_seconds=history.seconds if on_gpu else 0.0,
        computed_tokens=history.computed_tokens,
        supervised_tokens=history.supervised_tokens,
        held_tokens=history.held_tokens,
        flops=flops,
        peak_memory_bytes=usage.peak_memory_bytes,
        energy_kwh=joules / JOULES_A_KWH,
        energy_from=why,
    )


def summed(meters: Sequence[Meter]) -> Meter:
    """What several trainings took, one after the other."""
    added = {name: sum(getattr(each, name) for each in meters) for name in _ADD_UP}
    highest = max(each.peak_memory_bytes for each in meters)
    return Meter(**added, peak_memory_bytes=highest, energy_from="; ".join(each.energy_from for each in meters))


def book_lines(read: Meter) -> list[tuple[str, float, str, Source]]:
    """(item, quantity, unit, source) for the books. Their time is paid by the hour already: none of them has a rate."""
    return [
        ("processor time", read.cpu_seconds / 3600, "hour", "measured"),
        ("GPU time", read.gpu_seconds / 3600, "hour", "measured"),
        ("tokens computed", read.computed_tokens, "token", "measured"),
        ("tokens supervised", read.supervised_tokens, "token", "measured"),
        ("tokens of validation", read.held_tokens, "token", "measured"),
        ("floating-point operations", read.flops, "FLOP", "modelled"),
        ("peak memory", read.peak_memory_bytes, "byte", "measured"),
        ("energy", read.energy_kwh, "kWh", "modelled"),
    ]
