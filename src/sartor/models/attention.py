"""Attention of the fast path: rectangles of examples, each after a prompt prefix that its examples share.

    tokens   [ prefix P | example 1, L | … | example B, L ]            attends   prefix   prefix + itself up to its own position

Several such groups may lie behind each other; none sees another's tokens. On CUDA one FlexAttention kernel (2412.05496) does
all of them; elsewhere each group is a product of rectangles.
"""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

DENSE_SCORES = 512
"""Up to this many keys the scores of a layer are kept for the backward pass; above, flash attention recomputes them."""

KeysValues = tuple[Tensor, Tensor]
"""Keys and values [n, kv heads, d] that every position attends to, before all others."""
Attend = Callable[[int, Tensor, Tensor, Tensor, KeysValues | None], Tensor]
"""(layer, q [T, heads, d], k [T, kv heads, d], v [T, kv heads, d], those before) → [T, heads · d]"""

Shape = tuple[int, int, int]
"""Of a group: P, B and L."""


def attention(shapes: Sequence[Shape], device: torch.device, virtual: bool = False) -> Attend:
    """For tokens of groups of these shapes, one behind the other. `virtual`: keys and values will be given before all others."""
    if device.type == "cuda" and not virtual:
        return FlexAttention(shapes, device)
    if len(shapes) == 1:
        return SharedPrefixAttention(*shapes[0], device)
    return ApartAttention(shapes, device)


class FlexAttention:
    """All groups in one kernel, which skips the blocks of 128 by 128 tokens where nobody sees anybody."""

    def __init__(self, shapes: Sequence[Shape], device: torch.device) -> None:
        from torch.nn.attention.flex_attention import create_block_mask

        segments, prefixes = segments_of(shapes)
        segment, prefix = segments.to(device), prefixes.to(device)

        def sees(_: Tensor, __: Tensor, query: Tensor, key: Tensor) -> Tensor:
            near = (segment[key] == segment[query]) | (segment[key] == prefix[query])
            return (key <= query) & near

        size = len(segments)
        self._mask = create_block_mask(sees, None, None, size, size, device=device)

    def __call__(self, index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None = None) -> Tensor:
        assert before is None, "keys and values before all others take another attention"
        one = (x.transpose(0, 1)[None] for x in (q, k, v))
        out = _flex(q.device.type)(*one, block_mask=self._mask, enable_gqa=q.shape[1] != k.shape[1])
        return out[0].transpose(0, 1).flatten(1)


def segments_of(shapes: Sequence[Shape]) -> tuple[Tensor, Tensor]:
    """For every token the number of its segment (a prefix, or an example), and that of the prefix that it sees."""
    lengths, prefixes = list[int](), list[int]()
    for P, B, L in shapes:
        prefixes += [len(lengths)] * (B + 1)
        lengths += [P] + [L] * B
    counts = torch.tensor(lengths)
    return torch.arange(len(lengths)).repeat_interleave(counts), torch.tensor(prefixes).repeat_interleave(counts)


@functools.cache
def _flex(device: str) -> Callable[..., Tensor]:
    from torch.nn.attention.flex_attention import flex_attention

    chosen: Any = torch.compile(flex_attention, dynamic=True) if device == "cuda" else flex_attention
    return chosen  # type: ignore[no-any-return]


class ApartAttention:
    """One group after the other."""

    def __init__(self, shapes: Sequence[Shape], device: torch.device) -> None:
        self._sizes = [P + B * L for P, B, L in shapes]
        self._attend = [SharedPrefixAttention(*shape, device) for shape in shapes]

    def __call__(self, index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None = None) -> Tensor:
        parts = zip(self._attend, *(x.split(self._sizes) for x in (q, k, v)), strict=True)
        return torch.cat([attend(index, *own, before) for attend, *own in parts])


