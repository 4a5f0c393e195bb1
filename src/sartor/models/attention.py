"""Attention of the fast path: rectangles of examples, each after a prompt prefix that its examples share.

    tokens   [ prefix P | example 1, L | … | example B, L ]            attends   prefix   prefix + itself up to its own position

Several such groups may lie behind each other; none sees another's tokens.
"""

import math
from collections.abc import Callable, Sequence

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


def attention(shapes: Sequence[Shape], device: torch.device) -> Attend:
    """For tokens of groups of these shapes, one behind the other.

    Several groups are padded into one on CUDA, which is idle between small products, and computed one by one elsewhere.
    """
    if len(shapes) == 1:
        return SharedPrefixAttention(*shapes[0], device)
    return (StackedAttention if device.type == "cuda" else ApartAttention)(shapes, device)


class StackedAttention:
    """All groups at once, as one rectangle padded to the largest prefix, number of examples and length: few, large products."""

    def __init__(self, shapes: Sequence[Shape], device: torch.device) -> None:
        self._P, self._B, self._L = (max(sizes) for sizes in zip(*shapes, strict=True))
        self._groups, self._size = len(shapes), self._P + self._B * self._L
        total = sum(P + B * L for P, B, L in shapes)
        place, start = torch.full((self._groups, self._size), total), 0  # beyond the last token lies a row of zeros
        for group, (P, B, L) in enumerate(shapes):
            place[group, :P] = torch.arange(start, start + P)
            rows = place[group, self._P :].view(self._B, self._L)
            rows[:B, :L] = torch.arange(start + P, start + P + B * L).view(B, L)
            start += P + B * L
        back = torch.empty(total, dtype=torch.long)
        real = place.flatten() < total
        back[place.flatten()[real]] = torch.arange(place.numel())[real]
        self._place, self._back = place.flatten().to(device), back.to(device)
        ahead = torch.ones(self._L, self._P + self._L, dtype=torch.bool).triu(self._P + 1)
        absent = torch.arange(self._P + self._L) < self._P
        blocked = torch.stack([ahead | absent & (torch.arange(self._P + self._L) >= P) for P, _, _ in shapes])
        self._bias = torch.zeros(blocked.shape).masked_fill_(blocked, float("-inf")).to(device)

    def __call__(self, index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None = None) -> Tensor:
        assert before is None, "keys and values before all others take another attention"
        groups, P, B, L = self._groups, self._P, self._B, self._L
        heads, d, kv_heads = q.shape[1], q.shape[2], k.shape[1]
        group = heads // kv_heads
        q, k, v = (
            F.pad(x, (0, 0, 0, 0, 0, 1)).index_select(0, self._place).view(groups, self._size, -1, d) for x in (q, k, v)
        )
        queries = q[:, P:].reshape(groups * B, L, kv_heads, group, d).permute(0, 2, 3, 1, 4)
        bias = self._bias.to(q.dtype)[:, None, None].expand(groups, B, group, L, P + L)
        out = F.scaled_dot_product_attention(
            queries.reshape(groups * B, kv_heads, group * L, d),
            self._rows(k),
            self._rows(v),
            attn_mask=bias.reshape(groups * B, 1, group * L, P + L),
        )
        out = out.view(groups * B, kv_heads, group, L, d).permute(0, 3, 1, 2, 4).reshape(groups, B * L, heads * d)
        if P:
            first = _causal(q[:, :P].transpose(1, 2), k[:, :P].transpose(1, 2), v[:, :P].transpose(1, 2), None)
            out = torch.cat((first.transpose(1, 2).flatten(2), out), dim=1)
        return out.reshape(groups * self._size, heads * d).index_select(0, self._back)

    def _rows(self, x: Tensor) -> Tensor:
        """The prefix and the own part of every example: [groups · B, kv heads, P + L, d]."""
        groups, P, B, L = self._groups, self._P, self._B, self._L
        own = x[:, P:].view(groups, B, L, *x.shape[2:])
        both = torch.cat((x[:, None, :P].expand(groups, B, P, *x.shape[2:]), own), dim=2)
        return both.view(groups * B, P + L, *x.shape[2:]).transpose(1, 2)


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
