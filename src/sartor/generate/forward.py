"""The model's side of inference: keys and values that are kept, and more tokens read on top of them.

The rows of a reading share a prompt prefix, read once; each row's own keys and values lie in slots of their own, so that
rows may differ in length without a padded token ever being seen:

    keys of row b    [ prefix P (shared) | own slots 0 … filled[b]−1 | new tokens, by `visible` ]

`FastForward` runs the functional decoder; `PlainForward` runs any causal language model through Transformers.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sartor.generate.trie import LabelTrie
from sartor.models.attention import KeysValues, causal_attention
from sartor.models.decoder import FROZEN, AdapterView, Decoder
from sartor.models.methods import Weights


class Reading(Protocol):
    """Rows of tokens that a model has read, and can read on."""

    logits: Tensor
    """Next-token logits after each row's last token, [rows, vocabulary], float32."""

    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        """Append one or more tokens to every row."""
        ...

    def keep(self, rows: Sequence[int]) -> None:
        """Drop all other rows."""
        ...

    def trie_logprobs(self, trie: LabelTrie) -> Tensor:
        """log p(token | row, path) of every node of a trie hung on every row: [rows, nodes], float32, on the CPU."""
        ...

    def logprobs(self, rows: Sequence[Sequence[int]]) -> list[float]:
        """Sum of log p over the tokens that would follow each row; nothing is appended."""
        ...


class Forward(Protocol):
    """A base, or what fine-tuning made of it."""

    vocabulary: int

    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> Reading:
        """Read rows that follow a shared prefix, with room for `room` more tokens each."""
        ...


class FastForward:
    def __init__(self, decoder: Decoder, weights: Weights | None = None) -> None:
        self.vocabulary = len(decoder.head)
        self._decoder, self._view = decoder, FROZEN
        if weights is not None:
            with torch.no_grad():
                self._decoder, self._view = weights.to(decoder.device).apply(decoder)

    @torch.no_grad()
    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> "FastReading":
        return FastReading(self._decoder, self._view, prefix, rows, room)


