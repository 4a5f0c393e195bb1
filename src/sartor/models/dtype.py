"""Which number format this machine computes fastest, measured with a matrix product."""

import functools
import json
import os
import platform
import time

import torch

from sartor.models.cache import cache_root

# A narrower format must pay clearly: near a tie, two runs on one machine should not choose differently.
_WORTH = 1.3
_SIZE = 768


@functools.cache
def measure_flops(dtype: torch.dtype, device: str) -> float:
    """FLOP/s of a square product of 768, about what a layer of a small model sees; the best of 0.3 s of tries."""
    a, b = (torch.ones(_SIZE, _SIZE, dtype=dtype, device=device) for _ in range(2))
    torch.mm(a, b)  # warms caches and kernels up
    best, start = float("inf"), time.perf_counter()
    while time.perf_counter() - start < 0.3:
        _wait(device)
        before = time.perf_counter()
        torch.mm(a, b)
        _wait(device)
        best = min(best, time.perf_counter() - before)
    return 2 * _SIZE**3 / best


def choose_dtype(device: str = "cpu") -> tuple[torch.dtype, str]:
    """bfloat16 where it is at least 1.3 times as fast as float32 (on CUDA: where the card has it), and the reason.

    A measurement is kept in the user's cache, per machine and PyTorch: a run that goes on must not choose anew.
    """
    note = (
        cache_root()
        / "number-format"
        / f"{platform.node()}-{device}-{torch.__version__}-{torch.get_num_threads()}.json"
    )
    if note.is_file():
        name, reason = json.loads(note.read_text())
        return getattr(torch, name), reason
    dtype, reason = _measure(device)
    note.parent.mkdir(parents=True, exist_ok=True)
    draft = note.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps([str(dtype).removeprefix("torch."), reason]))
    draft.replace(note)
    return dtype, reason


def _measure(device: str) -> tuple[torch.dtype, str]:
    if device.startswith("cuda"):
        if torch.cuda.is_bf16_supported(including_emulation=False):
            return torch.bfloat16, f"bfloat16: {torch.cuda.get_device_name(device)} computes it natively"
        return torch.float32, f"float32: {torch.cuda.get_device_name(device)} has no bfloat16 of its own"
    narrow, wide = measure_flops(torch.bfloat16, device), measure_flops(torch.float32, device)
    measured = f"measured {narrow / 1e9:.0f} GFLOP/s in bfloat16, {wide / 1e9:.0f} in float32"
    if narrow >= _WORTH * wide:
        return torch.bfloat16, f"bfloat16: {narrow / wide:.1f} times as fast as float32 on this machine ({measured})"
    return torch.float32, f"float32: bfloat16 is not clearly faster on this machine ({measured})"


def _wait(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
    elif device.startswith("mps"):
        torch.mps.synchronize()
