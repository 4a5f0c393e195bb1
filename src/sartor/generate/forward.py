"""The model's side of inference: keys and values that are kept, and more tokens read on top of them.

The rows of a reading share a prompt prefix, read once; each row's own keys and values lie in slots of their own, so that
rows may differ in length without a padded token ever being seen:

    keys of row b    [ prefix P (shared) | own slots 0 … filled[b]−1 | new tokens, by `visible` ]

`FastForward` runs the functional decoder; `PlainForward` runs any causal language model through Transformers.
"""

import math
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from sartor.generate.trie import Descent, LabelTrie, rectangle
from sartor.models.attention import KeysValues, causal_attention
from sartor.models.decoder import FROZEN, AdapterView, Decoder
from sartor.models.methods import Weights
from sartor.models.methods.lora import FusedLoraView, LoraView
from sartor.models.methods.seats import LoraSeats

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
        """Drop all other rows; those that stay, in this order."""
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

    together: Hashable
    """Rows of forwards that have it in common can run in one batch."""

    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> Reading:
        """Read rows that follow a shared prefix, with room for `room` more tokens each. All may be empty, to be extended."""
        ...


class FastForward:
    def __init__(self, decoder: Decoder, weights: Weights | None = None) -> None:
        self.vocabulary = len(decoder.head)
        self.decoder, self.view = decoder, FROZEN
        if weights is not None:
            with torch.no_grad():
                self.decoder, view = weights.to(decoder.device).apply(decoder)
                self.view = FusedLoraView(view) if type(view) is LoraView else view
        self.together: Hashable = self.decoder if LoraSeats.takes(self.view) else self

    @torch.no_grad()
    def read(
        self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int, known: Tensor | None = None
    ) -> "FastReading":
        """`known`: of the prefix, what `FastReading.known` gave of a row of this forward that begins with it."""
        return FastReading(self.decoder, self.view, prefix, rows, room, known)