class FastReading:
    """Keys and values per layer: of the prefix [kv heads, P, d], and of each row [rows, kv heads, slots, d]."""

    def __init__(
        self,
        decoder: Decoder,
        view: AdapterView,
        prefix: Sequence[int],
        rows: Sequence[Sequence[int]],
        room: int,
    ) -> None:
        self._decoder, self._view, self._prefix = decoder, view, view.virtual + len(prefix)
        self._prefix_keys: list[Tensor] = []
        self._prefix_values: list[Tensor] = []
        if self._prefix:
            self._read_prefix(prefix)
        shape = (len(rows), decoder.kv_heads, max(len(row) for row in rows) + room, decoder.head_dim)
        self._keys, self._values = (
            [torch.zeros(shape, dtype=decoder.dtype, device=decoder.device) for _ in decoder.layers] for _ in range(2)
        )
        self._filled = torch.zeros(len(rows), dtype=torch.long, device=decoder.device)
        self.extend(rows)

    @torch.no_grad()
    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        device = self._decoder.device
        counts = torch.tensor([len(row) for row in rows], device=device)
        width = int(counts.max())
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for row, tokens in enumerate(rows):
            ids[row, : len(tokens)] = torch.tensor(tokens)
        visible = torch.ones(width, width, dtype=torch.bool, device=device).tril()
        hidden = self._read(ids.to(device), torch.arange(width, device=device), visible)
        self._filled += counts
        last = hidden[torch.arange(len(rows), device=device), counts - 1]
        self.logits = self._decoder.logits(last).float()

    def keep(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, dtype=torch.long, device=self._decoder.device)
        self._filled, self.logits = self._filled[index], self.logits[index]
        self._keys = [keys[index] for keys in self._keys]
        self._values = [values[index] for values in self._values]

    @torch.no_grad()
    def trie_logprobs(self, trie: LabelTrie) -> Tensor:
        """As `Reading` says. The room for more tokens must be at least the trie's inner nodes; nothing is appended."""
        rows, inner, device = len(self.logits), trie.n_inner, self._decoder.device
        tokens, parent = torch.from_numpy(trie.tokens).to(device), torch.from_numpy(trie.parent).to(device)
        logprobs = torch.empty(rows, len(trie), device=device)
        logprobs[:, parent < 0] = self.logits.log_softmax(-1)[:, tokens[parent < 0]]
        visible = torch.from_numpy(trie.ancestor_mask()[:inner, :inner]).to(device)
        depth = torch.from_numpy(trie.depth[:inner]).to(device)
        hidden = self._read(tokens[:inner].expand(rows, inner), depth, visible)
        for node in range(inner):
            children = (parent == node).nonzero().flatten()
            wide = self._decoder.logits(hidden[:, node]).float()
            logprobs[:, children] = wide[:, tokens[children]] - wide.logsumexp(-1, keepdim=True)
        return logprobs.cpu()

    @torch.no_grad()
    def logprobs(self, rows: Sequence[Sequence[int]]) -> list[float]:
        device, width = self._decoder.device, max(len(row) for row in rows) - 1
        found = [float(wide.log_softmax(-1)[row[0]]) for wide, row in zip(self.logits, rows, strict=True)]
        if not width:
            return found
        ids = torch.zeros(len(rows), width, dtype=torch.long)
        for index, tokens in enumerate(rows):
            ids[index, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        visible = torch.ones(width, width, dtype=torch.bool, device=device).tril()
        hidden = self._read(ids.to(device), torch.arange(width, device=device), visible)
        for index, (_, *tokens) in enumerate(rows):
            if tokens:
                wide = self._decoder.logits(hidden[index, : len(tokens)]).float()  # one row's: a vocabulary is wide
                found[index] += float(_of(wide, tokens))
        return found

    def _read_prefix(self, prefix: Sequence[int]) -> None:
        decoder, view, P = self._decoder, self._view, self._prefix
        x = decoder.embed(torch.tensor(prefix, dtype=torch.long, device=decoder.device), view)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None) -> Tensor:
            keys, values = (k, v) if before is None else (torch.cat((before[0], k)), torch.cat((before[1], v)))
            self._prefix_keys.append(keys.transpose(0, 1).contiguous())
            self._prefix_values.append(values.transpose(0, 1).contiguous())
            return causal_attention(q, k, v, before)

        decoder.hidden(x, decoder.rotary(torch.arange(P - len(x), P, device=decoder.device)), attend, view)

    def _read(self, ids: Tensor, depth: Tensor, visible: Tensor) -> Tensor:
        """Hidden states [B, N, hidden] of N new tokens a row; `visible` [N, N] says which new ones each new one sees.

        Their keys and values go into the slots after `filled`, which counts them only when the caller advances it.
        """
        decoder, P = self._decoder, self._prefix
        B, N = ids.shape
        heads, kv_heads, d = decoder.heads, decoder.kv_heads, decoder.head_dim
        group = heads // kv_heads
        positions = P + self._filled[:, None] + depth
        slots = int(self._filled.max()) + N
        if slots > self._keys[0].shape[2]:  # a short row, padded to a long one's width, may reach beyond the room
            more = (0, 0, 0, slots - self._keys[0].shape[2])
            self._keys, self._values = ([F.pad(x, more) for x in kept] for kept in (self._keys, self._values))
        # Where a slot lies after what its row filled: negative is context, 0 … N−1 the new tokens, beyond is empty.
        after = torch.arange(slots, device=ids.device) - self._filled[:, None]
        sees = (after < 0)[:, None] | (visible.T[after.clamp(0, N - 1)].transpose(1, 2) & (after < N)[:, None])
        blocked = ~sees[:, None, None]
        row_index = torch.arange(B, device=ids.device)[:, None]
        new_slots = self._filled[:, None] + torch.arange(N, device=ids.device)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor, _: KeysValues | None) -> Tensor:
            self._keys[index][row_index, :, new_slots] = k.view(B, N, kv_heads, d)
            self._values[index][row_index, :, new_slots] = v.view(B, N, kv_heads, d)
            keys, values = self._keys[index][:, :, :slots], self._values[index][:, :, :slots]
            query = (q * (1 / math.sqrt(d))).view(B, N, kv_heads, group, d).permute(0, 2, 3, 1, 4)
            query = query.reshape(B, kv_heads, group * N, d)
            scores = (query @ keys.transpose(2, 3)).view(B, kv_heads, group, N, slots)
            scores = scores.masked_fill_(blocked, float("-inf")).view(B, kv_heads, group * N, slots)
            if P:
                shared = query.transpose(0, 1).reshape(kv_heads, B * group * N, d)
                on_prefix = torch.bmm(shared, self._prefix_keys[index].transpose(1, 2))
                scores = torch.cat((on_prefix.view(kv_heads, B, group * N, P).transpose(0, 1), scores), dim=-1)
            weights = scores.softmax(-1)
            out = weights[..., P:] @ values
            if P:
                on_prefix = weights[..., :P].transpose(0, 1).reshape(kv_heads, B * group * N, P)
                part = torch.bmm(on_prefix, self._prefix_values[index])
                out = out + part.view(kv_heads, B, group * N, d).transpose(0, 1)
            return out.view(B, kv_heads, group, N, d).permute(0, 3, 1, 2, 4).reshape(B * N, heads * d)

        x = decoder.embed(ids.flatten())
        hidden = decoder.hidden(x, decoder.rotary(positions.flatten()), attend, self._view)
        return hidden.view(B, N, -1)


