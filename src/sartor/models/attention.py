"""Attention of the fast path: examples one behind the other, without padding, after a prompt prefix that all of them share.

    tokens   [ prefix P | example 1, L₁ | … | example B, L_B ]         attends   prefix   prefix + itself up to its own position

Several such segments may lie behind each other; none sees another's tokens. Only in here is anything padded: examples of like
length are taken together as a rectangle, as the matrix products of attention want them.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

DENSE_SCORES = 128
"""Up to this many keys the scores are kept for the backward pass; above, flash attention recomputes them."""
WIDTH_STEP = 8
"""Widths are rounded up to this, so that few shapes occur: the CPU backend caches memory per shape."""
WIDEST = 1.25
"""On a CPU, the longest example of a rectangle over its shortest."""
REPEATED = 4
"""Where examples have this many times the prefix's length, one causal pass over both, the prefix's part repeated, is faster."""

KeysValues = tuple[Tensor, Tensor]
"""Keys and values [n, kv heads, d] that every position attends to, before all others."""
Attend = Callable[[int, Tensor, Tensor, Tensor, KeysValues | None], Tensor]
"""(layer, q [T, heads, d], k [T, kv heads, d], v [T, kv heads, d], those before) → [T, heads · d]"""

Segment = tuple[int, Sequence[int]]
"""P, and the lengths of the examples behind it."""


def attention(segments: Sequence[Segment], device: torch.device) -> Attend:
    """For tokens of these segments, one behind the other.

    Several of them become one rectangle on CUDA, which is idle between small products.
    """
    return (StackedAttention if device.type == "cuda" and len(segments) > 1 else PackedAttention)(segments, device)


class StackedAttention:
    """All segments at once, as one rectangle padded to the largest prefix, number of examples and length: few, large products."""

    def __init__(self, segments: Sequence[Segment], device: torch.device) -> None:
        self._P = max(P for P, _ in segments)
        self._B, self._L = max(len(own) for _, own in segments), max(max(own) for _, own in segments)
        self._groups, self._size = len(segments), self._P + self._B * self._L
        total = sum(P + sum(own) for P, own in segments)
        place, start = torch.full((self._groups, self._size), total), 0  # beyond the last token lies a row of zeros
        for group, (P, own) in enumerate(segments):
            place[group, :P] = torch.arange(start, start + P)
            rows = place[group, self._P :].view(self._B, self._L)[: len(own)]
            rows[torch.arange(self._L) < torch.tensor(own)[:, None]] = torch.arange(start + P, start + P + sum(own))
            start += P + sum(own)
        back = torch.empty(total, dtype=torch.long)
        real = place.flatten() < total
        back[place.flatten()[real]] = torch.arange(place.numel())[real]
        self._place, self._back = place.flatten().to(device), back.to(device)
        ahead = torch.ones(self._L, self._P + self._L, dtype=torch.bool).triu(self._P + 1)
        absent = torch.arange(self._P + self._L) < self._P
        blocked = torch.stack([ahead | absent & (torch.arange(self._P + self._L) >= P) for P, _ in segments])
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


class PackedAttention:
    """Rectangles of examples of like length; see the module's picture. A prefix is a rectangle of one row that nothing precedes.

    Every head of every token is taken to its place in one step, and its output back in another.
    """

    def __init__(self, segments: Sequence[Segment], device: torch.device) -> None:
        self._device = device
        self._rectangles: list[Rectangle] = []
        self._tokens = 0
        for P, lengths in segments:
            start = self._tokens
            starts = [start + P + done for done in itertools.accumulate(lengths, initial=0)]
            if P:
                self._rectangles.append(Rectangle(start, 0, [(P, start)]))
            rows = sorted(zip(lengths, starts[:-1], strict=True))
            self._rectangles += [Rectangle(start, P, alike) for alike in _alike(rows, device)]
            self._tokens = starts[-1]
        self._places: dict[tuple[int, bool], Places] = {}

    def __call__(self, index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None = None) -> Tensor:
        heads, kv_heads, d = q.shape[1], k.shape[1], q.shape[2]
        asking, seen = self._at(heads, asks=True), self._at(kv_heads, asks=False)
        queries, keys, values = (
            Gather.apply(x, at).split(at.sizes)  # type: ignore[no-untyped-call]
            for x, at in ((q, asking), (k, seen), (v, seen))
        )
        parts = zip(self._rectangles, queries, keys, values, strict=True)
        outs = [each(q, k, v, kv_heads, before).reshape(-1, d) for each, q, k, v in parts]
        found: Tensor = Scatter.apply(torch.cat(outs), asking)  # type: ignore[no-untyped-call]
        return found.view(self._tokens, heads * d)

    def _at(self, heads: int, asks: bool) -> "Places":
        """Heads are known with the first call, and stay."""
        if (heads, asks) not in self._places:
            self._places[heads, asks] = Places(self._rectangles, self._tokens, heads, asks, self._device)
        return self._places[heads, asks]


class Rectangle:
    """Rows of like length, each after the `P` tokens that begin at `first`."""

    def __init__(self, first: int, P: int, rows: Sequence[tuple[int, int]]) -> None:
        """`rows`: length and first token of each, the shortest first."""
        self.first, self.P, self.rows = first, P, len(rows)
        lengths, starts = torch.tensor(rows).T[:, :, None]
        steps = torch.arange(_width(int(lengths.max())))
        own, real = starts + steps.minimum(lengths - 1), steps < lengths  # padded with its last token
        shared = torch.arange(first, first + P).expand(self.rows, P)
        self.sees, self.sees_own = torch.cat((shared, own), 1), F.pad(real, (P, 0))
        repeats = P > 0 and len(steps) >= REPEATED * P and P + len(steps) > DENSE_SCORES
        self.asks: Tensor = self.sees if repeats else own
        self.asks_own: Tensor = self.sees_own if repeats else real
        self._biases: dict[tuple[int, int], Tensor] = {}

    def __call__(self, q: Tensor, k: Tensor, v: Tensor, kv_heads: int, before: KeysValues | None = None) -> Tensor:
        """Heads of tokens in the order of `Places`, [n, d] → of those that ask, [rows, kv heads, group · N, d]."""
        d, N = q.shape[1], self.asks.shape[1]
        k, v = (x.view(self.rows, kv_heads, -1, d) for x in (k, v))
        causal = before is None and k.shape[2] == N
        if before is not None:
            first = (x.transpose(0, 1).expand(self.rows, -1, -1, -1) for x in before)
            k, v = (torch.cat(both, dim=2) for both in zip(first, (k, v), strict=True))
        S = k.shape[2]
        if S > DENSE_SCORES and causal:
            q = q.view(self.rows, -1, N, d)
            return F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=q.shape[1] != kv_heads)
        # One product per kv head serves its whole group of query heads.
        q = q.view(self.rows, kv_heads, -1, d)
        bias = self._bias(q.shape[2] // N, S, q)
        if S > DENSE_SCORES:
            return F.scaled_dot_product_attention(q, k, v, attn_mask=bias)
        scores = torch.baddbmm(bias, q.flatten(0, 1) * (1 / math.sqrt(d)), k.flatten(0, 1).transpose(1, 2))
        return torch.bmm(scores.softmax(-1), v.flatten(0, 1))

    def _bias(self, group: int, S: int, like: Tensor) -> Tensor:
        """What is added to the scores, [group · N, S]: −∞ at what comes later."""
        if (group, S) not in self._biases:
            N = self.asks.shape[1]
            later = torch.ones(N, S, dtype=torch.bool, device=like.device).triu(S - N + 1)
            self._biases[group, S] = like.new_zeros(N, S).masked_fill_(later, float("-inf")).repeat(group, 1)
        return self._biases[group, S]


class Places:
    """Where each head of each token lies: in a tensor [tokens, heads, d], and in all rectangles [rows, heads, positions, d]."""

    def __init__(self, parts: Sequence[Rectangle], tokens: int, heads: int, asks: bool, device: torch.device) -> None:
        """Of the queries with `asks`, else of keys and values."""
        pairs = [(part.asks, part.asks_own) if asks else (part.sees, part.sees_own) for part in parts]
        head = torch.arange(heads)[:, None]
        there = torch.cat([(token[:, None] * heads + head).flatten() for token, _ in pairs])
        own = torch.cat([real[:, None].expand(-1, heads, -1).flatten() for _, real in pairs])
        back = torch.empty(tokens * heads, dtype=torch.long)
        back[there[own]] = own.nonzero()[:, 0]
        self.heads, self.sizes = heads, [token.numel() * heads for token, _ in pairs]
        self.there, self.back = there.to(device), back.to(device)
        """[all rectangles]: the head of a token that lies here. [tokens · heads]: the one place that is its own."""
        self.others = (~own).nonzero()[:, 0].to(device)
        """Places of what is there once more: padding, and the prefix before each row."""
        starts = itertools.accumulate(self.sizes, initial=0)
        keyed = () if asks else zip(parts, starts, self.sizes, strict=False)
        self.shared = [(part, start, size) for part, start, size in keyed if part.P]
        """Rectangles that see a prefix, where they begin, and their sizes."""


class Gather(torch.autograd.Function):
    """[tokens, heads, d] → [all rectangles, d]. Padding gives no gradient; of a prefix it is summed over the rows after it."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, at: Places) -> Tensor:
        ctx.at = at
        return x.reshape(-1, x.shape[2]).index_select(0, at.there)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        at, d = ctx.at, grad.shape[1]
        found = grad.index_select(0, at.back).view(-1, at.heads, d)
        for part, start, size in at.shared:
            rows = grad[start : start + size].view(part.rows, at.heads, -1, d)
            found[part.first : part.first + part.P] += rows[:, :, : part.P].sum(0).transpose(0, 1)
        return found, None


class Scatter(torch.autograd.Function):
    """[all rectangles, d] → [tokens · heads, d]: each token's own place."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, at: Places) -> Tensor:
        ctx.at = at
        return x.index_select(0, at.back)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.index_select(0, ctx.at.there).index_fill_(0, ctx.at.others, 0.0), None


def _alike(rows: Sequence[tuple[int, int]], device: torch.device) -> Iterator[list[tuple[int, int]]]:
    """Rows in order of length, cut where padding would cost more than another rectangle; on a GPU it never does."""
    alike: list[tuple[int, int]] = []
    for row in rows:
        shortest = alike[0][0] if alike else row[0]
        if device.type != "cuda" and row[0] > max(WIDEST * shortest, shortest + 2 * WIDTH_STEP):
            yield alike
            alike = []
        alike.append(row)
    yield alike


def _width(length: int) -> int:
    return -(-length // WIDTH_STEP) * WIDTH_STEP


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