class FastReading:
    """Keys and values, in one tensor each: of the prefix [2, layers, kv heads, P, d], and of the rows [2, layers, rows or more,
    kv heads, slots, d]."""

    def __init__(
        self,
        decoder: Decoder,
        view: AdapterView,
        prefix: Sequence[int],
        rows: Sequence[Sequence[int]],
        room: int,
        known: Tensor | None = None,
    ) -> None:
        self._decoder, self._view, self._prefix = decoder, view, view.virtual + len(prefix)
        self._before = self._empty(self._prefix) if known is None else known
        if self._prefix and known is None:
            self._read_prefix(prefix)
        self._kept = self._empty(len(rows), max(map(len, rows), default=0) + room)
        self._filled = torch.zeros(len(rows), dtype=torch.long, device=decoder.device)
        self.logits = torch.zeros(0, len(decoder.head), device=decoder.device)
        if any(rows):
            self.extend(rows)

    def _empty(self, *sizes: int) -> Tensor:
        """Keys and values of nothing yet: [2, layers, …, kv heads, slots, d], `sizes` being what `…` is, and `slots`."""
        decoder = self._decoder
        *rows, slots = sizes
        shape = (2, len(decoder.layers), *rows, decoder.kv_heads, slots, decoder.head_dim)
        return torch.zeros(shape, dtype=decoder.dtype, device=decoder.device)

    @torch.no_grad()
    def extend(self, rows: Sequence[Sequence[int]]) -> None:
        hidden = self._follow(rows)
        self._filled += self._placed(np.array([len(row) for row in rows]))
        self.logits = self._decoder.logits(torch.stack([states[-1] for states in hidden])).float()

    def keep(self, rows: Sequence[int]) -> None:
        index = torch.tensor(rows, dtype=torch.long, device=self._decoder.device)
        self._filled, self.logits = self._filled[index], self.logits[index]
        to = (index != torch.arange(len(rows), device=index.device)).nonzero()[:, 0]
        self._kept[:, :, to] = self._kept[:, :, index[to]]

    @torch.no_grad()
    def known(self, row: int) -> Tensor:
        """Keys and values of all that the row has read, virtual tokens included: [2, layers, kv heads, tokens, d], a copy."""
        return torch.cat((self._before, self._kept[:, :, row, :, : int(self._filled[row])]), dim=3)

    @torch.no_grad()
    def trie_logprobs(self, trie: LabelTrie) -> NDArray[np.float64]:
        descent = Descent(trie, _chosen(self.logits, trie.tokens[trie.children[-1:]].repeat(len(self.logits), 0)))
        ancestors = trie.ancestor_mask()
        read = [list[int]() for _ in self.logits]  # of each row the nodes, in the order of their slots
        while (frontier := descent.frontier()).any():
            rows = np.flatnonzero(frontier.any(1))
            behind = np.array([len(read[row]) for row in rows])
            new = rectangle([np.flatnonzero(frontier[row]).tolist() for row in rows])
            for row, below in zip(rows, new, strict=True):
                read[row] += below[below >= 0].tolist()
            known = rectangle([read[row] for row in rows])
            sees = ancestors[new[:, :, None], known[:, None]] & (known >= 0)[:, None]
            asked = trie.tokens[new], new >= 0, trie.depth[new], sees, rows, behind
            hidden = self._read(*map(self._placed, asked))
            line, nodes = np.repeat(rows, (new >= 0).sum(1)), new[new >= 0]
            for part in np.split(np.arange(len(nodes)), range(LINES, len(nodes), LINES)):
                logits = self._decoder.logits(hidden[part]).float()
                descent.tell(line[part], nodes[part], _chosen(logits, trie.tokens[trie.children[nodes[part]]]))
        return descent.logprobs

    @torch.no_grad()
    def logprobs(self, rows: Sequence[Sequence[int]]) -> list[float]:
        found = [float(wide.log_softmax(-1)[row[0]]) for wide, row in zip(self.logits, rows, strict=True)]
        if max(len(row) for row in rows) == 1:
            return found
        hidden = self._follow([row[:-1] for row in rows])
        for index, ((_, *tokens), states) in enumerate(zip(rows, hidden, strict=True)):
            if tokens:
                wide = self._decoder.logits(states).float()  # one row's: a vocabulary is wide
                found[index] += float(_of(wide, tokens))
        return found

    def _placed(self, array: NDArray[Any]) -> Tensor:
        return torch.from_numpy(array).to(self._decoder.device)

    def _follow(self, rows: Sequence[Sequence[int]]) -> tuple[Tensor, ...]:
        """Hidden states [tokens, hidden] of tokens that follow each row."""
        ids = self._placed(rectangle(rows))
        width = torch.arange(ids.shape[1], device=ids.device)
        visible = (width <= width[:, None])[None]
        every, nothing = torch.arange(len(rows), device=ids.device), torch.zeros_like(self._filled)
        hidden = self._read(ids, ids >= 0, width, visible, every, nothing)
        return torch.split(hidden, [len(row) for row in rows])

    def _read_prefix(self, prefix: Sequence[int]) -> None:
        decoder, view, P = self._decoder, self._view, self._prefix
        x = decoder.embed(torch.tensor(prefix, dtype=torch.long, device=decoder.device), view)

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor, before: KeysValues | None) -> Tensor:
            for kept, new, virtual in zip(self._before[:, index], (k, v), before or (k[:0], v[:0]), strict=True):
                kept.copy_(torch.cat((virtual, new)).transpose(0, 1))
            return causal_attention(q, k, v, before)

        decoder.hidden(x, decoder.rotary(torch.arange(P - len(x), P, device=decoder.device)), attend, view)

    def _read(self, ids: Tensor, real: Tensor, depth: Tensor, visible: Tensor, rows: Tensor, behind: Tensor) -> Tensor:
        """Hidden states of the real ones of the tokens [B, N] of some rows [B], one row's after the other's: [all, hidden].

        They come `behind` [B] others that follow what each row filled, at the positions `depth` behind that; `visible`
        [B or 1, N, M] says which of these and of themselves, M at most, each sees. Their keys and values go into the next slots,
        which `filled` counts only when the caller advances it.
        """
        decoder, P, filled = self._decoder, self._prefix, self._filled[rows]
        (B, N), M = ids.shape, visible.shape[2]
        heads, kv_heads, d = decoder.heads, decoder.kv_heads, decoder.head_dim
        group = heads // kv_heads
        positions = (P + filled[:, None] + depth)[real]
        slots = int(filled.max()) + M
        if slots > self._kept.shape[4]:  # a short row, padded to a long one's width, may reach beyond the room
            self._kept = F.pad(self._kept, (0, 0, 0, slots - self._kept.shape[4]))
        # Where a slot lies after what its row filled: negative is context, 0 … M−1 the tokens after it, beyond is empty.
        after = (torch.arange(slots, device=ids.device) - filled[:, None])[:, None]
        sees = (after < 0) | (
            visible.expand(B, N, M).gather(2, after.clamp(0, M - 1).expand(B, N, slots)) & (after < M)
        )
        blocked = ~sees[:, None, None]
        line, place = real.nonzero(as_tuple=True)
        row, slot = rows[line], (filled + behind)[line] + place
        every = len(self._filled) == B

        def attend(index: int, q: Tensor, k: Tensor, v: Tensor, _: KeysValues | None) -> Tensor:
            self._kept[0, index][row, :, slot] = k
            self._kept[1, index][row, :, slot] = v
            keys, values = self._kept[:, index, : len(self._filled), :, :slots].unbind()
            if not every:
                keys, values = keys[rows], values[rows]
            query = q.new_zeros(B, N, kv_heads, group, d)
            query[line, place] = (q * (1 / math.sqrt(d))).view(-1, kv_heads, group, d)
            query = query.permute(0, 2, 3, 1, 4).reshape(B, kv_heads, group * N, d)
            scores = (query @ keys.transpose(2, 3)).view(B, kv_heads, group, N, slots)
            scores = scores.masked_fill_(blocked, float("-inf")).view(B, kv_heads, group * N, slots)
            if P:
                shared = query.transpose(0, 1).reshape(kv_heads, B * group * N, d)
                on_prefix = torch.bmm(shared, self._before[0, index].transpose(1, 2))
                scores = torch.cat((on_prefix.view(kv_heads, B, group * N, P).transpose(0, 1), scores), dim=-1)
            weights = scores.softmax(-1)
            out = weights[..., P:] @ values
            if P:
                on_prefix = weights[..., :P].transpose(0, 1).reshape(kv_heads, B * group * N, P)
                part = torch.bmm(on_prefix, self._before[1, index])
                out = out + part.view(kv_heads, B, group * N, d).transpose(0, 1)
            return out.view(B, kv_heads, group, N, d).permute(0, 3, 1, 2, 4)[line, place].reshape(-1, heads * d)

        view = self._view.in_rows(line, place, N)
        return decoder.hidden(decoder.embed(ids[real]), decoder.rotary(positions), attend, view)


class PlainForward:
    """Any causal language model through Transformers."""

    def __init__(self, model: nn.Module, vocabulary: int) -> None:
        self.model, self.vocabulary = model, vocabulary
        self.together: Hashable = self

    def read(self, prefix: Sequence[int], rows: Sequence[Sequence[int]], room: int) -> "PlainReading":
        return PlainReading(self.model, [[*prefix, *row] for row in rows])


class PlainReading:
    """Whole rows, padded on the right and read anew at each step: slow, and right for every architecture."""

    def __init__(self, model: nn.Module, rows: list[list[int]]) -> None:
        self._model, self._rows = model, rows
        if any(rows):
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