class PlainForward:
    """Any causal language model through Transformers."""

    def __init__(self, model: nn.Module, vocabulary: int) -> None:
        self.model, self.vocabulary = model, vocabulary

    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> "PlainReading":
        return PlainReading(self.model, [[*prefix, *row] for row in rows])


class PlainReading:
    """Whole rows, padded on the right and read anew at each step: slow, and right for every architecture."""

    def __init__(self, model: nn.Module, rows: list[list[int]]) -> None:
        self._model, self._rows = model, rows
        self.logits = self._next(rows)

    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        for kept, new in zip(self._rows, rows, strict=True):
            kept.extend(new)
        self.logits = self._next(self._rows)

    def keep(self, rows: Sequence[int]) -> None:
        self._rows, self.logits = [self._rows[row] for row in rows], self.logits[list(rows)]

    def trie_logprobs(self, trie: LabelTrie) -> Tensor:
        tokens, parent, visible = trie.tokens, trie.parent, trie.ancestor_mask()
        logprobs = torch.empty(len(self._rows), len(trie))
        logprobs[:, parent < 0] = self.logits.log_softmax(-1)[:, tokens[parent < 0]].cpu()
        for node in range(trie.n_inner):
            path = tokens[visible[node]].tolist()
            wide = self._next([row + path for row in self._rows]).log_softmax(-1)
            logprobs[:, parent == node] = wide[:, tokens[parent == node]].cpu()
        return logprobs

    @torch.no_grad()
    def logprobs(self, rows: Sequence[Sequence[int]]) -> list[float]:
        device = next(self._model.parameters()).device
        found = []
        for kept, new in zip(self._rows, rows, strict=True):
            ids = torch.tensor([[*kept, *new[:-1]]], device=device)
            found.append(float(_of(self._logits(input_ids=ids)[0, len(kept) - 1 :].float(), new)))
        return found

    @torch.no_grad()
    def _next(self, rows: list[list[int]]) -> Tensor:
        lengths = torch.tensor([len(row) for row in rows])
        ids = torch.zeros(len(rows), int(lengths.max()), dtype=torch.long)
        for index, row in enumerate(rows):
            ids[index, : len(row)] = torch.tensor(row)
        seen = (torch.arange(ids.shape[1]) < lengths[:, None]).long()
        device = next(self._model.parameters()).device
        logits = self._logits(input_ids=ids.to(device), attention_mask=seen.to(device))
        return logits[torch.arange(len(rows)), lengths - 1].float()

    def _logits(self, input_ids: Tensor, **more: Tensor) -> Tensor:
        """Of the given tokens, without those of virtual ones before them."""
        logits: Tensor = self._model(input_ids=input_ids, **more).logits
        return logits[:, logits.shape[1] - input_ids.shape[1] :]


def _of(logits: Tensor, tokens: Sequence[int]) -> Tensor:
    """Sum of the tokens' log p, each under its own line of logits [tokens, vocabulary]."""
    return logits.log_softmax(-1)[torch.arange(len(tokens)), torch.tensor(tokens, device=logits.device)].sum()