class SharedPrefixAttention:
    """Attention of a rectangle of examples after a shared prefix; see the module's picture.

    `prefix` is P, `rows` B, `width` L.
    """

    def __init__(self, prefix: int, rows: int, width: int, device: torch.device) -> None:
        self.prefix, self.rows, self.width = prefix, rows, width
        visible = torch.ones(width, prefix + width, dtype=torch.bool, device=device).tril(prefix)
        self._bias = torch.zeros(visible.shape, device=device).masked_fill_(~visible, float("-inf"))

    def __call__(self, index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None = None) -> Tensor:
        P, B, L = self.prefix, self.rows, self.width
        heads, d, kv_heads = q.shape[1], q.shape[2], k.shape[1]
        group = heads // kv_heads
        first_keys, first_values = (k[:P], v[:P]) if before is None else _joined(before, k[:P], v[:P])
        S = len(first_keys)
        if S + L > DENSE_SCORES:
            return self._flash(q, k, v, before)
        # One product per kv head serves its whole group of query heads. Only the prefix's keys and values are repeated,
        # which are few numbers beside the scores.
        queries = (q[P:] * (1 / math.sqrt(d))).view(B, L, kv_heads, group, d).permute(0, 2, 3, 1, 4)
        queries = queries.reshape(B * kv_heads, group * L, d)
        keys, values = self._rows(first_keys, k), self._rows(first_values, v)
        bias = F.pad(self._bias, (S - P, 0)).to(q.dtype).repeat(group, 1).expand(B * kv_heads, group * L, S + L)
        weights = torch.baddbmm(bias, queries, keys.transpose(1, 2)).softmax(-1)
        out = torch.bmm(weights, values).view(B, kv_heads, group, L, d).permute(0, 3, 1, 2, 4).reshape(B * L, heads * d)
        return torch.cat((causal_attention(q[:P], k[:P], v[:P], before), out)) if P else out

    def _rows(self, first: Tensor, x: Tensor) -> Tensor:
        """What all rows see first, and every row's own part: [B · kv heads, S + L, d]."""
        B, L, (kv_heads, d) = self.rows, self.width, x.shape[1:]
        own = x[self.prefix :].view(B, L, kv_heads, d)
        both = torch.cat((first.expand(B, *first.shape), own), dim=1) if len(first) else own
        return both.transpose(1, 2).reshape(B * kv_heads, len(first) + L, d)

    def _flash(self, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None) -> Tensor:
        """Each row's prefix and example as one causal sequence; the prefix rows' outputs are taken once."""
        P, B, L = self.prefix, self.rows, self.width

        def rows(x: Tensor) -> Tensor:
            example = x[P:].view(B, L, *x.shape[1:])
            if P:
                example = torch.cat((x[:P].expand(B, P, *x.shape[1:]), example), dim=1)
            return example.transpose(1, 2)

        out = _causal(rows(q), rows(k), rows(v), before).transpose(1, 2).flatten(2)
        example = out[:, P:].reshape(B * L, -1)
        return torch.cat((out[0, :P], example)) if P else example


def causal_attention(q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None = None) -> Tensor:
    """Causal attention of one sequence with itself, and with keys and values before it: [T, heads, d] → [T, heads · d]."""
    out = _causal(q.transpose(0, 1)[None], k.transpose(0, 1)[None], v.transpose(0, 1)[None], before)
    return out[0].transpose(0, 1).flatten(1)


def _causal(q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None) -> Tensor:
    """[rows, heads, T, d] → the same."""
    gqa = q.shape[1] != k.shape[1]
    if before is None:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=gqa)
    first_k, first_v = (x.transpose(0, 1).expand(len(k), -1, -1, -1) for x in before)
    n, T = first_k.shape[2], q.shape[2]
    sees = torch.ones(T, n + T, dtype=torch.bool, device=q.device).tril(n)
    k, v = torch.cat((first_k, k), dim=2), torch.cat((first_v, v), dim=2)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=sees, enable_gqa=gqa)


def _joined(before: KeysValues, k: Tensor, v: Tensor) -> KeysValues:
    return torch.cat((before[0], k)), torch.cat((before[1], v))
