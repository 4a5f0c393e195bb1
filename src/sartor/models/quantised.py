"""Frozen matrices in 4 bits: NF4 with double quantisation (Dettmers et al. 2023, 2305.14314), by bitsandbytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from sartor.errors import InputError

NEEDS_BITSANDBYTES = "`method: qlora` needs bitsandbytes: install `sartor[qlora]`, or train with `method: lora`"


BYTES_A_NUMBER = 0.5 + 1 / 64 + 4 / (64 * 256)
"""A code, an 8-bit scale for every 64 of them, and a float32 scale for every 256 scales."""


@dataclass(frozen=True, slots=True)
class Quantised:
    """A matrix [out, in] as 4-bit codes with the scales of its blocks."""

    codes: Tensor
    state: Any

    @property
    def shape(self) -> torch.Size:
        return torch.Size(self.state.shape)


Matrix = Tensor | Quantised


def quantise(weight: Tensor) -> Quantised:
    """Raises InputError, with what to install, where bitsandbytes is missing."""
    try:
        from bitsandbytes.functional import quantize_4bit
    except ImportError:
        raise InputError(NEEDS_BITSANDBYTES) from None
    codes, state = quantize_4bit(weight.contiguous(), quant_type="nf4", compress_statistics=True)
    return Quantised(codes, state)


def dense(weight: Matrix, dtype: torch.dtype) -> Tensor:
    """The matrix itself, or what its codes stand for in `dtype`."""
    if isinstance(weight, Tensor):
        return weight
    from bitsandbytes.functional import dequantize_4bit

    wide: Tensor = dequantize_4bit(weight.codes, weight.state)
    return wide.to(dtype)
