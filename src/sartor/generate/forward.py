"""The model's side of inference: keys and values that are kept, and more tokens read on top of them.

The rows of a reading share a prompt prefix, read once; each row's own keys and values lie in slots of their own, so that
rows may differ in length without a padded token ever being seen:

    keys of row b    [ prefix P (shared) | own slots 0 … filled[b]−1 | new tokens, by `visible` ]

`FastForward` runs the functional decoder; `PlainForward` runs any causal language model through Transformers.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sartor.generate.trie import Descent, LabelTrie
from sartor.models.attention import KeysValues, causal_attention
from sartor.models.decoder import FROZEN, AdapterView, Decoder
from sartor.models.methods import Weights

LINES = 64
"""So many positions get their logits at a time: a vocabulary is wide."""


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

    def trie_logprobs(self, trie: LabelTrie) -> NDArray[np.float64]:
        """log p(token | row, path) of every node of a trie hung on every row, as `Descent` finds it: [rows, nodes]. Nothing is
        appended."""
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
        ids, real = self._padded(rows)
        hidden = self._read(ids, real, *self._causal(ids.shape[1]))
        self._filled += real.sum(1)
        self.logits = self._decoder.logits(hidden[real.sum(1).cumsum(0) - 1]).float()

    def keep(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, dtype=torch.long, device=self._decoder.device)
        self._filled, self.logits = self._filled[index], self.logits[index]
        self._keys = [keys[index] for keys in self._keys]
        self._values = [values[index] for values in self._values]

    @torch.no_grad()
    def trie_logprobs(self, trie: LabelTrie) -> NDArray[np.float64]:
        descent = Descent(trie, _chosen(self.logits, trie.tokens[trie.children[-1:]].repeat(len(self.logits), 0)))
        ancestors, slots = trie.ancestor_mask(), np.zeros((len(self.logits), 0), dtype=np.int64)
        while (frontier := descent.frontier()).any():
            rows, nodes = np.nonzero(frontier)
            new = np.full((len(frontier), int(frontier.sum(1).max())), -1)
            for line, read in zip(new, frontier, strict=True):
                line[: read.sum()] = np.flatnonzero(read)
            slots = np.concatenate((slots, new), axis=1)
            sees = ancestors[new[:, :, None], slots[:, None, :]] & (slots >= 0)[:, None, :]
            hidden = self._read(*map(self._placed, (trie.tokens[new], new >= 0, trie.depth[new], sees)))
            for part in np.split(np.arange(len(nodes)), range(LINES, len(nodes), LINES)):
                logits = self._decoder.logits(hidden[part]).float()
                descent.tell(rows[part], nodes[part], _chosen(logits, trie.tokens[trie.children[nodes[part]]]))
        return descent.logprobs

    @torch.no_grad()
    def logprobs(self, rows: Sequence[Sequence[int]]) -> list[float]:
        found = [float(wide.log_softmax(-1)[row[0]]) for wide, row in zip(self.logits, rows, strict=True)]
        if max(len(row) for row in rows) == 1:
            return found
        ids, real = self._padded([row[:-1] for row in rows])
        hidden = self._read(ids, real, *self._causal(ids.shape[1])).split(real.sum(1).tolist())
        for index, ((_, *tokens), states) in enumerate(zip(rows, hidden, strict=True)):
            if tokens:
                found[index] += float(
                    _of(self._decoder.logits(states).float(), tokens)
                )  # one row's: a vocabulary is wide
        return found

    def _placed(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._decoder.device)

    def _padded(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
        """Token ids of rows of several lengths, and which of them are real: [rows, longest]."""
        ids = torch.nn.utils.rnn.pad_sequence([torch.tensor(row, dtype=torch.long) for row in rows], batch_first=True)
        counts = torch.tensor([len(row) for row in rows])
        real = torch.arange(ids.shape[1]) < counts[:, None]
        return ids.to(self._decoder.device), real.to(self._decoder.device)

    def _causal(self, width: int) -> tuple[Tensor, Tensor]:
        """Depth and visibility of so many tokens one behind the other."""
        device = self._decoder.device
        visible = torch.ones(1, width, width, dtype=torch.bool, device=device).tril()
        return torch.arange(width, device=device), visible

    def _read_prefix(self, prefix: Sequence[int]) -> None:
        decoder, view, P = self._decoder, self._view, self._prefix
        x = decoder.embed(torch.tensor(prefix, dtype=torch.long, device=decoder.device), view)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None) -> Tensor:
            keys, values = (k, v) if before is None else (torch.cat((before[0], k)), torch.cat((before[1], v)))
            self._prefix_keys.append(keys.transpose(0, 1).contiguous())
            self._prefix_values.append(values.transpose(0, 1).contiguous())
            return causal_attention(q, k, v, before)

        decoder.hidden(x, decoder.rotary(torch.arange(P - len(x), P, device=decoder.device)), attend, view)

    def _read(self, ids: Tensor, real: Tensor, depth: Tensor, visible: Tensor) -> Tensor:
        """Hidden states of the real ones of these tokens [B, N], row by row: [all, hidden].

        They are the last N of M tokens that follow what each row filled, at the positions `depth` behind it; `visible`
        [B or 1, N, M] says which of the M each of the N sees. Their keys and values go into the slots after `filled`, which
        counts them only when the caller advances it.
        """
        decoder, P = self._decoder, self._prefix
        (B, N), M = ids.shape, visible.shape[2]
        heads, kv_heads, d = decoder.heads, decoder.kv_heads, decoder.head_dim
        group = heads // kv_heads
        positions = (P + self._filled[:, None] + depth)[real]
        slots = int(self._filled.max()) + M
        if slots > self._keys[0].shape[2]:  # a short row, padded to a long one's width, may reach beyond the room
            more = (0, 0, 0, slots - self._keys[0].shape[2])
            self._keys, self._values = ([F.pad(x, more) for x in kept] for kept in (self._keys, self._values))
        # Where a slot lies after what its row filled: negative is context, 0 … M−1 the tokens after it, beyond is empty.
        after = (torch.arange(slots, device=ids.device) - self._filled[:, None])[:, None]
        sees = (after < 0) | (
            visible.expand(B, N, M).gather(2, after.clamp(0, M - 1).expand(B, N, slots)) & (after < M)
        )
        blocked = ~sees[:, None, None]
        row, place = real.nonzero(as_tuple=True)
        slot = self._filled[row] + M - N + place

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor, _: KeysValues | None) -> Tensor:
            self._keys[index][row, :, slot] = k
            self._values[index][row, :, slot] = v
            keys, values = self._keys[index][:, :, :slots], self._values[index][:, :, :slots]
            query = q.new_zeros(B, N, kv_heads, group, d)
            query[row, place] = (q * (1 / math.sqrt(d))).view(-1, kv_heads, group, d)
            query = query.permute(0, 2, 3, 1, 4).reshape(B, kv_heads, group * N, d)
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
            return out.view(B, kv_heads, group, N, d).permute(0, 3, 1, 2, 4)[row, place].reshape(-1, heads * d)

        return decoder.hidden(decoder.embed(ids[real]), decoder.rotary(positions), attend, self._view)


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

    def trie_logprobs(self, trie: LabelTrie) -> NDArray[np.float64]:
        ancestors = trie.ancestor_mask()
        descent = Descent(trie, _chosen(self.logits, trie.tokens[trie.children[-1:]].repeat(len(self.logits), 0)))
        while (frontier := descent.frontier()).any():
            rows, nodes = np.nonzero(frontier)
            for part in np.split(np.arange(len(nodes)), range(LINES, len(nodes), LINES)):
                paths = [trie.tokens[ancestors[node]].tolist() for node in nodes[part]]
                logits = self._next([self._rows[row] + path for row, path in zip(rows[part], paths, strict=True)])
                descent.tell(rows[part], nodes[part], _chosen(logits, trie.tokens[trie.children[nodes[part]]]))
        return descent.logprobs

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


def _chosen(logits: Tensor, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
    """log p of some tokens of each line of logits [lines, vocabulary], [lines, …]."""
    chosen = logits.gather(1, torch.from_numpy(tokens).to(logits.device))
    return np.asarray((chosen - logits.logsumexp(-1, keepdim=True)).cpu())
