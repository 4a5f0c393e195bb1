"""The model's side of inference: keys and values that are kept, and more tokens read on top of them.

A `Context` holds rows that share a prompt prefix, read once; each row's own keys and values lie in slots of their own, so
that rows may differ in length without a padded token ever being seen:

    keys of row b    [ prefix P (shared) | own slots 0 … filled[b]−1 | new tokens, by `visible` ]

`FastForward` runs the functional decoder; `PlainForward` runs any causal language model through Transformers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from sartor.generate.trie import LabelTrie
from sartor.models.decoder import Decoder
from sartor.models.lora import LoraView, LoraWeights


class Forward(Protocol):
    """A model with at most one adapter, reading rows of tokens."""

    vocabulary: int

    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> tuple[object, Tensor]:
        """Start a context of rows that follow a shared prefix, with room for `room` more tokens each.

        Returns it with the next-token logits [rows, vocabulary] in float32.
        """
        ...

    def extend(self, context: object, rows: Sequence[Sequence[int]]) -> Tensor:
        """Append one or more tokens to every row; the next-token logits after each row's last."""
        ...

    def keep(self, context: object, rows: Sequence[int]) -> None:
        """Drop all other rows."""
        ...

    def tree_logprobs(self, context: object, logits: Tensor, trie: LabelTrie) -> Tensor:
        """log p(token | row, path) of every node of a trie hung on every row: [rows, nodes], float32.

        `logits` are the rows' next-token logits; the context is unchanged.
        """
        ...


@dataclass(slots=True)
class Context:
    """Kept keys and values per layer: prefix [kv heads, P, d], own [rows, kv heads, slots, d]."""

    prefix_keys: list[Tensor] = field(default_factory=list)
    prefix_values: list[Tensor] = field(default_factory=list)
    keys: list[Tensor] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    filled: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.long))
    prefix: int = 0


class FastForward:
    def __init__(self, decoder: Decoder, lora: LoraWeights | None = None) -> None:
        self.decoder = decoder
        self.vocabulary = len(decoder.head)
        self._lora: LoraView | None = None
        if lora is not None:
            with torch.no_grad():
                self._lora = lora.view(decoder.dtype)

    @torch.inference_mode()
    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> tuple[Context, Tensor]:
        decoder = self.decoder
        context = Context(prefix=len(prefix))
        if prefix:
            self._read_prefix(context, prefix)
        slots = max(len(row) for row in rows) + room
        shape = (len(rows), decoder.kv_heads, slots, decoder.head_dim)
        for _ in decoder.layers:
            context.keys.append(torch.zeros(shape, dtype=decoder.dtype, device=decoder.device))
            context.values.append(torch.zeros(shape, dtype=decoder.dtype, device=decoder.device))
        context.filled = torch.zeros(len(rows), dtype=torch.long, device=decoder.device)
        return context, self.extend(context, rows)

    @torch.inference_mode()
    def extend(self, context: Context, rows: Sequence[Sequence[int]]) -> Tensor:
        counts = torch.tensor([len(row) for row in rows], device=self.decoder.device)
        width = int(counts.max())
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
        depth = torch.arange(width, device=self.decoder.device)
        visible = torch.ones(width, width, dtype=torch.bool, device=self.decoder.device).tril()
        hidden = self._read(context, ids.to(self.decoder.device), depth, visible)
        context.filled += counts
        last = hidden[torch.arange(len(rows), device=hidden.device), counts - 1]
        return self.decoder.logits(last).float()

    def keep(self, context: Context, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, dtype=torch.long, device=self.decoder.device)
        context.filled = context.filled[index]
        for layer in range(len(context.keys)):
            context.keys[layer] = context.keys[layer][index]
            context.values[layer] = context.values[layer][index]

    @torch.inference_mode()
    def tree_logprobs(self, context: Context, logits: Tensor, trie: LabelTrie) -> Tensor:
        device = self.decoder.device
        tokens, parent = torch.from_numpy(trie.tokens).to(device), torch.from_numpy(trie.parent).to(device)
        logprobs = torch.empty(len(logits), len(trie), device=device)
        logprobs[:, parent < 0] = logits.log_softmax(-1)[:, tokens[parent < 0]]
        inner = trie.n_inner
        visible = torch.from_numpy(trie.ancestor_mask()[:inner, :inner]).to(device)
        depth = torch.from_numpy(trie.depth[:inner]).to(device)
        hidden = self._read(context, tokens[:inner].expand(len(logits), inner), depth, visible)
        for node in range(inner):
            children = (parent == node).nonzero().flatten()
            wide = self.decoder.logits(hidden[:, node]).float()
            logprobs[:, children] = wide[:, tokens[children]] - wide.logsumexp(-1, keepdim=True)
        return logprobs.cpu()

    def _read_prefix(self, context: Context, prefix: Sequence[int]) -> None:
        decoder = self.decoder
        ids = torch.tensor(prefix, device=decoder.device)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            keys, values = k.transpose(0, 1), v.transpose(0, 1)
            context.prefix_keys.append(keys.contiguous())
            context.prefix_values.append(values.contiguous())
            gqa = q.shape[1] != k.shape[1]
            out = F.scaled_dot_product_attention(
                q.transpose(0, 1)[None], keys[None], values[None], is_causal=True, enable_gqa=gqa
            )
            return out[0].transpose(0, 1).flatten(1)

        decoder.hidden(ids, decoder.rotary(torch.arange(len(prefix), device=decoder.device)), attend, self._lora)

    def _read(self, context: Context, ids: Tensor, depth: Tensor, visible: Tensor) -> Tensor:
        """Hidden states [B, N, hidden] of N new tokens a row; `visible` [N, N] says which new ones each new one sees.

        Their keys and values go into the slots after `filled`, which counts them only when the caller advances it.
        """
        decoder = self.decoder
        (B, N), P = ids.shape, context.prefix
        heads, kv_heads, d = decoder.heads, decoder.kv_heads, decoder.head_dim
        group = heads // kv_heads
        positions = P + context.filled[:, None] + depth
        slots = int(context.filled.max()) + N
        # Where a slot lies after what its row filled: negative is context, 0 … N−1 the new tokens, beyond is empty.
        after = torch.arange(slots, device=ids.device) - context.filled[:, None]
        sees = (after < 0)[:, None] | (visible.T[after.clamp(0, N - 1)].transpose(1, 2) & (after < N)[:, None])
        blocked = ~sees[:, None, None]
        row_index = torch.arange(B, device=ids.device)[:, None]
        new_slots = context.filled[:, None] + torch.arange(N, device=ids.device)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
            context.keys[index][row_index, :, new_slots] = k.view(B, N, kv_heads, d)
            context.values[index][row_index, :, new_slots] = v.view(B, N, kv_heads, d)
            keys, values = context.keys[index][:, :, :slots], context.values[index][:, :, :slots]
            query = (q * (1 / math.sqrt(d))).view(B, N, kv_heads, group, d).permute(0, 2, 3, 1, 4)
            query = query.reshape(B, kv_heads, group * N, d)
            scores = (query @ keys.transpose(2, 3)).view(B, kv_heads, group, N, slots)
            scores = scores.masked_fill_(blocked, float("-inf")).view(B, kv_heads, group * N, slots)
            if P:
                shared = query.transpose(0, 1).reshape(kv_heads, B * group * N, d)
                on_prefix = torch.bmm(shared, context.prefix_keys[index].transpose(1, 2))
                scores = torch.cat((on_prefix.view(kv_heads, B, group * N, P).transpose(0, 1), scores), dim=-1)
            weights = scores.softmax(-1)
            out = weights[..., P:] @ values
            if P:
                on_prefix = weights[..., :P].transpose(0, 1).reshape(kv_heads, B * group * N, P)
                part = torch.bmm(on_prefix, context.prefix_values[index])
                out = out + part.view(kv_heads, B, group * N, d).transpose(0, 1)
            return out.view(B, kv_heads, group, N, d).permute(0, 3, 1, 2, 4).reshape(B * N, heads * d)

        hidden = decoder.hidden(ids.flatten(), decoder.rotary(positions.flatten()), attend, self._lora)
        return hidden.view(B, N, -1)


@dataclass(slots=True)
class PlainContext:
    """Whole rows, read anew at each step: slow, and right for every architecture."""

    rows: list[list[int]]


class PlainForward:
    """Any causal language model, padded on the right and read whole at each step (no cache to go wrong)."""

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.vocabulary = int(model.get_input_embeddings().weight.shape[0])

    @torch.inference_mode()
    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> tuple[PlainContext, Tensor]:
        context = PlainContext([[*prefix, *row] for row in rows])
        return context, self._next(context.rows)

    @torch.inference_mode()
    def extend(self, context: PlainContext, rows: Sequence[Sequence[int]]) -> Tensor:
        for kept, new in zip(context.rows, rows, strict=True):
            kept.extend(new)
        return self._next(context.rows)

    def keep(self, context: PlainContext, rows: Sequence[int]) -> None:
        context.rows = [context.rows[row] for row in rows]

    @torch.inference_mode()
    def tree_logprobs(self, context: PlainContext, logits: Tensor, trie: LabelTrie) -> Tensor:
        tokens, parent, visible = trie.tokens, trie.parent, trie.ancestor_mask()
        logprobs = torch.empty(len(context.rows), len(trie))
        logprobs[:, parent < 0] = logits.log_softmax(-1)[:, tokens[parent < 0]].cpu()
        for node in range(trie.n_inner):
            path = tokens[visible[node]].tolist()
            wide = self._next([row + path for row in context.rows]).log_softmax(-1)
            logprobs[:, parent == node] = wide[:, tokens[parent == node]].cpu()
        return logprobs

    def _next(self, rows: list[list[int]]) -> Tensor:
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        seen = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        device = self.model.device
        logits = self.model(input_ids=ids.to(device), attention_mask=seen.to(device)).logits
        return logits[torch.arange(len(rows)), lengths - 1].float()
